package genai

// LiteLLM, as proxy and as library. The span "litellm_request" is the call;
// its child "raw_gen_ai_request" repeats what the provider answered. Its
// prompt tokens include the cache for every provider.
//
// Source: BerriAI/litellm, integrations/opentelemetry.py, and its documentation.
var litellmParams = name("hidden_params")

var litellm = dialect{
	name:   "litellm",
	marks:  setOf(name("litellm.call_id"), name("litellm.request.type"), name("llm.request.functions"), litellmParams),
	scopes: []string{"litellm*"},
	words: vocabulary{
		operation: names("gen_ai.operation.name", "llm.request.type", "litellm.request.type"),
		total:     names("gen_ai.usage.total_tokens"),
		session:   names("gen_ai.conversation.id", "session.id", "metadata.session_id", "metadata.trace_id"),
		cost:      names("gen_ai.cost.total_cost", "litellm.cost.total", "gen_ai.usage.cost"),
	}.complete(),
	input:  inputInclusive,
	output: outputInclusive,
	operation: func(s *spanReader) operation {
		if s.span.Name() == "raw_gen_ai_request" {
			return opNotACall
		}
		if s.call.Operation == "" && s.span.Name() == "litellm_request" {
			return opChat
		}
		return s.conventionalOperation()
	},
	adjust: func(s *spanReader, _ *facts) {
		if params := s.a.text(litellmParams); params != "" && !s.a.present.meets(&litellmCosts) {
			s.call.reportCostText(jsonMember(params, "response_cost"))
		}
	},
}

var litellmCosts = setOf(names("gen_ai.cost.total_cost", "litellm.cost.total", "gen_ai.usage.cost")...)
