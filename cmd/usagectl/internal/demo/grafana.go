package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/dashboards"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// grafanaProgram is an installed Grafana.
type grafanaProgram struct {
	args []string // the program and, if needed, its subcommand
	home string   // the folder that contains conf and public
}

var errNoGrafana = errors.New("no grafana-server on this machine; compose.yaml starts one with the dashboards where Docker runs, dashboards/README.md says how to load them into yours")

// findGrafana looks for the program in PATH. It looks for the home folder in GF_PATHS_HOME,
// where packages install it, and above the program.
func findGrafana() (grafanaProgram, error) {
	for _, args := range [][]string{{"grafana", "server"}, {"grafana-server"}} {
		path, err := exec.LookPath(args[0])
		if err != nil {
			continue
		}
		args[0] = path
		homes := []string{os.Getenv("GF_PATHS_HOME"), "/usr/share/grafana", "/opt/homebrew/share/grafana", "/usr/local/share/grafana"}
		if real, err := filepath.EvalSymlinks(path); err == nil {
			above := filepath.Dir(filepath.Dir(real))
			homes = append(homes, above, filepath.Join(above, "share", "grafana"))
		}
		for _, home := range homes {
			if _, err := os.Stat(filepath.Join(home, "conf", "defaults.ini")); home != "" && err == nil {
				return grafanaProgram{args: args, home: home}, nil
			}
		}
		return grafanaProgram{}, fmt.Errorf("%s is installed, its conf/defaults.ini was not found in %s; set GF_PATHS_HOME", path, strings.Join(homes[1:], ", "))
	}
	return grafanaProgram{}, errNoGrafana
}

// grafana is a running Grafana with our provisioning, in a temporary folder.
type grafana struct {
	cmd     *exec.Cmd
	dir     string
	address string
	exited  chan struct{}
}

// startGrafana returns when the dashboards can be viewed. The database must be the demo's
// own, because the role usage_grafana gets a new password.
func startGrafana(ctx context.Context, program grafanaProgram, dsn string) (_ *grafana, err error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	owner, err := pgserver.UnprivilegedUser("grafana", "nobody")
	if err != nil {
		return nil, err
	}
	g := &grafana{exited: make(chan struct{})}
	if g.dir, err = os.MkdirTemp("", "otelcol-usage-demo-grafana-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			g.stop()
		}
	}()
	if err := writeProvisioning(g.dir, owner); err != nil {
		return nil, err
	}
	if g.address, err = pgserver.FreeAddress("127.0.0.1:3000"); err != nil {
		return nil, err
	}
	database, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	password := rand.Text()
	if err := allowGrafana(ctx, database, password); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(g.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the process has its own file handle
	cmd := grafanaCommand(program, g.dir, g.address, database, password)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: owner}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Grafana: %w", err)
	}
	g.cmd = cmd
	go func() {
		_ = cmd.Wait()
		close(g.exited)
	}()
	return g, g.waitUntilReady(ctx)
}

// grafanaCommand returns the command that starts Grafana on loopback. Everybody may view
// and nobody may log in, nothing is sent to the internet, and none of the user's own
// settings apply.
func grafanaCommand(program grafanaProgram, dir, address string, database *pgx.ConnConfig, password string) *exec.Cmd {
	host, port, _ := net.SplitHostPort(address)
	// Not CommandContext: on Ctrl-C it must end in its turn.
	cmd := exec.Command(program.args[0], append(program.args[1:], "--homepath", program.home)...) //nolint:gosec,noctx // the Grafana that was found; see above
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir,
		"GF_PATHS_DATA=" + filepath.Join(dir, "data"),
		"GF_PATHS_LOGS=" + filepath.Join(dir, "data", "log"),
		"GF_PATHS_PLUGINS=" + filepath.Join(dir, "data", "plugins"),
		"GF_PATHS_PROVISIONING=" + filepath.Join(dir, "provisioning"),
		"GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH=" + filepath.Join(dir, "grafana", "llm-usage-summary.json"),
		"GF_LOG_MODE=console", "GF_LOG_LEVEL=warn",
		"GF_SERVER_PROTOCOL=http", "GF_SERVER_HTTP_ADDR=" + host, "GF_SERVER_HTTP_PORT=" + port,
		"GF_AUTH_ANONYMOUS_ENABLED=true", "GF_AUTH_ANONYMOUS_ORG_ROLE=Viewer",
		"GF_AUTH_DISABLE_LOGIN_FORM=true", "GF_AUTH_BASIC_ENABLED=false",
		"GF_SECURITY_ADMIN_PASSWORD=" + rand.Text(), "GF_SECURITY_SECRET_KEY=" + rand.Text(),
		"GF_ANALYTICS_REPORTING_ENABLED=false", "GF_ANALYTICS_CHECK_FOR_UPDATES=false", "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES=false",
		"GF_NEWS_NEWS_FEED_ENABLED=false", "GF_PLUGINS_PREINSTALL_DISABLED=true",
		fmt.Sprintf("USAGE_DB_HOST=%s:%d", database.Host, database.Port), "USAGE_DB_NAME=" + database.Database, "USAGE_DB_SSLMODE=disable",
		"USAGE_DB_PASSWORD=" + password,
	}
	return cmd
}

// boardsFolder is where the provisioning file expects the dashboards.
const boardsFolder = "/var/lib/grafana/dashboards/llm-usage"

// writeProvisioning writes the files that Grafana loads, readable by owner, and creates its
// data folder.
func writeProvisioning(dir string, owner *syscall.Credential) error {
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		return err
	}
	err := fs.WalkDir(dashboards.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		target := filepath.Join(dir, filepath.FromSlash(path))
		switch {
		case err != nil || path == ".":
			return err
		case entry.IsDir():
			return os.Mkdir(target, 0o700)
		}
		content, err := dashboards.Files.ReadFile(path)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(content), boardsFolder, filepath.Join(dir, "grafana"))
		return os.WriteFile(target, []byte(text), 0o600)
	})
	if err != nil || owner == nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(owner.Uid), int(owner.Gid)) //nolint:gosec // nobody else writes to the folder
	})
}

// allowGrafana lets the role of the data source log in.
func allowGrafana(ctx context.Context, database *pgx.ConnConfig, password string) error {
	db, err := pgx.ConnectConfig(ctx, database)
	if err != nil {
		return err
	}
	defer db.Close(ctx) //nolint:errcheck // nothing is left to write
	// The password is letters and digits. DDL takes no parameters.
	if _, err := db.Exec(ctx, "ALTER ROLE usage_grafana LOGIN PASSWORD '"+password+"'"); err != nil {
		return fmt.Errorf("let the role usage_grafana log in: %w", err)
	}
	return nil
}

func (g *grafana) waitUntilReady(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		// The dashboards are loaded before the server answers.
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.address+"/api/health", http.NoBody)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-g.exited:
			return fmt.Errorf("Grafana ended (%s); its last lines:\n%s", g.cmd.ProcessState, lastOf(filepath.Join(g.dir, "log"))) //nolint:staticcheck // a name
		case <-ctx.Done():
			return fmt.Errorf("Grafana does not answer on %s: %w", g.address, ctx.Err()) //nolint:staticcheck // a name
		case <-tick.C:
		}
	}
}

// stop ends Grafana and deletes its folder.
func (g *grafana) stop() {
	if g.cmd != nil {
		g.end(syscall.SIGTERM, 10*time.Second)
		g.end(syscall.SIGKILL, time.Minute)
	}
	_ = os.RemoveAll(g.dir)
}

// end signals the process and its children, unless they have ended.
func (g *grafana) end(signal syscall.Signal, patience time.Duration) {
	select {
	case <-g.exited:
		return
	default:
	}
	_ = syscall.Kill(-g.cmd.Process.Pid, signal)
	select {
	case <-g.exited:
	case <-time.After(patience):
	}
}

// showGrafana starts Grafana if it is installed, and prints where the dashboards are or how
// to view them. A failure does not end the demo.
func showGrafana(ctx context.Context, out io.Writer, dsn string, ownDatabase bool) (stop func()) {
	program, err := findGrafana()
	if err == nil && !ownDatabase {
		err = errors.New("not started, because the database is yours and its role usage_grafana would need a new password; dashboards/README.md says how to set it up")
	}
	if err == nil {
		var g *grafana
		if g, err = startGrafana(ctx, program, dsn); err == nil {
			fmt.Fprintf(out, "  Grafana: http://%s/d/llm-usage-summary?from=now-29d%%2Fd&to=now (%s; everybody may look, nobody may change)\n\n", g.address, program.args[0])
			return g.stop
		}
	}
	fmt.Fprintf(out, "  Grafana: %v\n\n", err)
	return func() {}
}
