package read

import (
	"fmt"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestLinesBeyondTheBoundLoseTheirOwnerAndNoCent holds that memory is bounded by
// what is distinguished, and that like lines are one.
func TestLinesBeyondTheBoundLoseTheirOwnerAndNoCent(t *testing.T) {
	t.Parallel()
	f := lineFold{most: 3, at: map[lineKey]int{}}
	one, hundredth := "1", "0.01"
	requests := int64(2)
	for n := range 10 {
		for range 2 {
			k := lineKey{report: bill.OpenAICosts, currency: "USD", kind: "input_text", model: "gpt-1", project: "p", apiKey: fmt.Sprintf("key_%d", n)}
			require.NoError(t, f.add(k, &one, &hundredth, &requests, []bill.Quantity{{Kind: usage.InputTextTokens, Amount: decimal.New(5, 0)}}))
		}
	}
	require.Len(t, f.out.Lines, 4)
	assert.True(t, f.out.Cut)
	for i, want := range []string{"key_0 2 0.02 4 10", "key_1 2 0.02 4 10", "key_2 2 0.02 4 10", " 14 0.14 28 70"} {
		l := f.out.Lines[i]
		assert.Equal(t, want, fmt.Sprint(l.APIKey, " ", l.Cost, " ", l.Slack, " ", l.Requests, " ", l.Quantities[0].Amount))
		assert.True(t, l.HasCost && l.HasKind && l.HasRequests && l.Kind == usage.InputTextTokens)
	}
	assert.Empty(t, f.out.Lines[3].Project)
}
