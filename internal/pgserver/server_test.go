package pgserver_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
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

func exec1(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func TestAServerRecoversFromAKillAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	// Not t.TempDir: under root its parents keep the server's user out.
	dir, err := os.MkdirTemp("", "pgserver-test-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })

	s, err := pgserver.Start(t.Context(), pgserver.Options{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	exec1(t, s.DSN, `CREATE TABLE kept AS SELECT 1`)
	s.Kill()
	_, err = pgx.Connect(t.Context(), s.DSN)
	require.Error(t, err)

	again, err := pgserver.Start(t.Context(), pgserver.Options{Dir: dir, Port: s.Port})
	require.NoError(t, err)
	assert.Equal(t, s.DSN, again.DSN)
	exec1(t, again.DSN, `DROP TABLE kept`)
	again.Stop()
	again.Stop()
	_, err = os.Stat(filepath.Join(dir, "data", "PG_VERSION"))
	require.NoError(t, err, "a directory that was given stays")
}

func TestATemporaryServerTakesItsDirectoryAlong(t *testing.T) {
	t.Parallel()
	s, err := pgserver.Start(t.Context(), pgserver.Options{})
	require.NoError(t, err)
	exec1(t, s.DSN, `SELECT 1`)
	dir := s.Dir
	s.Stop()
	_, err = os.Stat(dir)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// TestMain lets this binary also be the program that starts a server and is
// killed.
func TestMain(m *testing.M) {
	if os.Getenv("PGSERVER_TEST_CHILD") == "1" {
		s, err := pgserver.Start(context.Background(), pgserver.Options{})
		if err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Stdout.WriteString(s.Dir + "\n")
		select {}
	}
	os.Exit(m.Run())
}

func TestAServerEndsWithAStarterThatIsKilled(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), "PGSERVER_TEST_CHILD=1")
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line := make([]byte, 256)
	n, err := out.Read(line)
	require.NoError(t, err)
	dir := strings.TrimSpace(string(line[:n]))
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	require.NoError(t, err)

	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	require.Eventually(t, func() bool {
		_, statErr := os.Stat(dir)
		return errors.Is(statErr, os.ErrNotExist) && !running(pid)
	}, time.Minute, 50*time.Millisecond, "the watchdog stops the server and removes %s", dir)
}

// running: a zombie, which nobody waits for in a container without init, has
// ended.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
