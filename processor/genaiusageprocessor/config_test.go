package genaiusageprocessor

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
)

func TestEveryKeyIsRead(t *testing.T) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, conf.Unmarshal(cfg))
	assert.Equal(t, &Config{
		TrackUsers:          false,
		Debug:               true,
		AgentLogs:           true,
		UserAttributes:      []string{"app.user"},
		ExtraUserAttributes: []string{"our.user"},
		Tags:                map[string][]string{"team": {"team", "app.team"}, "tenant": {"tenant.id"}},
		Prices:              PricesConfig{Builtin: "openai-2024", Update: "testdata/update.yaml", Files: []string{"testdata/ours.yaml"}},
		ReportedCost:        pricing.PreferReported,
		Attributes:          []string{"usage.id", "usage.model"},

		MaxReportedDollars: 50,
	}, cfg)
}

func TestDefaultsAreValid(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, cfg.Validate())
	assert.True(t, cfg.TrackUsers)
	assert.False(t, cfg.Debug)
	assert.Equal(t, pricing.PreferComputed, cfg.ReportedCost)
	assert.EqualValues(t, 1000, cfg.MaxReportedDollars)
}

func TestAnEmptySwitchMeansTheDefault(t *testing.T) {
	for _, empty := range []any{"", nil} {
		cfg := createDefaultConfig().(*Config)
		require.NoError(t, confmap.NewFromStringMap(map[string]any{"track_users": empty, "debug": empty}).Unmarshal(cfg))
		assert.True(t, cfg.TrackUsers)
		assert.False(t, cfg.Debug)
	}
	cfg := createDefaultConfig().(*Config)
	for key, found := range map[string]any{"track_users": "maybe", "debug": 1} {
		assert.ErrorContains(t, confmap.NewFromStringMap(map[string]any{key: found}).Unmarshal(cfg), fmt.Sprintf("`%s` must be true or false, found %v", key, found))
	}
}

// TestTheREADMEListsTheDefaultUserAttributes: a list of one's own replaces them, so
// whoever writes one has to know them.
func TestTheREADMEListsTheDefaultUserAttributes(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, list, found := strings.Cut(string(text), "<!-- default user attributes, compared by a test -->")
	require.True(t, found)
	list, _, _ = strings.Cut(list, "<!-- end -->")
	var documented []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(list, -1) {
		documented = append(documented, m[1])
	}
	assert.Equal(t, createDefaultConfig().(*Config).UserAttributes, documented)
}

func TestAUserAttributeOfOnesOwnComesFirstAndTakesNoneAway(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"extra_user_attributes": []string{"my.user"}}).Unmarshal(cfg))
	require.NoError(t, cfg.Validate())
	names := userAttributes(cfg)
	assert.Equal(t, "my.user", names[0])
	assert.Contains(t, names, "user.id")
	cfg.ExtraUserAttributes = []string{"usage.user_id"}
	assert.ErrorContains(t, cfg.Validate(), "`extra_user_attributes[0]`")
}

func TestValidateNamesEveryFault(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.UserAttributes = []string{"usage.user_id"}
	cfg.ReportedCost = "trust"
	cfg.MaxReportedDollars = 0
	cfg.Attributes = []string{"usage.colour"}
	cfg.Prices.Files = []string{""}
	cfg.Tags = map[string][]string{"Team:1": {"team"}, "none": {}, "own": {"usage.team", ""}}
	for i := range maxTags {
		cfg.Tags[fmt.Sprint("more", i)] = []string{"x"}
	}
	err := cfg.Validate()
	for _, want := range []string{"`tags` must be at most 8, found 11", "`tags::Team:1`: the name must be at most 40 lower-case letters, digits, _, - and ., a letter first, found \"Team:1\"",
		"`tags::none` must name 1 to 8 attributes, found 0", "`tags::own[0]`: \"usage.team\" is in the name space", "`tags::own`: the name of an attribute is empty", "`user_attributes[0]`", "`reported_cost` must be one of prefer_computed, prefer_reported, computed_only, found \"trust\"", "`max_reported_dollars` must be 1 to 999999 whole dollars, found 0", "`attributes`", "`prices::files[0]` is empty"} {
		assert.ErrorContains(t, err, want)
	}
}

func TestValidateReadsThePriceBooks(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Prices.Builtin = "openai-2042"
	assert.ErrorContains(t, cfg.Validate(), "`prices`")
	cfg = createDefaultConfig().(*Config)
	cfg.Prices.Files = []string{"testdata/absent.yaml"}
	assert.ErrorContains(t, cfg.Validate(), "absent.yaml")
}
