package genai

import "strings"

// Google's Agent Development Kit. The call is the span "call_llm"; the answer,
// with thoughts and cached tokens, stands as JSON beside it.
//
// Sources: captures of @google/adk 2.0.0; google/adk-python 1.4.2
// (telemetry.py) and 0798a74 (telemetry/tracing.py).
var (
	adkResponse = name("gcp.vertex.agent.llm_response")
	adkEvent    = name("gcp.vertex.agent.event_id")
)

var googleADK = dialect{
	name:    "google-adk",
	follows: alsoOwn("gcp.vertex.agent.*", inSourceOnly),
	marks:   setOf(adkResponse, adkEvent),
	scopes:  []string{"gcp.vertex.agent*"},
	systems: []string{"gcp.vertex.agent"},
	words:   vocabulary{session: names("gen_ai.conversation.id", "session.id", "gcp.vertex.agent.session_id")}.complete(),
	input:   inputInclusive,
	output:  outputAsProvider,
	knows:   knownFromAnswers,
	operation: func(s *spanReader) operation {
		if s.call.Operation != "" {
			return s.conventionalOperation()
		}
		if strings.HasPrefix(s.span.Name(), "call_llm") {
			return opChat
		}
		return opNotACall
	},
	adjust: func(s *spanReader, f *facts) {
		a := readAnswer(s.a.text(adkResponse))
		f.take(&a.usage)
		if a.found {
			f.reports |= MissingCache | MissingReasoning
		}
		if s.call.ResponseID == "" {
			s.call.ResponseID = a.id
		}
		if s.call.Model == "" {
			s.call.Model = a.model
		}
	},
}
