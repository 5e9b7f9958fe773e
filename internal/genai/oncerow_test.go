package genai

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/once"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// rows are what a database makes of calls, by the rule that it has, too.
type rows map[usage.ID]once.Report

func (r rows) store(calls []Call) {
	for _, c := range calls {
		report := once.Report{
			Observer: once.Hash(c.Dialect), Service: once.Hash(c.Service), User: once.Hash(c.User), Trace: c.TraceID, Span: c.SpanID, Start: c.Start.UnixNano(),
			Counts: once.CountsOf(&c.Quantities), Usage: !c.Quantities.IsZero(), Unsure: c.Reason != "",
		}
		for id := c.ID; ; id = id.Next() {
			known, taken := r[id]
			if !taken {
				r[id] = report
				break
			}
			verdict := once.Judge(&known, &report)
			if verdict == once.Correction {
				r[id] = report
			}
			if verdict != once.Reused {
				break
			}
		}
	}
}

// One call that is reported in many ways, by spans and by log events, is one row, and
// equal calls with ids of their own are as many rows as they are: in any order, cut into
// any payloads, over any collectors, and through restarts, which forget the window.
func TestOneCallIsOneRowHoweverItIsReported(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(16, 2))
	for round := range 200 {
		n := 1 + rng.IntN(4)
		var reports []reportOf
		for i := range n {
			id := fmt.Sprintf("chatcmpl-abcdefghijkmnop%04d", i)
			trace := byte(1 + i)
			client := reportOf{scope: scopeOpenAI, trace: trace, span: trace, start: 5, end: 95, id: id, in: 100, out: 10}
			framework := client
			framework.scope, framework.trace, framework.span, framework.start, framework.end = scopeUnknown, 50+trace, 50+trace, 5, 100
			partly := client
			partly.out = 3
			event := client
			event.event = true
			ways := []reportOf{client, framework, partly, event}
			reports = append(reports, ways...)
			for range rng.IntN(3) { // sent again
				reports = append(reports, ways[rng.IntN(len(ways))])
			}
		}
		rng.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		stored := rows{}
		collectors := make([]*Reader, 1+rng.IntN(3))
		for rest := reports; len(rest) > 0; {
			k := rng.IntN(len(collectors))
			if collectors[k] == nil || rng.IntN(4) == 0 { // started, or started again
				reader, err := NewReader(Config{})
				require.NoError(t, err)
				collectors[k] = reader
			}
			cut := 1 + rng.IntN(len(rest))
			var spans []reportOf
			for _, r := range rest[:cut] {
				if !r.event {
					spans = append(spans, r)
				}
			}
			calls, _ := readWith(collectors[k], payloadOf(spans...))
			stored.store(calls)
			for _, r := range rest[:cut] {
				if r.event {
					stored.store(readEvents(collectors[k], eventOf(r)))
				}
			}
			rest = rest[cut:]
		}
		require.Len(t, stored, n, "round %d: %+v", round, reports)
		for _, row := range stored {
			require.Equal(t, int64(10), row.Output)
		}
	}
}

// eventOf is the conventions' log event of what a report says.
func eventOf(r reportOf) plog.Logs {
	td := payloadOf(r)
	ld := asEvent(td)
	td.ResourceSpans().At(0).Resource().CopyTo(ld.ResourceLogs().At(0).Resource())
	return ld
}

// What an agent sums up is no call beside its calls: in one payload it is dropped, and
// across payloads no call is dropped for it, so that whoever stores both sees both.
func TestNoCallGivesWayToTheSumOfItsAgent(t *testing.T) {
	t.Parallel()
	agent := func(scope string) ptrace.Traces {
		return payloadOf(reportOf{scope: scope, operation: "invoke_agent", trace: 1, span: 9, start: 0, end: 100, in: 100, out: 10})
	}
	call := func() ptrace.Traces {
		return payloadOf(reportOf{scope: scopeOpenAI, trace: 1, span: 1, parent: 9, start: 5, end: 95, in: 100, out: 10})
	}
	for _, scope := range []string{scopeOpenAI, scopeUnknown} {
		reader, err := NewReader(Config{})
		require.NoError(t, err)
		calls, _ := readWith(reader, agent(scope))
		require.Len(t, calls, 1)
		require.True(t, calls[0].Missing.Has(usage.MissingCalls))
		require.Equal(t, usage.ReasonCallsNotReported, calls[0].Reason)
		calls, _ = readWith(reader, call())
		require.Len(t, calls, 1, "the call comes later")
		require.False(t, calls[0].Missing.Has(usage.MissingCalls))
		calls, _ = readWith(reader, agent(scope))
		require.Empty(t, calls, "and the sum after its call")
	}
}
