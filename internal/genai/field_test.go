package genai

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

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

// Names that an exporter made maps of are the same names.
func TestNestedNamesAreReadInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		flat := written(d, "openai", "gpt-5.5", map[fact]int64{factInput: 3000, factOutput: 100, factCacheRead: 2000}, nil)
		want := onlyCall(t, flat)

		nested := ptrace.NewTraces()
		flat.CopyTo(nested)
		attributes := nested.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
		nest(attributes)
		got := onlyCall(t, nested)
		require.Equal(t, want, got)
	})
}

// nest makes maps of the names that begin with gen_ai or llm.
func nest(attributes pcommon.Map) {
	tree := map[string]any{}
	attributes.RemoveIf(func(key string, value pcommon.Value) bool {
		parts := strings.Split(key, ".")
		if parts[0] != "gen_ai" && parts[0] != "llm" {
			return false
		}
		at := tree
		for i, part := range parts {
			if i == len(parts)-1 {
				if _, taken := at[part]; taken {
					return false
				}
				at[part] = value.AsRaw()
				break
			}
			inner, is := at[part].(map[string]any)
			if !is {
				if at[part] != nil {
					return false
				}
				inner = map[string]any{}
				at[part] = inner
			}
			at = inner
		}
		return true
	})
	for name, value := range tree {
		if err := attributes.PutEmpty(name).FromRaw(value); err != nil {
			panic(err)
		}
	}
}

func TestNestedNamesAreBounded(t *testing.T) {
	t.Parallel()
	td := written(&unknownDialect, "openai", "gpt-5.5", twoSides, nil)
	wide := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutEmptyMap("llm")
	deep := wide
	for range 50 {
		deep = deep.PutEmptyMap("deep")
	}
	for i := range 1000 {
		wide.PutInt("n"+strconv.Itoa(i), 1)
	}
	require.Equal(t, int64(1000), onlyCall(t, td).Quantities[usage.InputTextTokens])
}

// A tool that asked a model itself is a call, unless the call is known.
func TestAToolThatReportsUsageAskedAModel(t *testing.T) {
	t.Parallel()
	tool := func(td ptrace.Traces, input int64) ptrace.Span {
		span := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{1})
		span.SetSpanID(pcommon.SpanID{3})
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 11, 21, 10, 0, 5, 0, time.UTC)))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 11, 21, 10, 0, 6, 0, time.UTC)))
		a := span.Attributes()
		a.PutStr("gen_ai.operation.name", "execute_tool")
		a.PutStr("gen_ai.provider.name", "openai")
		a.PutStr("gen_ai.request.model", "gpt-5.5")
		a.PutInt("gen_ai.usage.input_tokens", input)
		a.PutInt("gen_ai.usage.output_tokens", 100)
		return span
	}
	call := func() ptrace.Traces { return written(&unknownDialect, "openai", "gpt-5.5", twoSides, nil) }
	reader := func() *Reader {
		r, err := NewReader(Config{DuplicateWindow: -1, RootMemory: -1})
		require.NoError(t, err)
		return r
	}

	td := call()
	tool(td, 4000)
	calls, _ := readWith(reader(), td)
	require.Len(t, calls, 2, "beside the calls of the agent")
	require.Equal(t, usage.ReasonCallsNotReported, calls[1].Reason)

	td = call()
	tool(td, 1000)
	calls, _ = readWith(reader(), td)
	require.Len(t, calls, 1, "it repeats a call of its trace")

	td = call()
	tool(td, 4000)
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetParentSpanID(pcommon.SpanID{3})
	calls, _ = readWith(reader(), td)
	require.Len(t, calls, 1, "the call is inside")

	r := reader()
	td = call()
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetParentSpanID(pcommon.SpanID{3})
	calls, _ = readWith(r, td)
	require.Len(t, calls, 1)
	alone := call()
	alone.ResourceSpans().At(0).ScopeSpans().At(0).Spans().RemoveIf(func(ptrace.Span) bool { return true })
	tool(alone, 4000)
	calls, _ = readWith(r, alone)
	require.Empty(t, calls, "the call inside came in an earlier payload")
}

// The headers on the span of an HTTP client count only where no library reports the call.
func TestHeadersOfAnAnswerCountOnce(t *testing.T) {
	t.Parallel()
	headers := func(td ptrace.Traces) ptrace.Span {
		span := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{1})
		span.SetSpanID(pcommon.SpanID{3})
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 11, 21, 10, 0, 1, 0, time.UTC)))
		a := span.Attributes()
		a.PutStr("url.full", "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke")
		a.PutStr("server.address", "bedrock-runtime.us-east-1.amazonaws.com")
		for name, value := range map[string]string{"input-token-count": "1000", "output-token-count": "100", "cache-read-input-token-count": "5000", "cache-write-input-token-count": "0"} {
			a.PutEmptySlice("http.response.header.x-amzn-bedrock-" + name).AppendEmpty().SetStr(value)
		}
		return span
	}
	td := written(&unknownDialect, "aws.bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", twoSides, nil)
	headers(td).SetParentSpanID(pcommon.SpanID{2})
	require.Len(t, []Call{onlyCall(t, td)}, 1)

	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().RemoveIf(func(span ptrace.Span) bool { return span.ParentSpanID().IsEmpty() })
	call := onlyCall(t, td)
	require.Equal(t, "aws.bedrock", call.Provider)
	require.Equal(t, "us.anthropic.claude-haiku-4-5-20251001-v1:0", call.Model)
	require.Equal(t, int64(1000), call.Quantities[usage.InputTextTokens])
	require.Equal(t, int64(5000), call.Quantities[usage.CacheReadTokens])
	require.Empty(t, call.Reason)
}

// Where the answer has what Cohere bills, the span's own numbers are those of its model.
func TestWhatCohereBillsIsReadFromItsAnswer(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		if d == &claudeCode {
			return // Claude alone
		}
		answer := `{"id":"c14c80c3","message":{},"usage":{"billed_units":{"input_tokens":1000,"output_tokens":100},"tokens":{"input_tokens":1400,"output_tokens":120}}}`
		processed := map[fact]int64{factInput: 1400, factOutput: 120}
		call := onlyCall(t, written(d, "cohere", "command-a-03-2025", processed, map[string]any{"gen_ai.response.raw": answer}))
		require.Equal(t, int64(1000), call.Quantities[usage.InputTextTokens])
		require.Equal(t, int64(100), call.Quantities[usage.OutputTextTokens])
	})
}
