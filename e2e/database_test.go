package e2e

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// newDatabase is an empty database: the collector migrates it itself.
func newDatabase(t testing.TB) (*pgxpool.Pool, string) {
	t.Helper()
	db := pgtest.NewEmpty(t)
	return db.Pool, "DATABASE_URL=" + db.DSN
}

// totals is what must not change when telemetry is delivered again.
type totals struct {
	Rows    int64
	Dollars string
	Tokens  int64
}

func readTotals(t testing.TB, pool *pgxpool.Pool) (sum totals) {
	t.Helper()
	err := pool.QueryRow(t.Context(), `SELECT count(*), coalesce(sum(usage_dollars), 0)::text, coalesce(sum(tokens_used), 0) FROM public.api_usage`).
		Scan(&sum.Rows, &sum.Dollars, &sum.Tokens)
	require.NoError(t, err)
	return sum
}

// waitForRows waits until the table holds n rows.
func waitForRows(t testing.TB, pool *pgxpool.Pool, n int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d rows", n), func() error {
		var rows int64
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM public.api_usage`).Scan(&rows); err != nil {
			return err
		}
		if rows != n {
			return fmt.Errorf("found %d", rows)
		}
		return nil
	})
}

// requireRollupsEqualRows compares both rollups with the sums of the rows. A key has several
// rows while sums of writers at the same time are not moved together.
func requireRollupsEqualRows(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	for name, query := range map[string]string{
		"usage_quarter_hour": `
			SELECT count(*) FROM (
				SELECT date_bin('15 min', timestamp, '2000-01-01Z') AS bucket, api_type, provider, coalesce(model, '') AS model, service, environment,
				       count(*) AS calls, coalesce(sum(tokens_used), 0)::bigint AS tokens, sum(usage_dollars) AS usage_dollars
				FROM public.api_usage GROUP BY 1, 2, 3, 4, 5, 6) AS raw
			FULL JOIN (
				SELECT bucket, api_type, provider, model, service, environment, sum(calls)::bigint AS calls, sum(tokens)::bigint AS tokens, sum(usage_dollars) AS usage_dollars
				FROM public.usage_quarter_hour GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(calls) <> 0) AS rollup USING (bucket, api_type, provider, model, service, environment)
			WHERE (raw.calls, raw.tokens, raw.usage_dollars) IS DISTINCT FROM (rollup.calls, rollup.tokens, rollup.usage_dollars)`,
		"usage_day_user": `
			SELECT count(*) FROM (
				SELECT date_trunc('day', timestamp, 'UTC') AS bucket, coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id, api_type,
				       count(*) AS calls, coalesce(sum(tokens_used), 0)::bigint AS tokens, sum(usage_dollars) AS usage_dollars
				FROM public.api_usage GROUP BY 1, 2, 3) AS raw
			FULL JOIN (
				SELECT bucket, user_id, api_type, sum(calls)::bigint AS calls, sum(tokens)::bigint AS tokens, sum(usage_dollars) AS usage_dollars
				FROM public.usage_day_user GROUP BY 1, 2, 3 HAVING sum(calls) <> 0) AS rollup USING (bucket, user_id, api_type)
			WHERE (raw.calls, raw.tokens, raw.usage_dollars) IS DISTINCT FROM (rollup.calls, rollup.tokens, rollup.usage_dollars)`,
	} {
		var differences int
		require.NoError(t, pool.QueryRow(t.Context(), query).Scan(&differences))
		require.Zero(t, differences, "rows of %s that differ from api_usage", name)
	}
}
