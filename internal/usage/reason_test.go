package usage

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEveryReasonStandsInTheTableOfPropertiesOnce(t *testing.T) {
	t.Parallel()
	seen := map[Reason]bool{}
	for _, r := range Reasons {
		assert.False(t, seen[r], "%s stands there twice", r)
		seen[r] = true
	}
	for r, want := range map[Reason]struct{ preventsCost, ofReading, ofBook, onlyHidden bool }{
		"":                           {},
		"of the future":              {},
		ReasonNoUsage:                {preventsCost: true, ofReading: true},
		ReasonUnknownModel:           {ofBook: true},
		ReasonCostOutOfRange:         {},
		ReasonCacheNotReported:       {ofReading: true, onlyHidden: true},
		ReasonReasoningNotReported:   {ofReading: true},
		ReasonTierFallback:           {},
		ReasonInconsistentQuantities: {ofReading: true},
	} {
		assert.Equal(t, want.preventsCost, r.PreventsCost(), r)
		assert.Equal(t, want.ofReading, r.OfReading(), r)
		assert.Equal(t, want.ofBook, r.OfBook(), r)
		assert.Equal(t, want.onlyHidden, r.OnlyHidden(), r)
	}
	assert.True(t, slices.Contains(ReasonsOfBook, ReasonNoPriceAtTime))
}
