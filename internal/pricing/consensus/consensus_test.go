package consensus_test

import (
	"cmp"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/consensus"
)

// says makes a vote of a price file's row.
func says(t *testing.T, source, prices string) consensus.Vote {
	t.Helper()
	files, _, err := book.Decode(source, []byte("provider: p\nrows:\n  - {model: m, "+prices+"}\n"))
	require.NoError(t, err)
	return consensus.Vote{Source: source, Prices: consensus.Flatten(&files[0].Rows[0])}
}

func TestAPriceIsTakenWhereTwoSourcesAgree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prices  []string
		origins []string // whose data each is, when not its own
		want    string   // the row, empty when the model is left out
		trust   string   // its confidence, high when empty
		why     []string
	}{
		"two agree, in different units": {
			prices: []string{"per_1m_tokens: {input: 2.50, output: 10}", "per_1k_tokens: {input: 0.0025, output: 0.01}"},
			want:   "per_1m_tokens: {input: 2.50, output: 10}",
		},
		"one alone": {
			prices: []string{"per_1m_tokens: {input: 2.50, output: 10}"},
			want:   "per_1m_tokens: {input: 2.50, output: 10}",
			trust:  "low",
		},
		"a tool fee alone is no price of a model": {
			prices: []string{"per_1k_calls: {web_search: 10}"},
			why:    []string{"no price of what the model does: a"},
		},
		"a majority of two against one is believed less": {
			prices: []string{"per_1m_tokens: {input: 2, output: 9}", "per_1m_tokens: {input: 2, output: 10}", "per_1m_tokens: {input: 2, output: 10}"},
			want:   "per_1m_tokens: {input: 2, output: 10}",
			trust:  "medium",
			why:    []string{"taken as 10 by majority: output: a 9, b 10, c 10"},
		},
		"two disagree": {
			prices: []string{"per_1m_tokens: {input: 2, output: 10}", "per_1m_tokens: {input: 3, output: 10}"},
			why:    []string{"sources disagree: input: a 2, b 3"},
		},
		"two voices of one origin are one": {
			prices:  []string{"per_1m_tokens: {input: 2, output: 10}", "per_1m_tokens: {input: 2, output: 10}"},
			origins: []string{"catalogue", "catalogue"},
			want:    "per_1m_tokens: {input: 2, output: 10}",
			trust:   "low",
		},
		"one origin does not outvote another by saying it twice": {
			prices:  []string{"per_1m_tokens: {input: 3}", "per_1m_tokens: {input: 2}", "per_1m_tokens: {input: 2}"},
			origins: []string{"", "catalogue", "catalogue"},
			why:     []string{"sources disagree: input: a 3, b 2, c 2"},
		},
		"a majority": {
			prices: []string{"per_1m_tokens: {input: 3, output: 10}", "per_1m_tokens: {input: 2, output: 10}", "per_1m_tokens: {input: 2, output: 10}"},
			want:   "per_1m_tokens: {input: 2, output: 10}",
			trust:  "medium",
			why:    []string{"taken as 2 by majority: input: a 3, b 2, c 2"},
		},
		"two against two": {
			prices: []string{"per_1m_tokens: {input: 2}", "per_1m_tokens: {input: 2}", "per_1m_tokens: {input: 3}", "per_1m_tokens: {input: 3}"},
			why:    []string{"sources disagree: input: a 2, b 2, c 3, d 3"},
		},
		"a detail of one source": {
			prices: []string{"per_1m_tokens: {input: 2, cache_read: 0.2, output: 10}", "per_1m_tokens: {input: 2, output: 10}"},
			want:   "per_1m_tokens: {input: 2, cache_read: 0.20, output: 10}",
		},
		"a detail they disagree about": {
			prices: []string{"per_1m_tokens: {input: 2, cache_read: 0.2, output: 10}", "per_1m_tokens: {input: 2, cache_read: 1, output: 10}"},
			want:   "per_1m_tokens: {input: 2, output: 10}",
			why:    []string{"sources disagree: cache_read: a 0.2, b 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var votes []consensus.Vote
			for i, prices := range c.prices {
				v := says(t, string(rune('a'+i)), prices)
				if c.origins != nil {
					v.Origin = c.origins[i]
				}
				votes = append(votes, v)
			}
			row, why := consensus.Decide("m", votes)
			assert.Equal(t, c.why, why)
			if c.want == "" {
				assert.Nil(t, row)
				return
			}
			require.NotNil(t, row)
			assert.Equal(t, cmp.Or(c.trust, "high"), row.Confidence)
			want := says(t, "want", c.want)
			got := consensus.Flatten(row)
			require.Len(t, got, len(want.Prices))
			for p, price := range want.Prices {
				assert.Equal(t, consensus.PerUnit(price), consensus.PerUnit(got[p]), p.String())
			}
		})
	}
}

func TestHalfPricesBecomeAMultiplier(t *testing.T) {
	t.Parallel()
	v := says(t, "a", "per_1m_tokens: {input: 2, cache_read: 0.5, output: 10}, service_tiers: {batch: {per_1m_tokens: {input: 1, output: 5}}, flex: {per_1m_tokens: {input: 1, output: 6}}}")
	row, _ := consensus.Decide("m", []consensus.Vote{v, v})
	require.Len(t, row.ServiceTiers, 2)
	require.NotNil(t, row.ServiceTiers[0].Times, "batch")
	assert.True(t, row.ServiceTiers[0].Times.Equal(decimal.RequireFromString("0.5")))
	assert.Nil(t, row.ServiceTiers[1].Times, "flex is not half for output")
}
