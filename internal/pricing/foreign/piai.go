package foreign

import (
	"regexp"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// piAIKeys are the cost keys of pi-ai, in dollars per million tokens. Its files are made
// from the catalogue of models.dev; 0 means that the catalogue gives no price.
var piAIKeys = map[string]string{
	"input": "input", "output": "output", "cacheRead": "cache_read", "cacheWrite": "cache_write_5m",
}

// plans are providers of subscriptions, and of credits for them: their list prices are not
// what a call costs.
var plans = regexp.MustCompile(`^(openai_codex|kimi_coding|zai_coding_cn|typesafe|radius|.*_token_plan.*)$`)

// piAIProvider returns the provider's name; before release 1.0 Azure was listed under the
// name of its API.
func piAIProvider(name string) string {
	if name == "azure-openai-responses" {
		return catalog.AzureOpenAI
	}
	return catalog.Book(strings.ToLower(name))
}

// piAI reads the model lists of pi-ai: {api: {"chat:id": {id, provider, cost}}},
// or {provider: [{id, cost}]}.
func (r *reader) piAI(data any) {
	top := r.object("", data)
	// A classifier is the same model at another endpoint, without a price for output: it
	// counts only where there is no other entry.
	for _, classifiers := range []bool{false, true} {
		for _, group := range sortedKeys(top) {
			switch entries := top[group].(type) {
			case []any:
				for _, e := range entries {
					r.piAIModel(group, r.object(group, e), classifiers)
				}
			case map[string]any:
				for _, key := range sortedKeys(entries) {
					model := r.object(key, entries[key])
					provider, _ := model["provider"].(string)
					r.piAIModel(provider, model, classifiers)
				}
			default:
				r.issue(group, "a list of models is expected")
			}
		}
	}
}

func (r *reader) piAIModel(provider string, model map[string]any, classifiers bool) {
	id, _ := model["id"].(string)
	cost, ok := model["cost"].(map[string]any)
	if kind, _ := model["type"].(string); !ok || (kind == "classifier") != classifiers {
		return
	}
	if plans.MatchString(piAIProvider(provider)) {
		r.issue(provider, "a subscription has no price for a call")
		return
	}
	if f := r.files[piAIProvider(provider)]; f != nil && findRow(f, id) != nil {
		return // another API of the same host
	}
	key := provider + "/" + id
	row := book.Row{Model: id, Source: "earendil-works/pi-ai " + key}
	r.piAIPrices(key, cost, &row.Prices)
	tiers, _ := cost["tiers"].([]any)
	for _, t := range tiers {
		tier := r.object(key, t)
		if above, ok := r.amount(key+".inputTokensAbove", tier["inputTokensAbove"]); ok {
			r.piAIPrices(key, tier, &tierAbove(&row.Tiers, above.IntPart()).Prices)
		}
	}
	tidy(&row.Blocks)
	r.add(piAIProvider(provider), key, row)
}

func (r *reader) piAIPrices(at string, cost map[string]any, list *[]book.Price) {
	for _, name := range sortedKeys(cost) {
		if name == "tiers" || name == "inputTokensAbove" {
			continue
		}
		known, ok := piAIKeys[name]
		if !ok {
			r.issue(at+"."+name, "unknown key")
			continue
		}
		if d, ok := r.amount(at+"."+name, cost[name]); ok {
			r.put(list, at+"."+name, item(known), "per_1m_tokens", d)
		}
	}
}
