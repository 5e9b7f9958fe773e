package read

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// CallsQuestion asks for single calls, newest first.
type CallsQuestion struct {
	Viewer Viewer
	Filter Filter
	// From is included, To is excluded.
	From, To time.Time
	// Now is the time of the question. Few calls lie between it and a later To, such as the
	// end of the day. Zero means To.
	Now time.Time
	// TraceID, RequestID, SessionID and Status select calls with exactly this value; ""
	// selects all.
	TraceID, RequestID, SessionID, Status string
	Limit                                 int
	// After is where the previous page ended; nil for the first page.
	After *CallPlace
}

// CallPlace is the position of a call in the list. Older calls follow it.
type CallPlace struct {
	Time time.Time
	ID   usage.ID
}

// Call is a row of public.api_usage as readers see it.
type Call struct {
	ID                                      usage.ID
	UserID                                  usage.ID // zero when unknown
	Time, StoredAt                          time.Time
	APIType, Provider, Service, Environment string
	Model, RequestID                        *string
	// Cost is 0 for an unpriced call.
	Cost       usage.Sum
	Status     usage.PricingStatus
	Reason     *string
	PriceID    *string
	CostSource *string
	// Assumptions is nil when it is unknown whether pricing made any.
	Assumptions []string
	// TraceID, SessionID, Outcome and Payer are nil when unknown.
	TraceID, SessionID, Outcome, Payer *string
	// PayerPlan is the plan that covers the call, nil for none. PayerFilled means that the
	// payer is the plan's, because the call does not tell.
	PayerPlan    *string
	PayerFilled  bool
	ReportedCost *usage.Sum
	// A nil quantity is zero or unknown.
	Tokens, InputTokens, OutputTokens, CacheReadTokens, CacheWrite5mTokens, CacheWrite1hTokens *int64
	ReasoningTokens, Characters, Images                                                        *int64
	AudioSeconds                                                                               *string // a decimal number as text
	Metadata, OtherQuantities                                                                  json.RawMessage
}

// callColumns lists the columns of a call that readers see.
var callColumns = []store.Selected[scannedCall]{
	{SQL: "id", Into: func(c *scannedCall) any { return &c.id }},
	{SQL: "user_id", Into: func(c *scannedCall) any { return &c.user }},
	{SQL: "timestamp", Into: func(c *scannedCall) any { return &c.Time }},
	{SQL: "created_at", Into: func(c *scannedCall) any { return &c.StoredAt }},
	{SQL: "api_type", Into: func(c *scannedCall) any { return &c.APIType }},
	{SQL: "provider", Into: func(c *scannedCall) any { return &c.Provider }},
	{SQL: "service", Into: func(c *scannedCall) any { return &c.Service }},
	{SQL: "environment", Into: func(c *scannedCall) any { return &c.Environment }},
	{SQL: "model", Into: func(c *scannedCall) any { return &c.Model }},
	{SQL: "request_id", Into: func(c *scannedCall) any { return &c.RequestID }},
	{SQL: "usage_dollars::text", Into: func(c *scannedCall) any { return moneyText{&c.Cost} }},
	{SQL: "pricing_status", Into: func(c *scannedCall) any { return &c.Status }},
	{SQL: "pricing_reason", Into: func(c *scannedCall) any { return &c.Reason }},
	{SQL: "price_id", Into: func(c *scannedCall) any { return &c.PriceID }},
	{SQL: "cost_source", Into: func(c *scannedCall) any { return &c.CostSource }},
	{SQL: "reported_dollars::text", Into: func(c *scannedCall) any { return &c.reported }},
	{SQL: "tokens_used::bigint", Into: func(c *scannedCall) any { return &c.Tokens }},
	{SQL: "input_tokens", Into: func(c *scannedCall) any { return &c.InputTokens }},
	{SQL: "output_tokens", Into: func(c *scannedCall) any { return &c.OutputTokens }},
	{SQL: "cache_read_tokens", Into: func(c *scannedCall) any { return &c.CacheReadTokens }},
	{SQL: "cache_write_5m_tokens", Into: func(c *scannedCall) any { return &c.CacheWrite5mTokens }},
	{SQL: "cache_write_1h_tokens", Into: func(c *scannedCall) any { return &c.CacheWrite1hTokens }},
	{SQL: "reasoning_tokens", Into: func(c *scannedCall) any { return &c.ReasoningTokens }},
	{SQL: "characters", Into: func(c *scannedCall) any { return &c.Characters }},
	{SQL: "images", Into: func(c *scannedCall) any { return &c.Images }},
	{SQL: "trim_scale(audio_seconds)::text", Into: func(c *scannedCall) any { return &c.AudioSeconds }},
	{SQL: "(CASE WHEN tags IS NULL THEN metadata ELSE metadata || jsonb_build_object('tags', " + sums.TagsObject + ") END)::text", Into: func(c *scannedCall) any { return (*[]byte)(&c.Metadata) }},
	{SQL: "other_quantities::text", Into: func(c *scannedCall) any { return (*[]byte)(&c.OtherQuantities) }},
	{SQL: "pricing_assumptions", Into: func(c *scannedCall) any { return &c.Assumptions }},
	{SQL: "trace_id", Into: func(c *scannedCall) any { return &c.TraceID }},
	{SQL: "session_id", Into: func(c *scannedCall) any { return &c.SessionID }},
	{SQL: "outcome", Into: func(c *scannedCall) any { return &c.Outcome }},
	{SQL: "payer", Into: func(c *scannedCall) any { return &c.Payer }},
	{SQL: "payer_plan", Into: func(c *scannedCall) any { return &c.PayerPlan }},
	{SQL: "coalesce(payer_filled, false)", Into: func(c *scannedCall) any { return &c.PayerFilled }},
}

// CallColumns returns the columns of public.api_usage that readers see, separated by
// commas.
func CallColumns() string { return store.SelectList(callColumns) }

// scannedCall holds the columns of callColumns as the server returns them.
type scannedCall struct {
	Call
	id       [16]byte
	user     *[16]byte
	reported *string
}

// firstWindow is the length of the first stretch of time that is searched for a page. If it
// has too few calls, the next stretch is four times as long, and so on. Busy times are thus
// read in short pieces and quiet ones in few. Sorting the whole period to show a hundred
// calls would read all of it, and so would a quarter hour of a very busy sender.
const firstWindow = 30 * time.Second

// Calls returns one page of calls and reports whether there are more.
func (r *Reader) Calls(ctx context.Context, q CallsQuestion) (page []Call, more bool, err error) {
	err = r.view(ctx, q.Viewer, func(tx pgx.Tx) error {
		for from, to := range q.windows() {
			more, err := q.window(ctx, tx, from, to, q.Limit+1-len(page))
			if err != nil {
				return err
			}
			if page = append(page, more...); len(page) > q.Limit {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("list calls: %w", err)
	}
	if len(page) > q.Limit {
		return page[:q.Limit], true, nil
	}
	return page, false, nil
}

// windows yields the stretches of time to search, the latest first: what is still to come,
// then from now on backwards in growing steps.
func (q *CallsQuestion) windows() iter.Seq2[time.Time, time.Time] {
	return func(yield func(from, to time.Time) bool) {
		to := q.To
		if q.After != nil && q.After.Time.Before(to) {
			to = q.After.Time.Add(time.Microsecond) // calls of the same microsecond follow by id
		}
		for width := firstWindow; to.After(q.From); {
			from := to.Add(-width)
			if !q.Now.IsZero() && to.After(q.Now) {
				from = q.Now
			} else {
				width *= 4
			}
			// An index returns one user's calls in the right order.
			if from.Before(q.From) || q.Filter.ByUser || q.Viewer.own() {
				from = q.From
			}
			if !yield(from, to) {
				return
			}
			to = from
		}
	}
}

func (q *CallsQuestion) window(ctx context.Context, tx pgx.Tx, from, to time.Time, limit int) ([]Call, error) {
	s, where := q.conditions(from, to)
	// Only the calls of the page are converted to text, not all that are sorted.
	const order = " ORDER BY timestamp DESC, id DESC"
	sql := "SELECT " + CallColumns() + " FROM (SELECT * FROM " + relation(sums.Single, q.Viewer) + where +
		order + " LIMIT " + s.arg(limit) + ") AS page" + order
	rows, err := tx.Query(ctx, sql, s.args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanCall)
}

// conditions returns the sources and the WHERE clause of a question about single calls.
func (q *CallsQuestion) conditions(from, to time.Time) (*sources, string) {
	s := newSources(q.Viewer, q.Filter)
	var b strings.Builder
	fmt.Fprintf(&b, " WHERE timestamp >= %s AND timestamp < %s", s.arg(from), s.arg(to))
	s.narrow(&b, sums.Single)
	for _, c := range []struct{ expression, value string }{
		{"trace_id", q.TraceID}, {"request_id", q.RequestID}, {"session_id", q.SessionID}, {"pricing_status", q.Status},
	} {
		if c.value != "" {
			fmt.Fprintf(&b, " AND %s = %s", c.expression, s.arg(c.value))
		}
	}
	if q.After != nil {
		fmt.Fprintf(&b, " AND (timestamp, id) < (%s, %s)", s.arg(q.After.Time), s.arg([16]byte(q.After.ID)))
	}
	return s, b.String()
}

// TraceLink returns the URL template of a trace, with the placeholders {trace_id} and
// {span_id}. It is "" when no administrator has set it, or when it is set only on Grafana's
// own server.
func (r *Reader) TraceLink(ctx context.Context) (address string, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT coalesce((SELECT url FROM usage_report.trace_link WHERE url ~ '^https?://'), '')`).Scan(&address)
	})
	if err != nil {
		return "", fmt.Errorf("look up the address of traces: %w", err)
	}
	return address, nil
}

// EachCall passes every call to fn, oldest first, in constant memory. All calls come from
// one snapshot, so they add up to what a [Summary] of that moment would show. timeout
// limits the reading of one day, including the time that fn takes.
func (r *Reader) EachCall(ctx context.Context, q CallsQuestion, timeout time.Duration, fn func(*Call) error) error {
	err := r.eachDay(ctx, q, timeout, func(tx pgx.Tx, from, to time.Time) error {
		s, where := q.conditions(from, to)
		rows, err := tx.Query(ctx, "SELECT "+CallColumns()+" FROM "+relation(sums.Single, q.Viewer)+where+" ORDER BY timestamp, id", s.args...)
		return eachRow(rows, err, scanCall, fn)
	})
	if err != nil {
		return fmt.Errorf("export calls: %w", err)
	}
	return nil
}

// eachDay reads the period of a question in one snapshot, one UTC day at a time, so that
// the server sorts no more than a day.
func (r *Reader) eachDay(ctx context.Context, q CallsQuestion, timeout time.Duration, read func(tx pgx.Tx, from, to time.Time) error) error {
	slow := &Reader{pool: r.pool, timeout: timeout}
	return slow.view(ctx, q.Viewer, func(tx pgx.Tx) error {
		for from := q.From; from.Before(q.To); {
			to := sums.Day.Floor(from).Add(24 * time.Hour)
			if to.After(q.To) {
				to = q.To
			}
			if err := read(tx, from, to); err != nil {
				return err
			}
			from = to
		}
		return nil
	})
}

// eachRow passes the rows of a query to fn one by one. It returns err when the query
// failed.
func eachRow[T any](rows pgx.Rows, err error, scan func(pgx.CollectableRow) (T, error), fn func(*T) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		value, err := scan(rows)
		if err == nil {
			err = fn(&value)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

func scanCall(row pgx.CollectableRow) (Call, error) {
	var c scannedCall
	if err := row.Scan(store.Targets(callColumns, &c)...); err != nil {
		return Call{}, err
	}
	c.ID = c.id
	if c.user != nil {
		c.UserID = *c.user
	}
	c.Time, c.StoredAt = c.Time.UTC(), c.StoredAt.UTC()
	if c.reported != nil {
		sum, err := usage.ParseSum(*c.reported)
		if err != nil {
			return Call{}, err
		}
		c.ReportedCost = &sum
	}
	return c.Call, nil
}
