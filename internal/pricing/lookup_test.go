package pricing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// names is a book of names: the price of each says which one was found.
const names = `
provider: p
also: [p-also]
rows:
  - {model: plain, per_token: {input: 0.01}}
  - {model: plain-2024-05-13, per_token: {input: 0.02}}
  - {model: anthropic.claude-x-20250929-v1:0, per_token: {input: 0.03}, regions: {eu: {times: 2}}}
  - {model: us.anthropic.claude-x, per_token: {input: 0.04}}
  - {model: claude-y, per_token: {input: 0.05}}
  - {model: "ft:plain-2024-05-13", per_token: {input: 0.06}}
  - {model: "llama-*", per_token: {input: 0.07}}
  - {model: "llama-*-70b", per_token: {input: 0.08}}
  - {model: Mixed-Case-7B, per_token: {input: 0.09}}
  - {model: meta-llama/llama-4-scout, per_token: {input: 0.10}}
  - {model: dated, from: 2026-01-01, per_token: {input: 0.11}}
aliases:
  - {name: my-deployment, model: plain, until: 2026-01-01}
  - {name: my-deployment, model: claude-y, from: 2026-01-01}
  - {name: my-other, model: my-deployment}
---
provider: q
rows:
  - {model: plain, per_token: {input: 0.5}}
`

func TestNamesAreMatchedInAFixedOrder(t *testing.T) {
	t.Parallel()
	book, err := pricing.Parse("names.yaml", []byte(names))
	require.NoError(t, err)
	for _, c := range []struct{ provider, model, requested, want, how string }{
		{"p", "plain", "", "0.01", "model"},
		{"p-also", "plain", "", "0.01", "another spelling of the provider"},
		{"P", "plain", "", "0.01", "provider in capitals"},
		{"q", "plain", "", "0.5", "the provider is part of the key"},
		{"p", "plain-2024-05-13", "", "0.02", "a snapshot with its own price keeps it"},
		{"p", "plain-2024-08-06", "", "0.01", "without date suffix"},
		{"p", "plain-20240806", "", "0.01", "without date suffix"},
		{"p", "plain-latest", "", "0.01", "without -latest"},
		{"p", "openai/plain-2024-05-13", "", "0.02", "without provider prefix"},
		{"p", "models/plain", "", "0.01", "without resource path"},
		{"p", "publishers/google/models/plain@20240513", "", "0.01", "two strips"},
		{"p", "plain-001", "", "0.01", "vertex version"},
		{"p", "anthropic.claude-x-20250929-v1:0", "", "0.03", "as it is"},
		{"p", "eu.anthropic.claude-x-20250929-v1:0", "", "0.06", "the region in the name has a price"},
		{"p", "jp.anthropic.claude-x-20250929-v1:0", "", "0.03 estimated price_fallback", "the region in the name has none"},
		{"p", "global.anthropic.claude-x-20250929-v1:0", "", "0.03", "global is no region"},
		{"p", "us.anthropic.claude-x-20251111-v2:0", "", "0.04", "of two strips, those that keep the region"},
		{"p", "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-x-20250929-v1:0", "", "0.06", "ARN"},
		{"p", "arn:aws:bedrock:eu-west-1:1:application-inference-profile/a1b2c3", "", "unpriced unknown_model", "an id says nothing"},
		{"p", "anthropic.claude-y-v1:0", "", "0.05", "version and vendor"},
		{"p", "ft:plain-2024-05-13:acme::a1b2", "", "0.06", "a tuned model has its own price"},
		{"p", "ft:plain:acme::a1b2", "", "unpriced unknown_model", "and is never priced as its base"},
		{"p", "llama-3-8b", "", "0.07", "pattern"},
		{"p", "llama-3-70b", "", "0.08", "longest pattern"},
		{"p", "my-llama-3", "", "unpriced unknown_model", "a pattern is no substring"},
		{"p", "plain-mini", "", "unpriced unknown_model", "a name is no prefix"},
		{"p", "an-plain", "", "unpriced unknown_model", "a name is no suffix"},
		{"p", "mixed-case-7b", "", "0.09", "letter case"},
		{"p", "meta-llama/llama-4-scout", "", "0.1", "a slash may belong to the name"},
		{"p", "", "plain", "0.01", "request model alone"},
		{"p", "who-knows", "plain", "0.01", "response model unknown"},
		{"p", "claude-y", "plain", "0.05", "response model first"},
		{"p", "plain-2024-08-06", "claude-y", "0.01", "a stripped response model before the request model"},
		{"p", "dated", "plain", "0.11", "at its time"},
		{"p", "my-deployment", "", "0.05", "dated alias"},
		{"p", "my-other", "", "0.05", "alias of an alias"},
		{"p", "", "", "unpriced no_model", ""},
		{"", "plain", "", "unpriced unknown_model", ""},
		{"p", strings.Repeat("x", 100_000), "", "unpriced unknown_model", ""},
	} {
		call := pricing.Call{Provider: c.provider, Model: c.model, RequestModel: c.requested, At: at}
		call.Quantities[usage.InputTextTokens] = 1
		for range 2 { // the second answer comes from the cache
			assert.Equal(t, c.want, caseResult(book.Price(&call), c.want), "%.80s at %s: %s", c.model, c.provider, c.how)
		}
	}
}

func TestAliasAndRowHoldForTheirTimeOnly(t *testing.T) {
	t.Parallel()
	book, err := pricing.Parse("names.yaml", []byte(names))
	require.NoError(t, err)
	call := pricing.Call{Provider: "p", Model: "my-deployment", At: at.AddDate(-1, 0, 0)}
	call.Quantities[usage.InputTextTokens] = 1
	got := book.Price(&call)
	assert.Equal(t, "0.01", got.Cost.String())
	assert.Equal(t, "plain", got.Model, "the row's model, not the alias")

	call.Model = "dated"
	assert.Equal(t, pricing.Price{Status: usage.StatusUnpriced, Reason: usage.ReasonNoPriceAtTime}, book.Price(&call))
	assert.Contains(t, book.Explain(&call).String(), "there is a price from 2026-01-01")
}

func TestExplainNamesTheStrips(t *testing.T) {
	t.Parallel()
	book, err := pricing.Parse("names.yaml", []byte(names))
	require.NoError(t, err)
	call := pricing.Call{Provider: "p", Model: "us.anthropic.claude-y-v1:0", At: at}
	call.Quantities[usage.InputTextTokens] = 1000
	text := book.Explain(&call).String()
	for _, want := range []string{
		"us.anthropic.claude-y-v1:0 at p (model): not there",
		"claude-y at p (model, without version suffix, region prefix, vendor prefix): found claude-y",
		`the book has no price for the region "us" in the name`,
		"input_text 1000 × 0.05 per_token = 50",
		"cost 50 USD, estimated (price_fallback)",
	} {
		assert.Contains(t, text, want)
	}
}

func TestForeignNamesDoNotFillTheMemory(t *testing.T) {
	t.Parallel()
	book, err := pricing.Parse("names.yaml", []byte(names))
	require.NoError(t, err)
	call := pricing.Call{Provider: "p", At: at}
	for i := range 20_000 {
		call.Model = fmt.Sprintf("unknown-%d", i)
		require.Equal(t, usage.ReasonUnknownModel, book.Price(&call).Reason)
	}
	assert.LessOrEqual(t, book.CachedLookups(), 4096)
	assert.NotZero(t, book.CachedLookups())
}

func FuzzMatch(f *testing.F) {
	for _, seed := range []string{"plain", "us.anthropic.claude-x-20250929-v1:0", "ft:plain:o::i", "models/a/b", "arn:aws:x/", "llama-", "*", "a@b", "PLAIN-latest-latest"} {
		f.Add("p", seed, "plain")
	}
	book, err := pricing.Parse("names.yaml", []byte(names))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, provider, model, requested string) {
		call := pricing.Call{Provider: provider, Model: model, RequestModel: requested, At: at, Quantities: usage.Quantities{usage.InputTextTokens: 7}}
		first, again := book.Price(&call), book.Price(&call)
		if first != again {
			t.Fatalf("%+v, then %+v", first, again)
		}
		explained := book.Explain(&call)
		if explained.Cost != first.Cost || explained.Status != first.Status || explained.PriceID != first.PriceID {
			t.Fatalf("priced %+v, explained %+v", first, explained)
		}
		if (first.Status == usage.StatusUnpriced) != (first.Reason != "" && first.Cost == 0) || first.Cost < 0 {
			t.Fatalf("%+v", first)
		}
		if strings.HasPrefix(model, "ft:") && requested == "" && first.Model != "" && !strings.HasPrefix(first.Model, "ft:") {
			t.Fatalf("the tuned model %q was priced as %q", model, first.Model)
		}
	})
}
