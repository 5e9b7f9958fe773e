package genai

import "github.com/otelcol-usage/otelcol-usage/internal/catalog"

// Strands Agents write each number under two or three names and hand the
// provider's own on. For Bedrock the cached tokens are beside the input and
// counted in the total, where their number, but not their split, can be had
// when they are dropped. Its other clients drop the cache (Anthropic, OpenAI
// Responses, Gemini), or report it only where there is some (OpenAI chat,
// LiteLLM, which has it inside the input for every provider).
//
// The JavaScript SDK calls its scope and its gen_ai.system by the name of the
// service, where one is configured.
//
// Sources: captures of @strands-agents/sdk 1.19.0;
// strands-agents/sdk-python@1232230 (telemetry/tracer.py, models).
var strands = dialect{
	name:    "strands",
	follows: followsConventions,
	marks:   setOf(name("gen_ai.event.start_time")),
	scopes:  []string{"strands-agents*", "strands.telemetry*"},
	systems: []string{"strands-agents"},
	words:   conventionWords.complete(),
	input:   inputAsProvider,
	output:  outputAsProvider,
	knows:   knownFromAttributes,
	adjust: func(s *spanReader, f *facts) {
		if catalog.Canonical(s.provider) == "" {
			s.provider = "strands-agents" // it is the service's name; the model says
		}
		if s.r.model(s.modelName()).bedrock {
			f.reports |= MissingCache
		}
		cached := f.n[factCacheRead].or0() + f.n[factCacheWrite].or0()
		if cached > 0 && f.n[factTotal].known() && f.n[factTotal].or0() == f.n[factInput].or0()+f.n[factOutput].or0() {
			f.inputMeans = inputInclusive
		}
	},
}
