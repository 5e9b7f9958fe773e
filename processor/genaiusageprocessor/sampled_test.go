package genaiusageprocessor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor/internal/metadatatest"
)

func TestSampledTracesAreCountedAndSaidOnce(t *testing.T) {
	t.Parallel()
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	core, logs := observer.New(zap.WarnLevel)
	set := metadatatest.NewSettings(telemetry)
	set.Logger = zap.New(core)
	p, err := NewFactory().CreateTraces(t.Context(), set, createDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	for range 2 {
		require.NoError(t, p.ConsumeTraces(t.Context(), readTraces(t, "testdata/cases/sampled_traces/input.json")))
	}
	metadatatest.AssertEqualGenaiUsageSampled(t, telemetry, []metricdata.DataPoint[int64]{
		{Attributes: attribute.NewSet(attribute.String("dialect", "otel")), Value: 4},
	}, metricdatatest.IgnoreTimestamp())
	require.NoError(t, p.Shutdown(t.Context()))
	said := logs.FilterMessageSnippet("traces are sampled").All()
	require.Len(t, said, 2, "one in four and one in ten, each once")
	require.Equal(t, map[string]any{"service": "shop", "share": "0.25"}, said[0].ContextMap())
}
