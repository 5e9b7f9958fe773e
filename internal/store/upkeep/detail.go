package upkeep

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// KeepOptions configures [KeepUserDetail].
type KeepOptions struct {
	// Most is how many half months of users are kept at once; 0 means 10, which takes about
	// 100 ms if each has some thousand calls.
	Most int
	// FewestCalls is the minimum number of a user's calls in a half month that is kept; 0
	// means 1,000. Fewer calls are read in a few milliseconds, and have about as many keys
	// as calls.
	FewestCalls int
	// FewestForQuarters is that number for a half month whose quarter hours are kept, which
	// are up to 1,536 rows; 0 means 20,000.
	FewestForQuarters int
}

// KeepUserDetail stores the sums of users for past half months; see sums.UserDetail and
// sums.UserQuarter. It returns how many it stored, and 0 when all are stored.
func KeepUserDetail(ctx context.Context, pool *pgxpool.Pool, o KeepOptions) (kept int, err error) {
	if err := pool.QueryRow(ctx, `SELECT public.usage_keep_user_detail($1, $2) + public.usage_keep_user_quarters($1, $3)`,
		cmp.Or(o.Most, 10), cmp.Or(o.FewestCalls, 1000), cmp.Or(o.FewestForQuarters, 20_000)).Scan(&kept); err != nil {
		return 0, fmt.Errorf("keep what users used: %w", err)
	}
	return kept, nil
}

// KeepSessions stores the sums by session of at most so many UTC days that are over. It
// returns how many days it looked at, and 0 when all are stored. A day of 25,000 calls takes
// about 100 ms.
func KeepSessions(ctx context.Context, pool *pgxpool.Pool, most int) (days int, err error) {
	if err := pool.QueryRow(ctx, `SELECT public.usage_keep_sessions($1)`, most).Scan(&days); err != nil {
		return 0, fmt.Errorf("keep what sessions cost: %w", err)
	}
	return days, nil
}

// keepSessionsBefore stores them of all days before the retention mark, whose calls are about
// to be deleted. Nothing may change those days any more.
func keepSessionsBefore(ctx context.Context, pool *pgxpool.Pool, mark time.Time) error {
	rows, err := pool.Query(ctx, `
SELECT DISTINCT t.bucket
FROM public.usage_day_type AS t LEFT JOIN public.usage_session_day AS d USING (bucket)
WHERE t.bucket < $1 AND NOT `+store.HasCitus+` AND d.version IS DISTINCT FROM public.usage_session_version(t.bucket)
  AND EXISTS (SELECT FROM public.api_usage WHERE timestamp >= t.bucket AND timestamp < t.bucket + interval '24 hours')
ORDER BY 1`, mark)
	if err != nil {
		return fmt.Errorf("list days of sessions: %w", err)
	}
	days, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	if err != nil {
		return fmt.Errorf("list days of sessions: %w", err)
	}
	for _, day := range days {
		if _, err := pool.Exec(ctx, `SELECT public.usage_keep_session_day($1)`, day); err != nil {
			return fmt.Errorf("keep what sessions cost on %s: %w", day.UTC().Format(time.DateOnly), err)
		}
	}
	return nil
}

// countSessionDifferences compares what is kept by session with the calls of [$1, $2).
const countSessionDifferences = `
WITH days AS MATERIALIZED (
  SELECT bucket FROM public.usage_session_days WHERE bucket >= $1 AND bucket < $2
), t AS (
  SELECT bucket, coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS who, session_id,
         count(*) AS calls, count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls, coalesce(sum(tokens_used), 0) AS tokens,
         sum(usage_dollars) AS usage_dollars, min(timestamp) AS first_call, max(timestamp) AS last_call,
         coalesce(array_agg(DISTINCT model) FILTER (WHERE model <> ''), '{}') AS models, coalesce(array_agg(DISTINCT service) FILTER (WHERE service <> ''), '{}') AS services,
         coalesce(array_agg(DISTINCT trace_id) FILTER (WHERE trace_id <> ''), '{}') AS traces
  FROM days JOIN public.api_usage ON timestamp >= bucket AND timestamp < bucket + interval '24 hours'
  WHERE timestamp >= $1 AND timestamp < $2 AND session_id <> ''
  GROUP BY 1, 2, 3
), k AS (
  SELECT bucket, coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS who, session_id, calls, unpriced_calls, tokens, usage_dollars, first_call, last_call, models, services, traces
  FROM public.usage_session_kept
  WHERE bucket IN (SELECT bucket FROM days)
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (bucket, who, session_id)
WHERE (t.calls, t.unpriced_calls, t.tokens, t.usage_dollars, t.first_call, t.last_call, t.models, t.services, t.traces)
  IS DISTINCT FROM (k.calls, k.unpriced_calls, k.tokens, k.usage_dollars, k.first_call, k.last_call, k.models, k.services, k.traces)`

// forgetSessions lets the sessions of [$1, $2) be read from the calls until they are kept again.
const forgetSessions = `UPDATE public.usage_session_day SET version = '', kept_at = '-infinity' WHERE bucket >= $1 AND bucket < $2`
