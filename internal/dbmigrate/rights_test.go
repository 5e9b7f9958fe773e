package dbmigrate_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// TestAnOrdinaryRoleLearnsAllAtOnceAndThenMigrates needs a server without our
// roles, which belong to the whole cluster.
func TestAnOrdinaryRoleLearnsAllAtOnceAndThenMigrates(t *testing.T) {
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
	config, err := pgx.ParseConfig(server.DSN)
	require.NoError(t, err)
	config.User, config.Password, config.Database = "app", "pw", "app"
	app, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer app.Close(t.Context())

	steps, err := dbmigrate.New().Up(t.Context(), app)
	assert.Empty(t, steps, "nothing is begun that cannot be ended")
	var rights *dbmigrate.RightsError
	require.ErrorAs(t, err, &rights)
	assert.Equal(t, []string{
		"CREATE ROLE usage_writer NOLOGIN;", "CREATE ROLE usage_reader NOLOGIN;", "CREATE ROLE usage_own NOLOGIN;",
		"CREATE ROLE usage_grafana NOLOGIN CONNECTION LIMIT 20;", "CREATE ROLE usage_pricer NOLOGIN;", "CREATE ROLE usage_biller NOLOGIN;",
		"CREATE ROLE usage_meterer NOLOGIN;", "CREATE ROLE usage_planner NOLOGIN;", "CREATE ROLE usage_budgeter NOLOGIN;",
		"GRANT usage_writer, usage_reader, usage_own, usage_pricer, usage_biller TO app;",
	}, rights.Statements)
	for _, sql := range rights.Statements {
		_, err := admin.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	steps, err = dbmigrate.New().Up(t.Context(), app)
	require.NoError(t, err)
	assert.Len(t, steps, dbmigrate.Latest())
	_, statements, needed, err := dbmigrate.AdminStatements(t.Context(), app)
	require.NoError(t, err)
	assert.Empty(t, statements)
	assert.False(t, needed)

	// Who may only read finds nothing to do, instead of a right that is missing.
	_, err = app.Exec(t.Context(), `SET ROLE usage_reader`)
	require.NoError(t, err)
	steps, err = dbmigrate.New().Up(t.Context(), app)
	require.NoError(t, err)
	assert.Empty(t, steps)
}
