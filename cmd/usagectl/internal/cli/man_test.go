package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEachCommandHasAManualPage reads the pages with man's own formatter where it is
// installed.
func TestEachCommandHasAManualPage(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "man1")
	_, err := run(t, "man", directory)
	require.NoError(t, err)
	groff, _ := exec.LookPath("groff")
	pages := 0
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		file := filepath.Join(directory, manName(cmd)+".1")
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		pages++
		assert.Contains(t, string(page), roff(cmd.Short))
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { assert.Contains(t, string(page), roff("--"+f.Name), file) })
		if groff != "" {
			var warnings bytes.Buffer
			check := exec.Command(groff, "-man", "-ww", "-z", file)
			check.Stderr = &warnings
			require.NoError(t, check.Run(), "%s", &warnings)
			assert.Empty(t, warnings.String(), file)
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				look(sub)
			}
		}
	}
	look(New())
	assert.Greater(t, pages, 30)
}

// TestCompletionKnowsCommandsFlagsAndProviders asks as a shell does when the user presses
// Tab, and lets bash read what it would source.
func TestCompletionKnowsCommandsFlagsAndProviders(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"migrate\t":    {"__complete", "mi"},
		"--currency\t": {"__complete", "usage", "--cu"},
		"anthropic\n":  {"__complete", "prices", "list", "--provider", ""},
		"statement\n":  {"__complete", "migrate", "rollup", ""},
	} {
		out, err := run(t, args...)
		require.NoError(t, err)
		assert.Contains(t, out, want)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, err := run(t, "completion", shell)
		require.NoError(t, err)
		assert.Contains(t, script, "usagectl", shell)
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		check := exec.Command(path, "-n")
		check.Stdin = bytes.NewReader([]byte(script))
		out, err := check.CombinedOutput()
		assert.NoError(t, err, "%s: %s", shell, out)
	}
}
