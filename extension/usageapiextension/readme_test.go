package usageapiextension

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestExamplesInTheReadmeWork loads every configuration and asks every question
// that README.md shows.
func TestExamplesInTheReadmeWork(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)

	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		if strings.Contains(block[1], "- gomod: ") {
			continue // of the builder's manifest, which a test in e2e builds with
		}
		var values map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(strings.ReplaceAll(block[1], "${env:DATABASE_URL}", "postgres://127.0.0.1/usage")), &values))
		part, err := confmap.NewFromStringMap(values).Sub("extensions::usage_api")
		require.NoError(t, err)
		config := createDefaultConfig()
		require.NoError(t, part.Unmarshal(config), block[1])
		assert.NoError(t, confmap.Validate(config), block[1])
	}

	questions := regexp.MustCompile(`curl -s '?http://127\.0\.0\.1:8080([^' ]+)`).FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, questions)
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES ('EUR', '2025-12-01', 0.85, 'example')`)
	api := newTestAPI(t, db.DSN, endOfJanuary)
	for _, q := range questions {
		w := api.get(t, "admin", q[1])
		assert.Equal(t, 200, w.Code, "%s: %s", q[1], w.Body)
	}

	for _, r := range routes {
		assert.Contains(t, string(text), "GET "+r.path+"`", "README.md does not name the path")
		for _, p := range r.params {
			assert.Regexp(t, `\W`+p+"[=`:]", string(text), "README.md does not name the parameter")
		}
	}
}
