package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExplainShowsTheRowTheLinesAndTheSum(t *testing.T) {
	out, err := run(t, "prices", "explain", "--builtin", "openai-2024", "--provider", "openai", "--model", "gpt-4o-mini-2024-07-18", "input_text=1306", "output_text=287")
	require.NoError(t, err)
	for _, want := range []string{"gpt-4o-mini", "1306", "287", "0.0003681"} {
		assert.Contains(t, out, want)
	}
}

func TestExplainOffersNearNames(t *testing.T) {
	for want, args := range map[string][]string{
		`no model "gpt-4o-mni"; did you mean gpt-4o-mini`: {"--provider", "openai", "--model", "gpt-4o-mni"},
		`no provider "opnai"; did you mean openai?`:       {"--provider", "opnai", "--model", "gpt-4o-mini"},
		"usagectl prices list --provider openai":          {"--provider", "openai", "--model", "nothing-like-it-at-all"},
	} {
		out, err := run(t, append([]string{"prices", "explain"}, args...)...)
		require.NoError(t, err)
		assert.Contains(t, out, want)
	}
}

func TestALineFitsTheTerminal(t *testing.T) {
	rows := table{width: 40, indent: "  "}
	rows.row("PROVIDER", "MODEL", "SOURCE", number("12345"))
	rows.row("openai", "a-model-with-a-long-name", "https://example.com/a/very/long/address", number("1"))
	var out strings.Builder
	require.NoError(t, rows.print(&out))
	assert.Equal(t, `  PROVIDER  MODEL         SOURCE        12345
  openai    a-model-wit…  https://exa…      1
`, out.String())
	out.Reset()
	rows.width = 0
	require.NoError(t, rows.print(&out))
	assert.Contains(t, out.String(), "https://example.com/a/very/long/address", "a file gets all of it")
}

func TestTheBookCanBeReadInParts(t *testing.T) {
	out, err := run(t, "prices", "list", "--provider", "openai", "--limit", "2")
	require.NoError(t, err)
	assert.Equal(t, 1+2+1, strings.Count(out, "\n"), "the head, two rows, and how many there are:\n%s", out)
	assert.Regexp(t, `\n2 of \d+ rows; choose with --provider, --model and --at, or --limit 0 for all\n$`, out)
}

func TestExplainTakesThePriceOfTheDay(t *testing.T) {
	before, err := run(t, "prices", "explain", "--provider", "openai", "--model", "gpt-4o", "--at", "2024-10-01", "input_text=1000000")
	require.NoError(t, err)
	after, err := run(t, "prices", "explain", "--provider", "openai", "--model", "gpt-4o", "--at", "2024-10-02T00:00:00Z", "input_text=1000000")
	require.NoError(t, err)
	assert.NotEqual(t, before, after)
}

func TestWrongArgumentsSayWhatIsAllowed(t *testing.T) {
	for want, args := range map[string][]string{
		"--model":      {"prices", "explain"},
		"kind=amount":  {"prices", "explain", "--model", "m", "1306"},
		"known are":    {"prices", "explain", "--model", "m", "words=3"},
		"2026-01-31":   {"prices", "explain", "--model", "m", "--at", "yesterday"},
		"not a number": {"prices", "explain", "--model", "m", "input_text=-3"},
		"openai-2024":  {"prices", "explain", "--model", "m", "--builtin", "openai-2042"},
		"no_such_file": {"prices", "validate", "no_such_file.yaml"},
		"found 0 arg":  {"prices", "validate"},
	} {
		_, err := run(t, args...)
		assert.ErrorContains(t, err, want)
	}
}

func TestValidateNamesTheFaultOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ours.yaml")
	require.NoError(t, os.WriteFile(file, []byte("provder: openai\n"), 0o600))
	_, err := run(t, "prices", "validate", file)
	assert.ErrorContains(t, err, "ours.yaml")
	assert.ErrorContains(t, err, "provder")
}

func TestListShowsRowsAndTheirTime(t *testing.T) {
	out, err := run(t, "prices", "list", "--provider", "openai", "--model", "gpt-4o-2024-08", "--at", "2024-09-01")
	require.NoError(t, err)
	assert.Contains(t, out, "gpt-4o-2024-08-06")
	assert.Contains(t, out, "from 2024-08-06 until 2024-10-01")
	assert.NotContains(t, out, "from 2024-10-01 ", "another row holds later")
	_, err = run(t, "prices", "list", "--provider", "nobody")
	assert.ErrorContains(t, err, "must be one of")
}

// TestForeignPricesAreImportedComparedAndUsed goes the way of somebody who has
// price data of another project: look at it, compare, price a call by it.
func TestForeignPricesAreImportedComparedAndUsed(t *testing.T) {
	data := filepath.Join(t.TempDir(), "prices.json")
	require.NoError(t, os.WriteFile(data, []byte(`{
	  "gpt-4o-mini": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1.4e-07, "output_cost_per_token": 6e-07, "magic_cost": 1},
	  "my-model": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}}`), 0o600))

	out, err := run(t, "prices", "import", "--quiet", "--provider", "openai", data)
	require.NoError(t, err)
	ours := filepath.Join(t.TempDir(), "ours.yaml")
	require.NoError(t, os.WriteFile(ours, []byte(out), 0o600))
	_, err = run(t, "prices", "validate", ours)
	require.NoError(t, err)

	for _, file := range []string{data, ours} {
		out, err = run(t, "prices", "diff", "--builtin", "openai-2024", file)
		require.NoError(t, err)
		assert.Regexp(t, `gpt-4o-mini +input +0.00015 +-> +0.14 +per_1m_tokens|gpt-4o-mini +input +0.15 +-> +0.14 +per_1m_tokens`, out)
		assert.Regexp(t, `my-model +input +none +-> +1 +per_1m_tokens`, out)
		assert.NotRegexp(t, `gpt-4o-mini +output +`, out, "the same price in another unit is no change")
	}

	out, err = run(t, "prices", "explain", "--builtin", "openai-2024", "--file", data, "--json", "--provider", "openai", "--model", "my-model", "input_text=1000")
	require.NoError(t, err)
	assert.Contains(t, out, `"price_id": "prices.json:openai/my-model"`)
	assert.Contains(t, out, `"cost": 0.001`)

	out, err = run(t, "prices", "import", data)
	require.NoError(t, err)
	assert.Contains(t, out, "gpt-4o-mini.magic_cost: this key has no meaning here")
}

func TestSchemaIsPrinted(t *testing.T) {
	out, err := run(t, "prices", "schema")
	require.NoError(t, err)
	assert.Contains(t, out, `"$schema"`)
}
