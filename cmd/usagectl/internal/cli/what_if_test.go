package cli

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestWhatIfOfStoredCalls reckons by the prices of the built-in book: gpt-4o costs $2.50 and
// $10 for a million tokens of input and output, $1.25 cached; gpt-4o-mini $0.15 and $0.60.
func TestWhatIfOfStoredCalls(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, service, pricing_status, pricing_reason, input_tokens, output_tokens, cache_read_tokens, tokens_used)
		SELECT '2026-01-15T12:00Z', d, 'text', m, 'openai', s, st, r, i, o, 0, i + o
		FROM (VALUES (12.5, 'gpt-4o', 'shop', 'priced', NULL, 1000000, 1000000), (2.5, 'gpt-4o', 'search', 'priced', NULL, 1000000, 0),
		             (0.15, 'gpt-4o-mini', 'shop', 'priced', NULL, 1000000, 0), (0, 'never-heard-of', 'shop', 'unpriced', 'unknown_model', 5, 5)) AS v (d, m, s, st, r, i, o)`)
	ask := func(args ...string) (w outlook.WhatIf) {
		t.Helper()
		out, err := on(t, db.DSN, append([]string{"what-if", "--from", "2026-01-01", "--to", "2026-01-31", "--json"}, args...)...)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal([]byte(out), &w))
		return w
	}
	for _, c := range []struct {
		args         []string
		cost, whatIf string
		changed      int64
	}{
		{[]string{"--model", "gpt-4o=gpt-4o-mini"}, "15.15", "1.05", 2},
		{[]string{"--model", "gpt-4o=gpt-4o-mini", "--service", "search"}, "2.5", "0.15", 1},
		{[]string{"--model", "gpt-4o=gpt-4o-mini", "--provider", "anthropic"}, "0", "0", 0},
		{[]string{"--tier", "batch"}, "15.15", "7.575", 3},
		{[]string{"--cache", "50%", "--model", "gpt-4o-mini=gpt-4o"}, "15.15", "16.875", 1},
		{[]string{"--discount", "10%"}, "15.15", "13.635", 3},
	} {
		w := ask(c.args...)
		assert.Equal(t, c.cost, w.Cost.String(), "%v", c.args)
		assert.Equal(t, c.whatIf, w.WhatIf.String(), "%v", c.args)
		assert.Equal(t, c.changed, w.Changed, "%v", c.args)
		assert.Equal(t, w.WhatIf.Minus(w.Cost).String(), w.Difference.String())
	}
	assert.EqualValues(t, 1, ask("--discount", "10%").Unpriced)
	unknown := ask("--model", "gpt-4o=gpt-none")
	assert.EqualValues(t, 2, unknown.Unknown, "what has no price is in neither sum")
	assert.Equal(t, "0.15 0.15 15", unknown.Cost.String()+" "+unknown.WhatIf.String()+" "+unknown.UnknownCost.String())

	out, err := on(t, db.DSN, "what-if", "--from", "2026-01-01", "--to", "2026-01-31", "--model", "gpt-4o=gpt-4o-mini")
	require.NoError(t, err)
	assert.Regexp(t, `openai +gpt-4o +2 +2 +15 +0\.9 +-14\.1`, out)
	assert.Regexp(t, `total +3 +2 +15\.15 +1\.05 +-14\.1`, out)
	assert.Contains(t, out, "1 call without a known cost today, in no sum")
}

func TestWhatIfRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "nothing is changed: set --model, --tier, --cache or --discount"},
		{[]string{"--model", "gpt-4o"}, `--model: found "gpt-4o", must be one model and another`},
		{[]string{"--model", "a=b", "--model", "a=c"}, "--model: a is to be both b and c"},
		{[]string{"--to-provider", "openai", "--tier", "batch"}, "set --model too"},
		{[]string{"--cache", "0.8"}, "--cache: found"},
		{[]string{"--discount", "110%"}, "--discount: found"},
		{[]string{"--model", "gpt-4o=gpt-4o-min", "--to-provider", "openai"}, `no model "gpt-4o-min"`},
		{[]string{"--tier", "batch", "--from", "soon"}, "--from: found"},
	} {
		_, err := on(t, "postgres://127.0.0.1:1/usage", append([]string{"what-if"}, c.args...)...)
		require.ErrorContains(t, err, c.says)
	}
}
