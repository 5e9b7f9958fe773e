package genai

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// OpenLIT hands the provider's own numbers on, Anthropic's input excluding the
// cache; LangChain's and LiteLLM's numbers include it. A stream without usage
// is counted with a local tokenizer and written like any other; in JavaScript,
// Anthropic's streams are off by the tokens of the first event. The cost is 0
// when OpenLIT knows no price.
//
// Sources: captures of openlit 1.15.0 (JavaScript); openlit/openlit@ad20b7b
// (Python 1.45.0: semcov, and the instrumentations of openai, anthropic,
// bedrock, google_ai_studio, vertexai, langchain and litellm).
var (
	openlitImage    = name("gen_ai.response.image")
	openlitSeconds  = name("gen_ai.response.audio.duration")
	openlitMessages = name("gen_ai.input.messages")
	openlitStream   = names("gen_ai.request.is_stream", "gen_ai.request.stream")
)

var openlit = dialect{
	name:    "openlit",
	follows: alsoOwn("OpenLIT", inSourceOnly),
	scopes:  []string{"@openlit/*", "openlit*"},
	words:   conventionWords.complete(),
	input:   inputAsProvider,
	output:  outputAsProvider,
	knows:   knownFromAnswers,
	adjust: func(s *spanReader, f *facts) {
		s.readOpenLITUnits(f)
		stream := s.op == opChat && s.isStream(openlitStream)
		if python, ok := strings.CutPrefix(s.scope, "openlit.instrumentation."); ok {
			f.input(openlitPython, python)
			adjustOpenLITPython(f, python, stream)
			return
		}
		if f.input(openlitOthers, s.scope); f.unlisted {
			return
		}
		if s.a.has(nameProviderName) { // versions that wrote gen_ai.system dropped the cache
			f.reports |= MissingCache
		}
		if stream {
			exclusive := callKind{provider: catalog.Canonical(s.provider), model: *s.r.model(s.modelName())}.excludesCache()
			if exclusive || f.n[factCacheRead] == absent && f.n[factReasoning] == absent {
				f.estimate = f.n[factInput].known() || f.n[factOutput].known()
			}
		}
	},
}

// openlitPython are the known packages of OpenLIT for Python; openlitOthers are those for
// JavaScript and Go, and its command line, which includes the cache of the agents it
// watches in the input.
var (
	openlitPython = packages{
		"openai": inputAsProvider, "anthropic": inputAsProvider, "bedrock": inputAsProvider, "cohere": inputAsProvider, "groq": inputAsProvider,
		"mistral": inputAsProvider, "ollama": inputAsProvider, "together": inputAsProvider, "vllm": inputAsProvider, "azure_ai_inference": inputAsProvider,
		"google_ai_studio": inputAsProvider, "vertexai": inputAsProvider, "ai21": inputAsProvider, "xai": inputAsProvider, "openai_agents": inputAsProvider,
		"langchain": inputInclusive, "langgraph": inputInclusive, "litellm": inputInclusive, "claude_agent_sdk": inputInclusive,
	}
	openlitOthers = packages{
		"@openlit/instrumentation-openai": inputAsProvider, "@openlit/instrumentation-anthropic": inputAsProvider, "@openlit/instrumentation-bedrock": inputAsProvider,
		"@openlit/instrumentation-cohere": inputAsProvider, "@openlit/instrumentation-groq": inputAsProvider, "@openlit/instrumentation-mistral": inputAsProvider,
		"@openlit/instrumentation-ollama": inputAsProvider, "@openlit/instrumentation-together": inputAsProvider,
		"@openlit/instrumentation-google-ai": inputAsProvider, "@openlit/instrumentation-vertexai": inputAsProvider,
		"@openlit/instrumentation-langchain": inputInclusive, "@openlit/instrumentation-langgraph": inputInclusive,
		"@openlit/instrumentation-claude-agent-sdk": inputInclusive,
		"openlit.openai": inputAsProvider, "openlit.anthropic": inputAsProvider, "openlit-cli": inputInclusive,
	}
)

// readOpenLITUnits reads what has no tokens: the length of a recording, the number of
// images, and the text to speak when it was captured whole.
func (s *spanReader) readOpenLITUnits(f *facts) {
	switch s.op {
	case opImage:
		if v := s.a.values[openlitImage]; s.a.has(openlitImage) && v.Type() == pcommon.ValueTypeSlice {
			f.n[factImages] = count(v.Slice().Len())
		}
	case opTranscription, opAudio:
		if s.a.has(openlitSeconds) {
			f.n[factAudioNanos] = nanosOf(s.a.values[openlitSeconds])
		} else if text := s.a.text(openlitMessages); s.r.model(s.modelName()).kind == catalog.KindTTS {
			j := newJSON(text)
			j.elements(1, func(int) {
				j.members(func(key string) bool {
					if key == "parts" {
						j.elements(1, func(int) { f.readSpoken(&j, "content") })
					}
					return true
				})
			})
		}
	}
}

// readSpoken counts the characters of the text to speak, a member of an object.
func (f *facts) readSpoken(j *jsonText, member string) {
	j.members(func(key string) bool {
		if key == member && j.peek() == '"' {
			if text := j.text(); text != "" && !strings.HasSuffix(text, "...") { // the mark of a text that was cut
				f.n[factCharacters] = runesIn(text)
			}
		}
		return true
	})
}

// adjustOpenLITPython: when the Python packages have seen a usage object they report the
// cache, even when it is 0.
func adjustOpenLITPython(f *facts, library string, stream bool) {
	switch library {
	case "langchain", "langgraph", "litellm":
		f.outputMeans = outputInclusive
	case "google_ai_studio":
		if f.n[factCacheRead] != absent {
			f.reports |= MissingReasoning // thoughts are reported when there are any
		}
	}
	if stream && f.n[factCacheRead] == absent {
		f.estimate = f.n[factInput].known() || f.n[factOutput].known()
	}
}

// modelName returns the model that the span itself names, "" for none.
func (s *spanReader) modelName() string {
	if s.call.Model != "" {
		return s.call.Model
	}
	return s.call.RequestModel
}
