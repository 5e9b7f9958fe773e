package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

const prices = `
provider: openai
rows:
  - model: new-model
    per_1m_tokens: {input: 2.50, output: 10}
    source: contract
`

func TestADryRunShowsWhatTheRunThenDoes(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens, pricing_status, pricing_reason, cost_source) VALUES
		('2026-01-02T10:00Z', 0, 'text', 'new-model', 'openai', 1100, 1000, 100, 'unpriced', 'unknown_model', NULL),
		('2026-01-03T10:00Z', 0, 'text', 'new-model', 'openai', 1100, 1000, 100, 'unpriced', 'unknown_model', NULL),
		('2026-01-03T11:00Z', 9, 'text', 'gpt-4o', 'openai', 1100, 1000, 100, 'priced', NULL, 'computed'),
		('2026-01-03T12:00Z', 5, 'text', 'gpt-4o', 'openai', NULL, NULL, NULL, 'priced', NULL, 'computed')`)
	file := filepath.Join(t.TempDir(), "ours.yaml")
	require.NoError(t, os.WriteFile(file, []byte(prices), 0o600))
	args := []string{"reprice", "--builtin", "openai-2024", "--from", "2026-01-01", "--to", "2026-01-03", "--file", file}

	out, err := on(t, db.DSN, append(args, "--dry-run")...)
	require.NoError(t, err)
	assert.Contains(t, out, "dry run: nothing was changed")
	assert.Regexp(t, `openai +gpt-4o +1 +1 +9 +0\.0065 +-8\.9935 +0 -> 0`, out)
	assert.Regexp(t, `openai +new-model +2 +2 +0 +0\.007 +\+0\.007 +2 -> 0`, out)
	assert.Contains(t, out, "1 call is left alone: the row stores no quantities")
	assert.Equal(t, "14.000000000000", db.Text(`SELECT sum(usage_dollars)::text FROM public.api_usage`))

	out, err = on(t, db.DSN, append(args, "--only-unpriced", "--note", "contract signed", "--json")...)
	require.NoError(t, err)
	var a struct {
		Run *struct {
			ID, ChangedCalls json.Number
			NewCost          json.Number
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &a))
	require.NotNil(t, a.Run)
	assert.Equal(t, []string{"2", "0.007"}, []string{a.Run.ChangedCalls.String(), a.Run.NewCost.String()})
	assert.Equal(t, "14.007000000000", db.Text(`SELECT sum(usage_dollars)::text FROM public.usage_day`))
	assert.Equal(t, "openai-2024 + ours.yaml|contract signed|true|postgres", db.Text(`SELECT book, note, only_unpriced, requested_by FROM public.usage_reprice_run`))

	out, err = on(t, db.DSN, append(args, "--only-unpriced")...)
	require.NoError(t, err)
	assert.Contains(t, out, "nothing to change")
}

func TestAPriceIsTakenAwayOnlyWhenSomebodySaysSo(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens, pricing_status, price_id, cost_source) VALUES
		('2026-01-02T10:00Z', 0.00266, 'text', 'acme-large', 'openai', 1100, 1000, 100, 'priced', 'ours.yaml:openai/acme-large@2020-01-01', 'computed'),
		('2026-01-02T11:00Z', 0.00266, 'text', 'acme-large', 'openai', 1100, 1000, 100, 'priced', 'ours.yaml:openai/acme-large@2020-01-01', 'computed')`)
	args := []string{"reprice", "--from", "2026-01-01", "--to", "2026-01-03"}
	out, err := on(t, db.DSN, args...)
	require.ErrorContains(t, err, "2 calls have a cost, together 0.00532 USD, and would have none; 2 of them were priced by ours.yaml, which is not given; nothing was changed: add --yes to do it")
	assert.Contains(t, out, "acme-large", "it shows what would change")
	_, err = on(t, db.DSN, append(args, "--json")...)
	require.Error(t, err)
	assert.Equal(t, "0.005320000000", db.Text(`SELECT sum(usage_dollars)::text FROM public.api_usage`))
	_, err = on(t, db.DSN, append(args, "--yes")...)
	require.NoError(t, err)
	assert.Equal(t, "0.000000000000", db.Text(`SELECT sum(usage_dollars)::text FROM public.api_usage`))
}

func TestWhatIsRefusedSaysWhatIsAllowed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "--from must be set"},
		{[]string{"--from", "2026-01-01"}, "--to must be set"},
		{[]string{"--from", "2026-02-01", "--to", "2026-01-01"}, "must be a time before the end of the period, --to 2026-01-01"},
		{[]string{"--from", "yesterday", "--to", "2026-01-01"}, `--from: found "yesterday"`},
		{[]string{"--from", "2026-01-01", "--to", "2026-01-01", "--batch", "0"}, "must be 1 to 50000"},
		{[]string{"--from", "2026-01-01", "--to", "2026-01-01", "--reported-cost", "both"}, "prefer_computed, prefer_reported, computed_only"},
		{[]string{"--from", "2026-01-01", "--to", "2026-01-01", "--file", "none.yaml"}, "none.yaml"},
	} {
		_, err := on(t, "postgres://127.0.0.1:1/usage", append([]string{"reprice"}, c.args...)...)
		require.ErrorContains(t, err, c.says)
	}
	_, err := on(t, pgtest.NewEmpty(t).DSN, "reprice", "--from", "2026-01-01", "--to", "2026-01-01")
	require.ErrorContains(t, err, "usagectl migrate up")
}

func TestChangedCallsOfAnyTimeArePricedAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens, pricing_status, pricing_reason, cost_source) VALUES
		('2026-02-01T10:00Z', 0.0003, 'text', 'gemini-flash-latest', 'gcp.gemini', 1000, 1000, 0, 'priced', NULL, 'computed'),
		('2026-11-03T10:00Z', 0.0003, 'text', 'gemini-flash-latest', 'gcp.gemini', 1000, 1000, 0, 'priced', NULL, 'computed'),
		('2026-11-03T11:00Z', 0.0025, 'text', 'gpt-4o', 'openai', 1000, 1000, 0, 'priced', NULL, 'computed')`)
	out, err := on(t, db.DSN, "reprice", "--changed", "--dry-run")
	require.NoError(t, err)
	assert.Contains(t, out, "all calls")
	assert.Regexp(t, `gcp.gemini +gemini-flash-latest +2 +2 +0\.0006 +0\.002 +\+0\.0014`, out)
	assert.NotRegexp(t, `openai +gpt-4o`, out, "only what changes is shown")

	out, err = on(t, db.DSN, "reprice", "--changed", "--note", "the name had moved")
	require.NoError(t, err)
	assert.Contains(t, out, "changed 2 calls from 0.0006 to 0.002 USD")
	assert.Equal(t, "0.004500000000", db.Text(`SELECT sum(usage_dollars)::text FROM public.usage_day`))
	assert.Equal(t, "2|0.000600000000|0.002000000000", db.Text(`SELECT count(*), sum(old_dollars), sum(new_dollars) FROM public.usage_reprice_change`))
	out, err = on(t, db.DSN, "reprice", "--changed")
	require.NoError(t, err)
	assert.Contains(t, out, "nothing to change")
}

func TestACostIsNotTakenAwayUnasked(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens, pricing_status, pricing_reason, cost_source) VALUES
		('2026-11-03T10:00Z', 7, 'text', 'by-contract', 'openai', 1000, 1000, 0, 'priced', NULL, 'computed')`)
	_, err := on(t, db.DSN, "reprice", "--changed")
	require.ErrorContains(t, err, "1 call has a cost, together 7 USD, and would have none; nothing was changed")
	require.ErrorContains(t, err, "--yes")
	assert.Equal(t, "7.000000000000", db.Text(`SELECT usage_dollars::text FROM public.api_usage`))
	out, err := on(t, db.DSN, "reprice", "--changed", "--dry-run", "--json")
	require.NoError(t, err)
	assert.Contains(t, out, `"losingTheirCost": 1`)
	_, err = on(t, db.DSN, "reprice", "--changed", "--yes")
	require.NoError(t, err)
	assert.Equal(t, "unpriced", db.Text(`SELECT pricing_status FROM public.api_usage`))
}
