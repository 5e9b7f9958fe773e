package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOthersBuildTheirCollectorWithOurProcessor builds the smallest collector
// that somebody else would, with the builder of the pinned core release and
// nothing of our distribution: what our go.mod requires has to be enough.
func TestOthersBuildTheirCollectorWithOurProcessor(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	ours, err := os.ReadFile(filepath.Join(root, "builder-config.yaml"))
	require.NoError(t, err)
	core := regexp.MustCompile(`otlpreceiver (v\S+)`).FindSubmatch(ours)
	require.NotNil(t, core, "builder-config.yaml names no release of the otlpreceiver")

	directory := t.TempDir()
	manifest, collector := filepath.Join(directory, "manifest.yaml"), filepath.Join(directory, "collector")
	require.NoError(t, os.WriteFile(manifest, fmt.Appendf(nil, `dist:
  module: example.com/theircollector
  name: theircollector
  output_path: %[1]s
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver %[2]s
processors:
  - gomod: github.com/otelcol-usage/otelcol-usage v0.0.0
    import: github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/debugexporter %[2]s
replaces:
  - github.com/otelcol-usage/otelcol-usage => %[3]s
`, collector, core[1], root), 0o600))

	for _, command := range [][]string{
		{"go", "tool", "-modfile=tools/builder.mod", "builder", "--config", manifest, "--skip-strict-versioning=false", "--skip-compilation"},
		// Not by the builder, which asks for -trimpath: these flags share the compiled packages with make build.
		{"go", "build", "-C", collector, "-o", "theircollector", "."},
	} {
		step := exec.Command(command[0], command[1:]...)
		step.Dir = root
		step.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := step.CombinedOutput()
		require.NoError(t, err, string(out))
	}

	config := filepath.Join(directory, "config.yaml")
	require.NoError(t, os.WriteFile(config, []byte(`receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
processors: {genai_usage: {}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp], processors: [genai_usage], exporters: [debug]}}}
`), 0o600))
	out, err := exec.Command(filepath.Join(collector, "theircollector"), "validate", "--config", config).CombinedOutput()
	assert.NoError(t, err, string(out))
}
