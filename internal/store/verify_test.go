package store_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func randomCalls(n int) []usage.Record {
	r := rand.New(rand.NewPCG(11, 12))
	records := make([]usage.Record, n)
	for i := range records {
		records[i] = randomCall(r, i)
	}
	return records
}

func verify(t *testing.T, db *pgtest.DB, o upkeep.VerifyOptions) []upkeep.Difference {
	t.Helper()
	found, err := upkeep.Verify(t.Context(), db.Pool, o)
	require.NoError(t, err)
	return found
}

func TestVerifyFindsEveryKindOfDifferenceAndRepairsIt(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		assert.Empty(t, verify(t, db, upkeep.VerifyOptions{}), "an empty database has no differences")
		writeAll(t, w, randomCalls(1000))
		months := 0
		assert.Empty(t, verify(t, db, upkeep.VerifyOptions{Progress: func(time.Time, int) { months++ }}))
		assert.Equal(t, 4, months, "March to June")
		keepSessions(t, db)

		good := func() string {
			return db.Text(`SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM public.usage_quarter_hour t WHERE calls <> 0`) +
				db.Text(`SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM public.usage_half_month_user t WHERE calls <> 0`)
		}
		before := good()
		for rollup, spoil := range map[string]string{
			"public.usage_quarter_hour":    `UPDATE public.usage_quarter_hour SET reasoning_tokens = reasoning_tokens + 1 WHERE ctid IN (SELECT ctid FROM public.usage_quarter_hour LIMIT 1)`,
			"public.usage_day":             `DELETE FROM public.usage_day WHERE ctid IN (SELECT ctid FROM public.usage_day LIMIT 1)`,
			"public.usage_half_month":      `UPDATE public.usage_half_month SET bucket = bucket + interval '1 day' WHERE ctid IN (SELECT ctid FROM public.usage_half_month LIMIT 1)`,
			"public.usage_quarter_type":    `INSERT INTO public.usage_quarter_type SELECT '2026-05-05 05:00Z', 'text', 1, 0, 0, 0, 0, 0 ON CONFLICT (bucket, api_type) DO UPDATE SET calls = 77`,
			"public.usage_day_tag":         `UPDATE public.usage_day_tag SET tag_value = 'x' WHERE ctid IN (SELECT ctid FROM public.usage_day_tag LIMIT 1)`,
			"public.usage_half_month_tag":  `DELETE FROM public.usage_half_month_tag WHERE ctid IN (SELECT ctid FROM public.usage_half_month_tag LIMIT 1)`,
			"public.usage_session_kept":    `UPDATE public.usage_session_kept SET last_call = last_call - interval '1 microsecond' WHERE ctid IN (SELECT ctid FROM public.usage_session_kept LIMIT 1)`,
			"public.usage_day_type":        `UPDATE public.usage_day_type SET tokens = tokens - 1 WHERE ctid IN (SELECT ctid FROM public.usage_day_type LIMIT 1)`,
			"public.usage_day_user":        `UPDATE public.usage_day_user SET usage_dollars = usage_dollars + 0.000000000001 WHERE ctid IN (SELECT ctid FROM public.usage_day_user LIMIT 1)`,
			"public.usage_half_month_user": `UPDATE public.usage_half_month_user SET user_id = gen_random_uuid() WHERE ctid IN (SELECT ctid FROM public.usage_half_month_user LIMIT 1)`,
		} {
			db.Exec(spoil)
			found := verify(t, db, upkeep.VerifyOptions{})
			require.Len(t, found, 1, rollup)
			assert.Equal(t, rollup, found[0].Rollup)
			assert.Positive(t, found[0].Keys)
			if rollup == "public.usage_day_user" {
				assert.Equal(t, "0.000000000001", found[0].Dollars)
			}
			assert.Len(t, verify(t, db, upkeep.VerifyOptions{}), 1, "without repair nothing changes")
			assert.Empty(t, verify(t, db, upkeep.VerifyOptions{To: found[0].Month}), "other months are fine")
			assert.Len(t, verify(t, db, upkeep.VerifyOptions{Repair: true}), 1)
			assert.Empty(t, verify(t, db, upkeep.VerifyOptions{}))
			keepSessions(t, db)
		}
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		assert.Equal(t, before, good())
	})
}

func TestRetainDeletesOldCallsKeepsTheirSumsAndRefusesTheirReturn(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		records := randomCalls(1000)
		writeAll(t, w, records)
		sums := db.Text(`SELECT sum(calls), sum(usage_dollars)::text FROM public.usage_day`)
		cut := testTime.AddDate(0, 0, 40).Add(7 * time.Hour)
		mark := time.Date(2026, 4, 23, 0, 0, 0, 0, time.UTC)
		old := 0
		for _, r := range records {
			if r.Time.Before(mark) {
				old++
			}
		}
		var progress []int64
		deleted, err := upkeep.Retain(t.Context(), db.Pool, upkeep.RetainOptions{Before: cut, BatchRows: 7, Progress: func(n int64) { progress = append(progress, n) }})
		require.NoError(t, err)
		assert.Equal(t, int64(old), deleted)
		assert.Greater(t, len(progress), 40)
		assert.Equal(t, sums, db.Text(`SELECT sum(calls), sum(usage_dollars)::text FROM public.usage_day`))
		got, err := store.RetainedFrom(t.Context(), db.Pool)
		require.NoError(t, err)
		assert.True(t, mark.Equal(got))
		assert.Empty(t, verify(t, db, upkeep.VerifyOptions{}), "what is left is compared, what is gone is not")
		assert.Empty(t, verify(t, db, upkeep.VerifyOptions{Repair: true}))
		assert.Equal(t, sums, db.Text(`SELECT sum(calls), sum(usage_dollars)::text FROM public.usage_day`))

		// A queue delivers all of it again, to a writer that knew no mark.
		result := writeAll(t, w, records)
		assert.Zero(t, result.Inserted)
		assert.Len(t, result.Parked, old)
		assert.Equal(t, "timestamp", result.Parked[0].Column)
		assert.Equal(t, sums, db.Text(`SELECT sum(calls), sum(usage_dollars)::text FROM public.usage_day`))

		// An earlier mark does not bring anything back.
		_, err = upkeep.Retain(t.Context(), db.Pool, upkeep.RetainOptions{Before: cut.AddDate(0, -1, 0)})
		require.NoError(t, err)
		got, err = store.RetainedFrom(t.Context(), db.Pool)
		require.NoError(t, err)
		assert.True(t, mark.Equal(got))
	})
}

func TestHealthSaysHowTheStoreIs(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		h, err := upkeep.ReadHealth(t.Context(), db.Pool, testTime)
		require.NoError(t, err)
		assert.True(t, h.LastCall.IsZero())
		assert.True(t, h.UsersManaged)
		triggers := db.Text(`SELECT count(*) FROM pg_trigger WHERE tgname = 'api_usage_fold_insert'`)
		assert.Equal(t, map[string]store.RollupMode{"1": store.RollupTrigger, "0": store.RollupStatement}[triggers], h.Rollup)

		bad := call(3)
		bad.Cost = -1
		unpriced := call(4)
		unpriced.Cost, unpriced.Status, unpriced.Reason = 0, usage.StatusUnpriced, usage.ReasonUnknownModel
		writeAll(t, w, []usage.Record{call(1), call(2), bad, unpriced})
		h, err = upkeep.ReadHealth(t.Context(), db.Pool, testTime)
		require.NoError(t, err)
		assert.Equal(t, []int64{3, 1, 0, 1}, []int64{h.Calls, h.Unpriced, h.Estimated, h.Parked})
		assert.Equal(t, "2026-03-14T15:00:00Z", h.LastCall.UTC().Format(time.RFC3339))
		assert.WithinDuration(t, time.Now(), h.LastStored, time.Minute)
		assert.Contains(t, h.ParkedReason, "usage_dollars")
	})
}
