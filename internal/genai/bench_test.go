package genai

import (
	"fmt"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const benchSpans = 512

// benchHTTP fills a span as an HTTP server instrumentation does.
func benchHTTP(span ptrace.Span) {
	a := span.Attributes()
	span.SetName("GET /api/orders/{id}")
	for _, kv := range [][2]string{
		{"http.request.method", "GET"},
		{"url.scheme", "https"},
		{"url.path", "/api/orders/42"},
		{"http.route", "/api/orders/{id}"},
		{"server.address", "shop.example"},
		{"client.address", "10.0.0.7"},
		{"network.protocol.version", "1.1"},
		{"user_agent.original", "curl/8"},
		{"network.peer.address", "10.0.0.8"},
		{"code.function.name", "GetOrder"},
		{"code.namespace", "shop.orders"},
		{"thread.name", "worker-1"},
		{"app.tenant", "acme"},
		{"app.release", "2026.11"},
	} {
		a.PutStr(kv[0], kv[1])
	}
	a.PutInt("http.response.status_code", 200)
	a.PutInt("server.port", 443)
	a.PutInt("network.peer.port", 39001)
}

// benchChat fills a span as an instrumentation of the conventions does.
func benchChat(span ptrace.Span, i int) {
	span.SetName("chat gpt-4o-mini")
	span.SetKind(ptrace.SpanKindClient)
	a := span.Attributes()
	a.PutStr("gen_ai.operation.name", "chat")
	a.PutStr("gen_ai.provider.name", "openai")
	a.PutStr("gen_ai.request.model", "gpt-4o-mini")
	a.PutStr("server.address", "api.openai.com")
	a.PutInt("server.port", 443)
	a.PutStr("user.id", "user-7f3c2a10")
	a.PutStr("gen_ai.response.id", fmt.Sprintf("chatcmpl-abcdefghijkmnpqrstuvwxyz%05d", i))
	a.PutStr("gen_ai.response.model", "gpt-4o-mini-2024-07-18")
	a.PutStr("openai.response.service_tier", "default")
	a.PutInt("gen_ai.usage.input_tokens", int64(1306+i))
	a.PutInt("gen_ai.usage.output_tokens", int64(287+i))
	a.PutInt("gen_ai.usage.cache_read.input_tokens", 1024)
	a.PutEmptySlice("gen_ai.response.finish_reasons").AppendEmpty().SetStr("stop")
	a.PutInt("gen_ai.request.max_tokens", 1000)
	a.PutDouble("gen_ai.request.temperature", 0.7)
	a.PutStr("gen_ai.conversation.id", "sess-41aa")
	a.PutStr("app.release", "2026.11")
}

func benchTraces(fill func(span ptrace.Span, i int)) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "chat-api")
	rs.Resource().Attributes().PutStr("deployment.environment.name", "staging")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("@opentelemetry/instrumentation-openai")
	ss.Spans().EnsureCapacity(benchSpans)
	for i := range benchSpans {
		span := ss.Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{1, byte(i), byte(i >> 8)})
		span.SetSpanID(pcommon.SpanID{2, byte(i), byte(i >> 8)})
		span.SetStartTimestamp(pcommon.Timestamp(1_795_441_921_280_000_000 + i*1_000_000))
		span.SetEndTimestamp(pcommon.Timestamp(1_795_441_921_380_000_000 + i*1_000_000))
		fill(span, i)
	}
	// Through the wire format, as a receiver hands it over.
	raw, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		panic(err)
	}
	td, err = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(raw)
	if err != nil {
		panic(err)
	}
	return td
}

func BenchmarkRead(b *testing.B) {
	for _, situation := range []struct {
		name string
		td   ptrace.Traces
	}{
		{"no_genai", benchTraces(func(s ptrace.Span, _ int) { benchHTTP(s) })},
		{"all_genai", benchTraces(benchChat)},
		{"all_genai_children", benchTraces(func(s ptrace.Span, i int) {
			if benchChat(s, i); i%8 != 0 {
				s.SetTraceID(pcommon.TraceID{1, byte(i / 8)})
				s.SetParentSpanID(pcommon.SpanID{2, byte(i / 8 * 8), byte(i / 8 * 8 >> 8)})
			}
		})},
		{"mixed", benchTraces(func(s ptrace.Span, i int) {
			if i%8 == 0 {
				benchChat(s, i)
			} else {
				benchHTTP(s)
			}
		})},
	} {
		b.Run(situation.name, func(b *testing.B) {
			reader, err := NewReader(Config{TrackUsers: true})
			if err != nil {
				b.Fatal(err)
			}
			var calls, skipped int
			emit := func(*Call, ptrace.Span) { calls++ }
			skip := func(string, SkipReason) { skipped++ }
			b.ReportAllocs()
			for b.Loop() {
				reader.Read(situation.td, emit, skip)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSpans, "ns/span")
		})
	}
}

// BenchmarkReadDialects reads the cases of each dialect over and over, JSON
// attributes included.
func BenchmarkReadDialects(b *testing.B) {
	for _, dialect := range Dialects() {
		files, err := filepath.Glob("testdata/cases/" + dialect + "/*/input.json")
		if err != nil || len(files) == 0 {
			b.Fatal(dialect, "has no cases", err)
		}
		b.Run(dialect, func(b *testing.B) {
			td := ptrace.NewTraces()
			for _, file := range files {
				loadTraces(b, file).ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
			}
			reader, err := NewReader(Config{TrackUsers: true})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				reader.Read(td, func(*Call, ptrace.Span) {}, func(string, SkipReason) {})
			}
			spans := float64(b.N) * float64(td.SpanCount())
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/spans, "ns/span")
		})
	}
}
