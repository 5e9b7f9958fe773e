package pglab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// ErrNoBouncer is returned when there is no pgbouncer and none can be
// installed.
var ErrNoBouncer = errors.New("pgbouncer is not installed; Debian, Ubuntu: sudo apt-get install pgbouncer")

// Bouncer is a pgbouncer in transaction mode on 127.0.0.1, in front of a
// server: each transaction of a client may run on another connection.
type Bouncer struct {
	// DSN leads through it, with the user, password and database it was
	// started with.
	DSN string
	// Port on 127.0.0.1.
	Port int

	command  *exec.Cmd
	lifeline io.Closer
	dir      string
}

// StartBouncer starts one with poolSize connections to the server of dsn, for the user of
// dsn only. A port of 0 picks a free one. It installs the program if it is missing and we
// are allowed to.
func StartBouncer(ctx context.Context, dsn string, poolSize, port int, log io.Writer) (*Bouncer, error) {
	program, err := findBouncer(ctx, log)
	if err != nil {
		return nil, err
	}
	b := &Bouncer{}
	if err := b.start(ctx, program, dsn, poolSize, port); err != nil {
		b.Stop()
		return nil, fmt.Errorf("start pgbouncer: %w", err)
	}
	return b, nil
}

func findBouncer(ctx context.Context, log io.Writer) (program string, err error) {
	find := func() bool {
		for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer", "/usr/local/sbin/pgbouncer"} {
			if program, err = exec.LookPath(name); err == nil {
				return true
			}
		}
		return false
	}
	if find() {
		return program, nil
	}
	if err := pgserver.InstallPackage(ctx, log, "pgbouncer", find); err != nil {
		return "", fmt.Errorf("%w\n%w", ErrNoBouncer, err)
	}
	return program, nil
}

// The strictest settings of a pooler: no startup parameter is ignored, no connection is
// reset between transactions.
const bouncerSettings = `[databases]
* = host=%s port=%d
[pgbouncer]
pool_mode = transaction
default_pool_size = %d
max_client_conn = 100
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s
server_tls_sslmode = prefer
`

func (b *Bouncer) start(ctx context.Context, program, dsn string, poolSize, port int) error {
	server, err := pgx.ParseConfig(dsn)
	if err != nil {
		return err
	}
	owner, err := pgserver.UnprivilegedUser("postgres", "nobody")
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "usage-pgbouncer-"); err != nil {
		return err
	}
	if b.Port = port; port == 0 {
		if b.Port, err = pgserver.FreePort(); err != nil {
			return err
		}
	}
	settings, users := filepath.Join(b.dir, "pgbouncer.ini"), filepath.Join(b.dir, "users")
	for name, text := range map[string]string{
		settings: fmt.Sprintf(bouncerSettings, server.Host, server.Port, poolSize, b.Port, users),
		users:    fmt.Sprintf("%q %q\n", server.User, server.Password),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return err
		}
		if owner != nil {
			if err := errors.Join(os.Chown(b.dir, int(owner.Uid), int(owner.Gid)), os.Chown(name, int(owner.Uid), int(owner.Gid))); err != nil {
				return err
			}
		}
	}
	// The shell waits for the end of its input, which comes with Stop and with
	// the end of this process, and takes pgbouncer along.
	b.command = exec.Command("/bin/sh", "-c", `"$0" -q "$1" & cat >/dev/null; kill $!; wait`, program, settings) //nolint:gosec,noctx // a fixed script; it ends by Stop
	pgserver.AsUser(b.command, b.dir, owner)
	out, err := os.OpenFile(filepath.Join(b.dir, "log"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // pgbouncer holds its own copy
	b.command.Stdout, b.command.Stderr = out, out
	if b.lifeline, err = b.command.StdinPipe(); err != nil {
		return err
	}
	if err := b.command.Start(); err != nil {
		return err
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(server.User, server.Password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(b.Port)), Path: "/" + server.Database, RawQuery: "sslmode=disable",
	}
	b.DSN = u.String()
	return b.waitReady(ctx)
}

func (b *Bouncer) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, b.DSN)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(b.dir, "log"))
			return fmt.Errorf("no connection after %v: %w: %s", patience, err, pgserver.LastLines(log, 5))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop breaks all connections through it. Calling it twice is fine.
func (b *Bouncer) Stop() {
	if b == nil {
		return
	}
	if b.lifeline != nil {
		b.lifeline.Close() //nolint:errcheck,gosec // nothing was written
		b.command.Wait()   //nolint:errcheck,gosec // that it ended is all we want
		b.lifeline = nil
	}
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}
