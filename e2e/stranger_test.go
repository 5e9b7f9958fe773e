package e2e

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const ourModule = "github.com/otelcol-usage/otelcol-usage"

// TestOthersBuildTheirCollectorWithOurComponents builds the smallest collector that
// somebody else would, with the builder and nothing of our distribution: our module comes
// from a proxy of Go modules, in a directory, under a version, and what its go.mod requires has
// to be enough. The core is the release of our go.mod; with NEWEST_CORE=1 also the newest
// that is published.
func TestOthersBuildTheirCollectorWithOurComponents(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	ours, err := os.ReadFile(filepath.Join(root, "builder-config.yaml"))
	require.NoError(t, err)
	core := regexp.MustCompile(`otlpreceiver (v\S+)`).FindSubmatch(ours)
	require.NotNil(t, core, "builder-config.yaml names no release of the otlpreceiver")
	proxy, version := publish(t, root)
	t.Run("the core of go.mod", func(t *testing.T) {
		strangersCollector(t, root, proxy, version, string(core[1]), "tool", "-modfile=tools/builder.mod", "builder")
	})
	if os.Getenv("NEWEST_CORE") == "" {
		return
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "go.opentelemetry.io/collector/receiver/otlpreceiver@latest").Output()
	require.NoError(t, err)
	newest := strings.TrimSpace(string(out))
	t.Run("the newest core, "+newest, func(t *testing.T) {
		strangersCollector(t, root, proxy, version, newest, "run", "go.opentelemetry.io/collector/cmd/builder@"+newest)
	})
}

// strangersCollector builds a collector from the manifest lines in the READMEs of our
// components, and has it accept a configuration with all of them.
func strangersCollector(t *testing.T, root, proxy, version, core string, builder ...string) {
	directory := t.TempDir()
	manifest, collector := filepath.Join(directory, "manifest.yaml"), filepath.Join(directory, "collector")
	text := fmt.Sprintf(`dist:
  module: example.com/theircollector
  name: theircollector
  output_path: %[1]s
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver %[2]s
`, collector, core)
	for _, component := range []string{"processor/genaiusageprocessor", "exporter/usagepostgresexporter", "extension/usageapiextension"} {
		readme, err := os.ReadFile(filepath.Join(root, component, "README.md"))
		require.NoError(t, err)
		lines := regexp.MustCompile("(?s)```yaml\n([a-z]+:\n  - gomod: .*?)```").FindSubmatch(readme)
		require.NotNil(t, lines, "%s/README.md has no lines for a manifest", component)
		text += strings.ReplaceAll(string(lines[1]), "v0.1.0", version)
	}
	require.NoError(t, os.WriteFile(manifest, []byte(text), 0o600))
	for _, command := range [][]string{
		append(append([]string{"go"}, builder...), "--config", manifest, "--skip-strict-versioning=false", "--skip-compilation"),
		// Not by the builder: these flags share the compiled packages with make build.
		{"go", "build", "-C", collector, "-o", "theircollector", "."},
	} {
		step := exec.CommandContext(t.Context(), command[0], command[1:]...)
		step.Dir = root
		step.Env = append(os.Environ(), "CGO_ENABLED=0", "GOPROXY=file://"+proxy+","+goEnv(t, "GOPROXY"), "GONOSUMDB="+ourModule)
		out, err := step.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	config := filepath.Join(directory, "config.yaml")
	require.NoError(t, os.WriteFile(config, []byte(`receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
processors: {genai_usage: {}}
exporters: {usage_postgres: {dsn: "postgres://u@127.0.0.1/d"}}
extensions: {usage_api: {dsn: "postgres://u@127.0.0.1/d", access: {insecure_loopback_admin: true}}}
service: {extensions: [usage_api], pipelines: {traces: {receivers: [otlp], processors: [genai_usage], exporters: [usage_postgres]}}}
`), 0o600))
	program := filepath.Join(collector, "theircollector")
	out, err := exec.CommandContext(t.Context(), program, "validate", "--config", config).CombinedOutput()
	assert.NoError(t, err, string(out))
	out, err = exec.CommandContext(t.Context(), "go", "version", "-m", program).CombinedOutput()
	require.NoError(t, err)
	assert.Contains(t, string(out), "\tdep\t"+ourModule+"\t"+version+"\t", "our module came from the proxy")
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// publish puts our module into a directory that is a proxy of Go modules, as it is in this
// tree, under a version that is made of its content. What the go command takes from there
// into its cache is removed at the end.
func publish(t *testing.T, root string) (proxy, version string) {
	t.Helper()
	proxy = t.TempDir()
	folder := filepath.Join(proxy, filepath.FromSlash(ourModule), "@v")
	require.NoError(t, os.MkdirAll(folder, 0o750))
	listed, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	sum := sha256.New()
	files := map[string][]byte{}
	modules := map[string]bool{}
	names := strings.Split(strings.TrimRight(string(listed), "\x00"), "\x00")
	for _, name := range names {
		if filepath.Base(name) == "go.mod" && name != "go.mod" {
			modules[filepath.Dir(name)+"/"] = true
		}
	}
names:
	for _, name := range names {
		for module := range modules {
			if strings.HasPrefix(name, module) {
				continue names
			}
		}
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		files[name] = content
		fmt.Fprintln(sum, name, len(content))
		sum.Write(content)
	}
	version = "v0.1.1-test." + hex.EncodeToString(sum.Sum(nil))[:12]
	packed, err := os.Create(filepath.Join(folder, version+".zip"))
	require.NoError(t, err)
	w := zip.NewWriter(packed)
	for name, content := range files {
		entry, err := w.Create(ourModule + "@" + version + "/" + name)
		require.NoError(t, err)
		_, err = entry.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, packed.Close())
	require.NoError(t, os.WriteFile(filepath.Join(folder, version+".mod"), files["go.mod"], 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, version+".info"), []byte(`{"Version":"`+version+`"}`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "list"), []byte(version+"\n"), 0o600))
	cache := goEnv(t, "GOMODCACHE")
	t.Cleanup(func() {
		unpacked := filepath.Join(cache, filepath.FromSlash(ourModule)+"@"+version)
		_ = filepath.WalkDir(unpacked, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				return os.Chmod(path, 0o700) // the go command makes them read-only
			}
			return err
		})
		_ = os.RemoveAll(unpacked)
		downloaded, _ := filepath.Glob(filepath.Join(cache, "cache", "download", filepath.FromSlash(ourModule), "@v", version+".*"))
		for _, f := range downloaded {
			_ = os.Remove(f)
		}
	})
	return proxy, version
}
