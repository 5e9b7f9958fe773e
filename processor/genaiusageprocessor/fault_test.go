package genaiusageprocessor

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/recorder"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
	"github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor/internal/metadatatest"
)

// doomed is what the hooks of the tests panic about.
const doomed = "doomed"

// faulty makes a processor whose reader panics on spans of that name, and whose
// records panic for answers of that id.
func faulty(t *testing.T) (*usageProcessor, *componenttest.Telemetry, *observer.ObservedLogs) {
	t.Helper()
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	core, logs := observer.New(zap.WarnLevel)
	set := metadatatest.NewSettings(telemetry)
	set.Logger = zap.New(core)
	reader, err := genai.NewReader(genai.Config{
		Own: usageattr.Prefix, AgentLogs: true, TrackUsers: true, UserAttributes: []string{"user.id"},
		Touch: func(span ptrace.Span) {
			if span.Name() == doomed {
				panic("secret of " + span.Name())
			}
		},
	})
	require.NoError(t, err)
	p, err := newUsageProcessor(set, createDefaultConfig().(*Config), reader)
	require.NoError(t, err)
	p.release = func() {}
	t.Cleanup(func() { require.NoError(t, p.shutdown(context.Background())) })
	p.workers.New = func() any {
		w := p.newWorker()
		make := w.emitFunc
		w.emitFunc = func(call *genai.Call, span ptrace.Span) {
			whole := w.recorder
			defer func() { w.recorder = whole }()
			if call.ResponseID == doomed {
				w.recorder = recorder.Recorder{} // which panics when a user is named
			}
			make(call, span)
		}
		return w
	}
	return p, telemetry, logs
}

// addCall adds a span to a payload, with a user, in the trace.
func addCall(td ptrace.Traces, trace byte, name, answer string) {
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("app-", trace))
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName(name)
	span.SetKind(ptrace.SpanKindClient)
	span.SetTraceID(pcommon.TraceID{trace})
	span.SetSpanID(pcommon.SpanID{trace, byte(td.ResourceSpans().Len())})
	span.Attributes().PutStr("gen_ai.operation.name", "chat")
	span.Attributes().PutStr("gen_ai.provider.name", "openai")
	span.Attributes().PutStr("gen_ai.response.model", "gpt-4.1-mini")
	span.Attributes().PutStr("gen_ai.response.id", answer)
	span.Attributes().PutStr("user.id", "ana")
	span.Attributes().PutInt("gen_ai.usage.input_tokens", 100)
	span.Attributes().PutInt("gen_ai.usage.output_tokens", 10)
	span.Attributes().PutStr("usage.forged", "x") // so that the hook is called
}

// TestAFaultOfOursStopsNoOtherSpan: a panic while a span is read, or while its record is
// made, ends nothing; the other spans of the payload have their records, in the order
// and with the texts that they had.
func TestAFaultOfOursStopsNoOtherSpan(t *testing.T) {
	t.Parallel()
	p, telemetry, logs := faulty(t)
	for range 2 {
		td := ptrace.NewTraces()
		addCall(td, 1, "chat", "chatcmpl-1")
		addCall(td, 2, "chat", "chatcmpl-2")
		addCall(td, 2, doomed, "chatcmpl-3")
		addCall(td, 2, "chat", "chatcmpl-4")
		addCall(td, 3, "chat", doomed)
		addCall(td, 4, "chat", "chatcmpl-5")
		out, err := p.processTraces(t.Context(), td)
		require.NoError(t, err)
		var recorded []string
		for _, resource := range out.ResourceSpans().All() {
			span := resource.ScopeSpans().At(0).Spans().At(0)
			answer, _ := span.Attributes().Get("gen_ai.response.id")
			record, ok := span.Attributes().Get(usageattr.Record)
			recorded = append(recorded, fmt.Sprint(answer.Str(), "=", ok && strings.Contains(record.Str(), "req="+answer.Str())))
		}
		assert.Equal(t, []string{"chatcmpl-1=true", "chatcmpl-2=true", "chatcmpl-3=false", "chatcmpl-4=true", "doomed=false", "chatcmpl-5=true"}, recorded)
	}
	metadatatest.AssertEqualGenaiUsageSkipped(t, telemetry, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("dialect", noDialect), attribute.String("reason", string(genai.SkipFault))), Value: 4},
	}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualGenaiUsageRecords(t, telemetry, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("dialect", "otel-unknown"), attribute.String("status", "estimated")), Value: 8},
	}, metricdatatest.IgnoreTimestamp())
	said := logs.FilterMessageSnippet("a fault in this build").All()
	require.True(t, len(said) == 2, "each fault once")
	for _, entry := range said {
		assert.NotContains(t, fmt.Sprint(entry.ContextMap()), "secret")
		assert.True(t, strings.Contains(fmt.Sprintf("%s", entry.ContextMap()["stack"]), "processor.go"))
	}
}

// TestAFaultOfOursStopsNoOtherLogRecord is the same for log events.
func TestAFaultOfOursStopsNoOtherLogRecord(t *testing.T) {
	t.Parallel()
	p, telemetry, _ := faulty(t)
	p.workers.New = func() any {
		w := p.newWorker()
		emit := w.emitLogFunc
		w.emitLogFunc = func(call *genai.Call, record plog.LogRecord) {
			if call.SessionID == doomed {
				panic(doomed)
			}
			emit(call, record)
		}
		return w
	}
	ld := agentEvent("session-1")
	for _, session := range []string{doomed, "session-2"} {
		event := agentEvent(session).ResourceLogs().At(0)
		event.ScopeLogs().At(0).LogRecords().At(0).Attributes().PutStr("request_id", "req_"+session)
		event.CopyTo(ld.ResourceLogs().AppendEmpty())
	}
	out, err := p.processLogs(t.Context(), ld)
	require.NoError(t, err)
	var recorded []bool
	for _, resource := range out.ResourceLogs().All() {
		_, ok := resource.ScopeLogs().At(0).LogRecords().At(0).Attributes().Get(usageattr.Record)
		recorded = append(recorded, ok)
	}
	assert.Equal(t, []bool{true, false, true}, recorded)
	metadatatest.AssertEqualGenaiUsageSkipped(t, telemetry, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("dialect", noDialect), attribute.String("reason", string(genai.SkipFault))), Value: 1},
	}, metricdatatest.IgnoreTimestamp())
}
