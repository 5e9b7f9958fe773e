package upkeep

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/pause"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// AddMonths creates the partitions of the current month and the given number of months
// ahead, and moves calls from the default partition into them. It returns the number of new
// partitions. It fails where the table is not partitioned.
func AddMonths(ctx context.Context, pool *pgxpool.Pool, ahead int) (added int, err error) {
	// Attaching a partition and readers of the default partition can block each other.
	const tries = 5
	for try := 1; ; try++ {
		err = pgx.BeginTxFunc(ctx, pool, shortWait, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, `SELECT public.usage_add_months($1)`, ahead).Scan(&added)
		})
		if err == nil {
			return added, nil
		}
		if try == tries || store.Classify(err) != store.ClassConflict {
			return 0, fmt.Errorf("add partitions: %w", err)
		}
		if err := pause.For(ctx, time.Duration(try)*time.Second); err != nil {
			return 0, err
		}
	}
}

// Partitions is the state of a partitioned table.
type Partitions struct {
	Through time.Time // end of the last of the consecutive months, from the current one on, that have partitions; zero when the current one has none
	Waiting int64     // calls in the default partition
}

// ReadPartitions returns the state of the partitions, or nil when the table is not
// partitioned.
func ReadPartitions(ctx context.Context, pool *pgxpool.Pool, now time.Time) (*Partitions, error) {
	var partitioned bool
	if err := pool.QueryRow(ctx, `SELECT `+store.IsPartitioned).Scan(&partitioned); err != nil || !partitioned {
		return nil, err
	}
	var p Partitions
	if err := pool.QueryRow(ctx, `SELECT count(*) FROM public.api_usage_default`).Scan(&p.Waiting); err != nil {
		return nil, err
	}
	for month := monthOf(now); ; month = month.AddDate(0, 1, 0) {
		var there bool
		if err := pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, "public.api_usage_"+month.Format("2006_01")).Scan(&there); err != nil || !there {
			return &p, err
		}
		p.Through = month.AddDate(0, 1, 0)
	}
}

// shortWait limits lock waits, because everybody queues behind a waiter for an exclusive
// lock.
var shortWait = pgx.TxOptions{BeginQuery: "BEGIN; SET LOCAL lock_timeout = '5s'"}

// dropMonths drops the partitions that end before the mark, but never the default one. The
// sums stay, because no trigger fires.
func dropMonths(ctx context.Context, pool *pgxpool.Pool, o RetainOptions, mark time.Time) (dropped int64, err error) {
	rows, err := pool.Query(ctx, `
SELECT c.oid::regclass::text
FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'public.api_usage'::regclass AND `+store.IsPartitioned+`
  AND substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz <= $1
ORDER BY 1`, mark)
	if err != nil {
		return 0, fmt.Errorf("list partitions: %w", err)
	}
	partitions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, fmt.Errorf("list partitions: %w", err)
	}
	for _, name := range partitions {
		var calls int64
		if err := pgx.BeginTxFunc(ctx, pool, shortWait, func(tx pgx.Tx) error {
			// The server has quoted the name.
			if err := tx.QueryRow(ctx, `SELECT count(*) FROM `+name).Scan(&calls); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `DROP TABLE `+name)
			return err
		}); err != nil {
			return dropped, fmt.Errorf("drop partition %s: %w", name, err)
		}
		dropped += calls
		if o.Progress != nil {
			o.Progress(dropped)
		}
	}
	return dropped, nil
}

// forgetIDs deletes the ids of calls whose rows were deleted.
func forgetIDs(ctx context.Context, pool *pgxpool.Pool, from, to time.Time) error {
	var partitioned bool
	err := pool.QueryRow(ctx, `SELECT `+store.IsPartitioned).Scan(&partitioned)
	if err == nil && partitioned {
		_, err = pool.Exec(ctx, `DELETE FROM public.api_usage_id WHERE timestamp >= $1 AND timestamp < $2`, from, to)
	}
	if err != nil {
		return fmt.Errorf("delete ids of calls before %s: %w", to.Format(time.DateOnly), err)
	}
	return nil
}
