package genai

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// What public reports of miscounts showed beyond the captures.

// Where nobody said what the input of a span includes, the usage object beside it does, if
// both have the same two sides.
func TestTheUsageObjectSaysWhatEqualSidesInclude(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		switch d {
		case &openInference, &openllmetry, &microsoft: // the package says it
			return
		case &mlflow: // its usage object has Anthropic's names for all
			return
		}
		if d.input != inputUnknown {
			return
		}
		exclusive := map[string]any{"gen_ai.usage.raw": `{"input_tokens":3000,"output_tokens":100,"cache_read_input_tokens":2000,"cache_creation_input_tokens":0}`}
		sides := map[fact]int64{factInput: 3000, factOutput: 100}
		call := onlyCall(t, written(d, "anthropic", "claude-sonnet-4-6", sides, exclusive))
		require.Equal(t, int64(3000), call.Quantities[usage.InputTextTokens])
		require.Equal(t, int64(2000), call.Quantities[usage.CacheReadTokens])
		require.Empty(t, call.Reason)

		call = onlyCall(t, written(d, "openai", "gpt-5.5", sides, exclusive))
		require.NotEmpty(t, call.Reason, "names of Anthropic at another provider are a doubt")

		inclusive := map[string]any{"gen_ai.usage.raw": `{"prompt_tokens":3000,"completion_tokens":100,"total_tokens":3100,"prompt_tokens_details":{"cached_tokens":2000}}`}
		call = onlyCall(t, written(d, "openai", "gpt-5.5", sides, inclusive))
		require.Equal(t, int64(1000), call.Quantities[usage.InputTextTokens])
		require.Empty(t, call.Reason)

		folded := map[fact]int64{factInput: 5000, factOutput: 100}
		call = onlyCall(t, written(d, "anthropic", "claude-sonnet-4-6", folded, exclusive))
		require.Equal(t, int64(3000), call.Quantities[usage.InputTextTokens], "other sides than the object's have another meaning")
	})
}

// The total of the object shows thoughts that equal sides leave out.
func TestTheUsageObjectSaysWhatEqualOutputLeavesOut(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		if d.output != outputUnknown {
			return
		}
		raw := map[string]any{"gen_ai.usage.raw": `{"promptTokenCount":1000,"candidatesTokenCount":100,"thoughtsTokenCount":300,"totalTokenCount":1400}`}
		call := onlyCall(t, written(d, "gcp.gemini", "gemini-2.5-flash", twoSides, raw))
		require.Equal(t, int64(100), call.Quantities[usage.OutputTextTokens])
		require.Equal(t, int64(300), call.Quantities[usage.OutputReasoningTokens])
	})
}

func TestACallThatWasCutShortIsAnEstimateInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for name, value := range map[string]any{
			"error.type": "CancelledError", "gen_ai.response.finish_reasons": []any{"cancelled"}, "gen_ai.response.finish_reason": "aborted", "llm.response.finish_reason": "interrupted",
		} {
			facts := map[fact]int64{factInput: 1000, factOutput: 1, factCacheRead: 0}
			call := onlyCall(t, written(d, "openai", "gpt-4o-mini", facts, map[string]any{name: value}))
			require.Equal(t, usage.ReasonInstrumentationEstimate, call.Reason, name)
		}
		for name, value := range map[string]any{"error.type": "tool_error", "gen_ai.response.finish_reasons": []any{"stop"}, "gen_ai.response.finish_reason": "length"} {
			call := onlyCall(t, written(d, "openai", "gpt-4o-mini", map[fact]int64{factInput: 1000, factOutput: 1, factCacheRead: 0}, map[string]any{name: value}))
			require.NotEqual(t, usage.ReasonInstrumentationEstimate, call.Reason, name)
		}
	})
}

func TestCountsThatAreEstimatesAreMarkedInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		facts := map[fact]int64{factInput: 1000, factOutput: 100, factCacheRead: 0}
		for name, value := range map[string]any{"gen_ai.usage.estimated": true, "gen_ai.usage.is_estimate": "true", "llm.usage.source": "tiktoken"} {
			call := onlyCall(t, written(d, "openai", "gpt-4o-mini", facts, map[string]any{name: value}))
			require.Equal(t, usage.ReasonInstrumentationEstimate, call.Reason, name)
		}
		for name, value := range map[string]any{"gen_ai.usage.estimated": false, "gen_ai.usage.cost_source": "estimated", "llm.usage.source": "provider"} {
			call := onlyCall(t, written(d, "openai", "gpt-4o-mini", facts, map[string]any{name: value}))
			require.NotEqual(t, usage.ReasonInstrumentationEstimate, call.Reason, name)
		}
	})
}

// What another model drew for an answer has tokens of its own, and no model.
func TestWhatToolsUsedIsADoubtInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		answer := `{"id":"resp_1","output":[],"usage":{"input_tokens":1000,"output_tokens":100,"total_tokens":1100},"tool_usage":{"image_gen":{"input_tokens":50,"output_tokens":4160}}}`
		call := onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{"gen_ai.response.raw": answer}))
		require.Equal(t, usage.ReasonCallsNotReported, call.Reason)
	})
}

// Containers in which code ran are billed by time, which no counter tells.
func TestRequestsOfCodeAreToolsThatCost(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		raw := map[string]any{"gen_ai.usage.raw": `{"input_tokens":1000,"output_tokens":100,"server_tool_use":{"web_search_requests":0,"code_execution_requests":2}}`}
		call := onlyCall(t, written(d, "anthropic", "claude-sonnet-4-6", twoSides, raw))
		require.True(t, call.Unreported.Has(MissingTools))
	})
}
