package genai

import "github.com/otelcol-usage/otelcol-usage/internal/usage"

// answer is what the answer of a provider tells, where a library attaches it
// to the span as JSON: the whole answer, or its usage object, of any provider.
type answer struct {
	id, model, tier string
	usage           facts
	found           bool // a usage object was
}

// readAnswer reads the answer of a provider, wrapped or not: OpenAI's and
// Anthropic's object, Gemini's, a list with one of them, LangChain's
// generations around one.
func readAnswer(text string) (a answer) {
	a.usage = noFacts
	if len(text) < 2 || text[0] != '{' && text[0] != '[' {
		return a
	}
	j := newJSON(text)
	a.value(&j)
	return a
}

func (a *answer) value(j *jsonText) {
	switch j.peek() {
	case '{':
		a.object(j)
	case '[':
		j.elements(1, func(int) { a.value(j) })
	default:
		j.skip()
	}
}

func (a *answer) object(j *jsonText) {
	j.members(func(key string) bool {
		switch key {
		case "id", "responseId", "response_id":
			if j.peek() == '"' && a.id == "" {
				a.id = j.text()
			}
		case "model", "modelVersion", "model_version", "model_name":
			if j.peek() == '"' && a.model == "" {
				a.model = j.text()
			}
		case "service_tier":
			if j.peek() == '"' && a.tier == "" {
				a.tier = j.text()
			}
		case "automatic_function_calling_history":
			j.elements(1, func(int) { a.usage.callsMissing = true })
		case "usage", "usageMetadata", "usage_metadata":
			a.usageObject(j)
		case "generations", "message", "kwargs", "response_metadata", "raw", "custom", "response", "lc_kwargs", "data":
			a.value(j)
		}
		return true
	})
}

// usageObject reads the first usage object; a second one repeats it in other
// words, LangChain's own and then the provider's, and may tell more details.
func (a *answer) usageObject(j *jsonText) {
	if a.found {
		again := noFacts
		a.tier = again.readUsage(j, a.tier)
		a.usage.addDetails(&again)
		return
	}
	a.found = true
	a.tier = a.usage.readUsage(j, a.tier)
}

// readUsage reads the usage object of any provider, in the spelling of its API
// or of its SDKs. What the numbers include follows from whose object it is.
// It gives the service tier that stands in it, else tier.
//
// Sources: the API references of OpenAI (chat completions, responses, audio,
// images), Anthropic (messages), Google (generateContent), AWS (Converse), and
// the types of LangChain (usage_metadata), Vercel AI SDK and Genkit.
func (f *facts) readUsage(j *jsonText, tier string) string {
	set := func(to *count) {
		if n := j.count(); *to == absent {
			*to = n
		}
	}
	f.inputMeans, f.outputMeans = inputInclusive, outputInclusive
	f.reports |= MissingCache | MissingReasoning | MissingAudio
	toolUse := absent // Gemini: beside the prompt, billed as input
	j.members(func(key string) bool {
		switch key {
		case "prompt_tokens", "input_tokens", "promptTokens", "inputTokens", "promptTokenCount", "prompt_token_count":
			set(&f.n[factInput])
		case "completion_tokens", "output_tokens", "completionTokens", "outputTokens", "candidatesTokenCount", "candidates_token_count", "responseTokenCount":
			set(&f.n[factOutput])
			if key[0] == 'c' && key[len(key)-1] == 't' {
				f.outputMeans = outputExclusive // candidates exclude thoughts
			}
		case "total_tokens", "totalTokens", "totalTokenCount", "total_token_count":
			set(&f.n[factTotal])
		case "toolUsePromptTokenCount", "tool_use_prompt_token_count":
			set(&toolUse)
		case "cache_read_input_tokens", "cacheReadInputTokens":
			set(&f.n[factCacheRead])
			f.inputMeans = inputExclusive // Anthropic and Bedrock
		case "cache_creation_input_tokens", "cacheCreationInputTokens", "cacheWriteInputTokens":
			set(&f.n[factCacheWrite])
			f.inputMeans = inputExclusive
		case "cache_creation":
			j.members(func(key string) bool {
				switch key {
				case "ephemeral_5m_input_tokens":
					set(&f.n[factCacheWrite5m])
				case "ephemeral_1h_input_tokens":
					set(&f.n[factCacheWrite1h])
				}
				return true
			})
		case "cachedContentTokenCount", "cached_content_token_count", "cachedContentTokens", "cachedInputTokens", "cached_tokens", "cachedPromptTokens":
			set(&f.n[factCacheRead])
		case "thoughtsTokenCount", "thoughts_token_count", "thoughtsTokens":
			set(&f.n[factReasoning])
			f.outputMeans = outputExclusive
		case "reasoning_tokens", "reasoningTokens":
			set(&f.n[factReasoning])
		case "prompt_tokens_details", "input_tokens_details", "input_token_details", "inputTokenDetails", "inputTokensDetails", "promptTokensDetails":
			f.readInputDetails(j)
		case "completion_tokens_details", "output_tokens_details", "output_token_details", "outputTokenDetails", "outputTokensDetails", "completionTokensDetails":
			f.readOutputDetails(j)
		case "candidatesTokensDetails", "candidates_tokens_details":
			readModalities(j, &f.n[factOutputAudio], &f.n[factOutputImage], nil)
		case "cacheTokensDetails", "cache_tokens_details":
			readModalities(j, &f.n[factCacheReadAudio], &f.n[factCacheReadImage], nil)
		case "server_tool_use":
			j.members(func(key string) bool {
				if key == "web_search_requests" {
					set(&f.n[factWebSearches])
				}
				return true
			})
		case "seconds":
			if seconds, ok := j.float(); ok && f.n[factAudioNanos] == absent {
				f.n[factAudioNanos] = invalid
				if nanos, ok := usage.SecondsToQuantity(seconds); ok && seconds <= maxSeconds {
					f.n[factAudioNanos] = count(nanos)
				}
			}
		case "search_units":
			set(&f.n[factSearchUnits])
		case "service_tier":
			if j.peek() == '"' && tier == "" {
				tier = j.text()
			}
		}
		return true
	})
	if toolUse.known() && f.n[factInput].known() {
		f.n[factInput] += toolUse
	}
	return tier
}

func (f *facts) readInputDetails(j *jsonText) {
	if j.peek() == '[' { // Gemini's list
		readModalities(j, &f.n[factInputAudio], &f.n[factInputImage], &f.n[factInputVideo])
		return
	}
	j.members(func(key string) bool {
		var to *count
		switch key {
		case "cached_tokens", "cache_read", "cacheReadTokens", "cachedTokens":
			to = &f.n[factCacheRead]
		case "cache_creation", "cache_write", "cacheWriteTokens", "cache_write_tokens", "cache_creation_tokens":
			to = &f.n[factCacheWrite]
		case "ephemeral_5m_input_tokens":
			to = &f.n[factCacheWrite5m]
		case "ephemeral_1h_input_tokens":
			to = &f.n[factCacheWrite1h]
		case "audio_tokens", "audio", "audioTokens":
			to = &f.n[factInputAudio]
		case "image_tokens", "image", "imageTokens":
			to = &f.n[factInputImage]
		case "cache_creation_token_details": // LiteLLM
			f.readInputDetails(j)
		case "cached_tokens_details":
			j.members(func(key string) bool {
				switch key {
				case "audio_tokens":
					f.n[factCacheReadAudio] = j.count()
				case "image_tokens":
					f.n[factCacheReadImage] = j.count()
				}
				return true
			})
		}
		if to != nil {
			if n := j.count(); *to == absent {
				*to = n
			}
		}
		return true
	})
}

func (f *facts) readOutputDetails(j *jsonText) {
	j.members(func(key string) bool {
		var to *count
		switch key {
		case "reasoning_tokens", "reasoning", "reasoningTokens":
			to = &f.n[factReasoning]
		case "audio_tokens", "audio", "audioTokens":
			to = &f.n[factOutputAudio]
		case "image_tokens", "image", "imageTokens":
			to = &f.n[factOutputImage]
		}
		if to != nil {
			if n := j.count(); *to == absent {
				*to = n
			}
		}
		return true
	})
}

// readModalities reads Gemini's list of {"modality":"AUDIO","tokenCount":n}.
func readModalities(j *jsonText, audio, image, video *count) {
	j.elements(16, func(int) {
		modality, n := "", absent
		j.members(func(key string) bool {
			switch key {
			case "modality":
				modality = j.text()
			case "tokenCount", "token_count":
				n = j.count()
			}
			return true
		})
		var to *count
		switch modality {
		case "AUDIO":
			to = audio
		case "IMAGE":
			to = image
		case "VIDEO":
			to = video
		}
		if to != nil {
			*to = n
		}
	})
}
