package genaiusageprocessor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor/internal/metadata"
)

// priceFile says what a token of the model "m" costs.
func priceFile(dollars int) string {
	return fmt.Sprintf("provider: openai\nrows: [{model: m, per_token: {input: %d}}]\n", dollars)
}

// oneTokenCall is a chat span with one token of input.
func oneTokenCall() ptrace.Traces {
	td := ptrace.NewTraces()
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName("chat m")
	span.SetTraceID([16]byte{1})
	span.SetSpanID([8]byte{2})
	a := span.Attributes()
	a.PutStr("gen_ai.operation.name", "chat")
	a.PutStr("gen_ai.provider.name", "openai")
	a.PutStr("gen_ai.request.model", "m")
	a.PutInt("gen_ai.usage.input_tokens", 1)
	return td
}

// TestPricesChangeWhileSpansFlow changes the price file of a running processor
// in every way files are changed, and sends spans all the time: each comes out,
// priced by the book of before or after.
func TestPricesChangeWhileSpansFlow(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	// The file is a link into a folder that is a link, as in a Kubernetes volume.
	require.NoError(t, os.Mkdir(filepath.Join(folder, "v1"), 0o700))
	write("v1/ours.yaml", priceFile(1))
	require.NoError(t, os.Symlink("v1", filepath.Join(folder, "..data")))
	file := filepath.Join(folder, "ours.yaml")
	require.NoError(t, os.Symlink(filepath.Join("..data", "ours.yaml"), file))

	tt := componenttest.NewTelemetry()
	sink := new(consumertest.TracesSink)
	cfg := createDefaultConfig().(*Config)
	cfg.Prices = PricesConfig{Builtin: pricing.NoBuiltin, Files: []string{file}}
	require.NoError(t, cfg.Validate())
	p, err := NewFactory().CreateTraces(t.Context(), processor.Settings{
		ID: component.NewID(metadata.Type), TelemetrySettings: tt.NewTelemetrySettings(),
	}, cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))

	sent := 0
	cost := func() string {
		sink.Reset()
		require.NoError(t, p.ConsumeTraces(t.Context(), oneTokenCall()))
		sent++
		require.Len(t, sink.AllTraces(), 1, "a span is lost")
		r, ok := recordOf(t, sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0))
		require.True(t, ok, "a span has no record")
		require.NotEqual(t, usage.StatusUnpriced, r.Status)
		return r.Cost.String()
	}
	becomes := func(want string) {
		t.Helper()
		before := cost()
		require.Eventually(t, func() bool {
			now := cost()
			require.Contains(t, []string{before, want}, now)
			return now == want
		}, time.Minute, time.Millisecond)
	}
	fails := func(times int64) {
		t.Helper()
		require.Eventually(t, func() bool { cost(); return reloads(t, tt, "failed") == times }, time.Minute, time.Millisecond)
		require.Equal(t, "2", cost(), "the last good book stays")
	}

	assert.Equal(t, "1", cost())
	first := bookVersion(t, tt)

	require.NoError(t, os.Mkdir(filepath.Join(folder, "v2"), 0o700))
	write("v2/ours.yaml", priceFile(2))
	require.NoError(t, os.Symlink("v2", filepath.Join(folder, "..new")))
	require.NoError(t, os.Rename(filepath.Join(folder, "..new"), filepath.Join(folder, "..data")))
	becomes("2")
	assert.NotEqual(t, first, bookVersion(t, tt), "the metric names the new book")

	write("bad", "provider: openai\nrows: [{model: m, input: 9}]\n")
	require.NoError(t, os.Rename(filepath.Join(folder, "bad"), file))
	fails(1)
	require.NoError(t, os.Remove(file))
	fails(2)
	write("ours.yaml", priceFile(3))
	becomes("3")
	write("ours.yaml~", priceFile(4))
	require.NoError(t, os.Rename(filepath.Join(folder, "ours.yaml~"), file))
	becomes("4")

	assert.Equal(t, int64(3), reloads(t, tt, "ok"))
	t.Logf("%d spans, all priced", sent)
	require.NoError(t, p.Shutdown(context.Background()))
	require.NoError(t, tt.Shutdown(context.Background()))
}

// reloads is how often the price files were read again with a result.
func reloads(t *testing.T, tt *componenttest.Telemetry, result string) int64 {
	t.Helper()
	m, err := tt.GetMetric("otelcol_genai_usage_price_book_reloads")
	if err != nil {
		return 0 // none yet
	}
	for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
		if v, _ := point.Attributes.Value(attribute.Key("result")); v.AsString() == result {
			return point.Value
		}
	}
	return 0
}

// bookVersion is the version of the book in use, as the metric of its age says.
func bookVersion(t *testing.T, tt *componenttest.Telemetry) string {
	t.Helper()
	m, err := tt.GetMetric("otelcol_genai_usage_price_book_age")
	require.NoError(t, err)
	points := m.Data.(metricdata.Gauge[float64]).DataPoints
	require.Len(t, points, 1)
	assert.GreaterOrEqual(t, points[0].Value, 0.0)
	version, _ := points[0].Attributes.Value(attribute.Key("version"))
	return version.AsString()
}
