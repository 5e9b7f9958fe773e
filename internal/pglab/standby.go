package pglab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// patience is how long anything may take to start.
const patience = 60 * time.Second

// Standby starts a copy of a server in dir that follows it and can be read.
// From then on the server acknowledges a commit when the standby has it too, so
// that nothing acknowledged is lost by promoting the standby.
func Standby(ctx context.Context, s *pgserver.Server, dir string, settings ...string) (*pgserver.Server, error) {
	standby, err := copyOf(ctx, s, dir, settings)
	if err != nil {
		return nil, fmt.Errorf("start a standby: %w", err)
	}
	if err := execAll(ctx, s, `ALTER SYSTEM SET synchronous_standby_names = '*'`, `SELECT pg_reload_conf()`); err != nil {
		standby.Stop()
		return nil, fmt.Errorf("wait for the standby at each commit: %w", err)
	}
	const synchronous = `SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'`
	if err := until(ctx, s, synchronous); err != nil {
		standby.Stop()
		return nil, fmt.Errorf("the standby does not follow: %w", err)
	}
	return standby, nil
}

func copyOf(ctx context.Context, s *pgserver.Server, dir string, settings []string) (*pgserver.Server, error) {
	binDir, err := pgserver.Find()
	if err != nil {
		return nil, err
	}
	owner, err := pgserver.UnprivilegedUser("postgres", "nobody")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	password, err := os.ReadFile(filepath.Join(s.Dir, "password"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "password"), password, 0o600); err != nil {
		return nil, err
	}
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, err
		}
	}
	// --write-recovery-conf makes the copy a standby of the server.
	cmd := exec.CommandContext(ctx, filepath.Join(binDir, "pg_basebackup"), //nolint:gosec // the program pgserver found
		"--pgdata", filepath.Join(dir, "data"), "--dbname", s.DSN, "--checkpoint", "fast", "--write-recovery-conf", "--no-sync")
	pgserver.AsUser(cmd, dir, owner)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pg_basebackup: %w: %s", err, pgserver.LastLines(out, 5))
	}
	return pgserver.Start(ctx, pgserver.Options{Dir: dir, Settings: settings})
}

// Promote turns a standby into a server of its own.
func Promote(ctx context.Context, s *pgserver.Server) error {
	// The settings copied from its primary must not make it wait for a standby.
	if err := execAll(ctx, s, `SELECT pg_promote()`, `ALTER SYSTEM RESET synchronous_standby_names`, `SELECT pg_reload_conf()`); err != nil {
		return fmt.Errorf("promote the standby: %w", err)
	}
	return nil
}

// MakeReadOnly refuses writes from now on and keeps the connections, like a primary that a
// managed service turns into a reader.
func MakeReadOnly(ctx context.Context, s *pgserver.Server) error {
	return execAll(ctx, s, `ALTER SYSTEM SET default_transaction_read_only = on`, `SELECT pg_reload_conf()`)
}

func execAll(ctx context.Context, s *pgserver.Server, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.DSN)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // everything was answered
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// until repeats a query until it returns true.
func until(ctx context.Context, s *pgserver.Server, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // everything was answered
	for {
		var ok bool
		if err := conn.QueryRow(ctx, sql).Scan(&ok); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
