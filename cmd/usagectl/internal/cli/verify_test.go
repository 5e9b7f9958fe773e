package cli

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestADifferenceIsReportedAndRepairedOnRequestOnly(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES ('2026-01-05Z', 1, 'text'), ('2026-02-05Z', 2, 'text')`)
	out, err := on(t, db.DSN, "verify")
	require.NoError(t, err)
	assert.Equal(t, "2026-01  equal\n2026-02  equal\n2 months checked: every rollup matches its calls\n", out)

	db.Exec(`UPDATE public.usage_day SET usage_dollars = 2.5 WHERE bucket = '2026-02-05Z'`)
	out, err = on(t, db.DSN, "verify")
	require.ErrorContains(t, err, "1 rollup differs from the calls; to rebuild: usagectl verify --repair")
	assert.Contains(t, out, "2026-02  public.usage_day: 1 keys differ, by 0.500000000000 dollars in all\n")
	_, err = on(t, db.DSN, "verify", "--to=2026-01-31")
	require.NoError(t, err)
	out, err = on(t, db.DSN, "verify", "--repair", "--from=2026-02-01")
	require.NoError(t, err)
	assert.Contains(t, out, "repaired")
	assert.Equal(t, "2.000000000000", db.Text(`SELECT usage_dollars::text FROM public.usage_day WHERE bucket = '2026-02-05Z'`))

	_, err = on(t, db.DSN, "verify", "--from=January")
	assert.ErrorContains(t, err, `--from: found "January"`)
}

func TestADatabaseThatDoesNotAnswerIsReportedWithAdvice(t *testing.T) {
	t.Parallel()
	_, err := on(t, "postgres://user:hunter2@127.0.0.1:1/usage", "verify")
	require.ErrorContains(t, err, "; is the server running at that address")
	assert.NotContains(t, err.Error(), "hunter2")
	assert.Equal(t, 1, strings.Count(err.Error(), "connection refused"), "tried with TLS and without, said once: %v", err)
	assert.NotContains(t, err.Error(), "\n")

	// The server of the tests has no TLS, which is not why it refuses.
	db := pgtest.New(t)
	dsn, err := url.Parse(db.DSN)
	require.NoError(t, err)
	dsn.Path = "/nowhere"
	query := dsn.Query()
	query.Set("sslmode", "prefer")
	dsn.RawQuery = query.Encode()
	_, err = on(t, dsn.String(), "verify")
	require.ErrorContains(t, err, `database "nowhere" does not exist`)
	assert.NotContains(t, err.Error(), "TLS")
}
