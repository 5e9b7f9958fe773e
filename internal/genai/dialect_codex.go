package genai

// codex writes hundreds of spans per call, of which "handle_responses" has the
// usage, and neither model nor provider: those stand on an ancestor.
//
// Source: captures of Codex CLI 0.169.0.
var codex = dialect{
	name:           "codex",
	callsComeApart: true,
	follows:        alsoOwn("codex.*", inSourceOnly),
	scopes:         []string{"codex*"},
	installation:   setOf(name("user.id")),
	words: vocabulary{
		session: names("conversation.id", "gen_ai.conversation.id"),
		counts: factNames{
			factReasoning: names("codex.usage.reasoning_output_tokens"),
			factTotal:     names("codex.usage.total_tokens"),
		},
	}.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	knows:   knownFromEvents,
	reports: MissingCache | MissingReasoning,
	operation: func(s *spanReader) operation {
		switch {
		case !s.a.present.meets(&usageNames):
			return opNotACall
		case s.span.Name() != "handle_responses":
			return opUnknown
		case s.r.config.AgentLogs:
			return opOtherSignal
		}
		return opChat
	},
}
