package metering_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
)

// TestEveryExampleIsAConfiguration loads the example file, and each of the page.
func TestEveryExampleIsAConfiguration(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/billing.md")
	require.NoError(t, err)
	example, err := os.ReadFile("../../examples/metering.yaml")
	require.NoError(t, err)
	texts := []string{strings.ReplaceAll(string(example), "/etc/otelcol-usage/", "")}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		texts = append(texts, block[1])
	}
	require.Len(t, texts, 4)
	for _, text := range texts {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "customers.csv"), []byte("subject,customer\nacme,cus_1\n"), 0o600))
		path := filepath.Join(folder, "metering.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := metering.Load(path)
		assert.NoError(t, err, text)
	}
}

// TestThePageHasEveryKey compares the tables of keys with what the file may hold, which
// the decoder's own faults name.
func TestThePageHasEveryKey(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/billing.md")
	require.NoError(t, err)
	source, err := os.ReadFile("config.go")
	require.NoError(t, err)
	found := 0
	for _, tag := range regexp.MustCompile("yaml:\"([a-z_]+)\"").FindAllStringSubmatch(string(source), -1) {
		key := tag[1]
		if key == "engines" || key == "meters" || key == "customer" { // tables and a group of keys
			continue
		}
		assert.Regexp(t, "(?m)^\\| `(customer\\.|rules\\[\\]\\.)?"+key+"`", string(page))
		found++
	}
	assert.Greater(t, found, 18)
	for _, measure := range metering.Measures {
		assert.Contains(t, string(page), "`"+string(measure)+"`")
	}
}
