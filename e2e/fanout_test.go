package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestACollectorThatIsThereAlreadySendsACopy is docs/own-collector.md: theirs knows
// nothing of ours and sends traces on by OTLP.
func TestACollectorThatIsThereAlreadySendsACopy(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ours := start(t, configuration{}.String(), "DATABASE_URL="+db.DSN)
	theirs := start(t, `
receivers:
  otlp: {protocols: {grpc: {endpoint: <GRPC>}, http: {endpoint: <HTTP>}}}
exporters:
  otlp_http/usage: {endpoint: "http://`+ours.http+`"}
  debug: {}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
    traces/usage: {receivers: [otlp], exporters: [otlp_http/usage]}
`)
	payload, billable := retoldCaptures(t, 1, time.Now().Add(-time.Hour))
	require.NoError(t, theirs.sendHTTP(payload))
	waitForRows(t, db.Pool, billable)
}
