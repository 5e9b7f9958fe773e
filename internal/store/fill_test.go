package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// back takes the schema back to before the migration with this number.
func back(t *testing.T, db *pgtest.DB, number string) {
	t.Helper()
	for {
		last, err := dbmigrate.New().Last(t.Context(), db.Pool)
		require.NoError(t, err)
		if last < number {
			return
		}
		_, err = dbmigrate.New().Down(t.Context(), db.Pool)
		require.NoError(t, err)
	}
}

const selectUnfilled = `SELECT count(*) FROM public.usage_setting WHERE name LIKE 'sums_of_%'`

// TestSumsOfLaterMigrationsAreFilledBesideWriters upgrades a database of 0.1.0 that has calls
// with tags, and estimated and assumed ones, and fills what was added since while four
// writers store, repeat and correct calls of the same days.
func TestSumsOfLaterMigrationsAreFilledBesideWriters(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	records := randomCalls(3000)
	for i := range records {
		if i%3 == 0 {
			records[i].Tags = []usage.Tag{{Key: "team", Value: []string{"search", "shop"}[i%2]}}
		}
	}
	writeAll(t, newWriter(t, db, write.Options{}), records[:1000])
	back(t, db, "0014")
	_, err := dbmigrate.New().Up(t.Context(), db.Pool)
	require.NoError(t, err)
	assert.Equal(t, "2", db.Text(selectUnfilled))
	assert.NotEmpty(t, verify(t, db, upkeep.VerifyOptions{}))
	page, _, err := read.New(db.Pool, time.Minute).Users(t.Context(), read.UsersQuestion{Order: read.UsersByCost, Limit: 10})
	require.NoError(t, err)
	for _, u := range page {
		assert.Nil(t, u.Doubts, "unknown until it is filled, not 0")
	}

	var wg sync.WaitGroup
	stored := make(chan struct{})
	for n := range 4 {
		w := newWriter(t, db, write.Options{})
		wg.Go(func() {
			for part := n; part < 40; part += 4 {
				// Days of before, and now and then a call that is stored already.
				list := append(records[part*50:part*50+25:part*50+25], records[1000+part*50:1000+part*50+50]...)
				if _, err := w.Write(t.Context(), list); err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
	}
	go func() { wg.Wait(); close(stored) }()
	// Two that fill at once, one of which is ended in the middle.
	ended, cancel := context.WithCancel(t.Context())
	days := 0
	_, err = upkeep.FillSums(ended, db.Pool, func(time.Time) {
		if days++; days == 5 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	wg.Go(func() {
		if _, err := upkeep.FillSums(t.Context(), db.Pool, nil); err != nil {
			t.Errorf("fill: %v", err)
		}
	})
	_, err = upkeep.FillSums(t.Context(), db.Pool, nil)
	require.NoError(t, err)
	<-stored
	assert.Equal(t, "0", db.Text(selectUnfilled))
	assert.Empty(t, verify(t, db, upkeep.VerifyOptions{}))
	again, err := upkeep.FillSums(t.Context(), db.Pool, nil)
	require.NoError(t, err)
	assert.Zero(t, again)
	for _, sum := range []string{"estimated_dollars", "assumed_dollars"} {
		assert.NotEqual(t, "0", db.Text(`SELECT trim_scale(sum(`+sum+`))::text FROM public.usage_half_month_user`), "the calls have some")
		assert.Equal(t, db.Text(`SELECT sum(`+sum+`)::text FROM public.usage_day`), db.Text(`SELECT sum(`+sum+`)::text FROM public.usage_day_user`), sum)
	}
}

// TestWhatRetentionRemovedBeforeAMeasureWasAddedIsUnknown: the sums of users are as they
// were, and what of them was estimated is NULL and not 0.
func TestWhatRetentionRemovedBeforeAMeasureWasAddedIsUnknown(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	list := calls(0, 4)
	for i, at := range []string{"2026-01-02T12:00:00Z", "2026-01-05T12:00:00Z", "2026-01-20T12:00:00Z", "2026-02-01T12:00:00Z"} {
		list[i].Time, _ = time.Parse(time.RFC3339, at)
		list[i].Status, list[i].Reason = usage.StatusEstimated, usage.ReasonTierFallback
		list[i].Tags = []usage.Tag{{Key: "team", Value: "search"}}
	}
	writeAll(t, newWriter(t, db, write.Options{}), list)
	back(t, db, "0014")
	db.Exec(`INSERT INTO public.usage_setting (name, value) VALUES ('retained_from', '2026-01-05T00:00:00Z');
		BEGIN; SET LOCAL usage.keep_rollup = 'on'; DELETE FROM public.api_usage WHERE timestamp < '2026-01-05'; COMMIT`)
	_, err := dbmigrate.New().Up(t.Context(), db.Pool)
	require.NoError(t, err)
	filled, err := upkeep.FillSums(t.Context(), db.Pool, nil)
	require.NoError(t, err)
	assert.Equal(t, upkeep.Filled{Days: 6}, filled, "three days, for each of two migrations")
	assert.Empty(t, verify(t, db, upkeep.VerifyOptions{}))

	known := func(table string) string {
		return strings.ReplaceAll(db.Text(`SELECT string_agg(to_char(bucket AT TIME ZONE 'UTC', 'MM-DD') || CASE WHEN estimated_dollars IS NULL THEN ' unknown' WHEN estimated_dollars = usage_dollars AND assumed_dollars = 0 THEN ' all' ELSE ' wrong' END, ', ' ORDER BY bucket)
			FROM (SELECT bucket, sum(usage_dollars) AS usage_dollars, sum(estimated_dollars) AS estimated_dollars, sum(assumed_dollars) AS assumed_dollars FROM public.`+table+` GROUP BY 1) AS d`), "\n", "")
	}
	assert.Equal(t, "01-02 unknown, 01-05 all, 01-20 all, 02-01 all", known("usage_day_user"))
	assert.Equal(t, "01-01 unknown, 01-16 all, 02-01 all", known("usage_half_month_user"))
	assert.Equal(t, "3 3", db.Text(`SELECT (SELECT sum(calls) FROM public.usage_day_tag) || ' ' || (SELECT sum(calls) FROM public.usage_half_month_tag)`))

	at := func(day string) time.Time {
		v, err := time.Parse(time.DateOnly, day)
		require.NoError(t, err)
		return v
	}
	reader := read.New(db.Pool, time.Minute)
	previous, current, _, err := reader.Summaries(t.Context(), read.SummaryQuestion{
		Viewer: read.Administrator(), Days: []time.Time{at("2026-01-01"), at("2026-01-16"), at("2026-02-16")}, Split: 1, TopUsers: 10, Detail: true, Currency: read.Dollar,
	})
	require.NoError(t, err)
	known2 := func(s read.Summary) (n int) {
		for _, g := range append(s.ByUser, s.NoUser) {
			if g.Doubts != nil && g.Calls > 0 {
				assert.Equal(t, g.Cost, g.Doubts.EstimatedCost)
				n++
			}
		}
		return n
	}
	assert.Positive(t, known2(current))
	assert.Less(t, known2(previous), len(previous.ByUser)+1, "a user with a day that is gone")
}
