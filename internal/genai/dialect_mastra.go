package genai

// Mastra writes a tree of spans per generation, of which the inference is the
// call. Before version 1.4 of the exporter the inference is bare, and the
// generation has the sum of its steps: one row then reports all of them, right
// in its quantities. Still older versions have the usage on the steps too; the
// nesting distinguishes them (package once).
//
// Source: captures of @mastra/otel-exporter 1.3.12 and 1.4.0.
var mastra = dialect{
	name:    "mastra",
	follows: alsoOwn("mastra.*", inSourceOnly),
	marks:   setOf(mastraType),
	scopes:  []string{"@mastra/*", "mastra*"},
	words:   vocabulary{session: names("gen_ai.conversation.id", "session.id", "mastra.metadata.sessionId", "mastra.metadata.threadId")}.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	knows:   knownFromAnswers,
	reports: MissingCache | MissingReasoning,
	operation: func(s *spanReader) operation {
		switch kind := s.a.text(mastraType); kind {
		case "model_inference":
			if s.a.present.meets(&usageNames) || s.a.present.meets(&modelNames) {
				return opChat
			}
			return opNotACall
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
	adjust: func(s *spanReader, f *facts) {
		switch s.a.text(mastraType) {
		case "model_generation", "llm_generation":
			f.several = true // or one step; the span does not tell
		}
	},
}

var mastraType = name("mastra.span.type")
