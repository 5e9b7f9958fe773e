package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func TestExplainShowsHowTheCostOfAStoredCallCameAbout(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	const spanOnly = "0102030405060708090a0b0c0d0e0f10:0102030405060708"
	byResponse := usage.IDFromResponse("openai", "chatcmpl-1").String()
	bySpan := usage.IDFromSpan([16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, [8]byte{1, 2, 3, 4, 5, 6, 7, 8}).String()
	db.Exec(`INSERT INTO public.api_usage (id, timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens, pricing_status, pricing_reason, cost_source, price_id, request_id) VALUES
		('` + byResponse + `', '2026-01-02T10:00Z', 0.0035, 'text', 'gpt-4o-2024-08-06', 'openai', 1100, 1000, 100, 'priced', NULL, 'computed', 'openai/gpt-4o', 'chatcmpl-1'),
		('` + bySpan + `', '2026-01-02T10:00Z', 5, 'text', 'gpt-4', 'openai', NULL, NULL, NULL, 'priced', NULL, 'computed', NULL, '` + spanOnly + `')`)

	for _, id := range []string{byResponse, "chatcmpl-1"} {
		out, err := on(t, db.DSN, "explain", id)
		require.NoError(t, err)
		assert.Contains(t, out, "stored call "+byResponse)
		assert.Contains(t, out, "cost 0.0035 USD, priced\n  cost source: computed\n  price row: openai/gpt-4o\n")
		assert.Contains(t, out, "builtin: gpt-4o-2024-08-06 at openai (model): found gpt-4o-2024-08-06")
		assert.Contains(t, out, "input_text 1000 × 2.5 per_1m_tokens = 0.0025")
		assert.Contains(t, out, "leave it as it is")
	}
	out, err := on(t, db.DSN, "explain", "chatcmpl-1", "--file", writeFile(t, "ours.yaml", "provider: openai\nrows:\n  - {model: gpt-4o, per_1m_tokens: {input: 1, output: 1}, source: contract}\n"))
	require.NoError(t, err)
	assert.Contains(t, out, "contract: gpt-4o-2024-08-06 at openai")
	assert.Contains(t, out, "usagectl reprice would make it cost 0.0011 USD, priced")

	out, err = on(t, db.DSN, "explain", spanOnly)
	require.NoError(t, err)
	assert.Contains(t, out, "it cannot be priced again: the row stores no quantities")
	out, err = on(t, db.DSN, "explain", "chatcmpl-1", "--json")
	require.NoError(t, err)
	assert.Contains(t, out, `"price_id": "openai/gpt-4o-2024-08-06@2024-10-01"`)

	db.Exec(`INSERT INTO public.api_usage (id, timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens, pricing_status, cost_source, request_id, metadata) VALUES
		('11111111-1111-5111-8111-111111111111', '2026-11-02T10:00Z', 0.0002, 'text', 'gpt-4.1-mini', 'azure.ai.openai', 1100, 1000, 100, 'priced', 'computed', 'chatcmpl-router', '{"request_model": "model-router"}')`)
	out, err = on(t, db.DSN, "explain", "11111111-1111-5111-8111-111111111111")
	require.NoError(t, err)
	assert.Contains(t, out, "and for choosing the model\n")
	assert.Contains(t, out, "model-router at azure.ai.openai (model): found model-router")
	for _, id := range []string{"chatcmpl-2", "00000000-0000-0000-0000-000000000001", "x:y"} {
		_, err = on(t, db.DSN, "explain", id)
		assert.ErrorContains(t, err, "no stored call has this id")
	}
}
