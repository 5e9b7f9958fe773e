package upkeep

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// Health summarises the state of the store for an operator. Counts come from the rollups,
// so reading it costs the same for any number of calls.
type Health struct {
	ServerVersion string
	UsersManaged  bool
	Rollup        store.RollupMode // who keeps the sums: trigger or statement
	Citus         bool
	RetainedFrom  time.Time // zero: nothing was ever deleted

	Calls, Unpriced, Estimated int64     // of the last 7 days
	LastCall                   time.Time // start of the quarter hour of the last call; zero without calls
	LastStored                 time.Time // when the last row was stored; zero without rows
	// Sampled lists the services of which a sampler dropped calls in that quarter hour,
	// each with the share that is kept ("chat-api 0.1").
	Sampled           []string
	Parked, Dismissed int64     // refused records that are open, and that were dismissed
	ParkedLast        time.Time // when the last open one was parked
	ParkedReason      string    // of the last open one
	// Conflicts is the number of calls in the last 7 days that arrived under the id of
	// another call; each has a row of its own. Corrections is the number of calls whose
	// counts were raised.
	Conflicts, Corrections int64
	// OpenSchemas lists those of our schemas in which everybody may create objects.
	OpenSchemas []string
}

// HasCalls reports whether a database contains any call. It is false without our tables.
func HasCalls(ctx context.Context, pool *pgxpool.Pool) (has bool, err error) {
	if err = pool.QueryRow(ctx, `SELECT to_regclass('public.api_usage') IS NOT NULL`).Scan(&has); err == nil && has {
		err = pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.api_usage)`).Scan(&has)
	}
	return has, err
}

// ReadHealth reads the state of a migrated database.
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
		// The block range index finds the rows of that quarter hour.
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
