package cli

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestUpDownAndStatusSayWhatTheyDid(t *testing.T) {
	t.Parallel()
	dsn := "--dsn=" + pgtest.NewEmpty(t).DSN

	out, err := run(t, "migrate", "status", dsn)
	assert.ErrorContains(t, err, "run: usagectl migrate up")
	assert.Contains(t, out, "not applied")

	out, err = run(t, "migrate", "up", "--print-roles", dsn)
	require.NoError(t, err)
	assert.Equal(t, "-- postgres needs nothing from an administrator\n", out)
	out, err = run(t, "migrate", "up", dsn)
	require.NoError(t, err)
	assert.Contains(t, out, "0001_create_tables.up.sql in ")
	out, err = run(t, "migrate", "up", dsn)
	require.NoError(t, err)
	assert.Contains(t, out, "nothing to do")
	out, err = run(t, "migrate", "status", dsn)
	require.NoError(t, err)
	assert.NotContains(t, out, "not applied")

	_, err = run(t, "migrate", "down", dsn)
	assert.ErrorContains(t, err, "would be reverted; what it created is dropped with all that is in it; nothing was changed: add --yes")
	for range strings.Count(out, "applied ") {
		_, err = run(t, "migrate", "down", "--yes", dsn)
		require.NoError(t, err)
	}
	out, err = run(t, "migrate", "down", "--yes", dsn)
	require.NoError(t, err)
	assert.Contains(t, out, "nothing to do")
}

// TestMissingRolesAreNamedBeforeTheFirstMigration needs a server without our roles, which
// belong to the whole cluster.
func TestMissingRolesAreNamedBeforeTheFirstMigration(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Options{})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	admin, err := pgx.Connect(t.Context(), server.DSN)
	require.NoError(t, err)
	defer admin.Close(t.Context())
	for _, sql := range []string{`CREATE ROLE app LOGIN PASSWORD 'pw'`, `CREATE DATABASE app OWNER app`} {
		_, err := admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	const missing = "the server has no role usage_writer, usage_reader, usage_own, usage_grafana, usage_pricer, usage_biller, usage_meterer, usage_planner, usage_budgeter; "
	app, err := url.Parse(server.DSN)
	require.NoError(t, err)
	app.User, app.Path = url.UserPassword("app", "pw"), "/app"
	for _, command := range [][]string{{"migrate", "status"}, {"doctor"}} {
		out, err := run(t, append(command, "--dsn="+server.DSN)...)
		require.Error(t, err)
		assert.Contains(t, out, missing+"usagectl migrate up creates it, as postgres may\n")
		out, err = run(t, append(command, "--dsn="+app.String())...)
		require.Error(t, err)
		assert.Contains(t, out, missing+"app may not do all that the migrations need, an administrator of the database runs once before: CREATE ROLE usage_writer NOLOGIN; ")
	}
	_, err = admin.Exec(t.Context(), `CREATE ROLE usage_writer`)
	require.NoError(t, err)
	out, err := run(t, "migrate", "status", "--dsn="+server.DSN)
	require.Error(t, err)
	assert.Contains(t, out, "the server has no role usage_reader, ")
}

func TestWithoutADatabaseTheErrorSaysHowToNameOne(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	_, err := run(t, "migrate", "up")
	assert.ErrorContains(t, err, "set DATABASE_URL or --dsn")
	_, err = run(t, "migrate", "up", "--dsn=postgres://user:hidden@[broken")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hidden")
}

func TestRollupHandsTheSumsOverAndRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, keeper := range []string{"statement", "trigger"} {
		out, err := run(t, "migrate", "rollup", keeper, "--dsn="+db.DSN)
		require.NoError(t, err)
		assert.Contains(t, out, "rollup_"+keeper+".sql in ")
	}
	_, err := run(t, "migrate", "rollup", "hand", "--dsn="+db.DSN)
	assert.ErrorContains(t, err, `invalid argument "hand"`)
	_, err = run(t, "migrate", "rollup", "statement", "--dsn="+pgtest.NewEmpty(t).DSN)
	assert.ErrorContains(t, err, "run: usagectl migrate up")
}

// TestTheSQLForCitusAsksForWhatItNeeds; internal/store has the tests that run it
// on a cluster.
func TestTheSQLForCitusAsksForWhatItNeeds(t *testing.T) {
	t.Parallel()
	_, err := run(t, "migrate", "citus", "--shards=0")
	assert.ErrorContains(t, err, "from 1 to 1024")
	sql, err := run(t, "migrate", "citus", "--shards=12")
	require.NoError(t, err)
	assert.Contains(t, sql, "SET usage.shards = 12;\n")

	db := pgtest.New(t)
	distribute := func(sql string) error {
		conn, err := pgx.Connect(t.Context(), db.DSN)
		require.NoError(t, err)
		defer conn.Close(context.WithoutCancel(t.Context()))
		_, err = conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		return err
	}
	assert.ErrorContains(t, distribute(sql), "the extension citus is not created")
	const pretend = `BEGIN; SET LOCAL allow_system_table_mods = on; CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass); `
	assert.ErrorContains(t, distribute(pretend+sql), "api_usage_fold_delete, api_usage_fold_insert")
}

// TestADatabaseOfAnotherBuildIsNoCircle: each command gives the same way out, and none
// sends to another that refuses as well.
func TestADatabaseOfAnotherBuildIsNoCircle(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`UPDATE public.usage_migration SET checksum = 'x' WHERE version = 3; DELETE FROM public.usage_migration WHERE version > 5; ALTER TABLE public.usage_quarter_type RENAME TO other`)
	for _, args := range [][]string{{"migrate", "up"}, {"migrate", "status"}, {"usage"}, {"verify"}} {
		out, err := on(t, db.DSN, args...)
		require.ErrorContains(t, err, `give this one a new database (docs/troubleshooting.md, "A database of another build")`, args)
		assert.NotContains(t, out+err.Error(), "migrate up", args)
		assert.NotContains(t, out+err.Error(), "run: ", args)
	}
}
