package page

import (
	"net/url"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Calls is the page of single calls, the newest first.
type Calls struct {
	Place
	Rows []Call
	// Next is the cursor of the calls before these, "" at the end.
	Next string
	// TraceURL is the address of a trace, with {trace_id} and {span_id} in it; ""
	// where nobody said where traces are.
	TraceURL string
}

// Call is a call and its span's id, "" where none is known.
type Call struct {
	read.Call
	SpanID string
}

// WriteCalls is the page.
func WriteCalls(c Calls) ([]byte, error) {
	return write("calls", &singles{place{c.Place}, c.Rows, c.Next, c.TraceURL})
}

// singles is what the template asks [Calls].
type singles struct {
	place
	Rows           []Call
	Next, TraceURL string
}

// Statuses are the links to the calls of each pricing status.
func (c *singles) Statuses() []link {
	links := []link{{"All calls", c.to(c.Path, "status", ""), c.Chosen["status"] == ""}}
	for _, s := range usage.PricingStatuses {
		links = append(links, link{string(s), c.to(c.Path, "status", string(s)), c.Chosen["status"] == string(s)})
	}
	return links
}

// Older is the address of the calls before these, Newest of the first.
func (c *singles) Older() string { return c.to(c.Path, "cursor", c.Next) }

// Newest is the address of the first of these pages, "" on it.
func (c *singles) Newest() string {
	if c.Chosen["cursor"] == "" {
		return ""
	}
	return c.to(c.Path)
}

// line is a call as the page shows it.
type line struct {
	*Call
	At      moment
	User    string
	UserURL string
	Cost    amount
	// Trace is the beginning of the trace's id, TraceCalls the calls of the trace,
	// TraceStore where the trace is.
	Trace, TraceCalls, TraceStore string
}

// Lines are the calls.
func (c *singles) Lines() []line {
	lines := make([]line, len(c.Rows))
	for i := range c.Rows {
		call := &c.Rows[i]
		l := line{Call: call, At: momentOf(call.Time, c.Zone), Cost: amount{sum: call.Cost}}
		if call.Status == usage.StatusUnpriced {
			l.Cost.Unpriced = 1
		}
		if id := call.UserID.String(); c.Everybody && !call.UserID.IsZero() {
			l.User, l.UserURL = c.user(id), c.to(c.Path, "userId", id)
		}
		if id := deref(call.TraceID); id != "" {
			l.Trace, l.TraceCalls = id[:min(len(id), 8)], c.to(c.Path, "traceId", id)
			if c.TraceURL != "" {
				l.TraceStore = strings.NewReplacer("{trace_id}", url.QueryEscape(id), "{span_id}", url.QueryEscape(call.SpanID)).Replace(c.TraceURL)
			}
		}
		lines[i] = l
	}
	return lines
}

// ModelName is the model, or that none is known.
func (l line) ModelName() string {
	if name := deref(l.Model); name != "" {
		return name
	}
	return "no model known"
}

// Why is the reason for the status in words, "" for none.
func (l line) Why() string { return inWords(deref(l.Reason)) }

// Assumed are the defaults that the price took, in words.
func (l line) Assumed() string { return inWords(strings.Join(l.Assumptions, ", ")) }

// Request is the provider's id of the answer.
func (l line) Request() string { return deref(l.RequestID) }

// Failed reports whether the span says that the call failed.
func (l line) Failed() bool { return deref(l.Outcome) == "error" }

// quantity is a number of one kind.
type quantity struct{ Amount, Unit string }

// Quantities are what the call consumed.
func (l line) Quantities() (list []quantity) {
	for _, q := range []struct {
		n    *int64
		unit string
	}{
		{l.InputTokens, "in"}, {l.OutputTokens, "out"}, {l.CacheReadTokens, "from the cache"}, {l.ReasoningTokens, "reasoning"},
		{l.Characters, "characters"}, {l.Images, "images"},
	} {
		if q.n != nil && *q.n != 0 {
			list = append(list, quantity{number(*q.n).Shown(), q.unit})
		}
	}
	if l.AudioSeconds != nil {
		list = append(list, quantity{*l.AudioSeconds, "s of audio"})
	}
	return list
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
