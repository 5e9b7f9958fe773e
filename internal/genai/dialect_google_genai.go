package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// googleGenAI is Gemini and Vertex AI through Google's SDKs. The output is the
// candidates' tokens, without thoughts; since April 2026 the instrumentation of
// google-genai adds the thoughts to it, and reports them, with the cached tokens,
// in its experimental mode only. Traceloop's vertexai has the same scope, its
// total shows the thoughts. Where the SDK calls functions by itself, one span
// stands for several calls and reports the usage of the last.
//
// Sources: captures of google-genai 0.8b0; open-telemetry/opentelemetry-python-contrib@466ae4c (google-genai
// generate_content.py, vertexai utils.py); traceloop/openllmetry 0.62.1
// (vertexai span_utils.py).
var googleGenAI = dialect{
	name:    "google-genai",
	follows: followsConventions,
	scopes: []string{
		"opentelemetry.instrumentation.google_genai*", "opentelemetry.instrumentation.vertexai*", "opentelemetry.instrumentation.genai.google*",
		"@opentelemetry/instrumentation-google*", "@google/genai*",
	},
	words: vocabulary{
		operation: names("gen_ai.operation.name", "llm.request.type"),
		counts: factNames{
			factTotal: names("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
		},
	}.complete(),
	input:  inputAsProvider,
	output: outputAsProvider,
	knows:  knownOfSeveral,
	operation: func(s *spanReader) operation {
		if s.call.Operation == "execute_tool" {
			s.r.rememberCaller(s.span.ParentSpanID())
		}
		return s.conventionalOperation()
	},
	adjust: func(s *spanReader, f *facts) {
		f.callsMissing = s.r.callers.Contains(s.span.SpanID())
		if strings.HasPrefix(s.scope, "opentelemetry.instrumentation.vertexai") && catalog.Canonical(s.provider) == catalog.GoogleAny {
			s.provider = catalog.Vertex // Traceloop says "Google"
		}
		if f.n[factReasoning].known() {
			f.outputMeans = outputInclusive // versions that report the thoughts include them
		}
	},
}
