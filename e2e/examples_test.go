package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// exampleEnv are values for the variables that an example leaves to its user.
// Nothing is reached under them: validate opens no connection.
var exampleEnv = map[string]string{
	"DATABASE_URL":       "postgres://usage:secret@127.0.0.1:5432/usage",
	"GATEWAY_ENDPOINT":   "127.0.0.1:4317",
	"GATEWAY_TLS_DIR":    "testdata",
	"AGENT_TLS_DIR":      "testdata",
	"KAFKA_BROKERS":      "[127.0.0.1:9093]",
	"KAFKA_PASSWORD":     "secret",
	"KAFKA_TLS_DIR":      "testdata",
	"KAFKA_USER":         "usage",
	"OIDC_AUDIENCE":      "otelcol-usage",
	"OIDC_ISSUER_URL":    "https://login.example.com",
	"TRACES_ENDPOINT":    "127.0.0.1:4317",
	"USAGE_API_PASSWORD": "secret",
	"RECORD_FILE":        "/tmp/record.jsonl",
	"USAGE_API_HTPASSWD": "admin:$2y$05$qFlT1nXh9Bv6cV5tFZ0oUuM9yqV4X6c8b7f3M2rV5Y0o0o0o0o0oO",
}

var variable = regexp.MustCompile(`\$\{env:(\w+)(:-[^}]*)?\}`)

func TestEveryExampleIsAccepted(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../examples/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		if filepath.Base(file) == "metering.yaml" {
			continue // of usagectl meter; internal/metering reads it
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			env := exampleVariables(t, file)
			out, err := runBinary(t, env, "validate", "--config", file)
			assert.NoError(t, err, "%s", out)
		})
	}
}

// exampleVariables gives a value to each variable of a file, and fails for one
// that has neither a default nor a line about it in the file's head.
func exampleVariables(t *testing.T, file string) (env []string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	head, _, _ := strings.Cut(string(content), "\n\n")
	for _, m := range variable.FindAllStringSubmatch(string(content), -1) {
		name, hasDefault := m[1], m[2] != ""
		if hasDefault {
			continue
		}
		assert.Regexp(t, `(?m)^#   `+name+` `, head, "the head of the file must say what %s is", name)
		value, known := exampleEnv[name]
		assert.True(t, known, "give %s a value in exampleEnv", name)
		env = append(env, name+"="+value)
	}
	return append(env, "USAGE_QUEUE_DIR="+t.TempDir())
}

// TestEveryComponentOfTheBinaryIsConfigurable holds the list of
// components: testdata/all_components.yaml configures each one that the binary
// has, so a component that is lost or cannot be configured is seen.
func TestEveryComponentOfTheBinaryIsConfigurable(t *testing.T) {
	t.Parallel()
	const file = "testdata/all_components.yaml"
	out, err := runBinary(t, nil, "components")
	require.NoError(t, err)
	type named struct {
		Name string `yaml:"name"`
	}
	var has map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(out), &has))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var configured map[string]map[string]any
	require.NoError(t, yaml.Unmarshal(content, &configured))
	for _, kind := range []string{"receivers", "processors", "exporters", "connectors", "extensions"} {
		var components []named
		list, err := yaml.Marshal(has[kind])
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(list, &components))
		require.NotEmpty(t, components, kind)
		var names []string
		for _, c := range components {
			names = append(names, c.Name)
		}
		slices.Sort(names)
		assert.Equal(t, names, slices.Sorted(maps.Keys(configured[kind])), "%s: the binary has the first, %s the second", kind, file)
	}
	out, err = runBinary(t, exampleVariables(t, file), "validate", "--config", file)
	assert.NoError(t, err, "%s", out)
}
