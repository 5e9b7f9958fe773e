package store_test

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/plan"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

func terms(name, since string, change func(*plan.Terms)) plan.Terms {
	price := decimal.New(100, 0)
	t := plan.Terms{Name: name, Since: day(since), Payer: usage.PayerPlan, Price: &price, Currency: "USD", Period: "month", TimeZone: "UTC"}
	if change != nil {
		change(&t)
	}
	return t
}

func savePlan(t *testing.T, db *pgtest.DB, p plan.Terms, seats ...plan.Seat) {
	t.Helper()
	require.NoError(t, plan.Save(t.Context(), db.Pool, p))
	_, err := plan.SaveSeats(t.Context(), db.Pool, seats)
	require.NoError(t, err)
}

func seat(name, user, since, until string) plan.Seat {
	s := plan.Seat{Plan: name, User: usage.UserID(user), UserName: user, Since: day(since)}
	if until != "" {
		s.Until = day(until)
	}
	return s
}

func apply(t *testing.T, db *pgtest.DB, o plan.Options) plan.Applied {
	t.Helper()
	done, err := plan.Apply(t.Context(), db.Pool, o)
	require.NoError(t, err)
	return done
}

// whoPays adds up what the table says of payers.
const whoPays = `SELECT coalesce(payer, '?'), coalesce(payer_plan, '-'), coalesce(payer_filled, false), count(*) FROM public.api_usage GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`

// tells is what calls reported when they were written.
const tells = `SELECT id, CASE WHEN payer_filled THEN NULL ELSE payer END FROM public.api_usage ORDER BY id`

func TestPlansFillInWhatCallsDoNotTellAndSumsFollow(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		records := randomCalls(900)
		writeAll(t, w, records)
		reported := db.Text(tells)
		keepDetail(t, db)
		savePlan(t, db, terms("team", "2026-03-01", func(p *plan.Terms) { p.Provider = "anthropic" }),
			seat("team", "user-1@example.com", "2026-03-01", ""), seat("team", "user-2@example.com", "2026-04-01", "2026-05-01"))
		savePlan(t, db, terms("gpu", "2026-04-10", func(p *plan.Terms) {
			p.Payer, p.Everyone, p.Model, p.APITypes = usage.PayerOwn, true, "gpt-*", []string{"text", "embedding"}
		}))
		expect := func(what string, covers func(r *usage.Record) (name string, payer usage.Payer)) {
			t.Helper()
			want := map[string]int{}
			for i := range records {
				r := &records[i]
				payer, filled := r.Payer, false
				name, whose := covers(r)
				if payer == "" && name != "" {
					payer, filled = whose, true
				}
				if payer == "" {
					payer = "?"
				}
				if name == "" {
					name = "-"
				}
				want[fmt.Sprintf("%s|%s|%t", payer, name, filled)]++
			}
			got := map[string]int{}
			rows, err := db.Pool.Query(t.Context(), whoPays)
			require.NoError(t, err)
			for rows.Next() {
				var payer, name string
				var filled bool
				var n int
				require.NoError(t, rows.Scan(&payer, &name, &filled, &n))
				got[fmt.Sprintf("%s|%s|%t", payer, name, filled)] = n
			}
			require.NoError(t, rows.Err())
			assert.Equal(t, want, got, what)
			assert.Equal(t, reported, db.Text(tells), "what calls tell is never changed")
			assert.Equal(t, noDifferences, db.Text(rollupDifferences), what)
			keepDetail(t, db)
			assert.Regexp(t, `^0\|`, db.Text(detailDifferences), what)
		}
		at := func(r *usage.Record, since, until string) bool {
			return !r.Time.Before(day(since)) && (until == "" || r.Time.Before(day(until)))
		}
		both := func(since string) func(r *usage.Record) (string, usage.Payer) {
			return func(r *usage.Record) (string, usage.Payer) {
				switch {
				case r.Provider == "anthropic" && r.UserExternalID == "user-1@example.com" && at(r, since, ""):
					return "team", usage.PayerPlan
				case r.Provider == "anthropic" && r.UserExternalID == "user-2@example.com" && at(r, "2026-04-01", "2026-05-01"):
					return "team", usage.PayerPlan
				case r.Model == "gpt-4o" && at(r, "2026-04-10", "") && (r.APIType == "text" || r.APIType == "embedding"):
					return "gpu", usage.PayerOwn
				}
				return "", ""
			}
		}
		dry := apply(t, db, plan.Options{DryRun: true})
		first := apply(t, db, plan.Options{BatchCalls: 7})
		assert.Positive(t, first.Changed)
		assert.Equal(t, dry, first, "the dry run says what happens")
		expect("applied", both("2026-03-01"))
		assert.Equal(t, fmt.Sprint(first.Changed), db.Text(`SELECT count(*) FROM public.usage_correction WHERE kind = 'payer'`))
		assert.Zero(t, apply(t, db, plan.Options{}).Changed, "again")

		// Other dates move the calls of these dates alone.
		before := db.Text(`SELECT max(id) FROM public.usage_correction`)
		require.NoError(t, plan.DeleteSeat(t.Context(), db.Pool, "team", usage.UserID("user-1@example.com"), day("2026-03-01")))
		_, err := plan.SaveSeats(t.Context(), db.Pool, []plan.Seat{seat("team", "user-1@example.com", "2026-04-15", "")})
		require.NoError(t, err)
		assert.Positive(t, apply(t, db, plan.Options{}).Changed)
		expect("moved", both("2026-04-15"))
		assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.usage_correction c JOIN public.api_usage u ON u.id = c.call_id WHERE c.id > $1::text::bigint AND u.timestamp >= '2026-04-15Z'`, before))

		// A plan that is gone leaves what the calls tell.
		require.NoError(t, plan.DeleteTerms(t.Context(), db.Pool, "team", day("2026-03-01")))
		require.NoError(t, plan.DeleteTerms(t.Context(), db.Pool, "gpu", day("2026-04-10")))
		assert.Equal(t, "0|0", db.Text(`SELECT (SELECT count(*) FROM public.usage_plans), (SELECT count(*) FROM public.usage_plan_seats)`))
		apply(t, db, plan.Options{})
		expect("none", func(*usage.Record) (string, usage.Payer) { return "", "" })
	})
}

func TestPlansAreAppliedBesideWritersAndWhereARunWasStopped(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		users := func(records []usage.Record) []usage.Record {
			for i := range records {
				records[i].UserExternalID = fmt.Sprintf("user-%d", i%4)
				records[i].UserID = usage.UserID(records[i].UserExternalID)
			}
			return records
		}
		writeAll(t, w, users(calls(0, 600)))
		savePlan(t, db, terms("team", "2026-01-01", nil), seat("team", "user-1", "2026-01-01", ""), seat("team", "user-2", "2026-01-01", ""))
		ctx, stop := context.WithCancel(t.Context())
		_, err := plan.Apply(ctx, db.Pool, plan.Options{BatchCalls: 50, Progress: func(int64) { stop() }})
		require.Error(t, err)
		changed := number[int64](db, `SELECT count(*) FROM public.api_usage WHERE payer_filled`)
		require.EqualValues(t, 50, changed, "a run that is stopped keeps whole batches")
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				_, err := plan.Apply(context.Background(), db.Pool, plan.Options{BatchCalls: 30})
				assert.NoError(t, err)
			})
		}
		for n := range 3 {
			wg.Go(func() {
				_, err := w.Write(context.Background(), users(calls(400+n*200, 800+n*200)))
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		apply(t, db, plan.Options{})
		assert.Equal(t, "600|600", db.Text(`SELECT count(*) FILTER (WHERE payer = 'plan'), count(*) FILTER (WHERE payer IS NULL) FROM public.api_usage`))
		assert.Equal(t, "600", db.Text(`SELECT count(*) FROM public.usage_correction WHERE kind = 'payer'`), "each call once")
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	})
}

func TestALaterReportThatTellsThePayerWins(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		first := streamed(1, 5, func(r *usage.Record) { r.UserExternalID, r.UserID = "ada", usage.UserID("ada") })
		writeAll(t, w, []usage.Record{first})
		savePlan(t, db, terms("team", "2026-01-01", nil), seat("team", "ada", "2026-01-01", ""))
		apply(t, db, plan.Options{})
		silent, payerReport := streamed(1, 50), streamed(1, 500)
		payerReport.Payer = usage.PayerAPI
		writeAll(t, w, []usage.Record{silent})
		assert.Equal(t, "plan|team|true", db.Text(`SELECT payer, payer_plan, payer_filled::text FROM public.api_usage`))
		writeAll(t, w, []usage.Record{payerReport})
		assert.Zero(t, apply(t, db, plan.Options{}).Changed)
		assert.Equal(t, "api|team|-", db.Text(`SELECT payer, payer_plan, payer_filled::text FROM public.api_usage`))
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	})
}

func TestPlansThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	savePlan(t, db, terms("team", "2026-01-01", nil), seat("team", "ada", "2026-01-01", ""))
	savePlan(t, db, terms("gpu", "2026-01-01", func(p *plan.Terms) { p.Everyone, p.Payer = true, usage.PayerOwn }))
	for says, err := range map[string]error{
		"its other terms have others": plan.Save(t.Context(), db.Pool, terms("team", "2026-02-01", func(p *plan.Terms) { p.Everyone = true })),
		"usage_plans_period_known":    plan.Save(t.Context(), db.Pool, terms("team", "2026-02-01", func(p *plan.Terms) { p.Period = "fortnight" })),
		"time zone":                   plan.Save(t.Context(), db.Pool, terms("new", "2026-02-01", func(p *plan.Terms) { p.TimeZone = "Mars/Olympus" })),
		"no such plan":                second(plan.SaveSeats(t.Context(), db.Pool, []plan.Seat{seat("nothing", "ada", "2026-01-01", "")})),
		"has no seats":                second(plan.SaveSeats(t.Context(), db.Pool, []plan.Seat{seat("gpu", "ada", "2026-01-01", "")})),
		"two seats of ada":            second(plan.SaveSeats(t.Context(), db.Pool, []plan.Seat{seat("team", "ada", "2026-03-01", "")})),
		"has no such seat":            plan.EndSeat(t.Context(), db.Pool, "team", usage.UserID("eve"), day("2026-03-01")),
		"no terms from that day":      plan.DeleteTerms(t.Context(), db.Pool, "team", day("2026-03-01")),
	} {
		assert.ErrorContains(t, err, says)
	}
	require.NoError(t, plan.EndSeat(t.Context(), db.Pool, "team", usage.UserID("ada"), day("2026-03-01")))
	_, err := plan.SaveSeats(t.Context(), db.Pool, []plan.Seat{seat("team", "ada", "2026-03-01", "")})
	require.NoError(t, err)
	require.NoError(t, plan.End(t.Context(), db.Pool, "team", day("2026-06-01")))
	assert.Equal(t, "2026-06-01", db.Text(`SELECT until::text FROM public.usage_plans WHERE name = 'team'`))
	assert.Equal(t, "6", db.Text(`SELECT count(*) FROM public.usage_plan_change`), "who changed what is noted")
}

func second[T any](_ T, err error) error { return err }

func TestTheRoleThatAppliesPlansCanDoNothingElse(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		records := calls(0, 10)
		for i := range records {
			records[i].UserExternalID, records[i].UserID = "ada", usage.UserID("ada")
		}
		writeAll(t, w, records)
		dsn, err := url.Parse(db.DSN)
		require.NoError(t, err)
		q := dsn.Query()
		q.Set("role", "usage_pricer")
		dsn.RawQuery = q.Encode()
		pool, err := store.Connect(t.Context(), store.Config{DSN: dsn.String()})
		require.NoError(t, err)
		defer pool.Close()
		require.NoError(t, plan.Save(t.Context(), pool, terms("team", "2026-01-01", nil)))
		_, err = plan.SaveSeats(t.Context(), pool, []plan.Seat{seat("team", "ada", "2026-01-01", "")})
		require.NoError(t, err)
		done, err := plan.Apply(t.Context(), pool, plan.Options{})
		require.NoError(t, err)
		assert.EqualValues(t, 10, done.Changed)
		require.NoError(t, plan.DeleteTerms(t.Context(), pool, "team", day("2026-01-01")))
		for _, sql := range []string{
			`UPDATE public.api_usage SET model = 'x'`, `DELETE FROM public.usage_plan_change`, `INSERT INTO public.usage_plan_change (plan) VALUES ('x')`,
			`UPDATE public.usage_plan_run SET requested_by = 'x'`, `DELETE FROM public.usage_correction`,
		} {
			_, err := pool.Exec(t.Context(), sql)
			assert.Equal(t, "42501", store.SQLState(err), sql)
		}
	})
}
