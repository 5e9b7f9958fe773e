package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

const (
	litellmData   = `{"acme-new": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.2e-05}}`
	modelsDevData = `{"openai": {"models": {"acme-new": {"cost": {"input": 3, "output": 12}}, "gpt-4-turbo": {"cost": {"input": 30, "output": 90}}}}}`
)

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestAnUpdateShowsItsDollarsAndThenReachesTheBook(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens, pricing_status, pricing_reason) VALUES
		(now() - interval '1 hour', 0, 'text', 'acme-new', 'openai', 1100, 1000, 100, 'unpriced', 'unknown_model')`)
	file := filepath.Join(t.TempDir(), "update.yaml")
	args := []string{"prices", "update", "--update", file, "--from", writeFile(t, "litellm.json", litellmData), "--from", writeFile(t, "models.json", modelsDevData)}

	out, err := on(t, db.DSN, append(args, "--dry-run")...)
	require.NoError(t, err)
	assert.Regexp(t, `openai +acme-new +input +none +3\.000000 +high`, out)
	assert.Regexp(t, `held back: openai gpt-4-turbo: one source alone has input 30, output 90, the book has high`, out)
	assert.Regexp(t, `openai +acme-new +1 +1 +0 +0\.0042 +\+0\.0042 +1 -> 0`, out, "in dollars on the stored calls")
	assert.Contains(t, out, "dry run: nothing was written")
	assert.NoFileExists(t, file)

	out, err = on(t, db.DSN, args...)
	require.NoError(t, err)
	assert.Contains(t, out, "sha256")
	assert.Contains(t, out, "wrote "+file)
	out, err = run(t, "prices", "explain", "--update", file, "--provider", "openai", "--model", "acme-new", "input_text=1000000")
	require.NoError(t, err)
	assert.Contains(t, out, "update: acme-new at openai")
	assert.Contains(t, out, "cost 3 USD, priced")

	out, err = on(t, db.DSN, args...)
	require.NoError(t, err)
	assert.Contains(t, out, "nothing to change")
	out, err = run(t, "prices", "update", "--update", file, "--rollback")
	require.NoError(t, err)
	assert.Contains(t, out, "holds the earlier version again")
	assert.NoFileExists(t, file)
}

func TestAnUpdateThatLooksUnusualIsNotWritten(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "update.yaml")
	costly := `{"gpt-4-turbo": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 3e-05, "output_cost_per_token": 9e-05}}`
	args := []string{"prices", "update", "--dsn=", "--update", file, "--from", writeFile(t, "litellm.json", costly), "--from", writeFile(t, "models.json", modelsDevData)}
	out, err := run(t, args...)
	require.ErrorContains(t, err, "nothing is written: 2 prices change by more than a factor of two")
	require.ErrorContains(t, err, "--yes")
	assert.Regexp(t, `gpt-4-turbo +input +10\.000000 +30\.000000 +high +more than a factor of two`, out)
	assert.NoFileExists(t, file)

	out, err = run(t, append(args, "--yes", "--json")...)
	require.NoError(t, err)
	var a struct {
		Written bool
		Changes []struct{ Model, New string }
	}
	require.NoError(t, json.Unmarshal([]byte(out[len(out)-len(jsonOf(out)):]), &a))
	assert.True(t, a.Written)
	assert.FileExists(t, file)
}

// jsonOf cuts off the lines about sources, which go to standard error.
func jsonOf(out string) string {
	for i := range out {
		if out[i] == '{' && (i == 0 || out[i-1] == '\n') {
			return out[i:]
		}
	}
	return ""
}

func TestAFaultySourceLeavesTheLastUpdate(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "update.yaml", "provider: openai\nrows:\n  - {model: acme, per_1m_tokens: {input: 1}, source: x}\n")
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	for content, want := range map[string]string{`{"a": `: "not JSON", `{}`: "none of the known formats"} {
		_, err := run(t, "prices", "update", "--dsn=", "--update", file, "--from", writeFile(t, "x.json", content))
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "stays as it is")
	}
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, before, after)
	_, err = run(t, "prices", "update", "--update", file)
	assert.ErrorContains(t, err, "no source: give --from")
}
