package genai

// VoltAgent writes one span for a model's whole turn, with the usage of its
// last step only, and the sum of all steps on the agent's span. A turn with
// tools may have had several steps, and nothing says how many. Objects leave
// no span of the model at all.
//
// Source: captures of @voltagent/core 2.10.0.
var voltAgent = dialect{
	name:    "voltagent",
	follows: follows{"llm.usage.*", inSourceOnly},
	scopes:  []string{"@voltagent/*"},
	words: vocabulary{
		operation: names("llm.operation"),
		model:     names("llm.model"),
		cost:      names("usage.cost"),
		counts: factNames{
			factInput:     names("llm.usage.prompt_tokens"),
			factOutput:    names("llm.usage.completion_tokens"),
			factTotal:     names("llm.usage.total_tokens"),
			factCacheRead: names("llm.usage.cached_tokens"),
			factReasoning: names("llm.usage.reasoning_tokens"),
		},
	}.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	knows:   knownOfSeveral,
	reports: MissingCache | MissingReasoning,
	operation: func(s *spanReader) operation {
		if s.call.Operation == "" {
			return opNotACall
		}
		return opChat
	},
	adjust: func(s *spanReader, f *facts) {
		f.estimate = s.a.count(voltAgentTools) > 0
		f.cachePartly = true // writes are never reported
	},
}

var voltAgentTools = name("llm.tools.count")
