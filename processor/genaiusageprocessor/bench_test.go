package genaiusageprocessor

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor/internal/metadata"
)

// batchSpans is the size of the payloads, spanAttributes that of the spans.
const (
	batchSpans     = 512
	spanAttributes = 17
)

// BenchmarkProcessor measures a payload of 512 spans with 17 attributes each,
// freshly decoded from OTLP as a receiver hands it over: decoding is outside
// the clock. The floor is what no processor can avoid that reads one attribute
// and writes one.
func BenchmarkProcessor(b *testing.B) {
	b.Run("floor/one_get_one_put", func(b *testing.B) {
		benchmark(b, payload(b, batchSpans), func(td ptrace.Traces) error {
			for _, resource := range td.ResourceSpans().All() {
				for _, scope := range resource.ScopeSpans().All() {
					for _, span := range scope.Spans().All() {
						if v, ok := span.Attributes().Get("gen_ai.usage.output_tokens"); ok {
							span.Attributes().PutDouble("cost", float64(v.Int())*1e-6)
						}
					}
				}
			}
			return nil
		})
	})
	for _, c := range []struct {
		name       string
		genai      int
		attributes []string
	}{
		{"all_genai", batchSpans, nil},
		{"no_genai", 0, nil},
		{"mixed", batchSpans / 10, nil},
		{"all_genai_every_attribute", batchSpans, []string{"usage.id", "usage.provider", "usage.model", "usage.user_id", "usage.price_id", "usage.dialect"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			cfg := createDefaultConfig().(*Config)
			cfg.Attributes = c.attributes
			next, err := consumer.NewTraces(func(context.Context, ptrace.Traces) error { return nil })
			require.NoError(b, err)
			p, err := NewFactory().CreateTraces(b.Context(), processortest.NewNopSettings(metadata.Type), cfg, next)
			require.NoError(b, err)
			require.NoError(b, p.Start(b.Context(), componenttest.NewNopHost()))
			benchmark(b, payload(b, c.genai), func(td ptrace.Traces) error { return p.ConsumeTraces(b.Context(), td) })
			require.NoError(b, p.Shutdown(b.Context()))
		})
	}
}

func benchmark(b *testing.B, encoded []byte, work func(ptrace.Traces) error) {
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		request := ptraceotlp.NewExportRequest()
		if err := request.UnmarshalProto(encoded); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := work(request.Traces()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batchSpans, "ns/span")
}

// payload is an OTLP request in which the first genai spans are chat calls.
func payload(b *testing.B, genai int) []byte {
	td := ptrace.NewTraces()
	resource := td.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "chat-api")
	spans := resource.ScopeSpans().AppendEmpty().Spans()
	for i := range batchSpans {
		span := spans.AppendEmpty()
		span.SetTraceID([16]byte{1, byte(i), byte(i >> 8)})
		span.SetSpanID([8]byte{1, byte(i), byte(i >> 8)})
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 6, 1, 0, 0, i, 0, time.UTC)))
		attributes := span.Attributes()
		if i < genai {
			span.SetName("chat gpt-4o-mini")
			attributes.PutStr("gen_ai.operation.name", "chat")
			attributes.PutStr("gen_ai.provider.name", "openai")
			attributes.PutStr("gen_ai.request.model", "gpt-4o-mini")
			attributes.PutStr("gen_ai.response.model", "gpt-4o-mini-2024-07-18")
			attributes.PutStr("gen_ai.response.id", fmt.Sprintf("chatcmpl-abcdefghijklmnopq%05d", i))
			attributes.PutInt("gen_ai.usage.input_tokens", 1306)
			attributes.PutInt("gen_ai.usage.cache_read.input_tokens", 1024)
			attributes.PutInt("gen_ai.usage.output_tokens", 287)
			attributes.PutStr("user.id", "ada@example.com")
		} else {
			span.SetName("GET /orders")
			attributes.PutStr("http.request.method", "GET")
			attributes.PutStr("url.path", "/orders")
			attributes.PutInt("http.response.status_code", 200)
		}
		for n := 0; attributes.Len() < spanAttributes; n++ {
			attributes.PutStr(fmt.Sprintf("app.attribute.%02d", n), "value")
		}
	}
	encoded, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	require.NoError(b, err)
	return encoded
}
