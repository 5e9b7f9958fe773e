package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// priceAll sets a cost that depends on everything a price can depend on, so
// that whatever a row forgets makes another cost.
func priceAll(factor int64) func(*usage.Record) {
	return func(r *usage.Record) {
		r.Status, r.Reason, r.CostSource, r.PriceID = usage.StatusPriced, "", usage.SourceComputed, "test"
		if r.Model == "" {
			r.Cost, r.Status, r.Reason, r.CostSource, r.PriceID = 0, usage.StatusUnpriced, usage.ReasonNoModel, "", ""
			return
		}
		if r.Missing != 0 {
			r.Status, r.Reason = usage.StatusEstimated, usage.ReasonCacheNotReported
		}
		text := fmt.Sprint(r.Provider, r.Model, r.RequestModel, r.ServiceTier, r.Region, r.Variant, r.QuantityReason, r.Missing, r.Time.Unix(), r.HasReportedCost, r.ReportedCost)
		sum := int64(len(text))
		for _, c := range []byte(text) {
			sum = (sum*31 + int64(c)) % 1_000_003
		}
		for k, n := range r.Quantities {
			sum = (sum + n*int64(k+7)) % 1_000_000_007
		}
		r.Cost = usage.Money(sum * factor)
	}
}

func repriceOptions(price func(*usage.Record)) upkeep.RepriceOptions {
	return upkeep.RepriceOptions{
		Filter: upkeep.RepriceFilter{From: testTime.AddDate(0, 0, -1), To: testTime.AddDate(0, 6, 0)},
		Price:  price, BatchCalls: 97, Book: "test", BookVersion: "1", ReportedCost: "prefer_computed",
	}
}

func reprice(t *testing.T, db *pgtest.DB, o upkeep.RepriceOptions) upkeep.RepriceRun {
	t.Helper()
	run, err := upkeep.Reprice(t.Context(), db.Pool, o)
	require.NoError(t, err)
	return run
}

const costs = `SELECT id::text, usage_dollars::text, pricing_status, pricing_reason, cost_source FROM public.api_usage ORDER BY id`

func TestRepricedRowsAreWhatFreshPricingWouldHaveStored(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		r := rand.New(rand.NewPCG(5, 6))
		records := make([]usage.Record, 600)
		for i := range records {
			records[i] = randomCall(r, i)
			records[i].Missing = usage.Missing(r.IntN(64))
			if r.IntN(3) == 0 {
				records[i].QuantityReason = usage.Reasons[r.IntN(len(usage.Reasons))]
			}
			records[i].Quantities[usage.OutputTextTokens]++ // none at all is another test
			records[i].Time = records[i].Time.Truncate(time.Microsecond)
		}
		writeAll(t, w, records)
		o := repriceOptions(priceAll(1))
		preview := map[bool]int{}
		require.NoError(t, upkeep.Compare(t.Context(), db.Pool, o, func(c upkeep.Compared) {
			require.NoError(t, c.Fault)
			preview[c.Changed]++
		}))
		require.Equal(t, 600, preview[true]+preview[false])

		run := reprice(t, db, o)
		assert.EqualValues(t, preview[true], run.Changed)
		fresh := pgtest.New(t)
		price := priceAll(1)
		for i := range records {
			price(&records[i])
		}
		writeAll(t, newWriter(t, fresh, write.Options{}), records)
		assert.Equal(t, fresh.Text(costs), db.Text(costs))
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		assert.Empty(t, verify(t, db, upkeep.VerifyOptions{}))
		assert.Equal(t, fmt.Sprintf("%d|%s|%s|true", run.Changed, run.OldCost, run.NewCost), db.Text(`SELECT changed_calls, trim_scale(old_dollars)::text, trim_scale(new_dollars)::text, finished_at IS NOT NULL FROM public.usage_reprice_run`))
		assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.usage_reprice_change c JOIN public.api_usage u ON u.id = c.call_id
			WHERE (u.usage_dollars, u.pricing_status, u.pricing_reason, u.cost_source) IS DISTINCT FROM (c.new_dollars, c.new_status, c.new_reason, c.new_cost_source)`))

		again := reprice(t, db, o)
		assert.Zero(t, again.ID, "a second run changes nothing and writes nothing")
		assert.Equal(t, "1", db.Text(`SELECT count(*) FROM public.usage_reprice_run`))
		assert.Equal(t, fmt.Sprint(run.Changed), db.Text(`SELECT count(*) FROM public.usage_reprice_change`))
	})
}

func TestRepriceGoesOnWhereItWasStopped(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		writeAll(t, w, calls(0, 500))
		o := repriceOptions(priceAll(2))
		ctx, cancel := context.WithCancel(t.Context())
		o.Progress = func(int64) { cancel() }
		stopped, err := upkeep.Reprice(ctx, db.Pool, o)
		require.ErrorIs(t, err, context.Canceled)
		assert.EqualValues(t, 97, stopped.Changed)
		assert.Equal(t, noDifferences, db.Text(rollupDifferences), "the sums are exact in the middle too")

		o.Progress = nil
		run := reprice(t, db, o)
		assert.True(t, run.Resumed)
		assert.Equal(t, stopped.ID, run.ID)
		assert.EqualValues(t, 500, run.Changed)
		assert.Equal(t, "500|1", db.Text(`SELECT count(*), count(DISTINCT run_id) FROM public.usage_reprice_change`))
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	})
}

func TestRepriceBesideWritersAndAnotherReprice(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		writeAll(t, w, calls(0, 800))
		var wg sync.WaitGroup
		for _, factor := range []int64{1, 2, 3} {
			wg.Go(func() {
				_, err := upkeep.Reprice(context.Background(), db.Pool, repriceOptions(priceAll(factor)))
				assert.NoError(t, err)
			})
		}
		for n := range 4 {
			wg.Go(func() {
				for batch := range 5 {
					_, err := w.Write(context.Background(), calls(600+n*100+batch*20, 700+n*100+batch*20))
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		reprice(t, db, repriceOptions(priceAll(4)))
		assert.Zero(t, reprice(t, db, repriceOptions(priceAll(4))).ID)
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	})
}

func TestRepriceKeepsToItsFilter(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	records := calls(0, 40)
	for i := range records {
		if i%2 == 0 {
			records[i].Model = "other"
		}
		if i%4 < 2 {
			records[i].Status, records[i].Reason, records[i].Cost, records[i].CostSource = usage.StatusUnpriced, usage.ReasonUnknownModel, 0, ""
		}
	}
	writeAll(t, newWriter(t, db, write.Options{}), records)
	o := repriceOptions(priceAll(1))
	other, nobody := "other", "nobody"
	o.Filter = upkeep.RepriceFilter{From: testTime, To: testTime.Add(20 * time.Second), Model: &other, OnlyUnpriced: true}
	assert.EqualValues(t, 5, reprice(t, db, o).Changed)
	assert.Equal(t, "5", db.Text(`SELECT count(*) FROM public.api_usage WHERE price_id = 'test' AND model = 'other' AND timestamp < $1`, o.Filter.To))
	o.Filter.Provider = &nobody
	assert.Zero(t, reprice(t, db, o).ID)
}

func TestRowsThatCannotBePricedAgainAreLeftAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens, cache_read_tokens, other_quantities) VALUES
		($1, 1.5, 'text', 'm', 'p', NULL, NULL, NULL, NULL, NULL),
		($1, 1.5, 'text', 'm', 'p', 7, NULL, NULL, NULL, NULL),
		($1, 1.5, 'text', 'm', 'p', 7, 3, 4, 9, NULL),
		($1, 1.5, 'text', 'm', 'p', 7, 3, 4, NULL, '{"smells": 3}')`, testTime)
	faults := map[error]int{}
	require.NoError(t, upkeep.Compare(t.Context(), db.Pool, repriceOptions(priceAll(1)), func(c upkeep.Compared) { faults[c.Fault]++ }))
	assert.Equal(t, map[error]int{store.ErrNoQuantities: 1, store.ErrQuantities: 3}, faults)
	assert.Zero(t, reprice(t, db, repriceOptions(priceAll(1))).ID)
	assert.Equal(t, "6.000000000000", db.Text(`SELECT sum(usage_dollars)::text FROM public.api_usage`))
}

func TestTheRoleThatRepricesCanDoNothingElse(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		writeAll(t, w, calls(0, 10))
		dsn, err := url.Parse(db.DSN)
		require.NoError(t, err)
		q := dsn.Query()
		q.Set("role", "usage_pricer")
		dsn.RawQuery = q.Encode()
		pool, err := store.Connect(t.Context(), store.Config{DSN: dsn.String()})
		require.NoError(t, err)
		defer pool.Close()
		run, err := upkeep.Reprice(t.Context(), pool, repriceOptions(priceAll(1)))
		require.NoError(t, err)
		assert.EqualValues(t, 10, run.Changed)
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		for _, sql := range []string{
			`UPDATE public.api_usage SET model = 'x'`, `DELETE FROM public.api_usage`, `UPDATE public.usage_reprice_change SET old_dollars = 0`,
			`DELETE FROM public.usage_reprice_run`, `UPDATE public.usage_reprice_run SET requested_by = 'x'`,
			`DELETE FROM public.usage_quarter_hour`, `INSERT INTO public.api_usage (usage_dollars, api_type) VALUES (1, 'text')`,
		} {
			_, err := pool.Exec(t.Context(), sql)
			assert.Equal(t, "42501", store.SQLState(err), sql)
		}
		_, err = pool.Exec(t.Context(), `UPDATE public.usage_quarter_hour SET usage_dollars = 0`)
		byTrigger := db.Text(`SELECT count(*) FROM pg_trigger WHERE tgname = 'api_usage_fold_update'`) == "1"
		assert.Equal(t, byTrigger, store.SQLState(err) == "42501", "it adds up itself only where no trigger does: %v", err)
	})
}
