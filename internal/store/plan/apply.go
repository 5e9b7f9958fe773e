package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/pause"
	"github.com/otelcol-usage/otelcol-usage/internal/payer"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Options configures [Apply].
type Options struct {
	// From and To limit the calls that are compared; zero is no limit. To is excluded.
	From, To time.Time
	// DryRun counts and changes nothing.
	DryRun bool
	// BatchCalls is the number of calls per transaction; 0 means 1,000.
	BatchCalls int
	// Progress, if not nil, is called with the number of calls changed so far.
	Progress func(changed int64)
}

// Applied is what [Apply] did.
type Applied struct {
	// Compared is the number of calls that a plan could cover, or had covered.
	Compared, Changed int64
	// Moved is the API-equivalent of the changed calls by payer, before and after; "" is
	// unknown.
	Before, After map[usage.Payer]usage.Sum
}

// Apply writes into the stored calls which plan covers them, and the payer where the call
// does not tell it. It takes back what a plan had filled in and does not cover any more. It
// changes each call once, with an audit entry, and the sums with it, in transactions of
// BatchCalls; it may be stopped at any time and run again, and runs beside writers and other
// runs. Plans are taken as they are at its start.
func Apply(ctx context.Context, pool *pgxpool.Pool, o Options) (Applied, error) {
	a := applier{pool: pool, o: o, done: Applied{Before: map[usage.Payer]usage.Sum{}, After: map[usage.Payer]usage.Sum{}}}
	if a.o.BatchCalls <= 0 {
		a.o.BatchCalls = 1000
	}
	if err := a.run(ctx); err != nil {
		return a.done, fmt.Errorf("apply plans: %w", err)
	}
	return a.done, nil
}

type applier struct {
	pool     *pgxpool.Pool
	o        Options
	plans    *payer.Plans
	everyone bool       // a plan covers calls of everybody
	users    [][16]byte // that have seats
	runID    int64
	done     Applied
}

func (a *applier) run(ctx context.Context) error {
	if !a.o.DryRun {
		if err := a.pool.QueryRow(ctx, `INSERT INTO public.usage_plan_run (from_time, to_time) VALUES ($1, $2) RETURNING id`,
			dateOrNull(a.o.From), dateOrNull(a.o.To)).Scan(&a.runID); err != nil {
			return err
		}
	}
	if err := a.load(ctx); err != nil {
		return err
	}
	days, err := a.days(ctx)
	if err != nil {
		return err
	}
	for _, day := range days {
		if err := a.day(ctx, day); err != nil {
			return fmt.Errorf("calls of %s: %w", day.Format(time.DateOnly), err)
		}
	}
	if a.o.DryRun {
		return nil
	}
	_, err = a.pool.Exec(ctx, `UPDATE public.usage_plan_run SET finished_at = now() WHERE id = $1`, a.runID)
	return err
}

const (
	selectTerms = `
SELECT name, since::timestamp AT TIME ZONE time_zone, coalesce(least(until, lead(since) OVER (PARTITION BY name ORDER BY since))::timestamp AT TIME ZONE time_zone, '0001-01-01Z'),
       payer, everyone, coalesce(provider, ''), coalesce(service, ''), coalesce(environment, ''), coalesce(model, ''), coalesce(api_types, '{}')
FROM public.usage_plans`

	selectSeats = `
SELECT DISTINCT s.plan, s.user_id, s.since::timestamp AT TIME ZONE t.time_zone, coalesce(s.until::timestamp AT TIME ZONE t.time_zone, '0001-01-01Z')
FROM public.usage_plan_seats AS s JOIN public.usage_plans AS t ON t.name = s.plan`
)

// load reads the plans and seats in one moment.
func (a *applier) load(ctx context.Context) error {
	return pgx.BeginTxFunc(ctx, a.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectTerms)
		if err != nil {
			return err
		}
		var terms []payer.Terms
		var t payer.Terms
		if _, err := pgx.ForEachRow(rows, []any{&t.Plan, &t.Since, &t.Until, (*string)(&t.Payer), &t.Everyone, &t.Provider, &t.Service, &t.Environment, &t.Model, &t.APITypes}, func() error {
			terms, a.everyone = append(terms, t), a.everyone || t.Everyone
			t.APITypes = nil
			return nil
		}); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, selectSeats); err != nil {
			return err
		}
		var seats []payer.Seat
		var s payer.Seat
		if _, err := pgx.ForEachRow(rows, []any{&s.Plan, (*[16]byte)(&s.User), &s.Since, &s.Until}, func() error {
			seats, a.users = append(seats, s), append(a.users, s.User)
			return nil
		}); err != nil {
			return err
		}
		a.plans = payer.New(terms, seats)
		return nil
	})
}

// days lists the UTC days that have calls and lie in the period, from the first one on
// that a plan covers or covered.
func (a *applier) days(ctx context.Context) ([]time.Time, error) {
	rows, err := a.pool.Query(ctx, `
SELECT bucket FROM public.usage_day_type
WHERE calls <> 0 AND bucket < coalesce($2, 'infinity'::timestamptz)
  AND bucket >= coalesce(date_trunc('day', $1::timestamptz, 'UTC'), '-infinity'::timestamptz)
  AND bucket >= date_trunc('day', least((SELECT min(since::timestamp AT TIME ZONE time_zone) FROM public.usage_plans),
    (SELECT min(timestamp) FROM public.api_usage WHERE payer_plan IS NOT NULL)), 'UTC')
GROUP BY 1 ORDER BY 1`, dateOrNull(a.o.From), dateOrNull(a.o.To))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[time.Time])
}

// stored is a call as the table has it.
type stored struct {
	id [16]byte
	payer.Call
	paid payer.Paid
	cost usage.Sum
}

const selectCalls = `
SELECT id, timestamp, coalesce(user_id, '00000000-0000-0000-0000-000000000000'), provider, service, environment, coalesce(model, ''), api_type,
       coalesce(payer, ''), coalesce(payer_plan, ''), coalesce(payer_filled, false), usage_dollars::text
FROM public.api_usage`

// read passes the calls of a query to each. The *stored is reused.
func read(rows pgx.Rows, each func(*stored)) error {
	var s stored
	var cost string
	_, err := pgx.ForEachRow(rows, []any{&s.id, &s.At, (*[16]byte)(&s.User), &s.Provider, &s.Service, &s.Environment, &s.Model, &s.APIType,
		(*string)(&s.paid.Payer), &s.paid.Plan, &s.paid.Filled, &cost}, func() (err error) {
		if s.cost, err = usage.ParseSum(cost); err == nil {
			each(&s)
		}
		return err
	})
	return err
}

// day compares the calls of a UTC day, and changes those that differ.
func (a *applier) day(ctx context.Context, day time.Time) error {
	from, to := day, day.Add(24*time.Hour)
	if a.o.From.After(from) {
		from = a.o.From
	}
	if !a.o.To.IsZero() && a.o.To.Before(to) {
		to = a.o.To
	}
	rows, err := a.pool.Query(ctx, selectCalls+`
WHERE timestamp >= $1 AND timestamp < $2 AND ($3 OR payer_plan IS NOT NULL OR user_id = ANY ($4::uuid[]))`, from, to, a.everyone, a.users)
	if err != nil {
		return err
	}
	var ids [][16]byte
	if err := read(rows, func(s *stored) {
		a.done.Compared++
		now := a.plans.For(&s.Call, s.paid.Reported())
		if now == s.paid {
			return
		}
		if ids = append(ids, s.id); a.o.DryRun {
			a.done.count(s, now)
		}
	}); err != nil || a.o.DryRun {
		return err
	}
	slices.SortFunc(ids, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	for batch := range slices.Chunk(ids, a.o.BatchCalls) {
		if err := a.batch(ctx, from, to, batch); err != nil {
			return err
		}
		if a.o.Progress != nil {
			a.o.Progress(a.done.Changed)
		}
	}
	return nil
}

func (d *Applied) count(s *stored, now payer.Paid) {
	d.Changed++
	d.Before[s.paid.Payer] = d.Before[s.paid.Payer].Plus(s.cost)
	d.After[now.Payer] = d.After[now.Payer].Plus(s.cost)
}

// batch changes some calls of a day. It retries after a conflict with a writer.
func (a *applier) batch(ctx context.Context, from, to time.Time, ids [][16]byte) error {
	const tries = 5
	for try := 1; ; try++ {
		var changed []changedCall
		err := pgx.BeginTxFunc(ctx, a.pool, pgx.TxOptions{
			BeginQuery: "BEGIN; SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '10s'",
		}, func(tx pgx.Tx) (err error) {
			changed, err = a.change(ctx, tx, from, to, ids)
			return err
		})
		if err == nil {
			for i := range changed {
				a.done.count(&changed[i].stored, changed[i].now)
			}
			return nil
		}
		if try == tries || store.Classify(err) != store.ClassConflict {
			return err
		}
		if err := pause.For(ctx, time.Duration(try)*200*time.Millisecond); err != nil {
			return err
		}
	}
}

type changedCall struct {
	stored
	now payer.Paid
}

// errCallChanged: a row has changed since it was read.
var errCallChanged = store.Fault(store.ClassConflict, "a call was changed by somebody else at the same time; looking again")

// The update compares what was read, because Citus cannot lock the rows of several shards.
const updatePayers = `UPDATE public.api_usage AS u
SET payer = n.payer, payer_plan = n.plan, payer_filled = n.filled, written_xid = pg_current_xact_id()
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[]) AS n (id, at, old_payer, old_plan, payer, plan, filled)
WHERE u.id = n.id AND u.timestamp = n.at AND u.payer IS NOT DISTINCT FROM n.old_payer AND u.payer_plan IS NOT DISTINCT FROM n.old_plan`

var updateAndFold = sums.AndFoldChange(updatePayers, "WHERE id = ANY ($1::uuid[]) AND timestamp = ANY ($2::timestamptz[])")

const insertAudit = `
INSERT INTO public.usage_correction (call_id, kind, old, new)
SELECT call_id, 'payer', old::jsonb, new::jsonb FROM unnest($1::uuid[], $2::text[], $3::text[]) AS c (call_id, old, new)`

// change locks the calls in the order of their ids, decides again as they are then, and
// writes calls, sums and audit.
func (a *applier) change(ctx context.Context, tx pgx.Tx, from, to time.Time, ids [][16]byte) (list []changedCall, err error) {
	var isCitus bool
	if err := tx.QueryRow(ctx, `SELECT `+store.HasCitus).Scan(&isCitus); err != nil {
		return nil, err
	}
	sql := selectCalls + `
WHERE id = ANY ($1::uuid[]) AND timestamp >= $2 AND timestamp < $3
ORDER BY id`
	if !isCitus {
		sql += `
FOR NO KEY UPDATE`
	}
	rows, err := tx.Query(ctx, sql, ids, from, to)
	if err != nil {
		return nil, err
	}
	if err := read(rows, func(s *stored) {
		if now := a.plans.For(&s.Call, s.paid.Reported()); now != s.paid {
			list = append(list, changedCall{*s, now})
		}
	}); err != nil || len(list) == 0 {
		return nil, err
	}
	n := len(list)
	found, times, filled := make([][16]byte, n), make([]time.Time, n), make([]*bool, n)
	oldPayer, oldPlan, newPayer, newPlan := make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n)
	before, after := make([]string, n), make([]string, n)
	for i := range list {
		c := &list[i]
		found[i], times[i] = c.id, c.At
		oldPayer[i], oldPlan[i] = store.TextOrNull(string(c.paid.Payer)), store.TextOrNull(c.paid.Plan)
		newPayer[i], newPlan[i] = store.TextOrNull(string(c.now.Payer)), store.TextOrNull(c.now.Plan)
		if c.now.Filled {
			filled[i] = &c.now.Filled
		}
		before[i], after[i] = audited(c.paid), audited(c.now)
	}
	changed, err := update(ctx, tx, found, times, oldPayer, oldPlan, newPayer, newPlan, filled)
	if err != nil {
		return nil, err
	}
	if changed != int64(n) {
		return nil, errCallChanged
	}
	if _, err = tx.Exec(ctx, insertAudit, found, before, after); err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `UPDATE public.usage_plan_run SET changed_calls = changed_calls + $2 WHERE id = $1`, a.runID, n)
	return list, err
}

// audited is who pays, as the audit has it.
func audited(p payer.Paid) string {
	text, err := json.Marshal(struct {
		Payer  usage.Payer `json:"payer,omitempty"`
		Plan   string      `json:"plan,omitempty"`
		Filled bool        `json:"filled,omitempty"`
	}{p.Payer, p.Plan, p.Filled})
	if err != nil {
		return "{}" // texts can always be written
	}
	return string(text)
}

// update changes the rows, and the sums where no trigger does. The second look at the
// trigger holds until the commit: CREATE TRIGGER waits for the lock of the update.
func update(ctx context.Context, tx pgx.Tx, args ...any) (rows int64, err error) {
	isKept := `SELECT ` + store.TriggerEnabled("api_usage_fold_update")
	var before, after bool
	if err := tx.QueryRow(ctx, isKept).Scan(&before); err != nil {
		return 0, err
	}
	if before {
		tag, err := tx.Exec(ctx, updatePayers, args...)
		if err != nil {
			return 0, err
		}
		rows = tag.RowsAffected()
	} else if err := tx.QueryRow(ctx, updateAndFold, args...).Scan(&rows); err != nil {
		return 0, err
	}
	if err := tx.QueryRow(ctx, isKept).Scan(&after); err != nil {
		return 0, err
	}
	if before != after {
		return 0, errCallChanged
	}
	return rows, nil
}
