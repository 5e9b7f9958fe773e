package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/collectorproc"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// releaseFiles are the files of a release that make release-check built.
func releaseFiles(t *testing.T, variable string) string {
	t.Helper()
	directory := os.Getenv(variable)
	if directory == "" {
		t.Skip("tests the files of a release: make release-check")
	}
	return directory
}

func fileOf(t *testing.T, directory, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(directory, pattern))
	require.NoError(t, err)
	require.Len(t, found, 1, pattern)
	return found[0]
}

// machine is this machine with the deb installed: what systemd would do, the test does.
type machine struct {
	t           *testing.T
	dist        string
	loopback    string
	dsn         string
	environment map[string]string
	replaced    *strings.Replacer
	service     *collectorproc.Process
	log         *syncBuffer
}

const installedConfig = "/etc/otelcol-usage/config.yaml"

// block is a marked block of docs/install.md, with this test's hosts and version in it.
func (m *machine) block(name string) string {
	m.t.Helper()
	text, err := os.ReadFile("../docs/install.md")
	require.NoError(m.t, err)
	_, rest, found := strings.Cut(string(text), "<!-- "+name+", run by a test -->\n```sh\n")
	require.True(m.t, found, "docs/install.md has no block %q", name)
	block, _, _ := strings.Cut(rest, "```")
	return m.replaced.Replace(block)
}

// shell runs a script as root would, from the directory of the release, in which
// systemctl is the test's part.
func (m *machine) shell(script string) string {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), "bash", "-euo", "pipefail", "-c", `sudo() { "$@"; }; systemctl() { echo "systemctl $*"; }`+"\n"+script)
	cmd.Dir = m.dist
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + m.t.TempDir(), "DEBIAN_FRONTEND=noninteractive", "DATABASE_URL=" + m.dsn}
	out, err := cmd.CombinedOutput()
	require.NoError(m.t, err, "%s\n%s", script, out)
	return string(out)
}

// unit reads a key of the service.
func (m *machine) unit(key string) string {
	m.t.Helper()
	text, err := os.ReadFile("/usr/lib/systemd/system/otelcol-usage.service")
	require.NoError(m.t, err)
	found := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindSubmatch(text)
	require.NotNil(m.t, found, key)
	return string(found[1])
}

// startService does what the unit says: its environment, its check, its program, as its
// user and with its limit of open files. Health and metrics get other ports, the rest is
// the package's configuration.
func (m *machine) startService() {
	m.t.Helper()
	account, err := user.Lookup(m.unit("User"))
	require.NoError(m.t, err)
	uid, err := strconv.Atoi(account.Uid)
	require.NoError(m.t, err)
	gid, err := strconv.Atoi(account.Gid)
	require.NoError(m.t, err)
	env := []string{"PATH=/usr/bin:/bin"}
	text, err := os.ReadFile(m.unit("EnvironmentFile"))
	require.NoError(m.t, err)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			env = append(env, line)
		}
	}
	for k, v := range m.environment {
		env = append(env, k+"="+v)
	}
	overlay := filepath.Join(os.TempDir(), "otelcol-usage-release-test.yaml")
	_, port, _ := strings.Cut(freeAddress(m.t), ":")
	require.NoError(m.t, os.WriteFile(overlay, fmt.Appendf(nil, "extensions: {health_check: {endpoint: %s}}\nservice: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}}}\n", freeAddress(m.t), port), 0o644))
	m.t.Cleanup(func() { os.Remove(overlay) })
	as := func(command string) []string {
		return append([]string{"prlimit", "--nofile=" + m.openFiles(), "setpriv", "--reuid", strconv.Itoa(uid), "--regid", strconv.Itoa(gid), "--clear-groups", "--no-new-privs", "--bounding-set", "-all"}, strings.Fields(command)...)
	}
	check := as(m.unit("ExecStartPre"))
	cmd := exec.CommandContext(m.t.Context(), check[0], check[1:]...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	require.NoError(m.t, err, "%s", out)
	run := as(m.unit("ExecStart"))
	m.log = &syncBuffer{}
	m.service, err = collectorproc.Start(collectorproc.Options{Binary: run[0], Args: append(run[1:], "--config", overlay), Env: env, Log: m.log})
	require.NoError(m.t, err)
	if err := m.service.WaitAccepting(m.t.Context(), m.loopback+":4318", m.loopback+":8080"); err != nil {
		m.t.Fatalf("%v:\n%s", err, m.log)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.service.PID()))
	require.NoError(m.t, err)
	assert.Regexp(m.t, fmt.Sprintf(`(?m)^Uid:\s%d\s`, uid), string(status))
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", m.service.PID()))
	require.NoError(m.t, err)
	assert.Regexp(m.t, `(?m)^Max open files\s+`+m.openFiles()+`\s`, string(limits))
}

// openFiles is the limit of the unit, or what this machine allows at most.
func (m *machine) openFiles() string {
	m.t.Helper()
	want, err := strconv.ParseUint(m.unit("LimitNOFILE"), 10, 64)
	require.NoError(m.t, err)
	var allowed syscall.Rlimit
	require.NoError(m.t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &allowed))
	return strconv.FormatUint(min(want, allowed.Max), 10)
}

func (m *machine) stopService() {
	m.t.Helper()
	if m.service != nil && !m.service.Stop(time.Minute) {
		m.t.Error("the service did not end")
	}
	m.service = nil
}

// TestReleaseDeb installs the deb on this machine, as docs/install.md says, and goes with
// it through its life.
func TestReleaseDeb(t *testing.T) {
	dist, next := releaseFiles(t, "RELEASE_DIST"), releaseFiles(t, "RELEASE_NEXT")
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED, the deb: installing takes root")
	}
	for _, program := range []string{"dpkg", "curl", "openssl", "prlimit", "setpriv"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT TESTED, the deb: %v", err)
		}
	}
	if exec.Command("dpkg", "-s", "otelcol-usage").Run() == nil {
		t.Skip("NOT TESTED, the deb: otelcol-usage is installed on this machine")
	}
	server, err := pgserver.Start(t.Context(), pgserver.Options{})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	deb, newer := fileOf(t, dist, "*.deb"), fileOf(t, next, "*.deb")
	m := &machine{t: t, dist: dist, loopback: "127.0.214.1", dsn: server.DSN}
	m.environment = map[string]string{"OTLP_LISTEN": m.loopback, "USAGE_API_LISTEN": m.loopback}
	m.replaced = strings.NewReplacer("otelcol-usage_0.1.0_amd64.deb", filepath.Base(deb), "http://127.0.0.1:", "http://"+m.loopback+":",
		"postgres://app:password@db.example.com:5432/app?sslmode=verify-full", server.DSN)
	t.Cleanup(func() {
		m.stopService()
		if t.Failed() && m.log != nil {
			t.Logf("log of the service:\n%s", m.log)
		}
		_ = exec.Command("dpkg", "--purge", "otelcol-usage").Run()
		_ = os.RemoveAll("/var/lib/otelcol-usage")
		_ = os.RemoveAll("/etc/otelcol-usage")
		_ = exec.Command("userdel", "otelcol-usage").Run()
	})

	began := time.Now()
	m.shell(m.block("verify"))
	assert.Contains(t, m.shell(m.block("install")), "/etc/otelcol-usage/environment", "what to do next")
	m.installed(deb)
	m.shell(m.block("tables"))
	assert.Equal(t, "systemctl enable --now otelcol-usage\n", m.shell(m.block("service")))
	m.startService()
	assert.Contains(t, m.shell(m.block("first call")), `"totalCost":0.0045`, "the answer of the API")
	took := time.Since(began)
	t.Logf("%s from the files of the release to the answer", took.Round(time.Second))
	assert.Less(t, took, 5*time.Minute)

	pool, err := pgxpool.New(t.Context(), server.DSN)
	require.NoError(t, err)
	defer pool.Close()
	send := regexp.MustCompile(`(?s)^(now=.*?)sleep 2`).FindStringSubmatch(m.block("first call"))[1]
	// waits leaves calls in the queue: the database is unreachable.
	waits := func(calls int) {
		m.stopService()
		m.environment["DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/nowhere"
		m.startService()
		m.shell(strings.Repeat(send+"\n", calls))
		m.stopService()
		delete(m.environment, "DATABASE_URL")
	}
	edit := "# A line of the operator.\n"
	m.shell("echo -n '" + edit + "' >> " + installedConfig)

	// Upgraded with rows in the table and calls on disk.
	waits(3)
	assert.NotContains(t, m.shell("dpkg --install "+newer), "enable --now", "what is for a first installation")
	assert.Contains(t, m.shell("otelcol-usage --version"), "0.0.2+")
	m.startService()
	waitForRows(t, pool, 4)
	// And back, with calls that the newer one left.
	waits(2)
	m.shell("dpkg --install " + deb + " 2>&1")
	assert.Contains(t, m.shell("otelcol-usage --version"), "0.0.1+")
	m.startService()
	waitForRows(t, pool, 6)
	m.stopService()
	assert.Equal(t, "0.027000000000", readTotals(t, pool).Dollars)
	requireRollupsEqualRows(t, pool)
	config, err := os.ReadFile(installedConfig)
	require.NoError(t, err)
	assert.Contains(t, string(config), edit, "an upgrade keeps what was changed")

	// Removed, configuration and queue stay; purged, the queue stays while it has a file.
	m.shell("dpkg --remove otelcol-usage")
	assert.NoFileExists(t, "/usr/bin/otelcol-usage")
	assert.NoFileExists(t, "/usr/lib/systemd/system/otelcol-usage.service")
	assert.FileExists(t, installedConfig)
	assert.Contains(t, m.shell("dpkg --purge otelcol-usage"), "/var/lib/otelcol-usage stays")
	assert.NoDirExists(t, "/etc/otelcol-usage")
	assert.DirExists(t, "/var/lib/otelcol-usage")
	m.shell("rm -r /var/lib/otelcol-usage/* && dpkg --install " + deb + " && dpkg --purge otelcol-usage")
	assert.NoDirExists(t, "/var/lib/otelcol-usage")
	_, err = user.Lookup("otelcol-usage")
	assert.Error(t, err, "the user is gone with its folder")
}

// installed looks at what dpkg put where.
func (m *machine) installed(deb string) {
	t := m.t
	t.Helper()
	account, err := user.Lookup("otelcol-usage")
	require.NoError(t, err)
	entry := m.shell("getent passwd otelcol-usage")
	assert.Contains(t, entry, "/usr/sbin/nologin")
	for path, want := range map[string]string{
		"/usr/bin/otelcol-usage": "root root 755", "/usr/bin/usagectl": "root root 755",
		installedConfig: "root root 644", "/etc/otelcol-usage/environment": "root root 600",
		"/var/lib/otelcol-usage": account.Username + " " + account.Username + " 700",
	} {
		assert.Equal(t, want+"\n", m.shell("stat -c '%U %G %a' "+path), path)
	}
	for _, path := range []string{
		"/usr/share/man/man1/otelcol-usage.1.gz", "/usr/share/man/man1/usagectl-prices-list.1.gz", "/usr/share/bash-completion/completions/usagectl",
		"/usr/share/zsh/site-functions/_usagectl", "/usr/share/fish/vendor_completions.d/usagectl.fish",
		"/usr/share/doc/otelcol-usage/LICENSE", "/usr/share/doc/otelcol-usage/THIRD_PARTY_NOTICES", "/usr/share/doc/otelcol-usage/docs/install.md", "/usr/share/doc/otelcol-usage/examples/minimal.yaml",
	} {
		assert.FileExists(t, path)
	}
	assert.Equal(t, installedConfig+"\n/etc/otelcol-usage/environment\n", m.shell("dpkg-deb --ctrl-tarfile "+deb+" | tar -xO ./conffiles"), "what dpkg keeps")
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Logf("NOT TESTED, the unit: %v", err)
	} else {
		for _, unit := range []string{"otelcol-usage.service", "usagectl-bill.service", "usagectl-bill.timer", "usagectl-budgets.service", "usagectl-budgets.timer", "usagectl-meter.service", "usagectl-meter.timer", "usagectl-outlook.service", "usagectl-outlook.timer", "usagectl-plans.service", "usagectl-plans.timer"} {
			assert.Empty(t, m.shell("systemd-analyze verify --man=no /usr/lib/systemd/system/"+unit+" 2>&1"), unit)
		}
		m.shell("systemd-analyze security --offline=true --threshold=20 /usr/lib/systemd/system/otelcol-usage.service") // 2.0 of 10
	}
}

// ociImage is an image of an OCI archive, unpacked.
type ociImage struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Config       struct {
		User       string            `json:"User"`
		Entrypoint []string          `json:"Entrypoint"`
		Cmd        []string          `json:"Cmd"`
		Labels     map[string]string `json:"Labels"`
		Volumes    map[string]any    `json:"Volumes"`
	} `json:"config"`
	root string
}

type descriptor struct {
	Digest    string       `json:"digest"`
	Manifests []descriptor `json:"manifests"`
	Layers    []descriptor `json:"layers"`
	Config    *descriptor  `json:"config"`
}

// readImage unpacks the only image of an OCI archive.
func readImage(t *testing.T, archive string) ociImage {
	t.Helper()
	content, err := os.ReadFile(archive)
	require.NoError(t, err)
	files := map[string][]byte{}
	eachFile(t, bytes.NewReader(content), func(h *tar.Header, body []byte) { files[h.Name] = body })
	blob := func(d descriptor, into any) []byte {
		body := files["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
		sum := sha256.Sum256(body)
		require.Equal(t, d.Digest, "sha256:"+hex.EncodeToString(sum[:]))
		if into != nil {
			require.NoError(t, json.Unmarshal(body, into))
		}
		return body
	}
	var top, index, manifest descriptor
	require.NoError(t, json.Unmarshal(files["index.json"], &top))
	blob(top.Manifests[0], &index)
	require.Len(t, index.Manifests, 1, "one target was built")
	blob(index.Manifests[0], &manifest)
	image := ociImage{root: t.TempDir()}
	blob(*manifest.Config, &image)
	require.NoError(t, os.Chmod(image.root, 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(image.root), 0o755))
	for _, layer := range manifest.Layers {
		unpacked, err := gzip.NewReader(bytes.NewReader(blob(layer, nil)))
		require.NoError(t, err)
		eachFile(t, unpacked, func(h *tar.Header, body []byte) {
			to := filepath.Join(image.root, h.Name)
			if h.Typeflag == tar.TypeDir {
				require.NoError(t, os.MkdirAll(to, 0o755))
			} else {
				require.NoError(t, os.WriteFile(to, body, 0o600))
			}
			require.NoError(t, os.Chmod(to, h.FileInfo().Mode()))
			if os.Getuid() == 0 {
				require.NoError(t, os.Chown(to, h.Uid, h.Gid))
			}
			assert.Zero(t, h.Mode&0o6000, "%s: set-user-id", h.Name)
		})
	}
	return image
}

func eachFile(t *testing.T, in io.Reader, do func(*tar.Header, []byte)) {
	t.Helper()
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		body, err := io.ReadAll(r)
		require.NoError(t, err)
		do(h, body)
	}
}

// TestReleaseImages looks into the images, and runs the collector of one with nothing
// around it but its own files, as its user.
func TestReleaseImages(t *testing.T) {
	dist := releaseFiles(t, "RELEASE_DIST")
	for _, name := range []string{"otelcol-usage", "usagectl"} {
		image := readImage(t, fileOf(t, dist, name+"_*_oci.tar"))
		assert.Equal(t, "linux/amd64", image.OS+"/"+image.Architecture)
		assert.Equal(t, "65532:65532", image.Config.User)
		assert.Equal(t, []string{"/usr/bin/" + name}, image.Config.Entrypoint)
		assert.Equal(t, "0.0.1", image.Config.Labels["org.opencontainers.image.version"])
		assert.Equal(t, "Apache-2.0", image.Config.Labels["org.opencontainers.image.licenses"])
		assert.Regexp(t, `^[0-9a-f]{12}(-dirty)?$`, image.Config.Labels["org.opencontainers.image.revision"])
		var found []string
		require.NoError(t, filepath.WalkDir(image.root, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				found = append(found, strings.TrimPrefix(path, image.root))
			}
			return err
		}))
		want := []string{
			"/etc/group", "/etc/passwd", "/etc/ssl/certs/ca-certificates.crt", "/usr/bin/usagectl",
			"/usr/share/doc/otelcol-usage/LICENSE", "/usr/share/doc/otelcol-usage/THIRD_PARTY_NOTICES",
		}
		if name == "otelcol-usage" {
			want = append(want, "/etc/otelcol-usage/config.yaml", "/usr/bin/otelcol-usage")
		}
		assert.ElementsMatch(t, want, found, "no shell, nothing else")
		passwd, err := os.ReadFile(filepath.Join(image.root, "etc/passwd"))
		require.NoError(t, err)
		assert.Regexp(t, `(?m)^nonroot:x:65532:65532:.*:/sbin/nologin$`, string(passwd))
		authorities, err := os.ReadFile(filepath.Join(image.root, "etc/ssl/certs/ca-certificates.crt"))
		require.NoError(t, err)
		assert.Greater(t, certificates(t, authorities), 80)
	}
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED, the start of the image: chroot takes root")
	}
	image := readImage(t, fileOf(t, dist, "otelcol-usage_*_oci.tar"))
	pool, dsn := newDatabase(t)
	c := prepare(t, "receivers: {otlp: {protocols: {grpc: {endpoint: <GRPC>}, http: {endpoint: <HTTP>}}}}\nextensions: {health_check: {endpoint: "+freeAddress(t)+"}, usage_api: {http: {endpoint: <API>}}}\n"+telemetryOverlay)
	overlay, err := os.ReadFile(c.configFile)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(image.root, "overlay.yaml"), overlay, 0o644))
	parsed, err := url.Parse(strings.TrimPrefix(dsn, "DATABASE_URL="))
	require.NoError(t, err)
	password, _ := parsed.User.Password()
	parsed.User = url.User(parsed.User.Username())
	cmd := exec.CommandContext(t.Context(), image.Config.Entrypoint[0], append(image.Config.Cmd, "--config", "/overlay.yaml")...)
	cmd.Env = []string{"DATABASE_URL=" + parsed.String(), "PGPASSWORD=" + password, "USAGE_API_PASSWORD=secret"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: image.root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}, Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = c.log, c.log
	require.NoError(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		assert.NoError(t, cmd.Wait(), "%s", c.log)
	}()
	eventually(t, "the image's collector accepts", func() error { return c.sendHTTP(ptrace.NewTraces()) })
	sendOneCallEach(t, c, "ada")
	waitForRows(t, pool, 1)
	status, _ := c.get("/api/admin/usage", "admin:secret")
	assert.Equal(t, 200, status)
}

func certificates(t *testing.T, text []byte) (count int) {
	t.Helper()
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		_, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		count++
	}
	return count
}

// TestReleaseSaysWhatItIs: checksums, provenance and bills of materials are about these
// files.
func TestReleaseSaysWhatItIs(t *testing.T) {
	dist := releaseFiles(t, "RELEASE_DIST")
	sums := map[string]string{}
	text, err := os.ReadFile(filepath.Join(dist, "SHA256SUMS"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
	}
	entries, err := os.ReadDir(dist)
	require.NoError(t, err)
	for _, e := range entries {
		if e.Name() == "SHA256SUMS" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dist, e.Name()))
		require.NoError(t, err)
		sum := sha256.Sum256(content)
		assert.Equal(t, hex.EncodeToString(sum[:]), sums[e.Name()], e.Name())
	}
	assert.Len(t, sums, len(entries)-1)

	var provenance struct {
		Subject []struct {
			Name   string            `json:"name"`
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
		PredicateType string `json:"predicateType"`
	}
	text, err = os.ReadFile(filepath.Join(dist, "provenance.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &provenance))
	assert.Equal(t, "https://slsa.dev/provenance/v1", provenance.PredicateType)
	assert.Len(t, provenance.Subject, len(sums)-1, "all but itself")
	for _, s := range provenance.Subject {
		assert.Equal(t, sums[s.Name], s.Digest["sha256"], s.Name)
	}

	var spdx struct {
		Packages []struct {
			Name    string `json:"name"`
			Version string `json:"versionInfo"`
			Licence string `json:"licenseConcluded"`
		} `json:"packages"`
	}
	text, err = os.ReadFile(fileOf(t, dist, "*.spdx.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &spdx))
	var cyclonedx struct {
		Components []struct {
			Name string `json:"name"`
		} `json:"components"`
	}
	text, err = os.ReadFile(fileOf(t, dist, "*.cdx.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &cyclonedx))
	assert.Len(t, cyclonedx.Components, len(spdx.Packages)-1)
	// The modules of a program, by the go command.
	program := filepath.Join(t.TempDir(), "otelcol-usage")
	archive, err := os.Open(fileOf(t, dist, "*.tar.gz"))
	require.NoError(t, err)
	defer archive.Close()
	unpacked, err := gzip.NewReader(archive)
	require.NoError(t, err)
	eachFile(t, unpacked, func(h *tar.Header, body []byte) {
		if strings.HasSuffix(h.Name, "/otelcol-usage") {
			require.NoError(t, os.WriteFile(program, body, 0o755))
		}
	})
	linked, err := exec.CommandContext(context.Background(), "go", "version", "-m", program).Output()
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, p := range spdx.Packages {
		listed[p.Name+"@"+p.Version] = true
		assert.NotEmpty(t, p.Licence, p.Name)
	}
	modules := regexp.MustCompile(`(?m)^\t(?:dep|=>)\t(\S+)\t(v\S+)\th1:`).FindAllStringSubmatch(string(linked), -1)
	assert.Greater(t, len(modules), 100)
	for _, module := range modules {
		if strings.HasPrefix(module[1], "github.com/otelcol-usage/") {
			continue
		}
		assert.True(t, listed[module[1]+"@"+module[2]], module[0])
	}
	assert.NotContains(t, string(linked), "/root", "no path of the machine")
}
