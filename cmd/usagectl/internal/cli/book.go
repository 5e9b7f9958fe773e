package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// addBook declares --builtin, --update and --file, which correspond to the keys of
// genai_usage::prices.
func addBook(cmd *cobra.Command) *pricing.Config {
	c := &pricing.Config{}
	cmd.Flags().StringVar(&c.Builtin, "builtin", pricing.DefaultBuiltin, "built-in book to begin with: "+strings.Join(pricing.BuiltinNames(), ", ")+" or "+pricing.NoBuiltin)
	cmd.Flags().StringVar(&c.Update, "update", "", "newer public prices above it, as usagectl prices update writes them")
	cmd.Flags().StringArrayVar(&c.Files, "file", nil, "price file laid over it; give it again for more, later ones win")
	return c
}

// bookName returns the name of a book for display: "current + ours.yaml".
func bookName(c pricing.Config) string {
	names := []string{c.Builtin}
	if c.Update != "" {
		names = append(names, filepath.Base(c.Update))
	}
	for _, f := range c.Files {
		names = append(names, filepath.Base(f))
	}
	return strings.Join(names, " + ")
}

// addReported declares --reported-cost and --max-reported-dollars. The function that it
// returns reads them into a pricer without a book.
func addReported(cmd *cobra.Command) func() (pricing.Pricer, error) {
	names := make([]string, len(pricing.ReportedCostPolicies))
	for i, p := range pricing.ReportedCostPolicies {
		names[i] = string(p)
	}
	text := cmd.Flags().String("reported-cost", string(pricing.PreferComputed), "which cost counts when the span reported one: "+strings.Join(names, ", ")+"; as the key of genai_usage")
	limit := cmd.Flags().Int64("max-reported-dollars", int64(pricing.DefaultMaxReported/usage.Dollar), "the greatest reported cost that is believed, in whole dollars; as the key of genai_usage")
	return func() (pricing.Pricer, error) {
		if !slices.Contains(names, *text) {
			return pricing.Pricer{}, fmt.Errorf("--reported-cost: found %q, must be one of %s", *text, strings.Join(names, ", "))
		}
		if highest := int64(usage.MaxCallCost / usage.Dollar); *limit < 1 || *limit > highest {
			return pricing.Pricer{}, fmt.Errorf("--max-reported-dollars: found %d, must be 1 to %d", *limit, highest)
		}
		return pricing.Pricer{Reported: pricing.ReportedCostPolicy(*text), MaxReported: usage.Money(*limit) * usage.Dollar}, nil
	}
}
