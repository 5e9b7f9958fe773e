package pglab_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pglab"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

func run(t *testing.T, s *pgserver.Server, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DSN)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func TestAStandbyHasWhatWasAcknowledgedAndCanBePromoted(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "pgserver-test-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	primary, err := pgserver.Start(t.Context(), pgserver.Options{Dir: filepath.Join(dir, "primary")})
	require.NoError(t, err)
	t.Cleanup(primary.Stop)
	standby, err := pglab.Standby(t.Context(), primary, filepath.Join(dir, "standby"))
	require.NoError(t, err)
	t.Cleanup(standby.Stop)

	run(t, primary, `CREATE TABLE kept AS SELECT 1`)
	require.NoError(t, pglab.MakeReadOnly(t.Context(), primary))
	require.NoError(t, pglab.Promote(t.Context(), standby))
	run(t, standby, `INSERT INTO kept VALUES (2)`)
}
