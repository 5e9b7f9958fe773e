package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// The Vercel AI SDK. Up to version 6, and in 7 with LegacyOpenTelemetry, it
// writes its own "ai." names: an outer span per function that repeats the last
// step, and an inner one per call to a provider, whose operation ends in
// ".doGenerate" or the like. Versions 4 and 5 hand the provider's own numbers
// on, so that Anthropic's input excludes the cache; version 7 normalises. What
// the cache did, and for how long, stands in ai.response.providerMetadata.
//
// With @ai-sdk/otel, version 7 follows the conventions under the scope
// "gen_ai", normalised for all providers, reasoning left out.
//
// Sources: captures of ai 5.0.277 and 7.0.173; vercel/ai, packages/ai/src/telemetry.
var (
	vercelOperation = name("ai.operationId")
	vercelMetadata  = name("ai.response.providerMetadata")
	vercelNoCache   = name("ai.usage.inputTokenDetails.noCacheTokens")
	// vercelOperations hold the operation when ai.operationId is missing.
	vercelOperations = names("vercel.ai.operationId", "operation.name")
)

var vercel = dialect{
	name:    "vercel-ai",
	follows: alsoOwn("ai.*", experimental),
	marks:   setOf(vercelOperation),
	scopes:  []string{"ai"},
	words: vocabulary{
		operation:    []nameID{vercelOperation},
		provider:     names("ai.model.provider", "gen_ai.system", "gen_ai.provider.name"),
		model:        names("ai.response.model", "gen_ai.response.model"),
		requestModel: names("ai.model.id", "gen_ai.request.model"),
		responseID:   names("gen_ai.response.id", "ai.response.id"),
		session: names("gen_ai.conversation.id", "session.id", "ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.session_id",
			"ai.telemetry.metadata.chatId", "ai.telemetry.metadata.conversationId", "ai.telemetry.metadata.threadId"),
		counts: factNames{
			factInput:      names("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens", "ai.usage.input_tokens", "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
			factOutput:     names("ai.usage.outputTokens", "ai.usage.completionTokens", "ai.usage.output_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
			factTotal:      names("ai.usage.totalTokens", "ai.usage.total_tokens"),
			factCacheRead:  names("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
			factCacheWrite: names("ai.usage.inputTokenDetails.cacheWriteTokens"),
			factReasoning:  names("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"),
			factInputAudio: names("ai.usage.input_token_details.audio_tokens"),
		},
	}.complete(),
	input:  inputAsProvider,
	output: outputAsProvider,
	knows:  knownFromAnswers,
	operation: func(s *spanReader) operation {
		if s.call.Operation == "" {
			return vercelRenamed(s)
		}
		return vercelNamed(s.call.Operation)
	},
	adjust: adjustVercel,
}

// vercelNamed reads the SDK's own names of its operations.
func vercelNamed(name string) operation {
	_, step, inner := strings.Cut(name, ".do")
	if !inner {
		return vercelOuter(name)
	}
	switch step {
	case "Generate", "Stream":
		return opChat
	case "Embed":
		return opEmbedding
	case "Rerank":
		return opRerank
	case "GenerateImage":
		return opImage
	case "Transcribe":
		return opTranscription
	case "GenerateSpeech":
		return opTTS
	}
	return opNotACall
}

// vercelOuter reads the operation of a span without an inner one: for speech, transcription
// and images the SDK writes a single span, which is the call.
func vercelOuter(name string) operation {
	switch name {
	case "ai.transcribe":
		return opTranscription
	case "ai.generateSpeech":
		return opTTS
	case "ai.generateImage":
		return opImage
	case "ai.generateVideo":
		return opVideo
	}
	return opNotACall
}

// vercelRenamed reads a span of the SDK whose names another SDK's processor replaced:
// Traceloop's calls the inner spans "text.generate" and the like.
func vercelRenamed(s *spanReader) operation {
	if name := s.a.firstText(conventionWords.operation); name != "" {
		s.call.Operation = name
		return operationNamed(name)
	}
	switch s.span.Name() {
	case "text.generate", "text.stream", "object.generate", "object.stream":
		return opChat
	case "run.ai":
		return opNotACall // the function around them
	}
	// The name that Langfuse and others leave on a span: "ai.embed.doEmbed my-function".
	if name, _, _ := strings.Cut(s.a.firstText(vercelOperations), " "); name != "" {
		s.call.Operation = name
		return vercelNamed(name)
	}
	return opUnknown
}

var vercelOTel = dialect{
	name:    "vercel-ai-otel",
	follows: followsConventions,
	scopes:  []string{"gen_ai"},
	words:   conventionWords.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	knows:   knownFromAnswers,
	reports: MissingCache,
	adjust: func(s *spanReader, f *facts) {
		f.estimate = consumedNotBilled(s)
		// The span of generateObject reports cache reads and leaves the writes out.
		f.cachePartly = f.n[factCacheRead] != absent && f.n[factCacheWrite] == absent
	},
}

// consumedNotBilled: the SDK reports what Cohere's model processed. Cohere bills
// billed_units, which leave its own instructions out.
func consumedNotBilled(s *spanReader) bool {
	return s.op == opChat && catalog.Canonical(s.provider) == catalog.Cohere
}

func adjustVercel(s *spanReader, f *facts) {
	if s.a.has(vercelNoCache) { // version 7 normalises
		f.inputMeans, f.outputMeans = inputInclusive, outputInclusive
		f.reports |= MissingCache
	}
	switch provider := catalog.Canonical(s.provider); {
	case s.op == opEmbedding:
		f.n[factTotal] = absent
	case consumedNotBilled(s):
		f.estimate = true
	case provider == catalog.Bedrock && f.n[factCacheRead] > 0 && f.n[factTotal].known() && f.n[factTotal] == f.n[factInput]+f.n[factOutput]:
		// Bedrock's own total adds the cache. This total is version 6's, whose spans of
		// objects do not separate the uncached tokens.
		f.inputMeans = inputInclusive
	}
	metadata := s.a.text(vercelMetadata)
	if metadata == "" {
		return
	}
	own := noFacts
	j := newJSON(metadata)
	var loop iterations
	j.members(func(vendor string) bool {
		j.members(func(key string) bool {
			switch key {
			case "iterations":
				loop.read(&j)
			case "cost":
				if vendor == "gateway" { // the gateway bills at this cost
					s.call.bill(j.amount(), 0)
				}
			case "usage", "usageMetadata":
				own.readUsage(&j)
			case "cachedPromptTokens":
				own.n[factCacheRead] = j.count()
			case "cacheReadInputTokens", "cacheReadTokens", "promptCacheHitTokens":
				if n := j.count(); own.n[factCacheRead] == absent {
					own.n[factCacheRead] = n
				}
			case "cacheCreationInputTokens":
				if n := j.count(); own.n[factCacheWrite] == absent {
					own.n[factCacheWrite] = n
				}
			case "reasoningTokens":
				own.n[factReasoning] = j.count()
			case "groundingMetadata":
				own.readItems(key, &j)
			default:
				own.modifiers.readMember(key, &j)
			}
			return true
		})
		return true
	})
	loop.addTo(&own)
	switch {
	case own.n[factInput].known() && own.n[factOutput].known():
		f.take(&own) // the provider's own numbers
	case own.inputMeans == inputExclusive && own.n[factInput].known() && own.n[factCacheWrite] != absent && f.n[factOutput].known():
		// The stream's metadata only has the input side.
		output, reasoning := f.n[factOutput], f.n[factReasoning]
		f.take(&own)
		f.n[factOutput], f.n[factReasoning] = output, reasoning
	default:
		means, out := f.inputMeans, f.outputMeans
		own.reports = 0
		f.addDetails(&own)
		f.inputMeans, f.outputMeans = means, out
	}
	// generateText of version 5 drops cache reads, and some providers' metadata only has
	// the writes.
	f.cachePartly = f.n[factCacheRead] == absent && f.n[factCacheWrite] != absent
}
