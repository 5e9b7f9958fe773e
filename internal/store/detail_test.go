package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// detailDifferences counts what usage_user_detail shows of a user and half month that is
// not the sum of their calls, and then what it shows.
const detailDifferences = `
WITH kept AS (
  SELECT user_id, bucket, api_type, provider, model, service, environment, calls, unpriced_calls, tokens, input_tokens, cache_write_tokens, usage_dollars, assumed_dollars, plan_dollars
  FROM public.usage_user_detail
), truth AS (
  SELECT c.user_id, h.bucket, c.api_type, c.provider, coalesce(c.model, ''), c.service, c.environment, count(*), count(*) FILTER (WHERE c.pricing_status = 'unpriced'),
         coalesce(sum(c.tokens_used), 0), coalesce(sum(c.input_tokens), 0), coalesce(sum(coalesce(c.cache_write_5m_tokens, 0) + coalesce(c.cache_write_1h_tokens, 0)), 0), sum(c.usage_dollars),
         coalesce(sum(c.usage_dollars) FILTER (WHERE cardinality(c.pricing_assumptions) > 0), 0), coalesce(sum(c.usage_dollars) FILTER (WHERE c.payer = 'plan'), 0)
  FROM (SELECT DISTINCT user_id, bucket FROM kept) AS h
  JOIN public.api_usage AS c ON c.user_id = h.user_id AND c.timestamp >= h.bucket
    AND c.timestamp < CASE extract(day FROM h.bucket AT TIME ZONE 'UTC') WHEN 1 THEN h.bucket + interval '360 hours' ELSE date_trunc('month', h.bucket + interval '20 days', 'UTC') END
  GROUP BY 1, 2, 3, 4, 5, 6, 7
)
SELECT (SELECT count(*) FROM ((TABLE kept EXCEPT TABLE truth) UNION ALL (TABLE truth EXCEPT TABLE kept)) AS d),
       (SELECT count(DISTINCT (user_id, bucket)) FROM kept)`

func keepDetail(t *testing.T, db *pgtest.DB) {
	t.Helper()
	for kept := 1; kept > 0; {
		var err error
		kept, err = upkeep.KeepUserDetail(t.Context(), db.Pool, upkeep.KeepOptions{FewestCalls: 1})
		require.NoError(t, err)
	}
}

// TestWhatUsersUsedIsShownWhileItIsWhatTheirCallsSay changes calls of one user in a half
// month that is kept, in every way there is: it is not shown any more, the others are.
func TestWhatUsersUsedIsShownWhileItIsWhatTheirCallsSay(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		writeAll(t, w, randomCalls(800))
		halves := db.Text(`SELECT count(*) FROM public.usage_half_month_user WHERE user_id <> '00000000-0000-0000-0000-000000000000' AND calls > 0`)
		keepDetail(t, db)
		require.Equal(t, "0|"+halves, db.Text(detailDifferences))
		require.NotEqual(t, "0", halves)

		var all int
		db.Scan(`SELECT $1::text::integer`, []any{halves}, &all)
		shown := func(less int, what string) {
			t.Helper()
			require.Equal(t, fmt.Sprintf("0|%d", all-less), db.Text(detailDifferences), what)
			keepDetail(t, db)
		}
		late := call(5000)
		late.UserID, late.UserExternalID = usage.UserID("user-1@example.com"), "user-1@example.com"
		_, err := w.Write(t.Context(), []usage.Record{late})
		require.NoError(t, err)
		shown(1, "a late call")

		half := db.Text(`SELECT count(DISTINCT bucket) FROM public.usage_user_detail`)
		require.NotEqual(t, "0", half)
		_, err = upkeep.Reprice(t.Context(), db.Pool, upkeep.RepriceOptions{
			Filter: upkeep.RepriceFilter{From: testTime, To: testTime.Add(24 * time.Hour)},
			Price: func(r *usage.Record) {
				if r.Status == usage.StatusPriced {
					r.Cost++
				}
			},
		})
		require.NoError(t, err)
		require.NotEqual(t, "0|"+halves, db.Text(detailDifferences), "repriced calls")
		shown(all-shownHalves(t, db), "repriced calls")

		gone := usage.UserID("user-2@example.com")
		var theirs int
		db.Scan(`SELECT count(DISTINCT bucket) FROM public.usage_user_detail WHERE user_id = $1`, []any{[16]byte(gone)}, &theirs)
		require.Positive(t, theirs)
		if db.Text(`SELECT to_regproc('public.usage_forget_user')`) != "-" {
			db.Exec(`SELECT public.usage_forget_user($1)`, [16]byte(gone))
		}
		db.Exec(`DELETE FROM auth.users WHERE id = $1`, [16]byte(gone))
		require.Equal(t, "0", db.Text(`SELECT count(*) FROM public.usage_user_detail_kept WHERE user_id = $1`, [16]byte(gone)))
		shown(theirs, "a user who is gone")
	})
}

// shownHalves is of how many users and half months the parts are shown.
func shownHalves(t *testing.T, db *pgtest.DB) (n int) {
	t.Helper()
	var wrong int
	db.Scan(detailDifferences, nil, &wrong, &n)
	require.Zero(t, wrong)
	return n
}

// TestAnyChangeOfACallHidesWhatWasKeptWithIt changes single calls by hand.
func TestAnyChangeOfACallHidesWhatWasKeptWithIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	writeAll(t, newWriter(t, db, write.Options{}), randomCalls(800))
	for _, change := range []string{
		`UPDATE public.api_usage SET model = 'another' WHERE id = $1`,
		`UPDATE public.api_usage SET usage_dollars = usage_dollars + 1 WHERE id = $1`,
		`UPDATE public.api_usage SET pricing_assumptions = '{service_tier}', payer = 'plan' WHERE id = $1`,
		`UPDATE public.api_usage SET timestamp = timestamp + interval '1 second' WHERE id = $1`,
		`UPDATE public.api_usage SET user_id = NULL WHERE id = $1`,
		`DELETE FROM public.api_usage WHERE id = $1`,
	} {
		keepDetail(t, db)
		before := shownHalves(t, db)
		var id [16]byte
		db.Scan(`SELECT id FROM public.api_usage WHERE user_id IS NOT NULL AND pricing_status = 'priced' AND timestamp < date_trunc('day', timestamp, 'UTC') + interval '23 hours' LIMIT 1`, nil, &id)
		db.Exec(change, id)
		assert.Equal(t, before-1, shownHalves(t, db), change)
	}
	keepDetail(t, db)
	before := shownHalves(t, db)
	_, err := upkeep.Retain(t.Context(), db.Pool, upkeep.RetainOptions{Before: testTime.AddDate(0, 0, 40)})
	require.NoError(t, err)
	var n int
	db.Scan(`SELECT count(DISTINCT (user_id, bucket)) FROM public.usage_user_detail`, nil, &n)
	assert.Equal(t, before, n, "retention deletes calls and keeps their sums")
	keepDetail(t, db)
	db.Scan(`SELECT count(DISTINCT (user_id, bucket)) FROM public.usage_user_detail`, nil, &n)
	assert.Equal(t, before, n)
}

// TestWhatIsKeptIsTrueAmongWriters keeps what users used while others change their calls.
func TestWhatIsKeptIsTrueAmongWriters(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	writeAll(t, newWriter(t, db, write.Options{}), randomCalls(300))
	ctx := context.Background()
	var stop atomic.Bool
	var wg sync.WaitGroup
	for n := range 2 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(3, uint64(n)))
			for !stop.Load() {
				id := [16]byte(call(r.IntN(300)).ID)
				sql := []string{
					`UPDATE public.api_usage SET model = 'model-' || (random() * 3)::integer WHERE id = $1`,
					`UPDATE public.api_usage SET usage_dollars = usage_dollars + 1 WHERE id = $1 AND pricing_status <> 'unpriced'`,
					`UPDATE public.api_usage SET payer = CASE payer WHEN 'plan' THEN 'api' ELSE 'plan' END WHERE id = $1`,
				}[r.IntN(3)]
				if _, err := db.Pool.Exec(ctx, sql, id); err != nil {
					assert.Equal(t, store.ClassConflict, store.Classify(err), "%v", err)
				}
				time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
			}
		})
	}
	wg.Go(func() {
		for !stop.Load() {
			if _, err := upkeep.KeepUserDetail(ctx, db.Pool, upkeep.KeepOptions{FewestCalls: 1, FewestForQuarters: 1}); err != nil {
				assert.Equal(t, store.ClassConflict, store.Classify(err), "%v", err)
			}
		}
	})
	wg.Go(func() {
		for !stop.Load() {
			if _, err := db.Pool.Exec(ctx, `SELECT public.usage_keep_session_day(bucket) FROM public.usage_day_type WHERE bucket NOT IN (SELECT bucket FROM public.usage_session_days) GROUP BY bucket`); err != nil {
				assert.Equal(t, store.ClassConflict, store.Classify(err), "%v", err)
			}
		}
	})
	seen, seenDays := 0, 0
	for begin := time.Now(); time.Since(begin) < time.Second || min(seen, seenDays) < 50 && time.Since(begin) < time.Minute; {
		var wrong, shown, wrongDays, days int
		require.NoError(t, pgx.BeginTxFunc(ctx, db.Pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
			if err := tx.QueryRow(ctx, sessionDifferences).Scan(&wrongDays, &days); err != nil {
				return err
			}
			var wrongQuarters, quarters int
			if err := tx.QueryRow(ctx, quarterDifferences).Scan(&wrongQuarters, &quarters); err != nil {
				return err
			}
			assert.Zero(t, wrongQuarters, "of %d half months by quarter hour", quarters)
			return tx.QueryRow(ctx, detailDifferences).Scan(&wrong, &shown)
		}))
		if days > 0 {
			seenDays++
		}
		if shown > 0 {
			seen++
		}
		if !assert.Zero(t, wrong) || !assert.Zero(t, wrongDays) {
			break
		}
	}
	stop.Store(true)
	wg.Wait()
	assert.Positive(t, seen, "nothing was kept")
	assert.Positive(t, seenDays, "no sessions were kept")
}

// sessionDifferences counts what is shown of sessions that is not the sum of their calls, and
// then the days that are shown.
const sessionDifferences = `
WITH shown AS (
  SELECT bucket, user_id, session_id, calls, unpriced_calls, tokens, usage_dollars, first_call, last_call, models, services, traces FROM public.usage_session_kept JOIN public.usage_session_days USING (bucket)
), truth AS (
  SELECT d.bucket, user_id, session_id, count(*), count(*) FILTER (WHERE pricing_status = 'unpriced'), coalesce(sum(tokens_used), 0)::bigint, sum(usage_dollars), min(timestamp), max(timestamp),
         coalesce(array_agg(DISTINCT model) FILTER (WHERE model <> ''), '{}'), coalesce(array_agg(DISTINCT service) FILTER (WHERE service <> ''), '{}'), coalesce(array_agg(DISTINCT trace_id) FILTER (WHERE trace_id <> ''), '{}')
  FROM public.usage_session_days AS d JOIN public.api_usage ON timestamp >= bucket AND timestamp < bucket + interval '24 hours'
  WHERE session_id <> ''
  GROUP BY 1, 2, 3
)
SELECT (SELECT count(*) FROM ((TABLE shown EXCEPT TABLE truth) UNION ALL (TABLE truth EXCEPT TABLE shown)) AS d),
       (SELECT count(*) FROM public.usage_session_days)`

// keepSessions keeps all days at once, without the hour between two looks at a day.
func keepSessions(t *testing.T, db *pgtest.DB) {
	t.Helper()
	db.Exec(`UPDATE public.usage_session_day SET kept_at = '-infinity'`)
	for days := 1; days > 0; {
		var err error
		days, err = upkeep.KeepSessions(t.Context(), db.Pool, 100)
		require.NoError(t, err)
	}
}

// TestWhatSessionsCostIsShownWhileItIsWhatTheirCallsSay changes calls of a day that is kept, in
// every way there is: the day is not shown any more, the others are.
func TestWhatSessionsCostIsShownWhileItIsWhatTheirCallsSay(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		calls := randomCalls(400)
		for i := range calls {
			calls[i].SessionID = fmt.Sprint("s", i%40)
		}
		writeAll(t, w, calls)
		keepSessions(t, db)
		var all int
		db.Scan(`SELECT count(DISTINCT bucket) FROM public.usage_day_type`, nil, &all)
		require.Equal(t, fmt.Sprintf("0|%d", all), db.Text(sessionDifferences))
		require.NotEqual(t, "0", db.Text(`SELECT count(*) FROM public.usage_session_kept`))
		shown := func(less int, what string) {
			t.Helper()
			require.Equal(t, fmt.Sprintf("0|%d", all-less), db.Text(sessionDifferences), what)
			keepSessions(t, db)
			require.Equal(t, fmt.Sprintf("0|%d", all), db.Text(sessionDifferences), what)
		}
		late := calls[0]
		late.ID, late.SessionID = usage.IDFromResponse("late", "1"), "late"
		_, err := w.Write(t.Context(), []usage.Record{late})
		require.NoError(t, err)
		shown(1, "a late call")

		from := late.Time.Truncate(24 * time.Hour)
		_, err = upkeep.Reprice(t.Context(), db.Pool, upkeep.RepriceOptions{
			Filter: upkeep.RepriceFilter{From: from, To: from.Add(24 * time.Hour)},
			Price: func(r *usage.Record) {
				r.Status, r.Cost = usage.StatusPriced, r.Cost+1
			},
		})
		require.NoError(t, err)
		shown(1, "prices")

		var one int
		db.Scan(`SELECT public.usage_keep_sessions(100)`, nil, &one)
		require.Zero(t, one, "nothing has changed")
		_, err = w.Write(t.Context(), []usage.Record{func() usage.Record { l := late; l.ID = usage.IDFromResponse("late", "2"); return l }()})
		require.NoError(t, err)
		db.Scan(`SELECT public.usage_keep_sessions(100)`, nil, &one)
		require.Zero(t, one, "a day is looked at again after an hour")
		shown(1, "another late call")

		before := db.Text(`SELECT sum(usage_dollars), count(*) FROM public.usage_session_kept`)
		keepSessions(t, db)
		db.Exec(`UPDATE public.usage_session_day SET version = 'of a call that came after it was kept' WHERE bucket = (SELECT min(bucket) FROM public.usage_session_day)`)
		_, err = upkeep.Retain(t.Context(), db.Pool, upkeep.RetainOptions{Before: testTime.AddDate(0, 0, 40)})
		require.NoError(t, err)
		keepSessions(t, db)
		require.Equal(t, before, db.Text(`SELECT sum(usage_dollars), count(*) FROM public.usage_session_kept JOIN public.usage_session_days USING (bucket)`), "retention deletes calls and keeps their sums")
	})
}
