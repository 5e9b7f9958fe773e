package genai

// Opik's names, as its API and its SDKs have them: a type, a model, a provider and
// the usage, flat or as an object, in the numbers of the client library.
//
// Sources: comet-ml/opik (span fields of its SDKs, OpenTelemetryMapper); no capture.
var (
	opikType  = names("opik.span.type", "opik.type")
	opikModel = names("opik.model", "opik.span.model", "opik.metadata.model")
)

var opik = dialect{
	name:    "opik",
	follows: follows{"opik.*", inSourceOnly},
	marks:   setOf(opikType...),
	joins:   true,
	scopes:  []string{"opik*"},
	words: vocabulary{
		provider: names("gen_ai.provider.name", "gen_ai.system", "opik.provider", "opik.span.provider"),
		session:  names("opik.thread_id", "thread_id", "session.id", "gen_ai.conversation.id"),
		cost:     names("opik.total_cost", "opik.total_estimated_cost", "opik.cost"),
		counts: factNames{
			factInput:     names("opik.usage.prompt_tokens", "opik.usage.input_tokens"),
			factOutput:    names("opik.usage.completion_tokens", "opik.usage.output_tokens"),
			factTotal:     names("opik.usage.total_tokens"),
			factCacheRead: names("opik.usage.cache_read_input_tokens", "opik.usage.cached_tokens"),
		},
	}.complete(),
	input:  inputUnknown,
	output: outputUnknown,
	knows:  knownFromAttributes,
	operation: func(s *spanReader) operation {
		if op := operationNamed(s.call.Operation); op.isCall() {
			return op
		}
		if kind := s.a.firstText(opikType); kind != "" {
			return typedOperation(kind)
		}
		return s.conventionalOperation()
	},
	adjust: func(s *spanReader, f *facts) {
		f.unlisted = true
		if s.call.RequestModel == "" {
			s.call.RequestModel = s.a.firstText(opikModel)
		}
	},
}
