package cli

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
)

// TestAForecastInATerminal prints a document that has all there is.
func TestAForecastInATerminal(t *testing.T) {
	t.Parallel()
	var answer report.ForecastAnswer
	require.NoError(t, json.Unmarshal([]byte(`{"timezone": "Asia/Tokyo", "currency": "USD", "forecasts": [
		{"scope": "org", "period": {"unit": "month", "start": "2026-01-01", "end": "2026-01-31"}, "spent": 30.8, "expected": 32.55,
		 "bands": {"50": [32.55, 32.55], "80": [32, 33.425], "95": [31, 34]}, "method": "weekday", "pastError": 0.061728, "lineError": 0.344503,
		 "coverage": 0.9375, "forecasts": 56, "unpricedCalls": 3,
		 "drivers": [{"dimension": "service", "key": "search\u001b[2J", "before": 0, "after": 1.75}, {"dimension": "user", "key": "de48f169-4b4f-5114-b46c-0dd55ca09dda", "name": "eve", "before": 2, "after": 1}]},
		{"scope": "budget", "key": "search", "period": {"unit": "day", "start": "2026-01-31", "end": "2026-01-31"}, "spent": 1.4, "expected": 2.1,
		 "method": "run_rate", "shortHistory": true, "budget": {"limit": 2, "exceeds": 0.75, "exhausted": "2026-01-31"}},
		{"scope": "model", "key": "new-model", "period": {"unit": "month", "start": "2026-01-01", "end": "2026-01-31"}, "spent": 0, "expected": 0,
		 "method": "run_rate", "shortHistory": true, "unpricedCalls": 1}]}`), &answer))
	var out bytes.Buffer
	require.NoError(t, printForecasts(&out, answer))
	golden.Equal(t, "testdata/forecast.table", out.String())
}

func TestForecastOfADatabase(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	out, err := on(t, db.DSN, "forecast", "--scope", "service")
	require.NoError(t, err)
	assert.Contains(t, out, "There is nothing to forecast")
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, service, pricing_status)
		SELECT now() - n * interval '1 day', 2, 'text', 'gpt-4o', 'openai', s, 'priced'
		FROM generate_series(0, 69) AS n, unnest(ARRAY['shop', 'search']) AS s`)
	out, err = on(t, db.DSN, "forecast", "--scope", "service", "--top", "1", "--period", "week", "--json")
	require.NoError(t, err)
	var a report.ForecastAnswer
	require.NoError(t, json.Unmarshal([]byte(out), &a))
	require.Len(t, a.Forecasts, 1)
	f := a.Forecasts[0]
	assert.Equal(t, "14", f.Expected.String(), "seven days of 2 dollars")
	assert.Equal(t, "week", f.Period.Unit)
	assert.False(t, f.ShortHistory)
	assert.Equal(t, "0", f.PastError.String())
	for _, c := range []struct{ flag, value, says string }{
		{"--period", "fortnight", "--period: found"}, {"--scope", "planet", "--scope: found"}, {"--top", "0", "1 or more"}, {"--timezone", "Mars", "IANA"}, {"--type", "txt", "--type: found"},
	} {
		_, err := on(t, db.DSN, "forecast", c.flag, c.value)
		require.ErrorContains(t, err, c.says)
	}
}

func TestForecastsForBoards(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, service, pricing_status)
		SELECT now() - n * interval '1 day', 2, 'text', 'gpt-4o', 'openai', 'shop', 'priced' FROM generate_series(0, 69) AS n`)
	db.Exec(`INSERT INTO public.usage_budgets (name, scope, period, dollars) VALUES ('all', 'org', 'month', 70.5)`)
	db.Exec(`INSERT INTO auth.users (id) SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 1001) AS n`)
	db.Exec(`INSERT INTO public.usage_team_members SELECT 'many', id FROM auth.users`)
	db.Exec(`INSERT INTO public.usage_budgets (name, scope, team, period, dollars) VALUES ('a team too large', 'team', 'many', 'month', 1)`)
	out, err := on(t, db.DSN, "forecast", "--publish", "--json")
	require.NoError(t, err)
	var a report.ForecastAnswer
	require.NoError(t, json.Unmarshal([]byte(out), &a))
	assert.Equal(t, "org month, org quarter, org year, service month, model month, budget month", db.Text(
		`SELECT string_agg(scope || ' ' || period, ', ' ORDER BY place) FROM (SELECT *, row_number() OVER () AS place FROM usage_report.forecast) AS f`))
	month := a.Forecasts[0]
	assert.Equal(t, month.Expected.String(), db.Text(`SELECT trim_scale(expected) FROM usage_report.forecast WHERE scope = 'budget' AND budget = 70.5 AND time_zone = 'UTC'`))
	assert.Equal(t, month.Period.Start+" "+month.Period.End, db.Text(`SELECT first_day || ' ' || last_day FROM usage_report.forecast WHERE scope = 'org' AND period = 'month'`))
	out, err = on(t, db.DSN, "forecast", "--scope", "budget", "--json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(out), &a))
	assert.EqualValues(t, 1, a.Others, "the budget that one reading has no room for")
	assert.Len(t, a.Forecasts, 1)
	_, err = on(t, db.DSN, "forecast", "--publish", "--service", "shop")
	require.ErrorContains(t, err, "--service: --publish takes --timezone alone")
}
