package genai

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// claudePlatform is what Anthropic's API exports itself: a span of kind SERVER
// for each request, and below it internal spans of model runs, server tools and
// turns, whose tokens may repeat the request's. The names are a beta's and no
// capture of them is public: see [Unproven].
//
// Source: platform.claude.com/docs/en/api/opentelemetry/spans.
var claudePlatform = dialect{
	name:           "claude-platform",
	callsComeApart: true,
	follows:        alsoOwn("Claude Platform", experimental),
	scopes:         []string{"com.anthropic.claude-platform*"},
	words:          conventionWords.complete(),
	input:          inputInclusive,
	output:         outputInclusive,
	knows:          knownFromAnswers,
	reports:        MissingCache,
	operation: func(s *spanReader) operation {
		switch {
		case s.span.Kind() != ptrace.SpanKindServer, strings.HasSuffix(s.span.Name(), ".test"):
			return opNotACall
		case s.call.Operation == "" && s.a.present.meets(&usageNames):
			return opChat
		}
		return s.conventionalOperation()
	},
}
