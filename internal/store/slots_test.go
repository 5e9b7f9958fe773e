package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// countInSlots counts the rows of sums that no one has moved together yet.
var countInSlots = func() string {
	var tables []string
	for _, l := range sums.Levels {
		tables = append(tables, "(SELECT count(*) FROM "+l.Table()+"_slot)")
	}
	return "SELECT " + strings.Join(tables, " + ")
}()

const insertOne = `INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, tokens_used, tags) VALUES ('2026-01-03T10:00Z', 1, 'text', 'm', 2, 'team=blue')`

// beside runs some work while another transaction has stored a call of the same keys and
// has not ended yet.
func beside(t *testing.T, db *pgtest.DB, work func()) {
	t.Helper()
	require.NoError(t, pgx.BeginFunc(t.Context(), db.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), insertOne); err != nil {
			return err
		}
		work()
		return nil
	}))
}

// TestWritersDoNotWaitForEachOther stores calls of the same keys while two others have and
// do not end. Whoever reads adds up, before and after the sums are moved together.
func TestWritersDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	rows := `SELECT (SELECT string_agg(calls || ' for ' || usage_dollars::integer, ', ' ORDER BY calls) FROM public.usage_day_type),
		(SELECT sum(calls) FROM usage_report.day), (SELECT sum(calls) FROM usage_report.day_tag), (SELECT sum(calls) FROM usage_report.user_half_month)`
	beside(t, db, func() {
		beside(t, db, func() {
			db.Exec(insertOne)
			assert.Equal(t, "1 for 1|1|1|1", db.Text(rows), "what has ended")
			db.Exec(insertOne)
			assert.Equal(t, "2 for 2|2|2|2", db.Text(rows), "the slot was free again")
		})
	})
	assert.Equal(t, "1 for 1, 1 for 1, 2 for 2|4|4|4", db.Text(rows))
	assert.Equal(t, "18", db.Text(countInSlots), "two of nine tables")
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	assert.Empty(t, verify(t, db, upkeep.VerifyOptions{}))

	require.NoError(t, upkeep.FoldSlots(t.Context(), db.Pool))
	assert.Equal(t, "4 for 4|4|4|4", db.Text(rows))
	assert.Equal(t, "0", db.Text(countInSlots))
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
}

// TestALoneWriterHasOneRowForEachKey: also one that stores twice before it ends.
func TestALoneWriterHasOneRowForEachKey(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`BEGIN; ` + insertOne + `; ` + insertOne + `; COMMIT`)
	writeAll(t, newWriter(t, db, write.Options{}), randomCalls(300))
	assert.Equal(t, "0", db.Text(countInSlots))
}

// TestWhatIsTakenFromSlotsIsGoneEverywhere changes and deletes calls whose sums are in a
// slot: a row of the level is then negative, or has no calls but amounts.
func TestWhatIsTakenFromSlotsIsGoneEverywhere(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	beside(t, db, func() { db.Exec(strings.Replace(insertOne, " 1, 'text'", " 5, 'text'", 1)) })
	db.Exec(`DELETE FROM public.api_usage WHERE usage_dollars = 5`)
	assert.Equal(t, "0 for -4, 1 for 5", db.Text(`SELECT string_agg(calls || ' for ' || usage_dollars::integer, ', ' ORDER BY calls) FROM public.usage_day_type`))
	db.Exec(`UPDATE public.api_usage SET usage_dollars = 7, tokens_used = 9, pricing_status = 'estimated'`)
	const want = "1|7|9|1"
	for _, folded := range []bool{false, true} {
		if folded {
			require.NoError(t, upkeep.FoldSlots(t.Context(), db.Pool))
		}
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		assert.Empty(t, verify(t, db, upkeep.VerifyOptions{}))
		for _, view := range []string{"quarter_hour", "day", "quarter_type", "day_type"} {
			assert.Equal(t, want, db.Text(`SELECT sum(calls), trim_scale(sum(usage_dollars)), sum(tokens), sum(estimated_calls) FROM usage_report.`+view), "%s, moved together %t", view, folded)
		}
		models, others, err := read.New(db.Pool, time.Minute).Models(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, models, 1)
		assert.Zero(t, others.Models)
		assert.Equal(t, want, fmt.Sprintf("%d|%s|%d|%d", models[0].Calls, models[0].Cost.Decimal(), models[0].Tokens, models[0].EstimatedCalls))
	}
}

// TestMovingTogetherWaitsForTheWriterOfASlot: its rows are not lost, whenever it ends.
func TestMovingTogetherWaitsForTheWriterOfASlot(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	beside(t, db, func() { db.Exec(insertOne) })
	done := make(chan error, 1)
	first, err := db.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = first.Exec(t.Context(), `SELECT pg_advisory_xact_lock('public.usage_day_type'::regclass::oid::integer, 0)`)
	require.NoError(t, err)
	second, err := db.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = second.Exec(t.Context(), insertOne)
	require.NoError(t, err)
	go func() { done <- upkeep.FoldSlots(context.WithoutCancel(t.Context()), db.Pool) }()
	require.Eventually(t, func() bool {
		return db.Text(`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`) == "1"
	}, 30*time.Second, 10*time.Millisecond)
	db.Exec(`SET lock_timeout = '30s'; ` + insertOne + `; RESET lock_timeout`) // nobody waits for who waits
	require.NoError(t, first.Rollback(t.Context()))
	require.NoError(t, second.Commit(t.Context()))
	require.NoError(t, <-done)
	require.NoError(t, upkeep.FoldSlots(t.Context(), db.Pool), "the slot of the last one, if that was another")
	assert.Equal(t, "0", db.Text(countInSlots))
	assert.Equal(t, "4", db.Text(`SELECT sum(calls) FROM public.usage_day_type`))
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
}

// TestSumsAreInNoSlotOfAnEarlierSchema goes back and forth with sums in slots.
func TestSumsAreInNoSlotOfAnEarlierSchema(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	beside(t, db, func() { db.Exec(insertOne) })
	back(t, db, slotsMigration)
	assert.Equal(t, "2", db.Text(`SELECT calls FROM public.usage_day_type`))
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, tokens_used, metadata) VALUES ('2026-01-03T10:00Z', 1, 'text', 'm', 2, '{"tags": {"team": "blue"}}')`)
	_, err := dbmigrate.New().Up(t.Context(), db.Pool)
	require.NoError(t, err)
	beside(t, db, func() { db.Exec(insertOne) })
	assert.Equal(t, "9", db.Text(countInSlots))
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
}

// slotsMigration is the number of the migration that adds slots.
const slotsMigration = "0028"

// TestNobodyDeadlocksWithWriters stores calls with eight writers of the same keys while old
// calls are deleted, others repriced, corrected and attributed, users deleted, sums moved
// together, kept and repaired. PostgreSQL has to end no circle of waiting.
func TestNobodyDeadlocksWithWriters(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ctx := context.WithoutCancel(t.Context())
	var stop atomic.Bool
	var written, others sync.WaitGroup
	for n := range 8 {
		w := newWriter(t, db, write.Options{})
		written.Go(func() {
			for batch := range 4 {
				list := make([]usage.Record, 0, 50)
				for i := range 50 {
					list = append(list, randomCall(rand.New(rand.NewPCG(9, uint64(i))), (n*4+batch)*50+i))
				}
				_, err := w.Write(ctx, list)
				assert.NoError(t, err)
			}
		})
	}
	again := func(what string, work func(n int) error) {
		others.Go(func() {
			for n := 0; n == 0 || !stop.Load(); n++ {
				assert.NoError(t, work(n), what)
			}
		})
	}
	exec := func(sql string, args ...any) error {
		_, err := db.Pool.Exec(ctx, sql, args...)
		return err
	}
	again("fold", func(int) error { return upkeep.FoldSlots(ctx, db.Pool) })
	again("keep", func(int) error {
		_, err := upkeep.KeepUserDetail(ctx, db.Pool, upkeep.KeepOptions{FewestCalls: 1})
		return err
	})
	again("repair", func(int) error {
		_, err := upkeep.Verify(ctx, db.Pool, upkeep.VerifyOptions{Repair: true})
		return err
	})
	again("reprice", func(n int) error {
		return exec(`UPDATE public.api_usage SET usage_dollars = usage_dollars + 1 WHERE id = $1 AND pricing_status = 'priced'`, [16]byte(call(n%1600).ID))
	})
	again("delete", func(n int) error {
		return exec(`DELETE FROM public.api_usage WHERE id = $1`, [16]byte(call((n*7)%1600).ID))
	})
	written.Wait()
	stop.Store(true)
	others.Wait()
	var deadlocks int
	require.Eventually(t, func() bool {
		db.Scan(`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`, nil, &deadlocks)
		return true
	}, 30*time.Second, time.Millisecond)
	assert.Zero(t, deadlocks)
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	require.NoError(t, upkeep.FoldSlots(ctx, db.Pool))
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	assert.Equal(t, "0", db.Text(countInSlots))
}
