package genai

// geminiCLI writes candidates without thoughts and drops the cache; only its
// log events have both.
//
// Source: captures of Gemini CLI 0.61.0.
var geminiCLI = dialect{
	name:           "gemini-cli",
	callsComeApart: true,
	follows:        alsoOwn("Gemini CLI", documented),
	scopes:         []string{"gemini-cli*", "qwen-code*"},
	installation:   setOf(name("user.id")),
	words: vocabulary{
		requestModel: names("gen_ai.request.model", "model"),
		counts: factNames{
			factInput:      names("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "input_token_count"),
			factOutput:     names("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "output_token_count"),
			factTotal:      names("gen_ai.usage.total_tokens", "total_token_count"),
			factCacheRead:  names("gen_ai.usage.cache_read.input_tokens", "cached_content_token_count"),
			factReasoning:  names("gen_ai.usage.reasoning.output_tokens", "thoughts_token_count"),
			factToolPrompt: names("gen_ai.usage.tool_use_prompt_tokens", "tool_token_count"),
		},
	}.complete(),
	input:  inputInclusive,
	output: outputAsProvider,
	knows:  knownFromEvents,
	operation: func(s *spanReader) operation {
		op := s.conventionalOperation()
		if (op.isCall() || op == opUnknown && s.a.present.meets(&logUsageOther)) && s.r.config.AgentLogs {
			return opOtherSignal
		}
		return op
	},
}
