package cli

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// as is the DSN of a database in one of its roles.
func as(t *testing.T, db *pgtest.DB, role string) string {
	t.Helper()
	dsn, err := url.Parse(db.DSN)
	require.NoError(t, err)
	q := dsn.Query()
	q.Set("role", role)
	dsn.RawQuery = q.Encode()
	return dsn.String()
}

const listPrices = `SELECT concat_ws(' ', model, kind, to_char(valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD'), coalesce(trim_scale(dollars_per_million)::text, 'none'))
	FROM public.usage_list_prices ORDER BY provider, model, kind, valid_from`

func TestPublishedPricesAreThoseOfTheBookForWhatWasCalled(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider) VALUES
		('2026-01-02T10:00Z', 1, 'text', 'acme/acme-2', 'acme'), ('2026-01-02T10:00Z', 1, 'text', 'old', 'acme'), ('2026-01-02T10:00Z', 1, 'tts', 'speaks', 'acme'),
		('2026-01-02T10:00Z', 1, 'text', 'unheard-of', 'acme'), ('2026-01-02T10:00Z', 1, 'text', 'by-hand', 'acme'), ('2026-01-02T10:00Z', 1, 'text', NULL, '')`)
	db.Exec(`INSERT INTO public.usage_list_prices (provider, model, kind, valid_from, dollars_per_million) VALUES ('acme', 'by-hand', 'input_text', '2026-01-01', 7)`)
	dsn := as(t, db, "usage_pricer")
	publish := func(file string) string {
		t.Helper()
		out, err := run(t, "prices", "publish", "--dsn", dsn, "--builtin", "none", "--file", file)
		require.NoError(t, err)
		return out
	}
	const first = "testdata/publish-first.yaml"
	assert.Equal(t, "13 list prices of 4 models; 11 written, 0 removed, 1 model written by hand left alone\nnot in the book: acme unheard-of\n", publish(first))
	assert.Equal(t, `acme/acme-2 cache_read 2026-03-01 0.3
acme/acme-2 input_text 2020-01-01 3
acme/acme-2 input_text 2026-03-01 2.5
acme/acme-2 output_text 2020-01-01 15
by-hand input_text 2026-01-01 7
old input_text 2025-01-01 1
old input_text 2026-02-01 none
old input_text 2026-05-01 0.4
old output_text 2025-01-01 2
old output_text 2026-02-01 none
old output_text 2026-05-01 0.8
speaks characters 2020-01-01 15`, db.Text(listPrices))

	version := db.Text(`SELECT min(book_version) FROM public.usage_list_prices`)
	assert.Contains(t, publish(first), "13 list prices of 4 models; 0 written, 0 removed", "a second time changes nothing")

	// The next book corrects a price and no longer knows a model.
	assert.Contains(t, publish("testdata/publish-second.yaml"), "3 list prices of 1 model; 1 written, 8 removed")
	assert.Equal(t, `acme/acme-2 cache_read 2026-03-01 0.25
acme/acme-2 input_text 2020-01-01 3
acme/acme-2 input_text 2026-03-01 2.5
by-hand input_text 2026-01-01 7`, db.Text(listPrices))
	assert.NotEqual(t, version, db.Text(`SELECT book_version FROM public.usage_list_prices WHERE kind = 'cache_read'`))
}

func TestWhoReadsCannotPublishAndWhoPublishesCannotDoMore(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	_, err := run(t, "prices", "publish", "--dsn", as(t, db, "usage_reader"))
	require.ErrorContains(t, err, "GRANT usage_pricer TO")
	pool, err := store.Connect(t.Context(), store.Config{DSN: as(t, db, "usage_pricer")})
	require.NoError(t, err)
	defer pool.Close()
	for _, sql := range []string{
		`UPDATE public.usage_day SET usage_dollars = 0`, `UPDATE public.usage_list_prices SET model = 'x'`, `TRUNCATE public.usage_list_prices`,
		`INSERT INTO public.usage_budgets (name, scope, period, dollars) VALUES ('b', 'org', 'day', 1)`,
	} {
		_, err := pool.Exec(t.Context(), sql)
		assert.Equal(t, "42501", store.SQLState(err), sql)
	}
}
