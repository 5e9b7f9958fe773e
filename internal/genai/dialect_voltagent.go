package genai

// VoltAgent writes one span for a model's whole turn, with the usage of its
// last step only, and the sum of all steps on the agent's span. A turn with
// tools may have had several steps, and nothing tells how many. Objects leave
// no span of the model at all.
//
// Source: captures of @voltagent/core 2.10.0.
var voltAgent = dialect{
	name:   "voltagent",
	scopes: []string{"@voltagent/*"},
	words: vocabulary{
		operation: names("llm.operation"),
		model:     names("llm.model"),
		input:     names("llm.usage.prompt_tokens"),
		output:    names("llm.usage.completion_tokens"),
		total:     names("llm.usage.total_tokens"),
		cacheRead: names("llm.usage.cached_tokens"),
		reasoning: names("llm.usage.reasoning_tokens"),
		cost:      names("usage.cost"),
	}.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	reports: MissingCache | MissingReasoning,
	operation: func(s *spanReader) operation {
		if s.call.Operation == "" {
			return opNotACall
		}
		return opChat
	},
	adjust: func(s *spanReader, f *facts) {
		f.estimate = s.a.count(voltAgentTools) > 0
		f.cachePartly = true // writes are never told
	},
}

var voltAgentTools = name("llm.tools.count")
