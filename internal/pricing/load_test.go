package pricing_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func TestBuiltinBooksHaveNothingOdd(t *testing.T) {
	t.Parallel()
	for _, name := range pricing.BuiltinNames() {
		book, err := pricing.Builtin(name)
		require.NoError(t, err)
		for _, w := range book.Warnings() {
			t.Error(w)
		}
		for _, r := range book.Rows() {
			assert.NotEmpty(t, r.Source, "%s:%d has no source", r.File, r.Line)
			if name == "current" {
				assert.NotEmpty(t, r.Confidence, "%s:%d has no confidence", r.File, r.Line)
			}
		}
	}
}

func TestUnknownBuiltinNamesTheOnesThereAre(t *testing.T) {
	t.Parallel()
	_, err := pricing.Builtin("openai")
	assert.EqualError(t, err, `unknown built-in price book "openai"; there are current, openai-2024 and none (no prices)`)
}

func TestVersionIsThatOfTheContents(t *testing.T) {
	t.Parallel()
	first, err := pricing.Builtin("current")
	require.NoError(t, err)
	again, err := pricing.Load(pricing.Config{})
	require.NoError(t, err)
	other, err := pricing.Builtin("openai-2024")
	require.NoError(t, err)
	assert.Equal(t, first.Version(), again.Version(), "current is the default")
	assert.NotEqual(t, first.Version(), other.Version())
	assert.Len(t, first.Version(), 16)
}

// load writes price files and lays them over openai-2024.
func load(t *testing.T, contents ...string) (*pricing.Book, error) {
	t.Helper()
	folder := t.TempDir()
	cfg := pricing.Config{Builtin: "openai-2024"}
	for i, content := range contents {
		file := filepath.Join(folder, string(rune('a'+i))+".yaml")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		cfg.Files = append(cfg.Files, file)
	}
	return pricing.Load(cfg)
}

func price(t *testing.T, b *pricing.Book, day, model string, q usage.Quantities) pricing.Price {
	t.Helper()
	c, _, err := parseCase("openai " + model + " at=" + day + " ->")
	require.NoError(t, err)
	c.Quantities = q
	return b.Price(&c)
}

var mixed = usage.Quantities{usage.InputTextTokens: 1000, usage.CacheReadTokens: 1000, usage.OutputTextTokens: 1000}

func TestLaterFileReplacesForItsTimeOnly(t *testing.T) {
	t.Parallel()
	b, err := load(t,
		"provider: openai\nrows: [{model: gpt-4o, from: 2026-01-01, until: 2027-01-01, per_1m_tokens: {input: 2, cache_read: 1, output: 8}}]",
		"provider: openai\nrows: [{model: gpt-4o, from: 2026-06-01, per_1m_tokens: {input: 1, cache_read: 1, output: 1}}]")
	require.NoError(t, err)
	assert.Equal(t, "openai/gpt-4o", price(t, b, "2025-12-31", "gpt-4o", mixed).PriceID)
	assert.Equal(t, "a.yaml:openai/gpt-4o@2026-01-01", price(t, b, "2026-01-01", "gpt-4o", mixed).PriceID)
	assert.Equal(t, "0.011", price(t, b, "2026-01-01", "gpt-4o", mixed).Cost.String())
	assert.Equal(t, "b.yaml:openai/gpt-4o@2026-06-01", price(t, b, "2026-06-01", "gpt-4o", mixed).PriceID)
	assert.Equal(t, "b.yaml:openai/gpt-4o@2026-06-01", price(t, b, "2030-01-01", "gpt-4o", mixed).PriceID)
	assert.Equal(t, "openai/gpt-4o-mini", price(t, b, "2030-01-01", "gpt-4o-mini", mixed).PriceID)
}

func TestCustomPriceWithoutCacheRateIsAnEstimateUnlessItInherits(t *testing.T) {
	t.Parallel()
	const own = "provider: openai\nrows: [{model: gpt-4o, per_1k_tokens: {input: 0.004, output: 0.012}}]"
	b, err := load(t, own)
	require.NoError(t, err)
	got := price(t, b, "2026-01-01", "gpt-4o", mixed)
	assert.Equal(t, "0.02", got.Cost.String())
	assert.Equal(t, usage.ReasonPriceFallback, got.Reason)

	b, err = load(t, own[:len(own)-2]+", inherit: true}]")
	require.NoError(t, err)
	got = price(t, b, "2026-01-01", "gpt-4o", mixed)
	assert.Equal(t, "0.02", got.Cost.String(), "the built-in row says that the cache is billed as input")
	assert.Equal(t, usage.StatusPriced, got.Status)
}

func TestInheritedPricesAreMultiplied(t *testing.T) {
	t.Parallel()
	b, err := load(t, "provider: openai\nrows: [{model: gpt-4o, from: 2026-01-01, inherit: true, times: 0.9, per_1k_tokens: {output: 0.010}}]")
	require.NoError(t, err)
	assert.Equal(t, "0.025", price(t, b, "2025-12-31", "gpt-4o", mixed).Cost.String())
	assert.Equal(t, "0.019", price(t, b, "2026-01-01", "gpt-4o", mixed).Cost.String()) // 2 × 0.0045 + 0.010

	_, err = load(t, "provider: openai\nrows: [{model: gpt-9, inherit: true, times: 0.9}]")
	assert.ErrorContains(t, err, "a.yaml:2: model gpt-9: nothing to inherit from: no earlier file has a price for it always")
}

// TestAdjustmentsInTheirOrder: 0.006 × 0.95 × 1.10 = 0.00627, and
// 0.006 × 1.08 + 0.0005 = 0.00698.
func TestAdjustmentsInTheirOrder(t *testing.T) {
	t.Parallel()
	q := usage.Quantities{usage.InputTextTokens: 100, usage.OutputTextTokens: 50}
	b, err := load(t, `
provider: openai
adjustments:
  - {discount: 5%, margin: 10%, source: contract 17, until: 2026-07-01}
  - {model: [gpt-4, "gpt-4-*"], margin: 0.08, per_request: 0.0005, from: 2026-07-01}`)
	require.NoError(t, err)
	got := price(t, b, "2026-06-30", "gpt-4", q)
	assert.Equal(t, "0.00627", got.Cost.String())
	assert.Equal(t, "openai/gpt-4+discount-0.05+margin-0.1", got.PriceID)
	got = price(t, b, "2026-07-01", "gpt-4", q)
	assert.Equal(t, "0.00698", got.Cost.String())
	assert.Equal(t, "openai/gpt-4+margin-0.08+per-request-0.0005", got.PriceID)
	assert.Equal(t, "openai/gpt-4o", price(t, b, "2026-07-01", "gpt-4o", q).PriceID)

	_, err = load(t, "provider: openai\nadjustments: [{model: gpt-5*, discount: 5%}]")
	assert.ErrorContains(t, err, "a.yaml:2: adjustments: the book has no model gpt-5* at openai")
}

func TestAliasNeedsItsModel(t *testing.T) {
	t.Parallel()
	_, err := load(t, "provider: openai\naliases: [{name: chat, model: gpt-7}]")
	assert.ErrorContains(t, err, `a.yaml:2: aliases chat: the book has no model "gpt-7" at openai`)

	b, err := load(t, "provider: openai\naliases: [{name: chat, model: gpt-4o, from: 2026-01-01}]")
	require.NoError(t, err)
	assert.Equal(t, "openai/gpt-4o", price(t, b, "2026-01-01", "chat", mixed).PriceID)
	assert.Equal(t, usage.ReasonNoPriceAtTime, price(t, b, "2025-12-31", "chat", mixed).Reason)
}

func TestOwnPriceOfANameWinsOverAnEarlierAlias(t *testing.T) {
	t.Parallel()
	b, err := load(t, "provider: openai\nrows: [{model: gpt-3.5-turbo-0125, from: 2026-01-01, per_1k_tokens: {input: 1, cache_read: input, output: 1}}]")
	require.NoError(t, err)
	assert.Equal(t, "openai/gpt-3.5-turbo", price(t, b, "2025-12-31", "gpt-3.5-turbo-0125", mixed).PriceID, "the built-in alias")
	assert.Equal(t, "a.yaml:openai/gpt-3.5-turbo-0125@2026-01-01", price(t, b, "2026-01-01", "gpt-3.5-turbo-0125", mixed).PriceID)
}

func TestPriceDataOfOthersIsABook(t *testing.T) {
	t.Parallel()
	b, err := pricing.Load(pricing.Config{Files: []string{"foreign/testdata/litellm.json"}})
	require.NoError(t, err)
	got := price(t, b, "2026-01-01", "acme-large", mixed)
	assert.Equal(t, "0.01775", got.Cost.String())
	assert.Equal(t, "litellm.json:openai/acme-large", got.PriceID)
	assert.NotEmpty(t, b.Warnings(), "what could not be used is reported")
}

func TestFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	_, err := pricing.Load(pricing.Config{Files: []string{"testdata/nowhere.yaml", "testdata"}})
	assert.ErrorContains(t, err, "read price file: open testdata/nowhere.yaml: no such file")
	assert.ErrorContains(t, err, "testdata is a folder; name its files")
}
