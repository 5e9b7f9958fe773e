package once

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

const ms = int64(time.Millisecond)

// report is a report of a framework of a call that took 100 ms, changed.
func report(changes ...func(*Report)) *Report {
	r := &Report{
		Observer: Hash("framework"), Service: Hash("shop"), Environment: Hash("prod"), Model: Hash("gpt-4o"), Type: usage.APITypeText,
		Trace: [16]byte{1}, Span: [8]byte{1}, Start: 1_000_000 * ms, End: 1_000_100 * ms, Counts: Counts{Input: 100, Output: 10}, Usage: true, ID: usage.ID{1},
	}
	for _, change := range changes {
		change(r)
	}
	return r
}

// client is a report of the client below it.
func client(r *Report) {
	r.Observer, r.Trace, r.Span = Hash("client"), [16]byte{2}, [8]byte{2}
	r.Start, r.End = r.Start+5*ms, r.End-5*ms
}

func silent(r *Report)                   { r.Input, r.Output, r.Usage = 0, 0, false }
func unsure(r *Report)                   { r.Unsure = true }
func sameObserver(r *Report)             { r.Observer = Hash("framework") }
func sameTrace(r *Report)                { r.Trace = [16]byte{1} }
func key(text string) func(*Report)      { return func(r *Report) { r.Key = Hash(text) } }
func user(text string) func(*Report)     { return func(r *Report) { r.User = Hash(text) } }
func tokens(in, out int64) func(*Report) { return func(r *Report) { r.Input, r.Output = in, out } }
func later(by int64) func(*Report) {
	return func(r *Report) { r.Start, r.End = r.Start+by*ms, r.End+by*ms }
}
func session(r *Report)                 { r.Session = Hash("chat") }
func service(text string) func(*Report) { return func(r *Report) { r.Service = Hash(text) } }
func estimate(r *Report)                { r.Unsure, r.Estimate = true, true }

func TestSame(t *testing.T) {
	t.Parallel()
	type pair struct{ a, b *Report }
	for name, c := range map[string]struct {
		pair
		inside, apart bool // whether b inside a is the same call, and b anywhere
	}{
		"equal, by two observers":                  {pair{report(), report(client)}, true, true},
		"equal, by one observer":                   {pair{report(), report(client, sameObserver)}, true, false},
		"other tokens":                             {pair{report(), report(client, tokens(100, 11))}, false, false},
		"another model":                            {pair{report(), report(client, func(r *Report) { r.Model = Hash("gpt-4") })}, false, false},
		"an unknown model":                         {pair{report(), report(client, func(r *Report) { r.Model = 0 })}, true, true},
		"another kind of call":                     {pair{report(), report(client, func(r *Report) { r.Type = usage.APITypeEmbedding })}, false, false},
		"another service":                          {pair{report(), report(client, func(r *Report) { r.Service = Hash("billing") })}, true, false},
		"another environment":                      {pair{report(), report(client, func(r *Report) { r.Environment = Hash("test") })}, true, false},
		"another user":                             {pair{report(user("a")), report(client, user("b"))}, true, false},
		"one user is unknown":                      {pair{report(user("a")), report(client)}, true, true},
		"later":                                    {pair{report(), report(client, later(30))}, true, false},
		"a clock read a little later":              {pair{report(), report(client, later(9))}, true, true},
		"one id":                                   {pair{report(key("x")), report(client, key("x"))}, true, true},
		"one id, by one observer":                  {pair{report(key("x")), report(client, key("x"), sameObserver)}, true, true},
		"one id, equal tokens, much later":         {pair{report(key("x")), report(client, key("x"), later(60_000))}, true, true},
		"one id, other tokens, at one time":        {pair{report(key("x")), report(client, key("x"), tokens(90, 10))}, true, true},
		"one id, other tokens, much later":         {pair{report(key("x")), report(client, key("x"), tokens(90, 10), later(60_000))}, false, false},
		"an id of another space":                   {pair{report(key("x")), report(client, key("y"), func(r *Report) { r.Space = Hash("codex") })}, true, true},
		"another service in one session":           {pair{report(session), report(client, session, service("billing"))}, true, true},
		"another service in one trace":             {pair{report(), report(client, sameTrace, service("billing"))}, true, true},
		"another service in one trace, two ids":    {pair{report(key("x")), report(client, key("y"), sameTrace, service("billing"))}, true, false},
		"two ids":                                  {pair{report(key("x")), report(client, key("y"))}, true, false},
		"two ids, by one observer":                 {pair{report(key("x")), report(client, key("y"), sameObserver)}, false, false},
		"an id and none":                           {pair{report(), report(client, key("y"))}, true, true},
		"other tokens, one is unsure":              {pair{report(unsure), report(client, tokens(90, 10))}, true, false},
		"other input, one observer, unsure":        {pair{report(unsure), report(client, sameObserver, tokens(90, 10))}, false, false},
		"other output, one observer, unsure":       {pair{report(unsure), report(client, sameObserver, tokens(100, 9))}, true, false},
		"a wrapper without usage":                  {pair{report(silent), report(client)}, true, true},
		"a client without usage":                   {pair{report(), report(client, silent)}, true, true},
		"a client without usage, one observer":     {pair{report(), report(client, silent, sameObserver)}, false, false},
		"a client without usage, longer":           {pair{report(), report(client, silent, func(r *Report) { r.End += 50 * ms })}, true, false},
		"a client without usage, in the trace":     {pair{report(), report(client, silent, sameTrace)}, true, false},
		"a client without usage that has a parent": {pair{report(), report(client, silent, func(r *Report) { r.Parent = [8]byte{9} })}, true, false},
		"both without usage":                       {pair{report(silent), report(client, silent)}, true, false},
		"both without usage, one observer":         {pair{report(silent), report(client, silent, sameObserver)}, true, false},
		"both without usage, one observer, an id":  {pair{report(silent, key("x")), report(client, silent, sameObserver)}, false, false},
		"a first event was added":                  {pair{report(estimate), report(client, tokens(100, 9))}, true, true},
		"no first event has as many":               {pair{report(estimate, tokens(100, 30)), report(client)}, true, false},
		"both counted themselves":                  {pair{report(estimate), report(client, estimate, tokens(100, 9))}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.inside, Same(c.a, c.b, true), "inside")
			require.Equal(t, c.apart, Same(c.a, c.b, false), "apart")
			require.Equal(t, c.apart, Same(c.b, c.a, false), "apart, the other way round")
		})
	}
}

func TestANameIsHashedAndNothingIsNot(t *testing.T) {
	t.Parallel()
	require.Zero(t, Hash(""))
	require.NotZero(t, Hash("a"))
	require.Equal(t, Hash("a"), Hash("a"))
	require.NotEqual(t, Hash("a"), Hash("b"))
}

// payload is the Reports of a test: the first of two is kept.
type payload struct {
	reports []*Report
	dropped []bool
}

func (p *payload) Len() int { return len(p.reports) }

func (p *payload) At(i int) *Report {
	if p.dropped[i] {
		return nil
	}
	return p.reports[i]
}

func (p *payload) Merge(i, j int) {
	p.reports[i].Match(p.reports[j])
	p.dropped[j] = true
}

func (p *payload) Drop(i int) { p.dropped[i] = true }

// left gives how many calls are left of a payload.
func left(reports ...*Report) int {
	p := &payload{dropped: make([]bool, len(reports))}
	for _, r := range reports {
		arrived := *r
		p.reports = append(p.reports, &arrived)
	}
	var table Table
	table.Match(p)
	table.DropSums(p)
	n := 0
	for _, dropped := range p.dropped {
		if !dropped {
			n++
		}
	}
	return n
}

// decide asks a window about reports that arrive one by one.
func decide(w *Window, reports ...*Report) (decisions []Decision) {
	for _, r := range reports {
		arrived := *r
		w.Begin()
		decisions = append(decisions, w.Decide(&arrived))
		w.End()
	}
	return decisions
}

func newWindow(limit int) *Window { return NewWindow(limit, time.Minute, time.Now) }

func TestOneCallIsLeftOfOneInAPayloadAndInTheWindow(t *testing.T) {
	t.Parallel()
	for name, pair := range map[string][2]*Report{
		"by id":                         {report(key("x")), report(client, key("x"), tokens(90, 10))},
		"by tokens":                     {report(), report(client)},
		"by input":                      {report(estimate), report(client, tokens(100, 9))},
		"by time":                       {report(), report(client, silent)},
		"by time, in the second before": {report(later(995)), report(client, silent, later(1000))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, 1, left(pair[0], pair[1]))
			require.Equal(t, 1, left(pair[1], pair[0]))
			require.Equal(t, []Decision{New, Repeats, Repeats, Again}, decide(newWindow(8), pair[0], pair[1], pair[1], pair[0]))
			reversed := decide(newWindow(8), pair[1], pair[0])
			require.NotEqual(t, New, reversed[1])
			require.Equal(t, pair[1].Usage && pair[0].sameTokens(pair[1]) || pair[0].Estimate, reversed[1] == Repeats, "more counts must not give way to fewer")
		})
	}
}

func TestTheWindowSeesSpansInsideOneAnother(t *testing.T) {
	t.Parallel()
	inside := func(r *Report) { r.Trace, r.Parent = [16]byte{1}, [8]byte{1} }
	outer, inner := report(unsure), report(client, inside, tokens(90, 10))
	require.Equal(t, []Decision{New, Repeats}, decide(newWindow(8), inner, outer), "as they end")
	require.Equal(t, []Decision{New, Repeats}, decide(newWindow(8), outer, inner))
	elsewhere := report(client, inside, tokens(90, 10), func(r *Report) { r.Trace = [16]byte{7} })
	require.Equal(t, []Decision{New, New}, decide(newWindow(8), elsewhere, outer))
}

func TestASpanThatRepeatsTheSumOfCallsIsDropped(t *testing.T) {
	t.Parallel()
	at := func(span, parent byte) func(*Report) {
		return func(r *Report) { r.Span, r.Parent = [8]byte{span}, [8]byte{parent} }
	}
	longer := func(r *Report) { r.End += 10 * ms }
	for name, c := range map[string]struct {
		sum  *Report
		left int
	}{
		"beside them":               {report(tokens(300, 30), longer, at(3, 9)), 2},
		"other tokens":              {report(tokens(301, 30), longer, at(3, 9)), 3},
		"shorter than they":         {report(tokens(300, 30), at(3, 9), func(r *Report) { r.End -= 10 * ms }), 3},
		"below another span":        {report(tokens(300, 30), longer, at(3, 8)), 3},
		"by another observer":       {report(tokens(300, 30), longer, at(3, 9), func(r *Report) { r.Observer = 7 }), 2},
		"by one that has an answer": {report(tokens(300, 30), longer, at(3, 9), key("x"), func(r *Report) { r.Observer = 7 }), 3},
		"of one call, another call": {report(tokens(100, 10), longer, at(3, 9)), 3},
	} {
		first, second := report(tokens(100, 10), at(1, 9)), report(tokens(200, 20), at(2, 9))
		require.Equal(t, c.left, left(first, second, c.sum), name)
		require.Equal(t, c.left, left(c.sum, first, second), name)
		decisions := decide(newWindow(8), first, second, c.sum)
		require.Equal(t, c.left == 2, decisions[2] == Repeats, name)
	}
	around := report(tokens(300, 30), at(9, 0))
	require.Equal(t, []Decision{New, New, Repeats}, decide(newWindow(8), report(tokens(100, 10), at(1, 9)), report(tokens(200, 20), at(2, 9)), around), "around them")
	require.Equal(t, []Decision{New, New}, decide(newWindow(8), report(tokens(300, 31), at(1, 9)), around), "one call is no sum")
}

// Two observers, each of which reports n equal calls at one time: n are left,
// however they are ordered and cut into payloads.
func TestEqualCallsAreCountedOnceEach(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		n := 1 + rng.IntN(4)
		var all []*Report
		for i := range n {
			own := func(r *Report) { r.Trace[1], r.Span[1] = byte(i+1), byte(i+1) }
			all = append(all, report(own), report(client, own))
		}
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		require.Equal(t, n, left(all...))
		calls := 0
		for _, d := range decide(newWindow(16), all...) {
			if d == New {
				calls++
			}
		}
		require.Equal(t, n, calls)
	}
}

func TestAReportMatchesOneOtherAtMost(t *testing.T) {
	t.Parallel()
	second := report(func(r *Report) { r.Trace, r.Span = [16]byte{5}, [8]byte{5} })
	require.Equal(t, 2, left(report(), second, report(client)))
	require.Equal(t, []Decision{New, New, Repeats}, decide(newWindow(8), report(), second, report(client)))
	matched := report(client, func(r *Report) { r.Matched = true })
	require.Equal(t, []Decision{New, New}, decide(newWindow(8), report(), matched), "it stands for two reports already")
}

func TestTheWindowIsBoundedInNumberAndTime(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := NewWindow(4, time.Minute, func() time.Time { return now })
	decide(w, report())
	now = now.Add(time.Minute + time.Second)
	require.Equal(t, []Decision{New}, decide(w, report(client)), "forgotten by time")
	for i := range 4 {
		decide(w, report(later(1000*int64(i+1)), func(r *Report) { r.Span[1] = byte(i + 1) }))
	}
	require.Equal(t, []Decision{New}, decide(w, report()), "forgotten by number")
}

// TestTheWindowKnowsTheLatestReports asks for random ids in a small window, beside a list
// of what it let pass; its count runs over meanwhile.
func TestTheWindowKnowsTheLatestReports(t *testing.T) {
	t.Parallel()
	const limit = 7
	rng := rand.New(rand.NewPCG(3, 4))
	w := newWindow(limit)
	w.count = math.MaxUint32 - 500
	var passed []uint64
	for range 3000 {
		id := rng.Uint64N(3 * limit)
		decided := decide(w, report(later(10_000*int64(id)), func(r *Report) {
			r.Trace, r.Span = [16]byte{1, byte(id)}, [8]byte{2, byte(id)}
			r.Space, r.Key = 1, Hash(strconv.FormatUint(id, 10))
		}))
		if slices.Contains(passed[max(0, len(passed)-limit):], id) {
			require.Equal(t, []Decision{Again}, decided)
		} else {
			require.Equal(t, []Decision{New}, decided)
			passed = append(passed, id)
		}
	}
	require.Greater(t, len(passed), 1000)
}

func TestATableFindsAllItemsOfAHashAndForgetsThem(t *testing.T) {
	t.Parallel()
	var table Table
	for _, n := range []int{3, 40, 5} {
		table.Reset(n)
		require.Equal(t, int32(-1), table.First(7))
		for i := range n {
			table.Put(7, int32(i))
		}
		found := 0
		for i := table.First(7); i >= 0; i = table.Next() {
			require.Equal(t, int32(found), i)
			found++
		}
		require.Equal(t, n, found)
		require.Equal(t, int32(-1), table.First(8))
	}
	table.Reset(10_000)
	for i := range 10_000 {
		table.Put(7, int32(i))
	}
	found := 0
	for i := table.First(7); i >= 0; i = table.Next() {
		found++
	}
	require.Equal(t, maxProbes, found, "equal ids must not cost quadratic time")
}
