package genai

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// withNeighbour puts a strange span between two ordinary ones, and checks that
// those are read as ever.
func withNeighbour(t *testing.T, strange func(span ptrace.Span)) *Call {
	t.Helper()
	td := payloadOf(
		reportOf{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, in: 900, out: 10},
		reportOf{scope: scopeOpenAI, trace: 2, span: 2, start: 1000, end: 1100, in: 900, out: 20},
		reportOf{scope: scopeOpenAI, trace: 3, span: 3, start: 2000, end: 2100, in: 900, out: 30},
	)
	strange(td.ResourceSpans().At(1).ScopeSpans().At(0).Spans().At(0))
	calls, _ := readAll(t, Config{TrackUsers: true}, td)
	require.Len(t, calls, 3)
	for i, out := range map[int]int64{0: 10, 2: 30} {
		require.Equal(t, out, calls[i].Quantities.OutputTokens())
		require.Empty(t, calls[i].Reason)
	}
	return &calls[1]
}

func TestAMillionAttributesAreRead(t *testing.T) {
	t.Parallel()
	call := withNeighbour(t, func(span ptrace.Span) {
		raw := span.Attributes().AsRaw()
		for i := range 1_000_000 {
			raw["attribute."+strconv.Itoa(i)] = int64(i)
		}
		require.NoError(t, span.Attributes().FromRaw(raw))
	})
	require.Equal(t, int64(20), call.Quantities.OutputTokens())
}

func TestANumberThatIsNoCountMakesTheQuantitiesInvalid(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(pcommon.Map, string){
		"negative": func(m pcommon.Map, k string) { m.PutInt(k, -5) },
		"smallest": func(m pcommon.Map, k string) { m.PutInt(k, math.MinInt64) },
		"greatest": func(m pcommon.Map, k string) { m.PutInt(k, math.MaxInt64) },
		"text":     func(m pcommon.Map, k string) { m.PutStr(k, "many") },
		"long":     func(m pcommon.Map, k string) { m.PutStr(k, strings.Repeat("9", 1000)) },
		"fraction": func(m pcommon.Map, k string) { m.PutDouble(k, 1.5) },
		"infinite": func(m pcommon.Map, k string) { m.PutDouble(k, math.Inf(1)) },
		"boolean":  func(m pcommon.Map, k string) { m.PutBool(k, true) },
		"list":     func(m pcommon.Map, k string) { m.PutEmptySlice(k) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, key := range []string{"gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.total_tokens"} {
				call := withNeighbour(t, func(span ptrace.Span) { put(span.Attributes(), key) })
				require.Equal(t, usage.ReasonInvalidQuantity, call.Reason, key)
				for _, n := range call.Quantities {
					require.GreaterOrEqual(t, n, int64(0))
				}
			}
		})
	}
}

func TestANumberInOtherClothesIsACount(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(pcommon.Map, string){
		"text":          func(m pcommon.Map, k string) { m.PutStr(k, "123") },
		"text of float": func(m pcommon.Map, k string) { m.PutStr(k, " 123.0 ") },
		"double":        func(m pcommon.Map, k string) { m.PutDouble(k, 123) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := withNeighbour(t, func(span ptrace.Span) { put(span.Attributes(), "gen_ai.usage.output_tokens") })
			require.Equal(t, int64(123), call.Quantities.OutputTokens())
			require.Empty(t, call.Reason)
		})
	}
}

func TestStrangeTextsAndTimesPassThrough(t *testing.T) {
	t.Parallel()
	model := "gpt-4o\x00" + strings.Repeat("x", 100_000) + "\xff"
	call := withNeighbour(t, func(span ptrace.Span) {
		span.Attributes().PutStr("gen_ai.request.model", model)
		span.SetStartTimestamp(0)
		span.SetEndTimestamp(math.MaxUint64)
	})
	require.Equal(t, model, call.Model, "cleaning texts is for who stores them")
	require.Equal(t, time.Unix(0, 0).UTC(), call.Start)
}

func TestALoopOfParentsEnds(t *testing.T) {
	t.Parallel()
	calls, _ := readAll(t, Config{TrackUsers: true}, payloadOf(
		reportOf{scope: scopeOpenAI, trace: 1, span: 1, parent: 2, start: 0, end: 100, in: 100, out: 10},
		reportOf{scope: scopeOpenAI, trace: 1, span: 2, parent: 1, start: 200, end: 300, in: 200, out: 20},
		reportOf{scope: scopeOpenAI, trace: 1, span: 3, parent: 3, start: 400, end: 500, in: 300, out: 30},
	))
	require.Len(t, calls, 3)
}

func TestAPayloadOfEqualSpanIDsTakesLinearTime(t *testing.T) {
	t.Parallel()
	const few, many = 2_500, 20_000
	// Linear is 8, quadratic 64. Other work may fall on one of them: the best of a few counts.
	short, long := time.Hour, time.Hour
	for range 5 {
		short, long = min(short, timeOfEqualSpanIDs(t, few)), min(long, timeOfEqualSpanIDs(t, many))
		if long/short < 32 {
			return
		}
	}
	t.Errorf("%d spans took %s, %d spans %s", few, short, many, long)
}

// timeOfEqualSpanIDs reads n calls that differ in nothing but their input.
func timeOfEqualSpanIDs(t *testing.T, n int) time.Duration {
	t.Helper()
	td := ptrace.NewTraces()
	ss := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	ss.Scope().SetName(scopeOpenAI)
	for i := range n {
		span := ss.Spans().AppendEmpty()
		span.SetSpanID(pcommon.SpanID{1})
		span.SetTraceID(pcommon.TraceID{1})
		span.SetParentSpanID(pcommon.SpanID{2})
		span.Attributes().PutStr("gen_ai.operation.name", "chat")
		span.Attributes().PutStr("gen_ai.request.model", "gpt-4o")
		span.Attributes().PutInt("gen_ai.usage.input_tokens", int64(i+1))
		span.Attributes().PutInt("gen_ai.usage.output_tokens", 1)
	}
	began := time.Now()
	calls, _ := readAll(t, Config{TrackUsers: true}, td)
	took := time.Since(began)
	require.NotEmpty(t, calls)
	return took
}

func TestAttributesOfOursThatAnAppForgesAreNotRead(t *testing.T) {
	t.Parallel()
	call := withNeighbour(t, func(span ptrace.Span) {
		for _, forged := range []string{"usage.cost_usd", "usage.input_text", "usage.id", "usage.user_id", "usage.model"} {
			span.Attributes().PutStr(forged, "1000000")
		}
	})
	require.Equal(t, int64(920), call.Quantities.TotalTokens())
	require.False(t, call.HasReportedCost)
	require.Empty(t, call.User)
}

func TestTooManyConfiguredNamesAreRefused(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range maxNames {
		names = append(names, "attribute."+strconv.Itoa(i))
	}
	_, err := NewReader(Config{Tags: []Tag{{"team", names}}})
	require.ErrorContains(t, err, "too many attribute names")
	_, err = NewReader(Config{TrackUsers: true, UserAttributes: []string{"user.id", ""}})
	require.ErrorContains(t, err, "user attributes[1]: an attribute name is empty")
}

// callBelow is a call below an agent, with attributes on each.
func callBelow(onSpan, onParent, onResource map[string]string) ptrace.Traces {
	td := payloadOf(
		reportOf{scope: scopeUnknown, trace: 1, span: 1, start: 0, end: 300, operation: "invoke_agent", noUsage: true},
		reportOf{scope: scopeOpenAI, trace: 1, span: 2, parent: 1, start: 10, end: 20, in: 10, out: 1},
	)
	put := func(m pcommon.Map, all map[string]string) {
		for k, v := range all {
			m.PutStr(k, v)
		}
	}
	put(td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes(), onParent)
	put(td.ResourceSpans().At(1).ScopeSpans().At(0).Spans().At(0).Attributes(), onSpan)
	put(td.ResourceSpans().At(1).Resource().Attributes(), onResource)
	return td
}

func TestTagsAreFoundInTheOrderOfTheListThenOnAncestorsThenOnTheResource(t *testing.T) {
	t.Parallel()
	tags := []Tag{{"team", []string{"team", "app.team"}}, {"tenant", []string{"tenant.id"}}}
	for name, c := range map[string]struct {
		td   ptrace.Traces
		want []usage.Tag
	}{
		"the first of the list": {callBelow(map[string]string{"app.team": "b", "team": "a"}, map[string]string{"team": "c"}, nil), []usage.Tag{{Key: "team", Value: "a"}}},
		"the second":            {callBelow(map[string]string{"app.team": "b", "team": ""}, map[string]string{"team": "c"}, nil), []usage.Tag{{Key: "team", Value: "b"}}},
		"each from where it is": {
			callBelow(map[string]string{"tenant.id": "t"}, map[string]string{"app.team": "c"}, map[string]string{"team": "r", "tenant.id": "r"}),
			[]usage.Tag{{Key: "tenant", Value: "t"}, {Key: "team", Value: "c"}},
		},
		"the resource": {callBelow(nil, nil, map[string]string{"team": "r", "tenant.id": "s"}), []usage.Tag{{Key: "team", Value: "r"}, {Key: "tenant", Value: "s"}}},
		"none":         {callBelow(map[string]string{"other": "x"}, nil, nil), nil},
	} {
		calls, _ := readAll(t, Config{Tags: tags}, c.td)
		require.Len(t, calls, 1, name)
		require.Equal(t, c.want, calls[0].Tags, name)
		calls, _ = readAll(t, Config{}, c.td)
		require.Empty(t, calls[0].Tags, "no tag is configured")
	}
}

func TestUsersAreFoundInTheOrderOfTheListThenOnAncestorsThenOnTheResource(t *testing.T) {
	t.Parallel()
	for want, td := range map[string]ptrace.Traces{
		"first":    callBelow(map[string]string{"enduser.id": "second", "user.id": "first"}, map[string]string{"user.id": "parent"}, map[string]string{"user.id": "resource"}),
		"second":   callBelow(map[string]string{"enduser.id": "second", "user.id": ""}, map[string]string{"user.id": "parent"}, nil),
		"parent":   callBelow(nil, map[string]string{"user.id": "parent"}, map[string]string{"user.id": "resource"}),
		"resource": callBelow(nil, nil, map[string]string{"user.id": "resource"}),
		"":         callBelow(nil, nil, nil),
	} {
		calls, _ := readAll(t, Config{TrackUsers: true}, td)
		require.Len(t, calls, 1)
		require.Equal(t, want, calls[0].User)
		calls, _ = readAll(t, Config{}, td)
		require.Empty(t, calls[0].User, "users are not tracked")
	}
}

func TestTheUserOfARootIsRememberedForLaterPayloads(t *testing.T) {
	t.Parallel()
	reader, err := NewReader(Config{TrackUsers: true, RootMemory: 2})
	require.NoError(t, err)
	root := func(trace byte, user string) reportOf {
		return reportOf{scope: scopeUnknown, trace: trace, span: 1, start: 0, end: 300, operation: "invoke_agent", user: user, noUsage: true}
	}
	child := func(trace byte) reportOf {
		return reportOf{scope: scopeOpenAI, trace: trace, span: 2, parent: 1, start: 10, end: 20, in: 10, out: 1}
	}
	_, _ = readWith(reader, payloadOf(root(1, "u1"), root(2, "u2")))
	calls, _ := readWith(reader, payloadOf(child(1), child(2)))
	require.Len(t, calls, 2)
	require.Equal(t, "u1", calls[0].User)
	require.Equal(t, "u2", calls[1].User)

	_, _ = readWith(reader, payloadOf(root(3, "u3")))
	calls, _ = readWith(reader, payloadOf(child(1), child(3)))
	require.Empty(t, calls[0].User, "two traces are remembered, the oldest is forgotten")
	require.Equal(t, "u3", calls[1].User)
}
