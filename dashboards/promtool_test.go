package dashboards_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPrometheusRulesSayWhatTheirTestsSay runs Prometheus's own checks.
func TestPrometheusRulesSayWhatTheirTestsSay(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not in PATH; it comes with Prometheus (Debian: apt-get install prometheus)")
	}
	for _, args := range [][]string{{"check", "config", "prometheus/prometheus.example.yaml"}, {"check", "rules", "prometheus/rules.yaml"}, {"test", "rules", "prometheus/rules_test.yaml"}} {
		out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}
