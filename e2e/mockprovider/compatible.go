package mockprovider

import "encoding/json"

// vendor is one of the many whose API is OpenAI's chat completions, at
// /<vendor>/v1, with a usage object of its own.
type vendor struct {
	provider string
	// usage writes the bill as the vendor does.
	usage func(Bill) object
	// noReasoning and noCache: the vendor has none, or reports none.
	noReasoning, noCache bool
	// reports: the last chunk of every stream has the usage, asked for or not.
	reports bool
}

// vendors are documented by themselves: what counts as input and what as
// output differs.
var vendors = map[string]vendor{
	"azure":    {provider: "azure.ai.openai", usage: openAIUsage},
	"groq":     {provider: "groq", usage: openAIUsage, reports: true},
	"together": {provider: "together_ai", usage: plainUsage, noCache: true, noReasoning: true, reports: true},
	"mistral":  {provider: "mistral_ai", usage: plainUsage, noCache: true, noReasoning: true, reports: true},
	"deepseek": {provider: "deepseek", usage: deepseekUsage, reports: true},
	"xai":      {provider: "x_ai", usage: xaiUsage, reports: true},
	// OpenRouter charges in credits, and reports the cost with each answer.
	"openrouter": {provider: "openrouter", usage: openRouterUsage, reports: true},
}

// vendor is whom the path names, OpenAI where it names nobody.
func (q *request) vendor() vendor {
	if deployment := q.r.PathValue("deployment"); deployment != "" {
		q.call.RequestModel = deployment // Azure, by its older paths
		return vendors["azure"]
	}
	if v, known := vendors[q.r.PathValue("vendor")]; known {
		return v
	}
	return vendor{provider: "openai", usage: openAIUsage}
}

func openAIUsage(b Bill) object {
	return object{
		"prompt_tokens": b.Input, "completion_tokens": b.Output, "total_tokens": b.Input + b.Output,
		"prompt_tokens_details":     object{"cached_tokens": b.CacheRead, "audio_tokens": b.InputAudio},
		"completion_tokens_details": object{"reasoning_tokens": b.Reasoning, "audio_tokens": b.OutputAudio, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
	}
}

func plainUsage(b Bill) object {
	return object{"prompt_tokens": b.Input, "completion_tokens": b.Output, "total_tokens": b.Input + b.Output}
}

func deepseekUsage(b Bill) object {
	u := openAIUsage(b)
	u["prompt_cache_hit_tokens"], u["prompt_cache_miss_tokens"] = b.CacheRead, b.Input-b.CacheRead
	return u
}

// xaiUsage leaves reasoning out of the completion.
func xaiUsage(b Bill) object {
	u := openAIUsage(b)
	u["completion_tokens"] = b.Output - b.Reasoning
	u["num_sources_used"] = 0
	return u
}

// BilledDollars is what OpenRouter bills each call, as text.
const BilledDollars = "0.0123"

func openRouterUsage(b Bill) object {
	u := openAIUsage(b)
	u["cost"], u["is_byok"] = json.Number(BilledDollars), false
	u["cost_details"] = object{"upstream_inference_cost": nil}
	return u
}

// drawBill draws what the vendor counts.
func (v vendor) drawBill(q *request) Bill {
	b := q.openAIBill()
	if reasoning := !v.noReasoning && b.Reasoning == 0 && thinks.MatchString(q.call.RequestModel); reasoning {
		b.Reasoning = q.draw(101, b.Output-1)
	}
	if v.noCache {
		b.CacheRead = 0
	}
	return b
}
