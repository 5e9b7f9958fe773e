package pricing_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
)

const docsIntro = `# Prices

<!-- Written by a test: UPDATE_GOLDEN=1 go test ./internal/pricing -run TestPricesPage -->

What the built-in book ` + "`current`" + ` knows, where its prices come from, and what was left out and
why. How a price file is written is in
[internal/pricing/testdata/cases/README.md](../internal/pricing/testdata/cases/README.md) by example
and in [internal/pricing/book/schema.json](../internal/pricing/book/schema.json) for editors;
` + "`usagectl prices explain`" + ` shows how one call is priced.

## Where prices come from

Researched rows stand first (tools/pricebook/curated, each with its source). Everything else is
taken from BerriAI/litellm, pydantic/genai-prices, anomalyco/models.dev and Portkey-AI/models, all
under the MIT licence, by tools/pricebook:

- The price of a model is taken when two sources agree on it and no equal number of sources says
  otherwise; when a majority overrules one source, that is listed below.
- A detail (cache, service tier, context tier, region) may come from one source when no other
  contradicts; when they contradict one another, the detail is left out. A call that needs it is
  billed at the parent's rate and marked as estimated.
- A price of 0 in these files stands for plans and for what nobody filled in; it is never a fact.
- A price that looks like a slip (the checks are in internal/pricing/book/check.go) is left out.

What one source alone knows is not in the book. To use it, name the file in the configuration
(` + "`prices: {files: [model_prices_and_context_window.json]}`" + `), or write a row of your own.

`

// TestPricesPage writes docs/prices.md: what the book knows, and what was left
// out and why.
func TestPricesPage(t *testing.T) {
	t.Parallel()
	book, err := pricing.Builtin("current")
	require.NoError(t, err)
	var page strings.Builder
	page.WriteString(docsIntro)

	type count struct{ names, rows, dated int }
	counts := map[string]*count{}
	seen := map[string]bool{}
	for _, r := range book.Rows() {
		c := counts[r.Provider]
		if c == nil {
			c = &count{}
			counts[r.Provider] = c
		}
		c.rows++
		if !seen[r.Provider+"\x00"+r.Name] {
			seen[r.Provider+"\x00"+r.Name] = true
			c.names++
		}
		if !r.Span.From.IsZero() || !r.Span.Until.IsZero() {
			c.dated++
		}
	}
	page.WriteString("## What the book knows\n\n| provider | models | rows | of these with a date |\n|---|---:|---:|---:|\n")
	total := count{}
	for _, p := range slices.Sorted(maps.Keys(counts)) {
		c := counts[p]
		fmt.Fprintf(&page, "| `%s` | %d | %d | %d |\n", p, c.names, c.rows, c.dated)
		total.names, total.rows, total.dated = total.names+c.names, total.rows+c.rows, total.dated+c.dated
	}
	fmt.Fprintf(&page, "| all | %d | %d | %d |\n\n", total.names, total.rows, total.dated)
	writeLeftOut(t, &page)
	golden.Equal(t, "../../docs/prices.md", page.String())
}

func writeLeftOut(t *testing.T, page *strings.Builder) {
	t.Helper()
	content, err := os.ReadFile("testdata/left_out.tsv")
	require.NoError(t, err)
	const alone = "known to one source alone: "
	single := map[string]map[string][]string{}
	other := map[string][]string{}
	var hosts []string
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(strings.TrimSpace(line), "\t")
		require.Len(t, cells, 3, line)
		provider, model, why := cells[0], cells[1], cells[2]
		if rest, ok := strings.CutPrefix(why, alone); ok {
			source, price, _ := strings.Cut(rest, " (")
			if single[provider] == nil {
				single[provider] = map[string][]string{}
			}
			text := "`" + model + "`"
			if price != "" {
				text += " " + strings.NewReplacer("input ", "", "output ", "", ", ", "/", ")", "").Replace(price)
			}
			single[provider][source] = append(single[provider][source], text)
			continue
		}
		if model == "*" {
			hosts = append(hosts, "`"+provider+"`: "+why)
			continue
		}
		other[provider] = append(other[provider], "- `"+model+"`: "+why)
	}
	page.WriteString("## Where sources disagree\n\nWhat was left out, and where a majority or research overruled a source. Prices are per million\ntokens unless the source says otherwise.\n")
	for _, p := range slices.Sorted(maps.Keys(other)) {
		fmt.Fprintf(page, "\n### %s\n\n%s\n", p, strings.Join(other[p], "\n"))
	}
	page.WriteString("\n## Providers known to one source alone\n\n")
	for _, h := range hosts {
		page.WriteString("- " + h + "\n")
	}
	page.WriteString("\n## Known to one source alone\n\nInput and output per million tokens, where the source has them.\n")
	for _, p := range slices.Sorted(maps.Keys(single)) {
		fmt.Fprintf(page, "\n### %s, one source\n\n", p)
		for _, source := range slices.Sorted(maps.Keys(single[p])) {
			fmt.Fprintf(page, "- %s: %s\n", source, strings.Join(single[p][source], ", "))
		}
	}
}
