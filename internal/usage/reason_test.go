package usage

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryReasonHasPropertiesAndADescription compares the constants of reason.go
// with the table of properties below them, and with the table that users read.
func TestEveryReasonHasPropertiesAndADescription(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("reason.go")
	require.NoError(t, err)
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	require.NoError(t, err)
	words := func(text []byte, pattern string) (list []Reason) {
		for _, found := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
			list = append(list, Reason(found[1]))
		}
		return list
	}
	assert.ElementsMatch(t, words(source, `Reason = "(\w+)"`), Reasons, "the constants, and the table of properties")
	assert.ElementsMatch(t, Reasons, words(page, "(?m)^\\| (?:unpriced|estimated|estimated, unpriced) \\| `(\\w+)` \\|"), "the reasons, and docs/troubleshooting.md")
}

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
