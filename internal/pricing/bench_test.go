package pricing_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

var at = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// allKinds has a value for every kind that a row of every kind prices.
var allKinds = func() (q usage.Quantities) {
	for k := range q {
		q[k] = int64(k) + 1000
	}
	return q
}()

// benchCalls are the calls of BenchmarkPrice, by situation.
func benchCalls(tb testing.TB) (*pricing.Book, map[string]pricing.Call) {
	tb.Helper()
	book, err := pricing.Load(pricing.Config{Files: []string{"testdata/all_kinds.yaml"}})
	require.NoError(tb, err)
	return book, map[string]pricing.Call{
		"text_cached": {
			Provider: "openai", Model: "gpt-4o-mini-2024-07-18", RequestModel: "gpt-4o-mini", At: at,
			Quantities: usage.Quantities{usage.InputTextTokens: 282, usage.CacheReadTokens: 1024, usage.OutputTextTokens: 287},
		},
		"context_tier": {
			Provider: "anthropic", Model: "claude-sonnet-4-5", At: at,
			Quantities: usage.Quantities{usage.InputTextTokens: 41, usage.CacheReadTokens: 250_000, usage.OutputTextTokens: 503},
		},
		"all_kinds":     {Provider: "acme", Model: "everything", At: at, Quantities: allKinds},
		"strips":        {Provider: "aws.bedrock", Model: "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0", At: at, Quantities: usage.Quantities{usage.InputTextTokens: 282}},
		"unknown_model": {Provider: "openai", Model: "my-own-model-2026-01-01", At: at, Quantities: usage.Quantities{usage.InputTextTokens: 282}},
	}
}

func BenchmarkPrice(b *testing.B) {
	book, calls := benchCalls(b)
	for _, name := range []string{"text_cached", "context_tier", "all_kinds", "strips", "unknown_model"} {
		c := calls[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				book.Price(&c)
			}
		})
	}
}

func BenchmarkPriceParallel(b *testing.B) {
	book, calls := benchCalls(b)
	c := calls["text_cached"]
	b.RunParallel(func(pb *testing.PB) {
		c := c
		for pb.Next() {
			book.Price(&c)
		}
	})
}

func BenchmarkLoadCurrent(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pricing.Builtin("current"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPriceAllocatesNothing holds the hot path: once a name was looked up, the
// price of a call costs no allocation.
func TestPriceAllocatesNothing(t *testing.T) {
	book, calls := benchCalls(t)
	for name, c := range calls {
		require.Zero(t, testing.AllocsPerRun(100, func() { book.Price(&c) }), name)
	}
}
