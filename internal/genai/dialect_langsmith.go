package genai

// LangSmith's SDK with its OpenTelemetry export. The kind says what the span
// is; the numbers are LangChain's, inclusive, with their details as JSON, or as
// Python writes a dict.
//
// Sources: captures of langsmith 0.12.0 and of langsmith-sdk's Python.
var (
	langsmithKind   = name("langsmith.span.kind")
	langsmithUsage  = names("langsmith.usage_metadata", "langsmith.metadata.usage_metadata")
	langsmithInput  = name("gen_ai.usage.input_token_details")
	langsmithOutput = name("gen_ai.usage.output_token_details")
)

var langsmith = dialect{
	name:    "langsmith",
	follows: alsoOwn("langsmith.*", documented),
	marks:   setOf(langsmithKind),
	scopes:  []string{"langsmith*"},
	words: vocabulary{
		provider:     names("gen_ai.provider.name", "gen_ai.system", "langsmith.metadata.ls_provider"),
		requestModel: names("gen_ai.request.model", "langsmith.metadata.ls_model_name"),
		session: names("gen_ai.conversation.id", "session.id", "langsmith.metadata.session_id", "langsmith.metadata.thread_id",
			"langsmith.metadata.conversation_id", "langsmith.trace.session_id"),
	}.complete(),
	input:  inputInclusive,
	output: outputInclusive,
	knows:  knownFromAnswers,
	operation: func(s *spanReader) operation {
		switch s.a.text(langsmithKind) {
		case "llm":
			if op := s.conventionalOperation(); op.isCall() {
				return op
			}
			return opChat
		case "embedding":
			return opEmbedding
		case "":
			return s.conventionalOperation()
		}
		return opNotACall
	},
	adjust: func(s *spanReader, f *facts) {
		if details := jsonOfPython(s.a.text(langsmithInput)); details != "" {
			j := newJSON(details)
			f.readInputDetails(&j)
			f.reports |= MissingCache | MissingAudio
		}
		if details := jsonOfPython(s.a.text(langsmithOutput)); details != "" {
			j := newJSON(details)
			f.readOutputDetails(&j)
			f.reports |= MissingReasoning
		}
		if f.reports&MissingCache == 0 {
			if metadata := s.a.firstText(langsmithUsage); metadata != "" {
				own := noFacts
				j := newJSON(metadata)
				own.readUsage(&j)
				if f.n[factInput] == absent && f.n[factOutput] == absent {
					f.take(&own)
				} else {
					f.addDetails(&own)
				}
			}
		}
	},
}
