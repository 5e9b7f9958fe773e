package genaiusageprocessor

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor/internal/metadatatest"
)

func TestACallFarAheadOfItsArrivalTakesTheTimeOfArrival(t *testing.T) {
	t.Parallel()
	book, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		start  time.Time
		stays  bool
		reason usage.Reason
	}{
		"now":                     {now, true, ""},
		"a day ahead":             {now.Add(24 * time.Hour), true, ""},
		"a day and a second":      {now.Add(24*time.Hour + time.Second), false, usage.ReasonTimeOutOfRange},
		"a year ahead":            {now.AddDate(1, 0, 0), false, usage.ReasonTimeOutOfRange},
		"in 1970":                 {time.Unix(0, 0), false, usage.ReasonTimeOutOfRange},
		"a year late, from a log": {now.AddDate(-1, 0, 0), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder(pricing.Pricer{})
			r.begin(book)
			r.now = now
			record := r.make(&genai.Call{
				APIType: usage.APITypeText, Provider: "openai", Model: "gpt-4.1-mini", ResponseID: "chatcmpl-1234567890", Key: "chatcmpl-1234567890",
				Start: c.start, Quantities: usage.Quantities{usage.InputTextTokens: 1000, usage.OutputTextTokens: 200},
			})
			want := now
			if c.stays {
				want = c.start.UTC()
			}
			require.Equal(t, want, record.Time)
			require.Equal(t, c.reason, record.Reason)
			require.Equal(t, !c.stays, record.Missing.Has(usage.MissingTime))
		})
	}
}

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
