package page

import (
	"net/url"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/page/show"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

// Sessions is the page of sessions, the most expensive first.
type Sessions struct {
	Place
	Rows []read.Session
	// Next is the cursor of the next page; "" on the last page.
	Next string
	// TraceURL is as in [Calls].
	TraceURL string
}

// WriteSessions renders the page.
func WriteSessions(s Sessions) ([]byte, error) {
	return write("sessions", &sessions{place{s.Place}, s.Rows, s.Next, s.TraceURL})
}

// sessions provides the data of [Sessions] to the template.
type sessions struct {
	place
	Rows           []read.Session
	Next, TraceURL string
}

// More returns the URL of the next page, and First that of the first, or "" on it.
func (s *sessions) More() string { return s.to(s.Path, "cursor", s.Next) }
func (s *sessions) First() string {
	if s.Chosen["cursor"] == "" {
		return ""
	}
	return s.to(s.Path)
}

// session is a session as the page shows it.
type session struct {
	*read.Session
	User, UserURL, CallsURL string
	Cost                    show.Amount
	First, Last             show.Moment
	Traces                  []link
}

// Lines returns one line per session.
func (s *sessions) Lines() []session {
	lines := make([]session, len(s.Rows))
	for i := range s.Rows {
		row := &s.Rows[i]
		l := session{Session: row, Cost: show.Amount{Sum: row.Cost, Unpriced: row.UnpricedCalls}, First: show.MomentOf(row.First, s.Zone), Last: show.MomentOf(row.Last, s.Zone)}
		user := ""
		if s.Everybody {
			user = report.Unattributed
			if !row.User.IsZero() {
				user = row.User.String()
				l.User, l.UserURL = s.user(user), s.to(s.Path, "userId", user)
			}
		}
		// Only the days of the session are searched for its calls and traces.
		day := func(t time.Time) string { return t.In(s.Zone).Format(time.DateOnly) }
		days := []string{DaysParam, "", "startDate", day(row.First), "endDate", day(row.Last)}
		l.CallsURL = s.to(CallsPath, append(days, "userId", user, "sessionId", row.ID)...)
		for _, id := range row.Traces {
			t := link{Text: id[:min(len(id), 8)], URL: s.to(CallsPath, append(days, "traceId", id)...)}
			if s.TraceURL != "" {
				t.URL = strings.NewReplacer("{trace_id}", url.QueryEscape(id), "{span_id}", "").Replace(s.TraceURL)
			}
			l.Traces = append(l.Traces, t)
		}
		lines[i] = l
	}
	return lines
}

// CallsText, TokensText and the like return numbers for display.
func (l session) CallsText() string  { return show.Number(l.Calls).Shown() }
func (l session) TokensText() string { return show.Short(l.Tokens) }

// What lists the models, and Services the services.
func (l session) What() string    { return names(l.Models, l.ModelCount, "model") }
func (l session) Callers() string { return names(l.Services, l.ServiceCount, "service") }

// MoreTraces says how many traces are not listed, or "" for none.
func (l session) MoreTraces() string { return beyond(len(l.Traces), l.TraceCount) }

// names joins the first few names of all.
func names(list []string, all int64, kind string) string {
	if all == 0 {
		return "no " + kind + " known"
	}
	const few = 3
	shown := list[:min(few, len(list))]
	if more := beyond(len(shown), all); more != "" {
		shown = append(shown[:len(shown):len(shown)], more)
	}
	return strings.Join(shown, ", ")
}

func beyond(listed int, all int64) string {
	if n := all - int64(listed); n > 0 {
		return show.Number(n).Shown() + " more"
	}
	return ""
}
