package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// TestComposeRolesAreEnough does what compose.yaml does, on a server of its own and
// without containers: it makes the roles, migrates as one, stores as another, asks as a third
// and reads as Grafana's, each with the password from its file. None is a superuser.
func TestComposeRolesAreEnough(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Options{})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	secrets := t.TempDir()
	for _, name := range []string{"postgres", "migrator", "exporter", "reader", "grafana_database", "grafana"} {
		require.NoError(t, os.WriteFile(filepath.Join(secrets, name), []byte("secret-of-'"+name), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(secrets, "api"), []byte("admin:secret-of-api"), 0o600))
	admin, err := url.Parse(server.DSN)
	require.NoError(t, err)
	dsn := func(user, password string) string {
		u := *admin
		u.User, u.Path = url.UserPassword(user, password), "/usage"
		if password == "" {
			u.User = url.User(user)
		}
		return u.String()
	}
	owner, err := pgxpool.New(t.Context(), server.DSN)
	require.NoError(t, err)
	defer owner.Close()
	_, err = owner.Exec(t.Context(), `CREATE DATABASE usage`)
	require.NoError(t, err)

	bin, err := pgserver.Find()
	require.NoError(t, err)
	psql := exec.CommandContext(t.Context(), filepath.Join(bin, "psql"), "--no-psqlrc", "--quiet", "--file", "../examples/compose/roles.sql")
	u := *admin
	u.Path = "/usage"
	psql.Args = append(psql.Args, u.String())
	psql.Env = append(os.Environ(), "USAGE_SECRETS="+secrets)
	out, err := psql.CombinedOutput()
	require.NoError(t, err, "%s", out)

	usagectl := filepath.Join(t.TempDir(), "usagectl")
	out, err = exec.CommandContext(t.Context(), "go", "build", "-o", usagectl, "../cmd/usagectl").CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.CommandContext(t.Context(), usagectl, "migrate", "up", "--dsn", dsn("usage_migrator", ""), "--password-file", filepath.Join(secrets, "migrator")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.NotContains(t, string(out), "WARN", "no right is missing")

	overlay, err := os.ReadFile("../examples/compose/collector.yaml")
	require.NoError(t, err)
	text := strings.NewReplacer("postgres:5432", admin.Host, "/run/secrets", secrets).Replace(string(overlay))
	addresses := `
receivers: {otlp: {protocols: {grpc: {endpoint: "<GRPC>"}, http: {endpoint: "<HTTP>"}}}}
extensions:
  health_check: {endpoint: ` + freeAddress(t) + `}
  usage_api: {http: {endpoint: "<API>"}}
` + telemetryOverlay
	file := filepath.Join(t.TempDir(), "compose.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	example, err := os.ReadFile("../examples/container.yaml")
	require.NoError(t, err)
	over := prepare(t, addresses)
	c := prepare(t, string(example), "USAGE_QUEUE_DIR="+t.TempDir(), "DATABASE_URL=", "USAGE_API_PASSWORD=")
	c.grpc, c.http, c.api, c.args = over.grpc, over.http, over.api, []string{"--config", file, "--config", over.configFile}
	c.start()
	sendOneCallEach(t, c, "ada")
	pool, err := pgxpool.New(t.Context(), u.String())
	require.NoError(t, err)
	defer pool.Close()
	waitForRows(t, pool, 1)
	answer, _ := c.get("/api/admin/usage", "admin:secret-of-api")
	assert.Equal(t, 200, answer)
	answer, _ = c.get("/api/admin/usage", "admin:")
	assert.Equal(t, 401, answer, "the image's own password does not count")

	viewer, err := pgxpool.New(t.Context(), dsn("usage_grafana", "secret-of-'grafana_database"))
	require.NoError(t, err)
	defer viewer.Close()
	var calls int
	require.NoError(t, viewer.QueryRow(t.Context(), `SELECT count(*) FROM usage_report.call`).Scan(&calls))
	assert.Equal(t, 1, calls)
	var closed string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT concat_ws('|',
	  (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'usage\_%' AND (rolsuper OR rolbypassrls OR rolreplication)),
	  (SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolname LIKE 'usage\_%' AND (rolcreaterole OR rolcreatedb)),
	  (SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND NOT rolsuper),
	  has_database_privilege('usage_grafana', 'usage', 'TEMPORARY'), has_schema_privilege('usage_api', 'public', 'CREATE'))`).Scan(&closed))
	assert.Equal(t, "0|usage_migrator|usage_api usage_exporter usage_grafana usage_migrator|f|f", closed)
}
