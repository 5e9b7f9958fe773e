package genai

import "strings"

// The OpenTelemetry semantic conventions for GenAI through all their renames:
// gen_ai.system became gen_ai.provider.name, prompt_tokens/completion_tokens
// became input_tokens/output_tokens (semantic-conventions v1.27), cache_creation
// became cache_write (semantic-conventions-genai #440). Old and new names
// occur side by side for years, in one library even.
//
// Source: open-telemetry/semantic-conventions (docs/gen-ai),
// open-telemetry/semantic-conventions-genai (model/gen-ai/registry.yaml).
var conventionWords = vocabulary{
	operation: names("gen_ai.operation.name"),
	provider:  names("gen_ai.provider.name", "gen_ai.system", "openclaw.provider", "llm.provider", "llm.vendor", "gen_ai.provider", "ai.proxy.meta.provider_name", "gen_ai.model.provider"),
	address:   names("server.address", "net.peer.name", "http.host"),
	model:     names("gen_ai.response.model", "llm.response.model", "llm.response.model_name", "ai.proxy.meta.response_model"),
	requestModel: names("gen_ai.request.model", "llm.request.model", "llm.request.model_name", "llm.model_name", "llm.model", "gen_ai.model", "gen_ai.model.name",
		"gen_ai.model_name", "gen_ai.request.model_name", "gen_ai.model.id", "ai.model.id", "llm_model", "model", "model_name",
		"llm.model.name", "llm.model_id", "gen_ai.request.model_id", "model_id", "model.id", "model.name", "openclaw.model", "ai.proxy.meta.request_model", "ag.meta.configuration.model", "confident.llm.model", "au.llm.name"),
	responseID: names("gen_ai.response.id"),
	seconds: names("gen_ai.usage.seconds", "gen_ai.usage.audio_seconds", "gen_ai.usage.duration_seconds", "ai.usage.seconds", "metrics.audio_seconds",
		"metrics.audio_duration", "audio_seconds", "audio_duration_seconds", "stt.audio_duration", "stt.audio_seconds", "gen_ai.audio.duration_seconds", "gen_ai.request.audio.duration"),
	session: names("gen_ai.conversation.id", "session.id"),
	cost:    shippedCosts,
	counts:  shippedNames,
}

// namesURL are attributes that hold the address of a call as a URL.
var namesURL = names("gen_ai.request.base_url", "gen_ai.openai.api_base", "gen_ai.request.api_base", "llm.base_url", "llm.api_base", "openai.api_base", "api_base",
	"base_url", "langsmith.metadata.ls_base_url", "url.full", "http.url", "server.url", "gen_ai.endpoint")

// Names that several dialects read outside their vocabulary.
var (
	nameProviderName  = name("gen_ai.provider.name")
	nameErrorType     = name("error.type")
	nameHTTPStatus    = name("http.response.status_code")
	nameImageSize     = name("gen_ai.request.image.size")
	nameImageQuality  = name("gen_ai.request.image.quality")
	nameImageSizeOld  = name("gen_ai.request.image_size")
	nameImageQualOld  = name("gen_ai.request.image_quality")
	nameRequestText   = name("ai.request.text")
	namesImageSize    = []nameID{nameImageSize, nameImageSizeOld}
	namesImageQuality = []nameID{nameImageQuality, nameImageQualOld}
)

// conventions is the dialect of the instrumentations that are known to follow the
// conventions to the letter. What they leave out differs by version, so no detail is taken
// as zero when absent.
var conventions = dialect{
	name:    "otel",
	follows: followsConventions,
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
	adjust: func(s *spanReader, f *facts) {
		// Many packages share these prefixes.
		if strings.HasPrefix(s.scope, "go.opentelemetry.io/") {
			f.inputMeans, f.unlisted = inputUnknown, true
		}
	},
}

// unknownDialect is for names of the conventions from an unknown library. The names are
// certain; what the input includes is not, and where that decides, the call is uncertain.
var unknownDialect = dialect{
	name:    "otel-unknown",
	follows: follows{"any of those above", inSourceOnly},
	words:   conventionWords.complete(),
	input:   inputUnknown,
	output:  outputUnknown,
	knows:   knownFromAttributes,
	adjust:  func(_ *spanReader, f *facts) { f.unlisted = true },
}
