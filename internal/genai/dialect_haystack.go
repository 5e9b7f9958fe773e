package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// Haystack writes a span for each component of a pipeline. What a component gave
// back stands beside it as JSON, where the content is traced: the replies of a
// generator have the provider's usage object in their meta data, Anthropic's with the
// sides renamed. A span without it says neither model nor usage; the client library
// below it may.
//
// Source: deepset-ai/haystack (tracing, dataclasses.ChatMessage, the generators and
// embedders) and its integrations for Anthropic, Bedrock and Google; no capture.
var (
	haystackType   = name("haystack.component.type")
	haystackOutput = name("haystack.component.output")
)

var haystack = dialect{
	name:    "haystack",
	follows: follows{"haystack.*", inSourceOnly},
	marks:   setOf(haystackType),
	words:   conventionWords.complete(),
	input:   inputAsProvider,
	output:  outputAsProvider,
	knows:   knownFromAnswers,
	operation: func(s *spanReader) operation {
		if op := s.conventionalOperation(); op.isCall() {
			return op
		}
		kind := s.a.text(haystackType)
		if !strings.Contains(s.a.text(haystackOutput), `"usage"`) {
			return opNotACall
		}
		switch {
		case strings.HasSuffix(kind, "Generator"), strings.HasSuffix(kind, "LLM"):
			return opChat
		case strings.HasSuffix(kind, "Embedder"):
			return opEmbedding
		case strings.HasSuffix(kind, "Ranker"):
			return opRerank
		}
		return opNotACall
	},
	adjust: func(s *spanReader, f *facts) {
		s.call.Operation = s.a.text(haystackType)
		a := readAnswer(s.a.text(haystackOutput))
		f.take(&a.usage)
		if s.call.Model == "" {
			s.call.Model = a.model
		}
		if s.provider == "" && catalog.Canonical(s.call.Operation) != "" {
			s.provider = s.call.Operation
		}
	},
}
