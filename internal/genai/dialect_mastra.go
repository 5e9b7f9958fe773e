package genai

// Mastra writes a tree of spans per generation, of which the inference is the
// call. Older versions have the usage on the generation and on its steps; the
// nesting tells them apart (twice.go).
//
// Source: captures of @mastra/otel-exporter 1.4.0.
var mastra = dialect{
	name:    "mastra",
	marks:   setOf(mastraType),
	scopes:  []string{"@mastra/*", "mastra*"},
	words:   vocabulary{session: names("gen_ai.conversation.id", "session.id", "mastra.metadata.sessionId", "mastra.metadata.threadId")}.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	reports: MissingCache | MissingReasoning,
	operation: func(s *spanReader) operation {
		switch kind := s.a.text(mastraType); kind {
		case "model_inference":
			return opChat
		case "model_generation", "model_step", "llm_generation":
			if s.a.present.meets(&usageNames) {
				return opChat
			}
			return opNotACall
		case "":
			return s.conventionalOperation()
		}
		return opNotACall
	},
}

var mastraType = name("mastra.span.type")
