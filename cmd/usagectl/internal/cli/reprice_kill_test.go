package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestAKilledRunIsCompletedByTheNext kills the real program in the middle.
func TestAKilledRunIsCompletedByTheNext(t *testing.T) {
	t.Parallel()
	usagectl := filepath.Join(t.TempDir(), "usagectl")
	out, err := exec.Command("go", "build", "-o", usagectl, "../../").CombinedOutput()
	require.NoError(t, err, "%s", out)
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens)
		SELECT '2026-01-02T10:00Z'::timestamptz + n * interval '1 second', 9, 'text', 'gpt-4o', 'openai', 1100, 1000, 100 FROM generate_series(1, 20000) AS n`)
	start := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), usagectl, "reprice", "--builtin", "openai-2024", "--from", "2026-01-01", "--to", "2026-01-31", "--batch", "200")
		cmd.Env = append(os.Environ(), "DATABASE_URL="+db.DSN)
		return cmd
	}
	killed := start()
	require.NoError(t, killed.Start())
	require.Eventually(t, func() bool {
		return db.Text(`SELECT coalesce(sum(changed_calls), 0) >= 1000 FROM public.usage_reprice_run`) == "true"
	}, time.Minute, 5*time.Millisecond)
	require.NoError(t, killed.Process.Kill())
	_ = killed.Wait()
	const agree = `SELECT (SELECT sum(usage_dollars) FROM public.api_usage) = (SELECT sum(usage_dollars) FROM public.usage_day),
		(SELECT count(*) FROM public.usage_reprice_change) = (SELECT count(*) FROM public.api_usage WHERE usage_dollars < 9)`
	require.Equal(t, "true", db.Text(`SELECT finished_at IS NULL AND changed_calls < 20000 FROM public.usage_reprice_run`), "it was killed in the middle")
	assert.Equal(t, "true|true", db.Text(agree))
	began := time.Now()
	out, err = start().CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s for the rest", time.Since(began))
	assert.Contains(t, string(out), "changed 20000 calls from 180000 to 130 USD")
	assert.Equal(t, "true|true", db.Text(agree))
	assert.Equal(t, "20000|1", db.Text(`SELECT count(*), count(DISTINCT run_id) FROM public.usage_reprice_change`))
}
