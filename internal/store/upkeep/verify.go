package upkeep

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// Difference is a rollup that differs from the sum of its rows, in one month.
type Difference struct {
	Rollup  string
	Month   time.Time // UTC
	Keys    int64     // rows of the rollup that are wrong, missing or superfluous
	Dollars string    // the difference, a decimal number
}

// VerifyOptions configures [Verify].
type VerifyOptions struct {
	// From and To bound the calls and are widened to UTC months; zero means no bound.
	From, To time.Time
	// Repair rebuilds the rollups of a month that has differences. Writers wait while a
	// month is rebuilt.
	Repair bool
	// Progress, if not nil, is called after each month is checked.
	Progress func(month time.Time, differences int)
}

// Verify compares every rollup with the rows, month by month. Each comparison uses one
// snapshot, so writers may continue. Months before the retention mark have no rows to
// compare with and are skipped.
func Verify(ctx context.Context, pool *pgxpool.Pool, o VerifyOptions) ([]Difference, error) {
	from, to, err := verifyRange(ctx, pool, o)
	if err != nil {
		return nil, fmt.Errorf("verify rollups: %w", err)
	}
	mark, err := store.RetainedFrom(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("verify rollups: %w", err)
	}
	var all []Difference
	for month := monthOf(from); month.Before(to); month = month.AddDate(0, 1, 0) {
		var found []Difference
		for _, l := range sums.Levels {
			start, end := month, month.AddDate(0, 1, 0)
			if start.Before(mark) {
				// If part of a month was deleted, only its remaining days can be compared.
				if l.Width > sums.Day || !mark.Before(end) {
					continue
				}
				start = mark
			}
			d, err := verifyMonth(ctx, pool, l, start, end, o.Repair)
			if err != nil {
				return all, fmt.Errorf("verify %s of %s: %w", l.Table(), month.Format("2006-01"), err)
			}
			if d != nil {
				d.Month = month
				found = append(found, *d)
			}
		}
		if start, end := latest(month, mark), month.AddDate(0, 1, 0); start.Before(end) {
			d, err := verifySessions(ctx, pool, start, end, o.Repair)
			if err != nil {
				return all, fmt.Errorf("verify public.usage_session_kept of %s: %w", month.Format("2006-01"), err)
			}
			if d.Keys > 0 {
				d.Month = month
				found = append(found, d)
			}
		}
		all = append(all, found...)
		if o.Progress != nil {
			o.Progress(month, len(found))
		}
	}
	return all, nil
}

// addInMemory lets a transaction add up a month of some million calls without files.
const addInMemory = `SET LOCAL work_mem = '64MB'`

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// verifySessions compares what is kept by session. A repair lets it be read from the calls
// until the exporter keeps it again; no writer waits.
func verifySessions(ctx context.Context, pool *pgxpool.Pool, start, end time.Time, repair bool) (d Difference, err error) {
	d.Rollup = "public.usage_session_kept"
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, addInMemory); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, countSessionDifferences, start, end).Scan(&d.Keys, &d.Dollars); err != nil || d.Keys == 0 || !repair {
			return err
		}
		_, err := tx.Exec(ctx, forgetSessions, start, end)
		return err
	})
	return d, err
}

func verifyMonth(ctx context.Context, pool *pgxpool.Pool, l *sums.Level, start, end time.Time, repair bool) (*Difference, error) {
	d := Difference{Rollup: l.Table()}
	if err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, addInMemory); err != nil {
			return err
		}
		return tx.QueryRow(ctx, l.CountDifferences(), start, end).Scan(&d.Keys, &d.Dollars)
	}); err != nil {
		return nil, err
	}
	if d.Keys == 0 {
		return nil, nil //nolint:nilnil // nil means no difference
	}
	if !repair {
		return &d, nil
	}
	return &d, build(ctx, pool, l, false, start, end)
}

// build recomputes the sums of [start, end).
func build(ctx context.Context, pool *pgxpool.Pool, l *sums.Level, fromParent bool, start, end time.Time) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sums.HoldSlots); err != nil {
			return err
		}
		// Writers wait from here on. Readers, and builders of other levels, continue.
		if _, err := tx.Exec(ctx, `LOCK TABLE public.api_usage IN SHARE MODE`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `LOCK TABLE `+l.Table()+` IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		return rebuild(ctx, tx, l, fromParent, start, end)
	})
}

// rebuild replaces the sums of [start, end), in a transaction that began with
// [sums.HoldSlots].
func rebuild(ctx context.Context, tx pgx.Tx, l *sums.Level, fromParent bool, start, end time.Time) error {
	if _, err := tx.Exec(ctx, `DELETE FROM `+l.Table()+` WHERE bucket >= $1 AND bucket < $2`, start, end); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, l.Fill(fromParent), start, end)
	return err
}

// BuildRollups computes all rollups from calls that were stored without them. Unlike the
// repair of [Verify], it does not compare first. None of the calls may have been deleted by
// retention.
func BuildRollups(ctx context.Context, pool *pgxpool.Pool) error {
	from, to, err := verifyRange(ctx, pool, VerifyOptions{})
	if err != nil {
		return fmt.Errorf("build rollups: %w", err)
	}
	errs := make([]error, len(sums.Levels))
	var wg sync.WaitGroup
	for i, l := range sums.Levels {
		if l.Of == nil {
			wg.Go(func() { errs[i] = buildFrom(ctx, pool, l, from, to) })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// buildFrom builds a level from the calls, and from it the levels that sum it, which reads
// far fewer rows than the calls.
func buildFrom(ctx context.Context, pool *pgxpool.Pool, l *sums.Level, from, to time.Time) error {
	for month := monthOf(from); month.Before(to); month = month.AddDate(0, 1, 0) {
		if err := build(ctx, pool, l, l.Of != nil, month, month.AddDate(0, 1, 0)); err != nil {
			return fmt.Errorf("build %s of %s: %w", l.Table(), month.Format("2006-01"), err)
		}
	}
	for _, other := range sums.Levels {
		if other.Of == l {
			if err := buildFrom(ctx, pool, other, from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// verifyRange returns the period that all rows and sums cover, within the bounds of o.
func verifyRange(ctx context.Context, pool *pgxpool.Pool, o VerifyOptions) (from, to time.Time, err error) {
	var first, last *time.Time
	if err := pool.QueryRow(ctx, `
SELECT least((SELECT min(timestamp) FROM public.api_usage), (SELECT min(bucket) FROM public.usage_quarter_type)),
       greatest((SELECT max(timestamp) FROM public.api_usage), (SELECT max(bucket) FROM public.usage_quarter_type))`).Scan(&first, &last); err != nil {
		return from, to, err
	}
	if first == nil || last == nil {
		return from, to, nil // there are no calls
	}
	from, to = first.UTC(), last.UTC().Add(time.Microsecond)
	if !o.From.IsZero() && o.From.After(from) {
		from = o.From.UTC()
	}
	if !o.To.IsZero() && o.To.Before(to) {
		to = o.To.UTC()
	}
	return from, to, nil
}

func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}
