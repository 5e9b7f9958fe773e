package foreign

import (
	"maps"
	"slices"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

func sortedFiles(files map[string]*book.File) []string { return slices.Sorted(maps.Keys(files)) }

func findRow(f *book.File, model string) *book.Row {
	if f == nil {
		return nil
	}
	for i := range f.Rows {
		if f.Rows[i].Model == model {
			return &f.Rows[i]
		}
	}
	return nil
}

// samePrices reports whether two blocks have the same prices.
func samePrices(a, b book.Block) bool {
	return book.Equal(book.Row{Blocks: book.Blocks{Block: a}}, book.Row{Blocks: book.Blocks{Block: b}})
}
