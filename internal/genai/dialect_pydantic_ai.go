package genai

import "strings"

// Pydantic AI and Logfire follow the conventions, with details under
// gen_ai.usage.details and their own cost. Agent runs repeat the sum, in newer
// versions under gen_ai.aggregated_usage. Input includes the cache and output
// the reasoning for every provider; what is zero is left out.
//
// Source: pydantic/pydantic-ai@4fda389 (usage.py, _instrumentation.py,
// embeddings/instrumented.py, models/anthropic.py, models/google.py); genai-prices.
var pydanticAI = dialect{
	name:   "pydantic-ai",
	scopes: []string{"pydantic-ai*", "pydantic_ai*", "logfire*"},
	words: vocabulary{
		cost: names("operation.cost", "gen_ai.usage.cost.amount", "gen_ai.usage.cost"),
	}.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	reports: MissingCache | MissingAudio | MissingReasoning,
	adjust: func(s *spanReader, f *facts) {
		// Anthropic's advisor is another model, whose tokens the call leaves out.
		f.inconsistent = s.a.count(pydanticAdvisor) > 0
	},
	operation: func(s *spanReader) operation {
		if s.call.Operation == "" && strings.HasPrefix(s.scope, "logfire.") && !s.a.has(pydanticAgent) && s.a.present.meets(&usageNames) {
			return opChat // logfire.openai and logfire.anthropic, older versions
		}
		return s.conventionalOperation()
	},
}

var (
	pydanticAgent   = name("agent_name")
	pydanticAdvisor = name("gen_ai.usage.details.advisor_input_tokens")
)
