package pricing_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// everyAssumption is a call that reports nothing beside its quantities.
var everyAssumption, _ = usage.ParseAssumptions(strings.Join(usage.AssumptionNames(), "+"))

func TestEveryWordForAnAssumptionIsADependency(t *testing.T) {
	t.Parallel()
	words := map[string]bool{}
	for _, d := range book.Dependencies {
		require.False(t, words[d.Name], d.Name)
		words[d.Name] = true
		assert.NotEmpty(t, d.What, d.Name)
		assert.NotEmpty(t, d.Where, d.Name)
		assert.NotEmpty(t, d.Default, d.Name)
		want, _ := usage.ParseAssumptions(d.Name)
		assert.Equal(t, want, d.Assumed, "the assumption has the name of the dependency %s", d.Name)
	}
	for _, name := range usage.AssumptionNames() {
		assert.True(t, words[name], "no price depends on %s", name)
	}
	for _, known := range []string{"time_of_day", "requests"} {
		assert.True(t, words[known], known)
	}
	assert.Len(t, words, len(usage.AssumptionNames())+2, "every other dependency can be assumed")
}

func TestEachMissingDependencyIsAnAssumption(t *testing.T) {
	t.Parallel()
	var all usage.Assumptions
	for bit := usage.MissingServiceTier; bit&usage.MissingDependencies != 0; bit <<= 1 {
		a := bit.Unreported()
		assert.Equal(t, bit.String(), a.String(), "both have one word")
		all |= a
	}
	assert.Equal(t, everyAssumption&^usage.AssumedModelVersion, all|usage.MissingCacheTTL.Unreported(), "the name of the model has its version")
	assert.Zero(t, usage.MissingCache.Unreported())
}

func TestAPriceSaysWhichDefaultsItTook(t *testing.T) {
	t.Parallel()
	b, err := pricing.Parse("rows.yaml", []byte(`
provider: p
rows:
  - {model: nothing, per_1m_tokens: {input: 1, output: 2}}
  - {model: tiers, per_1m_tokens: {input: 1}, service_tiers: {batch: {times: 0.5}}}
  - {model: fast, per_1m_tokens: {input: 1}, service_tiers: {fast: {times: 2}}}
  - {model: regions, per_1m_tokens: {input: 1}, regions: {eu: {times: 1.1}}}
  - {model: same-regions, per_1m_tokens: {input: 1}, regions: {eu: {times: 1}}}
  - {model: long, per_1m_tokens: {input: 1}, context_tiers: [{above: 1000, per_1m_tokens: {input: 2}}]}
  - {model: nights, per_1m_tokens: {input: 1}, hours: {"22:00-06:00": {times: 0.5}}}
  - {model: cache, per_1m_tokens: {input: 1, cache_write_5m: 1.25, cache_write_1h: 2}}
  - {model: half-hour, per_1m_tokens: {input: 1, cache_write_30m: 1.25, cache_write_12h: 3}}
  - {model: audio, per_1m_tokens: {input: 1, input_audio: 4}}
  - {model: same-audio, per_1m_tokens: {input: 1, input_audio: input}}
  - {model: images, per_image: 1, variants: {hd: {per_image: 2}}}
  - {model: searching, per_1m_tokens: {input: 1}, per_1k_requests: 5, variants: {high: {per_1k_requests: 12}}}
  - {model: tools, per_1m_tokens: {input: 1}, per_1k_calls: {web_search: 10}}
  - {model: reserved, per_1m_tokens: {input: 1}, depends_on: [commitment]}
  - {model: "m-2026-01-01", per_1m_tokens: {input: 3}}
  - {model: "n", per_1m_tokens: {input: 1}}
  - {model: "n-2026-01-01", per_1m_tokens: {input: 3}}
aliases:
  - {name: m, model: "m-2026-01-01"}
---
provider: anthropic
rows:
  - {model: claude, per_1m_tokens: {input: 1}, regions: {us: {times: 1.1}}}
---
provider: azure.ai.openai
rows:
  - {model: gpt, per_1m_tokens: {input: 1}, regions: {eu: {times: 1.1}}, service_tiers: {fast: {times: 2}}}
`))
	require.NoError(t, err)
	for _, c := range []struct {
		provider, model string
		depends, want   string
	}{
		{"p", "nothing", "", ""},
		{"p", "tiers", "service_tier", "service_tier"},
		{"p", "fast", "speed", "speed"},
		{"p", "regions", "region", "region"},
		{"p", "same-regions", "", ""},
		{"p", "long", "context_length", "context_length"},
		{"p", "nights", "time_of_day", ""},
		{"p", "cache", "cache_ttl", "cache_ttl"},
		{"p", "half-hour", "cache_ttl", "cache_ttl"},
		{"p", "audio", "modality", "modality"},
		{"p", "same-audio", "", ""},
		{"p", "images", "variant", "variant"},
		{"p", "searching", "search_size+requests", "search_size"},
		{"p", "tools", "tools", "tools"},
		{"p", "reserved", "commitment", "commitment"},
		{"p", "m-2026-01-01", "", ""},
		{"anthropic", "claude", "inference_geo", "inference_geo"},
		{"azure", "gpt", "service_tier+deployment", "service_tier+deployment"},
	} {
		call := pricing.Call{Provider: c.provider, Model: c.model, At: november, Unreported: everyAssumption,
			Quantities: usage.Quantities{usage.InputTextTokens: 2000, usage.CacheWrite5mTokens: 10, usage.Images: 1}}
		assert.Equal(t, c.want, b.Price(&call).Assumptions.String(), "%s at %s", c.model, c.provider)
		assert.Equal(t, c.depends, strings.Join(b.Explain(&call).DependsOn, "+"), "%s at %s", c.model, c.provider)
		call.Unreported = 0
		assert.Empty(t, b.Price(&call).Assumptions, "%s at %s: everything is reported", c.model, c.provider)
	}
}

func TestWhatACallReportsIsNotAssumed(t *testing.T) {
	t.Parallel()
	b, err := pricing.Parse("rows.yaml", []byte(`
provider: p
rows:
  - model: m
    per_1m_tokens: {input: 1, cache_write_5m: 1.25, cache_write_1h: 2}
    per_1k_calls: {web_search: 10}
    service_tiers: {batch: {times: 0.5}, fast: {times: 3}}
    regions: {eu: {times: 1.1}}
    variants: {hd: {per_1m_tokens: {input: 2}}}
`))
	require.NoError(t, err)
	base := pricing.Call{Provider: "p", Model: "m", At: november, Unreported: everyAssumption, Quantities: usage.Quantities{usage.InputTextTokens: 10}}
	for want, change := range map[string]func(*pricing.Call){
		"service_tier+speed+region+tools+variant":           func(*pricing.Call) {},
		"region+tools+variant":                              func(c *pricing.Call) { c.ServiceTier = "batch" },
		"service_tier+speed+tools+variant":                  func(c *pricing.Call) { c.Region = "eu-west-1" },
		"service_tier+speed+region+tools":                   func(c *pricing.Call) { c.Variant = "hd" },
		"service_tier+speed+region+variant":                 func(c *pricing.Call) { c.Quantities[usage.WebSearches] = 1 },
		"service_tier+speed+region+cache_ttl+tools+variant": func(c *pricing.Call) { c.Quantities[usage.CacheWrite5mTokens] = 1 },
		"service_tier":                                      func(c *pricing.Call) { c.Unreported = usage.AssumedServiceTier },
	} {
		c := base
		change(&c)
		assert.Equal(t, want, b.Price(&c).Assumptions.String())
	}
	unknown := base
	unknown.Model = "nobody"
	assert.Empty(t, b.Price(&unknown).Assumptions, "a call without a price assumes nothing")
}

func TestWhatNoPriceOfAProviderDependsOnIsNotKept(t *testing.T) {
	t.Parallel()
	b := over(t, "provider: our-gpus\nrows:\n  - {model: m, per_1m_tokens: {input: 1}, regions: {eu: {times: 2}}}\n  - {model: n, per_1m_tokens: {input: 1}, service_tiers: {batch: {times: 0.5}}}\n")
	all := usage.MissingDependencies | usage.MissingCache
	assert.Equal(t, "cache+service_tier+region", b.Relevant("our-gpus", all).String())
	assert.Equal(t, all, b.Relevant("nobody", all), "of a provider that is not known, everything may")
	assert.Equal(t, usage.MissingCache, b.Relevant("our-gpus", usage.MissingCache))
	assert.True(t, b.Relevant("anthropic", all).Has(usage.MissingInferenceGeo|usage.MissingTools))
	assert.False(t, b.Relevant("anthropic", all).Has(usage.MissingDeployment))
}

// A name that means any of several snapshots says what it meant on the day.
func TestANameThatMeansASnapshotSaysSo(t *testing.T) {
	t.Parallel()
	b, err := pricing.Load(pricing.Config{})
	require.NoError(t, err)
	assumed := func(b *pricing.Book, provider, model, asked string, at time.Time) string {
		p := b.Price(&pricing.Call{Provider: provider, Model: model, RequestModel: asked, At: at, Quantities: usage.Quantities{usage.InputTextTokens: 10}})
		require.NotEqual(t, usage.StatusUnpriced, p.Status, model)
		return p.Assumptions.String()
	}
	assert.Equal(t, "model_version", assumed(b, "openai", "gpt-4o", "", november), "gpt-4o-2024-05-13 has another price")
	assert.Empty(t, assumed(b, "openai", "gpt-4o-2024-08-06", "gpt-4o", november), "the answer says which")
	assert.Empty(t, assumed(b, "openai", "gpt-4.1", "", november), "its snapshots cost the same")
	assert.Empty(t, assumed(over(t, "provider: openai\nrows:\n  - {model: gpt-4o, per_1m_tokens: {input: 7}}\n"), "openai", "gpt-4o", "", november), "a price of one's own is for all")
}

func TestAnAliasHasThePriceOfWhatItMeantAtTheTime(t *testing.T) {
	t.Parallel()
	b := layered(t, "", `
provider: p
rows:
  - {model: big-2501, per_1m_tokens: {input: 2}}
  - {model: big-2512, per_1m_tokens: {input: 0.5}}
  - {model: big-2604, per_1m_tokens: {input: 0.7}}
aliases:
  - {name: big-latest, model: big-2501, until: 2025-12-02}
  - {name: big-latest, model: big-2512, from: 2025-12-02, until: 2026-04-20}
  - {name: big-latest, model: big-2604, from: 2026-04-20}
  - {name: big, model: big-latest}
`)
	for _, c := range []struct{ day, model, want, assumed string }{
		{"2025-11-01", "big-latest", "2", "model_version"},
		{"2026-01-01", "big-latest", "0.5", "model_version"},
		{"2026-05-01", "big-latest", "0.7", "model_version"},
		{"2026-05-01", "big", "0.7", "model_version"},
		{"2026-05-01", "big-2512", "0.5", ""},
	} {
		at, err := time.Parse(time.DateOnly, c.day)
		require.NoError(t, err)
		p := b.Price(&pricing.Call{Provider: "p", Model: c.model, At: at, Quantities: usage.Quantities{usage.InputTextTokens: 1_000_000}})
		assert.Equal(t, c.want, p.Cost.String(), "%s on %s", c.model, c.day)
		assert.Equal(t, c.assumed, p.Assumptions.String(), "%s on %s", c.model, c.day)
	}
}

func TestRowsOfTheBookSayWhatTheyDependOn(t *testing.T) {
	t.Parallel()
	b, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	for _, c := range []struct{ provider, model, part string }{
		{"anthropic", "claude-opus-4-8", "inference_geo"},
		{"anthropic", "claude-sonnet-4-5", "cache_ttl"},
		{"anthropic", "claude-sonnet-4-5", "tools"},
		{"aws.bedrock", "anthropic.claude-sonnet-4-6", "region"},
		{"azure.ai.openai", "gpt-5.6-sol", "deployment"},
		{"openai", "gpt-5.5", "region"},
		{"openai", "gpt-5.5", "context_length"},
		{"openai", "gpt-5.5", "service_tier"},
		{"perplexity", "sonar", "search_size"},
		{"perplexity", "sonar", "requests"},
		{"deepseek", "deepseek-chat", "time_of_day"},
		{"gcp.gemini", "gemini-2.5-flash", "modality"},
	} {
		at := november
		if c.part == "time_of_day" {
			at = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
		}
		e := b.Explain(&pricing.Call{Provider: c.provider, Model: c.model, At: at, Quantities: usage.Quantities{usage.InputTextTokens: 10}})
		assert.Contains(t, e.DependsOn, c.part, "%s at %s", c.model, c.provider)
	}
	text := b.Explain(&pricing.Call{Provider: "openai", Model: "gpt-5.5", At: november, Unreported: everyAssumption, Quantities: usage.Quantities{usage.InputTextTokens: 300_000}}).String()
	assert.Contains(t, text, "  depends on: service_tier, region, context_length")
	assert.Contains(t, text, "  assumed, because the call does not say: service_tier, region, context_length")
}

func TestTheDocsListWhatPricesDependOn(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/price-files.md")
	require.NoError(t, err)
	trouble, err := os.ReadFile("../../docs/troubleshooting.md")
	require.NoError(t, err)
	table := "| Word | What has to be known of a call | What in a row says it | Taken where the call does not report it |\n|---|---|---|---|\n"
	for _, d := range book.Dependencies {
		fallback := d.Default
		if d.Assumed == 0 {
			fallback = "nothing: " + d.Default
		} else {
			assert.True(t, strings.Contains(string(trouble), "| `"+d.Name+"` |"), "docs/troubleshooting.md does not list %s", d.Name)
		}
		table += "| `" + d.Name + "` | " + d.What + " | " + d.Where + " | " + fallback + " |\n"
	}
	assert.True(t, strings.Contains(string(page), table), "docs/price-files.md has another table than\n%s", table)
}

func TestASumOverSeveralRequestsMeetsNoThreshold(t *testing.T) {
	t.Parallel()
	b, err := load(t, `
provider: p
rows:
  - {model: m, per_1m_tokens: {input: 1, output: 1}, context_tiers: [{above: 1000, per_1m_tokens: {input: 2, output: 2}}]}
`)
	require.NoError(t, err)
	for _, c := range []struct {
		input      int64
		unreported usage.Assumptions
		cost, took string
	}{
		{900_000, 0, "1.8", ""}, // one request
		{900_000, usage.AssumedContextLength, "0.9", "context_length"}, // a sum, each part of which may be short
		{1000, usage.AssumedContextLength, "0.001", ""},                // a sum, no part of which is long
		{900_000, usage.AssumedServiceTier, "1.8", ""},                 // one request of a tier that nothing depends on
	} {
		price := b.Price(&pricing.Call{Provider: "p", Model: "m", At: november, Unreported: c.unreported, Quantities: usage.Quantities{usage.InputTextTokens: c.input}})
		assert.Equal(t, c.cost, price.Cost.String())
		assert.Equal(t, usage.StatusPriced, price.Status)
		assert.Equal(t, c.took, price.Assumptions.String())
	}
}
