package genai

import "github.com/otelcol-usage/otelcol-usage/internal/catalog"

// openRouter is OpenRouter's Broadcast: a span for each generation, and below
// it one for each attempt at an upstream provider. An attempt repeats the usage
// of its generation or has none. No capture of it is public: see [Unproven].
//
// Source: openrouter.ai/docs (Broadcast), and a client that reads it.
var openRouter = dialect{
	name:           "openrouter",
	callsComeApart: true,
	follows:        alsoOwn("OpenRouter Broadcast", documented),
	marks: setOf(names("openrouter.provider_slug", "openrouter.api_key_name", "openrouter.input_unit_price", "trace.metadata.openrouter.source",
		"trace.metadata.openrouter.provider_slug", "trace.metadata.openrouter.api_key_name", "trace.metadata.openrouter.input_unit_price")...),
	words:   conventionWords.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	knows:   knownFromAnswers,
	reports: MissingCache | MissingReasoning,
	operation: func(s *spanReader) operation {
		if !s.a.present.meets(&usageNames) {
			return opNotACall
		}
		if op := s.conventionalOperation(); op != opUnknown {
			return op
		}
		return opChat
	},
	adjust: func(s *spanReader, _ *facts) { s.provider = catalog.OpenRouter },
}
