package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// days is a year and what lies around it; the calls of a year before it would
// only repeat what is measured.
const days = 400

// end is the moment at which the questions are asked: in the middle of a day,
// of a quarter hour and of a month, so that all edges are read.
var end = time.Date(2026, 5, 14, 16, 37, 11, 0, time.UTC)

const insertUsers = `
INSERT INTO auth.users (id, external_id)
SELECT md5('user-' || n)::uuid, 'user-' || n || '@example.com' FROM generate_series(0, $1::integer - 1) AS g (n)`

// insertCalls makes the calls of part of a day: few users, models and services
// with most of them, metadata as an app leaves it. With tags, $6, each call has a
// team, a feature and a tenant of 100,000, and the day has as many tenants as may have
// sums of their own: 400 that come every day, 100 new ones, and of the rest the sums
// are one, as the writer decides. A call belongs to one of $7 sessions.
const insertCalls = `
INSERT INTO public.api_usage (id, user_id, timestamp, usage_dollars, api_type, model, tokens_used, request_id, metadata, provider, service,
  environment, pricing_status, price_id, cost_source, input_tokens, output_tokens,
  pricing_assumptions, trace_id, session_id, outcome, payer, tags, sum_tags)
SELECT gen_random_uuid(),
       CASE WHEN s.anonymous > 0.01 THEN md5('user-' || floor($3::integer * s.who ^ 3))::uuid END,
       $1::timestamptz + $5::interval * r.time,
       CASE WHEN m.n = 19 THEN 0 ELSE round((r.input * 0.0000025 + r.output * 0.00001)::numeric / (m.n + 1), 12) END,
       CASE WHEN m.n % 7 = 3 THEN 'embedding' WHEN m.n % 11 = 5 THEN 'speech' ELSE 'text' END,
       'model-' || m.n, r.input + r.output, 'chatcmpl-' || md5(r.time::text || r.trace::text),
       jsonb_build_object('span_id', left(md5(r.time::text), 16), 'dialect', 'otel'),
       'provider-' || m.n % 4, 'service-' || floor(8 * r.service ^ 2), CASE WHEN r.service > 0.1 THEN 'production' ELSE 'staging' END,
       CASE WHEN m.n = 19 THEN 'unpriced' ELSE 'priced' END, 'current/model-' || m.n, 'computed', r.input, r.output,
       CASE WHEN m.n % 3 = 1 THEN '{service_tier}' ELSE '{}' END::text[], md5(r.trace::text), 'session-' || s.n, 'unset',
       CASE WHEN r.service > 0.9 THEN 'plan' WHEN r.service > 0.5 THEN 'api' END,
       CASE WHEN $6 THEN t.known || t.tenant END, CASE WHEN $6 AND r.tag >= 0.5 THEN t.known || '(other)' END
FROM (SELECT random() AS trace, random() AS time, random() AS service, random() AS what, random() AS tag, random() AS session,
             (4000 * random() ^ 2)::integer AS input, (900 * random() ^ 2)::integer AS output
      FROM generate_series(1, $2::integer) OFFSET 0) r,
     LATERAL (SELECT floor(20 * r.what ^ 2)::integer AS n) m,
     LATERAL (SELECT CASE WHEN r.session < 0.05 THEN floor(20000 * r.session) ELSE $8::float8 + floor(($9::float8 - $8::float8) * (r.session - 0.05) / 0.95) END::bigint AS n) id,
     LATERAL (SELECT id.n, (hashint8(id.n)::bigint + 2147483648) / 4294967296.0::float8 AS who, (hashint8(id.n + $7::bigint)::bigint + 2147483648) / 4294967296.0::float8 AS anonymous) s,
     LATERAL (SELECT 'feature=feature-' || m.n % 10 || E'\nteam=team-' || m.n % 4 || E'\ntenant=' AS known, 'tenant-' || CASE
        WHEN r.tag < 0.25 THEN floor(1600 * r.tag)
        WHEN r.tag < 0.5 THEN floor(400 * (r.tag - 0.25)) + 400 + 100 * extract(day FROM $1::timestamptz - '2025-01-01 00:00Z')
        ELSE 40400 + floor(119200 * (r.tag - 0.5)) END AS tenant) t
WHERE $1::timestamptz + $5::interval * r.time < $4`

// A day is made in parts, in the order of time, as calls arrive: the block range
// index lives on that.
const (
	parts      = 12
	partLength = 24 * time.Hour / parts
)

// until says which part of all calls is made before the end of a part of a day:
// most are made at noon.
func until(part int) float64 {
	day, x := part/parts, float64(part%parts)/parts
	done := 2 * x * x
	if x > 0.5 {
		done = 1 - 2*(1-x)*(1-x)
	}
	return (float64(day) + done) / days
}

// fill makes the calls with one writer, in the order of time: two writers on a busy machine
// leave pages that are filled months later, and questions for part of a quarter hour read
// hundreds of thousands of calls. Then it makes the indexes, then the rollups, and proves a
// month of these. Nothing is logged and no trigger fires.
func fill(ctx context.Context, pool *pgxpool.Pool, o options) error {
	start := time.Now()
	if _, err := pool.Exec(ctx, insertUsers, o.users); err != nil {
		return err
	}
	if err := doEach(ctx, pool, `
SELECT format('ALTER TABLE %s SET UNLOGGED', c.oid::regclass)
FROM pg_class c
WHERE c.oid = 'public.api_usage'::regclass
   OR c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'bucket')`); err != nil {
		return err
	}
	makeIndexes, err := dropIndexes(ctx, pool)
	if err != nil {
		return err
	}
	first := end.Truncate(24*time.Hour).AddDate(0, 0, 1-days)
	for part := range days * parts {
		calls := int(float64(o.rows)*until(part+1)) - int(float64(o.rows)*until(part))
		if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			// No trigger fires, neither ours nor the foreign key's.
			if _, err := tx.Exec(ctx, `SET LOCAL session_replication_role = replica`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, insertCalls, first.Add(time.Duration(part)*partLength), calls, o.users, end, partLength, o.tags, o.sessions,
				float64(o.sessions)*until(part), float64(o.sessions)*until(part+1))
			return err
		}); err != nil {
			return err
		}
	}
	fmt.Printf("%d calls of %d users in %d days: made in %v", o.rows, o.users, days, took(&start))
	for _, sql := range makeIndexes {
		if _, err := pool.Exec(ctx, sql); err != nil {
			return err
		}
	}
	fmt.Printf(", indexes in %v", took(&start))
	if err := upkeep.BuildRollups(ctx, pool); err != nil {
		return err
	}
	fmt.Printf(", rollups in %v", took(&start))
	// Of what an exporter keeps, what the questions read.
	keep := keepUsers
	if o.tags {
		keep = keepSessions
	}
	if err := keep(ctx, pool); err != nil {
		return err
	}
	fmt.Printf(", what is kept of users or sessions in %v", took(&start))
	if _, err := pool.Exec(ctx, `VACUUM ANALYZE`); err != nil {
		return err
	}
	fmt.Printf(", vacuumed in %v", took(&start))
	middle := end.AddDate(0, -6, 0)
	middle = time.Date(middle.Year(), middle.Month(), 1, 0, 0, 0, 0, time.UTC)
	found, err := upkeep.Verify(ctx, pool, upkeep.VerifyOptions{From: middle, To: middle.AddDate(0, 1, 0)})
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("%s of %s has %d wrong rows", found[0].Rollup, found[0].Month.Format("2006-01"), found[0].Keys)
	}
	var calls, rollups string
	if err := pool.QueryRow(ctx, `
SELECT pg_size_pretty(pg_total_relation_size('public.api_usage')), pg_size_pretty(pg_database_size(current_database()) - pg_total_relation_size('public.api_usage'))`).Scan(&calls, &rollups); err != nil {
		return err
	}
	fmt.Printf(", a month verified in %v; calls with indexes %s, all else %s\n", took(&start), calls, rollups)
	return nil
}

// keepUsers keeps the half months of busy users that are over at the moment of the questions.
func keepUsers(ctx context.Context, pool *pgxpool.Pool) error {
	for kept := 1; kept > 0; {
		var err error
		if kept, err = upkeep.KeepUserDetail(ctx, pool, upkeep.KeepOptions{FewestCalls: 20_000}); err != nil {
			return err
		}
	}
	_, err := pool.Exec(ctx, `DELETE FROM public.usage_user_quarter_kept WHERE bucket >= $1`, time.Date(end.Year(), end.Month(), 1, 0, 0, 0, 0, time.UTC))
	return err
}

// keepSessions keeps the days that are over at the moment of the questions. The function
// of the product goes by the clock.
func keepSessions(ctx context.Context, pool *pgxpool.Pool) error {
	if _, err := pool.Exec(ctx, `ANALYZE public.api_usage`); err != nil { // as a database that is in use has done
		return err
	}
	return doEach(ctx, pool, `
SELECT format('SELECT public.usage_keep_session_day(%L)', bucket)
FROM public.usage_day_type WHERE bucket < date_bin('1 day', '`+end.Format(time.RFC3339)+`'::timestamptz, '2000-01-01 00:00:00Z') GROUP BY bucket ORDER BY bucket`)
}

// took gives the time since *start, and restarts it.
func took(start *time.Time) time.Duration {
	d := time.Since(*start).Round(time.Second)
	*start = time.Now()
	return d
}

// doEach runs the statements that a query gives.
func doEach(ctx context.Context, pool *pgxpool.Pool, query string) error {
	rows, err := pool.Query(ctx, query)
	if err != nil {
		return err
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, sql := range statements {
		if _, err := pool.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// dropIndexes takes the indexes of the calls away and gives the statements that
// make them again, which is faster than to keep them.
func dropIndexes(ctx context.Context, pool *pgxpool.Pool) (makeAgain []string, err error) {
	rows, err := pool.Query(ctx, `
SELECT CASE WHEN c.oid IS NULL THEN pg_get_indexdef(i.indexrelid)
            ELSE format('ALTER TABLE public.api_usage ADD CONSTRAINT %I %s', c.conname, pg_get_constraintdef(c.oid)) END
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype = 'p'
WHERE i.indrelid = 'public.api_usage'::regclass`)
	if err != nil {
		return nil, err
	}
	if makeAgain, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, err
	}
	return makeAgain, doEach(ctx, pool, `
SELECT CASE WHEN c.oid IS NULL THEN format('DROP INDEX %s', i.indexrelid::regclass)
            ELSE format('ALTER TABLE public.api_usage DROP CONSTRAINT %I', c.conname) END
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype = 'p'
WHERE i.indrelid = 'public.api_usage'::regclass`)
}
