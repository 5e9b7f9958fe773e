package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
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

// namedCalls are calls of three days with 40 models and 12 services.
func namedCalls(from, to int) []usage.Record {
	list := calls(from, to)
	for i := range list {
		n := from + i
		list[i].Model = fmt.Sprintf("model-%d", n*7%40)
		list[i].Service = fmt.Sprintf("service-%d", n*5%12)
		list[i].Time = testTime.Truncate(24 * time.Hour).Add(time.Duration(n*37%(3*24*60)) * time.Minute)
	}
	return list
}

func requireProvable(t *testing.T, db *pgtest.DB, when string) {
	t.Helper()
	found, err := upkeep.Verify(t.Context(), db.Pool, upkeep.VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, found, when)
}

// TestMoreNamesThanADayMayHaveAreOneInTheSums: writers that store the same names
// in different orders, deletes, changes and repricing agree on which names have
// sums of their own, and the calls keep theirs.
func TestMoreNamesThanADayMayHaveAreOneInTheSums(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		db.Exec(`UPDATE public.usage_name_limit SET names = 10 WHERE kind = 'model'`)
		db.Exec(`UPDATE public.usage_name_limit SET names = 4 WHERE kind = 'service'`)
		var wg sync.WaitGroup
		for n := range 3 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(n), 1))
				for _, part := range r.Perm(20) {
					if _, err := w.Write(t.Context(), namedCalls(part*50, part*50+50)); err != nil {
						t.Errorf("write: %v", err)
					}
				}
			})
		}
		wg.Wait()
		requireProvable(t, db, "after writing")
		assert.Equal(t, "1000|40|12", db.Text(`SELECT count(*), count(DISTINCT model), count(DISTINCT service) FROM public.api_usage`))
		assert.Equal(t, "11|11|11", db.Text(`SELECT string_agg(n::text, '|') FROM (SELECT count(DISTINCT model) AS n FROM public.usage_day WHERE calls <> 0 GROUP BY bucket) AS d`))
		assert.Equal(t, "5|5|5", db.Text(`SELECT string_agg(n::text, '|') FROM (SELECT count(DISTINCT service) AS n FROM public.usage_quarter_hour WHERE calls <> 0 GROUP BY date_trunc('day', bucket, 'UTC')) AS d`))
		assert.Equal(t, "1000", db.Text(`SELECT sum(calls) FROM public.usage_half_month`))

		assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.api_usage AS c WHERE (coalesce(folded, 0) & 2 = 0) <> EXISTS (
			SELECT FROM public.usage_name AS k WHERE k.kind = 'model' AND k.name = c.model AND k.day = date_trunc('day', c.timestamp, 'UTC'))`), "calls that say otherwise than the table of names")

		// A higher limit holds for days that are not full; what was decided stays.
		db.Exec(`UPDATE public.usage_name_limit SET names = 1000`)
		later := namedCalls(1000, 1100)
		for i := range later[:50] {
			later[i].Time = later[i].Time.AddDate(0, 0, 10)
		}
		writeAll(t, w, later)
		requireProvable(t, db, "after the limit was raised")
		assert.Equal(t, "11", db.Text(`SELECT max(n) FROM (SELECT count(DISTINCT model) AS n FROM public.usage_day WHERE bucket < '2026-03-20Z' GROUP BY bucket) AS d`))
		assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.usage_day WHERE bucket > '2026-03-20Z' AND model = '(other)'`))

		// A call of a name that is folded is found and priced again.
		_, err := upkeep.Reprice(t.Context(), db.Pool, upkeep.RepriceOptions{
			Filter: upkeep.RepriceFilter{From: testTime.AddDate(0, 0, -10), To: testTime.AddDate(0, 0, 30), Model: ptr(folded(t, db))},
			Price:  func(r *usage.Record) { r.Cost = 7 * usage.Dollar },
		})
		require.NoError(t, err)
		requireProvable(t, db, "after repricing")
		assert.NotEqual(t, "0", db.Text(`SELECT count(*) FROM public.api_usage WHERE usage_dollars = 7`))

		// What a question adds up of sums and of single calls has the same names.
		start := testTime.Truncate(24 * time.Hour).Add(3*time.Hour + 7*time.Minute)
		_, summary, _, err := read.New(db.Pool, time.Minute).Summaries(t.Context(), read.SummaryQuestion{
			Viewer: read.Administrator(), Days: []time.Time{start.Add(-time.Hour), start, start.Add(25 * time.Hour)}, Split: 1, TopUsers: 10, Detail: true,
		})
		require.NoError(t, err)
		assert.LessOrEqual(t, len(summary.ByModel), 21, "names of two days and the rest")
		for _, g := range summary.ByModel {
			assert.Positive(t, g.Calls, g.Key)
		}
		assert.Equal(t, db.Text(`SELECT count(*) FROM public.api_usage WHERE timestamp >= $1 AND timestamp < $2`, start, start.Add(25*time.Hour)), fmt.Sprint(summary.Total.Calls))
	})
	t.Run("other writers", func(t *testing.T) {
		t.Parallel()
		// Who writes SQL invents no names: theirs have sums of their own.
		db := pgtest.New(t)
		db.Exec(`UPDATE public.usage_name_limit SET names = 3`)
		db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, service) SELECT '2026-03-14T10:00Z', 1, 'text', 'm' || n % 20, 's' || n % 7 FROM generate_series(1, 200) AS n`)
		requireProvable(t, db, "after INSERT")
		db.Exec(`UPDATE public.api_usage SET model = 'new-' || model, timestamp = timestamp + interval '20 hours' WHERE model < 'm15'`)
		requireProvable(t, db, "after UPDATE")
		db.Exec(`DELETE FROM public.api_usage WHERE service = 's3'`)
		requireProvable(t, db, "after DELETE")
		db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) SELECT '2026-03-14T10:00Z', 1, 'word_' || n FROM generate_series(1, 100) AS n`)
		requireProvable(t, db, "after API types that nobody knows")
		assert.Equal(t, "(other) 100", db.Text(`SELECT string_agg(api_type || ' ' || calls, ',') FROM public.usage_day_type WHERE api_type <> 'text' AND calls <> 0`))
		db.Exec(`UPDATE public.usage_day SET calls = calls + 1`)
		_, err := upkeep.Verify(t.Context(), db.Pool, upkeep.VerifyOptions{Repair: true})
		require.NoError(t, err)
		requireProvable(t, db, "after repair")
	})
}

// TestMoreCombinationsThanADayMayHaveAreOneInTheSums: of few names of each kind a
// sender makes many combinations. Writers that store them in different orders, with
// different memories, agree on which have sums of their own; the provider stays.
func TestMoreCombinationsThanADayMayHaveAreOneInTheSums(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		db.Exec(`UPDATE public.usage_name_limit SET names = CASE kind WHEN 'combination' THEN 30 WHEN 'service' THEN 9 ELSE 100 END`)
		list := calls(0, 1000)
		for i := range list {
			list[i].Provider = []string{"openai", "anthropic"}[i%2]
			list[i].Model, list[i].Service, list[i].Environment = fmt.Sprint("m", i%11), fmt.Sprint("s", i%10), fmt.Sprint("e", i%3)
			list[i].Time = testTime.Truncate(24 * time.Hour).Add(time.Duration(i) * time.Minute)
		}
		writers := []*write.Writer{w, newWriter(t, db, write.Options{}), newWriter(t, db, write.Options{})}
		var wg sync.WaitGroup
		for n, w := range writers {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(n), 2))
				for _, part := range r.Perm(20) {
					if _, err := w.Write(t.Context(), slices.Clone(list[part*50:part*50+50])); err != nil {
						t.Errorf("write: %v", err)
					}
				}
			})
		}
		wg.Wait()
		requireProvable(t, db, "after writing")
		assert.Equal(t, "1000|330", db.Text(`SELECT count(*), count(DISTINCT (provider, model, service, environment)) FROM public.api_usage`))
		assert.Equal(t, "1000|32", db.Text(`SELECT sum(calls), count(DISTINCT (provider, model, service, environment)) FROM public.usage_quarter_hour WHERE calls <> 0`),
			"30 combinations, and the rest of two providers")
		assert.Equal(t, "anthropic (other) (other) (other), openai (other) (other) (other)", db.Text(`
			SELECT string_agg(DISTINCT concat_ws(' ', provider, model, service, environment), ', ') FROM public.usage_half_month WHERE model = '(other)'`))
		assert.Equal(t, "500|500", db.Text(`SELECT sum(calls) FILTER (WHERE provider = 'openai'), sum(calls) FILTER (WHERE provider = 'anthropic') FROM public.usage_day`))
		assert.Equal(t, "true|30|true|9", db.Text(`SELECT (SELECT closed FROM public.usage_name_day WHERE kind = 'combination'), (SELECT names FROM public.usage_name_day WHERE kind = 'combination'),
			(SELECT closed FROM public.usage_name_day WHERE kind = 'service'), (SELECT names FROM public.usage_name_day WHERE kind = 'service')`))

		// A collector that starts later gets the same answer.
		again := slices.Clone(list[:50])
		for i := range again {
			again[i].ID = usage.IDFromResponse("again", fmt.Sprint(i))
		}
		writeAll(t, newWriter(t, db, write.Options{}), again)
		requireProvable(t, db, "after a restart")
		assert.Equal(t, "0", db.Text(`SELECT count(*) FROM (SELECT FROM public.api_usage GROUP BY provider, model, service, environment HAVING count(DISTINCT coalesce(folded, 0)) > 1) AS c`))
	})
}

// folded is the name of a model that has calls and no sums of its own.
func folded(t *testing.T, db *pgtest.DB) string {
	t.Helper()
	return db.Text(`SELECT min(model) FROM public.api_usage AS c WHERE timestamp < '2026-03-20Z'
		AND NOT EXISTS (SELECT FROM public.usage_name AS k WHERE k.kind = 'model' AND k.name = c.model AND k.day = date_trunc('day', c.timestamp, 'UTC'))`)
}

func ptr[T any](v T) *T { return &v }
