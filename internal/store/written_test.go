package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// follower reads what was written since it read last, as whoever follows the
// table does.
type follower struct {
	db   *pgtest.DB
	mark string
}

func (f *follower) next(t *testing.T) (requestIDs []string) {
	t.Helper()
	require.NoError(t, f.db.Pool.QueryRow(t.Context(), `
SELECT coalesce(array_agg(request_id ORDER BY request_id), '{}'), pg_snapshot_xmin(pg_current_snapshot())::text
FROM public.api_usage
WHERE written_xid >= $1::text::xid8 AND written_xid < pg_snapshot_xmin(pg_current_snapshot())`, f.mark).Scan(&requestIDs, &f.mark))
	return requestIDs
}

// wait reads until so many calls came: any open transaction of the server,
// those of other tests too, holds back what is younger.
func (f *follower) wait(t *testing.T, want ...string) {
	t.Helper()
	var seen []string
	require.Eventually(t, func() bool {
		seen = append(seen, f.next(t)...)
		return len(seen) >= len(want)
	}, time.Minute, 20*time.Millisecond)
	slices.Sort(seen)
	assert.Equal(t, want, seen)
}

func TestWhoFollowsTheWriteMarkSeesEachCallAndEachChangeOnce(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		f := &follower{db, "0"}
		writeAll(t, w, calls(0, 1))
		f.wait(t, "chatcmpl-0")

		// What a transaction that began early commits late is not passed by.
		slow, err := db.Pool.Begin(t.Context())
		require.NoError(t, err)
		defer func() { _ = slow.Rollback(context.Background()) }()
		_, err = slow.Exec(t.Context(), `SELECT pg_current_xact_id()`)
		require.NoError(t, err)
		writeAll(t, w, calls(1, 3))
		assert.Empty(t, f.next(t), "an older transaction is open")
		// On Citus our own statements set the mark, where no trigger can.
		_, err = slow.Exec(t.Context(), `UPDATE public.api_usage SET payer = 'plan', written_xid = pg_current_xact_id() WHERE request_id = 'chatcmpl-0'`)
		require.NoError(t, err)
		require.NoError(t, slow.Commit(t.Context()))
		f.wait(t, "chatcmpl-0", "chatcmpl-1", "chatcmpl-2")

		// A duplicate that is refused changes nothing.
		writeAll(t, w, calls(0, 3))
		_, err = upkeep.Reprice(t.Context(), db.Pool, upkeep.RepriceOptions{
			Filter: upkeep.RepriceFilter{From: testTime.AddDate(0, 0, -1), To: testTime.AddDate(0, 0, 1)},
			Price: func(r *usage.Record) {
				if r.ID == call(1).ID {
					r.Cost++
				}
			},
			Book: "test", BookVersion: "1", ReportedCost: "prefer_computed",
		})
		require.NoError(t, err)
		f.wait(t, "chatcmpl-1")
	})
}

func TestAnyChangeOfARowRenewsItsWriteMark(t *testing.T) {
	t.Parallel()
	inBothModesOf(t, pgtest.New, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		f := &follower{db, "0"}
		writeAll(t, w, calls(0, 1))
		f.wait(t, "chatcmpl-0")
		db.Exec(`UPDATE public.api_usage SET user_id = NULL`)
		f.wait(t, "chatcmpl-0")
	})
}
