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

// Sessions returns a page, and whether there are more. UTC days that are over are read from
// the sums by session (public.usage_session_kept), where they are kept; the edges of the
// period, and a question with another filter than the user, from the calls.
func (r *Reader) Sessions(ctx context.Context, q SessionsQuestion) (page []Session, more bool, err error) {
	err = r.view(ctx, q.Viewer, func(tx pgx.Tx) error {
		pieces, err := q.cut(ctx, tx)
		if err != nil {
			return err
		}
		s := newSources(q.Viewer, q.Filter)
		from := q.relation(s, pieces, "", "")
		having := ""
		if a := q.After; a != nil {
			cost := s.arg(a.Cost.String())
			having = fmt.Sprintf(" HAVING sum(usage_dollars) < %[1]s::text::numeric OR sum(usage_dollars) = %[1]s::text::numeric AND (session_id, %[2]s) > (%[3]s, %[4]s)",
				cost, sessionUser, s.arg(a.ID), s.arg([16]byte(a.User)))
		}
		sql := "SELECT session_id, " + sessionUser + ", sum(usage_dollars)::text FROM " + from +
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
		if len(page) == 0 {
			return nil
		}
		return q.describe(ctx, tx, pieces, page)
	})
	if err != nil {
		return nil, false, fmt.Errorf("list sessions: %w", err)
	}
	return page, more, nil
}

// sessionUser is the user of a call as a key that is never NULL.
const sessionUser = "coalesce(user_id, '00000000-0000-0000-0000-000000000000')"

// sessionPiece is a part of the period, read from the kept sums or from the calls.
type sessionPiece struct {
	stretch
	kept bool
}

// cut divides the period. It also gives the transaction the memory to add up the sessions of
// a month without files.
func (q *SessionsQuestion) cut(ctx context.Context, tx pgx.Tx) (pieces []sessionPiece, err error) {
	var kept stretches
	var batch pgx.Batch
	batch.Queue(`SELECT set_config('work_mem', '64MB', true)`)
	if len(q.Filter.values()) == 0 && q.Filter.Tag == nil {
		batch.Queue(`SELECT bucket FROM public.usage_session_days WHERE bucket >= $1 AND bucket + interval '24 hours' <= $2 ORDER BY 1`, q.From, q.To).Query(func(rows pgx.Rows) error {
			return kept.scan(rows, sums.Day)
		})
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, err
	}
	from := q.From
	for _, days := range kept {
		if days.from.After(from) {
			pieces = append(pieces, sessionPiece{stretch: stretch{from, days.from}})
		}
		pieces, from = append(pieces, sessionPiece{stretch: days, kept: true}), days.to
	}
	if from.Before(q.To) {
		pieces = append(pieces, sessionPiece{stretch: stretch{from, q.To}})
	}
	return pieces, nil
}

// relation selects the user, session and cost of the rows that the question asks for, and what
// more is wanted of a call or of what is kept of a day's calls; only is a further condition.
func (q *SessionsQuestion) relation(s *sources, pieces []sessionPiece, more, only string) string {
	parts := make([]string, len(pieces))
	for i, p := range pieces {
		table, at, columns := relation(sums.Single, q.Viewer), "timestamp", ""
		if more != "" {
			columns = ", 1 AS calls, CASE WHEN pricing_status = 'unpriced' THEN 1 ELSE 0 END AS unpriced_calls, tokens_used AS tokens, timestamp AS first_call, timestamp AS last_call, ARRAY[model] AS models, ARRAY[service] AS services, ARRAY[trace_id] AS traces"
		}
		if p.kept {
			table, at, columns = "public.usage_session_kept", "bucket", more
			if q.Viewer.own() {
				table = "public.usage_own_session_kept"
			}
		}
		var b strings.Builder
		fmt.Fprintf(&b, "SELECT user_id, session_id, usage_dollars%s FROM %s WHERE %s >= %s AND %s < %s AND session_id <> ''", columns, table, at, s.arg(p.from), at, s.arg(p.to))
		s.narrow(&b, sums.Single)
		if q.Search != "" {
			fmt.Fprintf(&b, " AND strpos(session_id, %s) > 0", s.arg(q.Search))
		}
		b.WriteString(only)
		parts[i] = b.String()
	}
	return "(" + strings.Join(parts, "\nUNION ALL ") + ") AS source"
}

// describe reads what the page shows beside the cost.
func (q *SessionsQuestion) describe(ctx context.Context, tx pgx.Tx, pieces []sessionPiece, page []Session) error {
	ids, users, places := make([]string, len(page)), make([][16]byte, len(page)), make(map[SessionKey]*Session, len(page))
	for i := range page {
		ids[i], users[i], places[page[i].SessionKey] = page[i].ID, page[i].User, &page[i]
	}
	s := newSources(q.Viewer, q.Filter)
	only := fmt.Sprintf(" AND session_id = ANY (%s) AND %s = ANY (%s::uuid[])", s.arg(ids), sessionUser, s.arg(users))
	from := q.relation(s, pieces, ", calls, unpriced_calls, tokens, first_call, last_call, models, services, traces", only)
	rows, err := tx.Query(ctx, fmt.Sprintf(describeSessions, sessionUser, from, SessionNames), s.args...)
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

// describeSessions adds up the rows of sessions, and lists their different names.
const describeSessions = `
WITH r AS MATERIALIZED (
  SELECT *, %[1]s AS who FROM %[2]s
), named AS (
  SELECT session_id, who, kind, (array_agg(DISTINCT name))[1:%[3]d] AS names, count(DISTINCT name) AS different
  FROM r CROSS JOIN LATERAL (SELECT 1, unnest(models) UNION ALL SELECT 2, unnest(services) UNION ALL SELECT 3, unnest(traces)) AS n (kind, name)
  WHERE name <> ''
  GROUP BY 1, 2, 3
), added AS (
  SELECT session_id, who, sum(calls)::bigint AS calls, sum(unpriced_calls)::bigint AS unpriced_calls, coalesce(sum(tokens), 0)::bigint AS tokens, min(first_call) AS first_call, max(last_call) AS last_call
  FROM r GROUP BY 1, 2
)
SELECT session_id, who, calls, unpriced_calls, tokens, first_call, last_call,
       coalesce(m.names, '{}'), coalesce(m.different, 0), coalesce(s.names, '{}'), coalesce(s.different, 0), coalesce(t.names, '{}'), coalesce(t.different, 0)
FROM added
LEFT JOIN (SELECT * FROM named WHERE kind = 1) AS m USING (session_id, who)
LEFT JOIN (SELECT * FROM named WHERE kind = 2) AS s USING (session_id, who)
LEFT JOIN (SELECT * FROM named WHERE kind = 3) AS t USING (session_id, who)`
