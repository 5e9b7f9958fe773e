package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestACollectorThatIsThereAlreadySendsACopy runs the blocks of docs/own-collector.md:
// theirs knows nothing of ours and sends traces and logs on by OTLP. What it sends
// wrongly, metrics, is refused and holds nothing up.
func TestACollectorThatIsThereAlreadySendsACopy(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/own-collector.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 2, "docs/own-collector.md: theirs, then ours")

	db := pgtest.New(t)
	ours := prepare(t, configuration{}.String(), "DATABASE_URL="+db.DSN)
	ours.args = configFile(t, blocks[1][1])
	ours.start()
	theirs := prepare(t, `
receivers:
  otlp: {protocols: {grpc: {endpoint: <GRPC>}, http: {endpoint: <HTTP>}}}
exporters:
  debug: {}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
    metrics/usage: {receivers: [otlp], exporters: [otlp_http/usage]}
`)
	theirs.args = configFile(t, strings.ReplaceAll(blocks[0][1], "usage-collector:4318", ours.http))
	theirs.start()

	metrics := pmetric.NewMetrics()
	gauge := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	gauge.SetName("queue.length")
	gauge.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	body, err := pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto()
	require.NoError(t, err)
	require.NoError(t, theirs.post("/v1/metrics", body), "theirs takes them: only the copy is refused")
	eventually(t, "their log says what became of the metrics", func() error {
		if log := theirs.log.String(); !strings.Contains(log, "Dropping data") || !strings.Contains(log, "404") {
			return errors.New(log)
		}
		return nil
	})

	const corpus = "../internal/genai/testdata/corpus/"
	for _, capture := range []string{"otel-python-openai-v2-2.5b0/chat", "claude-code-2.1.330/print_prompt"} {
		spans, err := os.ReadFile(corpus + capture + ".json")
		require.NoError(t, err)
		traces := ptraceotlp.NewExportRequest()
		require.NoError(t, traces.UnmarshalJSON(spans))
		require.NoError(t, theirs.sendHTTP(traces.Traces()))
	}
	events, err := os.ReadFile(corpus + "claude-code-2.1.330/print_prompt.logs.json")
	require.NoError(t, err)
	logs := plogotlp.NewExportRequest()
	require.NoError(t, logs.UnmarshalJSON(events))
	body, err = logs.MarshalProto()
	require.NoError(t, err)
	require.NoError(t, theirs.post("/v1/logs", body))
	waitForRows(t, db.Pool, 3) // of the app, and two of the agent by its logs
	theirs.stop()
	ours.stop()
	assert.Equal(t, int64(3), readTotals(t, db.Pool).Rows)
}

// configFile is a further configuration of a collector.
func configFile(t *testing.T, content string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "more.yaml")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return []string{"--config", file}
}
