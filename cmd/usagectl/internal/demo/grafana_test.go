package demo

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestMain lets the test binary stand in for Grafana: it answers, where the
// environment says, once the files it was promised are there.
func TestMain(m *testing.M) {
	if os.Getenv("GF_SERVER_HTTP_PORT") == "" {
		os.Exit(m.Run())
	}
	provisioning := os.Getenv("GF_PATHS_PROVISIONING")
	text, err := os.ReadFile(filepath.Join(provisioning, "dashboards", "llm-usage.yaml"))
	if err != nil {
		panic(err)
	}
	home := os.Getenv("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH")
	if _, err := os.Stat(home); err != nil || !strings.Contains(string(text), "path: "+filepath.Dir(home)+"\n") {
		panic("the boards are not where the provisioning says")
	}
	if err := os.WriteFile(filepath.Join(os.Getenv("GF_PATHS_DATA"), "grafana.db"), nil, 0o600); err != nil {
		panic(err)
	}
	db, err := pgx.Connect(context.Background(), "postgres://usage_grafana:"+os.Getenv("USAGE_DB_PASSWORD")+"@"+os.Getenv("USAGE_DB_HOST")+"/"+os.Getenv("USAGE_DB_NAME")+"?sslmode="+os.Getenv("USAGE_DB_SSLMODE"))
	if err != nil {
		panic(err)
	}
	_ = db.Close(context.Background())
	panic(http.ListenAndServe(os.Getenv("GF_SERVER_HTTP_ADDR")+":"+os.Getenv("GF_SERVER_HTTP_PORT"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
}

// enterable is a folder that whoever Grafana runs as may enter too.
func enterable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	return dir
}

// install puts a program that acts like Grafana into PATH.
func install(t *testing.T, name, script string) (home string) {
	t.Helper()
	home = enterable(t)
	require.NoError(t, os.MkdirAll(filepath.Join(home, "bin"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(home, "conf"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(home, "conf", "defaults.ini"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, "bin", name), []byte("#!/bin/sh\n"+script), 0o755))
	t.Setenv("PATH", filepath.Join(home, "bin"))
	t.Setenv("GF_PATHS_HOME", home)
	return home
}

func TestGrafanaIsFoundByItsNamesAndHome(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := findGrafana()
	require.ErrorIs(t, err, errNoGrafana)

	home := install(t, "grafana", "")
	p, err := findGrafana()
	require.NoError(t, err)
	assert.Equal(t, grafanaProgram{args: []string{home + "/bin/grafana", "server"}, home: home}, p)
	home = install(t, "grafana-server", "")
	t.Setenv("GF_PATHS_HOME", "")
	p, err = findGrafana()
	require.NoError(t, err)
	assert.Equal(t, []string{home + "/bin/grafana-server"}, p.args)

	require.NoError(t, os.RemoveAll(filepath.Join(home, "conf")))
	if _, err = findGrafana(); err != nil { // a real one may be installed here
		assert.ErrorContains(t, err, "set GF_PATHS_HOME")
	}
}

func TestGrafanaIsClosedToTheOutside(t *testing.T) {
	t.Setenv("GF_AUTH_ANONYMOUS_ORG_ROLE", "Admin")
	t.Setenv("GF_SERVER_HTTP_ADDR", "0.0.0.0")
	database, err := pgx.ParseConfig("postgres://postgres:secret@127.0.0.1:5433/usage")
	require.NoError(t, err)
	cmd := grafanaCommand(grafanaProgram{args: []string{"/opt/grafana", "server"}, home: "/opt/home"}, "/tmp/x", "127.0.0.1:3001", database, "pw")
	assert.Equal(t, []string{"/opt/grafana", "server", "--homepath", "/opt/home"}, cmd.Args)
	env := strings.Join(cmd.Env, "\n") + "\n"
	for _, want := range []string{
		"GF_SERVER_HTTP_ADDR=127.0.0.1", "GF_SERVER_HTTP_PORT=3001", "GF_AUTH_ANONYMOUS_ORG_ROLE=Viewer", "GF_AUTH_DISABLE_LOGIN_FORM=true", "GF_AUTH_BASIC_ENABLED=false",
		"USAGE_DB_HOST=127.0.0.1:5433", "USAGE_DB_NAME=usage", "USAGE_DB_PASSWORD=pw", "GF_PATHS_DATA=/tmp/x/data",
	} {
		assert.Contains(t, env, want+"\n")
	}
	assert.NotContains(t, env, "Admin\n", "nothing of the caller's settings")
	assert.NotContains(t, env, "secret", "nothing of the database's owner")
	assert.Regexp(t, `GF_SECURITY_ADMIN_PASSWORD=[A-Z2-7]{26}\n`, env)
}

func TestGrafanaRunsWithTheBoardsAndLeavesNothing(t *testing.T) {
	db := pgtest.New(t)
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := os.ReadFile(self)
	require.NoError(t, err)
	t.Setenv("TMPDIR", enterable(t))
	home := install(t, "grafana", "")
	require.NoError(t, os.WriteFile(filepath.Join(home, "bin", "grafana"), program, 0o755))
	var out bytes.Buffer
	stop := showGrafana(t.Context(), &out, db.DSN, true)
	t.Cleanup(stop)
	require.Regexp(t, `Grafana: http://127\.0\.0\.1:\d+/d/llm-usage-summary`, out.String())
	url := "http" + strings.SplitN(strings.SplitN(out.String(), "http", 2)[1], "?", 2)[0]
	res, err := http.Get(url)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	stop()
	_, err = http.Get(url) //nolint:bodyclose // there is none
	require.Error(t, err, "it has ended")
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "otelcol-usage-demo-grafana-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestTheDemoSaysWhyThereIsNoGrafana(t *testing.T) {
	db := pgtest.New(t)
	install(t, "grafana", "echo 'no space left'\nexit 3\n")
	for want, own := range map[string]bool{"no space left": true, "the database is yours": false} {
		var out bytes.Buffer
		showGrafana(t.Context(), &out, db.DSN, own)()
		assert.Contains(t, out.String(), want)
	}
}
