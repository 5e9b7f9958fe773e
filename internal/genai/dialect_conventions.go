package genai

// The OpenTelemetry semantic conventions for GenAI through all their renames:
// gen_ai.system became gen_ai.provider.name, prompt_tokens/completion_tokens
// became input_tokens/output_tokens (semantic-conventions v1.27), cache_creation
// became cache_write (semantic-conventions-genai #440). Old and new names
// occur side by side for years, in one library even.
//
// Source: open-telemetry/semantic-conventions (docs/gen-ai),
// open-telemetry/semantic-conventions-genai (model/gen-ai/registry.yaml).
var conventionWords = vocabulary{
	operation:    names("gen_ai.operation.name"),
	provider:     names("gen_ai.provider.name", "gen_ai.system"),
	address:      names("server.address"),
	model:        names("gen_ai.response.model"),
	requestModel: names("gen_ai.request.model"),
	responseID:   names("gen_ai.response.id"),
	seconds:      names("gen_ai.usage.seconds", "gen_ai.usage.audio_seconds", "gen_ai.usage.duration_seconds", "ai.usage.seconds"),
	session:      names("gen_ai.conversation.id", "session.id"),
	cost: names("gen_ai.usage.cost.amount", "gen_ai.usage.cost", "gen_ai.cost.total_cost", "gen_ai.usage.total_cost", "gen_ai.usage.cost_usd", "operation.cost",
		"llm.cost.total", "_signoz.gen_ai.total_cost"),
	counts: factNames{
		factInput:  names("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
		factOutput: names("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
		factTotal:  names("gen_ai.usage.total_tokens"),
		factCacheRead: names("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
			"gen_ai.usage.input_tokens.cached", "gen_ai.usage.cached_tokens", "gen_ai.usage.details.cache_read_tokens",
			"gen_ai.usage.cache_read_tokens", "gen_ai.usage.details.cached_tokens", "gen_ai.usage.cached_input_tokens"),
		factCacheWrite: names("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
			"gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_input_tokens", "gen_ai.usage.details.cache_write_tokens",
			"gen_ai.usage.cache_write_tokens", "gen_ai.usage.cache_creation_tokens"),
		factCacheWrite5m: names("anthropic.usage.cache_creation.ephemeral_5m_input_tokens", "gen_ai.usage.cache_creation.ephemeral_5m_input_tokens"),
		factCacheWrite1h: names("anthropic.usage.cache_creation.ephemeral_1h_input_tokens", "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens"),
		factReasoning: names("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "gen_ai.usage.output_tokens.reasoning",
			"gen_ai.usage.details.reasoning_tokens", "gen_ai.usage.reasoning_output_tokens", "gen_ai.usage.details.thoughts_tokens",
			"gen_ai.usage.details.thinking_tokens"),
		factInputAudio:     names("gen_ai.usage.audio.input_tokens", "gen_ai.usage.details.input_audio_tokens", "gen_ai.usage.input_audio_tokens"),
		factInputImage:     names("gen_ai.usage.image.input_tokens", "gen_ai.usage.details.input_image_tokens"),
		factInputVideo:     names("gen_ai.usage.video.input_tokens"),
		factOutputAudio:    names("gen_ai.usage.audio.output_tokens", "gen_ai.usage.details.output_audio_tokens", "gen_ai.usage.output_audio_tokens"),
		factOutputImage:    names("gen_ai.usage.image.output_tokens"),
		factCacheReadAudio: names("gen_ai.usage.audio.cache_read.input_tokens", "gen_ai.usage.details.cache_audio_read_tokens"),
		factCacheReadImage: names("gen_ai.usage.image.cache_read.input_tokens"),
		factToolPrompt: names("gen_ai.usage.tool_use_prompt_tokens", "gen_ai.usage.details.tool_use_prompt_tokens", "gen_ai.usage.tool_use.input_tokens",
			"gen_ai.usage.tool_use_input_tokens", "gen_ai.usage.tool_use_prompt_token_count", "gen_ai.usage.details.tool_use_prompt_token_count",
			"llm.token_count.prompt_details.tool_use", "llm.usage.tool_use_prompt_tokens"),
		factBesideInput:  names("anthropic.usage.compaction.input_tokens", "gen_ai.usage.compaction.input_tokens"),
		factBesideOutput: names("anthropic.usage.compaction.output_tokens", "gen_ai.usage.compaction.output_tokens"),
		factWebSearches: names("gen_ai.usage.web_search_requests", "gen_ai.usage.web_searches", "gen_ai.usage.server_tool_use.web_search_requests",
			"anthropic.usage.server_tool_use.web_search_requests", "anthropic.usage.web_search_requests", "gen_ai.usage.details.web_search_requests",
			"gen_ai.usage.details.server_tool_use_web_search_requests", "gen_ai.usage.num_search_queries", "gen_ai.usage.details.num_search_queries",
			"web_search_requests"),
		factFileSearches: names("gen_ai.usage.file_search_calls", "gen_ai.usage.file_searches"),
		factCodeSessions: names("gen_ai.usage.code_sessions", "gen_ai.usage.code_interpreter_sessions"),
		factCitations:    names("gen_ai.usage.citation_tokens", "gen_ai.usage.details.citation_tokens"),
	},
}

// Names that more than one dialect looks at beside its vocabulary.
var (
	nameProviderName  = name("gen_ai.provider.name")
	nameErrorType     = name("error.type")
	nameHTTPStatus    = name("http.response.status_code")
	nameCostCurrency  = name("gen_ai.usage.cost.currency")
	nameImageSize     = name("gen_ai.request.image.size")
	nameImageQuality  = name("gen_ai.request.image.quality")
	nameImageSizeOld  = name("gen_ai.request.image_size")
	nameImageQualOld  = name("gen_ai.request.image_quality")
	nameRequestText   = name("ai.request.text")
	namesImageSize    = []nameID{nameImageSize, nameImageSizeOld}
	namesImageQuality = []nameID{nameImageQuality, nameImageQualOld}
)

// conventions is the dialect of the instrumentations that are known to follow
// the conventions to the letter. What they leave out differs by version, so
// nothing counts as reported that is not there.
var conventions = dialect{
	name: "otel",
	scopes: []string{
		"@opentelemetry/instrumentation-openai",
		"@elastic/opentelemetry-instrumentation-openai",
		"opentelemetry.instrumentation.openai_v2", "opentelemetry.instrumentation.genai.openai*", "opentelemetry.instrumentation.openai_agents*",
		"opentelemetry.util.genai*",
		"io.opentelemetry.openai-java*",
		"go.opentelemetry.io/*",
		"livekit-agents*", "agentgateway*",
	},
	words:  conventionWords.complete(),
	input:  inputInclusive,
	output: outputUnknown,
	knows:  knownFromAttributes,
}

// unknownDialect is the conventions' names from an unknown hand. The names are
// certain; what the input includes is not, and where that decides the call is
// uncertain.
var unknownDialect = dialect{
	name:   "otel-unknown",
	words:  conventionWords.complete(),
	input:  inputUnknown,
	output: outputUnknown,
	knows:  knownFromAttributes,
	adjust: func(_ *spanReader, f *facts) { f.unlisted = true },
}
