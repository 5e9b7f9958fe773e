package genai

import "github.com/otelcol-usage/otelcol-usage/internal/catalog"

// LiteLLM, as proxy and as library. The span "litellm_request" is the call;
// its child "raw_gen_ai_request" repeats what the provider answered. Its
// prompt tokens include the cache for every provider. What the cache did stands
// in the usage object among the metadata, written as Python writes a dict.
//
// Its second callback (otel_v2) follows the conventions, calls speech, images
// and transcription generate_content, and names the routed model beside the
// client's alias for it.
//
// Source: BerriAI/litellm@00145a6 (integrations/opentelemetry.py), types/utils.py
// (StandardLoggingMetadata), integrations/otel (mappers/genai.py@00e7401,
// model/semconv.py@0012d9a, model/baggage.py@14dc5bd), and its documentation.
var (
	litellmParams = name("hidden_params")
	litellmUsage  = name("metadata.usage_object")
	litellmType   = name("litellm.call_type")
	litellmModel  = name("litellm.provider.model")
)

var litellm = dialect{
	name:    "litellm",
	follows: alsoOwn("litellm.*, metadata.*", documented),
	marks:   setOf(name("litellm.call_id"), name("litellm.request.type"), name("llm.request.functions"), litellmParams),
	scopes:  []string{"litellm*"},
	words: vocabulary{
		operation: names("gen_ai.operation.name", "llm.request.type", "litellm.request.type"),
		session:   names("gen_ai.conversation.id", "session.id", "metadata.session_id", "metadata.trace_id"),
		cost:      names("gen_ai.cost.total_cost", "litellm.cost.total", "gen_ai.usage.cost"),
		counts: factNames{
			factTotal: names("gen_ai.usage.total_tokens"),
		},
	}.complete(),
	input:  inputInclusive,
	output: outputInclusive,
	knows:  knownFromAnswers,
	operation: func(s *spanReader) operation {
		if s.span.Name() == "raw_gen_ai_request" {
			return opNotACall
		}
		if s.call.Operation == "" && s.span.Name() == "litellm_request" {
			return opChat
		}
		op := s.conventionalOperation()
		if s.call.Operation == "generate_content" {
			if named := operationNamed(s.a.text(litellmType)); named.isCall() {
				op = named
			}
		}
		return op
	},
	adjust: func(s *spanReader, f *facts) {
		if routed := s.a.text(litellmModel); routed != "" && s.r.model(s.modelName()).vendor == catalog.VendorUnknown {
			s.call.Model = routed // the answering model is given as the client's alias, or not at all
		}
		if text := s.a.text(litellmUsage); len(text) > 2 && len(text) <= maxJSON {
			own := noFacts
			j := newJSON(jsonOfPython(text))
			own.readUsage(&j)
			if own.n[factInput].known() && own.n[factInput] == f.n[factInput] {
				f.addDetails(&own)
			}
		}
		if params := s.a.text(litellmParams); params != "" && !s.a.present.meets(&litellmCosts) {
			s.call.reportCostText(jsonMember(params, "response_cost"))
		}
	},
}

var litellmCosts = setOf(names("gen_ai.cost.total_cost", "litellm.cost.total", "gen_ai.usage.cost")...)
