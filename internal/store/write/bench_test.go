package write

import (
	"fmt"
	"testing"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// BenchmarkEncode is what the client does for one row beside waiting.
func BenchmarkEncode(b *testing.B) {
	records := make([]usage.Record, 2000)
	for i := range records {
		records[i] = usage.Record{
			ID: usage.IDFromResponse("bench", fmt.Sprint(i)), Time: time.Date(2026, 3, 14, 6, 0, i, 0, time.UTC),
			APIType: usage.APITypeText, Provider: "openai", Model: "gpt-4o-2024-08-06", RequestModel: "gpt-4o", Service: "shop", Environment: "production",
			UserID: usage.UserID("user-1@example.com"), UserExternalID: "user-1@example.com", SessionID: "session-1", RequestID: fmt.Sprintf("chatcmpl-%029d", i),
			TraceID: [16]byte{1}, SpanID: [8]byte{2}, Dialect: "otel_genai",
			Quantities: usage.Quantities{usage.InputTextTokens: 1000, usage.OutputTextTokens: 100, usage.CacheReadTokens: 1024},
			Cost:       12345678, Status: usage.StatusPriced, CostSource: usage.SourceComputed, PriceID: "current/gpt-4o",
			Assumptions: usage.AssumedServiceTier | usage.AssumedRegion, HasAssumptions: true,
		}
	}
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			for i := range records {
				records[i].Clean()
				if err := checkRecord(&records[i]); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/row")
	})
	rows := make([]row, len(records))
	for i := range records {
		rows[i] = row{Record: &records[i], user: records[i].UserID}
	}
	b.Run("copy", func(b *testing.B) {
		var encoded binaryRow
		var bytes int
		for b.Loop() {
			bytes = 0
			for i := range rows {
				encoded.set(&rows[i])
				bytes += len(encoded.buf)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/row")
		b.ReportMetric(float64(bytes)/float64(len(records)), "B/row")
	})
	b.Run("arrays", func(b *testing.B) {
		for b.Loop() {
			columnArrays(rows)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/row")
	})
}
