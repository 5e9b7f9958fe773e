package genai

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The tests of this file report usage where no call is reported beside it: on the
// span of an agent, in an event, in an object beside the call.

// wrapping is how a dialect says that a span is an agent or another wrapper, where
// that is not gen_ai.operation.name.
var wrapping = map[string]map[string]string{
	"openinference": {"openinference.span.kind": "AGENT"},
	"langfuse":      {"langfuse.observation.type": "agent"},
	"langsmith":     {"langsmith.span.kind": "chain"},
	"mastra":        {"mastra.span.type": "agent_run"},
	"vercel-ai":     {"ai.operationId": "ai.generateText"},
	"traceloop":     {"traceloop.span.kind": "workflow"},
	"openllmetry":   {"traceloop.span.kind": "agent"},
	"mlflow":        {"mlflow.spanType": `"CHAIN"`},
	"langwatch":     {"langwatch.span.type": "workflow"},
	"honeyhive":     {"honeyhive_event_type": "chain"},
	"opik":          {"opik.span.type": "general"},
	"braintrust":    {"braintrust.span_attributes": `{"type":"task"}`},
}

// wrapper makes a payload with the span of an agent in a dialect.
func wrapper(d *dialect, id byte) ptrace.Traces {
	marks := map[string]any{"gen_ai.operation.name": "invoke_agent"}
	for name, text := range wrapping[d.name] {
		marks[name] = text
	}
	if d == &sentry {
		marks["sentry.op"] = "gen_ai.invoke_agent"
	}
	td := written(d, "openai", "gpt-4.1", sides(9000, 800), marks)
	span := firstSpan(td)
	span.SetSpanID(pcommon.SpanID{id})
	span.SetName("invoke_agent")
	if d == &voltAgent {
		span.Attributes().Remove("llm.operation")
	}
	return td
}

func firstSpan(td ptrace.Traces) ptrace.Span {
	return td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
}

func remembering(t *testing.T, config Config) *Reader {
	t.Helper()
	reader, err := NewReader(config)
	require.NoError(t, err)
	return reader
}

func TestAWrapperIsACallWhereNoOtherIsInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		if d == &genkit {
			t.Skip("its wrappers repeat the output of the model as it is")
		}
		if d.callsComeApart {
			t.Skip("its wrappers repeat calls that come elsewhere or later")
		}
		calls, skips := readWith(remembering(t, Config{}), wrapper(d, 7))
		require.Len(t, calls, 1, "%v", skips)
		assert.Equal(t, usage.ReasonCallsNotReported, calls[0].Reason)
		assert.Equal(t, [...]int64{9000, 800}, [...]int64{calls[0].Quantities.InputTokens(), calls[0].Quantities.OutputTokens()})

		call := func() ptrace.Traces {
			td := written(d, "openai", "gpt-4.1", sides(700, 100), nil)
			firstSpan(td).SetSpanID(pcommon.SpanID{9})
			firstSpan(td).SetParentSpanID(pcommon.SpanID{7})
			return td
		}
		td := wrapper(d, 7)
		call().ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
		calls, skips = readWith(remembering(t, Config{}), td)
		require.Len(t, calls, 1, "the call inside it, %v", skips)
		assert.Equal(t, int64(700), calls[0].Quantities.InputTokens())

		reader := remembering(t, Config{})
		calls, _ = readWith(reader, call())
		require.Len(t, calls, 1)
		calls, skips = readWith(reader, wrapper(d, 7))
		assert.Empty(t, calls, "its call came in an earlier payload, %v", skips)

		// A wrapper around a wrapper repeats it, in the same payload and later.
		inner := wrapper(d, 8)
		firstSpan(inner).SetParentSpanID(pcommon.SpanID{7})
		reader = remembering(t, Config{})
		calls, _ = readWith(reader, inner)
		require.Len(t, calls, 1)
		calls, skips = readWith(reader, wrapper(d, 7))
		assert.Empty(t, calls, "%v", skips)
	})
}

func TestAWrapperThatIsNoCallStillNamesTheUser(t *testing.T) {
	t.Parallel()
	td := wrapper(&pydanticAI, 7)
	firstSpan(td).Attributes().PutStr("user.id", "ada")
	child := written(&pydanticAI, "openai", "gpt-4.1", sides(700, 100), nil)
	firstSpan(child).SetSpanID(pcommon.SpanID{9})
	named := ""
	reader := remembering(t, Config{TrackUsers: true, NamedUser: func(_ ptrace.Span, user, _ string) { named = user }})
	calls, _ := readWith(reader, child)
	require.Len(t, calls, 1)
	calls, _ = readWith(reader, td)
	require.Empty(t, calls)
	assert.Equal(t, "ada", named, "for the call that came before")
	later := written(&pydanticAI, "openai", "gpt-4.1", sides(600, 100), nil)
	firstSpan(later).SetSpanID(pcommon.SpanID{10})
	calls, _ = readWith(reader, later)
	require.Len(t, calls, 1)
	assert.Equal(t, "ada", calls[0].User, "for the call that comes after")
}

// asEvent makes the conventions' event of a span.
func asEvent(td ptrace.Traces) plog.Logs {
	ld := plog.NewLogs()
	resource := ld.ResourceLogs().AppendEmpty()
	scope := resource.ScopeLogs().AppendEmpty()
	td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().CopyTo(scope.Scope())
	record := scope.LogRecords().AppendEmpty()
	span := firstSpan(td)
	record.SetEventName(eventDetails)
	span.Attributes().CopyTo(record.Attributes())
	record.SetTraceID(span.TraceID())
	record.SetSpanID(span.SpanID())
	record.SetTimestamp(span.EndTimestamp())
	return ld
}

func readEvents(reader *Reader, ld plog.Logs) (calls []Call) {
	reader.ReadLogs(ld, func(c *Call, _ plog.LogRecord) { calls = append(calls, *c) }, func(string, SkipReason) {})
	return calls
}

func TestTheEventOfTheConventionsAloneIsTheRowOfItsSpanInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		td := written(d, "openai", "gpt-4.1", sides(700, 100), nil)
		if d.callsComeApart && len(d.scopes) > 0 {
			require.Empty(t, readEvents(remembering(t, Config{AgentLogs: true}), asEvent(td)), "its own events are read")
			return
		}
		reader := remembering(t, Config{AgentLogs: true})
		events := readEvents(reader, asEvent(td))
		if d == &googleADK {
			return // says what it is by the name of its span
		}
		require.Len(t, events, 1)
		spans, _ := readWith(remembering(t, Config{AgentLogs: true}), td)
		require.Len(t, spans, 1)
		assert.Equal(t, spans[0].ID, events[0].ID)
		assert.Equal(t, spans[0].Quantities, events[0].Quantities)
		assert.Equal(t, spans[0].Model, events[0].Model)
		assert.Equal(t, spans[0].Provider, events[0].Provider)

		// The span after its event is the same row; after a span, events of the
		// library are left.
		again, _ := readWith(reader, td)
		for i := range again {
			assert.True(t, again[i].SentAgain)
			assert.Equal(t, events[0].ID, again[i].ID)
		}
		other := written(d, "openai", "gpt-4.1", sides(600, 100), nil)
		firstSpan(other).SetTraceID(pcommon.TraceID{9})
		assert.Empty(t, readEvents(reader, asEvent(other)))
	})
}

func TestATierInAnObjectBesideTheCallIsReadInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for list, ids := range map[string][]nameID{"served": namesServedAside, "asked for": namesAskedAside} {
			for _, id := range ids {
				name := builtinNames.names[id]
				if name == "ai.response.providerMetadata" && d == &vercel || d == &braintrust && name == "braintrust.metadata" {
					continue // has a form of its own
				}
				for _, value := range []any{
					`{"service_tier":"flex"}`, map[string]any{"service_tier": "flex"}, `{"deep":{"er":[{"serviceTier":"flex"}]}}`, `{'service_tier': 'flex', 'x': None}`,
				} {
					call := onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{name: value}))
					assert.Equal(t, "flex", call.ServiceTier, "%s in %s: %v", list, name, value)
				}
				call := onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{name: `{"messages":[{"content":"{\"service_tier\":\"flex\"}","service_tier":"flex"}]}`}))
				assert.Empty(t, call.ServiceTier, "what people wrote in %s", name)
			}
		}
	})
}

func TestDetailsAsAnObjectMeanTheSameInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		if d == &langfuse || d == &claudeCode {
			t.Skip("its parts do not overlap")
		}
		want := onlyCall(t, written(d, "openai", "gpt-4.1", map[fact]int64{factInput: 5000, factOutput: 900, factCacheRead: 300, factReasoning: 40}, nil))
		for _, prefix := range []string{"gen_ai.usage.", "llm.usage.", "ai.usage.", "gen_ai.response.usage.", "", "usage."} {
			for _, n := range [][2]string{{"prompt_tokens_details", "completion_tokens_details"}, {"input_tokens_details", "output_tokens_details"}} {
				for _, asMap := range []bool{false, true} {
					attributes := map[string]any{prefix + n[0]: `{"cached_tokens":300}`, prefix + n[1]: `{"reasoning_tokens":40}`}
					if asMap {
						attributes = map[string]any{prefix + n[0]: map[string]any{"cached_tokens": 300}, prefix + n[1]: map[string]any{"reasoning_tokens": 40}}
					}
					call := onlyCall(t, written(d, "openai", "gpt-4.1", map[fact]int64{factInput: 5000, factOutput: 900}, attributes))
					assert.Equal(t, want.Quantities, call.Quantities, "%s%s, as a map: %v", prefix, n[0], asMap)
				}
			}
		}
	})
}

func TestTheGateLooksAtNamesThatMatch(t *testing.T) {
	t.Parallel()
	g := newGate(builtinNames, "")
	look := func(name string) sight {
		td := ptrace.NewTraces()
		span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.Attributes().PutStr(name, "x")
		return g.look(span)
	}
	for _, pattern := range genAINames {
		assert.Equal(t, isGenAI, look(strings.ReplaceAll(pattern, "*", "x")), pattern)
	}
	for _, name := range []string{"", "g", "gen", "gen_aix", "genre", "input_tokens_left", "ai.operationIds", "lk.room", "lk._metric", "llms", "app.gen_ai.x", "http.url", "http.response.header.x-amzn-requestid"} {
		assert.Zero(t, look(name), name)
	}
}
