// Command benchquery measures how long the questions of the API take: the
// summary of 7, 30, 90 and 365 days with the period before, of all users and of
// one. It owns the measuring and no statement of the product.
//
// The calls are made inside PostgreSQL, a day in each statement, without the
// triggers that keep the rollups, which would take most of the time. The
// rollups are then built by the statements that `usagectl verify --repair` mends
// them with, and verified. Every answer is compared with the sum of the rows; the
// exit status is 1 when one differs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

type options struct {
	rows, users, repeat int
	zone                string
	keep, detail        bool
	dsn                 string
}

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 10_000_000, "calls in the table")
	flag.IntVar(&o.users, "users", 2000, "users, some of them much busier than others")
	flag.IntVar(&o.repeat, "repeat", 200, "how often each question is asked")
	flag.StringVar(&o.zone, "zone", "Asia/Kolkata", "time zone of the days")
	flag.StringVar(&o.dsn, "dsn", "", "ask the server that another run with -keep left there")
	flag.BoolVar(&o.detail, "detail", false, "ask for groups by provider, model and service too")
	flag.BoolVar(&o.keep, "keep", false, "ask nothing; keep the server for psql until the input ends")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "benchquery:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.dsn != "" {
		pool, err := store.Connect(ctx, store.Config{DSN: o.dsn, MaxConns: 5})
		if err != nil {
			return err
		}
		defer pool.Close()
		return ask(ctx, pool, o)
	}
	server, err := pgserver.Start(ctx, pgserver.Options{Log: os.Stderr, Settings: []string{
		"shared_buffers=2GB", "max_wal_size=8GB", "checkpoint_timeout=30min", "wal_level=minimal", "max_wal_senders=0",
	}})
	if err != nil {
		return err
	}
	defer server.Stop()
	pool, err := store.Connect(ctx, store.Config{DSN: server.DSN, MaxConns: 5})
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := dbmigrate.New().Up(ctx, pool); err != nil {
		return err
	}
	filler, err := store.Connect(ctx, store.Config{DSN: server.DSN + "&options=-c%20work_mem%3D128MB", MaxConns: 5})
	if err != nil {
		return err
	}
	defer filler.Close()
	if err := fill(ctx, filler, o); err != nil {
		return fmt.Errorf("make the calls: %w", err)
	}
	if o.keep {
		fmt.Printf("the calls are at %s until the input ends\n", server.DSN)
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	return ask(ctx, pool, o)
}

// days is a year and what lies around it; the calls of a year before it would
// only repeat what is measured.
const days = 400

// end is the moment at which the questions are asked: in the middle of a day,
// of a quarter hour and of a month, so that all edges are read.
var end = time.Date(2026, 5, 14, 16, 37, 11, 0, time.UTC)

const insertUsers = `
INSERT INTO auth.users (id, external_id)
SELECT md5('user-' || n)::uuid, 'user-' || n || '@example.com' FROM generate_series(0, $1::integer - 1) AS g (n)`

// insertDay makes the calls of one day: most at noon, few users, models and
// services with most of them, metadata as an app leaves it.
const insertDay = `
INSERT INTO public.api_usage (id, user_id, timestamp, usage_dollars, api_type, model, tokens_used, request_id, metadata, provider, service,
  environment, pricing_status, price_id, cost_source, input_tokens, output_tokens)
SELECT gen_random_uuid(),
       CASE WHEN r.anonymous > 0.01 THEN md5('user-' || floor($3::integer * r.who ^ 3))::uuid END,
       $1::timestamptz + interval '24 hours' * r.time,
       CASE WHEN m.n = 19 THEN 0 ELSE round((r.input * 0.0000025 + r.output * 0.00001)::numeric / (m.n + 1), 12) END,
       CASE WHEN m.n % 7 = 3 THEN 'embedding' WHEN m.n % 11 = 5 THEN 'speech' ELSE 'text' END,
       'model-' || m.n, r.input + r.output, 'chatcmpl-' || md5(r.time::text || r.who::text),
       jsonb_build_object('trace_id', md5(r.who::text), 'span_id', left(md5(r.time::text), 16), 'dialect', 'otel_genai', 'session_id', 'session-' || floor(1000 * r.who)),
       'provider-' || m.n % 4, 'service-' || floor(8 * r.service ^ 2), CASE WHEN r.service > 0.1 THEN 'production' ELSE 'staging' END,
       CASE WHEN m.n = 19 THEN 'unpriced' ELSE 'priced' END, 'current/model-' || m.n, 'computed', r.input, r.output
FROM (SELECT random() AS who, random() AS anonymous, (random() + random()) / 2 AS time, random() AS service, random() AS what,
             (4000 * random() ^ 2)::integer AS input, (900 * random() ^ 2)::integer AS output
      FROM generate_series(1, $2::integer) OFFSET 0) r,
     LATERAL (SELECT floor(20 * r.what ^ 2)::integer AS n) m
WHERE $1::timestamptz + interval '24 hours' * r.time < $4`

// fill makes the days with two writers, as many as a small server has cores,
// then the rollups, and proves them.
func fill(ctx context.Context, pool *pgxpool.Pool, o options) error {
	start := time.Now()
	if _, err := pool.Exec(ctx, insertUsers, o.users); err != nil {
		return err
	}
	last := end.Truncate(24 * time.Hour)
	if err := both(func(writer int) error {
		for n := writer; n < days; n += 2 { // in turns, because calls arrive in the order of time
			if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
				// No trigger fires, neither ours nor the foreign key's.
				if _, err := tx.Exec(ctx, `SET LOCAL session_replication_role = replica`); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, insertDay, last.AddDate(0, 0, n+1-days), o.rows*(n+1)/days-o.rows*n/days, o.users, end)
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	fmt.Printf("%d calls of %d users in %d days: made in %v", o.rows, o.users, days, time.Since(start).Round(time.Second))
	start = time.Now()
	if err := store.BuildRollups(ctx, pool); err != nil {
		return err
	}
	if _, err := pool.Exec(ctx, `VACUUM ANALYZE`); err != nil {
		return err
	}
	fmt.Printf(", their rollups in %v", time.Since(start).Round(time.Second))
	start = time.Now()
	middle := last.AddDate(0, 0, -days/2)
	if err := both(func(half int) error {
		found, err := store.Verify(ctx, pool, []store.VerifyOptions{{To: middle}, {From: middle}}[half])
		if err == nil && len(found) > 0 {
			err = fmt.Errorf("%s of %s has %d wrong rows", found[0].Rollup, found[0].Month.Format("2006-01"), found[0].Keys)
		}
		return err
	}); err != nil {
		return err
	}
	fmt.Printf(", verified in %v\n", time.Since(start).Round(time.Second))
	return nil
}

// both runs do(0) and do(1) at once.
func both(do func(n int) error) error {
	var first error
	var wg sync.WaitGroup
	wg.Go(func() { first = do(0) })
	second := do(1)
	wg.Wait()
	return errors.Join(first, second)
}

// viewer is whose usage is asked for.
type viewer struct {
	name   string
	filter store.Filter
}

func ask(ctx context.Context, pool *pgxpool.Pool, o options) error {
	reader := store.NewReader(pool, time.Minute)
	viewers := []viewer{
		{"all users", store.Filter{}},
		{"busiest user", store.Filter{ByUser: true}},
		{"middle user", store.Filter{ByUser: true}},
	}
	for i, n := range []int{0, o.users / 2} {
		var id [16]byte
		if err := pool.QueryRow(ctx, `SELECT md5('user-' || $1::text)::uuid`, fmt.Sprint(n)).Scan(&id); err != nil {
			return err
		}
		viewers[i+1].filter.User = id
	}
	zone, err := time.LoadLocation(o.zone)
	if err != nil {
		return err
	}
	fmt.Printf("%-14s %5s %9s %9s %9s   milliseconds of %d questions, days of %s\n", "who", "days", "p50", "p99", "raw", o.repeat, o.zone)
	for _, v := range viewers {
		for _, length := range []int{7, 30, 90, 365} {
			from := end.In(zone).AddDate(0, 0, 1-length).Format(time.DateOnly)
			span, err := report.ParseSpan(from, end.Format(time.RFC3339), o.zone, end)
			if err != nil {
				return err
			}
			q := report.Question{Viewer: store.Administrator(), Filter: v.filter, Span: span, Top: 10, Detail: o.detail}.ForStore()
			var took []time.Duration
			var previous, current store.Summary
			for range o.repeat + 1 {
				start := time.Now()
				if previous, current, _, err = reader.Summaries(ctx, q); err != nil {
					return err
				}
				took = append(took, time.Since(start))
			}
			took = took[1:] // the first reads from disk
			slices.Sort(took)
			start := time.Now()
			for _, s := range []struct {
				answer   store.Summary
				from, to time.Time
			}{{previous, q.Days[0], q.Days[q.Split]}, {current, q.Days[q.Split], q.Days[len(q.Days)-1]}} {
				if err := compare(ctx, pool, v.filter, s.answer, s.from, s.to); err != nil {
					return fmt.Errorf("%s, %d days: %w", v.name, length, err)
				}
			}
			fmt.Printf("%-14s %5d %9.1f %9.1f %9.0f\n", v.name, length, millis(took[len(took)/2]), millis(took[len(took)*99/100]), millis(time.Since(start)))
		}
	}
	fmt.Println("every answer equals the sum of the rows")
	return nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

const rawSums = `
SELECT count(*), coalesce(sum(tokens_used), 0)::bigint, count(*) FILTER (WHERE pricing_status = 'unpriced'), coalesce(sum(usage_dollars), 0)::text
FROM public.api_usage
WHERE timestamp >= $1 AND timestamp < $2 AND ($3::uuid IS NULL OR user_id = $3)`

// compare holds an answer, and each of its breakdowns, against the rows.
func compare(ctx context.Context, pool *pgxpool.Pool, f store.Filter, s store.Summary, from, to time.Time) error {
	var user any
	if f.ByUser {
		user = [16]byte(f.User)
	}
	var calls, tokens, unpriced int64
	var text string
	if err := pool.QueryRow(ctx, rawSums, from, to, user).Scan(&calls, &tokens, &unpriced, &text); err != nil {
		return err
	}
	cost, err := usage.ParseSum(text)
	if err != nil {
		return err
	}
	if t := s.Total; t.Calls != calls || t.Tokens != tokens || t.UnpricedCalls != unpriced || t.Cost.Cmp(cost) != 0 {
		return fmt.Errorf("%v to %v: the answer is %d calls, %d tokens, %d unpriced, $%s; the rows are %d, %d, %d, $%s",
			from, to, t.Calls, t.Tokens, t.UnpricedCalls, t.Cost, calls, tokens, unpriced, cost)
	}
	byUser := s.NoUser.Cost.Plus(s.OtherUsers.Cost)
	for _, u := range s.ByUser {
		byUser = byUser.Plus(u.Cost)
	}
	var byType, byDay usage.Sum
	for _, g := range s.ByType {
		byType = byType.Plus(g.Cost)
	}
	for _, d := range s.Daily {
		byDay = byDay.Plus(d)
	}
	for name, sum := range map[string]usage.Sum{"users": byUser, "types": byType, "days": byDay} {
		if sum.Cmp(cost) != 0 {
			return fmt.Errorf("%v to %v: the %s add up to $%s, the rows to $%s", from, to, name, sum, cost)
		}
	}
	return nil
}
