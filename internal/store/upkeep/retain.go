package upkeep

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// RetainOptions configures [Retain].
type RetainOptions struct {
	// Before is truncated to the start of its UTC day. Calls before that are deleted.
	Before time.Time
	// BatchRows is the number of rows deleted per transaction; 0 means 20,000, which takes
	// about 100 ms.
	BatchRows int
	// Progress, if not nil, is called with the number of rows deleted so far.
	Progress func(rows int64)
}

// mark returns the start of the UTC day of Before. Calls before it are deleted.
func (o RetainOptions) mark() time.Time {
	b := o.Before.UTC()
	return time.Date(b.Year(), b.Month(), b.Day(), 0, 0, 0, 0, time.UTC)
}

// Retention is what [Retain] would do, and what it did before.
type Retention struct {
	Mark  time.Time // calls before it would be deleted
	Calls int64     // their number
	// Old is the current mark, zero for none. If it is later than Mark, Summed is the
	// number of calls between the two of which only sums are left.
	Old    time.Time
	Summed int64
}

// ReadRetention returns what [Retain] would do. It changes nothing.
func ReadRetention(ctx context.Context, pool *pgxpool.Pool, o RetainOptions) (r Retention, err error) {
	r.Mark = o.mark()
	if r.Old, err = store.RetainedFrom(ctx, pool); err != nil {
		return r, err
	}
	if err := pool.QueryRow(ctx, `SELECT count(*) FROM public.api_usage WHERE timestamp < $1`, r.Mark).Scan(&r.Calls); err != nil {
		return r, fmt.Errorf("count calls before %s: %w", r.Mark.Format(time.DateOnly), err)
	}
	if r.Old.After(r.Mark) {
		err = pool.QueryRow(ctx, `SELECT coalesce((SELECT sum(calls) FROM public.usage_day WHERE bucket >= $1 AND bucket < $2), 0)::bigint
  - (SELECT count(*) FROM public.api_usage WHERE timestamp >= $1 AND timestamp < $2)`, r.Mark, r.Old).Scan(&r.Summed)
	}
	return r, err
}

const setMark = `
INSERT INTO public.usage_setting AS s (name, value) VALUES ('` + store.RetainedFromSetting + `', $1)
ON CONFLICT (name) DO UPDATE SET value = `

// MoveMarkBack lets writers store calls again from an earlier day on. Calls of which only
// sums are left would be counted twice if they arrived again.
func MoveMarkBack(ctx context.Context, pool *pgxpool.Pool, o RetainOptions) error {
	if _, err := pool.Exec(ctx, setMark+`least(s.value, EXCLUDED.value)`, o.mark().Format(time.RFC3339)); err != nil {
		return fmt.Errorf("move the retention mark back: %w", err)
	}
	return nil
}

// Retain deletes old calls and keeps their sums in the rollups. It may be interrupted at
// any time and run again.
//
// It sets the mark before it deletes the first row, and only if there is one. From then on
// writers refuse calls before the mark, because it is no longer known whether such a call
// was counted already.
func Retain(ctx context.Context, pool *pgxpool.Pool, o RetainOptions) (deleted int64, err error) {
	if o.BatchRows <= 0 {
		o.BatchRows = 20_000
	}
	mark := o.mark()
	var any bool
	if err := pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.api_usage WHERE timestamp < $1)`, mark).Scan(&any); err != nil || !any {
		return 0, err
	}
	if _, err := pool.Exec(ctx, setMark+`greatest(s.value, EXCLUDED.value)`, mark.Format(time.RFC3339)); err != nil {
		return 0, fmt.Errorf("set retention mark: %w", err)
	}
	if err := keepSessionsBefore(ctx, pool, mark); err != nil {
		return 0, err
	}
	if deleted, err = dropMonths(ctx, pool, o, mark); err != nil {
		return deleted, err
	}
	// Delete day by day: a single statement would scan all the rows that earlier ones
	// deleted. The last pass deletes calls that are in no rollup.
	rows, err := pool.Query(ctx, `SELECT DISTINCT bucket FROM public.usage_day WHERE bucket < $1 AND calls <> 0 ORDER BY 1`, mark)
	if err != nil {
		return 0, fmt.Errorf("list days: %w", err)
	}
	days, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	if err != nil {
		return 0, fmt.Errorf("list days: %w", err)
	}
	for _, day := range days {
		if deleted, err = retainRange(ctx, pool, o, day, day.AddDate(0, 0, 1), deleted); err != nil {
			return deleted, err
		}
	}
	return retainRange(ctx, pool, o, time.Time{}, mark, deleted)
}

func retainRange(ctx context.Context, pool *pgxpool.Pool, o RetainOptions, from, to time.Time, deleted int64) (int64, error) {
	for {
		var rows int64
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SET LOCAL usage.keep_rollup = on`); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, `
DELETE FROM public.api_usage
WHERE timestamp >= $1 AND timestamp < $2
  AND id = ANY (ARRAY(SELECT id FROM public.api_usage WHERE timestamp >= $1 AND timestamp < $2 LIMIT $3))`, from, to, o.BatchRows)
			rows = tag.RowsAffected()
			return err
		})
		if err != nil {
			return deleted, fmt.Errorf("delete calls before %s: %w", to.Format(time.DateOnly), err)
		}
		if rows == 0 {
			return deleted, forgetIDs(ctx, pool, from, to)
		}
		deleted += rows
		if o.Progress != nil {
			o.Progress(deleted)
		}
	}
}
