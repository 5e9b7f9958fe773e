package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestEachDayIsShownAtItsOwnRateAndExactly(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider) VALUES
		('2026-01-01T23:59Z', 1.000000000001, 'text', 'm', 'p'), ('2026-01-02T00:00Z', 10, 'text', 'm', 'p'), ('2026-01-09T00:00Z', 100, 'text', 'm', 'p')`)
	file := filepath.Join(t.TempDir(), "rates.csv")
	require.NoError(t, os.WriteFile(file, []byte("currency,valid_from,rate,source\nEUR,2026-01-01,0.8523,ECB\nEUR,2026-01-02,0.9,ECB\nJPY,2026-01-05,150.25,BoJ\n"), 0o600))
	out, err := on(t, db.DSN, "rates", "import", file)
	require.NoError(t, err)
	assert.Contains(t, out, "3 rates read, 3 of them new or different")
	out, err = on(t, db.DSN, "rates", "import", file)
	require.NoError(t, err)
	assert.Contains(t, out, "3 rates read, 0 of them")
	out, err = on(t, db.DSN, "rates", "list")
	require.NoError(t, err)
	assert.Regexp(t, `JPY +2026-01-05 +150\.25 +BoJ`, out)

	assert.Equal(t, "2026-01-01|0.8523000000008523\n2026-01-02|9\n2026-01-09|90",
		db.Text(`SELECT day::text, trim_scale(sum(cost))::text FROM usage_report.spend_in('EUR', '2026-01-01', '2026-02-01') GROUP BY day ORDER BY day`))
	assert.Equal(t, "111.000000000001", db.Text(`SELECT trim_scale(sum(cost))::text FROM usage_report.spend_in('USD', '2026-01-01', '2026-02-01')`))
	db.Exec(`GRANT usage_grafana TO CURRENT_USER`)
	tx, err := db.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SET LOCAL ROLE usage_grafana`)
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SELECT sum(cost) FROM usage_report.spend_in('EUR', '2026-01-01', '2026-02-01')`)
	require.NoError(t, err, "dashboards can read it")
	require.NoError(t, tx.Rollback(t.Context()))
	for currency, day := range map[string]string{"JPY": "2026-01-01", "GBP": "2026-01-01"} {
		_, err := db.Pool.Exec(t.Context(), `SELECT FROM usage_report.spend_in($1, '2026-01-01', '2026-02-01')`, currency)
		assert.ErrorContains(t, err, "no exchange rate for "+currency+" on "+day)
	}
}

func TestAFileWithAFaultIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, says string }{
		{"", "must be the header currency,valid_from,rate,source"},
		{"EUR,2026-01-01,1,x\n", "must be the header"},
		{"currency,valid_from,rate,source\n", "has no rates"},
		{"eur,2026-01-01,1,x", `f.csv:2: currency: found "eur"`},
		{"USD,2026-01-01,1,x", "other than USD"},
		{"EUR,01.02.2026,1,x", `f.csv:2: valid_from: found "01.02.2026"`},
		{"EUR,0026-01-01,1,x", "is outside 2020-01-01"},
		{"EUR,2026-01-01,0,x", "must be more than 0"},
		{"EUR,2026-01-01,-1,x", "must be a decimal number"},
		{"EUR,2026-01-01,1e5,x", "must be a decimal number"},
		{"EUR,2026-01-01,NaN,x", "must be a decimal number"},
		{"EUR,2026-01-01,\"0,85\",x", "must be a decimal number"},
		{"EUR,2026-01-01,1,", "source: found"},
		{"EUR,2026-01-01,1", "wrong number of fields"},
		{"EUR,2026-01-01,1,x\nEUR,2026-01-01,2,x", "f.csv:3: EUR on 2026-01-01 is in line 2 already"},
		{"EUR,x,1,x\nGBP,y,1,x", `f.csv:3: valid_from: found "y"`},
	} {
		text := c.text
		if text != "" && !strings.HasPrefix(text, "currency") && !strings.Contains(c.says, "header") {
			text = strings.Join(rateHeader, ",") + "\n" + text
		}
		_, err := readRates("f.csv", strings.NewReader(text))
		assert.ErrorContains(t, err, c.says, c.text)
	}
}
