package read

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestTwoConnectionsSeeOneMoment stores a call between the first look and the second.
func TestTwoConnectionsSeeOneMoment(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	const insert = `INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES ('2026-01-15T12:00Z', 1, 'text')`
	const look = `SELECT pg_backend_pid(), (SELECT count(*) FROM public.api_usage), current_user || ' ' || current_setting('statement_timeout')`
	for name, connections := range map[string]int32{"two connections": 2, "one connection": 1} {
		config := db.Pool.Config()
		config.MaxConns = connections
		pool, err := pgxpool.NewWithConfig(t.Context(), config)
		require.NoError(t, err)
		defer pool.Close()
		r := New(pool, time.Minute)
		var pids [2]int
		var calls [2]int64
		var rights [2]string
		db.Exec(insert)
		before := db.Text(`SELECT count(*) FROM public.api_usage`)
		require.NoError(t, r.view(t.Context(), Administrator(), func(tx pgx.Tx) error {
			db.Exec(insert)
			one := func(n int) func(context.Context, pgx.Tx) error {
				return func(ctx context.Context, tx pgx.Tx) error {
					return tx.QueryRow(ctx, look).Scan(&pids[n], &calls[n], &rights[n])
				}
			}
			return r.twice(t.Context(), tx, Administrator(), one(0), one(1))
		}), name)
		assert.Equal(t, connections == 1, pids[0] == pids[1], name)
		assert.Equal(t, before, db.Text(`SELECT $1::bigint`, calls[0]), name)
		assert.Equal(t, calls[0], calls[1], name)
		assert.Equal(t, [2]string{"usage_reader 1min", "usage_reader 1min"}, rights, name)

		// What fails is returned, whichever it was, and does not wait for the other.
		for n := range 2 {
			fault := errors.New("fault")
			fails := [2]func(context.Context, pgx.Tx) error{}
			fails[n] = func(context.Context, pgx.Tx) error { return fault }
			fails[1-n] = func(ctx context.Context, tx pgx.Tx) error {
				if connections == 1 {
					return nil
				}
				_, err := tx.Exec(ctx, `SELECT pg_sleep(50)`)
				return err
			}
			err := r.view(t.Context(), Administrator(), func(tx pgx.Tx) error {
				return r.twice(t.Context(), tx, Administrator(), fails[0], fails[1])
			})
			assert.ErrorIs(t, err, fault, "%s, %d", name, n)
		}
		// A cancel request that overtakes its query is lost: pgx then closes the connection
		// after 15 s, and only then gives its place free.
		assert.Eventually(t, func() bool { return pool.Stat().AcquiredConns() == 0 }, time.Minute, time.Millisecond, name)
	}
}
