package page

import (
	"net/url"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/page/show"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Calls is the page of single calls, newest first.
type Calls struct {
	Place
	Rows []Call
	// Next is the cursor of the next, older page; "" on the last page.
	Next string
	// TraceURL is the URL template of a trace, with the placeholders {trace_id} and
	// {span_id}; "" when none is configured.
	TraceURL string
}

// Call is a call with the id of its span, "" when unknown.
type Call struct {
	read.Call
	SpanID string
}

// WriteCalls renders the page.
func WriteCalls(c Calls) ([]byte, error) {
	return write("calls", &singles{place{c.Place}, c.Rows, c.Next, c.TraceURL})
}

// singles provides the data of [Calls] to the template.
type singles struct {
	place
	Rows           []Call
	Next, TraceURL string
}

// Statuses returns links to the calls of each pricing status.
func (c *singles) Statuses() []link {
	links := []link{{"All calls", c.to(c.Path, "status", ""), c.Chosen["status"] == ""}}
	for _, s := range usage.PricingStatuses {
		links = append(links, link{string(s), c.to(c.Path, "status", string(s)), c.Chosen["status"] == string(s)})
	}
	return links
}

// Older returns the URL of the next page, with older calls.
func (c *singles) Older() string { return c.to(c.Path, "cursor", c.Next) }

// Newest returns the URL of the first page, or "" on the first page.
func (c *singles) Newest() string {
	if c.Chosen["cursor"] == "" {
		return ""
	}
	return c.to(c.Path)
}

// line is a call as the page shows it.
type line struct {
	*Call
	At      show.Moment
	User    string
	UserURL string
	Cost    show.Amount
	// Trace is the start of the trace id. TraceCalls is the URL of the calls of the trace,
	// and TraceStore that of the trace itself.
	Trace, TraceCalls, TraceStore string
}

// Lines returns one line per call.
func (c *singles) Lines() []line {
	lines := make([]line, len(c.Rows))
	for i := range c.Rows {
		call := &c.Rows[i]
		l := line{Call: call, At: show.MomentOf(call.Time, c.Zone), Cost: show.Amount{Sum: call.Cost}}
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

// ModelName returns the model, or a text for an unknown one.
func (l line) ModelName() string {
	if name := deref(l.Model); name != "" {
		return name
	}
	return "no model known"
}

// Why returns the reason for the status in words, or "" for none.
func (l line) Why() string { return show.InWords(deref(l.Reason)) }

// Assumed returns the assumptions of the price in words.
func (l line) Assumed() string { return show.InWords(strings.Join(l.Assumptions, ", ")) }

// Request returns the provider's response id.
func (l line) Request() string { return deref(l.RequestID) }

// Failed reports whether the span says that the call failed.
func (l line) Failed() bool { return deref(l.Outcome) == "error" }

// quantity is an amount of one kind, ready for display.
type quantity struct{ Amount, Unit string }

// Quantities lists what the call consumed.
func (l line) Quantities() (list []quantity) {
	for _, q := range []struct {
		n    *int64
		unit string
	}{
		{l.InputTokens, "in"}, {l.OutputTokens, "out"}, {l.CacheReadTokens, "from the cache"}, {l.ReasoningTokens, "reasoning"},
		{l.Characters, "characters"}, {l.Images, "images"},
	} {
		if q.n != nil && *q.n != 0 {
			list = append(list, quantity{show.Number(*q.n).Shown(), q.unit})
		}
	}
	if l.AudioSeconds != nil {
		list = append(list, quantity{*l.AudioSeconds, "s of audio"})
	}
	return list
}

// deref returns what a pointer points at, or the zero value.
func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
