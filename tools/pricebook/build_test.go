package main

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// says makes a vote of a price file's row.
func says(t *testing.T, source, prices string) vote {
	t.Helper()
	files, _, err := book.Decode(source, []byte("provider: p\nrows:\n  - {model: m, "+prices+"}\n"))
	require.NoError(t, err)
	return vote{source, flatten(&files[0].Rows[0])}
}

func TestAPriceIsTakenWhereTwoSourcesAgree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prices []string
		want   string // the row, empty when the model is left out
		why    []string
	}{
		"two agree, in different units": {
			prices: []string{"per_1m_tokens: {input: 2.50, output: 10}", "per_1k_tokens: {input: 0.0025, output: 0.01}"},
			want:   "per_1m_tokens: {input: 2.50, output: 10}",
		},
		"one alone": {
			prices: []string{"per_1m_tokens: {input: 2.50, output: 10}"},
			why:    []string{"known to one source alone: a (input 2.5, output 10)"},
		},
		"two disagree": {
			prices: []string{"per_1m_tokens: {input: 2, output: 10}", "per_1m_tokens: {input: 3, output: 10}"},
			why:    []string{"sources disagree: input: a 2, b 3"},
		},
		"a majority": {
			prices: []string{"per_1m_tokens: {input: 3, output: 10}", "per_1m_tokens: {input: 2, output: 10}", "per_1m_tokens: {input: 2, output: 10}"},
			want:   "per_1m_tokens: {input: 2, output: 10}",
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
			var votes []vote
			for i, prices := range c.prices {
				votes = append(votes, says(t, string(rune('a'+i)), prices))
			}
			row, why := decide("m", votes)
			assert.Equal(t, c.why, why)
			if c.want == "" {
				assert.Nil(t, row)
				return
			}
			require.NotNil(t, row)
			want := says(t, "want", c.want)
			got := flatten(row)
			require.Len(t, got, len(want.prices))
			for p, price := range want.prices {
				assert.Equal(t, perUnit(price), perUnit(got[p]), p.String())
			}
		})
	}
}

func TestHalfPricesBecomeAMultiplier(t *testing.T) {
	t.Parallel()
	v := says(t, "a", "per_1m_tokens: {input: 2, cache_read: 0.5, output: 10}, service_tiers: {batch: {per_1m_tokens: {input: 1, output: 5}}, flex: {per_1m_tokens: {input: 1, output: 6}}}")
	row, _ := decide("m", []vote{v, v})
	require.Len(t, row.ServiceTiers, 2)
	require.NotNil(t, row.ServiceTiers[0].Times, "batch")
	assert.True(t, row.ServiceTiers[0].Times.Equal(decimal.RequireFromString("0.5")))
	assert.Nil(t, row.ServiceTiers[1].Times, "flex is not half for output")
}

func TestResearchedRowsStandAboveAllSources(t *testing.T) {
	t.Parallel()
	files, _, err := book.Decode("curated", []byte("provider: p\nrows:\n  - {model: m, per_1m_tokens: {input: 2}, source: page}\n"))
	require.NoError(t, err)
	row := func(input string) map[string]map[string]book.Row {
		parts, _, err := book.Decode("x", []byte("provider: p\nrows:\n  - {model: m, per_1m_tokens: {input: "+input+"}}\n"))
		require.NoError(t, err)
		return map[string]map[string]book.Row{"p": {"m": parts[0].Rows[0]}}
	}
	r := build([]source{{"a", row("3")}, {"b", row("3")}}, map[string]*book.File{"p": files[0]})
	require.Len(t, r.files, 1)
	require.Len(t, r.files[0].Rows, 1)
	assert.Equal(t, "2", r.files[0].Rows[0].Prices[0].Amount.String())
	assert.Equal(t, []omission{
		{"p", "m", "researched price 2 of input, where a has 3"},
		{"p", "m", "researched price 2 of input, where b has 3"},
	}, r.leftOut)
}
