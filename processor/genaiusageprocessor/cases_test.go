package genaiusageprocessor

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
	"github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor/internal/metadata"
)

// TestCases runs every folder of testdata/cases: input.json is an OTLP traces
// request, config.yaml (optional) the configuration of the processor,
// expected.json the records that have to come out, in the order of the spans.
// A new folder is a new case; UPDATE_GOLDEN=1 rewrites expected.json.
func TestCases(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/cases/*/input.json")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	for _, input := range folders {
		folder := filepath.Dir(input)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			got := process(t, loadConfig(t, filepath.Join(folder, "config.yaml")), readTraces(t, input))
			compareGolden(t, filepath.Join(folder, "expected.json"), readable(t, got))
		})
	}
}

func loadConfig(t *testing.T, file string) *Config {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	conf, err := confmaptest.LoadConf(file)
	if errors.Is(err, fs.ErrNotExist) {
		conf = confmap.New()
	} else {
		require.NoError(t, err)
	}
	require.NoError(t, conf.Unmarshal(cfg))
	require.NoError(t, cfg.Validate())
	return cfg
}

func readTraces(t *testing.T, file string) ptrace.Traces {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(content)
	require.NoError(t, err)
	return td
}

// process sends a payload through the processor and gives the spans that come
// out of it.
func process(t testing.TB, cfg *Config, td ptrace.Traces) []ptrace.Span {
	t.Helper()
	sink := new(consumertest.TracesSink)
	p, err := NewFactory().CreateTraces(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, p.ConsumeTraces(t.Context(), td))
	require.NoError(t, p.Shutdown(t.Context()))
	var spans []ptrace.Span
	for _, td := range sink.AllTraces() {
		for _, resource := range td.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					spans = append(spans, span)
				}
			}
		}
	}
	return spans
}

// recordOf reads the record on a span.
func recordOf(t testing.TB, span ptrace.Span) (usage.Record, bool) {
	t.Helper()
	var r usage.Record
	text, ok := span.Attributes().Get(usageattr.Record)
	if ok {
		require.NoError(t, usageattr.Decode(text.Str(), &r))
	}
	return r, ok
}

// readable gives the records as people read them.
func readable(t *testing.T, spans []ptrace.Span) []map[string]any {
	t.Helper()
	records := []map[string]any{}
	for _, span := range spans {
		r, ok := recordOf(t, span)
		if !ok {
			continue
		}
		quantities := map[string]string{}
		for k, n := range r.Quantities {
			if n != 0 {
				quantities[usage.QuantityKind(k).String()] = string(usage.AppendQuantity(nil, usage.QuantityKind(k), n))
			}
		}
		record := map[string]any{
			"span": span.Name(), "id": r.ID.String(), "api_type": r.APIType, "pricing_status": r.Status,
			"quantities": quantities, "timestamp": r.Time.Format(time.RFC3339Nano),
		}
		if r.Status != usage.StatusUnpriced {
			record["cost_usd"] = r.Cost.String()
		}
		if !r.UserID.IsZero() {
			record["user_id"] = r.UserID.String()
		}
		if r.HasReportedCost {
			record["reported_usd"] = r.ReportedCost.String()
		}
		for name, text := range map[string]string{
			"pricing_reason": string(r.Reason), "missing": r.Missing.String(), "price_id": r.PriceID, "cost_source": string(r.CostSource), "provider": r.Provider, "model": r.Model,
			"request_model": r.RequestModel, "service": r.Service, "environment": r.Environment, "user_external_id": r.UserExternalID,
			"session_id": r.SessionID, "request_id": r.RequestID, "dialect": r.Dialect, "service_tier": r.ServiceTier, "variant": r.Variant, "sampled": r.Sampled, "assumptions": r.Assumptions.String(),
		} {
			if text != "" {
				record[name] = text
			}
		}
		records = append(records, record)
	}
	return records
}

func compareGolden(t *testing.T, file string, value any) {
	t.Helper()
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(value))
	golden.Equal(t, file, got.String())
}
