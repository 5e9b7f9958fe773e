package genai

import "strings"

// Agent frameworks that write the conventions' names with knowledge of their
// own about what the numbers include.

// Mastra writes a tree of spans per generation, of which the inference is the
// call. Older versions have the usage on the generation and on its steps; the
// nesting tells them apart (twice.go).
//
// Source: captures of @mastra/otel-exporter 1.4.0.
var mastra = dialect{
	name:    "mastra",
	marks:   setOf(mastraType),
	scopes:  []string{"@mastra/*", "mastra*"},
	words:   vocabulary{session: names("gen_ai.conversation.id", "session.id", "mastra.metadata.sessionId", "mastra.metadata.threadId")}.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	reports: MissingCache | MissingReasoning,
	operation: func(s *spanReader) operation {
		switch kind := s.a.text(mastraType); kind {
		case "model_inference":
			return opChat
		case "model_generation", "model_step", "llm_generation":
			if s.a.present.meets(&usageNames) {
				return opChat
			}
			return opNotACall
		case "":
			return s.conventionalOperation()
		}
		return opNotACall
	},
}

var mastraType = name("mastra.span.type")

// Strands Agents write each number under two or three names and hand the
// provider's own on. For Bedrock the cached tokens are beside the input and in
// the total only, where their number, but not their split, can be had.
//
// Sources: captures of @strands-agents/sdk 1.19.0; strands-agents/sdk-python, tracer.
var strands = dialect{
	name:    "strands",
	scopes:  []string{"strands-agents*", "strands.telemetry*"},
	systems: []string{"strands-agents"},
	words:   conventionWords.complete(),
	input:   inputAsProvider,
	output:  outputAsProvider,
	reports: MissingCache,
}

// Google's Agent Development Kit. The call is the span "call_llm"; the answer,
// with thoughts and cached tokens, stands as JSON beside it.
//
// Sources: captures of @google/adk 2.0.0; google/adk-python, telemetry.
var (
	adkResponse = name("gcp.vertex.agent.llm_response")
	adkEvent    = name("gcp.vertex.agent.event_id")
)

var googleADK = dialect{
	name:    "google-adk",
	marks:   setOf(adkResponse, adkEvent),
	scopes:  []string{"gcp.vertex.agent*"},
	systems: []string{"gcp.vertex.agent"},
	words:   vocabulary{session: names("gen_ai.conversation.id", "session.id", "gcp.vertex.agent.session_id")}.complete(),
	input:   inputInclusive,
	output:  outputAsProvider,
	operation: func(s *spanReader) operation {
		if s.call.Operation != "" {
			return s.conventionalOperation()
		}
		if strings.HasPrefix(s.span.Name(), "call_llm") {
			return opChat
		}
		return opNotACall
	},
	adjust: func(s *spanReader, f *facts) {
		a := readAnswer(s.a.text(adkResponse))
		if a.found {
			f.take(&a.usage)
			f.reports |= MissingCache | MissingReasoning
		}
		if s.call.ResponseID == "" {
			s.call.ResponseID = a.id
		}
		if s.call.Model == "" {
			s.call.Model = a.model
		}
	},
}

// Genkit writes no gen_ai names at all: the provider and model stand in the
// action's name, the usage in its output as JSON, the provider's own answer in
// it under "raw" or "custom".
//
// Sources: captures of genkit 1.42.0; firebase/genkit, js/core/src/tracing.
var (
	genkitType    = name("genkit:type")
	genkitSubtype = name("genkit:metadata:subtype")
	genkitName    = name("genkit:name")
	genkitOutput  = name("genkit:output")
	genkitState   = name("genkit:state")
)

var genkit = dialect{
	name:   "genkit",
	marks:  setOf(genkitType, genkitSubtype),
	scopes: []string{"genkit-tracer*"},
	words:  vocabulary{operation: []nameID{genkitSubtype}}.complete(),
	input:  inputInclusive,
	output: outputAsProvider,
	operation: func(s *spanReader) operation {
		switch s.a.text(genkitSubtype) {
		case "model", "background-model":
			return opChat
		case "embedder":
			return opEmbedding
		case "reranker":
			return opRerank
		}
		return opNotACall
	},
	adjust: adjustGenkit,
}

func adjustGenkit(s *spanReader, f *facts) {
	provider, model, ok := strings.Cut(s.a.text(genkitName), "/")
	if !ok {
		provider, model = "", provider
	}
	s.told, s.call.RequestModel = provider, model
	s.callFailed = s.a.text(genkitState) == "error"

	own, raw := noFacts, answer{usage: noFacts}
	j := newJSON(s.a.text(genkitOutput))
	if j.peek() == '{' {
		j.members(func(key string) bool {
			switch key {
			case "usage":
				own.readUsage(&j, "")
			case "raw", "custom":
				if !raw.found {
					raw.object(&j)
				}
			}
			return true
		})
	}
	s.call.ResponseID, s.call.Model = raw.id, raw.model
	if s.call.ServiceTier == "" {
		s.call.ServiceTier = servedTier(raw.tier)
	}
	switch {
	case raw.found && raw.usage.input.known():
		f.take(&raw.usage)
	case own.input != absent || own.output != absent:
		own.reports = 0
		own.inputMeans, own.outputMeans = inputAsProvider, outputAsProvider
		if own.reasoning != absent {
			own.outputMeans = outputExclusive // thoughtsTokens are Gemini's
		}
		f.take(&own)
	}
}

// Pydantic AI and Logfire follow the conventions, with details under
// gen_ai.usage.details and their own cost. Agent runs repeat the sum, in newer
// versions under gen_ai.aggregated_usage.
//
// Source: pydantic/pydantic-ai, models/instrumented.py; genai-prices.
var pydanticAI = dialect{
	name:   "pydantic-ai",
	scopes: []string{"pydantic-ai*", "pydantic_ai*", "logfire*"},
	words: vocabulary{
		cost: names("operation.cost", "gen_ai.usage.cost.amount", "gen_ai.usage.cost"),
	}.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	reports: MissingCache | MissingAudio | MissingReasoning,
	operation: func(s *spanReader) operation {
		if s.call.Operation == "" && strings.HasPrefix(s.scope, "logfire.") && !s.a.has(pydanticAgent) && s.a.present.meets(&usageNames) {
			return opChat // logfire.openai and logfire.anthropic, older versions
		}
		return s.conventionalOperation()
	},
}

var pydanticAgent = name("agent_name")

// LiteLLM, as proxy and as library. The span "litellm_request" is the call;
// its child "raw_gen_ai_request" repeats what the provider answered. Its
// prompt tokens include the cache for every provider.
//
// Source: BerriAI/litellm, integrations/opentelemetry.py, and its documentation.
var litellmParams = name("hidden_params")

var litellm = dialect{
	name:   "litellm",
	marks:  setOf(name("litellm.call_id"), name("litellm.request.type"), name("llm.request.functions"), litellmParams),
	scopes: []string{"litellm*"},
	words: vocabulary{
		operation: names("gen_ai.operation.name", "llm.request.type", "litellm.request.type"),
		total:     names("gen_ai.usage.total_tokens"),
		session:   names("gen_ai.conversation.id", "session.id", "metadata.session_id", "metadata.trace_id"),
		cost:      names("gen_ai.cost.total_cost", "litellm.cost.total", "gen_ai.usage.cost"),
	}.complete(),
	input:  inputInclusive,
	output: outputInclusive,
	operation: func(s *spanReader) operation {
		if s.span.Name() == "raw_gen_ai_request" {
			return opNotACall
		}
		if s.call.Operation == "" && s.span.Name() == "litellm_request" {
			return opChat
		}
		return s.conventionalOperation()
	},
	adjust: func(s *spanReader, _ *facts) {
		if params := s.a.text(litellmParams); params != "" && !s.a.present.meets(&litellmCosts) {
			s.call.reportCostText(jsonMember(params, "response_cost"))
		}
	},
}

var litellmCosts = setOf(names("gen_ai.cost.total_cost", "litellm.cost.total", "gen_ai.usage.cost")...)

// Microsoft: Agent Framework, Semantic Kernel, Microsoft.Extensions.AI. The
// conventions' names; what the clients below count is handed on.
//
// Source: microsoft/agent-framework, observability; dotnet/extensions, OpenTelemetryChatClient.
var microsoft = dialect{
	name: "microsoft",
	scopes: []string{
		"agent_framework*", "Microsoft.Agents*", "Experimental.Microsoft.Agents*", "Microsoft.SemanticKernel*", "semantic_kernel*",
		"Experimental.Microsoft.Extensions.AI*", "Microsoft.Extensions.AI*", "autogen*",
	},
	systems: []string{"microsoft.agent_framework", "semantic_kernel", "microsoft.semantic_kernel"},
	words:   conventionWords.complete(),
	input:   inputUnknown,
	output:  outputUnknown,
}

// Spring AI, through Micrometer: the conventions' names with the provider's
// own numbers; the span of its ChatClient is a wrapper.
//
// Source: Spring AI reference, observability.
var springAI = dialect{
	name:    "spring-ai",
	scopes:  []string{"org.springframework*", "io.micrometer*"},
	systems: []string{"spring_ai"},
	words:   vocabulary{session: names("gen_ai.conversation.id", "session.id", "spring.ai.chat.client.conversation.id")}.complete(),
	input:   inputAsProvider,
	output:  outputAsProvider,
}
