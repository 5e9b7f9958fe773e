package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestDocsGiveCommandsThatExist takes every command of the pages about prices and
// bills apart: a name or flag that does not exist is no example.
func TestDocsGiveCommandsThatExist(t *testing.T) {
	t.Parallel()
	found := 0
	for _, page := range []string{"bill.md", "billing.md", "price-files.md", "repricing.md", "what-if.md", "advice.md", "attribution.md", "payer.md", "budgets.md"} {
		content, err := os.ReadFile(filepath.Join("../../../../docs", page))
		require.NoError(t, err)
		fenced := false
		for line := range strings.Lines(strings.ReplaceAll(string(content), "\\\n", "")) {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			_, command, ok := strings.Cut(line, "usagectl ")
			if !ok || !fenced && !strings.HasPrefix(line, "    ") {
				continue
			}
			command, _, _ = strings.Cut(command, " #")
			command, _, _ = strings.Cut(command, " >")
			args := strings.Fields(strings.ReplaceAll(command, `"`, ""))
			cmd, rest, err := New().Find(args)
			if assert.NoError(t, err, "%s: %s", page, line) {
				assert.NoError(t, cmd.ParseFlags(rest), "%s: %s", page, line)
				assert.False(t, cmd.HasSubCommands(), "%s: %s", page, line)
				found++
			}
		}
	}
	assert.Greater(t, found, 12)
}

// TestTheJobsOnKubernetesGiveCommandsThatExist does so for the manifests.
func TestTheJobsOnKubernetesGiveCommandsThatExist(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../../examples/kubernetes/*.yaml")
	require.NoError(t, err)
	found := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(content)) {
			_, list, ok := strings.Cut(line, " args: ")
			if !ok {
				continue
			}
			var args []string
			require.NoError(t, yaml.Unmarshal([]byte(list), &args), line)
			cmd, rest, err := New().Find(args)
			if assert.NoError(t, err, line) {
				assert.NoError(t, cmd.ParseFlags(rest), line)
				assert.False(t, cmd.HasSubCommands(), line)
				found++
			}
		}
	}
	assert.Equal(t, 12, found)
}
