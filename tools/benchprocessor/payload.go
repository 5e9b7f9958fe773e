package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

const (
	payloadSpans     = 512
	payloadResources = 8
)

// payload is a kind of spans.
type payload struct {
	name string
	// span fills the span with a number.
	span func(r *rand.Rand, n int, span ptrace.Span)
}

var payloads = []payload{
	{"HTTP server spans, 11 attributes", func(r *rand.Rand, _ int, s ptrace.Span) { httpSpan(r, s, ptrace.SpanKindServer) }},
	{"HTTP client spans, 11 attributes", func(r *rand.Rand, _ int, s ptrace.Span) { httpSpan(r, s, ptrace.SpanKindClient) }},
	{"spans of 17 attributes, 14 begin with app.", func(r *rand.Rand, _ int, s ptrace.Span) { appSpan(r, s) }},
	{"calls, 17 attributes", func(r *rand.Rand, _ int, s ptrace.Span) { callSpan(r, s) }},
	{"one call in ten", func(r *rand.Rand, n int, s ptrace.Span) {
		if n%10 == 0 {
			callSpan(r, s)
		} else {
			httpSpan(r, s, ptrace.SpanKindServer)
		}
	}},
}

// encode makes the payload with a number; the same number gives the same bytes.
func (p payload) encode(number int) ([]byte, error) {
	r := rand.New(rand.NewPCG(uint64(number), 7)) //nolint:gosec // the same payloads every time are wanted
	td := ptrace.NewTraces()
	var spans ptrace.SpanSlice
	for n := range payloadSpans {
		if n%(payloadSpans/payloadResources) == 0 {
			resource := td.ResourceSpans().AppendEmpty()
			a := resource.Resource().Attributes()
			a.PutStr("service.name", "chat-api")
			a.PutStr("service.version", "1.4.2")
			a.PutStr("deployment.environment.name", "production")
			a.PutStr("telemetry.sdk.language", "python")
			a.PutStr("host.name", fmt.Sprintf("node-%d", r.IntN(20)))
			scope := resource.ScopeSpans().AppendEmpty()
			scope.Scope().SetName("opentelemetry.instrumentation.openai_v2")
			scope.Scope().SetVersion("2.3b0")
			spans = scope.Spans()
		}
		span := spans.AppendEmpty()
		var trace [16]byte
		var id [8]byte
		binary.BigEndian.PutUint64(trace[:8], r.Uint64())
		binary.BigEndian.PutUint64(trace[8:], r.Uint64())
		binary.BigEndian.PutUint64(id[:], r.Uint64())
		span.SetTraceID(trace)
		span.SetSpanID(id)
		start := time.Date(2026, 6, 1, 0, number, n/10, 0, time.UTC)
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(time.Second)))
		p.span(r, n, span)
	}
	return ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
}

func httpSpan(r *rand.Rand, span ptrace.Span, kind ptrace.SpanKind) {
	span.SetName("POST /v1/items")
	span.SetKind(kind)
	a := span.Attributes()
	a.PutStr("http.request.method", "POST")
	a.PutStr("http.route", "/v1/items/{id}")
	a.PutStr("url.path", fmt.Sprintf("/v1/items/%d", r.IntN(1000)))
	a.PutStr("url.scheme", "https")
	a.PutInt("http.response.status_code", 200)
	a.PutStr("network.protocol.version", "1.1")
	a.PutStr("network.peer.address", "10.0.1.7")
	a.PutStr("client.address", fmt.Sprintf("10.0.0.%d", r.IntN(250)))
	a.PutStr("user_agent.original", "python-httpx/0.28.1")
	a.PutStr("server.address", "items.internal")
	a.PutInt("server.port", 443)
}

func appSpan(r *rand.Rand, span ptrace.Span) {
	span.SetName("reserve stock")
	a := span.Attributes()
	a.PutStr("code.function.name", "reserve")
	a.PutInt("code.line.number", 90)
	a.PutStr("thread.name", "worker")
	for n := range 14 {
		a.PutStr(fmt.Sprintf("app.stock.field_%02d", n), fmt.Sprint(r.IntN(1000)))
	}
}

func callSpan(r *rand.Rand, span ptrace.Span) {
	models := []string{"gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "o3", "o4-mini", "gpt-5-mini"}
	model := models[r.IntN(len(models))]
	span.SetName("chat " + model)
	span.SetKind(ptrace.SpanKindClient)
	a := span.Attributes()
	a.PutStr("gen_ai.operation.name", "chat")
	a.PutStr("gen_ai.provider.name", "openai")
	a.PutStr("gen_ai.request.model", model)
	a.PutStr("gen_ai.response.model", model)
	a.PutStr("gen_ai.response.id", fmt.Sprintf("chatcmpl-%016x%016x", r.Uint64(), r.Uint64()))
	a.PutEmptySlice("gen_ai.response.finish_reasons").AppendEmpty().SetStr("stop")
	a.PutInt("gen_ai.request.max_tokens", 2048)
	a.PutDouble("gen_ai.request.temperature", 0.7)
	a.PutDouble("gen_ai.request.top_p", 1)
	a.PutInt("gen_ai.usage.input_tokens", 1100+r.Int64N(2000))
	a.PutInt("gen_ai.usage.output_tokens", 1+r.Int64N(700))
	a.PutInt("gen_ai.usage.cache_read.input_tokens", 1024*r.Int64N(2))
	a.PutStr("gen_ai.conversation.id", fmt.Sprintf("conv-%d", r.IntN(100_000)))
	a.PutStr("gen_ai.output.type", "text")
	a.PutStr("server.address", "api.openai.com")
	a.PutInt("server.port", 443)
	a.PutStr("user.id", fmt.Sprintf("user-%d@example.com", r.IntN(2000)))
}
