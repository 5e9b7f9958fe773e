package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// makeRecords imitates six hours of a busy installation: calls in the order of
// time, few users with most of them, metadata of about 240 bytes.
func makeRecords(rows, users int) []usage.Record {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same rows every time are wanted
	zipf := rand.NewZipf(r, 1.2, 20, uint64(users-1))
	start := time.Date(2026, 3, 14, 6, 0, 0, 0, time.UTC)
	models := []string{"gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "claude-sonnet-4-20250514", "gemini-2.5-flash", "text-embedding-3-small"}
	providers := []string{"openai", "openai", "anthropic", "gcp.gemini", "openai"}
	services := []string{"shop", "chat", "search"}
	records := make([]usage.Record, rows)
	for i := range records {
		m := r.IntN(len(models))
		user := fmt.Sprintf("user-%d@example.com", zipf.Uint64())
		records[i] = usage.Record{
			ID: usage.IDFromResponse("bench", fmt.Sprint(i)), Time: start.Add(time.Duration(i) * 6 * time.Hour / time.Duration(rows)),
			APIType: usage.APITypeText, Provider: providers[m], Model: models[m], RequestModel: strings.SplitN(models[m], "-20", 2)[0],
			Service: services[r.IntN(len(services))], Environment: "production",
			UserID: usage.UserID(user), UserExternalID: user, SessionID: fmt.Sprintf("session-%d", i/20), RequestID: fmt.Sprintf("chatcmpl-%029d", i),
			TraceID: [16]byte{1, byte(i), byte(i >> 8), byte(i >> 16)}, SpanID: [8]byte{2, byte(i), byte(i >> 8), byte(i >> 16)}, Dialect: "otel_genai",
			Quantities: usage.Quantities{usage.InputTextTokens: r.Int64N(5000), usage.OutputTextTokens: r.Int64N(900), usage.CacheReadTokens: r.Int64N(2) * 1024},
			Cost:       usage.Money(r.Int64N(50_000_000_000)), Status: usage.StatusPriced, CostSource: usage.SourceComputed, PriceID: "current/" + models[m],
		}
		if m == len(models)-1 {
			records[i].APIType = usage.APITypeEmbedding
		}
	}
	return records
}

// withTags gives each record a tenant of 200, few of which are most of it, and one of
// ten features with the team that owns it.
func withTags(records []usage.Record) []usage.Record {
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same rows every time are wanted
	tenants := rand.NewZipf(r, 1.2, 20, 199)
	list := slices.Clone(records)
	for i := range list {
		feature := r.IntN(10)
		list[i].Tags = []usage.Tag{
			{Key: "team", Value: fmt.Sprint("team-", feature/3)}, {Key: "feature", Value: fmt.Sprint("feature-", feature)},
			{Key: "tenant", Value: fmt.Sprint("tenant-", tenants.Uint64())},
		}
	}
	return list
}
