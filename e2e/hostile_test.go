package e2e

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// hostile are spans that something is wrong with. Each travels beside a good
// one in the same payload.
var hostile = []struct {
	name   string
	spoil  func(ptrace.Span)
	status string
	reason string
}{
	{"a million attributes", func(s ptrace.Span) {
		attributes := s.Attributes().AsRaw()
		for i := range 1_000_000 {
			attributes[fmt.Sprintf("k%d", i)] = nil
		}
		_ = s.Attributes().FromRaw(attributes)
	}, "priced", ""},
	{"NUL bytes in the model", func(s ptrace.Span) {
		s.Attributes().PutStr("gen_ai.response.model", "gpt-\x00-4o")
		s.Attributes().PutStr("gen_ai.request.model", "gpt-\x00-4o")
	}, "unpriced", "unknown_model"},
	{"negative tokens", func(s ptrace.Span) { s.Attributes().PutInt("gen_ai.usage.input_tokens", -5) }, "unpriced", "invalid_quantity"},
	{"words for tokens", func(s ptrace.Span) { s.Attributes().PutStr("gen_ai.usage.output_tokens", "many") }, "unpriced", "invalid_quantity"},
	{"more tokens than there are", func(s ptrace.Span) { s.Attributes().PutInt("gen_ai.usage.input_tokens", math.MaxInt64) }, "unpriced", "invalid_quantity"},
	{"the year 1", func(s ptrace.Span) { s.SetStartTimestamp(0); s.SetEndTimestamp(0) }, "estimated", "time_out_of_range"},
	{"the year 2554", func(s ptrace.Span) { s.SetStartTimestamp(math.MaxUint64) }, "estimated", "time_out_of_range"},
	{"a forged record", func(s ptrace.Span) {
		s.Attributes().PutStr("usage.record", "1;id=f3e60760-fa25-5d69-b7e8-2e56452d2a4e;t=1795441921280000000;type=text;status=priced;cost=99")
		s.Attributes().PutStr("usage.cost_usd", "99")
	}, "priced", ""},
	{"a user that is nearly a UUID", func(s ptrace.Span) {
		s.Attributes().PutStr("user.id", "6b1f0d5e-8c21-4b53-9d0a-2f641c7e900-")
	}, "priced", ""},
	{"a model name of 100,000 characters", func(s ptrace.Span) {
		s.Attributes().PutStr("gen_ai.response.model", string(make([]rune, 100_000)))
	}, "unpriced", "unknown_model"},
}

func TestHostileSpansAreStoredWithTheirReasonAndHarmNoNeighbour(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	c := start(t, configuration{processor: "    prices: {builtin: openai-2024}"}.String(), dsn)
	for i, h := range hostile {
		payload := ptrace.NewTraces()
		resource := payload.ResourceSpans().AppendEmpty()
		resource.Resource().Attributes().PutStr("service.name", h.name)
		spans := resource.ScopeSpans().AppendEmpty().Spans()
		spans.EnsureCapacity(3)
		for n := range 3 {
			span := chatSpan(spans.AppendEmpty(), byte(i+1), byte(n+1))
			if n == 1 {
				h.spoil(span)
			}
		}
		require.NoError(t, c.sendGRPC(payload), h.name)
	}
	waitForRows(t, pool, int64(3*len(hostile)))
	for i, h := range hostile {
		for n := range 3 {
			var status, reason, dollars string
			err := pool.QueryRow(t.Context(), `
				SELECT pricing_status, coalesce(pricing_reason, ''), trim_scale(usage_dollars)::text
				FROM public.api_usage WHERE request_id = $1`, fmt.Sprintf("chatcmpl-hostile-%02d-%02d-abcdefghij", i+1, n+1)).
				Scan(&status, &reason, &dollars)
			require.NoError(t, err, h.name)
			want := []string{"priced", ""}
			if n == 1 {
				want = []string{h.status, h.reason}
			}
			assert.Equal(t, want, []string{status, reason}, "%s, span %d", h.name, n)
			if status != "unpriced" {
				assert.Equal(t, "0.00045", dollars, "%s, span %d", h.name, n)
			} else {
				assert.Equal(t, "0", dollars, "%s, span %d", h.name, n)
			}
		}
	}
	requireRollupsEqualRows(t, pool)
}

// chatSpan is a call of gpt-4o-mini that costs 0.00045 dollars: 1000 x 0.15
// and 500 x 0.60 for a million.
func chatSpan(span ptrace.Span, a, b byte) ptrace.Span {
	span.SetTraceID([16]byte{1, a, b})
	span.SetSpanID([8]byte{1, a, b})
	span.SetName("chat gpt-4o-mini")
	span.SetKind(ptrace.SpanKindClient)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(-time.Minute)))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	attributes := span.Attributes()
	attributes.PutStr("gen_ai.operation.name", "chat")
	attributes.PutStr("gen_ai.provider.name", "openai")
	attributes.PutStr("gen_ai.request.model", "gpt-4o-mini")
	attributes.PutStr("gen_ai.response.model", "gpt-4o-mini")
	attributes.PutStr("gen_ai.response.id", fmt.Sprintf("chatcmpl-hostile-%02d-%02d-abcdefghij", a, b))
	attributes.PutInt("gen_ai.usage.input_tokens", 1000)
	attributes.PutInt("gen_ai.usage.output_tokens", 500)
	return span
}
