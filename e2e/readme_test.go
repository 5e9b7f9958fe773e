package e2e

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// readmeBlock is a block of the README that is marked for tests.
func readmeBlock(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "<!-- "+name+", run by a test -->\n```sh\n")
	require.True(t, found, "the README has no block %q", name)
	block, _, _ := strings.Cut(rest, "```")
	return block
}

// TestTheREADMEsRoadToTheFirstRow runs its blocks word for word as a user without
// rights on the machine, with a role of the database that owns its database and may
// create no roles, on a server that has none of ours. Only names of hosts are
// others: addresses of loopback that are the test's own, since the ports are fixed.
func TestTheREADMEsRoadToTheFirstRow(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"curl", "openssl", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT TESTED, the README's road: %v", err)
		}
	}
	const loopback = "127.0.213.1"
	server, err := pgserver.Start(t.Context(), pgserver.Options{})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	admin, err := pgx.Connect(t.Context(), server.DSN)
	require.NoError(t, err)
	defer admin.Close(context.Background())
	for _, sql := range []string{`CREATE ROLE app LOGIN PASSWORD 'password'`, `CREATE DATABASE app OWNER app`} {
		_, err := admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}

	home, as := homeOfNobody(t)
	require.NoError(t, os.Mkdir(filepath.Join(home, "bin"), 0o755))
	require.NoError(t, os.CopyFS(filepath.Join(home, "examples"), os.DirFS("../examples")))
	copyFile(t, binary, filepath.Join(home, "bin", "otelcol-usage"))
	out, err := exec.Command("go", "build", "-o", filepath.Join(home, "bin", "usagectl"), "../cmd/usagectl").CombinedOutput()
	require.NoError(t, err, "%s", out)
	makeReadable(t, home)
	run := func(script string) *exec.Cmd {
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
		cmd.Dir = home
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "OTLP_LISTEN=" + loopback, "USAGE_API_LISTEN=" + loopback}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setpgid: true}
		return cmd
	}
	ours := strings.NewReplacer("db.example.com:5432", "127.0.0.1:"+strconv.Itoa(server.Port), "sslmode=verify-full", "sslmode=disable", "http://127.0.0.1:", "http://"+loopback+":")
	tables, collector, first := ours.Replace(readmeBlock(t, "tables")), ours.Replace(readmeBlock(t, "collector")), ours.Replace(readmeBlock(t, "first call"))
	dsn := strings.SplitAfterN(tables, "\n", 2)[0] // the other terminals need it too

	// First only what is to be asked of the administrator; who then does it.
	began := time.Now()
	out, err = run(dsn + "bin/usagectl migrate up --print-roles").Output()
	require.NoError(t, err)
	config, err := pgx.ParseConfig(server.DSN)
	require.NoError(t, err)
	config.Database = "app"
	inApp, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer inApp.Close(context.Background())
	_, err = inApp.Exec(t.Context(), string(out), pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err, "%s", out)
	out, err = run(tables).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "0001_create_tables.up.sql in ")

	var log syncBuffer
	running := run(dsn + collector)
	running.Stdout, running.Stderr = &log, &log
	require.NoError(t, running.Start())
	ended := make(chan struct{})
	go func() { _ = running.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = syscall.Kill(-running.Process.Pid, syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("log of the collector:\n%s", &log)
		}
	})
	eventually(t, "the collector is ready", func() error {
		select {
		case <-ended:
			t.Fatalf("the collector ended:\n%s", &log)
		default:
		}
		return run("curl -s -o /dev/null http://" + loopback + ":4318/ && curl -s -o /dev/null http://" + loopback + ":8080/").Run()
	})
	out, err = run(dsn + first).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s from the first line to the first answer", time.Since(began).Round(time.Second))
	assert.Contains(t, string(out), `"totalCost":0.0045`, "the answer of the API")
	assert.Regexp(t, `total cost +0\.004500`, string(out), "and in the terminal")
	assert.Less(t, time.Since(began), 5*time.Minute)
}

// homeOfNobody is a directory for a user without rights; nil as is ourselves, who
// are not root.
func homeOfNobody(t *testing.T) (home string, as *syscall.Credential) {
	t.Helper()
	home, err := os.MkdirTemp("", "otelcol-usage-readme-") // below t.TempDir only root may enter
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(home)) })
	if as, err = pgserver.UnprivilegedUser("nobody"); as == nil {
		require.NoError(t, err)
		return home, nil
	}
	nobody, err := user.Lookup("nobody")
	require.NoError(t, err)
	gid, err := strconv.Atoi(nobody.Gid)
	require.NoError(t, err)
	require.NoError(t, os.Chown(home, int(as.Uid), gid))
	return home, as
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, bytes.Clone(content), 0o755))
}

func makeReadable(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		return os.Chmod(path, 0o755)
	}))
}
