package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
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
	out, err = on(t, db.DSN, "forecast", "--scope", "team", "--json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(out), &a))
	assert.EqualValues(t, 1, a.Others, "a team of a thousand members and one")
	_, err = on(t, db.DSN, "forecast", "--publish", "--service", "shop")
	require.ErrorContains(t, err, "--service: --publish takes --timezone alone")
}

func TestForecastsByTeamAndTag(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO auth.users (id) VALUES ('11111111-1111-1111-1111-111111111111'), ('22222222-2222-2222-2222-222222222222')`)
	db.Exec(`INSERT INTO public.usage_team_members VALUES ('both', '11111111-1111-1111-1111-111111111111'), ('both', '22222222-2222-2222-2222-222222222222'),
		('one', '22222222-2222-2222-2222-222222222222')`)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, pricing_status, user_id, tags)
		SELECT now() - n * interval '1 day', d, 'text', 'gpt-4o', 'openai', 'priced', u::uuid, m
		FROM generate_series(1, 70) AS n, (VALUES (1, '11111111-1111-1111-1111-111111111111', 'feature=chat'),
		  (2, '22222222-2222-2222-2222-222222222222', 'feature=search'), (4, NULL, NULL)) AS v (d, u, m)`)
	ask := func(args ...string) string {
		t.Helper()
		out, err := on(t, db.DSN, append([]string{"forecast", "--period", "day", "--json"}, args...)...)
		require.NoError(t, err)
		var a report.ForecastAnswer
		require.NoError(t, json.Unmarshal([]byte(out), &a))
		lines := []string{}
		for _, f := range a.Forecasts {
			lines = append(lines, f.Scope+" "+f.Key+" "+f.Expected.String())
		}
		return strings.Join(lines, ", ") + fmt.Sprintf(" and %d of %s", a.Others, a.OthersCost)
	}
	assert.Equal(t, "team both 3, team one 2 and 0 of 0", ask("--scope", "team"))
	assert.Equal(t, "team both 3 and 1 of 60", ask("--scope", "team", "--top", "1"))
	assert.Equal(t, "tag:feature search 2, tag:feature chat 1 and 0 of 0", ask("--scope", "tag:feature"))
	assert.Equal(t, "tag:feature search 2 and 1 of 30", ask("--scope", "tag:feature", "--top", "1"))
	assert.Equal(t, " and 0 of 0", ask("--scope", "tag:never"))
	_, err := on(t, db.DSN, "forecast", "--scope", "tag:feature", "--model", "gpt-4o")
	require.ErrorContains(t, err, "--scope: found")
	_, err = on(t, db.DSN, "forecast", "--scope", "tag:")
	require.ErrorContains(t, err, "tag:NAME")
}
