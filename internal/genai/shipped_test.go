package genai

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// sides are the two sides of a call.
func sides(input, output int64) map[fact]int64 {
	return map[fact]int64{factInput: input, factOutput: output}
}

// saysItself: these dialects say on every span whether it is a call.
var saysItself = map[string]bool{
	"vercel-ai": true, "langsmith": true, "genkit": true, "google-adk": true, "mastra": true, "claude-code": true, "claude-platform": true,
	"codex": true, "voltagent": true, "openinference": true, "langfuse": true, "openrouter": true,
}

func TestALeafWithUsageAndNoOperationIsACallInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		if saysItself[d.name] {
			t.Skip("says on every span whether it is a call")
		}
		bare := func(operation string) ptrace.Traces {
			td := written(d, "openai", "gpt-4.1", sides(1000, 200), nil)
			span := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
			span.SetKind(ptrace.SpanKindInternal)
			for _, id := range d.words.operation {
				span.Attributes().Remove(builtinNames.names[id])
			}
			for name := range writings[d.name].marks {
				span.Attributes().Remove(name)
			}
			if operation != "" {
				span.Attributes().PutStr("gen_ai.operation.name", operation)
			}
			return td
		}
		for _, operation := range []string{"", "ponder_deeply"} {
			td := bare(operation)
			call := onlyCall(t, td)
			assert.Equal(t, int64(1000), call.Quantities.InputTokens(), operation)
			assert.Equal(t, int64(200), call.Quantities.OutputTokens(), operation)

			// Around a call the same span repeats it.
			inner := written(d, "openai", "gpt-4.1", sides(700, 100), nil)
			from := inner.ResourceSpans().At(0).ScopeSpans().At(0)
			to := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
			from.CopyTo(to)
			to.Spans().At(0).SetSpanID(pcommon.SpanID{3})
			to.Spans().At(0).SetParentSpanID(pcommon.SpanID{2})
			call = onlyCall(t, td)
			assert.Equal(t, int64(700), call.Quantities.InputTokens(), operation)
		}
	})
}

func TestAnUnknownAgentIsACallWhereNoOtherIs(t *testing.T) {
	t.Parallel()
	reader, err := NewReader(Config{DuplicateWindow: -1, RootMemory: -1})
	require.NoError(t, err)
	td := written(&unknownDialect, "openai", "gpt-4.1", sides(9000, 800), map[string]any{"gen_ai.operation.name": "invoke_agent"})
	calls, _ := readWith(reader, td)
	require.Len(t, calls, 1)
	assert.Equal(t, usage.ReasonCallsNotReported, calls[0].Reason)

	child := written(&unknownDialect, "openai", "gpt-4.1", sides(9000, 800), nil)
	child.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetSpanID(pcommon.SpanID{7})
	calls, _ = readWith(reader, child)
	require.Len(t, calls, 1)
	calls, skips := readWith(reader, td)
	assert.Empty(t, calls, "a call of its trace came in an earlier payload: %v", skips)
}

func TestEveryShippedNameMeansTheSameInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		if d.name == "langfuse" || d.name == "genkit" {
			t.Skip("reads its own objects")
		}
		for i := firstDetail; i <= lastDetail; i++ {
			names := shippedNames[i]
			if len(names) == 0 || i == factCacheWrite5m || i == factCacheWrite1h {
				continue
			}
			var first usage.Quantities
			for n, id := range names {
				call := onlyCall(t, written(d, "openai", "gpt-4.1", sides(5000, 900), map[string]any{builtinNames.names[id]: 300}))
				if n == 0 {
					first = call.Quantities
				}
				assert.Equal(t, first, call.Quantities, builtinNames.names[id])
			}
		}
	})
}

func TestACountUnderAnUnknownNameIsADoubtInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for _, name := range []string{"gen_ai.usage.warp_tokens", "llm.usage.warp_tokens", "llm.token_count.warp", "ai.usage.warpTokens", "anthropic.usage.warp.input_tokens_x"} {
			call := onlyCall(t, written(d, "openai", "gpt-4.1", sides(500, 90), map[string]any{name: 300}))
			assert.NotEmpty(t, call.Reason, name)
			call = onlyCall(t, written(d, "openai", "gpt-4.1", sides(500, 90), map[string]any{name: 0}))
			assert.NotEqual(t, usage.ReasonUnknownQuantity, call.Reason, "%s is nothing", name)
		}
	})
}

func TestTheWordsOfANameSayWhatItCounts(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]fact{
		"gen_ai.usage.cachedPromptTokens":          factCacheRead,
		"gen_ai.usage.tokens.cache_hit":            factCacheRead,
		"llm.usage.cache_written_tokens":           factCacheWrite,
		"gen_ai.usage.cache_write_tokens_1h":       factCacheWrite1h,
		"gen_ai.usage.thinkingTokens":              factReasoning,
		"gen_ai.usage.partial.output_tokens":       factOutput,
		"gen_ai.usage.audio.prompt":                factInputAudio,
		"ai.usage.image_completion_tokens":         factOutputImage,
		"gen_ai.usage.cached.audio.input_tokens_x": factCacheReadAudio,
	} {
		got, counts := meaningOf(name)
		assert.True(t, counts, name)
		assert.Equal(t, want, got, name)
	}
	for _, name := range []string{"gen_ai.usage.input_cost", "gen_ai.usage.text.output_tokens", "ai.usage.tokens_per_second", "gen_ai.usage.details.input_tokens", "gen_ai.usage.requests"} {
		_, counts := meaningOf(name)
		assert.False(t, counts, name)
	}
}

func TestTheLettersOfAProviderDoNotMatterInAnyDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for _, provider := range []string{"anthropic", "ANTHROPIC", "Anthropic"} {
			call := onlyCall(t, written(d, provider, "claude-sonnet-4-5", sides(500, 90), nil))
			want := onlyCall(t, written(d, "anthropic", "claude-sonnet-4-5", sides(500, 90), nil))
			assert.Equal(t, want.Provider, call.Provider, provider)
		}
	})
}

func TestACostIsReadInEverySpellingInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for _, id := range shippedCosts {
			name := builtinNames.names[id]
			for _, value := range []any{0.0125, "0.0125"} {
				call := onlyCall(t, written(d, "openai", "gpt-4.1", sides(500, 90), map[string]any{name: value}))
				assert.Equal(t, "0.0125", call.ReportedCost.String(), name)
			}
		}
		for i, s := range costSides {
			call := onlyCall(t, written(d, "openai", "gpt-4.1", sides(500, 90), map[string]any{
				builtinNames.names[s.input[0]]: 0.0025, builtinNames.names[s.output[0]]: "0.01",
			}))
			assert.Equal(t, "0.0125", call.ReportedCost.String(), i)
		}
	})
}

func TestTheBillOfAProviderIsReadInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for value, ids := range map[any][]nameID{int64(1_250_000_000): billNano, int64(125_000_000): billTicks, 1.25: billCredits, "0.0125": shippedBills} {
			for _, id := range ids {
				name := builtinNames.names[id]
				call := onlyCall(t, written(d, "openai", "gpt-4.1", sides(500, 90), map[string]any{name: value, "gen_ai.usage.cost": 0.5}))
				assert.Equal(t, "0.0125", call.ReportedCost.String(), name)
				assert.True(t, call.ReportedIsBill, name)
				if strings.Contains(name, "aiu") || strings.Contains(name, "credits") {
					assert.Equal(t, usage.PayerCredit, call.Payer, name)
				}
			}
		}
	})
}

func TestTheCostOfAnAnswerIsTheBillWhereItsProviderBillsByIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		provider, object, want string
		bill                   bool
	}{
		{"openrouter", `{"prompt_tokens":500,"completion_tokens":90,"cost":0.0125}`, "0.0125", true},
		{"openrouter", `{"prompt_tokens":500,"completion_tokens":90,"cost":0.0005,"is_byok":true,"cost_details":{"upstream_inference_cost":0.012}}`, "0.0125", true},
		{"perplexity", `{"prompt_tokens":500,"completion_tokens":90,"cost":{"input_tokens_cost":0.001,"total_cost":0.0125}}`, "0.0125", true},
		{"xai", `{"prompt_tokens":500,"completion_tokens":90,"cost_in_usd_ticks":125000000}`, "0.0125", true},
		{"openai", `{"prompt_tokens":500,"completion_tokens":90,"cost":0.0125}`, "0.0125", false},
	} {
		call := onlyCall(t, written(&conventions, c.provider, "some-model", sides(500, 90), map[string]any{"gen_ai.usage.raw": c.object}))
		assert.Equal(t, c.want, call.ReportedCost.String(), c.object)
		assert.Equal(t, c.bill, call.ReportedIsBill, c.object)
	}
}

func TestTheCostAmongTheDetailsOfAProviderIsTheBillWhereItBillsByIt(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for _, provider := range []string{"openrouter", "openai"} {
			for details, want := range map[string]string{
				`{"finish_reason":"stop","cost":0.0125}`:                                        "0.0125",
				`{"cost":0.0005,"is_byok":true,"upstream_inference_cost":0.012}`:                "0.0125",
				`{'cost': 0.0125, 'is_byok': False, 'upstream_inference_cost': None}`:           "0.0125",
				`{"cost":"much","downstream_provider":"a","costs":3,"reason":"no cost at all"}`: "0",
			} {
				call := onlyCall(t, written(d, provider, "some-model", sides(500, 90), map[string]any{"gen_ai.provider_details": details}))
				assert.Equal(t, want, call.ReportedCost.String(), "%s %s", provider, details)
				if want != "0" && d != &openRouter { // whose own cost is a bill in any case
					assert.Equal(t, call.Provider == "openrouter", call.ReportedIsBill, "%s %s", provider, details)
				}
			}
		}
	})
}
