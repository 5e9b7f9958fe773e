package pricing_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestSeveralCallsCostWhatTheyCostOneByOne adds up the calls of every model of the built-in
// book, with a discount that leaves parts of a picodollar.
func TestSeveralCallsCostWhatTheyCostOneByOne(t *testing.T) {
	t.Parallel()
	b, err := pricing.Builtin("current")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // the same on every run
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	kinds := []usage.QuantityKind{usage.InputTextTokens, usage.CacheReadTokens, usage.CacheWrite5mTokens, usage.OutputTextTokens, usage.OutputReasoningTokens, usage.Images, usage.Characters}
	certain, thresholds := 0, b.Thresholds()
	for _, row := range b.Rows() {
		all := pricing.Call{Provider: row.Provider, Model: row.Name, At: at, ServiceTier: []string{"", "batch", "flex"}[r.IntN(3)]}
		// Between two thresholds: nothing of a call but its input decides its tier.
		input, next := int64(0), thresholds[0]
		if place := r.IntN(len(thresholds)); place > 0 {
			input, next = thresholds[place-1], thresholds[place]
		}
		var one usage.Sum
		priced := true
		kind := kinds[1+r.IntN(len(kinds)-1)]
		const calls = 3
		for range calls {
			c := all
			c.Quantities[usage.InputTextTokens], c.Quantities[kind] = input, 1+r.Int64N(9)
			if rest := next - 1 - c.Quantities.InputTokens(); rest > 0 {
				c.Quantities[usage.InputTextTokens] += r.Int64N(rest)
			} else {
				c.Quantities[kind] = 0
			}
			for k, n := range c.Quantities {
				all.Quantities[k] += n
			}
			price := b.Price(&c)
			one, priced = one.Plus(usage.SumOf(price.Cost)), priced && price.Status == usage.StatusPriced
		}
		sum, ok := b.Several(&all, calls, input)
		switch {
		case ok && !priced:
			t.Errorf("%s %s: several calls have a certain price, each of them has none", row.Provider, row.Name)
		case ok:
			certain++
			if off := sum.Minus(one).Decimal().Abs().Shift(12); off.IntPart() > calls {
				t.Errorf("%s %s: several calls cost %s, one by one %s", row.Provider, row.Name, sum, one)
			}
		}
	}
	if certain < 500 {
		t.Errorf("only %d models were compared", certain)
	}
}

// TestSeveralCallsWithoutOnePrice are those whose sum says nothing about each.
func TestSeveralCallsWithoutOnePrice(t *testing.T) {
	t.Parallel()
	const file = `
provider: openai
rows:
  - model: %s
    per_1m_tokens: {input: 1}
    %s
    source: a test
`
	for _, c := range []struct {
		more, tier string
		want       string
	}{
		{"", "", "2.000002 true"},
		{"per_request: 0.5", "", "3.500002 true"},
		{"", "batch", "0 false"},
		{`confidence: low`, "", "0 false"},
		{`hours: {"16:30-00:30": {times: 0.5}}`, "", "0 false"},
		{"context_tiers: [{above: 999999, per_1m_tokens: {input: 2}}]", "", "4.000004 true"},
	} {
		b, err := pricing.Parse("test.yaml", fmt.Appendf(nil, file, "m", c.more))
		if err != nil {
			t.Fatal(err)
		}
		call := pricing.Call{Provider: "openai", Model: "m", At: time.Now(), ServiceTier: c.tier, Quantities: usage.Quantities{usage.InputTextTokens: 2_000_002}}
		sum, ok := b.Several(&call, 3, 1_000_000)
		if got := fmt.Sprint(sum, ok); got != c.want {
			t.Errorf("%q: got %s, want %s", c.more, got, c.want)
		}
	}
}

func TestUndated(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"gpt-4o-2024-05-13": "gpt-4o", "gpt-4o": "", "claude-sonnet-4-5-20250929": "claude-sonnet-4-5"} {
		if got := pricing.Undated("openai", name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
