package genai

// geminiCLI writes candidates without thoughts and drops the cache; only its
// log events have both.
//
// Source: captures of Gemini CLI 0.61.0.
var geminiCLI = dialect{
	name:   "gemini-cli",
	scopes: []string{"gemini-cli*"},
	words:  conventionWords.complete(),
	input:  inputInclusive,
	output: outputAsProvider,
	knows:  knownFromEvents,
	operation: func(s *spanReader) operation {
		op := s.conventionalOperation()
		if op.isCall() && s.r.config.AgentLogs {
			return opOtherSignal
		}
		return op
	},
}
