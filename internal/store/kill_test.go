package store_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestKillingTheServerLosesNothingAndDoublesNothing repeats each batch until
// it is acknowledged, as the exporter does, while the server is killed.
func TestKillingTheServerLosesNothingAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []store.RollupMode{store.RollupTrigger, store.RollupStatement} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			killTheServer(t, mode)
		})
	}
}

func killTheServer(t *testing.T, mode store.RollupMode) {
	t.Helper()
	dir, err := os.MkdirTemp("", "store-kill-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	server, err := pgserver.Start(t.Context(), pgserver.Options{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { server.Stop() })
	conn, err := pgx.Connect(t.Context(), server.DSN)
	require.NoError(t, err)
	_, err = dbmigrate.New().Up(t.Context(), conn)
	require.NoError(t, err)
	_, err = dbmigrate.New().KeepRollupsBy(t.Context(), conn, string(mode))
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))

	pool, err := store.Connect(t.Context(), store.Config{DSN: server.DSN, MaxConns: 3})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	var stop atomic.Bool
	var acked, unclear atomic.Int64
	var wg sync.WaitGroup
	for n := range 3 {
		wg.Go(func() {
			w := write.New(pool, write.Options{Rollup: mode, Encode: func(b []byte, _ *usage.Record) []byte { return b }})
			for batch := 0; !stop.Load(); batch++ {
				from := (n*1_000_000 + batch*200)
				for {
					ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
					result, err := w.Write(ctx, calls(from, from+200))
					cancel()
					if err == nil {
						acked.Add(200)
						if result.Duplicates > 0 {
							unclear.Add(1) // it was committed, without an answer
						}
						break
					}
					class := store.Classify(err)
					assert.Contains(t, []store.Class{store.ClassConnection, store.ClassServer, store.ClassConflict}, class, "%v", err)
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	for kill := range 3 {
		reached := acked.Load() + 3000
		require.Eventually(t, func() bool { return acked.Load() > reached }, time.Minute, time.Millisecond, "kill %d", kill)
		server.Kill()
		require.Eventually(t, func() bool {
			// The children of a killed server hold its memory for a moment.
			again, err := pgserver.Start(context.Background(), pgserver.Options{Dir: dir, Port: server.Port})
			if err == nil {
				server = again
			}
			return err == nil
		}, time.Minute, 50*time.Millisecond)
	}
	stop.Store(true)
	wg.Wait()
	var rows int64
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM public.api_usage`).Scan(&rows))
	assert.Equal(t, acked.Load(), rows, "acknowledged and stored")
	differences, err := pool.Query(t.Context(), rollupDifferences)
	require.NoError(t, err)
	text := ""
	var name string
	var n int
	_, err = pgx.ForEachRow(differences, []any{&name, &n}, func() error {
		text += fmt.Sprintf("%s|%d\n", name, n)
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, noDifferences+"\n", text)
	t.Logf("%d rows, %d batches were committed without our knowing", rows, unclear.Load())
}
