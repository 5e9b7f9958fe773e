package pricescmd_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/pricescmd"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := pricescmd.New()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestExplainShowsTheRowTheLinesAndTheSum(t *testing.T) {
	out, err := run(t, "explain", "--builtin", "openai-2024", "--provider", "openai", "--model", "gpt-4o-mini-2024-07-18", "input_text=1306", "output_text=287")
	require.NoError(t, err)
	for _, want := range []string{"gpt-4o-mini", "1306", "287", "0.0003681"} {
		assert.Contains(t, out, want)
	}
}

func TestExplainTakesThePriceOfTheDay(t *testing.T) {
	before, err := run(t, "explain", "--provider", "openai", "--model", "gpt-4o", "--at", "2024-10-01", "input_text=1000000")
	require.NoError(t, err)
	after, err := run(t, "explain", "--provider", "openai", "--model", "gpt-4o", "--at", "2024-10-02T00:00:00Z", "input_text=1000000")
	require.NoError(t, err)
	assert.NotEqual(t, before, after)
}

func TestWrongArgumentsSayWhatIsAllowed(t *testing.T) {
	for want, args := range map[string][]string{
		"--model":       {"explain"},
		"kind=amount":   {"explain", "--model", "m", "1306"},
		"known are":     {"explain", "--model", "m", "words=3"},
		"2026-01-31":    {"explain", "--model", "m", "--at", "yesterday"},
		"not a number":  {"explain", "--model", "m", "input_text=-3"},
		"openai-2024":   {"explain", "--model", "m", "--builtin", "openai-2042"},
		"no_such_file":  {"validate", "no_such_file.yaml"},
		"requires at l": {"validate"},
	} {
		_, err := run(t, args...)
		assert.ErrorContains(t, err, want)
	}
}

func TestValidateNamesTheFaultOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ours.yaml")
	require.NoError(t, os.WriteFile(file, []byte("provder: openai\n"), 0o600))
	_, err := run(t, "validate", file)
	assert.ErrorContains(t, err, "ours.yaml")
	assert.ErrorContains(t, err, "provder")
}
