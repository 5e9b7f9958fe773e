package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDocsGiveCommandsThatExist takes every command of the pages about prices and
// bills apart: a name or flag that does not exist is no example.
func TestDocsGiveCommandsThatExist(t *testing.T) {
	t.Parallel()
	found := 0
	for _, page := range []string{"bill.md", "price-files.md", "repricing.md"} {
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
