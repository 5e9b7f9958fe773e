package genai

// Sentry's SDKs with an OpenTelemetry exporter follow the conventions. Their
// input includes the cache and their total is input and output; earlier
// versions handed Anthropic's input on, and added the cache to the total.
//
// Source: captures of @sentry/node 10.78.0; getsentry/sentry-javascript,
// packages/core/src/tracing/ai.
var sentry = dialect{
	name:   "sentry",
	marks:  setOf(name("sentry.op")),
	scopes: []string{"@sentry/*"},
	words:  conventionWords.complete(),
	input:  inputUnknown,
	output: outputUnknown,
	knows:  knownFromAttributes,
	adjust: func(_ *spanReader, f *facts) {
		if f.n[factTotal].known() && f.n[factTotal].or0() == f.n[factInput].or0()+f.n[factOutput].or0() {
			f.inputMeans = inputInclusive
		}
	},
}
