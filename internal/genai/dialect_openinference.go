package genai

import (
	"cmp"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// OpenInference (Arize Phoenix). A kind on every span says what it is; only
// LLM, EMBEDDING and RERANKER are calls. The prompt count includes cached
// tokens in the JavaScript packages and in most of the Python ones; other
// emitters differ (phoenix#10036). The provider's answer, with its id, the
// split of cache writes and whatever else there is, stands as JSON in
// output.value.
//
// Sources: captures of the JavaScript packages; Arize-ai/openinference@1fe497f,
// spec and the Python instrumentations of anthropic, bedrock, google-genai,
// langchain, litellm, openai, openai-agents and vertexai.
var (
	openInferenceKind       = name("openinference.span.kind")
	openInferenceOutput     = name("output.value")
	openInferenceMetadata   = name("metadata")
	openInferenceParameters = name("llm.invocation_parameters")
	openInferenceCacheRead  = name("llm.token_count.prompt_details.cache_read")
	openInferenceDetails    = setOf(names(
		"llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_write", "llm.token_count.prompt_details.audio",
		"llm.token_count.completion_details.reasoning", "llm.token_count.completion_details.audio")...)
)

var openInference = dialect{
	name:    "openinference",
	follows: follows{"OpenInference: llm.*, openinference.*", documented},
	marks:   setOf(openInferenceKind),
	joins:   true,
	scopes:  []string{"@arizeai/openinference*", "openinference.instrumentation*"},
	words: vocabulary{
		operation:    []nameID{openInferenceKind},
		provider:     names("llm.provider", "llm.system", "gen_ai.provider.name", "gen_ai.system"),
		model:        names("llm.response.model_name", "llm.model_name", "embedding.model_name", "reranker.model_name", "gen_ai.response.model"),
		requestModel: names("llm.request.model_name", "gen_ai.request.model"),
		session:      names("session.id", "gen_ai.conversation.id"),
		cost:         names("llm.cost.total"),
		counts: factNames{
			factInput:       names("llm.token_count.prompt", "gen_ai.usage.input_tokens"),
			factOutput:      names("llm.token_count.completion", "gen_ai.usage.output_tokens"),
			factTotal:       names("llm.token_count.total"),
			factCacheRead:   names("llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input", "gen_ai.usage.cache_read.input_tokens"),
			factCacheWrite:  names("llm.token_count.prompt_details.cache_write", "gen_ai.usage.cache_creation.input_tokens"),
			factReasoning:   names("llm.token_count.completion_details.reasoning"),
			factInputAudio:  names("llm.token_count.prompt_details.audio"),
			factOutputAudio: names("llm.token_count.completion_details.audio"),
		},
	}.complete(),
	input:   inputUnknown,
	output:  outputInclusive,
	knows:   knownFromAnswers,
	reports: MissingReasoning | MissingAudio,
	operation: func(s *spanReader) operation {
		switch s.a.text(openInferenceKind) {
		case "LLM":
			return opChat
		case "EMBEDDING":
			return opEmbedding
		case "RERANKER":
			return opRerank
		case "":
			return s.conventionalOperation()
		}
		return opNotACall
	},
	adjust: adjustOpenInference,
}

func adjustOpenInference(s *spanReader, f *facts) {
	python, isPython := strings.CutPrefix(s.scope, "openinference.instrumentation.")
	switch {
	case strings.HasPrefix(s.scope, "@arizeai/"):
		if f.input(openInferenceJavaScript, s.scope); !f.unlisted {
			f.reports |= MissingCache
		}
	case s.a.present.meets(&openInferenceDetails):
		f.reports |= MissingCache // this version writes details; older ones wrote none
	}
	f.unlisted = f.unlisted || !isPython && !strings.HasPrefix(s.scope, "@arizeai/")
	if isPython {
		adjustOpenInferencePython(s, f, python)
	}
	if s.op != opEmbedding {
		output := s.a.text(openInferenceOutput)
		a := readAnswer(output)
		// LangChain adds up the output tokens of the first and the last event of
		// Anthropic's streams, although the last one reports all of them.
		if strings.HasSuffix(s.scope, "langchain") && s.r.model(s.modelName()).vendor == catalog.VendorAnthropic {
			f.estimate = strings.Contains(output[:min(len(output), maxJSON)], `"AIMessageChunk"`)
		}
		if s.call.ResponseID == "" {
			s.call.ResponseID = a.id
		}
		if s.call.Model == "" {
			s.call.Model = a.model
		}
		switch {
		case a.found && (f.n[factInput] == absent && f.n[factOutput] == absent || python == "google_genai" && a.usage.n[factOutput].known()):
			f.take(&a.usage)
		default:
			f.addDetails(&a.usage)
		}
	}
	if s.call.Model == "" { // speech and images: reported with the request only
		parameters := s.a.text(openInferenceParameters)
		s.call.RequestModel = cmp.Or(jsonMember(parameters, "model"), s.call.RequestModel)
		switch s.r.model(s.call.RequestModel).kind {
		case catalog.KindTTS:
			j := newJSON(parameters)
			f.readSpoken(&j, "input")
		case catalog.KindImage:
			if f.n[factImages] = countOfText(jsonMember(parameters, "n")); !f.n[factImages].known() {
				f.n[factImages] = 1
			}
			s.call.Variant = imageVariant(jsonMember(parameters, "size"), jsonMember(parameters, "quality"))
		}
	}
	s.userFromJSON(s.a.text(openInferenceMetadata), openInferenceParameters)
}

// openInferenceJavaScript are the known packages for JavaScript. Their prompt includes the
// cache.
var openInferenceJavaScript = packages{
	"@arizeai/openinference-instrumentation-openai": inputInclusive, "@arizeai/openinference-instrumentation-anthropic": inputInclusive,
	"@arizeai/openinference-instrumentation-bedrock": inputInclusive, "@arizeai/openinference-instrumentation-langchain": inputInclusive,
	"@arizeai/openinference-instrumentation-langchain-v0": inputInclusive, "@arizeai/openinference-instrumentation-openai-agents": inputInclusive,
	"@arizeai/openinference-instrumentation-beeai": inputInclusive, "@arizeai/openinference-instrumentation-bedrock-agent-runtime": inputInclusive,
	"@arizeai/openinference-vercel": inputInclusive, "@arizeai/openinference-genai": inputInclusive, "@arizeai/openinference-tanstack-ai": inputInclusive,
}

// adjustOpenInferencePython applies what is known about each Python package.
func adjustOpenInferencePython(s *spanReader, f *facts, library string) {
	switch library {
	case "openai", "openai_agents", "groq":
		f.inputMeans = inputInclusive
		f.outputMeans = outputAsProvider // xAI's completion comes through the same client
	case "anthropic", "mistralai":
		f.inputMeans = inputInclusive
	case "google_genai":
		// Versions 0.1.12 to 0.1.15 added the cached tokens to the prompt twice; the
		// provider's answer is right.
		f.inputMeans = inputInclusive
	case "litellm":
		f.inputMeans = inputInclusive
		f.n[factCacheRead] = s.a.count(openInferenceCacheRead) // its cache_input holds the text tokens
	case "langchain":
		// Included in the prompt; for Bedrock this is a guess that may be wrong.
		if info := s.r.model(s.modelName()); !info.bedrock && catalog.Canonical(s.provider) != catalog.Bedrock {
			f.inputMeans = inputInclusive
		}
	case "bedrock":
		// Anthropic's own API: included, and without a total. Converse and Nova report the
		// cached tokens separately from the prompt.
		if f.n[factTotal] == absent {
			f.inputMeans = inputInclusive
		}
	case "vertexai":
		s.provider = catalog.Vertex
		f.outputMeans = outputAsProvider
		f.reports &^= MissingReasoning
	}
}

// userFromJSON looks for user and session in the JSON of the metadata and of the request,
// when no attribute reports them.
func (s *spanReader) userFromJSON(metadata string, request nameID) {
	r := s.r
	if len(r.userNames) == 0 {
		return
	}
	if len(metadata) > 2 {
		if s.call.SessionID == "" {
			s.call.SessionID = jsonMember(metadata, "session_id", "sessionId", "thread_id", "conversation_id")
		}
		if r.userOf(s.a, nil) == "" {
			s.call.User = jsonMember(metadata, "user_id", "userId", "user")
		}
	}
	if s.call.User == "" && s.a.has(request) && r.userOf(s.a, nil) == "" {
		s.call.User = jsonMember(s.a.text(request), "user", "safety_identifier")
	}
}
