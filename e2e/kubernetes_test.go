package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestTheConfigurationOnKubernetesIsAccepted: what the chart and the operator hand to the
// binary, which tools/kubernetes holds to be the same.
func TestTheConfigurationOnKubernetesIsAccepted(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../examples/kubernetes/helm-values.yaml")
	require.NoError(t, err)
	var values struct {
		Config map[string]any                 `yaml:"alternateConfig"`
		Env    []struct{ Name, Value string } `yaml:"extraEnvs"`
	}
	require.NoError(t, yaml.Unmarshal(text, &values))
	require.NotEmpty(t, values.Config)
	config, err := yaml.Marshal(values.Config)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "config.yaml")
	config = bytes.ReplaceAll(config, []byte("/var/lib/otelcol-usage"), []byte(t.TempDir())) // it creates the folder
	require.NoError(t, os.WriteFile(file, config, 0o600))
	env := []string{}
	for _, e := range values.Env {
		env = append(env, e.Name+"="+e.Value)
	}
	out, err := runBinary(t, env, "validate", "--config", file)
	assert.NoError(t, err, "%s", out)
}
