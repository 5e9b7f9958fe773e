package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func filled(t *testing.T) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t)
	ada := usage.UserID("ada").String()
	db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ($1::text::uuid, 'ada')`, ada)
	db.Exec(`INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type, model, provider, service, pricing_status, pricing_reason, tokens_used) VALUES
		($1::text::uuid, '2026-01-02T10:00Z', 1.5, 'text', 'gpt-4o', 'openai', 'shop', 'priced', NULL, 100),
		($1::text::uuid, '2026-01-03T10:00Z', 0.75, 'tts', E'evil\x1b[2Jmodel', 'openai', 'shop', 'estimated', 'price_fallback', 0),
		(NULL, '2026-01-03T11:00Z', 0.000000000001, 'text', '=cmd()', 'openai', 'shop', 'priced', NULL, 1),
		(NULL, '2026-01-03T12:00Z', 0, 'text', 'new-model', 'openai', 'shop', 'unpriced', 'unknown_model', 5),
		($1::text::uuid, '2025-12-31T10:00Z', 3, 'text', 'gpt-4', 'openai', 'shop', 'priced', NULL, 100)`, ada)
	return db
}

func TestTheAnswerInATerminal(t *testing.T) {
	t.Parallel()
	db := filled(t)
	period := []string{"usage", "--start", "2026-01-01", "--end", "2026-01-04"}
	for _, output := range []string{"table", "csv", "json"} {
		out, err := on(t, db.DSN, append(period, "--output", output)...)
		require.NoError(t, err)
		golden.Equal(t, "testdata/january."+output, out)
		assert.NotContains(t, out, "\x1b", "a model's name does not steer the terminal")
	}
	out, err := on(t, db.DSN, append(period, "--user", "ada", "--model", "gpt-4o", "--output", "json")...)
	require.NoError(t, err)
	var a report.Answer
	require.NoError(t, json.Unmarshal([]byte(out), &a))
	assert.Equal(t, "1.5", a.Current.TotalCost.String())
}

func TestAnotherCurrency(t *testing.T) {
	t.Parallel()
	db := filled(t)
	db.Exec(`INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES
		('EUR', '2025-12-01', 0.8, 'example'), ('EUR', '2026-01-03', 0.852345678901, 'example'), ('JPY', '2026-01-02', 150, 'example')`)
	period := []string{"usage", "--start", "2026-01-01", "--end", "2026-01-04"}
	for _, output := range []string{"table", "csv"} {
		out, err := on(t, db.DSN, append(period, "--currency", "EUR", "--output", output)...)
		require.NoError(t, err)
		golden.Equal(t, "testdata/january_eur."+output, out)
	}
	_, err := on(t, db.DSN, append(period, "--currency", "JPY")...)
	require.EqualError(t, err, "--currency: summarise usage: no exchange rate for JPY on 2025-12-31, a day with calls; run: usagectl rates import FILE")
	_, err = on(t, db.DSN, append(period, "--currency", "GBP")...)
	require.ErrorContains(t, err, "no exchange rate for GBP is stored; run: usagectl rates import FILE")
	_, err = on(t, db.DSN, "usage", "--start", "2026-01-04", "--end", "2026-01-04", "--currency", "JPY")
	require.NoError(t, err, "a day before the first rate that is not asked for does not matter")
}

// TestWhatIsUnpricedIsNeverZero looks at a period of which nothing has a price.
func TestWhatIsUnpricedIsNeverZero(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, service, pricing_status, pricing_reason) VALUES
		('2026-01-02T10:00Z', 0, 'image', 'new-model', 'acme', 'shop', 'unpriced', 'unknown_model'),
		('2026-01-01T10:00Z', 0, 'image', 'new-model', 'acme', 'shop', 'unpriced', 'unknown_model')`)
	out, err := on(t, db.DSN, "usage", "--start", "2026-01-02", "--end", "2026-01-02")
	require.NoError(t, err)
	assert.NotRegexp(t, `\b0\.0|\$0`, out)
	assert.Equal(t, 2*2+2*5+1, strings.Count(out, "–"), "total and average, each breakdown, both periods, and the day:\n%s", out)
	out, err = on(t, db.DSN, "usage", "--start", "2026-01-02", "--end", "2026-01-02", "--output", "csv")
	require.NoError(t, err)
	for line := range strings.Lines(out) {
		if strings.Contains(line, ",0,0,") { // a cost of 0
			assert.Contains(t, line, ",0,0,1,1", "beside it stands that it is not known")
		}
	}
}

func TestAYearIsDrawnByWeeks(t *testing.T) {
	t.Parallel()
	out, err := on(t, filled(t).DSN, "usage", "--start", "2025-06-01", "--end", "2026-05-31")
	require.NoError(t, err)
	assert.Contains(t, out, "by 7 days")
	assert.Less(t, strings.Count(out, "\n"), 100)
}

func TestAnEmptyDatabaseSaysSo(t *testing.T) {
	t.Parallel()
	out, err := on(t, pgtest.New(t).DSN, "usage")
	require.NoError(t, err)
	assert.Contains(t, out, "No call is stored at all")
}

func TestAUserWithoutCallsIsSaid(t *testing.T) {
	t.Parallel()
	db := filled(t)
	out, err := on(t, db.DSN, "usage", "--user", "nobody", "--start", "2026-01-01", "--end", "2026-01-31")
	require.NoError(t, err)
	assert.Contains(t, out, `No call of user "nobody" in this period`)
	out, err = on(t, db.DSN, "usage", "--start", "2026-01-01", "--end", "2026-01-31")
	require.NoError(t, err)
	assert.NotContains(t, out, "No call of user")
}

func TestFlagsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ flag, value, says string }{
		{"--output", "xml", "table, json or csv"}, {"--type", "txt", "--type: found"}, {"--start", "soon", `--start: found "soon"`},
		{"--timezone", "Mars", "IANA"}, {"--top", "-1", "0 or more"},
		{"--currency", "euro", "ISO 4217"},
	} {
		_, err := on(t, "postgres://127.0.0.1:1/usage", "usage", c.flag, c.value)
		require.ErrorContains(t, err, c.says)
	}
	_, err := on(t, pgtest.NewEmpty(t).DSN, "usage")
	require.ErrorContains(t, err, "usagectl migrate up")
}
