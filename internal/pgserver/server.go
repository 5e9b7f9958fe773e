package pgserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options of a server. The zero value gives a temporary one.
type Options struct {
	// Dir holds the cluster. Empty: a temporary directory that is removed with the server.
	// An existing cluster is started unchanged.
	Dir string
	// Port on 127.0.0.1; 0 picks a free one.
	Port int
	// Fsync makes commits survive a crash of the machine. A crash of the server alone loses
	// nothing even without it.
	Fsync bool
	// Settings are additional "name=value" settings of the server.
	Settings []string
	// Log receives a line for each long step; nil logs nothing.
	Log io.Writer
}

// Server is a running PostgreSQL server.
type Server struct {
	// DSN of the database "postgres", as its superuser, with password.
	DSN string
	// Port on 127.0.0.1.
	Port int
	// Dir holds the cluster ("data") and the server's log ("log").
	Dir string

	cmd       *exec.Cmd
	watchdog  *exec.Cmd
	lifeline  *os.File // its end tells the watchdog that this process has ended
	temporary bool
}

const startTimeout = 60 * time.Second

// Start creates the cluster if necessary and starts the server. When it returns, the server
// accepts connections.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	binDir, err := FindOrInstall(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	owner, err := UnprivilegedUser("postgres", "nobody")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: o.Dir, temporary: o.Dir == ""}
	if s.temporary {
		if s.Dir, err = os.MkdirTemp("", "usage-postgres-"); err != nil {
			return nil, fmt.Errorf("start PostgreSQL: %w", err)
		}
	}
	if err := s.start(ctx, o, binDir, owner); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, o Options, binDir string, owner *syscall.Credential) error {
	var err error
	if s.Dir, err = filepath.Abs(s.Dir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	if owner != nil {
		if err := os.Chown(s.Dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	if err := reachable(s.Dir, owner); err != nil {
		return err
	}
	data := filepath.Join(s.Dir, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		if err := initialise(ctx, binDir, s.Dir, owner); err != nil {
			return err
		}
	}
	password, err := os.ReadFile(filepath.Join(s.Dir, "password"))
	if err != nil {
		return err
	}

	// Another process may take a free port before the server listens on it; the next
	// attempt picks another. After a crash the processes of the old server hold its shared
	// memory until each has noticed.
	const tries = 10
	for try := 1; ; try++ {
		if s.Port = o.Port; s.Port == 0 {
			if s.Port, err = FreePort(); err != nil {
				return err
			}
		}
		s.DSN = fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", strings.TrimSpace(string(password)), s.Port)
		if err = s.launch(o, binDir, owner); err != nil {
			return err
		}
		if err = s.waitReady(ctx); err == nil {
			return nil
		}
		s.halt(syscall.SIGKILL)
		if try == tries || ctx.Err() != nil || !errors.Is(err, errEnded) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(try) * 100 * time.Millisecond):
		}
	}
}

// initialise creates the cluster and the password of its superuser.
func initialise(ctx context.Context, binDir, dir string, owner *syscall.Credential) error {
	var secret [16]byte
	rand.Read(secret[:]) //nolint:errcheck // never fails
	passwordFile := filepath.Join(dir, "password")
	if err := os.WriteFile(passwordFile, []byte(hex.EncodeToString(secret[:])+"\n"), 0o600); err != nil {
		return err
	}
	if owner != nil {
		if err := os.Chown(passwordFile, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(binDir, "initdb"), //nolint:gosec // the program Find found
		"--pgdata", filepath.Join(dir, "data"), "--username", "postgres", "--pwfile", passwordFile,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	AsUser(cmd, dir, owner)
	switch out, err := cmd.CombinedOutput(); {
	case err != nil && ctx.Err() != nil: // it was ended, and says nothing of use
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("initdb: %w: %s", err, LastLines(out, 5))
	}
	return nil
}

// launch starts the server and its watchdog and does not wait for them.
func (s *Server) launch(o Options, binDir string, owner *syscall.Credential) error {
	onOff := map[bool]string{true: "on", false: "off"}
	settings := append([]string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(s.Port), "unix_socket_directories=",
		"fsync=" + onOff[o.Fsync], "full_page_writes=" + onOff[o.Fsync],
		"max_connections=200", "shared_buffers=128MB", "logging_collector=off", "log_min_messages=warning",
		// Rows must not leak through the log of a test server.
		"log_error_verbosity=terse",
	}, o.Settings...)
	args := []string{"-D", filepath.Join(s.Dir, "data")}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()                                                //nolint:errcheck // the server holds its own copy
	s.cmd = exec.Command(filepath.Join(binDir, "postgres"), args...) //nolint:gosec,noctx // the program Find found; it ends by Stop
	s.cmd.Stdout, s.cmd.Stderr = log, log
	AsUser(s.cmd, s.Dir, owner)
	if err := s.cmd.Start(); err != nil {
		return err
	}
	return s.watch()
}

// watch starts the watchdog: a shell that waits for the end of its input,
// which comes when this process ends, then stops the server if it still runs
// and removes what is temporary. It is in a session of its own, so that Ctrl-C
// in the terminal does not reach it first.
func (s *Server) watch() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close() //nolint:errcheck // the watchdog holds its own copy
	const script = `cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ "$pid" = "$2" ]; then
  kill -INT "$pid" 2>/dev/null
  n=0
  while kill -0 "$pid" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done
  kill -QUIT "$pid" 2>/dev/null
fi
if [ "$3" = temporary ]; then rm -rf "$1"; fi`
	kind := "kept"
	if s.temporary {
		kind = "temporary"
	}
	s.watchdog = exec.Command("/bin/sh", "-c", script, "watchdog", s.Dir, strconv.Itoa(s.cmd.Process.Pid), kind) //nolint:gosec,noctx // a fixed script; it ends with us
	s.watchdog.Stdin = read
	s.watchdog.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.watchdog.Start(); err != nil {
		write.Close() //nolint:errcheck,gosec // nothing was written
		return err
	}
	s.lifeline = write
	lifelines.Store(write, true)
	return nil
}

// lifelines keeps the garbage collector from closing the pipe of a server that its starter
// no longer refers to, which would stop the server.
var lifelines sync.Map

var errEnded = errors.New("the server ended")

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.DSN)
		if err == nil {
			return conn.Close(ctx)
		}
		// Signal 0 cannot tell a zombie from a living process; a non-blocking wait can.
		var status syscall.WaitStatus
		if pid, _ := syscall.Wait4(s.cmd.Process.Pid, &status, syscall.WNOHANG, nil); pid == s.cmd.Process.Pid {
			s.cmd = nil
			log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			return fmt.Errorf("%w while starting: %s", errEnded, LastLines(log, 5))
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			return fmt.Errorf("no connection after %v: %w: %s", startTimeout, err, LastLines(log, 5))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop breaks the server's connections, ends it, and removes its directory if that was
// temporary. Calling it twice is fine.
func (s *Server) Stop() {
	if s == nil {
		return
	}
	s.halt(syscall.SIGINT)
	if s.temporary && s.Dir != "" {
		_ = os.RemoveAll(s.Dir)
	}
}

// Kill ends the server like a crash: nothing is flushed, connections break. The directory
// stays; [Start] with the same Dir recovers.
func (s *Server) Kill() { s.halt(syscall.SIGKILL) }

func (s *Server) halt(signal syscall.Signal) {
	if s.cmd != nil {
		ended := make(chan struct{})
		go func() {
			s.cmd.Wait() //nolint:errcheck,gosec // that it ended is all we want
			close(ended)
		}()
		s.cmd.Process.Signal(signal) //nolint:errcheck,gosec // it may have ended
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			s.cmd.Process.Kill() //nolint:errcheck,gosec // it may have ended
			<-ended
		}
		s.cmd = nil
	}
	if s.watchdog != nil {
		// It must not run against a directory that a later server uses.
		s.watchdog.Process.Kill() //nolint:errcheck,gosec // it may have ended
		s.watchdog.Wait()         //nolint:errcheck,gosec // that it ended is all we want
		lifelines.Delete(s.lifeline)
		s.lifeline.Close() //nolint:errcheck,gosec // nothing was written
		s.watchdog, s.lifeline = nil, nil
	}
}

// UnprivilegedUser returns the user as which to run a server that root must not run: nil
// when we are not root, otherwise the first of the names that exists.
func UnprivilegedUser(names ...string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // nobody else is a valid answer
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("a server does not run as root, and none of the users %s exists to run it as; create one: useradd --system %s", strings.Join(names, ", "), names[0])
}

// reachable returns an error that names the parent directory which the server's user cannot
// enter.
func reachable(dir string, owner *syscall.Credential) error {
	if owner == nil {
		return nil
	}
	for up := filepath.Dir(dir); ; up = filepath.Dir(up) {
		info, err := os.Stat(up)
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if ok && info.Mode().Perm()&0o001 == 0 && stat.Uid != owner.Uid && (stat.Gid != owner.Gid || info.Mode().Perm()&0o010 == 0) {
			return fmt.Errorf("the server runs as user %d, who may not enter %s; choose another directory (TMPDIR)", owner.Uid, up)
		}
		if up == filepath.Dir(up) {
			return nil
		}
	}
}

// AsUser makes a program run in dir as the user, with only the PATH of our environment. A
// nil owner means the current user.
func AsUser(cmd *exec.Cmd, dir string, owner *syscall.Credential) {
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: owner}
	// The caller's PGHOST, PGDATA and so on must have no effect.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME=" + dir}
}
