package pricing_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
)

var fencedBlock = regexp.MustCompile("(?ms)^```(yaml|calls)\n(.*?)^```$")

// TestExamplesOfTheDocsAreTrue loads each price file that docs/price-files.md
// shows, over the built-in book, and prices the calls below it.
func TestExamplesOfTheDocsAreTrue(t *testing.T) {
	t.Parallel()
	const page = "../../docs/price-files.md"
	content, err := os.ReadFile(page)
	require.NoError(t, err)
	var book *pricing.Book
	files, calls := 0, 0
	for _, block := range fencedBlock.FindAllStringSubmatch(string(content), -1) {
		if block[1] == "yaml" {
			file := filepath.Join(t.TempDir(), "ours.yaml")
			require.NoError(t, os.WriteFile(file, []byte(block[2]), 0o600))
			book, err = pricing.Load(pricing.Config{Files: []string{file}})
			require.NoError(t, err, block[2])
			files++
			continue
		}
		require.NotNil(t, book, "calls stand below the prices they are for")
		for line := range strings.Lines(block[2]) {
			c, want, err := parseCase(strings.TrimSpace(line))
			require.NoError(t, err, line)
			if !assert.Equal(t, want, caseResult(book.Price(&c), want), "%s: %s", page, line) {
				t.Log(book.Explain(&c).String())
			}
			calls++
		}
	}
	assert.Greater(t, files, 5)
	assert.Greater(t, calls, 20)
}
