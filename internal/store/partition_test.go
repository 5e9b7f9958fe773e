package store_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
)

// idDifferences counts the calls whose id and time are not kept apart, and the
// ids of no call.
const idDifferences = `SELECT (SELECT count(*) FROM (SELECT id, timestamp FROM public.api_usage EXCEPT ALL SELECT id, timestamp FROM public.api_usage_id) a),
  (SELECT count(*) FROM (SELECT id, timestamp FROM public.api_usage_id EXCEPT ALL SELECT id, timestamp FROM public.api_usage) b)`

func TestACallWithAnotherTimestampIsStillTheSameCall(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		writeAll(t, w, calls(0, 100))
		for _, later := range []time.Duration{time.Microsecond, 24 * time.Hour, 45 * 24 * time.Hour} {
			again := calls(0, 100)
			for i := range again {
				again[i].Time = again[i].Time.Add(later)
			}
			result := writeAll(t, w, append(again, call(200+int(later.Hours()))))
			assert.Equal(t, 1, result.Inserted, later)
			assert.Equal(t, 100, result.Duplicates, later)
			assert.Empty(t, result.Parked)
			_, err := db.Pool.Exec(t.Context(), `INSERT INTO public.api_usage (id, timestamp, usage_dollars, api_type) VALUES ($1, $2, 1, 'text')`, [16]byte(again[1].ID), again[1].Time)
			assert.Equal(t, "23505", store.SQLState(err))
		}
		assert.Equal(t, "103|103", db.Text(`SELECT count(*), count(DISTINCT id) FROM public.api_usage`))
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	}
	inBothModes(t, test)
	t.Run("partitioned", func(t *testing.T) {
		t.Parallel()
		inBothModesOf(t, partitioned, test)
	})
}

func TestWritersOfOneCallWithManyTimestampsCountItOnce(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, db *pgtest.DB, _ *write.Writer) {
		var wg sync.WaitGroup
		for n := range 4 {
			wg.Go(func() {
				w := newWriter(t, db, write.Options{})
				for from := 0; from < 1000; from += 100 {
					batch := calls(from, from+200)
					for i := range batch {
						batch[i].Time = batch[i].Time.AddDate(0, 0, 13*n)
					}
					if n%2 == 1 {
						slices.Reverse(batch)
					}
					result, err := w.Write(context.Background(), batch)
					assert.NoError(t, err)
					assert.Empty(t, result.Parked)
				}
			})
		}
		wg.Wait()
		assert.Equal(t, "1100|1100", db.Text(`SELECT count(*), count(DISTINCT id) FROM public.api_usage`))
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	}
	inBothModes(t, test)
	t.Run("partitioned", func(t *testing.T) {
		t.Parallel()
		inBothModesOf(t, partitioned, test)
	})
}

func TestAMonthWithoutPartitionLosesNothingAndGetsOne(t *testing.T) {
	t.Parallel()
	db := partitioned(t)
	db.Exec(`ALTER TABLE public.api_usage ADD COLUMN host numeric GENERATED ALWAYS AS (usage_dollars * 2) STORED`)
	w := newWriter(t, db, write.Options{})
	records := randomCalls(1000) // March to June, partitions for two of them
	assert.True(t, writeAll(t, w, records).Copied)
	sums := db.Text(`SELECT sum(calls), sum(usage_dollars)::text FROM public.usage_day`)
	places := `SELECT tableoid::regclass, count(*) > 0 FROM public.api_usage GROUP BY 1 ORDER BY 1`
	assert.Contains(t, db.Text(places), "api_usage_default|true")

	ahead := 3
	added, err := upkeep.AddMonths(t.Context(), db.Pool, ahead)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, added, 2, "May and June")
	assert.Equal(t, "api_usage_2026_03|true\napi_usage_2026_04|true\napi_usage_2026_05|true\napi_usage_2026_06|true", db.Text(places))
	assert.Equal(t, "4", db.Text(`SELECT count(*) FROM generate_series(0, 3) i WHERE to_regclass('public.api_usage_' || to_char(now() AT TIME ZONE 'UTC' + i * interval '1 month', 'YYYY_MM')) IS NOT NULL`))
	assert.Equal(t, "1000|"+sums, db.Text(`SELECT (SELECT count(*) FROM public.api_usage), sum(calls), sum(usage_dollars)::text FROM public.usage_day`))
	added, err = upkeep.AddMonths(t.Context(), db.Pool, ahead)
	require.NoError(t, err)
	assert.Zero(t, added)

	assert.Equal(t, 1000, writeAll(t, w, records).Duplicates)
	assert.Empty(t, verify(t, db, upkeep.VerifyOptions{}))
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	assert.Equal(t, "0|0", db.Text(idDifferences))
}

func TestRetentionDropsWholeMonths(t *testing.T) {
	t.Parallel()
	db := partitioned(t)
	w := newWriter(t, db, write.Options{})
	records := randomCalls(1000)
	writeAll(t, w, records)
	sums := db.Text(`SELECT sum(calls), sum(usage_dollars)::text FROM public.usage_day`)
	rowsOfMarch := db.Text(`SELECT count(*) FROM public.api_usage_2026_03`)
	var progress []int64
	deleted, err := upkeep.Retain(t.Context(), db.Pool, upkeep.RetainOptions{Before: time.Date(2026, 4, 20, 5, 0, 0, 0, time.UTC), Progress: func(n int64) { progress = append(progress, n) }})
	require.NoError(t, err)
	assert.Equal(t, rowsOfMarch, db.Text(`SELECT $1::bigint`, progress[0]), "the month goes first, at once")
	assert.Equal(t, "true|true|false", db.Text(`SELECT to_regclass('public.api_usage_2026_03') IS NULL, to_regclass('public.api_usage_default') IS NOT NULL, EXISTS (SELECT FROM public.api_usage WHERE timestamp < '2026-04-20Z')`))
	assert.Equal(t, sums, db.Text(`SELECT sum(calls), sum(usage_dollars)::text FROM public.usage_day`))
	assert.Equal(t, "0|0", db.Text(idDifferences))
	assert.Empty(t, verify(t, db, upkeep.VerifyOptions{}))
	result := writeAll(t, w, records)
	assert.Zero(t, result.Inserted)
	assert.Len(t, result.Parked, int(deleted))
	assert.Equal(t, sums, db.Text(`SELECT sum(calls), sum(usage_dollars)::text FROM public.usage_day`))
}

// A collector does not have to be restarted for the conversion.
func TestAWriterGoesOnWhenTheTableIsPartitioned(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	w := newWriter(t, db, write.Options{})
	writeAll(t, w, calls(0, 100))
	converted := make(chan error, 1)
	go func() { converted <- dbmigrate.PartitionByMonth(context.Background(), db.Pool) }()
	for from, done := 50, false; !done; from += 10 {
		select {
		case err := <-converted:
			require.NoError(t, err)
			done = true
		default:
		}
		for { // as the exporter repeats a batch
			_, err := w.Write(t.Context(), calls(from, from+100))
			if err == nil {
				break
			}
			var refused *write.Error
			require.ErrorAs(t, err, &refused)
			require.Contains(t, []store.Class{store.ClassSchema, store.ClassConflict, store.ClassUnknown}, refused.Class, err)
		}
	}
	assert.Equal(t, "true", db.Text(`SELECT count(*) = count(DISTINCT id) AND count(*) >= 150 FROM public.api_usage`))
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	assert.Equal(t, "0|0", db.Text(idDifferences))
}
