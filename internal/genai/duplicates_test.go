package genai

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// reportOf is one report of a call, for tests.
type reportOf struct {
	scope      string
	trace      byte
	span       byte
	parent     byte
	start, end int // milliseconds
	id         string
	model      string
	in, out    int64
	cacheRead  int64
	user       string
	service    string
	operation  string
	noUsage    bool
	event      bool // a log event of the conventions, which has what the span has
}

const (
	scopeOpenAI    = "@opentelemetry/instrumentation-openai"
	scopeSDK       = "com.anthropic.sdk.typescript"
	scopeUnknown   = "my.framework"
	benchStartNano = 1_795_441_921_000_000_000
)

// payloadOf makes a payload of reports, each in a ResourceSpans of its service.
func payloadOf(all ...reportOf) ptrace.Traces {
	td := ptrace.NewTraces()
	for _, t := range all {
		rs := td.ResourceSpans().AppendEmpty()
		if t.service == "" {
			t.service = "shop"
		}
		rs.Resource().Attributes().PutStr("service.name", t.service)
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName(t.scope)
		span := ss.Spans().AppendEmpty()
		span.SetKind(ptrace.SpanKindClient)
		span.SetTraceID(pcommon.TraceID{7, t.trace})
		span.SetSpanID(pcommon.SpanID{8, t.span})
		if t.parent != 0 {
			span.SetParentSpanID(pcommon.SpanID{8, t.parent})
		}
		span.SetStartTimestamp(pcommon.Timestamp(benchStartNano + t.start*1_000_000))
		span.SetEndTimestamp(pcommon.Timestamp(benchStartNano + t.end*1_000_000))
		a := span.Attributes()
		if t.operation == "" {
			t.operation = "chat"
		}
		a.PutStr("gen_ai.operation.name", t.operation)
		if t.model == "" {
			t.model = "gpt-4o-mini"
		}
		a.PutStr("gen_ai.request.model", t.model)
		if t.id != "" {
			a.PutStr("gen_ai.response.id", t.id)
		}
		if t.user != "" {
			a.PutStr("user.id", t.user)
		}
		if !t.noUsage {
			a.PutInt("gen_ai.usage.input_tokens", t.in)
			a.PutInt("gen_ai.usage.output_tokens", t.out)
			a.PutInt("gen_ai.usage.cache_read.input_tokens", t.cacheRead)
		}
	}
	return td
}

const (
	idA = "chatcmpl-abcdefghijkmnpqrst01"
	idB = "chatcmpl-abcdefghijkmnpqrst02"
)

func TestTheSameCallReportedTwiceIsOneCall(t *testing.T) {
	t.Parallel()
	for name, reports := range map[string][]reportOf{
		"same id, nested": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, id: idA, in: 100, out: 10},
			{scope: scopeUnknown, trace: 1, span: 2, parent: 1, start: 5, end: 95, id: idA, in: 100, out: 10},
		},
		"same id in two traces": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, id: idA, in: 100, out: 10},
			{scope: scopeUnknown, trace: 2, span: 2, start: 5, end: 95, id: idA, in: 100, out: 10},
		},
		"nested, only one has an id": {
			{scope: scopeUnknown, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10},
			{scope: scopeOpenAI, trace: 1, span: 2, parent: 1, start: 5, end: 95, id: idA, in: 100, out: 10},
		},
		"nested, child first": {
			{scope: scopeOpenAI, trace: 1, span: 2, parent: 1, start: 5, end: 95, in: 100, out: 10},
			{scope: scopeUnknown, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10},
		},
		"nested, the outer one without usage, of one library": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, noUsage: true},
			{scope: scopeOpenAI, trace: 1, span: 2, parent: 1, start: 5, end: 95, in: 100, out: 10},
		},
		"nested, the inner one without usage": {
			{scope: scopeUnknown, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10},
			{scope: scopeOpenAI, trace: 1, span: 2, parent: 1, start: 5, end: 95, noUsage: true},
		},
		"two traces, the inner one without usage": {
			{scope: scopeUnknown, trace: 1, span: 1, start: 990, end: 1100, in: 100, out: 10},
			{scope: scopeOpenAI, trace: 2, span: 2, start: 1005, end: 1095, noUsage: true},
		},
		"two traces without a common id, dated and undated model": {
			{scope: scopeUnknown, trace: 1, span: 1, start: 0, end: 100, model: "gpt-4o-mini", in: 100, out: 10},
			{scope: scopeOpenAI, trace: 2, span: 2, start: 5, end: 95, id: idA, model: "gpt-4o-mini-2024-07-18", in: 100, out: 10},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls, skips := readAll(t, Config{TrackUsers: true}, payloadOf(reports...))
			require.Len(t, calls, 1)
			require.Len(t, skips, 1)
			require.Equal(t, int64(110), calls[0].Quantities.TotalTokens())

			// The same in two payloads, in both orders, as far as one
			// report can recognise the other without the tree.
			if reports[1].noUsage {
				return
			}
			if reports[0].noUsage { // the inner one ends first, and arrives first
				reports[0], reports[1] = reports[1], reports[0]
				reader, err := NewReader(Config{})
				require.NoError(t, err)
				for range 2 { // sent again too
					first, _ := readWith(reader, payloadOf(reports[0]))
					second, _ := readWith(reader, payloadOf(reports[1]))
					require.Len(t, first, 1)
					require.Empty(t, second)
				}
				return
			}
			for _, order := range [][]reportOf{{reports[0], reports[1]}, {reports[1], reports[0]}} {
				reader, err := NewReader(Config{})
				require.NoError(t, err)
				first, _ := readWith(reader, payloadOf(order[0]))
				second, _ := readWith(reader, payloadOf(order[1]))
				require.Len(t, append(first, second...), 1)
			}
		})
	}
}

func TestTwoRealCallsThatLookAlikeStayTwo(t *testing.T) {
	t.Parallel()
	for name, reports := range map[string][]reportOf{
		"one library, in parallel": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10},
			{scope: scopeOpenAI, trace: 2, span: 2, start: 0, end: 100, in: 100, out: 10},
		},
		"one library, siblings, in parallel": {
			{scope: scopeOpenAI, trace: 1, span: 1, parent: 9, start: 0, end: 100, in: 100, out: 10},
			{scope: scopeOpenAI, trace: 1, span: 2, parent: 9, start: 1, end: 99, in: 100, out: 10},
		},
		"milliseconds apart": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10},
			{scope: scopeOpenAI, trace: 1, span: 2, start: 101, end: 201, in: 100, out: 10},
		},
		"two libraries, one after the other": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10},
			{scope: scopeUnknown, trace: 1, span: 2, start: 150, end: 250, in: 100, out: 10},
		},
		"two libraries, two ids": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, id: idA, in: 100, out: 10},
			{scope: scopeUnknown, trace: 1, span: 2, start: 10, end: 90, id: idB, in: 100, out: 10},
		},
		"two libraries, two models": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, model: "gpt-4o", in: 100, out: 10},
			{scope: scopeUnknown, trace: 1, span: 2, start: 10, end: 90, model: "gpt-4o-mini", in: 100, out: 10},
		},
		"two libraries, two services": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, service: "a", in: 100, out: 10},
			{scope: scopeUnknown, trace: 2, span: 2, start: 10, end: 90, service: "b", in: 100, out: 10},
		},
		"two libraries, two users": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, user: "a", in: 100, out: 10},
			{scope: scopeUnknown, trace: 2, span: 2, start: 10, end: 90, user: "b", in: 100, out: 10},
		},
		"two libraries, one token apart": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10},
			{scope: scopeUnknown, trace: 2, span: 2, start: 10, end: 90, in: 100, out: 11},
		},
		"one library, nested by a leaking context, two ids": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, id: idA, in: 100, out: 10},
			{scope: scopeOpenAI, trace: 1, span: 2, parent: 1, start: 10, end: 90, id: idB, in: 100, out: 10},
		},
		"one library, nested by a leaking context, other numbers": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10},
			{scope: scopeOpenAI, trace: 1, span: 2, parent: 1, start: 10, end: 90, in: 200, out: 20},
		},
		"a chat that embeds": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10},
			{scope: scopeOpenAI, trace: 1, span: 2, parent: 1, start: 10, end: 90, operation: "embeddings", model: "text-embedding-3-small", in: 100, out: 0},
		},
		"ids too short to be unique": {
			{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, id: "chatcmpl-7", in: 100, out: 10},
			{scope: scopeOpenAI, trace: 2, span: 2, start: 0, end: 100, id: "chatcmpl-7", in: 100, out: 10},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls, _ := readAll(t, Config{TrackUsers: true}, payloadOf(reports...))
			require.Len(t, calls, 2)
			reader, err := NewReader(Config{TrackUsers: true})
			require.NoError(t, err)
			first, _ := readWith(reader, payloadOf(reports[0]))
			second, _ := readWith(reader, payloadOf(reports[1]))
			require.Len(t, first, 1)
			require.Len(t, second, 1)
		})
	}
}

func TestACallWithoutUsageStaysUnlessAFrameworkAroundItReports(t *testing.T) {
	t.Parallel()
	outer := reportOf{scope: scopeUnknown, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10}
	silent := reportOf{scope: scopeOpenAI, trace: 2, span: 2, start: 5, end: 95, noUsage: true}
	changed := func(change func(*reportOf)) reportOf {
		other := silent
		other.trace, other.span = 3, 3
		change(&other)
		return other
	}
	for name, other := range map[string]reportOf{
		"a second one":          changed(func(*reportOf) {}),
		"it has a parent":       changed(func(s *reportOf) { s.parent = 9 }),
		"it ends later":         changed(func(s *reportOf) { s.end = 150 }),
		"it asks another model": changed(func(s *reportOf) { s.model = "gpt-4o" }),
		"of another service":    changed(func(s *reportOf) { s.service = "b" }),
		"of the same library":   changed(func(s *reportOf) { s.scope = scopeUnknown }),
	} {
		calls, _ := readAll(t, Config{}, payloadOf(other, outer, silent))
		require.Len(t, calls, 2, name)
	}
}

// Two observers, each of which reports n equal calls at the same time: n
// remain, however they are ordered and cut into payloads.
func TestParallelEqualCallsReportedTwiceAreCountedOnceEach(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		n := 1 + rng.IntN(4)
		var reports []reportOf
		for i := range n {
			start := rng.IntN(3)
			reports = append(reports,
				reportOf{scope: scopeUnknown, trace: byte(2*i + 1), span: byte(2*i + 1), start: start, end: 100 + start, in: 100, out: 10},
				reportOf{scope: scopeOpenAI, trace: byte(2*i + 2), span: byte(2*i + 2), start: start + 1, end: 99 + start, id: fmt.Sprintf("chatcmpl-abcdefghijkmnp%04d", i), in: 100, out: 10})
		}
		rng.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		reader, err := NewReader(Config{})
		require.NoError(t, err)
		var calls []Call
		for rest := reports; len(rest) > 0; {
			cut := 1 + rng.IntN(len(rest))
			got, _ := readWith(reader, payloadOf(rest[:cut]...))
			calls = append(calls, got...)
			rest = rest[cut:]
		}
		require.Len(t, calls, n, "round %d: %+v", round, reports)
	}
}

// Of two equal calls one is reported twice and the other once: two remain.
func TestAReportMatchesOneOtherAtMost(t *testing.T) {
	t.Parallel()
	first := reportOf{scope: scopeUnknown, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10}
	second := reportOf{scope: scopeUnknown, trace: 2, span: 2, start: 0, end: 100, in: 100, out: 10}
	inner := reportOf{scope: scopeOpenAI, trace: 3, span: 3, start: 5, end: 95, id: idA, in: 100, out: 10}
	for _, order := range [][]reportOf{{first, second, inner}, {first, inner, second}, {inner, first, second}} {
		calls, _ := readAll(t, Config{}, payloadOf(order...))
		require.Len(t, calls, 2)
	}
}

func TestAPayloadThatIsSentAgainMeetsTheSameDecisions(t *testing.T) {
	t.Parallel()
	outer := reportOf{scope: scopeUnknown, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10}
	inner := reportOf{scope: scopeOpenAI, trace: 2, span: 2, start: 5, end: 95, id: idA, in: 100, out: 10}
	reader, err := NewReader(Config{})
	require.NoError(t, err)
	for i := range 3 {
		first, _ := readWith(reader, payloadOf(outer))
		require.Len(t, first, 1, "what was let pass once must pass again, or a failed delivery loses the call")
		require.Equal(t, i > 0, first[0].SentAgain)
		second, skips := readWith(reader, payloadOf(inner))
		require.Empty(t, second)
		require.Equal(t, map[string]int{"otel duplicate": 1}, skips)
	}
	// Reported together first, then sent again in parts.
	reader, err = NewReader(Config{})
	require.NoError(t, err)
	both, _ := readWith(reader, payloadOf(outer, inner))
	require.Len(t, both, 1)
	require.Equal(t, idA, both[0].Key, "the report with the id is kept")
	again, _ := readWith(reader, payloadOf(inner))
	require.Len(t, again, 1)
	again, _ = readWith(reader, payloadOf(outer))
	require.Empty(t, again)
}

func TestASpanIsKnownAgainWhateverItReports(t *testing.T) {
	t.Parallel()
	for name, report := range map[string]reportOf{
		"tokens and an id": {scope: scopeOpenAI, trace: 1, span: 1, end: 100, id: idA, in: 100, out: 10},
		"tokens":           {scope: scopeOpenAI, trace: 1, span: 1, end: 100, in: 100, out: 10},
		"nothing":          {scope: scopeOpenAI, trace: 1, span: 1, end: 100, noUsage: true},
	} {
		reader, err := NewReader(Config{})
		require.NoError(t, err)
		for i := range 3 {
			calls, _ := readWith(reader, payloadOf(report))
			require.Len(t, calls, 1, name)
			require.Equal(t, i > 0, calls[0].SentAgain, name)
		}
		report.span, report.id = 2, ""
		calls, _ := readWith(reader, payloadOf(report))
		require.Len(t, calls, 1, name)
		require.False(t, calls[0].SentAgain, name)
	}
}

func TestAnIDThatComesAgainLaterIsAnotherCallIfItsTokensAreOthers(t *testing.T) {
	t.Parallel()
	first := reportOf{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 100, id: idA, in: 100, out: 10}
	again := reportOf{scope: scopeOpenAI, trace: 2, span: 2, start: 60_000, end: 60_100, id: idA, in: 100, out: 10}
	other := reportOf{scope: scopeOpenAI, trace: 3, span: 3, start: 70_000, end: 70_100, id: idA, in: 120, out: 10}
	reader, err := NewReader(Config{})
	require.NoError(t, err)
	for i, report := range []reportOf{first, again, other} {
		calls, _ := readWith(reader, payloadOf(report))
		require.Len(t, calls, []int{1, 0, 1}[i])
	}
	calls, _ := readAll(t, Config{}, payloadOf(first, again, other))
	require.Len(t, calls, 2)
	require.Equal(t, calls[0].Key, calls[1].Key, "the database finds the same id")
}

func TestTheWindowForgetsByTimeAndByNumber(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_795_441_921, 0)
	reader, err := NewReader(Config{DuplicateWindow: time.Minute, DuplicateCalls: 4, Now: func() time.Time { return now }})
	require.NoError(t, err)
	outer := reportOf{scope: scopeUnknown, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10}
	inner := reportOf{scope: scopeOpenAI, trace: 2, span: 2, start: 5, end: 95, in: 100, out: 10}

	first, _ := readWith(reader, payloadOf(outer))
	require.Len(t, first, 1)
	now = now.Add(2 * time.Minute)
	late, _ := readWith(reader, payloadOf(inner))
	require.Len(t, late, 1, "after a minute the window does not know the first report any more")

	reader, err = NewReader(Config{DuplicateWindow: time.Minute, DuplicateCalls: 4, Now: func() time.Time { return now }})
	require.NoError(t, err)
	_, _ = readWith(reader, payloadOf(outer))
	for i := range 4 {
		_, _ = readWith(reader, payloadOf(reportOf{scope: scopeOpenAI, trace: 3, span: byte(10 + i), start: 0, end: 100, in: int64(500 + i), out: 10}))
	}
	late, _ = readWith(reader, payloadOf(inner))
	require.Len(t, late, 1, "four later calls pushed the first report out")
}

func TestTheReportThatIsDroppedGivesWhatItKnows(t *testing.T) {
	t.Parallel()
	calls, _ := readAll(t, Config{TrackUsers: true}, payloadOf(
		reportOf{scope: scopeUnknown, trace: 1, span: 1, start: 0, end: 100, in: 100, out: 10, user: "u1"},
		reportOf{scope: scopeSDK, trace: 1, span: 2, parent: 1, start: 5, end: 95, id: idA, in: 100, out: 10},
	))
	require.Len(t, calls, 1)
	require.Equal(t, "anthropic-sdk", calls[0].Dialect)
	require.Equal(t, "u1", calls[0].User)
	require.Equal(t, idA, calls[0].Key)
}

func TestAWrapperThatSumsItsCallsIsNotBilled(t *testing.T) {
	t.Parallel()
	calls, _ := readAll(t, Config{}, payloadOf(
		reportOf{scope: scopeOpenAI, trace: 1, span: 1, start: 0, end: 300, in: 330, out: 33},
		reportOf{scope: scopeOpenAI, trace: 1, span: 2, parent: 1, start: 5, end: 95, in: 100, out: 10},
		reportOf{scope: scopeOpenAI, trace: 1, span: 3, parent: 1, start: 100, end: 195, in: 110, out: 11},
		reportOf{scope: scopeOpenAI, trace: 1, span: 4, parent: 1, start: 200, end: 295, in: 120, out: 12},
	))
	require.Len(t, calls, 3)
}

func TestAStreamWhoseFirstEventWasAddedIsOneCallWithTheClientsOwn(t *testing.T) {
	t.Parallel()
	const adds = "opentelemetry.instrumentation.anthropic" // of streams
	client := reportOf{scope: "@traceloop/instrumentation-anthropic", trace: 2, span: 2, start: 1, end: 99, model: "claude-sonnet-4-5", in: 50, out: 700, cacheRead: 10}
	for name, c := range map[string]struct {
		change func(*reportOf)
		calls  int
	}{
		"a token more":                  {func(*reportOf) {}, 1},
		"as many as no first event has": {func(f *reportOf) { f.out = 760 }, 2},
		"fewer":                         {func(f *reportOf) { f.out = 699 }, 2},
		"other input":                   {func(f *reportOf) { f.in = 61 }, 2},
		"another time":                  {func(f *reportOf) { f.start, f.end = 500, 600 }, 2},
		"another service":               {func(f *reportOf) { f.service = "billing" }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			framework := reportOf{scope: adds, trace: 1, span: 1, start: 0, end: 100, model: client.model, in: 60, out: 701, cacheRead: 10, id: "msg_1"}
			c.change(&framework)
			td := payloadOf(framework, client)
			td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutBool("llm.is_streaming", true)
			calls, _ := readAll(t, Config{}, td)
			require.Len(t, calls, c.calls)
			if c.calls == 1 {
				require.Equal(t, int64(700), calls[0].Quantities.OutputTokens(), "the client's")
				require.Equal(t, "msg_1", calls[0].ResponseID)
			}
		})
	}
}
