package read

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

const ada, eve = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"

// budgetCalls are calls of a year, of everything that a budget can limit, some without a price.
const budgetCalls = `
INSERT INTO auth.users (id, external_id) VALUES ('` + ada + `', 'ada'), ('` + eve + `', 'eve');
INSERT INTO public.usage_team_members (team, user_id) VALUES ('core', '` + ada + `'), ('core', '` + eve + `'), ('one', '` + eve + `');
INSERT INTO public.api_usage (timestamp, usage_dollars, pricing_status, api_type, provider, model, service, environment, user_id, tags)
SELECT '2025-02-20 00:07Z'::timestamptz + n * interval '97 minutes', CASE WHEN n % 11 = 0 THEN 0 ELSE n * 0.000000000001 + 0.01 END, CASE WHEN n % 11 = 0 THEN 'unpriced' ELSE 'priced' END,
       (ARRAY['text', 'image'])[1 + n % 2], (ARRAY['openai', ''])[1 + n % 2], (ARRAY['a', 'b', NULL])[1 + n % 3], (ARRAY['shop', ''])[1 + n % 2], (ARRAY['prod', 'test'])[1 + n % 2],
       (ARRAY['` + ada + `', '` + eve + `', NULL])[1 + n % 3]::uuid, CASE n % 4 WHEN 0 THEN 'feature=search' WHEN 1 THEN E'feature=chat\ntenant=search' END
FROM generate_series(1, 5500) AS n`

// TestABudgetIsWhatItsCallsCost compares budgets of all scopes, periods and zones with the
// calls themselves.
func TestABudgetIsWhatItsCallsCost(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(budgetCalls)
	// what each scope limits, as columns of a budget and as a condition on the calls
	scopes := map[string]struct{ columns, values, where string }{
		"everything":            {"scope", "'org'", "true"},
		"a team":                {"scope, team", "'team', 'core'", "user_id IS NOT NULL"},
		"a team of one":         {"scope, team", "'team', 'one'", "user_id = '" + eve + "'"},
		"an empty team":         {"scope, team", "'team', 'none'", "false"},
		"a user":                {"scope, user_id", "'user', '" + ada + "'", "user_id = '" + ada + "'"},
		"a service":             {"scope, service", "'service', 'shop'", "service = 'shop'"},
		"no service":            {"scope, service", "'service', '(none)'", "service = ''"},
		"an environment":        {"scope, value", "'environment', 'prod'", "environment = 'prod'"},
		"a provider":            {"scope, value", "'provider', 'openai'", "provider = 'openai'"},
		"a model":               {"scope, value", "'model', 'a'", "model = 'a'"},
		"an API type":           {"scope, value", "'api_type', 'image'", "api_type = 'image'"},
		"a tag":                 {"scope, tag, value", "'tag', 'feature', 'search'", "tags LIKE '%feature=search%'"},
		"a tag of another name": {"scope, tag, value", "'tag', 'tenant', 'search'", "tags LIKE '%tenant=search%'"},
		"nothing of these":      {"scope, value", "'model', 'unheard of'", "false"},
	}
	// where the period begins and ends, at 2026-02-17 13:07Z, in local time
	periods := map[string]struct{ columns, values, start, end string }{
		"day":     {"period", "'day'", "2026-02-17", "2026-02-18"},
		"week":    {"period", "'week'", "2026-02-16", "2026-02-23"},
		"month":   {"period", "'month'", "2026-02-01", "2026-03-01"},
		"quarter": {"period", "'quarter'", "2026-01-01", "2026-04-01"},
		"year":    {"period", "'year'", "2026-01-01", "2027-01-01"},
		"running": {"period, first_day, last_day", "'dates', '2025-12-24', '2026-02-28'", "2025-12-24", "2026-03-01"},
		"ended":   {"period, first_day, last_day", "'dates', '2025-12-24', '2026-01-06'", "2025-12-24", "2026-01-07"},
		"to come": {"period, first_day, last_day", "'dates', '2026-12-24', '2026-12-31'", "2026-12-24", "2027-01-01"},
	}
	zones := []string{"UTC", "Asia/Kolkata", "America/New_York"}
	type want struct{ where, start, end, zone string }
	wants := map[string]want{}
	for scope, s := range scopes {
		for period, p := range periods {
			for _, zone := range zones {
				if zone != "UTC" && s.where[:4] == "tags" {
					continue
				}
				name := scope + ", " + period + ", " + zone
				db.Exec(`INSERT INTO public.usage_budgets (name, dollars, time_zone, ` + s.columns + `, ` + p.columns + `) VALUES ('` + name + `', 7, '` + zone + `', ` + s.values + `, ` + p.values + `)`)
				wants[name] = want{s.where, p.start, p.end, zone}
			}
		}
	}
	at := time.Date(2026, 2, 17, 13, 7, 0, 0, time.UTC)
	budgets, err := New(db.Pool, time.Minute).Budgets(t.Context(), Administrator(), at)
	require.NoError(t, err)
	require.Len(t, budgets, len(wants))
	for i := range budgets {
		b, w := &budgets[i], wants[budgets[i].Name]
		until := "2026-02-17 13:15Z" // a quarter hour that runs counts whole
		if b.Scope == "tag" {
			until = "2026-02-18Z" // and so does a day
		}
		var calls, unpriced int64
		var cost, percent string
		var start, end time.Time
		db.Scan(`SELECT count(timestamp), count(*) FILTER (WHERE pricing_status = 'unpriced'), trim_scale(coalesce(sum(usage_dollars), 0))::text, trim_scale(trunc(coalesce(sum(usage_dollars), 0) * 100 / 7, 2))::text, p.s, p.e
			FROM (SELECT $1::text::timestamp AT TIME ZONE $3 AS s, $2::text::timestamp AT TIME ZONE $3 AS e) AS p LEFT JOIN public.api_usage ON timestamp >= p.s AND timestamp < least(p.e, $4::text::timestamptz) AND `+w.where+` GROUP BY p.s, p.e`,
			[]any{w.start, w.end, w.zone, until}, &calls, &unpriced, &cost, &percent, &start, &end)
		require.NotNil(t, b.Spent, b.Name)
		assert.Equal(t, []any{calls, unpriced, cost, cost, percent}, []any{b.Calls, b.UnpricedCalls, b.Spent.String(), b.Dollars.String(), b.Percent.String()}, b.Name)
		assert.Equal(t, []any{start.UTC(), end.UTC(), []int32{80, 100}, "7"}, []any{b.Start, b.End, b.Thresholds, b.Limit.String()}, b.Name)
		assert.GreaterOrEqual(t, b.Projected.Cmp(*b.Spent), 0, b.Name)
	}

	// The period before, in the same way.
	before, err := New(db.Pool, time.Minute).PreviousBudgets(t.Context(), at)
	require.NoError(t, err)
	for i := range before {
		if b := &before[i]; b.Name == "everything, quarter, America/New_York" {
			assert.Equal(t, db.Text(`SELECT trim_scale(sum(usage_dollars))::text FROM public.api_usage WHERE timestamp >= '2025-10-01 04:00Z' AND timestamp < '2026-01-01 05:00Z'`), b.Spent.String())
		}
		assert.NotEqual(t, "dates", before[i].Period, "it has none before")
	}
}

// TestABudgetInACurrencyTakesTheRateOfEachDay also leaves a rate out: then nothing is known,
// which is not 0.
func TestABudgetInACurrencyTakesTheRateOfEachDay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`
		INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES ('EUR', '2026-02-01', 0.9, 'test'), ('EUR', '2026-02-10', 0.8, 'test'), ('CHF', '2026-02-10', 2, 'test');
		INSERT INTO public.usage_budgets (name, scope, period, dollars, amount, currency) VALUES ('euro', 'org', 'month', 11, 10, 'EUR'), ('franc', 'org', 'month', 11, 10, 'CHF'), ('franc of today', 'org', 'day', 11, 10, 'CHF');
		INSERT INTO public.usage_budgets (name, scope, value, period, dollars, amount, currency) VALUES ('nothing spent', 'model', 'none', 'month', 11, 10, 'CHF');
		INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model) VALUES ('2026-02-09 23:59Z', 2, 'text', 'm'), ('2026-02-10 00:00Z', 3, 'text', 'm');
		INSERT INTO public.api_usage (timestamp, usage_dollars, pricing_status, api_type, service) VALUES ('2026-02-10 00:00Z', 0, 'unpriced', 'text', 'free');
		INSERT INTO public.usage_budgets (name, scope, service, period, dollars) VALUES ('unpriced', 'service', 'free', 'month', 1)`)
	type state struct{ spent, percent, limit, problem string }
	text := func(s *usage.Sum) string {
		if s == nil {
			return "unknown"
		}
		return s.String()
	}
	states := map[string]state{}
	budgets, err := New(db.Pool, time.Minute).Budgets(t.Context(), Administrator(), time.Date(2026, 2, 10, 12, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	for _, b := range budgets {
		states[b.Name] = state{text(b.Spent), text(b.Percent), text(b.Limit), b.Problem}
	}
	assert.Equal(t, map[string]state{
		"euro":           {"4.2", "42", "12.5", ""},
		"franc":          {"unknown", "unknown", "5", "no exchange rate for CHF on 2026-02-09"},
		"franc of today": {"6", "60", "5", ""},
		"nothing spent":  {"0", "0", "5", ""},
		"unpriced":       {"unknown", "unknown", "1", "no call has a known cost"},
	}, states)
}

// TestOwnBudgetsAreOneUsersOnly asks as each user, and as one who has none.
func TestOwnBudgetsAreOneUsersOnly(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(budgetCalls)
	db.Exec(`
		INSERT INTO public.usage_budgets (name, scope, user_id, period, dollars) VALUES ('ada alone', 'user', '` + ada + `', 'month', 10), ('eve alone', 'user', '` + eve + `', 'month', 10);
		INSERT INTO public.usage_budgets (name, scope, period, dollars) VALUES ('all', 'org', 'month', 10);
		INSERT INTO public.usage_budgets (name, scope, team, period, dollars) VALUES ('team', 'team', 'core', 'month', 10)`)
	at := time.Date(2026, 2, 17, 13, 7, 0, 0, time.UTC)
	all, err := New(db.Pool, time.Minute).Budgets(t.Context(), Administrator(), at)
	require.NoError(t, err)
	for id, want := range map[string][]Budget{ada: all[0:1], eve: all[2:3], "33333333-3333-3333-3333-333333333333": nil} {
		user, ok := usage.ParseID(id)
		require.True(t, ok)
		own, err := New(db.Pool, time.Minute).Budgets(t.Context(), OwnUsage(user), at)
		require.NoError(t, err)
		assert.ElementsMatch(t, want, own, id)
	}
	assert.Equal(t, []string{"ada alone", "all", "eve alone", "team"}, []string{all[0].Name, all[1].Name, all[2].Name, all[3].Name})
	_, err = db.Pool.Exec(t.Context(), `SET ROLE usage_own; SELECT * FROM usage_report.budget_state(now())`)
	assert.ErrorContains(t, err, "permission denied")
}
