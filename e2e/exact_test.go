package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/replay"
)

// openAI2024 is the price list of the book openai-2024 as its customers know
// it, dollars for 1,000 tokens of input and output. It stands here a second
// time on purpose: the test calculates the bill without any code of ours.
var openAI2024 = map[string][2]string{
	"gpt-4o":        {"0.005", "0.015"},
	"gpt-4o-mini":   {"0.00015", "0.0006"},
	"gpt-4-turbo":   {"0.01", "0.03"},
	"gpt-4":         {"0.03", "0.06"},
	"gpt-3.5-turbo": {"0.0005", "0.0015"},
}

// openAIUsage is the usage object of OpenAI's answers, of both APIs.
type openAIUsage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	InputTokens      int64 `json:"input_tokens"`
	OutputTokens     int64 `json:"output_tokens"`
}

func (u openAIUsage) input() int64  { return u.PromptTokens + u.InputTokens }
func (u openAIUsage) output() int64 { return u.CompletionTokens + u.OutputTokens }

func TestCapturesOfTheOpenAIInstrumentationAreBilledToTheLastDigit(t *testing.T) {
	t.Parallel()
	captures, err := replay.Builtin()
	require.NoError(t, err)
	pool, dsn := newDatabase(t)
	c := start(t, configuration{processor: "    prices: {builtin: openai-2024}"}.String(), dsn)

	type call struct {
		capture string
		model   string
		usage   openAIUsage
	}
	bySpan := map[string]call{} // by response id
	for seed, capture := range captures {
		if !strings.HasPrefix(capture.Library, "otel-instrumentation-openai-") {
			continue
		}
		require.Equal(t, len(capture.Truth.Calls), capture.Truth.BillableCalls)
		td, err := capture.Replay(replay.Options{At: time.Now().Add(-time.Hour), Seed: uint64(seed), User: "ada"})
		require.NoError(t, err)
		n := 0
		for _, resource := range td.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					// The captured spans stand in the order of the calls, one for each.
					truth := capture.Truth.Calls[n]
					n++
					id := span.TraceID().String() + ":" + span.SpanID().String()
					if responseID, ok := span.Attributes().Get("gen_ai.response.id"); ok {
						id = responseID.Str()
					}
					var usage openAIUsage
					require.NoError(t, json.Unmarshal(truth.Usage, &usage))
					bySpan[id] = call{capture.Case, truth.ModelRequested, usage}
				}
			}
		}
		require.Equal(t, capture.Truth.BillableCalls, n, capture.Case)
		send := c.sendGRPC
		if seed%2 == 1 {
			send = c.sendHTTP
		}
		require.NoError(t, send(td))
	}
	require.NotEmpty(t, bySpan)
	waitForRows(t, pool, int64(len(bySpan)))

	rows, err := pool.Query(t.Context(), `
		SELECT request_id, coalesce(input_tokens, 0), coalesce(output_tokens, 0), coalesce(tokens_used, 0), usage_dollars::text, pricing_status, coalesce(pricing_reason, '')
		FROM public.api_usage`)
	require.NoError(t, err)
	defer rows.Close()
	total := decimal.Zero
	for rows.Next() {
		var (
			id, dollars, status, reason string
			input, output, tokens       int64
		)
		require.NoError(t, rows.Scan(&id, &input, &output, &tokens, &dollars, &status, &reason))
		truth, ok := bySpan[id]
		require.True(t, ok, "row %s belongs to no captured call", id)
		got, err := decimal.NewFromString(dollars)
		require.NoError(t, err)
		total = total.Add(got)
		if truth.capture == "chat_stream_nousage" {
			// The provider billed this call, but the span says nothing of tokens.
			assert.Equal(t, []any{int64(0), "0", "unpriced", "no_usage"}, []any{tokens, got.String(), status, reason}, truth.capture)
			continue
		}
		assert.Equal(t, truth.usage.input(), input, truth.capture)
		assert.Equal(t, truth.usage.output(), output, truth.capture)
		assert.Equal(t, truth.usage.input()+truth.usage.output(), tokens, truth.capture)
		price, known := openAI2024[truth.model]
		if !known {
			assert.Equal(t, []any{"0", "unpriced", "unknown_model"}, []any{got.String(), status, reason}, "%s: %s is not in the book", truth.capture, truth.model)
			continue
		}
		want := decimal.RequireFromString(price[0]).Mul(decimal.New(input, 0)).
			Add(decimal.RequireFromString(price[1]).Mul(decimal.New(output, 0))).Shift(-3)
		assert.Equal(t, want.String(), got.String(), truth.capture)
		assert.Equal(t, "priced", status, "%s: %s", truth.capture, reason)
	}
	require.NoError(t, rows.Err())
	requireRollupsEqualRows(t, pool)

	status, answer := c.get("/api/admin/usage", "")
	require.Equal(t, 200, status, answer)
	current := answer["current"].(map[string]any)
	assert.True(t, total.Equal(decimal.RequireFromString(current["totalCost"].(json.Number).String())), "API says %s, the rows say %s", current["totalCost"], total)
}
