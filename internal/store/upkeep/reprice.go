package upkeep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/pause"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// RepriceFilter selects the calls to reprice.
type RepriceFilter struct {
	From, To        time.Time // To is excluded
	Provider, Model *string   // nil for all
	OnlyUnpriced    bool
}

// RepriceOptions configures [Compare] and [Reprice].
type RepriceOptions struct {
	Filter RepriceFilter
	// Price sets the cost of a record from its other fields.
	Price func(*usage.Record)
	// BatchCalls is the number of calls per transaction; 0 means 1,000.
	BatchCalls int
	// Progress, if not nil, is called with the number of calls changed so far.
	Progress func(changed int64)

	// The audit records these.
	Book, BookVersion, ReportedCost, Note string
}

// Compared is a call as stored and as repriced.
type Compared struct {
	Before, After *usage.Record
	// Changed reports whether repricing would write the call.
	Changed bool
	// Fault is [store.ErrNoQuantities], [store.ErrQuantities] or [store.ErrNewerRecord] for
	// a call that cannot be repriced and stays as it is.
	Fault error
}

// changed reports whether a new price is worth writing. A different name of the price row
// alone is not: the stored name says what the cost was computed from.
func changed(before, after *usage.Record) bool {
	return before.Cost != after.Cost || before.Status != after.Status || before.Reason != after.Reason || before.CostSource != after.CostSource ||
		before.HasAssumptions && after.HasAssumptions && before.Assumptions != after.Assumptions
}

// Compare reprices stored calls and passes each to each. It writes nothing.
func Compare(ctx context.Context, pool *pgxpool.Pool, o RepriceOptions, each func(Compared)) error {
	windows, err := repriceWindows(ctx, pool, o.Filter)
	if err != nil {
		return fmt.Errorf("compare costs: %w", err)
	}
	for _, w := range windows {
		if err := o.readWindow(ctx, pool, w, func(s *store.Stored) {
			each(o.compare(s))
		}); err != nil {
			return fmt.Errorf("compare costs from %s: %w", w[0].Format(time.RFC3339), err)
		}
	}
	return nil
}

func (o *RepriceOptions) compare(s *store.Stored) Compared {
	after := s.Record
	if s.Fault == nil {
		o.Price(&after)
	}
	return Compared{Before: &s.Record, After: &after, Changed: changed(&s.Record, &after), Fault: s.Fault}
}

// window is a period that is read at once; the end is excluded.
type window [2]time.Time

const (
	windowCalls = 50_000
	windowTime  = 24 * time.Hour
)

// repriceWindows lists the quarter hours in which the rollup has calls that match the
// filter, and joins adjacent ones. Of a year with one unpriced model, only the days with
// that model are read.
func repriceWindows(ctx context.Context, pool *pgxpool.Pool, f RepriceFilter) ([]window, error) {
	rows, err := pool.Query(ctx, `
SELECT bucket, sum(calls)::bigint
FROM public.usage_quarter_hour
WHERE bucket >= $1 AND bucket < $2 AND (calls <> 0 OR unpriced_calls <> 0)
  AND ($3::text IS NULL OR provider IN ($3, '`+sums.Other+`')) AND ($4::text IS NULL OR model IN ($4, '`+sums.Other+`')) AND (NOT $5 OR unpriced_calls <> 0)
GROUP BY 1
ORDER BY 1`, sums.Quarter.Floor(f.From), f.To, f.Provider, f.Model, f.OnlyUnpriced)
	if err != nil {
		return nil, err
	}
	var windows []window
	var bucket time.Time
	var calls, inLast int64
	_, err = pgx.ForEachRow(rows, []any{&bucket, &calls}, func() error {
		end := bucket.Add(15 * time.Minute)
		if n := len(windows); n > 0 && inLast+calls <= windowCalls && end.Sub(windows[n-1][0]) <= windowTime {
			windows[n-1][1] = end
			inLast += calls
			return nil
		}
		windows = append(windows, window{bucket, end})
		inLast = calls
		return nil
	})
	for i := range windows {
		windows[i][0], windows[i][1] = later(windows[i][0], f.From), earlier(windows[i][1], f.To)
	}
	return windows, err
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

const filterStored = `
WHERE timestamp >= $1 AND timestamp < $2
  AND ($3::text IS NULL OR provider = $3) AND ($4::text IS NULL OR coalesce(model, '') = $4) AND (NOT $5 OR pricing_status = 'unpriced')`

func (o *RepriceOptions) readWindow(ctx context.Context, pool *pgxpool.Pool, w window, each func(*store.Stored)) error {
	f := o.Filter
	rows, err := pool.Query(ctx, store.SelectCalls+filterStored, w[0], w[1], f.Provider, f.Model, f.OnlyUnpriced)
	if err != nil {
		return err
	}
	return store.ReadCalls(rows, func(s *store.Stored) error {
		each(s)
		return nil
	})
}

// RepriceRun is the result of [Reprice], as the audit records it.
type RepriceRun struct {
	// ID is the run's id in public.usage_reprice_run. It is 0 when there was nothing to
	// change and so nothing was written.
	ID int64
	// Resumed reports that the run continued one with the same filter and book that had
	// been interrupted. The sums cover both parts.
	Resumed          bool
	Changed          int64
	OldCost, NewCost usage.Sum
}

// Reprice prices stored calls again and writes those whose cost or status changes, each
// with an audit entry, in transactions of BatchCalls. It may be interrupted at any time and
// run again: finished calls do not change again. It may run concurrently with writers and
// with another Reprice, because it locks the rows of a batch in the order of their ids and
// prices them as they are then.
func Reprice(ctx context.Context, pool *pgxpool.Pool, o RepriceOptions) (RepriceRun, error) {
	r := repricer{pool: pool, o: o}
	if r.o.BatchCalls <= 0 {
		r.o.BatchCalls = 1000
	}
	run, err := r.run(ctx)
	if err != nil {
		return run, fmt.Errorf("reprice: %w", err)
	}
	return run, nil
}

type repricer struct {
	pool *pgxpool.Pool
	o    RepriceOptions
	done RepriceRun
}

func (r *repricer) run(ctx context.Context) (RepriceRun, error) {
	if err := r.resume(ctx); err != nil {
		return r.done, err
	}
	windows, err := repriceWindows(ctx, r.pool, r.o.Filter)
	if err != nil {
		return r.done, err
	}
	for _, w := range windows {
		var ids [][16]byte
		if err := r.o.readWindow(ctx, r.pool, w, func(s *store.Stored) {
			if r.o.compare(s).Changed {
				ids = append(ids, s.ID)
			}
		}); err != nil {
			return r.done, err
		}
		slices.SortFunc(ids, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
		for batch := range slices.Chunk(ids, r.o.BatchCalls) {
			if err := r.batch(ctx, w, batch); err != nil {
				return r.done, err
			}
			if r.o.Progress != nil {
				r.o.Progress(r.done.Changed)
			}
		}
	}
	if r.done.ID == 0 {
		return r.done, nil
	}
	_, err = r.pool.Exec(ctx, `UPDATE public.usage_reprice_run SET finished_at = now() WHERE id = $1`, r.done.ID)
	return r.done, err
}

// resume finds an unfinished run of the same kind. If another process is still working on
// it, both share the run.
func (r *repricer) resume(ctx context.Context) error {
	f := r.o.Filter
	var oldCost, newCost string
	err := r.pool.QueryRow(ctx, `
SELECT id, changed_calls, old_dollars::text, new_dollars::text
FROM public.usage_reprice_run
WHERE finished_at IS NULL AND requested_by = session_user AND book_version = $1 AND reported_cost = $2 AND from_time = $3 AND to_time = $4
  AND provider IS NOT DISTINCT FROM $5 AND model IS NOT DISTINCT FROM $6 AND only_unpriced = $7
ORDER BY id DESC
LIMIT 1`, r.o.BookVersion, r.o.ReportedCost, f.From, f.To, f.Provider, f.Model, f.OnlyUnpriced).
		Scan(&r.done.ID, &r.done.Changed, &oldCost, &newCost)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	r.done.Resumed = true
	if r.done.OldCost, err = usage.ParseSum(oldCost); err != nil {
		return err
	}
	r.done.NewCost, err = usage.ParseSum(newCost)
	return err
}

// conflictPause is how long a batch waits after its first conflict.
const conflictPause = 200 * time.Millisecond

// batch changes some calls of a window. It retries after a conflict, such as a deadlock
// with the deletion of a user or a lock timeout.
func (r *repricer) batch(ctx context.Context, w window, ids [][16]byte) error {
	const tries = 5
	for try := 1; ; try++ {
		done := r.done
		err := pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{
			BeginQuery: "BEGIN; SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '10s'",
		}, func(tx pgx.Tx) error { return r.change(ctx, tx, w, ids, &done) })
		if err == nil {
			r.done = done
			return nil
		}
		if try == tries || store.Classify(err) != store.ClassConflict {
			return err
		}
		if err := pause.For(ctx, time.Duration(try)*conflictPause); err != nil {
			return err
		}
	}
}

func (r *repricer) change(ctx context.Context, tx pgx.Tx, w window, ids [][16]byte, done *RepriceRun) error {
	changes, err := r.lock(ctx, tx, w, ids)
	if err != nil || len(changes) == 0 {
		return err
	}
	if done.ID == 0 {
		f := r.o.Filter
		if err := tx.QueryRow(ctx, `
INSERT INTO public.usage_reprice_run (note, book, book_version, reported_cost, from_time, to_time, provider, model, only_unpriced)
VALUES (nullif($1, ''), $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING id`, r.o.Note, r.o.Book, r.o.BookVersion, r.o.ReportedCost, f.From, f.To, f.Provider, f.Model, f.OnlyUnpriced).Scan(&done.ID); err != nil {
			return err
		}
	}
	if err := changes.write(ctx, tx, done.ID); err != nil {
		return err
	}
	var before, after usage.Sum
	for i := range changes {
		before, after = before.Plus(usage.SumOf(changes[i].old.Cost)), after.Plus(usage.SumOf(changes[i].new.Cost))
	}
	done.Changed += int64(len(changes))
	done.OldCost, done.NewCost = done.OldCost.Plus(before), done.NewCost.Plus(after)
	_, err = tx.Exec(ctx, `
UPDATE public.usage_reprice_run
SET changed_calls = changed_calls + $2, old_dollars = old_dollars + $3::text::numeric, new_dollars = new_dollars + $4::text::numeric
WHERE id = $1`, done.ID, len(changes), before.String(), after.String())
	return err
}

// lock locks the rows in the order of their ids, so that two runs wait for each other at
// their first common row, and prices the rows as they are now.
func (r *repricer) lock(ctx context.Context, tx pgx.Tx, w window, ids [][16]byte) (list changes, err error) {
	var isCitus bool
	if err := tx.QueryRow(ctx, `SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL`).Scan(&isCitus); err != nil {
		return nil, err
	}
	sql := store.SelectCalls + `
WHERE id = ANY ($1::uuid[]) AND timestamp >= $2 AND timestamp < $3
ORDER BY id`
	if !isCitus { // Citus cannot lock rows of several shards; the update notices concurrent changes
		sql += `
FOR NO KEY UPDATE`
	}
	rows, err := tx.Query(ctx, sql, ids, w[0], w[1])
	if err != nil {
		return nil, err
	}
	err = store.ReadCalls(rows, func(s *store.Stored) error {
		if r.o.Filter.OnlyUnpriced && s.Status != usage.StatusUnpriced {
			return nil
		}
		if c := r.o.compare(s); c.Changed {
			list = append(list, change{old: s.Record, new: *c.After, tokens: s.Tokens})
		}
		return nil
	})
	return list, err
}
