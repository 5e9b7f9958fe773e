package genai

import "strings"

// Sentry's SDKs with an OpenTelemetry exporter follow the conventions. Their
// input includes the cache and their total is input and output; earlier
// versions handed Anthropic's input on, and added the cache to the total.
//
// Source: captures of @sentry/node 10.78.0; getsentry/sentry-javascript,
// packages/core/src/tracing/ai.
var sentryOp = name("sentry.op")

var sentry = dialect{
	name:    "sentry",
	follows: alsoOwn("Sentry conventions", documented),
	marks:   setOf(sentryOp),
	scopes:  []string{"@sentry/*"},
	words:   conventionWords.complete(),
	input:   inputUnknown,
	output:  outputUnknown,
	knows:   knownFromAttributes,
	operation: func(s *spanReader) operation {
		if op := s.conventionalOperation(); op != opUnknown {
			return op
		}
		// Sentry renames the AI SDK's attributes and gives the operation here.
		name, ok := strings.CutPrefix(s.a.text(sentryOp), "gen_ai.")
		if !ok {
			if name, ok = strings.CutPrefix(s.a.text(sentryOp), "ai.run."); !ok {
				return opUnknown
			}
		}
		s.call.Operation = name
		return operationNamed(name)
	},
	adjust: func(_ *spanReader, f *facts) {
		if f.n[factTotal].known() && f.n[factTotal].or0() == f.n[factInput].or0()+f.n[factOutput].or0() {
			f.inputMeans = inputInclusive
		}
	},
}
