package usageapiextension

import (
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// sessionsDocument is one page of sessions.
type sessionsDocument struct {
	Sessions []sessionDocument `json:"sessions"`
	// TraceURL is the URL template of a trace, with {trace_id} and {span_id}; null where
	// no administrator has set one.
	TraceURL *string `json:"traceUrl"`
	// Next is the cursor of the next page, null on the last page.
	Next *string `json:"next"`
}

// sessionDocument is what the calls of a session in the period add up to.
type sessionDocument struct {
	SessionID string  `json:"sessionId"`
	UserID    *string `json:"userId"`
	// Cost is null when no call of the session has a price, which is not 0.
	Cost          *usage.Sum `json:"cost"`
	Calls         int64      `json:"calls"`
	UnpricedCalls int64      `json:"unpricedCalls"`
	Tokens        int64      `json:"tokens"`
	FirstCall     time.Time  `json:"firstCall"`
	LastCall      time.Time  `json:"lastCall"`
	// Models, Services and TraceIDs have the first ten; the counts are of all.
	Models       []string `json:"models"`
	ModelCount   int64    `json:"modelCount"`
	Services     []string `json:"services"`
	ServiceCount int64    `json:"serviceCount"`
	TraceIDs     []string `json:"traceIds"`
	TraceCount   int64    `json:"traceCount"`
}

// sessionCursor is the position at which a page of sessions ended.
type sessionCursor struct {
	Cost usage.Sum `json:"c"`
	ID   string    `json:"s"`
	User string    `json:"u"`
}

// sessions answers /api/admin/sessions and /api/usage/sessions.
func (a *api) sessions(q *question) (*answer, error) {
	span, err := report.ParseSpan(q.params["startDate"], q.params["endDate"], q.params["timezone"], a.now())
	if err != nil {
		return nil, err
	}
	filter, err := a.filter(q)
	if err != nil {
		return nil, err
	}
	limit, err := q.params.number("limit", defaultLimit, 1, maxLimit)
	if err != nil {
		return nil, err
	}
	ask := read.SessionsQuestion{Viewer: q.viewer, Filter: filter, From: span.Current.From, To: span.Current.To, Search: q.params["search"], Limit: limit}
	if text, ok := q.params["cursor"]; ok {
		var c sessionCursor
		if err := decodeCursor(text, &c); err != nil {
			return nil, err
		}
		user, ok := usage.ParseID(c.User)
		if !ok && c.User != "" || c.ID == "" || c.Cost.Decimal().Exponent() < -40 {
			return nil, badCursor(text)
		}
		ask.After = &read.SessionPlace{Cost: c.Cost, SessionKey: read.SessionKey{ID: c.ID, User: user}}
	}
	page, more, err := a.reader.Sessions(q, ask)
	if err != nil {
		return nil, err
	}
	document := sessionsDocument{Sessions: make([]sessionDocument, len(page))}
	for i := range page {
		document.Sessions[i] = newSession(&page[i])
	}
	url, err := a.reader.TraceLink(q)
	if err != nil {
		return nil, err
	}
	if url != "" {
		document.TraceURL = &url
	}
	if more {
		last := page[len(page)-1]
		next := encodeCursor(sessionCursor{Cost: last.Cost, ID: last.ID, User: textOf(userOf(last.User))})
		document.Next = &next
	}
	answer, err := jsonAnswer(document, len(page))
	if err == nil {
		answer.sessions, answer.next = page, textOf(document.Next)
	}
	return answer, err
}

func newSession(s *read.Session) sessionDocument {
	d := sessionDocument{
		SessionID: s.ID, UserID: userOf(s.User), Calls: s.Calls, UnpricedCalls: s.UnpricedCalls, Tokens: s.Tokens,
		FirstCall: s.First, LastCall: s.Last,
		Models: s.Models, ModelCount: s.ModelCount, Services: s.Services, ServiceCount: s.ServiceCount, TraceIDs: s.Traces, TraceCount: s.TraceCount,
	}
	if s.Calls > s.UnpricedCalls {
		d.Cost = &s.Cost
	}
	return d
}

// userOf returns a user id as text, nil for none.
func userOf(user usage.ID) *string {
	if user.IsZero() {
		return nil
	}
	id := user.String()
	return &id
}
