package genai

import "strings"

// answer holds what a provider's answer reports, where a library attaches it to the span as
// JSON: the whole answer or only its usage object, from any provider.
type answer struct {
	id, model string
	usage     facts
	found     bool // there was a usage object
}

// readAnswer reads a provider's answer in any wrapping: the object of OpenAI, Anthropic or
// Gemini, a list of one of them, or LangChain's generations around one.
func readAnswer(text string) (a answer) {
	a.usage = noFacts
	if len(text) < 2 || text[0] != '{' && text[0] != '[' {
		return a
	}
	j := newJSON(text)
	a.value(&j)
	a.usage.listed = a.usage.listed && a.found              // messages alone may leave out what the provider ran
	if text[0] == '[' && strings.Contains(text, `_call"`) { // the items of an answer, without what is around them
		j = newJSON(text)
		a.usage.readItems("", &j)
	}
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
		case "automatic_function_calling_history":
			j.elements(1, func(int) { a.usage.callsMissing = true })
		case "usage", "usageMetadata", "usage_metadata", "usage_info", "billed_units", "amazon-bedrock-invocationMetrics":
			a.usageObject(j)
		case "inputTextTokenCount", "prompt_token_count", "generation_token_count", "prompt_eval_count", "eval_count":
			a.found = true // the answers of Titan, Llama and Ollama have no usage object
			a.usage.set(usageKeys[key].fact, j)
		case "token_usage", "tokenUsage": // as some libraries rename it
			own := noFacts
			own.readUsage(j)
			own.reports = 0
			a.usage.addDetails(&own)
		case "replies", "meta", "_meta": // Haystack's
			a.value(j)
		case "generation_info", "generationInfo", "outputs", "provider_details", "providerDetails", "provider_metadata", "providerMetadata", "responseMetadata",
			"generations", "message", "kwargs", "response_metadata", "raw", "custom", "response", "lc_kwargs", "data", "llm_output", "llmOutput", "additional_kwargs", "x_groq":
			a.value(j)
		case "output", "content", "tool_outputs", "parts", "candidates", "groundingMetadata", "grounding_metadata":
			a.usage.listed = a.usage.listed || j.peek() == '['
			a.usage.readItems(key, j)
		case "tool_usage", "toolUsage": // what other models used that a tool of OpenAI's called
			a.usage.readToolUsage(j)
		case "choices": // OpenAI's chat completions run no tools
			a.usage.listed = true
			j.skip()
		default:
			a.usage.modifiers.readMember(key, j)
		}
		return true
	})
}

// usageObject reads the first usage object. A second one repeats it in other words,
// LangChain's own and then the provider's, and may report more details.
func (a *answer) usageObject(j *jsonText) {
	if a.found {
		again := noFacts
		again.readUsage(j)
		a.usage.addDetails(&again)
		return
	}
	a.found = true
	a.usage.readUsage(j)
}

// usageKey is the meaning of a member of a usage object: which number it is, and, when only
// one provider has such a member, what the other numbers of the object include.
type usageKey struct {
	fact fact
	// input is inputExclusive for members of Anthropic and Bedrock, output is
	// outputExclusive for Google's.
	input  inputMeaning
	output outputMeaning
}

// usageKeys are the numbers of every usage object that we know, in the spelling
// of its API or of its SDKs.
//
// Sources: the API references of OpenAI (chat completions, responses, audio,
// images), Anthropic (messages), Google (generateContent), AWS (Converse),
// Perplexity (sonar), Cohere (chat, rerank), and the types of LangChain
// (usage_metadata), Vercel AI SDK and Genkit; Mistral (OCR), Ollama, and the
// models of Bedrock that have an answer of their own.
var usageKeys = func() map[string]usageKey {
	keys := map[string]usageKey{}
	for _, k := range []struct {
		is    usageKey
		names []string
	}{
		{usageKey{fact: factInput}, []string{"prompt_tokens", "input_tokens", "promptTokens", "inputTokens", "promptTokenCount", "prompt_token_count", "input_token_count", "inputTokenCount", "inputTextTokenCount", "prompt_eval_count"}},
		{usageKey{fact: factOutput}, []string{"completion_tokens", "output_tokens", "completionTokens", "outputTokens", "responseTokenCount", "response_token_count", "output_token_count", "outputTokenCount", "completion_token_count", "generation_token_count", "eval_count"}},
		{usageKey{fact: factOutput, output: outputExclusive}, []string{"candidatesTokenCount", "candidates_token_count"}},
		{usageKey{fact: factTotal}, []string{"total_tokens", "totalTokens", "totalTokenCount", "total_token_count"}},
		{usageKey{fact: factCacheRead, input: inputExclusive}, []string{"cache_read_input_tokens", "cacheReadInputTokens", "cacheReadInputTokenCount"}},
		{usageKey{fact: factCacheWrite, input: inputExclusive}, []string{"cache_creation_input_tokens", "cacheCreationInputTokens", "cacheWriteInputTokens", "cache_write_input_tokens", "cacheWriteInputTokenCount"}},
		{usageKey{fact: factCacheRead}, []string{"prompt_cached_tokens", "cache_read_tokens", "cacheReadTokens", "input_cached_tokens", "cached_content_tokens", "cachedContentTokenCount", "cached_content_token_count", "cachedContentTokens", "cachedInputTokens", "cached_tokens", "cachedPromptTokens", "cached_input_tokens", "prompt_cache_hit_tokens", "cached_prompt_tokens", "cached_token_count", "cachedTokens"}},
		{usageKey{fact: factReasoning, output: outputExclusive}, []string{"thoughtsTokenCount", "thoughts_token_count", "thoughtsTokens", "thoughts_tokens"}},
		{usageKey{fact: factCacheWrite}, []string{"prompt_cache_creation_tokens", "cache_creation_tokens", "cache_write_tokens", "cacheCreationTokens", "cacheWriteTokens"}},
		{usageKey{fact: factReasoning}, []string{"completion_reasoning_tokens", "reasoning_tokens", "reasoningTokens", "thinking_tokens", "thinkingTokens", "reasoning_output_tokens", "reasoning_token_count", "output_reasoning_tokens"}},
		{usageKey{fact: factInputAudio}, []string{"input_audio_tokens", "prompt_audio_tokens", "audio_input_tokens"}},
		{usageKey{fact: factOutputAudio}, []string{"output_audio_tokens", "completion_audio_tokens", "audio_output_tokens"}},
		{usageKey{fact: factToolPrompt}, []string{"toolUsePromptTokenCount", "tool_use_prompt_token_count"}},
		{usageKey{fact: factSearchUnits}, []string{"search_units"}},
		{usageKey{fact: factPages}, []string{"pages_processed"}},
		{usageKey{fact: factWebSearches}, []string{"num_search_queries"}},
		{usageKey{fact: factCitations}, []string{"citation_tokens"}},
	} {
		for _, name := range k.names {
			keys[name] = k.is
		}
	}
	return keys
}()

// readUsage reads a usage object of any provider. Which provider it comes from decides what
// its numbers include.
func (f *facts) readUsage(j *jsonText) {
	f.inputMeans, f.outputMeans = inputInclusive, outputInclusive
	f.reports |= MissingCache | MissingReasoning | MissingAudio
	folded := false // OpenAI's names, whatever else is there
	var top iterations
	j.members(func(key string) bool {
		if k, known := usageKeys[key]; known {
			f.set(k.fact, j)
			if k.input != inputInclusive {
				f.inputMeans = k.input
			}
			if k.output != outputInclusive {
				f.outputMeans = k.output
			}
			folded = folded || key == "prompt_tokens"
			f.detailed = f.detailed || k.fact > factTotal || key == "promptTokenCount"
			return true
		}
		switch key {
		case "iterations":
			top.read(j)
		case "billed_units": // Cohere's; the other tokens are what its model processed
			f.n[factInput], f.n[factOutput] = absent, absent
			f.readUsage(j)
			f.billedUnits = f.n[factInput].known() && f.n[factOutput].known()
		case "tokens":
			if f.n[factInput] == absent && j.peek() == '{' {
				f.readUsage(j)
			}
		default:
			switch {
			case f.readUsageDetails(key, j):
				f.detailed = true
			case f.readBilled(key, j):
			case f.readToolCounters(key, j), f.modifiers.readMember(key, j):
			default:
				f.readUnknownMember(key, j)
			}
		}
		return true
	})
	if folded && f.n[factTotal].known() && f.n[factTotal] == f.n[factInput]+f.n[factOutput] {
		f.inputMeans = inputInclusive // LiteLLM's object: Anthropic's members, and a prompt that includes them
	}
	top.addTo(f)
	f.toolsBeside = f.n[factToolPrompt] > 0 // Gemini's prompt does not include them
}

// readUnknownMember looks at an unlisted count in a usage object. It is a doubt, unless its
// name shows that it is not a count or is part of another one.
func (f *facts) readUnknownMember(key string, j *jsonText) {
	if c := j.peek(); c < '0' || c > '9' {
		return
	}
	if j.count() <= 0 {
		return
	}
	if i, counts := meaningOf(key); counts && (i == factCount || f.n[i] == absent) {
		f.unknown = true
	}
}

// set reads the next number into a fact, unless the fact is already known.
func (f *facts) set(to fact, j *jsonText) {
	if n := j.count(); f.n[to] == absent {
		f.n[to] = n
	}
}

// readUsageDetails reads the objects and lists inside a usage object.
func (f *facts) readUsageDetails(key string, j *jsonText) bool {
	switch key {
	case "cache_read":
		f.readBranch(factCacheRead, j)
	case "cache_write":
		f.readBranch(factCacheWrite, j)
	case "reasoning":
		f.readBranch(factReasoning, j)
	case "cache_creation":
		if j.peek() != '{' {
			f.set(factCacheWrite, j)
			break
		}
		f.readInputDetails(j)
	case "prompt_tokens_details", "input_tokens_details", "input_token_details", "inputTokenDetails", "inputTokensDetails", "promptTokensDetails":
		f.readInputDetails(j)
	case "completion_tokens_details", "output_tokens_details", "output_token_details", "outputTokenDetails", "outputTokensDetails", "completionTokensDetails":
		f.readOutputDetails(j)
	case "candidatesTokensDetails", "candidates_tokens_details", "responseTokensDetails", "response_tokens_details":
		f.readModalities(j, factOutputAudio, factOutputImage, factCount)
	case "cacheTokensDetails", "cache_tokens_details":
		f.readModalities(j, factCacheReadAudio, factCacheReadImage, factCount)
	case "seconds":
		if seconds, ok := j.float(); ok && f.n[factAudioNanos] == absent {
			f.n[factAudioNanos] = nanosOfFloat(seconds)
		}
	default:
		return false
	}
	return true
}

// readBranch reads a count, or the object that a name of the conventions becomes when its
// parts are nested: "cache_read":{"input_tokens":500}.
func (f *facts) readBranch(to fact, j *jsonText) {
	if j.peek() != '{' {
		f.set(to, j)
		return
	}
	j.members(func(key string) bool {
		if key == "input_tokens" || key == "output_tokens" {
			f.set(to, j)
		}
		return true
	})
}

// tiersInDetails are the tiers that LangChain prefixes to the details of a call:
// "flex_cache_read", and "flex" for the remainder.
var tiersInDetails = []string{"flex", "priority", "fast", "batch"}

// withoutTier removes such a tier from the name of a detail.
func (f *facts) withoutTier(key string) string {
	for _, tier := range tiersInDetails {
		if len(key) < len(tier) || key[:len(tier)] != tier || len(key) > len(tier) && key[len(tier)] != '_' {
			continue
		}
		if f.modifiers[modServed] == "" {
			f.modifiers[modServed] = tier
		}
		return key[min(len(key), len(tier)+1):]
	}
	return key
}

func (f *facts) readInputDetails(j *jsonText) {
	if j.peek() == '[' { // Gemini's list
		f.readModalities(j, factInputAudio, factInputImage, factInputVideo)
		return
	}
	j.members(func(key string) bool {
		switch f.withoutTier(key) {
		case "cached_tokens", "cache_read", "cacheReadTokens", "cachedTokens":
			f.set(factCacheRead, j)
		case "cache_creation", "cache_write", "cacheWriteTokens", "cache_write_tokens", "cache_creation_tokens":
			f.set(factCacheWrite, j)
		case "input_tokens":
			f.set(factCacheWrite, j) // see [facts.readBranch]
		case "ephemeral_5m_input_tokens":
			f.set(factCacheWrite5m, j)
		case "ephemeral_1h_input_tokens":
			f.set(factCacheWrite1h, j)
		case "ttl_30m_tokens":
			f.set(factCacheWrite30m, j)
		case "ttl_12h_tokens":
			f.set(factCacheWrite12h, j)
		case "audio_tokens", "audio", "audioTokens":
			f.set(factInputAudio, j)
		case "image_tokens", "image", "imageTokens":
			f.set(factInputImage, j)
		case "cache_creation_token_details", "cache_write_tokens_details", "cacheWriteTokensDetails": // LiteLLM's, OpenAI's
			f.readInputDetails(j)
		case "cached_tokens_details":
			j.members(func(key string) bool {
				switch key {
				case "audio_tokens":
					f.set(factCacheReadAudio, j)
				case "image_tokens":
					f.set(factCacheReadImage, j)
				}
				return true
			})
		}
		return true
	})
}

func (f *facts) readOutputDetails(j *jsonText) {
	j.members(func(key string) bool {
		switch f.withoutTier(key) {
		case "reasoning_tokens", "reasoning", "reasoningTokens", "thinking_tokens":
			f.set(factReasoning, j)
		case "audio_tokens", "audio", "audioTokens":
			f.set(factOutputAudio, j)
		case "image_tokens", "image", "imageTokens":
			f.set(factOutputImage, j)
		}
		return true
	})
}

// readModalities reads Gemini's list of {"modality":"AUDIO","tokenCount":n}. Pass factCount
// for a modality that the list cannot contain.
func (f *facts) readModalities(j *jsonText, audio, image, video fact) {
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
		if to := modalityOf(modality, audio, image, video); to != factCount {
			f.n[to] = n
		}
	})
}

// modalityOf returns the fact that counts a modality, factCount for text.
func modalityOf(modality string, audio, image, video fact) fact {
	switch strings.ToUpper(modality) {
	case "AUDIO":
		return audio
	case "IMAGE":
		return image
	case "VIDEO":
		return video
	}
	return factCount
}
