package dashboards_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestComposeGivesGrafanaWhatItsProvisioningReads: every $VARIABLE of the data
// source is set.
func TestComposeGivesGrafanaWhatItsProvisioningReads(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../compose.yaml")
	require.NoError(t, err)
	var compose struct {
		Services map[string]struct {
			User        string            `yaml:"user"`
			Environment map[string]string `yaml:"environment"`
			Entrypoint  []string          `yaml:"entrypoint"`
			Volumes     []string          `yaml:"volumes"`
		} `yaml:"services"`
	}
	require.NoError(t, yaml.Unmarshal(text, &compose))
	grafana := compose.Services["grafana"]
	assert.NotEmpty(t, grafana.User)
	source, err := os.ReadFile("provisioning/datasources/llm-usage.yaml")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`: \$(\w+)`).FindAllStringSubmatch(string(source), -1) {
		if !strings.Contains(strings.Join(grafana.Entrypoint, " "), m[1]+`="$$(cat /run/secrets/`) {
			assert.NotEmpty(t, grafana.Environment[m[1]], m[1])
		}
	}
	boards, err := os.ReadFile("provisioning/dashboards/llm-usage.yaml")
	require.NoError(t, err)
	path := regexp.MustCompile(`path: (\S+)`).FindStringSubmatch(string(boards))[1]
	assert.Contains(t, strings.Join(grafana.Volumes, " "), "./dashboards/grafana:"+path)
}
