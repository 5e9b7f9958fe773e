package pricing_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// A provider that recognition names and no book has would never be priced.
func TestEveryProviderHasABookOrAReason(t *testing.T) {
	t.Parallel()
	b, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	books := map[string]bool{}
	for _, row := range b.Rows() {
		books[row.Provider] = true
	}
	for _, p := range catalog.Providers {
		assert.Equal(t, p.NoBook == "", books[catalog.Book(p.Name)], "%s: a book, or a reason in NoBook, and not both", p.Name)
	}
	for provider := range books {
		assert.Equal(t, catalog.Book(provider), provider, "a book is named as the catalog names its provider")
	}
}

func TestACallIsPricedUnderEachNameOfItsProvider(t *testing.T) {
	t.Parallel()
	b, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	at := time.Date(2026, 8, 15, 0, 0, 0, 0, time.UTC)
	for model, providers := range map[string][]string{
		"voyage-3":       {"voyage_ai", "voyage", "voyageai", "VoyageAI"},
		"glm-4.5":        {"z_ai", "zai", "z-ai"},
		"glm-4.6":        {"zhipuai", "zhipu"},
		"qwen-plus":      {"alibaba", "dashscope", "qwen"},
		"gpt-4o":         {"openai", "OpenAI", "openai.chat", "azure", "azure_openai"},
		"grok-4.3":       {"x_ai", "xai", "x-ai"},
		"gemini-2.5-pro": {"google", "gcp.gen_ai", "gemini"},
	} {
		var first pricing.Price
		for i, provider := range providers {
			got := b.Price(&pricing.Call{Provider: provider, Model: model, At: at, Quantities: usage.Quantities{usage.InputTextTokens: 1000}})
			assert.NotEqual(t, usage.StatusUnpriced, got.Status, "%s at %s: %s", model, provider, got.Reason)
			if i == 0 {
				first = got
			}
			if provider != "azure" && provider != "azure_openai" {
				assert.Equal(t, first, got, "%s at %s", model, provider)
			}
		}
	}
}

func TestAFileMayCallItsProviderByAnyName(t *testing.T) {
	t.Parallel()
	b, err := pricing.Parse("ours.yaml", []byte("provider: azure\nrows:\n  - {model: m, per_token: {input: 0.01}}\n"))
	require.NoError(t, err)
	got := b.Price(&pricing.Call{Provider: "azure.ai.openai", Model: "m", At: time.Unix(1_790_000_000, 0), Quantities: usage.Quantities{usage.InputTextTokens: 1}})
	assert.Equal(t, "0.01", got.Cost.String())
	assert.Equal(t, "ours.yaml:azure.ai.openai/m", got.PriceID)
}

// A name that only begins with that of a model is another model's.
func TestANewerModelNeverTakesThePriceOfAnOlderOne(t *testing.T) {
	t.Parallel()
	b, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	names := map[string]map[string]bool{}
	for _, row := range b.Rows() {
		if names[row.Provider] == nil {
			names[row.Provider] = map[string]bool{}
		}
		names[row.Provider][row.Name] = true
	}
	contract := "provider: openai\nrows:\n  - {model: gpt-5, per_1m_tokens: {input: 777}}\n---\nprovider: anthropic\nrows:\n  - {model: claude-sonnet-4, per_1m_tokens: {input: 777}}\n"
	ours := over(t, contract)
	tried := 0
	for _, provider := range []string{catalog.OpenAI, catalog.Anthropic, catalog.Gemini, catalog.Mistral, catalog.XAI, catalog.DeepSeek, catalog.Bedrock, catalog.AzureOpenAI} {
		for name := range names[provider] {
			for _, more := range []string{".9", "-9", "-next", "-9-mini", "9", "-turbo-9", " 9"} {
				newer := name + more
				if names[provider][newer] || strings.Contains(name, ":") {
					continue
				}
				for _, book := range []*pricing.Book{b, ours} {
					tried++
					got := book.Price(&pricing.Call{Provider: provider, Model: newer, At: november, Quantities: usage.Quantities{usage.InputTextTokens: 1}})
					require.Equal(t, usage.ReasonUnknownModel, got.Reason, "%s at %s is priced as %s", newer, provider, got.PriceID)
				}
			}
		}
	}
	assert.Greater(t, tried, 5000)
}

// apart are books whose names look like another one's, and why they are not the
// same provider's.
var apart = map[string]string{
	"alibaba_cn":             "the prices of its cloud in China",
	"alibaba_coding_plan":    "a plan, outside China",
	"alibaba_coding_plan_cn": "a plan, in China",
	"bedrock_mantle":         "Bedrock's interface in the form of OpenAI's, with models and prices of its own",
	"cloudflare_ai_gateway":  "sells the models of others; cloudflare is its own machines",
	"minimax_cn":             "the prices in China",
	"moonshotai_cn":          "the prices in China",
	"opencode_go":            "a plan with prices for what goes beyond it",
	"perplexity_agent":       "models of others behind its agent interface, priced by tokens",
	"siliconflow_cn":         "the prices in China",
	"zhipuai_coding_plan":    "a plan",
}

// TestOneProviderHasOneBook: two books of one provider are two halves of a price
// list, and a call meets the one whose name it says.
func TestOneProviderHasOneBook(t *testing.T) {
	t.Parallel()
	b, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	books := map[string]string{}
	for _, row := range b.Rows() {
		key := bareName(row.Provider)
		if other := books[key]; other != "" && other != row.Provider {
			t.Errorf("%s and %s look like one provider: give it one name in internal/catalog, or say in apart why they are two", other, row.Provider)
		}
		books[key] = row.Provider
	}
	for name := range apart {
		assert.NotEmpty(t, bareName(name), name)
	}
	for _, p := range catalog.Providers {
		for _, alias := range p.Aliases {
			assert.NotContains(t, slices.Collect(maps.Values(books)), alias, "a book of %s under another name", p.Name)
		}
	}
}

// bareName is a provider's name without what some add to it and others do not; a
// name that is apart stays whole.
func bareName(name string) string {
	if apart[name] != "" {
		return name
	}
	for _, tail := range []string{"_cloud", "cloud", "_inference", "_coding_plan", "_gateway", "_ai", "_cn", "ai", "_go", "_agent"} {
		name = strings.TrimSuffix(name, tail)
	}
	return strings.NewReplacer("_", "", ".", "", "-", "").Replace(name)
}
