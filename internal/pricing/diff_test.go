package pricing_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
)

func TestDiffListsWhatIsPricedDifferently(t *testing.T) {
	t.Parallel()
	older, err := pricing.Parse("older.yaml", []byte(`
provider: p
rows:
  - {model: same, per_1k_tokens: {input: 0.001}}
  - {model: gone, per_1m_tokens: {input: 1}}
  - {model: cut, per_1m_tokens: {input: 2, output: 8}, service_tiers: {batch: {times: 0.5}}}
`))
	require.NoError(t, err)
	newer, err := pricing.Parse("newer.yaml", []byte(`
provider: p
rows:
  - {model: same, per_1m_tokens: {input: 1}}
  - {model: cut, until: 2026-01-01, per_1m_tokens: {input: 2, output: 8}, service_tiers: {batch: {times: 0.5}}}
  - {model: cut, from: 2026-01-01, per_1m_tokens: {input: 1, cache_read: 0.1, output: 8}, service_tiers: {batch: {times: 0.5}}}
`))
	require.NoError(t, err)
	assert.Equal(t, []pricing.Change{
		{Provider: "p", Name: "cut", Item: "input", Unit: "per_1m_tokens", Old: "2", New: "1"},
		{Provider: "p", Name: "cut", Item: "cache_read", Unit: "per_1m_tokens", New: "0.1"},
		{Provider: "p", Name: "cut", Part: "tier batch", Item: "input", Unit: "per_1m_tokens", Old: "1", New: "0.5"},
		{Provider: "p", Name: "cut", Part: "tier batch", Item: "cache_read", Unit: "per_1m_tokens", New: "0.05"},
		{Provider: "p", Name: "gone", Item: "input", Unit: "per_1m_tokens", Old: "1"},
	}, pricing.Diff(older, newer, at))
	assert.Len(t, pricing.Diff(older, newer, at.AddDate(-1, 0, 0)), 1, "before the cut")
	assert.Empty(t, pricing.Diff(older, older, at))
}
