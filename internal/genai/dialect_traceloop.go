package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// Traceloop's OpenLLMetry. Its JavaScript packages hand the provider's own
// numbers on: inclusive for OpenAI and Gemini, exclusive for Bedrock, and up to
// 0.27.0 for Anthropic, whose cache later versions fold into the input. Its Python packages fold Anthropic's cache into the input; the
// Bedrock package does not (openllmetry#4449). Older versions use older names,
// and counted streams themselves.
//
// Sources: captures of @traceloop/node-server-sdk 0.27.0;
// traceloop/openllmetry 0.62.1 (semconv_ai and the packages openai, anthropic,
// bedrock, google_generativeai, langchain, llamaindex).
var (
	traceloopKind   = name("traceloop.span.kind")
	traceloopBase   = name("gen_ai.openai.api_base")
	traceloopTools  = name("gen_ai.tool.definitions")
	traceloopModel  = name("gen_ai.response.model")
	traceloopOutput = name("gen_ai.usage.output_tokens")
	traceloopStream = names("llm.is_streaming", "gen_ai.is_streaming", "gen_ai.request.stream", "gen_ai.request.is_stream")

	traceloopWords = vocabulary{
		operation:    names("gen_ai.operation.name", "llm.request.type", "gen_ai.request.type"),
		model:        names("gen_ai.response.model", "llm.response.model"),
		requestModel: names("gen_ai.request.model", "llm.request.model"),
		session: names("gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id",
			"traceloop.association.properties.chat_id", "traceloop.association.properties.conversation_id", "traceloop.association.properties.thread_id"),
		counts: factNames{
			factInput:      names("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"),
			factOutput:     names("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens"),
			factTotal:      names("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
			factCacheRead:  names("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens", "llm.usage.cache_read_input_tokens"),
			factCacheWrite: names("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens", "llm.usage.cache_creation_input_tokens"),
		},
	}
)

var traceloop = dialect{
	name:      "traceloop",
	follows:   alsoOwn("traceloop.*", documented),
	scopes:    []string{"@traceloop/*"},
	words:     traceloopWords.complete(),
	input:     inputAsProvider,
	output:    outputAsProvider,
	knows:     knownFromAnswers,
	operation: traceloopOperation,
	adjust:    adjustTraceloop,
}

var openllmetry = dialect{
	name:    "openllmetry",
	follows: alsoOwn("traceloop.*, llm.*", documented),
	scopes: []string{
		"opentelemetry.instrumentation.openai", "opentelemetry.instrumentation.openai.*", "opentelemetry.instrumentation.anthropic*",
		"opentelemetry.instrumentation.bedrock*", "opentelemetry.instrumentation.cohere*", "opentelemetry.instrumentation.groq*",
		"opentelemetry.instrumentation.mistralai*", "opentelemetry.instrumentation.ollama*", "opentelemetry.instrumentation.together*",
		"opentelemetry.instrumentation.watsonx*", "opentelemetry.instrumentation.replicate*", "opentelemetry.instrumentation.langchain*",
		"opentelemetry.instrumentation.llamaindex*", "opentelemetry.instrumentation.google_generativeai*", "opentelemetry.instrumentation.alephalpha*",
		"opentelemetry.instrumentation.haystack*", "opentelemetry.instrumentation.crewai*", "opentelemetry.instrumentation.sagemaker*",
		"opentelemetry.instrumentation.writer*", "opentelemetry.instrumentation.agno*", "opentelemetry.instrumentation.transformers*",
	},
	words:     traceloopWords.complete(),
	input:     inputUnknown,
	output:    outputAsProvider,
	knows:     knownOfSeveral,
	operation: traceloopOperation,
	adjust: func(s *spanReader, f *facts) {
		library, _, _ := strings.Cut(strings.TrimPrefix(s.scope, "opentelemetry.instrumentation."), ".")
		stream := s.isStream(traceloopStream)
		switch library {
		case "openai":
			f.inputMeans = inputInclusive
			s.readBase()
		case "langchain":
			f.inputMeans, f.outputMeans = inputInclusive, outputInclusive // LangChain's own count
			s.wrapped = true
		case "google_generativeai":
			// When a tool is described by nothing but its name, the SDK can call it and ask
			// the model again under the same span.
			f.callsMissing = givesFunctions(s.a.text(traceloopTools))
		case "bedrock", "llamaindex", "groq", "together", "mistralai", "cohere", "ollama", "watsonx", "vertexai":
			f.inputMeans = inputAsProvider
		case "anthropic":
			f.inputMeans = inputInclusive
			f.reports |= MissingCache
			// The output tokens of a stream's first event are added to those of the last
			// event, which already include them.
			f.estimate = stream || s.writes(traceloopOutput, traceloopModel)
		default:
			f.unlisted = true
		}
		if f.n[factCacheRead] == absent && stream {
			f.estimate = true // it may have counted itself without saying so
		}
	},
}

// writes reports whether the span has both attributes, the first before the second. The
// package's helper for streams does not mark streams, but writes the usage before the
// model; for other calls the model comes first.
func (s *spanReader) writes(first, then nameID) bool {
	if !s.a.has(first) || !s.a.has(then) {
		return false
	}
	for key := range s.span.Attributes().All() {
		switch key {
		case s.r.names.names[first]:
			return true
		case s.r.names.names[then]:
			return false
		}
	}
	return false
}

// givesFunctions reports whether any tool definition consists of a name alone.
func givesFunctions(definitions string) (found bool) {
	j := newJSON(definitions)
	j.elements(128, func(int) {
		named, members := false, 0
		j.members(func(key string) bool {
			named = named || key == "name"
			members++
			return true
		})
		found = found || named && members == 1
	})
	return found
}

// readBase takes the address from the base URL of the client: the package calls every
// provider that it does not know "openai".
func (s *spanReader) readBase() {
	if s.address == "" {
		s.address = catalog.HostOf(s.a.text(traceloopBase))
	}
}

func traceloopOperation(s *spanReader) operation {
	switch s.a.text(traceloopKind) {
	case "workflow", "task", "agent", "tool":
		if strings.HasSuffix(s.scope, "langchain") {
			s.r.readWrapped(s.a)
		}
		return opNotACall
	}
	if s.call.Operation == "" && s.scope == "@traceloop/instrumentation-bedrock" && s.a.present.meets(&modelNames) {
		return opChat // Converse, whose span names only the model
	}
	return s.conventionalOperation()
}

// traceloopPackages are the known packages for JavaScript.
var traceloopPackages = packages{
	"@traceloop/instrumentation-openai": inputAsProvider, "@traceloop/instrumentation-azure": inputAsProvider, "@traceloop/instrumentation-anthropic": inputAsProvider,
	"@traceloop/instrumentation-bedrock": inputAsProvider, "@traceloop/instrumentation-cohere": inputAsProvider, "@traceloop/instrumentation-together-ai": inputAsProvider,
	"@traceloop/instrumentation-together": inputAsProvider, "@traceloop/instrumentation-google-generativeai": inputAsProvider,
	"@traceloop/instrumentation-vertexai": inputAsProvider, "@traceloop/instrumentation-llamaindex": inputAsProvider,
	"@traceloop/instrumentation-langchain": inputInclusive, // LangChain's own count
	"@traceloop/node-server-sdk":           inputAsProvider,
}

func adjustTraceloop(s *spanReader, f *facts) {
	f.input(traceloopPackages, s.scope)
	switch {
	case s.op == opImage:
		// Image tokens are taken from a table by size and quality; the provider's answer
		// has other numbers.
		f.estimate = true
	case s.op == opRerank:
		// The numbers that it calls tokens are Cohere's search units.
		f.n[factSearchUnits], f.n[factTotal] = f.n[factTotal], absent
	case strings.HasSuffix(s.scope, "instrumentation-anthropic"):
		f.reports |= MissingCache
		if s.r.version != "" && !olderThan(s.r.version, 0, 27, 1) {
			f.inputMeans = inputInclusive
		}
	case strings.HasSuffix(s.scope, "instrumentation-langchain"):
		s.wrapped = true
	case strings.HasSuffix(s.scope, "instrumentation-openai"):
		// Streams are counted with a local tokenizer even when the stream carries the usage
		// (openllmetry-js#940), and nothing on the span marks a stream; only calls of the
		// Responses API are read correctly.
		if s.op == opChat && f.n[factCacheRead] == absent && !strings.HasPrefix(s.call.ResponseID, "resp_") && !s.isNoStream(traceloopStream) {
			f.estimate = true
		}
	}
}

// isStream reports whether the span says that it is a stream, isNoStream whether it says
// that it is not.
func (s *spanReader) isStream(ids []nameID) bool {
	for _, id := range ids {
		if s.a.has(id) {
			return s.a.isTrue(id)
		}
	}
	return false
}

func (s *spanReader) isNoStream(ids []nameID) bool {
	for _, id := range ids {
		if s.a.has(id) {
			return !s.a.isTrue(id)
		}
	}
	return false
}
