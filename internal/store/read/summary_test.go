package read

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestHowFarTheDataGoesIsReadAtItsEnd holds that the time of the newest call
// takes a few blocks of a table of many.
func TestHowFarTheDataGoesIsReadAtItsEnd(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`
		INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, metadata)
		SELECT '2026-01-01Z'::timestamptz + n * interval '5 minutes', 1, 'text', jsonb_build_object('trace_id', md5(n::text))
		FROM generate_series(1, 20000) AS g (n)`)
	db.Exec(`VACUUM ANALYZE public.api_usage, public.usage_quarter_type`) // the block range index knows all blocks

	var all int
	require.NoError(t, db.Pool.QueryRow(t.Context(), `SELECT relpages FROM pg_class WHERE oid = 'public.api_usage'::regclass`).Scan(&all))
	require.Greater(t, all, 300, "blocks of the table")
	err := New(db.Pool, time.Minute).view(t.Context(), Administrator(), func(tx pgx.Tx) error {
		e, err := readExtent(t.Context(), tx, Administrator())
		require.NoError(t, err)
		for sql, args := range map[string][]any{extentSQL: nil, dataThroughSQL: {e.Newest.Add(-15 * time.Minute)}} {
			var plan []struct {
				Plan struct {
					Hit  int `json:"Shared Hit Blocks"`
					Read int `json:"Shared Read Blocks"`
				}
			}
			require.NoError(t, tx.QueryRow(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+sql, args...).Scan(&plan))
			require.Len(t, plan, 1)
			assert.Positive(t, plan[0].Plan.Hit+plan[0].Plan.Read)
			assert.Less(t, plan[0].Plan.Hit+plan[0].Plan.Read, 160, "blocks read of %d by %s, where one range of the index has 128", all, sql)
		}
		return nil
	})
	require.NoError(t, err)
}
