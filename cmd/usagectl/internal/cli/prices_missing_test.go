package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
)

func withUnpriced(t *testing.T) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens, cache_read_tokens,
			reasoning_tokens, audio_seconds, characters, images, other_quantities, pricing_status, pricing_reason, cost_source, metadata) VALUES
		('2026-01-02T10:00Z', 0, 'text', 'acme-large', 'acme', 1100, 1000, 100, 300, 40, NULL, NULL, NULL, '{"input_audio": 50, "web_searches": 2}', 'unpriced', 'unknown_model', NULL, '{"request_model": "acme"}'),
		('2026-01-03T10:00Z', 0, 'text', 'acme-large', 'acme', 1100, 1000, 100, NULL, NULL, NULL, NULL, NULL, '{"web_searches": 1}', 'unpriced', 'unknown_model', NULL, '{"request_model": "acme"}'),
		('2026-01-03T10:00Z', 3, 'text', 'acme-large', 'acme', 10, 5, 5, NULL, NULL, NULL, NULL, NULL, NULL, 'reported', 'unknown_model', 'reported', '{"request_model": "acme"}'),
		('2026-01-03T11:00Z', 0, 'transcription', E'evil\x1b[2J', 'acme', NULL, NULL, NULL, NULL, NULL, 12.5, 70, 2, NULL, 'unpriced', 'unknown_model', NULL, '{}'),
		('2026-01-03T11:00Z', 0, 'tts', 'whisper-1', 'openai', NULL, NULL, NULL, NULL, NULL, NULL, 300, NULL, NULL, 'unpriced', 'no_price_for_unit', NULL, '{}'),
		('2026-01-03T11:00Z', 0, 'text', 'gpt-4o', 'openai', 30, 10, 20, NULL, NULL, NULL, NULL, NULL, NULL, 'unpriced', 'no_price_at_time', NULL, '{}'),
		('2026-01-03T11:00Z', 0, 'text', 'gpt-4o', 'openai', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'unpriced', 'no_usage', NULL, '{}'),
		('2026-01-03T12:00Z', 9, 'text', 'gpt-4', 'openai', 1100, 1000, 100, NULL, NULL, NULL, NULL, NULL, NULL, 'priced', NULL, 'computed', '{}')`)
	return db
}

func TestMissingPricesSayWhatIsMissingAndDraftIt(t *testing.T) {
	t.Parallel()
	db := withUnpriced(t)
	period := []string{"--dsn", db.DSN, "--builtin", "openai-2024", "--from", "2026-01-01", "--to", "2026-01-31"}
	out, err := run(t, append([]string{"prices", "missing"}, period...)...)
	require.NoError(t, err)
	assert.NotContains(t, out, "\x1b")
	golden.Equal(t, "testdata/missing.txt", out)
	out, err = run(t, append([]string{"prices", "missing", "--json"}, period...)...)
	require.NoError(t, err)
	golden.Equal(t, "testdata/missing.json", out)
	out, err = run(t, append([]string{"prices", "missing", "--draft"}, period...)...)
	require.NoError(t, err)
	golden.Equal(t, "testdata/missing_draft.yaml", out)
	out, err = run(t, "prices", "missing", "--dsn", pgtest.New(t).DSN)
	require.NoError(t, err)
	assert.Contains(t, out, "no call lacks a price")
}

func TestADraftBecomesAPriceFileWhenItIsFilledIn(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("testdata/missing_draft.yaml")
	require.NoError(t, err)
	for i, file := range strings.Split(string(content), "---\n") {
		_, err := pricing.Parse("draft.yaml", []byte(file))
		require.Error(t, err, "a draft is refused")
		_, err = pricing.Parse("draft.yaml", []byte(strings.ReplaceAll(file, "FILL_IN", "1.5")))
		require.NoError(t, err, "file %d:\n%s", i, file)
	}
}

func TestDiffOnStoredCallsShowsDollars(t *testing.T) {
	t.Parallel()
	db := withUnpriced(t)
	file := filepath.Join(t.TempDir(), "offer.yaml")
	require.NoError(t, os.WriteFile(file, []byte("provider: openai\nrows:\n  - model: gpt-4\n    per_1m_tokens: {input: 1, output: 1}\n    source: offer\n"), 0o600))
	out, err := run(t, "prices", "diff", "--stored", "--dsn", db.DSN, "--builtin", "none", "--from", "2026-01-01", "--to", "2026-01-31", file)
	require.NoError(t, err)
	assert.Regexp(t, `openai +gpt-4 +1 +1 +9 +0\.0011 +-8\.9989`, out)
	assert.Contains(t, out, "1 call gets a price of the files\n")
	assert.Equal(t, "12.000000000000", db.Text(`SELECT sum(usage_dollars)::text FROM public.api_usage`), "it only reads")
	for _, c := range [][2]string{{"--from", "x"}, {"--reported-cost", "x"}} {
		_, err := run(t, "prices", "diff", "--stored", c[0], c[1], file)
		assert.ErrorContains(t, err, c[0])
	}
}
