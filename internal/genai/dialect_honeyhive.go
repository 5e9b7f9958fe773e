package genai

// HoneyHive's SDKs write what a call used among its metadata, and translate the
// names of other instrumentations into theirs on the same span. The numbers are
// those of the client library.
//
// Sources: honeyhiveai's Python and TypeScript SDKs (tracer, enrichment, span
// processor) and their documentation; no capture.
var (
	honeyHiveType  = name("honeyhive_event_type")
	honeyHiveModel = names("honeyhive_config.model", "honeyhive.config.model", "honeyhive_metadata.response_model", "honeyhive_metadata.model")
)

var honeyHive = dialect{
	name:    "honeyhive",
	follows: follows{"honeyhive_*", inSourceOnly},
	marks:   setOf(honeyHiveType),
	joins:   true,
	scopes:  []string{"honeyhive*"},
	words: vocabulary{
		provider: names("gen_ai.provider.name", "gen_ai.system", "honeyhive_config.provider", "honeyhive.config.provider"),
		session:  names("honeyhive.session_id", "honeyhive_session_id", "session.id", "gen_ai.conversation.id"),
		cost:     names("honeyhive_metadata.cost", "honeyhive_metadata.total_cost", "honeyhive_metrics.cost"),
		counts: factNames{
			factInput:      names("honeyhive_metadata.prompt_tokens", "honeyhive_metadata.input_tokens", "honeyhive_metadata.usage.prompt_tokens"),
			factOutput:     names("honeyhive_metadata.completion_tokens", "honeyhive_metadata.output_tokens", "honeyhive_metadata.usage.completion_tokens"),
			factTotal:      names("honeyhive_metadata.total_tokens", "honeyhive_metadata.usage.total_tokens"),
			factCacheRead:  names("honeyhive_metadata.cache_read_input_tokens", "honeyhive_metadata.cached_tokens"),
			factCacheWrite: names("honeyhive_metadata.cache_write_input_tokens", "honeyhive_metadata.cache_creation_input_tokens"),
			factReasoning:  names("honeyhive_metadata.reasoning_tokens"),
		},
	}.complete(),
	input:  inputUnknown,
	output: outputUnknown,
	knows:  knownFromAttributes,
	operation: func(s *spanReader) operation {
		if op := operationNamed(s.call.Operation); op.isCall() {
			return op
		}
		if s.a.text(honeyHiveType) == "model" {
			return opChat
		}
		if s.a.has(honeyHiveType) {
			return opNotACall
		}
		return s.conventionalOperation()
	},
	adjust: func(s *spanReader, f *facts) {
		f.unlisted = true
		if s.call.RequestModel == "" {
			s.call.RequestModel = s.a.firstText(honeyHiveModel)
		}
	},
}
