package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// Filled says how much [FillSums] did.
type Filled struct {
	Days    int // UTC days of calls that were summed
	Waiting int // of these, days for which writers had to wait
}

// FillSums makes the sums that migrations have added for the calls that were there before
// them, from the newest UTC day to the oldest that retention has left. It may run beside
// writers and beside another FillSums, and goes on where an earlier one stopped. When all
// is filled it costs a look at one table. The user must own the tables. progress, if not
// nil, is called after each day.
//
// Each day is a transaction that sees one moment, and is rolled back when a writer changes
// one of its sums meanwhile. A day that fails so repeatedly, as today does under load, is
// filled while writers wait, as long as reading the calls of a day takes.
func FillSums(ctx context.Context, pool *pgxpool.Pool, progress func(day time.Time)) (Filled, error) {
	var all Filled
	for _, migration := range sums.Migrations() {
		for {
			day, waiting, err := fillNext(ctx, pool, migration)
			if err != nil {
				return all, fmt.Errorf("fill the sums of migration %04d: %w", migration, err)
			}
			if day.IsZero() {
				break
			}
			all.Days++
			if waiting {
				all.Waiting++
			}
			if progress != nil {
				progress(day)
			}
		}
	}
	return all, nil
}

// maxConflicts is how often a day is tried beside writers.
const maxConflicts = 3

// fillNext fills the newest day that is left and returns it, or zero when none is.
func fillNext(ctx context.Context, pool *pgxpool.Pool, migration int) (day time.Time, waiting bool, err error) {
	// The moment of a transaction is not that of all shards.
	if err := pool.QueryRow(ctx, `SELECT `+store.HasCitus).Scan(&waiting); err != nil {
		return day, false, err
	}
	for conflicts := 0; ; conflicts++ {
		waiting = waiting || conflicts == maxConflicts
		options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead}
		if waiting {
			options.IsoLevel = pgx.ReadCommitted
		}
		err = pgx.BeginTxFunc(ctx, pool, options, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, sums.HoldSlots); err != nil {
				return err
			}
			if waiting {
				if _, err := tx.Exec(ctx, `LOCK TABLE public.api_usage IN SHARE MODE`); err != nil {
					return err
				}
			}
			day, err = fillDay(ctx, tx, migration)
			return err
		})
		// A row that another transaction inserted meanwhile is a conflict of keys.
		if state := store.SQLState(err); waiting || state != "40001" && state != "23505" {
			return day, waiting, err
		}
	}
}

func fillDay(ctx context.Context, tx pgx.Tx, migration int) (time.Time, error) {
	var before time.Time
	err := tx.QueryRow(ctx, `SELECT value::timestamptz FROM public.usage_setting WHERE name = $1 FOR UPDATE`, sums.Unfilled(migration)).Scan(&before)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	mark, err := store.RetainedFrom(ctx, tx)
	if err != nil {
		return time.Time{}, err
	}
	// The two newest days that have calls and are left.
	rows, err := tx.Query(ctx, `SELECT DISTINCT bucket FROM public.usage_day_type WHERE bucket < $1 AND bucket >= $2 ORDER BY bucket DESC LIMIT 2`, before, mark)
	if err != nil {
		return time.Time{}, err
	}
	days, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	if err != nil {
		return time.Time{}, err
	}
	if len(days) == 0 {
		_, err = tx.Exec(ctx, `DELETE FROM public.usage_setting WHERE name = $1`, sums.Unfilled(migration))
		return time.Time{}, err
	}
	day := days[0].UTC()
	for _, l := range sums.ChangedBy(migration) {
		start, end := day, day.AddDate(0, 0, 1)
		if l.Width > sums.Day {
			start, end = l.Width.Floor(day), l.Width.Ceil(end)
			switch {
			case len(days) == 2 && !days[1].Before(start):
				continue // not before all its days
			case l.Since != migration && start.Before(mark):
				continue // retention has removed some of its calls
			}
		}
		if err := rebuild(ctx, tx, l, l.Of != nil, start, end); err != nil {
			return time.Time{}, fmt.Errorf("%s of %s: %w", l.Table(), day.Format(time.DateOnly), err)
		}
	}
	_, err = tx.Exec(ctx, `UPDATE public.usage_setting SET value = $2 WHERE name = $1`, sums.Unfilled(migration), day.Format(time.RFC3339))
	return day, err
}
