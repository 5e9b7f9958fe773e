package e2e

import (
	"context"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestABuildIsNamedEverywhere: the program, its own metrics, the API and the database
// name the same build.
func TestABuildIsNamedEverywhere(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	c := start(t, configuration{metrics: true}.String(), dsn)

	out, err := exec.CommandContext(t.Context(), binary, "--version").CombinedOutput()
	require.NoError(t, err)
	named := regexp.MustCompile(`^otelcol-usage version (\d+\.\d+\.\d+[^\s+]*)(?:\+(\S+))?\n$`).FindStringSubmatch(string(out))
	require.NotNil(t, named, "%s", out)
	version, commit := named[1], named[2]

	metrics, err := scrape(t, c.metrics)
	require.NoError(t, err)
	reported := ""
	metrics.series("target_info", func(labels map[string]string, _ float64) { reported = labels["service_version"] })
	assert.Equal(t, regexp.MustCompile(`\S+\n$`).FindString(string(out)), reported+"\n", "service_version of target_info")

	status, answer := c.get("/api/version", "")
	assert.Equal(t, 200, status)
	if commit == "" {
		assert.Nil(t, answer["commit"])
	} else {
		assert.Equal(t, commit, answer["commit"])
	}
	assert.Contains(t, []any{version, "dev"}, answer["version"], "the components know of a release only")

	eventually(t, "the schema", func() error {
		var builds, last string
		if err := pool.QueryRow(context.Background(), `SELECT count(DISTINCT build)::text, max(build) FROM public.usage_migration`).Scan(&builds, &last); err != nil {
			return err
		}
		assert.Equal(t, "1", builds)
		assert.Contains(t, last, answer["version"])
		assert.Contains(t, last, commit)
		return nil
	})
}
