package usageapiextension

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
)

// fillMany makes calls by users in one statement, evenly over the days days
// before the end of January.
func fillMany(t testing.TB, db *pgtest.DB, users, calls, days int) {
	t.Helper()
	db.Exec(`INSERT INTO auth.users (id, external_id) SELECT md5(n::text)::uuid, 'user' || n FROM generate_series(1, $1::integer) n`, users)
	db.Exec(`
		INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type, model, provider, service, tokens_used, input_tokens, output_tokens)
		SELECT md5((1 + n % $1::integer)::text)::uuid,
		       '2026-02-01Z'::timestamptz - (n::double precision / $2) * ($3 - 1) * interval '1 day' - interval '1 second',
		       (1 + n % 1000) * 0.000000000001, (ARRAY['text', 'embedding', 'tts'])[1 + n % 3], 'model-' || n % 20, 'openai', 'service-' || n % 5, 30, 20, 10
		FROM generate_series(1, $2::integer) n`, users, calls, days)
	db.Exec(`ANALYZE`)
}

// checkAHundredThousandUsers asks the case's rows for few users by name and for
// all.
func checkAHundredThousandUsers(t *testing.T, db *pgtest.DB) {
	t.Helper()
	api := newTestAPI(t, db.DSN, endOfJanuary)
	for _, top := range []int{3, 10_000} {
		w := api.get(t, "admin", "/api/admin/usage?top="+strconv.Itoa(top))
		require.Equal(t, 200, w.Code, w.Body)
		var a report.Answer
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a))
		assert.Equal(t, int64(100_000), a.Current.ActiveUsers)
		assert.Equal(t, "0.50500005", a.Current.TotalCost.String())
		assert.Equal(t, a.Current.TotalCost.String(), addUp(a.Current.UsageByUser).String())
		assert.Equal(t, min(top+1, 100_000)+1, len(a.Current.UsageByUser), "and the calls without a user") //nolint:testifylint // Len would print them all
	}
	var users usersDocument
	require.NoError(t, json.Unmarshal(api.get(t, "admin", "/api/admin/users?limit=1000&sort=lastSeen").Body.Bytes(), &users))
	assert.Len(t, users.Users, 1000)
}

// BenchmarkPage asks for the first page over periods of all lengths, over
// BENCH_CALLS calls (100,000) of 2,000 users in 400 days, of whom one makes 8 %.
func BenchmarkPage(b *testing.B) {
	calls := 100_000
	if text := os.Getenv("BENCH_CALLS"); text != "" {
		var err error
		calls, err = strconv.Atoi(text)
		require.NoError(b, err)
	}
	db := pgtest.New(b)
	db.Exec(`INSERT INTO auth.users (id, external_id) SELECT md5(n::text)::uuid, 'user' || n FROM generate_series(0, 1999) n`)
	for from := 0; from < calls; from += 50_000 {
		db.Exec(`
			INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type, model, provider, service, pricing_status, pricing_reason, pricing_assumptions, tokens_used, input_tokens, output_tokens, metadata)
			SELECT md5((CASE WHEN n % 25 < 2 THEN 0 ELSE n % 2000 END)::text)::uuid, '2026-01-31T11:00Z'::timestamptz - ($1 - n) * (interval '400 days' / $1),
			       CASE WHEN n % 50 = 0 THEN 0 ELSE (1 + n % 1000) * 0.0001 END, (ARRAY['text', 'text', 'embedding', 'tts'])[1 + n % 4], 'model-' || n % 20, (ARRAY['openai', 'anthropic'])[1 + n % 2], 'service-' || n % 40 / 5,
			       CASE WHEN n % 50 = 0 THEN 'unpriced' WHEN n % 10 = 0 THEN 'estimated' ELSE 'priced' END, CASE WHEN n % 50 = 0 THEN 'unknown_model' WHEN n % 10 = 0 THEN 'price_fallback' END,
			       CASE WHEN n % 3 = 0 THEN '{service_tier}'::text[] ELSE '{}' END, 1500, 1000, 500, jsonb_build_object('dialect', 'otel', 'span_id', substr(md5(n::text), 1, 16))
			FROM generate_series($2::integer, $3::integer) n`, calls, from, min(from+50_000, calls)-1)
	}
	keepUserDetail(b, db, 1000)
	// At the end of January its second half is not over.
	db.Exec(`DELETE FROM public.usage_user_detail_kept WHERE bucket >= '2026-01-16Z'`)
	db.Exec(`VACUUM (ANALYZE)`)
	api := newTestAPI(b, db.DSN, endOfJanuary, withPage)
	for _, who := range []string{"everybody", "busiest", "middle"} {
		id := map[string]string{"busiest": db.Text(`SELECT md5('0')::uuid`), "middle": db.Text(`SELECT md5('7')::uuid`)}[who]
		for _, days := range []string{"7", "30", "90", "365"} {
			b.Run(who+"/days="+days, func(b *testing.B) {
				var took []time.Duration
				for b.Loop() {
					start := time.Now()
					w := api.get(b, "admin", "/?days="+days+"&userId="+id)
					require.Equal(b, 200, w.Code, w.Body)
					took = append(took, time.Since(start))
				}
				slices.Sort(took)
				for _, p := range []int{50, 95} {
					b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds())/1000, "p"+strconv.Itoa(p)+"-ms")
				}
			})
		}
	}
}

// keepUserDetail keeps what users used of half months that are over and have so many
// calls, as the exporter does.
func keepUserDetail(t testing.TB, db *pgtest.DB, fewestCalls int) {
	t.Helper()
	for kept := 1; kept > 0; {
		db.Scan(`SELECT public.usage_keep_user_detail(100, $1)`, []any{fewestCalls}, &kept)
	}
}

// BenchmarkSummaryWhileIngesting asks for the last 30 days with 50 callers at a
// time while another connection stores batches of 500 calls, and reports how
// long the answers took.
func BenchmarkSummaryWhileIngesting(b *testing.B) {
	db := pgtest.New(b)
	fillMany(b, db, 2000, 100_000, 90)
	// As autovacuum does within a minute: the block range index knows nothing of new blocks
	// before, and every answer reads them all for the time of the newest call.
	db.Exec(`VACUUM (ANALYZE)`)
	api := newTestAPI(b, db.DSN, endOfJanuary)
	ctx, stop := context.WithCancel(b.Context())
	var stored int
	var ingest sync.WaitGroup
	ingest.Go(func() {
		for ctx.Err() == nil {
			if _, err := db.Pool.Exec(ctx, `
				INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type, model, provider, service)
				SELECT md5((1 + n)::text)::uuid, '2026-01-31T11:00Z'::timestamptz + n * interval '1 second', 0.001, 'text', 'model-' || n % 20, 'openai', 'service'
				FROM generate_series(1, 500) n`); err == nil {
				stored += 500
			}
		}
	})
	for _, name := range []string{"full", "basic"} {
		b.Run(name, func(b *testing.B) {
			var mu sync.Mutex
			var took []time.Duration
			ask := make(chan struct{})
			var callers sync.WaitGroup
			for range 50 {
				callers.Go(func() {
					for range ask {
						// Without the check of the contract, which takes longer than the answer.
						r := requestAs(b, http.MethodGet, "admin", "/api/admin/usage?detail="+name)
						start := time.Now()
						w := serve(api, r)
						d := time.Since(start)
						if w.Code != 200 {
							b.Errorf("%d %s", w.Code, w.Body)
						}
						mu.Lock()
						took = append(took, d)
						mu.Unlock()
					}
				})
			}
			for b.Loop() {
				ask <- struct{}{}
			}
			close(ask)
			callers.Wait()
			slices.Sort(took)
			for _, p := range []int{50, 99} {
				b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds())/1000, "p"+strconv.Itoa(p)+"-ms")
			}
		})
	}
	stop()
	ingest.Wait()
	b.Logf("%d calls stored meanwhile; %d connections for the answers", stored, api.api.pool.Config().MaxConns)
}
