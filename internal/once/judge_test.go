package once

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	images := func(n int64) func(*Report) {
		return func(r *Report) { r.Units = &Units{usage.Images - usage.AudioSeconds: n} }
	}
	atStart := func(ms64 int64) func(*Report) {
		return func(r *Report) { r.Start, r.End = r.Start+ms64*ms, 0 }
	}
	elsewhere := func(r *Report) { r.Span = [8]byte{9} }
	other := func(r *Report) { r.Observer = Hash("client") }
	for name, c := range map[string]struct {
		known, r *Report
		want     Verdict
	}{
		"equal":                                  {report(), report(), Duplicate},
		"equal, of another service, at any time": {report(), report(service("billing"), later(60_000)), Duplicate},
		"no usage":                               {report(), report(silent, service("billing")), Duplicate},
		"more output":                            {report(), report(tokens(100, 250)), Correction},
		"more of everything":                     {report(), report(tokens(120, 250), images(2)), Correction},
		"more images":                            {report(images(1)), report(images(2)), Correction},
		"usage after none":                       {report(silent), report(), Correction},
		"fewer, late":                            {report(tokens(100, 250)), report(), Duplicate},
		"more here and less there":               {report(), report(tokens(90, 20)), Reused},
		"more here and less there, unsure":       {report(), report(tokens(90, 20), unsure), Duplicate},
		"more here and less there, by another":   {report(), report(tokens(90, 20), other), Duplicate},
		"more, by another":                       {report(), report(tokens(100, 11), other), Correction},
		"more, by another who is unsure":         {report(), report(tokens(100, 11), other, estimate), Duplicate},
		"more, of another service":               {report(), report(tokens(100, 250), service("billing")), Reused},
		"more, of another environment":           {report(), report(tokens(100, 250), func(r *Report) { r.Environment = 1 }), Reused},
		"more, of another user":                  {report(user("a")), report(tokens(100, 250), user("b")), Reused},
		"more, and a user":                       {report(), report(tokens(100, 250), user("b")), Correction},
		"more, of another model":                 {report(), report(tokens(100, 250), func(r *Report) { r.Model = 1 }), Reused},
		"more, much later":                       {report(), report(tokens(100, 250), later(60_000), elsewhere), Reused},
		"more, at the same start":                {report(atStart(0)), report(tokens(100, 250), atStart(0)), Correction},
		"more, at another start":                 {report(atStart(0)), report(tokens(100, 250), atStart(100), elsewhere), Reused},
		"more, at another start, of one span":    {report(atStart(0)), report(tokens(100, 250), atStart(100)), Correction},
		"more, of no span at another start":      {report(atStart(0), func(r *Report) { r.Span = [8]byte{} }), report(tokens(100, 250), atStart(100), func(r *Report) { r.Span = [8]byte{} }), Reused},
		"more, at nearly the start, by another":  {report(atStart(0)), report(tokens(100, 250), atStart(100), other), Correction},
		"more, at another start, by another":     {report(atStart(0)), report(tokens(100, 250), atStart(2000), other, elsewhere), Reused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, Judge(c.known, c.r))
		})
	}
}

// A span that is reported again with more becomes a correction, whatever comes
// between, and goes under the id of the first.
func TestTheWindowLetsCorrectionsPass(t *testing.T) {
	t.Parallel()
	id := func(n byte) func(*Report) { return func(r *Report) { r.ID = usage.ID{n} } }
	w := newWindow(8)
	var ids []usage.ID
	see := func(r *Report) Decision {
		w.Begin()
		defer w.End()
		d := w.Decide(r)
		ids = append(ids, r.ID)
		return d
	}
	require.Equal(t, New, see(report(id(1))))
	require.Equal(t, Corrects, see(report(tokens(100, 250), key("x"), id(2))), "the answer's id came with the end of the stream")
	require.Equal(t, Again, see(report(tokens(100, 250), key("x"), id(2))))
	require.Equal(t, Again, see(report(id(1))), "an old state")
	require.Equal(t, New, see(report(tokens(90, 300), later(60_000), id(3))), "another call that took the span's ids")
	require.Equal(t, []usage.ID{{1}, {1}, {1}, {1}, {3}}, ids)

	w, ids = newWindow(8), nil
	require.Equal(t, New, see(report(client, silent, id(1))))
	require.Equal(t, Corrects, see(report(id(2))), "the framework knows what the client does not")
	require.Equal(t, []usage.ID{{1}, {1}}, ids)
}

// TestTheTableOfTheDocsIsTheRule holds the table of docs/architecture.md to what stands
// above Judge; TestJudge has a case for each word of it.
func TestTheTableOfTheDocsIsTheRule(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("judge.go")
	require.NoError(t, err)
	docs, err := os.ReadFile("../../docs/architecture.md")
	require.NoError(t, err)
	rules := regexp.MustCompile(`(?m)^//\t(.+?)  +(Duplicate|Correction|Reused)$`).FindAllStringSubmatch(string(code), -1)
	require.Len(t, rules, 3)
	said := map[string]string{"Duplicate": "a duplicate", "Correction": "a correction", "Reused": "a row of its own"}
	for _, rule := range rules {
		require.Contains(t, string(docs), "\n| "+rule[1]+" | "+said[rule[2]])
	}
}

// TestEventsOfOneSpanAreCallsOfTheirOwn: an agent writes an event for each call, and all of
// them point to the span of its turn. Ids of the provider's answers distinguish them, with
// equal counts too.
func TestEventsOfOneSpanAreCallsOfTheirOwn(t *testing.T) {
	t.Parallel()
	answer := func(key uint64, more ...func(*Report)) *Report {
		return report(append(more, func(r *Report) { r.Space, r.Key, r.ID = 1, key, usage.ID{byte(key)} })...)
	}
	w := newWindow(16)
	see := func(r *Report) Decision {
		w.Begin()
		defer w.End()
		return w.Decide(r)
	}
	for key := uint64(1); key <= 3; key++ {
		require.Equal(t, New, see(answer(key)), "equal counts, another answer")
	}
	require.Equal(t, New, see(answer(4, tokens(100, 250))), "more, another answer")
	for key := uint64(1); key <= 3; key++ {
		again := answer(key)
		require.Equal(t, Again, see(again), "sent again")
		require.Equal(t, usage.ID{byte(key)}, again.ID)
	}
}
