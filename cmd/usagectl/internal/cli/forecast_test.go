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
