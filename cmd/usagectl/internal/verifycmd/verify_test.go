package verifycmd_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/verifycmd"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := verifycmd.New()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestADifferenceIsToldAndRepairedOnRequestOnly(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES ('2026-01-05Z', 1, 'text'), ('2026-02-05Z', 2, 'text')`)
	out, err := run(t, "--dsn="+db.DSN)
	require.NoError(t, err)
	assert.Equal(t, "2026-01  equal\n2026-02  equal\n2 months, every rollup equals its calls\n", out)

	db.Exec(`UPDATE public.usage_day SET usage_dollars = 2.5 WHERE bucket = '2026-02-05Z'`)
	out, err = run(t, "--dsn="+db.DSN)
	require.ErrorContains(t, err, "1 rollups differ from their calls; repair them with: usagectl verify --repair")
	assert.Contains(t, out, "2026-02  public.usage_day: 1 keys differ, by 0.500000000000 dollars in all\n")
	_, err = run(t, "--dsn="+db.DSN, "--to=2026-02")
	require.NoError(t, err)
	out, err = run(t, "--dsn="+db.DSN, "--repair", "--from=2026-02")
	require.NoError(t, err)
	assert.Contains(t, out, "repaired")
	assert.Equal(t, "2.000000000000", db.Text(`SELECT usage_dollars::text FROM public.usage_day WHERE bucket = '2026-02-05Z'`))

	_, err = run(t, "--dsn="+db.DSN, "--from=January")
	assert.ErrorContains(t, err, `--from must be a month such as 2026-01, found "January"`)
}

func TestADatabaseThatDoesNotAnswerIsToldWithAdvice(t *testing.T) {
	t.Parallel()
	_, err := run(t, "--dsn=postgres://user:hunter2@127.0.0.1:1/usage")
	require.ErrorContains(t, err, "; is the server running at that address")
	assert.NotContains(t, err.Error(), "hunter2")
}
