package migratecmd_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/migratecmd"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := migratecmd.New()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestUpDownAndStatusSayWhatTheyDid(t *testing.T) {
	t.Parallel()
	dsn := "--dsn=" + pgtest.NewEmpty(t).DSN

	out, err := run(t, "status", dsn)
	assert.ErrorContains(t, err, "run: usagectl migrate up")
	assert.Contains(t, out, "not applied")

	out, err = run(t, "up", dsn)
	require.NoError(t, err)
	assert.Contains(t, out, "0001_create_tables.up.sql in ")
	out, err = run(t, "up", dsn)
	require.NoError(t, err)
	assert.Contains(t, out, "nothing to do")
	out, err = run(t, "status", dsn)
	require.NoError(t, err)
	assert.NotContains(t, out, "not applied")

	_, err = run(t, "down", dsn)
	assert.ErrorContains(t, err, "--yes")
	for range strings.Count(out, "applied ") {
		_, err = run(t, "down", "--yes", dsn)
		require.NoError(t, err)
	}
	out, err = run(t, "down", "--yes", dsn)
	require.NoError(t, err)
	assert.Contains(t, out, "nothing to do")
}

func TestWithoutADatabaseTheErrorSaysHowToNameOne(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	_, err := run(t, "up")
	assert.ErrorContains(t, err, "set DATABASE_URL or --dsn")
	_, err = run(t, "up", "--dsn=postgres://user:hidden@[broken")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hidden")
}

func TestRollupHandsTheSumsOverAndRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, keeper := range []string{"statement", "trigger"} {
		out, err := run(t, "rollup", keeper, "--dsn="+db.DSN)
		require.NoError(t, err)
		assert.Contains(t, out, "rollup_"+keeper+".sql in ")
	}
	_, err := run(t, "rollup", "hand", "--dsn="+db.DSN)
	assert.ErrorContains(t, err, `invalid argument "hand"`)
	_, err = run(t, "rollup", "statement", "--dsn="+pgtest.NewEmpty(t).DSN)
	assert.ErrorContains(t, err, "run: usagectl migrate up")
}
