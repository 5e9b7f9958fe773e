package usagepostgresexporter

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-usage/otelcol-usage/exporter/usagepostgresexporter/internal/metadata"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

// TestAFaultOfOursParksTheRecordThatMetIt: neither what reads a record nor what writes
// one can end the process by a panic, and the records beside it are stored.
func TestAFaultOfOursParksTheRecordThatMetIt(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]func(e *usageExporter){
		"while it is read": func(e *usageExporter) {
			e.read = func(text string, r *usage.Record) error {
				err := usageattr.Decode(text, r)
				if isDoomed(r) {
					_ = []byte(r.RequestID)[len(text)] // out of range
				}
				return err
			}
		},
		"while it is written": func(e *usageExporter) {
			e.writer = write.New(e.pool, write.Options{Rollup: store.RollupAuto, Encode: func(b []byte, r *usage.Record) []byte {
				if isDoomed(r) {
					panic("secret text of " + r.RequestID)
				}
				return usageattr.Append(b, r)
			}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			core, logs := observer.New(zap.DebugLevel)
			telemetry := componenttest.NewTelemetry()
			t.Cleanup(func() { _ = telemetry.Shutdown(context.Background()) })
			set := exportertest.NewNopSettings(metadata.Type)
			set.TelemetrySettings = telemetry.NewTelemetrySettings()
			set.Logger = zap.New(core)
			e, err := newUsageExporter(set, fast(db.DSN))
			require.NoError(t, err)
			require.NoError(t, e.start(t.Context(), &testHost{}))
			t.Cleanup(func() { _ = e.shutdown(context.Background()) })
			require.NoError(t, e.ready.wait(t.Context())) // the first check uses the writer that the stage replaces
			stage(e)

			var texts []string
			for n := range 300 {
				r := call(n)
				if n == 13 || n == 137 || n == 299 {
					r.Quantities[usage.InputTextTokens] = math.MaxInt32 + 1 // and so the table refuses it
				}
				texts = append(texts, string(usageattr.Append(nil, &r)))
			}
			require.NoError(t, e.push(t.Context(), newRequest(texts, time.Now())))
			assert.Equal(t, "297", db.Text(countRows))
			assert.Equal(t, "3|3", db.Text(`SELECT count(*), count(*) FILTER (WHERE reason LIKE '%a fault in this build%') FROM public.usage_dead_letter`))
			assert.Equal(t, texts[13], db.Text(`SELECT record FROM public.usage_dead_letter ORDER BY (record = $1) DESC LIMIT 1`, texts[13]))

			var said strings.Builder
			for _, entry := range logs.All() {
				said.WriteString(entry.Message)
				for key, value := range entry.ContextMap() {
					text, _ := value.(string)
					said.WriteString(key + text)
				}
			}
			assert.Contains(t, said.String(), "fault_test.go", "a stack")
			assert.NotContains(t, said.String(), "secret text")
			m, err := telemetry.GetMetric("otelcol_usage_postgres_unreadable")
			require.NoError(t, err)
			sum := int64(0)
			for _, n := range sumPoints(m) {
				sum += n
			}
			assert.EqualValues(t, 3, sum)
		})
	}
}

func isDoomed(r *usage.Record) bool { return r.Quantities.TotalTokens() > math.MaxInt32 }
