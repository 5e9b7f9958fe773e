package genaiusageprocessor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
	"github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor/internal/metadata"
)

var signalTime = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// hostSpan is what an editor reports of a call of an agent that it runs.
func hostSpan() ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "editor")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("copilot-chat")
	span := ss.Spans().AppendEmpty()
	span.SetKind(ptrace.SpanKindClient)
	span.SetTraceID(pcommon.TraceID{1})
	span.SetSpanID(pcommon.SpanID{2})
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(signalTime))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(signalTime.Add(3 * time.Second)))
	for name, text := range map[string]string{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "github", "gen_ai.request.model": "claude-sonnet-4-6",
		"gen_ai.response.id": "msg_01ExampleOfAnAnswer01", "gen_ai.conversation.id": "session-1",
	} {
		span.Attributes().PutStr(name, text)
	}
	span.Attributes().PutInt("gen_ai.usage.input_tokens", 12400)
	span.Attributes().PutInt("gen_ai.usage.output_tokens", 250)
	span.Attributes().PutInt("gen_ai.usage.cache_read.input_tokens", 12000)
	return td
}

// agentEvent is what the agent reports of the same call, in another session for
// another call.
func agentEvent(session string) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "claude-code")
	record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(pcommon.NewTimestampFromTime(signalTime.Add(3 * time.Second)))
	record.Body().SetStr("claude_code.api_request")
	for name, text := range map[string]string{
		"event.name": "api_request", "model": "claude-sonnet-4-6", "session.id": session, "request_id": "req_011Example000000001",
		"input_tokens": "400", "output_tokens": "250", "cache_read_tokens": "12000", "cache_creation_tokens": "0", "duration_ms": "2900",
	} {
		record.Attributes().PutStr(name, text)
	}
	return ld
}

// throughBoth sends a span and an event through a pipeline each and gives their
// attributes.
func throughBoth(t *testing.T, cfg *Config, td ptrace.Traces, ld plog.Logs, eventFirst bool) (span, event pcommon.Map) {
	t.Helper()
	factory, settings := NewFactory(), processortest.NewNopSettings(metadata.Type)
	spans, events := new(consumertest.TracesSink), new(consumertest.LogsSink)
	traces, err := factory.CreateTraces(t.Context(), settings, cfg, spans)
	require.NoError(t, err)
	logs, err := factory.CreateLogs(t.Context(), settings, cfg, events)
	require.NoError(t, err)
	require.NoError(t, traces.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	if eventFirst {
		require.NoError(t, logs.ConsumeLogs(t.Context(), ld))
	}
	require.NoError(t, traces.ConsumeTraces(t.Context(), td))
	if !eventFirst {
		require.NoError(t, logs.ConsumeLogs(t.Context(), ld))
	}
	require.NoError(t, traces.Shutdown(t.Context()))
	require.NoError(t, logs.Shutdown(t.Context()))
	return spans.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes(),
		events.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()
}

func TestACallThatASpanAndAnEventReportIsOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		session    string
		eventFirst bool
		records    int
	}{
		"the span first":  {"session-1", false, 1},
		"the event first": {"session-1", true, 1},
		"another session": {"session-2", false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := createDefaultConfig().(*Config)
			cfg.AgentLogs = true
			span, event := throughBoth(t, cfg, hostSpan(), agentEvent(c.session), c.eventFirst)
			records := 0
			for _, attributes := range []pcommon.Map{span, event} {
				if _, ok := attributes.Get(usageattr.Record); ok {
					records++
				}
			}
			require.Equal(t, c.records, records)
		})
	}
}

// Two pipelines of one signal that a fan-out feeds see each span as new.
func TestTwoPipelinesOfOneSignalDoNotShareAReader(t *testing.T) {
	t.Parallel()
	cfg := createDefaultConfig().(*Config)
	factory := NewFactory()
	for range 2 {
		sink := new(consumertest.TracesSink)
		p, err := factory.CreateTraces(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, sink)
		require.NoError(t, err)
		require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, p.ConsumeTraces(t.Context(), hostSpan()))
		_, again := sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().Get(usageattr.SentAgain)
		require.False(t, again)
		t.Cleanup(func() { require.NoError(t, p.Shutdown(t.Context())) })
	}
}

func TestTheSpanThatNamesTheUserOfItsTraceSaysSoOnce(t *testing.T) {
	t.Parallel()
	entry := func(trace byte, kind ptrace.SpanKind, parent byte, user string) func(ptrace.SpanSlice) {
		return func(spans ptrace.SpanSlice) {
			span := spans.AppendEmpty()
			span.SetKind(kind)
			span.SetTraceID(pcommon.TraceID{trace})
			span.SetSpanID(pcommon.SpanID{trace, byte(spans.Len())})
			if parent != 0 {
				span.SetParentSpanID(pcommon.SpanID{parent})
			}
			span.Attributes().PutStr("http.route", "/ask")
			if user != "" {
				span.Attributes().PutStr("user.id", user)
			}
		}
	}
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for _, add := range []func(ptrace.SpanSlice){
		entry(1, ptrace.SpanKindServer, 0, "pat"),   // says it
		entry(1, ptrace.SpanKindServer, 9, "pat"),   // said already
		entry(2, ptrace.SpanKindInternal, 9, "pat"), // below another span
		entry(3, ptrace.SpanKindServer, 9, ""),      // names nobody
		entry(4, ptrace.SpanKindInternal, 0, "6f1c2a7e-0000-4000-8000-000000000001"),
	} {
		add(spans)
	}
	var said []usage.TraceUser
	for _, span := range process(t, createDefaultConfig().(*Config), td) {
		if text, ok := span.Attributes().Get(usageattr.TraceUser); ok {
			var u usage.TraceUser
			require.NoError(t, usageattr.DecodeTraceUser(text.Str(), &u))
			said = append(said, u)
		}
	}
	id, _ := usage.ParseID("6f1c2a7e-0000-4000-8000-000000000001")
	require.Equal(t, []usage.TraceUser{
		{TraceID: [16]byte{1}, Service: "shop", UserID: usage.UserID("pat"), UserExternalID: "pat"},
		{TraceID: [16]byte{4}, Service: "shop", UserID: id},
	}, said)
}

// TestConfiguredTagsAreInTheRecord: of a span the tags of the resource too, of an
// event its own.
func TestConfiguredTagsAreInTheRecord(t *testing.T) {
	t.Parallel()
	cfg := createDefaultConfig().(*Config)
	cfg.AgentLogs = true
	cfg.Tags = map[string][]string{"tenant": {"tenant.id"}, "team": {"team", "app.team"}}
	td, ld := hostSpan(), agentEvent("session-2")
	td.ResourceSpans().At(0).Resource().Attributes().PutStr("tenant.id", "t1")
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("app.team", "search")
	ld.ResourceLogs().At(0).Resource().Attributes().PutStr("team", "coding")
	span, event := throughBoth(t, cfg, td, ld, false)
	tagsOf := func(attributes pcommon.Map) []usage.Tag {
		text, ok := attributes.Get(usageattr.Record)
		require.True(t, ok)
		var r usage.Record
		require.NoError(t, usageattr.Decode(text.Str(), &r))
		return r.Tags
	}
	require.ElementsMatch(t, []usage.Tag{{Key: "team", Value: "search"}, {Key: "tenant", Value: "t1"}}, tagsOf(span))
	require.Equal(t, []usage.Tag{{Key: "team", Value: "coding"}}, tagsOf(event))
}
