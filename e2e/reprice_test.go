package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TestACallWithoutAPriceIsFoundAndPricedLater goes the way of an operator:
// calls of a new model are stored without a cost, `prices missing` names the
// model and drafts its price file, and after `reprice` table, rollup and API
// say the same.
func TestACallWithoutAPriceIsFoundAndPricedLater(t *testing.T) {
	t.Parallel()
	usagectl := filepath.Join(t.TempDir(), "usagectl")
	out, err := exec.Command("go", "build", "-o", usagectl, "../cmd/usagectl").CombinedOutput()
	require.NoError(t, err, "%s", out)
	pool, dsn := newDatabase(t)
	ctl := func(args ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, usagectl, args...)
		cmd.Env = append(os.Environ(), dsn)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	c := start(t, configuration{processor: "    prices: {builtin: openai-2024}"}.String(), dsn)
	payload := ptrace.NewTraces()
	spans := payload.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for n := range 4 {
		span := chatSpan(spans.AppendEmpty(), 120, byte(n))
		if n > 0 { // one of the four is known: 0.00015 + 0.0003
			span.Attributes().PutStr("gen_ai.request.model", "acme-large")
			span.Attributes().PutStr("gen_ai.response.model", "acme-large-2026")
		}
	}
	require.NoError(t, c.sendHTTP(payload))
	waitForRows(t, pool, 4)
	var unpriced int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM public.api_usage WHERE pricing_status = 'unpriced' AND pricing_reason = 'unknown_model' AND usage_dollars = 0`).Scan(&unpriced))
	require.Equal(t, 3, unpriced)

	var answer struct {
		Missing []struct {
			Provider, Model, Reason string
			Calls, Tokens           int64
			MissingUnits            []string
		}
		Draft string
	}
	require.NoError(t, json.Unmarshal([]byte(ctl("prices", "missing", "--builtin", "openai-2024", "--json")), &answer))
	require.Len(t, answer.Missing, 1)
	m := answer.Missing[0]
	assert.Equal(t, []any{"openai", "acme-large-2026", "unknown_model", int64(3), int64(4500)}, []any{m.Provider, m.Model, m.Reason, m.Calls, m.Tokens})
	assert.Equal(t, []string{"input_text", "output_text"}, m.MissingUnits)

	file := filepath.Join(t.TempDir(), "ours.yaml")
	require.NoError(t, os.WriteFile(file, []byte(answer.Draft), 0o600))
	refused, err := exec.CommandContext(t.Context(), usagectl, "prices", "validate", file).CombinedOutput()
	require.Error(t, err, "a draft without prices is no price file")
	assert.Contains(t, string(refused), "ours.yaml:4")
	text := strings.NewReplacer("input: FILL_IN", "input: 2", "output: FILL_IN", "output: 6", "source: FILL_IN", "source: contract").Replace(answer.Draft)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))

	yesterday, today := time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly), time.Now().UTC().Format(time.DateOnly)
	reprice := []string{"reprice", "--from", yesterday, "--to", today, "--only-unpriced", "--builtin", "openai-2024", "--file", file}
	assert.Contains(t, ctl(append(reprice, "--dry-run")...), "+0.015")
	require.Contains(t, ctl(reprice...), "changed 3 calls from 0 to 0.015 USD")
	assert.Contains(t, ctl(reprice...), "nothing to change")

	requireRollupsEqualRows(t, pool)
	ctl("verify")
	assert.Equal(t, totals{4, "0.015450000000", 6000}, readTotals(t, pool))
	_, api := c.get("/api/admin/usage?startDate="+yesterday+"&endDate="+today, "")
	assert.Equal(t, "0.01545", dollars(t, api))
	require.NoError(t, json.Unmarshal([]byte(ctl("prices", "missing", "--builtin", "openai-2024", "--json")), &answer))
	assert.Empty(t, answer.Missing)
}
