package read

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// SessionsQuestion asks for the sessions of a period, the most expensive first.
type SessionsQuestion struct {
	Viewer Viewer
	Filter Filter
	// From and To are half-open. A session counts with its calls in between.
	From, To time.Time
	// Search keeps sessions whose id contains it; "" keeps all.
	Search string
	Limit  int
	// After is the place where the page before ended, or nil for the first page.
	After *SessionPlace
}

// SessionPlace is the place of a session in the order.
type SessionPlace struct {
	Cost usage.Sum
	SessionKey
}

// SessionKey identifies a session. A session belongs to one user: when two users send the
// same id, these are two sessions.
type SessionKey struct {
	ID   string
	User usage.ID // zero for none
}

// Session is what the calls of a session in the period add up to.
type Session struct {
	SessionKey
	// Cost excludes UnpricedCalls, which are included in Calls.
	Cost                         usage.Sum
	Calls, UnpricedCalls, Tokens int64
	First, Last                  time.Time
	// Models, Services and Traces are the first [SessionNames] in the order of their names;
	// the counts are of all.
	Models, Services, Traces             []string
	ModelCount, ServiceCount, TraceCount int64
}

// SessionNames limits the names that a [Session] lists of a kind.
const SessionNames = 10

// Sessions returns a page, and whether there are more. It reads the calls of the period
// twice: once for their cost, and once for what else is shown of the page's sessions. An
// index with session, user and cost would halve that, and take a tenth of the writer's
// time and 150 bytes of write-ahead log for each call.
func (r *Reader) Sessions(ctx context.Context, q SessionsQuestion) (page []Session, more bool, err error) {
	err = r.view(ctx, q.Viewer, func(tx pgx.Tx) error {
		s, where := q.conditions()
		having := ""
		if a := q.After; a != nil {
			cost := s.arg(a.Cost.String())
			having = fmt.Sprintf(" HAVING sum(usage_dollars) < %[1]s::text::numeric OR sum(usage_dollars) = %[1]s::text::numeric AND (session_id, %[2]s) > (%[3]s, %[4]s)",
				cost, sessionUser, s.arg(a.ID), s.arg([16]byte(a.User)))
		}
		sql := "SELECT session_id, " + sessionUser + ", sum(usage_dollars)::text FROM " + relation(sums.Single, q.Viewer) + where +
			" GROUP BY 1, 2" + having + " ORDER BY sum(usage_dollars) DESC, 1, 2 LIMIT " + s.arg(q.Limit+1)
		rows, err := tx.Query(ctx, sql, s.args...)
		if err != nil {
			return err
		}
		var one Session
		var user [16]byte
		if _, err := pgx.ForEachRow(rows, []any{&one.ID, &user, moneyText{&one.Cost}}, func() error {
			one.User = user
			page = append(page, one)
			return nil
		}); err != nil {
			return err
		}
		if more = len(page) > q.Limit; more {
			page = page[:q.Limit]
		}
		return q.describe(ctx, tx, page)
	})
	if err != nil {
		return nil, false, fmt.Errorf("list sessions: %w", err)
	}
	return page, more, nil
}

// sessionUser is the user of a call as a key that is never NULL.
const sessionUser = "coalesce(user_id, '00000000-0000-0000-0000-000000000000')"

// conditions returns the WHERE of the question.
func (q *SessionsQuestion) conditions() (*sources, string) {
	s := newSources(q.Viewer, q.Filter)
	var b strings.Builder
	fmt.Fprintf(&b, " WHERE timestamp >= %s AND timestamp < %s AND session_id <> ''", s.arg(q.From), s.arg(q.To))
	s.narrow(&b, sums.Single)
	if q.Search != "" {
		fmt.Fprintf(&b, " AND strpos(session_id, %s) > 0", s.arg(q.Search))
	}
	return s, b.String()
}

// describe reads what the page shows beside the cost.
func (q *SessionsQuestion) describe(ctx context.Context, tx pgx.Tx, page []Session) error {
	if len(page) == 0 {
		return nil
	}
	ids, places := make([]string, len(page)), make(map[SessionKey]*Session, len(page))
	for i := range page {
		ids[i], places[page[i].SessionKey] = page[i].ID, &page[i]
	}
	s, where := q.conditions()
	names := func(column string) string {
		return fmt.Sprintf("coalesce((array_agg(DISTINCT %[1]s) FILTER (WHERE %[1]s <> ''))[1:%[2]d], '{}'), count(DISTINCT nullif(%[1]s, ''))", column, SessionNames)
	}
	sql := "SELECT session_id, " + sessionUser + ", count(*), count(*) FILTER (WHERE pricing_status = 'unpriced'), coalesce(sum(tokens_used), 0)::bigint, min(timestamp), max(timestamp), " +
		names("model") + ", " + names("service") + ", " + names("trace_id") + " FROM " + relation(sums.Single, q.Viewer) + where +
		" AND session_id = ANY (" + s.arg(ids) + ") GROUP BY 1, 2"
	rows, err := tx.Query(ctx, sql, s.args...)
	if err != nil {
		return err
	}
	var d Session
	var user [16]byte
	_, err = pgx.ForEachRow(rows, []any{&d.ID, &user, &d.Calls, &d.UnpricedCalls, &d.Tokens, &d.First, &d.Last,
		&d.Models, &d.ModelCount, &d.Services, &d.ServiceCount, &d.Traces, &d.TraceCount}, func() error {
		if to := places[SessionKey{d.ID, user}]; to != nil { // the id can also be another user's
			d.User, d.Cost = user, to.Cost
			*to = d
			to.First, to.Last = d.First.UTC(), d.Last.UTC()
			d.Models, d.Services, d.Traces = nil, nil, nil
		}
		return nil
	})
	return err
}
