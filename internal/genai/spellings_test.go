package genai

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// What the price depends on is read under names that nobody listed, too, where
// their last word leaves no doubt.
func TestAModifierUnderAnUnknownNameIsReadInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for name, want := range map[string]string{
			"gcp.gen_ai.operation.config.service_tier": "priority", "some.framework.response.service_tier": "priority", "my.metadata.serviceTier": "priority",
			"gen_ai.openai.response.service-tier": "priority", "some.vertex.traffic_type": "priority",
			"service_tier_count.of.something": "", "my_service_tiers": "",
		} {
			call := onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{name: "priority"}))
			require.Equal(t, want, call.ServiceTier, name)
		}
		both := map[string]any{"my.request.config.service_tier": "priority", "my.response.service_tier": "default"}
		require.Empty(t, onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, both)).ServiceTier, "what served goes before what was asked for")
		listed := map[string]any{"my.other.service_tier": "priority", "openai.response.service_tier": "flex"}
		require.Equal(t, "flex", onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, listed)).ServiceTier, "a name that is listed goes first")
		geo := map[string]any{"some.anthropic.usage.inference_geo": "us"}
		require.Equal(t, "us", onlyCall(t, written(d, "anthropic", "claude-opus-4-8", twoSides, geo)).Region)
	})
}

func TestHowOpenRouterServesACallIsReadInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		if d == &claudeCode {
			return // Claude alone, from Anthropic
		}
		for suffix, tier := range map[string]string{"": "", ":nitro": "nitro", ":floor": "floor", ":exacto": "exacto", ":extended": "extended", ":thinking": "", ":free": ""} {
			call := onlyCall(t, written(d, "openrouter", "openai/gpt-4o-mini"+suffix, twoSides, nil))
			require.Equal(t, "openrouter", call.Provider)
			require.Equal(t, tier, call.ServiceTier, suffix)
			require.Zero(t, call.Quantities[usage.WebSearches])
		}
		call := onlyCall(t, written(d, "openrouter", "openai/gpt-4o-mini:online", map[fact]int64{factInput: 500, factOutput: 100, factCacheRead: 0}, nil))
		require.Equal(t, int64(1), call.Quantities[usage.WebSearches])
		require.Equal(t, usage.ReasonUnknownQuantity, call.Reason, "nothing says how often it searched")
	})
}

// Where the provider's whole answer is on the span, it says which tools ran; messages that a
// library made of it may leave them out.
func TestAWholeAnswerSaysWhichToolsRanInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for answer, known := range map[string]bool{
			`{"id":"resp_1","output":[{"type":"message","content":[]}],"usage":{"input_tokens":1000,"output_tokens":100}}`:                true,
			`{"choices":[{"message":{"content":"ok"}}],"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}`:       true,
			`{"content":[{"type":"text","text":"ok"}],"usage":{"input_tokens":1000,"output_tokens":100}}`:                                 true,
			`{"usage":{"input_tokens":1000,"output_tokens":100}}`:                                                                         false,
			`[{"role":"assistant","parts":[{"type":"text","content":"ok"}]}]`:                                                             false,
			`{"candidates":[{"content":{"parts":[{"text":"ok"}]}}],"usageMetadata":{"promptTokenCount":1000,"candidatesTokenCount":100}}`: true,
		} {
			call := onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{"gen_ai.response.raw": answer}))
			if d.knows.always.Has(MissingTools) {
				continue
			}
			require.Equal(t, !known, call.Unreported.Has(MissingTools), answer)
		}
	})
}
