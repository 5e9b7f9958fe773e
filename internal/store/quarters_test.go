package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// quarterDifferences counts the quarter hours of users and half months that are shown which
// are not the sum of their calls, and then these half months.
const quarterDifferences = `
WITH halves AS MATERIALIZED (
  SELECT user_id, bucket, CASE extract(day FROM bucket AT TIME ZONE 'UTC') WHEN 1 THEN bucket + interval '360 hours' ELSE date_trunc('month', bucket + interval '20 days', 'UTC') END AS until
  FROM public.usage_user_quarter_half
), kept AS (
  SELECT q.user_id, q.bucket, q.unpriced_calls, q.usage_dollars FROM public.usage_user_quarter AS q JOIN halves AS h ON h.user_id = q.user_id AND q.bucket >= h.bucket AND q.bucket < h.until
), truth AS (
  SELECT c.user_id, date_bin('15 minutes', c.timestamp, '2000-01-01 00:00:00Z'), count(*) FILTER (WHERE c.pricing_status = 'unpriced'), sum(c.usage_dollars)
  FROM public.api_usage AS c JOIN halves AS h ON h.user_id = c.user_id AND c.timestamp >= h.bucket AND c.timestamp < h.until
  GROUP BY 1, 2
)
SELECT (SELECT count(*) FROM ((TABLE kept EXCEPT TABLE truth) UNION ALL (TABLE truth EXCEPT TABLE kept)) AS d), (SELECT count(*) FROM halves)`

// keepAll keeps what users used of every half month, by quarter hour too.
func keepAll(t *testing.T, db *pgtest.DB) {
	t.Helper()
	for kept := 1; kept > 0; {
		var err error
		kept, err = upkeep.KeepUserDetail(t.Context(), db.Pool, upkeep.KeepOptions{FewestCalls: 1, FewestForQuarters: 1})
		require.NoError(t, err)
	}
}

// daysOf returns the days of a user and of the same user's own view, in time zones whose days
// begin within those of UTC, from a moment within a quarter hour to another: the total and, of
// each day, the cost and the calls without a price. There are four answers for each zone.
func daysOf(t *testing.T, db *pgtest.DB, user usage.ID) (list []string) {
	t.Helper()
	reader := read.New(db.Pool, time.Minute)
	for _, zone := range []string{"Asia/Kolkata", "America/New_York", "UTC"} {
		place, err := time.LoadLocation(zone)
		require.NoError(t, err)
		from, to := time.Date(2026, 2, 25, 14, 7, 11, 0, time.UTC), time.Date(2026, 6, 12, 16, 37, 11, 0, time.UTC)
		days := []time.Time{from}
		for day := time.Date(2026, 2, 26, 0, 0, 0, 0, place); day.Before(to); day = day.AddDate(0, 0, 1) {
			if day.After(from) {
				days = append(days, day)
			}
		}
		for _, q := range []read.SummaryQuestion{
			{Viewer: read.Administrator(), Filter: read.Filter{ByUser: true, User: user}},
			{Viewer: read.OwnUsage(user), Detail: true},
		} {
			q.Days, q.Split = append(days, to), 50
			previous, current, _, err := reader.Summaries(t.Context(), q)
			require.NoError(t, err)
			for _, s := range []read.Summary{previous, current} {
				text := fmt.Sprint(s.Total.Cost, s.DailyUnpriced)
				for _, cost := range s.Daily {
					text += " " + cost.String()
				}
				list = append(list, text)
			}
		}
	}
	return list
}

// TestQuarterHoursOfAUserAreReadWhileTheyAreWhatTheirCallsSay holds the days of a user read
// with kept quarter hours against those read from the calls.
func TestQuarterHoursOfAUserAreReadWhileTheyAreWhatTheirCallsSay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	writeAll(t, newWriter(t, db, write.Options{}), randomCalls(800))
	user := usage.UserID("user-1@example.com")
	truth := daysOf(t, db, user)
	keepAll(t, db)
	require.Regexp(t, `^0\|[1-9]`, db.Text(quarterDifferences))
	require.Equal(t, truth, daysOf(t, db, user))

	// They are read: a wrong one is seen.
	db.Exec(`UPDATE public.usage_user_quarter SET usage_dollars = usage_dollars + 1, unpriced_calls = unpriced_calls + 1 WHERE user_id = $1`, [16]byte(user))
	wrong := daysOf(t, db, user)
	for i := range wrong {
		assert.Equal(t, i >= 8, wrong[i] == truth[i], "answer %d; from the ninth on they are of UTC", i)
	}

	// Any change of a call of the half month hides them, until they are kept again.
	db.Exec(`UPDATE public.api_usage SET usage_dollars = usage_dollars + (pricing_status = 'priced')::integer, service = 'another' WHERE user_id = $1`, [16]byte(user))
	truth = daysOf(t, db, user)
	keepAll(t, db)
	require.Regexp(t, `^0\|[1-9]`, db.Text(quarterDifferences))
	require.Equal(t, truth, daysOf(t, db, user))

	// A user who is gone leaves nothing.
	db.Exec(`DELETE FROM auth.users WHERE id = $1`, [16]byte(user))
	require.Equal(t, "0", db.Text(`SELECT (SELECT count(*) FROM public.usage_user_quarter WHERE user_id = $1) + (SELECT count(*) FROM public.usage_user_quarter_kept WHERE user_id = $1)`, [16]byte(user)))
}

// TestQuarterHoursBeforeTheRetentionMarkAreNotRead deletes calls of a half month that is kept:
// the days say what they say without.
func TestQuarterHoursBeforeTheRetentionMarkAreNotRead(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	writeAll(t, newWriter(t, db, write.Options{}), randomCalls(800))
	user := usage.UserID("user-1@example.com")
	keepAll(t, db)
	_, err := upkeep.Retain(t.Context(), db.Pool, upkeep.RetainOptions{Before: time.Date(2026, 4, 24, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	with := daysOf(t, db, user)
	db.Exec(`DELETE FROM public.usage_user_quarter_kept`)
	require.Equal(t, daysOf(t, db, user), with)
}
