package store_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

const (
	benchRows  = 20_000 // of one round
	benchBatch = 2_000  // as the exporter sends them
	benchUsers = 500
)

// BenchmarkWriterAgainstRawCopy compares, round by round and with the same
// rows, the writer (batches, one transaction each, users, foreign key,
// constraints, indexes and five rollups) with the fastest thing PostgreSQL
// can do: one COPY of bytes that are ready, into a table with a primary key
// and nothing else. "ratio" is the median over the rounds of rows/s through
// the writer by rows/s of the raw COPY.
func BenchmarkWriterAgainstRawCopy(b *testing.B) {
	db := pgtest.New(b)
	db.Exec(`CREATE TABLE public.raw_usage (LIKE public.api_usage); ALTER TABLE public.raw_usage ADD PRIMARY KEY (id)`)
	w := store.NewWriter(db.Pool, store.WriterOptions{})
	conn, err := db.Pool.Acquire(b.Context())
	require.NoError(b, err)
	defer conn.Release()

	var ratios, raw, full []float64
	for n := 0; b.Loop(); n++ {
		records := make([]usage.Record, benchRows)
		for i := range records {
			records[i] = benchCall(n*benchRows + i)
		}
		start := time.Now()
		for batch := range slices.Chunk(records, benchBatch) {
			result, err := w.Write(b.Context(), batch)
			require.NoError(b, err)
			require.Equal(b, len(batch), result.Inserted)
		}
		viaWriter := time.Since(start)

		var rows bytes.Buffer
		_, err = conn.Conn().PgConn().CopyTo(b.Context(), &rows, `COPY (SELECT * FROM public.api_usage ORDER BY created_at DESC, id LIMIT `+fmt.Sprint(benchRows)+`) TO STDOUT (FORMAT binary)`)
		require.NoError(b, err)
		start = time.Now()
		tag, err := conn.Conn().PgConn().CopyFrom(b.Context(), &rows, `COPY public.raw_usage FROM STDIN (FORMAT binary)`)
		viaCopy := time.Since(start)
		require.NoError(b, err)
		require.Equal(b, int64(benchRows), tag.RowsAffected())

		full = append(full, benchRows/viaWriter.Seconds())
		raw = append(raw, benchRows/viaCopy.Seconds())
		ratios = append(ratios, viaCopy.Seconds()/viaWriter.Seconds())
	}
	b.ReportMetric(median(raw), "raw-rows/s")
	b.ReportMetric(median(full), "writer-rows/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(0, "ns/op") // one round is no operation
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// benchCall is the nth call of a busy day: some users, models and services.
func benchCall(n int) usage.Record {
	models := []string{"gpt-4o-mini-2024-07-18", "gpt-5-mini-2025-08-07", "claude-sonnet-4-5-20250929", "text-embedding-3-small"}
	user := fmt.Sprintf("user-%03d@example.com", n*n%benchUsers)
	r := usage.Record{
		Time:           time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * 40 * time.Millisecond),
		APIType:        usage.APITypeText,
		Provider:       "openai",
		Model:          models[n%len(models)],
		Service:        []string{"chat-api", "support-bot"}[n%2],
		Environment:    "production",
		UserID:         usage.UserID(user),
		UserExternalID: user,
		RequestID:      fmt.Sprintf("chatcmpl-abcdefghijklmnop%012d", n),
		TraceID:        [16]byte{1, byte(n), byte(n >> 8), byte(n >> 16)},
		SpanID:         [8]byte{1, byte(n), byte(n >> 8), byte(n >> 16)},
		Quantities:     usage.Quantities{usage.InputTextTokens: int64(200 + n%3000), usage.CacheReadTokens: 1024, usage.OutputTextTokens: int64(n % 700)},
		Cost:           usage.Money(100_000_000 + n),
		Status:         usage.StatusPriced,
		CostSource:     usage.SourceComputed,
		PriceID:        "openai/gpt-4o-mini@2024-10-01",
		Dialect:        "otel",
	}
	r.ID = usage.IDFromResponse(r.Provider, r.RequestID)
	return r
}
