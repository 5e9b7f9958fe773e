package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// minVersion is the oldest supported major version of PostgreSQL: 14 is the first with
// date_bin; all tests run on 15.
const minVersion = 14

// binDirs are the places where distributions put the server's programs, often outside the
// PATH.
var binDirs = []string{
	"/usr/lib/postgresql/*/bin",              // Debian, Ubuntu
	"/usr/pgsql-*/bin",                       // packages of postgresql.org for Red Hat and others
	"/usr/libexec/postgresql*",               // Alpine
	"/opt/homebrew/opt/postgresql@*/bin",     // Homebrew
	"/usr/local/opt/postgresql@*/bin",        // Homebrew on Intel
	"/Applications/Postgres.app/*/*/*/bin",   // Postgres.app
	"/usr/local/pgsql/bin", "/usr/local/bin", // built from source
}

// howToInstall tells a person what to do when [Find] finds nothing.
const howToInstall = `no PostgreSQL server programs (initdb, postgres) of version 14 or newer were found; do one of:
  set DATABASE_URL to a server that is running, such as postgres://user:password@127.0.0.1:5432/postgres
  Debian, Ubuntu:  sudo apt-get install postgresql
  Fedora, RHEL:    sudo dnf install postgresql-server
  macOS:           brew install postgresql@17`

// errNotInstalled is returned when there are no server programs.
var errNotInstalled = errors.New(howToInstall)

// binDirVariable is the environment variable that names the directory of the server's
// programs, to use another version than the newest.
const binDirVariable = "PG_BINDIR"

// Find returns the directory that holds initdb and postgres: the one named by
// binDirVariable, otherwise that of the newest version found.
func Find() (binDir string, err error) {
	if dir := os.Getenv(binDirVariable); dir != "" {
		if version := majorVersion(filepath.Join(dir, "postgres")); version < minVersion {
			found := "none"
			if version > 0 {
				found = "version " + strconv.Itoa(version)
			}
			return "", fmt.Errorf("%s = %s must contain the programs of PostgreSQL %d or newer, found %s", binDirVariable, dir, minVersion, found)
		}
		return filepath.Abs(dir)
	}
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range binDirs {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		dirs = append(dirs, found...)
	}
	type candidate struct {
		dir     string
		version int
	}
	var candidates []candidate
	seen := map[string]bool{}
	for _, dir := range dirs {
		// The program in the PATH may be a link; its neighbours and libraries are found
		// from its real location.
		program, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err != nil || seen[program] {
			continue
		}
		seen[program] = true
		dir = filepath.Dir(program)
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
			continue
		}
		if version := majorVersion(program); version >= minVersion {
			candidates = append(candidates, candidate{dir, version})
		}
	}
	if len(candidates) == 0 {
		return "", errNotInstalled
	}
	sort.SliceStable(candidates, func(i, j int) bool { return candidates[i].version > candidates[j].version })
	return candidates[0].dir, nil
}

// majorVersion runs "postgres --version"; it returns 0 when the output has no version.
func majorVersion(program string) int {
	out, err := exec.Command(program, "--version").Output() //nolint:gosec,noctx // a program of the places above; it prints and ends
	if err != nil {
		return 0
	}
	// postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1), 18beta1, 19devel
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		return 0
	}
	digits := fields[2]
	if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = digits[:end]
	}
	version, _ := strconv.Atoi(digits)
	return version
}

// FindOrInstall is [Find]; when it finds nothing and we are root on a system with apt, it
// installs the distribution's package and says so on log. The package's own server is
// neither created nor started.
func FindOrInstall(ctx context.Context, log io.Writer) (string, error) {
	dir, err := Find()
	if err == nil || !errors.Is(err, errNotInstalled) || !canInstall() {
		return dir, err
	}
	// Without this the package would create a cluster and start it on port 5432.
	const noCluster = "/etc/postgresql-common/createcluster.conf"
	if _, statErr := os.Stat(noCluster); os.IsNotExist(statErr) {
		if mkErr := os.MkdirAll(filepath.Dir(noCluster), 0o755); mkErr == nil { //nolint:gosec // a directory of /etc
			_ = os.WriteFile(noCluster, []byte("create_main_cluster = false\n"), 0o644) //nolint:gosec // read by everybody, as the package's own
		}
	}
	installErr := InstallPackage(ctx, log, "postgresql", func() bool {
		dir, err = Find()
		return err == nil
	})
	if installErr != nil {
		return "", fmt.Errorf("%w\n%w", installErr, errNotInstalled)
	}
	return dir, nil
}

func canInstall() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Getuid() == 0
}

// errCannotInstall is returned where nothing can be installed: not as root, or on a system
// without apt-get.
var errCannotInstall = errors.New("only root on a system with apt-get installs packages")

// InstallPackage installs a package of the distribution unless found already returns true.
func InstallPackage(ctx context.Context, log io.Writer, name string, found func() bool) error {
	if !canInstall() {
		return errCannotInstall
	}
	fmt.Fprintf(log, "%s is not installed; installing it with apt-get (a minute or two) ...\n", name)
	var err error
	for _, args := range [][]string{
		{"install", "-y", "--no-install-recommends", name},
		{"update"},
		{"install", "-y", "--no-install-recommends", name},
	} {
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-o", "DPkg::Lock::Timeout=60"}, args...)...) //nolint:gosec // fixed arguments
		// In run level 1 no package starts a service of its own.
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		out, runErr := cmd.CombinedOutput()
		if found() {
			return nil
		}
		if runErr != nil {
			err = fmt.Errorf("apt-get %s: %w: %s", args[0], runErr, LastLines(out, 5))
		}
	}
	if err == nil {
		err = fmt.Errorf("apt-get installed %s, and its programs are not where they should be", name)
	}
	return err
}

// LastLines returns the end of a log.
func LastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
