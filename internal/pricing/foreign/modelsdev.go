package foreign

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// modelsDevKeys are the cost keys of models.dev, in dollars per million tokens.
var modelsDevKeys = map[string]string{
	"input": "input", "output": "output", "reasoning": "reasoning", "cache_read": "cache_read", "cache_write": "cache_write_5m",
	"input_audio": "input_audio", "output_audio": "output_audio",
}

// modelsDev reads the catalogue, {provider: {models: {id: {cost}}}}.
func (r *reader) modelsDev(data any) {
	top := r.object("", data)
	if providers, ok := top["providers"].(map[string]any); ok {
		top = providers
	}
	for _, id := range sortedKeys(top) {
		provider := r.object(id, top[id])
		models, _ := provider["models"].(map[string]any)
		for _, name := range sortedKeys(models) {
			key := id + "/" + name
			model := r.object(key, models[name])
			cost, ok := model["cost"].(map[string]any)
			if !ok {
				continue // free or unknown: the catalogue gives no price
			}
			row := book.Row{Model: name, Source: "anomalyco/models.dev " + key}
			r.modelsDevCost(key+".cost", cost, &row.Block)
			if modes, ok := model["mode_costs"].(map[string]any); ok {
				r.modelsDevModes(key, modes, &row.Blocks)
			}
			if experimental, ok := model["experimental"].(map[string]any); ok {
				if modes, ok := experimental["modes"].(map[string]any); ok {
					costs := map[string]any{}
					for mode, v := range modes {
						if m, ok := v.(map[string]any); ok && m["cost"] != nil {
							costs[mode] = m["cost"]
						}
					}
					r.modelsDevModes(key, costs, &row.Blocks)
				}
			}
			tidy(&row.Blocks)
			r.add(modelsDevProvider(id), key, row)
		}
	}
}

// modelsDevProvider returns the provider's name. The catalogue calls Vercel's gateway by
// the name of its owner, which telemetry uses for the client library of the same company.
func modelsDevProvider(id string) string {
	if id == "vercel" {
		return catalog.Vercel
	}
	return catalog.Book(id)
}

func (r *reader) modelsDevModes(key string, modes map[string]any, b *book.Blocks) {
	for _, mode := range sortedKeys(modes) {
		if cost, ok := modes[mode].(map[string]any); ok && usableName(mode) {
			r.modelsDevCost(key+"."+mode, cost, namedBlock(&b.ServiceTiers, strings.ToLower(mode)))
		}
	}
}

func (r *reader) modelsDevCost(key string, cost map[string]any, b *book.Block) {
	for _, name := range sortedKeys(cost) {
		at := key + "." + name
		switch name {
		case "tiers":
			list, _ := cost[name].([]any)
			for _, v := range list {
				r.modelsDevTier(at, r.object(at, v), b)
			}
			continue
		case "context_over_200k":
			r.modelsDevPrices(at, r.object(at, cost[name]), &tierAbove(&b.Tiers, 200_000).Prices)
			continue
		case "tier":
			continue
		}
		r.modelsDevPrice(at, name, cost[name], &b.Prices)
	}
}

func (r *reader) modelsDevTier(at string, v map[string]any, b *book.Block) {
	condition, _ := v["tier"].(map[string]any)
	if kind, ok := condition["type"]; ok && kind != "context" {
		r.issue(at, "only tiers by the length of the context can be taken over")
		return
	}
	size, ok := r.amount(at, condition["size"])
	if !ok {
		return
	}
	r.modelsDevPrices(at, v, &tierAbove(&b.Tiers, size.IntPart()).Prices)
}

func (r *reader) modelsDevPrices(at string, v map[string]any, list *[]book.Price) {
	for _, name := range sortedKeys(v) {
		if name != "tier" {
			r.modelsDevPrice(at+"."+name, name, v[name], list)
		}
	}
}

func (r *reader) modelsDevPrice(at, name string, v any, list *[]book.Price) {
	known, ok := modelsDevKeys[name]
	if !ok {
		r.issue(at, "unknown key")
		return
	}
	if d, ok := r.amount(at, v); ok {
		r.put(list, at, item(known), "per_1m_tokens", d)
	}
}
