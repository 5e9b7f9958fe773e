package pricing_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestNoRowSaysWhatNoVendorHas holds for all rows, whatever they say in `checked`:
// a long prompt is nowhere cheaper than a short one, and a cache read nowhere
// more expensive than the input.
func TestNoRowSaysWhatNoVendorHas(t *testing.T) {
	t.Parallel()
	current, err := pricing.Builtin("current")
	require.NoError(t, err)
	tiers, reads := 0, 0
	for _, r := range current.Rows() {
		base := r.Prices.Prices
		for _, long := range r.Prices.Tiers {
			for _, p := range long.Prices {
				short, ok := book.Find(base, p.Item)
				if !ok || p.IsSame() || short.IsSame() {
					continue
				}
				tiers++
				assert.False(t, p.Amount.LessThan(short.Amount), "%s at %s (%s): %s of %s %s is less than %s below it", r.Name, r.Provider, r.Span, p.Amount, p.Item, long.Label(), short.Amount)
			}
		}
		lists := [][]book.Price{base}
		for _, long := range r.Prices.Tiers {
			lists = append(lists, long.Prices)
		}
		for _, named := range [][]book.Named{r.Prices.ServiceTiers, r.Prices.Regions} {
			for _, n := range named {
				lists = append(lists, n.Prices)
			}
		}
		for _, list := range lists {
			read, ok := book.Find(list, book.Item(usage.CacheReadTokens))
			input, okInput := book.Find(list, book.Input)
			if !ok || !okInput || read.IsSame() || input.IsSame() {
				continue
			}
			reads++
			assert.False(t, read.Amount.GreaterThan(input.Amount), "%s at %s (%s): a cache read costs %s, the input %s", r.Name, r.Provider, r.Span, read.Amount, input.Amount)
		}
	}
	assert.Greater(t, tiers, 500)
	assert.Greater(t, reads, 2000)
}
