package upkeep

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// Health is what an operator wants to know first. All counts are of the
// rollups, so it costs the same on any number of calls.
type Health struct {
	ServerVersion string
	UsersManaged  bool
	Rollup        store.RollupMode // who keeps the sums: trigger or statement
	Citus         bool
	RetainedFrom  time.Time // zero: nothing was ever deleted

	Calls, Unpriced, Estimated int64     // of the last 7 days
	LastCall                   time.Time // start of the quarter hour of the last call; zero: no call
	LastStored                 time.Time // when the newest of the last rows was stored; zero: no row
	// Sampled are the services, each with the share that is kept ("chat-api 0.1"),
	// of whose calls of that quarter hour a sampler drops the rest.
	Sampled           []string
	Parked, Dismissed int64     // refused records: open ones, and those that somebody dismissed
	ParkedLast        time.Time // of the open ones
	ParkedReason      string    // of the last
	// Conflicts are calls that came under the id of another call in the last 7
	// days, each a row of its own; Corrections those that took larger counts.
	Conflicts, Corrections int64
	// OpenSchemas are those of ours in which everybody may create objects.
	OpenSchemas []string
}

// HasCalls reports whether a database holds any call; one without our tables holds
// none.
func HasCalls(ctx context.Context, pool *pgxpool.Pool) (has bool, err error) {
	if err = pool.QueryRow(ctx, `SELECT to_regclass('public.api_usage') IS NOT NULL`).Scan(&has); err == nil && has {
		err = pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.api_usage)`).Scan(&has)
	}
	return has, err
}

// ReadHealth looks at a migrated database.
func ReadHealth(ctx context.Context, pool *pgxpool.Pool, now time.Time) (Health, error) {
	var h Health
	var hasTrigger bool
	var mark *string
	var lastCall, lastStored, parkedLast *time.Time
	err := pool.QueryRow(ctx, `
SELECT current_setting('server_version'), `+store.TriggerEnabled(store.FoldTrigger)+`,
       `+store.HasCitus+`,
       (SELECT value FROM public.usage_setting WHERE name = 'users_managed') = 'true',
       (`+store.SelectRetainedFrom+`)`).Scan(&h.ServerVersion, &hasTrigger, &h.Citus, &h.UsersManaged, &mark)
	if err == nil {
		h.RetainedFrom, err = store.ParseRetained(mark)
	}
	if err == nil {
		err = pool.QueryRow(ctx, `
SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(unpriced_calls), 0)::bigint, coalesce(sum(estimated_calls), 0)::bigint
FROM public.usage_quarter_type WHERE bucket >= $1`, now.AddDate(0, 0, -7)).Scan(&h.Calls, &h.Unpriced, &h.Estimated)
	}
	if err == nil {
		err = pool.QueryRow(ctx, `SELECT max(bucket) FROM public.usage_quarter_type WHERE calls <> 0`).Scan(&lastCall)
	}
	if err == nil && lastCall != nil {
		// The rows of that quarter hour, found by the block range index.
		err = pool.QueryRow(ctx, `
SELECT max(created_at), coalesce(array_agg(DISTINCT concat_ws(' ', service, metadata->>'sampled')) FILTER (WHERE metadata ? 'sampled'), '{}')
FROM public.api_usage WHERE timestamp >= $1`, lastCall).Scan(&lastStored, &h.Sampled)
	}
	if err == nil {
		err = pool.QueryRow(ctx, `
SELECT count(*) FILTER (WHERE dismissed_at IS NULL), count(dismissed_at), max(parked_at) FILTER (WHERE dismissed_at IS NULL),
  coalesce((SELECT reason FROM public.usage_dead_letter WHERE dismissed_at IS NULL ORDER BY parked_at DESC LIMIT 1), '')
FROM public.usage_dead_letter`).Scan(&h.Parked, &h.Dismissed, &parkedLast, &h.ParkedReason)
	}
	if err == nil {
		err = pool.QueryRow(ctx, `
SELECT coalesce(array_agg(nspname::text ORDER BY nspname), '{}')
FROM pg_catalog.pg_namespace
WHERE nspname IN ('public', 'auth', 'usage_report') AND has_schema_privilege('public', oid, 'CREATE')`).Scan(&h.OpenSchemas)
	}
	if err == nil {
		err = pool.QueryRow(ctx, `
SELECT count(*) FILTER (WHERE kind = 'id_reused'), count(*) FILTER (WHERE kind = 'counts')
FROM public.usage_correction WHERE corrected_at >= $1`, now.AddDate(0, 0, -7)).Scan(&h.Conflicts, &h.Corrections)
	}
	h.Rollup = store.RollupStatement
	if hasTrigger {
		h.Rollup = store.RollupTrigger
	}
	for _, t := range []struct {
		from *time.Time
		to   *time.Time
	}{{lastCall, &h.LastCall}, {lastStored, &h.LastStored}, {parkedLast, &h.ParkedLast}} {
		if t.from != nil {
			*t.to = *t.from
		}
	}
	return h, err
}
