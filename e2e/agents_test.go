package e2e

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// TestCodingAgentsAreCountedOnceAcrossSpansAndLogs sends what Claude Code
// exported, spans and log events, and finds each of its calls once, at the cost
// that Claude Code itself reported.
func TestCodingAgentsAreCountedOnceAcrossSpansAndLogs(t *testing.T) {
	t.Parallel()
	const capture = "../internal/genai/testdata/corpus/claude-code-2.1.330/print_prompt"
	pool, dsn := newDatabase(t)
	c := start(t, configuration{processor: "    agent_logs: true", logs: true}.String(), dsn)

	spans, err := os.ReadFile(capture + ".json")
	require.NoError(t, err)
	traces := ptraceotlp.NewExportRequest()
	require.NoError(t, traces.UnmarshalJSON(spans))
	events, err := os.ReadFile(capture + ".logs.json")
	require.NoError(t, err)
	logs := plogotlp.NewExportRequest()
	require.NoError(t, logs.UnmarshalJSON(events))
	body, err := logs.MarshalProto()
	require.NoError(t, err)
	for range 2 { // delivered twice
		require.NoError(t, c.sendGRPC(clone(traces.Traces())))
		require.NoError(t, c.post("/v1/logs", body))
	}
	waitForRows(t, pool, 2)
	c.stop()

	rows, err := pool.Query(t.Context(), `
		SELECT pricing_status || coalesce(' ' || pricing_reason, ''), usage_dollars = reported_dollars, cache_write_1h_tokens
		FROM public.api_usage ORDER BY timestamp`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var (
			status  string
			agrees  bool
			write1h int64
		)
		require.NoError(t, rows.Scan(&status, &agrees, &write1h))
		assert.Equal(t, "priced", status)
		assert.True(t, agrees, "our cost is the one that Claude Code reports")
		assert.Equal(t, int64(100), write1h)
	}
	require.NoError(t, rows.Err())
	assert.Equal(t, int64(2), readTotals(t, pool).Rows)
}
