package genai

import (
	"slices"
	"strings"
	"unicode"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// shippedNames are the attributes in which libraries have reported what a call
// used, for each fact in the order of precedence: the conventions of today and of
// yesterday first. A dialect that writes something else, or prefers another
// name, says so in its vocabulary; these follow there.
//
// Sources: open-telemetry/semantic-conventions and -genai; Arize-ai/openinference
// (semantic conventions); traceloop/openllmetry (semconv_ai); vercel/ai
// (telemetry); openlit/openlit (semcov of Python, TypeScript, Go and the command
// line); getsentry (tracing/ai); pydantic/pydantic-ai and pydantic/logfire;
// lmnr-ai/lmnr (span_attributes); livekit/agents; langfuse and langchain
// (usage_metadata); OpenRouter Broadcast; envoyproxy/ai-gateway; agentgateway;
// Kong's AI proxy; maximhq/bifrost; Agenta-AI/agenta; confident-ai/deepeval;
// antgroup/agentUniverse.
var shippedNames = factNames{
	factInput: names("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens", "llm.usage.input_tokens",
		"ai.usage.inputTokens", "ai.usage.promptTokens", "gen_ai.usage.request_tokens", "gen_ai.usage.prompt_token_count", "gen_ai.usage.input_token_count",
		"gen_ai.response.prompt_token_count", "gen_ai.response.usage.prompt_tokens", "gen_ai.response.usage.input_tokens", "llm.response.usage.prompt_tokens",
		"gen_ai.usage.inputTokens", "gen_ai.usage.promptTokens", "llm.prompt_tokens", "llm.input_tokens", "input_tokens", "prompt_tokens", "usage.input_tokens", "usage.prompt_tokens", "usage.inputTokens", "usage.promptTokens",
		"gen_ai.response.prompt_tokens", "gen_ai.response.input_tokens", "gen_ai.input_tokens", "gen_ai.prompt_tokens", "gen_ai.tokens.input", "gen_ai.tokens.prompt",
		"gen_ai.token_usage.input_tokens", "gen_ai.token_usage.prompt_tokens", "gen_ai.token_count.input", "gen_ai.token_count.prompt", "openclaw.tokens.input", "llm.tokens.prompt", "llm.tokens.input", "tokens.prompt", "tokens.input",
		"ai.proxy.usage.prompt_tokens", "ag.metrics.unit.tokens.prompt", "confident.llm.input_token_count", "au.llm.usage.prompt_tokens"),
	factOutput: names("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion", "llm.usage.completion_tokens", "llm.usage.output_tokens",
		"ai.usage.outputTokens", "ai.usage.completionTokens", "gen_ai.usage.response_tokens", "gen_ai.usage.completion_token_count", "gen_ai.usage.output_token_count",
		"gen_ai.response.candidates_token_count", "gen_ai.response.usage.completion_tokens", "gen_ai.response.usage.output_tokens", "llm.response.usage.completion_tokens",
		"gen_ai.usage.outputTokens", "gen_ai.usage.completionTokens", "llm.completion_tokens", "llm.output_tokens", "output_tokens", "completion_tokens", "usage.output_tokens", "usage.completion_tokens", "usage.outputTokens", "usage.completionTokens",
		"gen_ai.response.completion_tokens", "gen_ai.response.completion_token", "gen_ai.response.output_tokens", "gen_ai.output_tokens", "gen_ai.completion_tokens", "gen_ai.tokens.output", "gen_ai.tokens.completion",
		"gen_ai.token_usage.output_tokens", "gen_ai.token_usage.completion_tokens", "gen_ai.token_count.output", "gen_ai.token_count.completion", "openclaw.tokens.output", "llm.tokens.completion", "llm.tokens.output", "tokens.completion", "tokens.output",
		"ai.proxy.usage.completion_tokens", "ag.metrics.unit.tokens.completion", "confident.llm.output_token_count", "au.llm.usage.completion_tokens"),
	factTotal: names("gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens", "ai.usage.totalTokens",
		"gen_ai.usage.total_token_count", "gen_ai.response.usage.total_tokens", "gen_ai.usage.totalTokens", "llm.total_tokens", "total_tokens", "usage.total_tokens", "usage.totalTokens",
		"gen_ai.response.total_tokens", "gen_ai.total_tokens", "gen_ai.tokens.total", "gen_ai.token_usage.total_tokens", "gen_ai.token_count.total", "openclaw.tokens.total", "llm.tokens.total", "tokens.total", "ai.proxy.usage.total_tokens", "ag.metrics.unit.tokens.total", "au.llm.usage.total_tokens"),

	factCacheRead: names("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
		"gen_ai.usage.input_tokens.cached", "gen_ai.usage.cached_tokens", "gen_ai.usage.details.cache_read_tokens",
		"gen_ai.usage.cache_read_tokens", "gen_ai.usage.details.cached_tokens", "gen_ai.usage.cached_input_tokens",
		"gen_ai.usage.cache.read_input_tokens", "gen_ai.usage.input_tokens.cache_read", "gen_ai.usage.input_cached_tokens", "gen_ai.usage.prompt_cached_tokens",
		"gen_ai.usage.prompt_tokens_details.cache_read", "gen_ai.usage.prompt_tokens_details.cached_tokens", "gen_ai.usage.input_tokens_details.cached_tokens",
		"gen_ai.usage.input_token_details.cache_read", "gen_ai.usage.input_token_details.cached_tokens", "gen_ai.usage.prompt_tokens.cached", "gen_ai.usage.cached_prompt_tokens", "gen_ai.usage.cached_content_tokens",
		"gen_ai.usage.cached_content_token_count", "gen_ai.usage.details.cached_content_tokens", "gen_ai.usage.details.cache_read_input_tokens",
		"gen_ai.usage.details.cached_input_tokens", "gen_ai.usage.prompt_cache_hit_tokens", "gen_ai.usage.cachedInputTokens", "gen_ai.usage.cache.read_tokens",
		"anthropic.usage.cache_read_input_tokens", "anthropic.usage.cache_read.input_tokens", "openai.usage.cached_tokens",
		"llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input", "llm.token_count.prompt_details.cached",
		"llm.usage.cache_read_input_tokens", "llm.usage.cached_tokens", "llm.usage.prompt_tokens_details.cached_tokens", "llm.usage.cache_read_tokens",
		"ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens",
		"usage.cache_read_input_tokens", "usage.cached_tokens", "usage.cached_input_tokens",
		"gen_ai.response.cached_prompt_tokens", "gen_ai.cached_tokens", "gen_ai.cache_read_tokens", "gen_ai.tokens.cached", "gen_ai.tokens.cache_read", "openclaw.tokens.cache_read", "llm.tokens.cached",
		"gen_ai.usage.prompt_token_details.cached_read_tokens", "gen_ai.usage.prompt_token_details.cached_tokens", "ag.metrics.unit.tokens.cache_read"),
	factCacheWrite: names("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
		"gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_input_tokens", "gen_ai.usage.details.cache_write_tokens",
		"gen_ai.usage.cache_write_tokens", "gen_ai.usage.cache_creation_tokens",
		"gen_ai.usage.cache.creation_input_tokens", "gen_ai.usage.cache.write_input_tokens", "gen_ai.usage.input_tokens.cache_write", "gen_ai.usage.input_tokens.cache_creation",
		"gen_ai.usage.prompt_tokens_details.cache_write", "gen_ai.usage.prompt_tokens_details.cache_creation", "gen_ai.usage.prompt_tokens_details.cache_creation_tokens",
		"gen_ai.usage.input_token_details.cache_creation", "gen_ai.usage.details.cache_creation_tokens", "gen_ai.usage.details.cache_creation_input_tokens",
		"gen_ai.usage.details.cache_write_input_tokens", "gen_ai.usage.cache.creation_tokens", "gen_ai.usage.cache.write_tokens",
		"anthropic.usage.cache_creation_input_tokens", "anthropic.usage.cache_creation.input_tokens", "anthropic.usage.cache_write.input_tokens",
		"llm.token_count.prompt_details.cache_write", "llm.token_count.prompt_details.cache_creation", "llm.usage.cache_creation_input_tokens",
		"llm.usage.cache_write_tokens", "llm.usage.cache_creation_tokens",
		"ai.usage.inputTokenDetails.cacheWriteTokens",
		"usage.cache_creation_input_tokens", "usage.cache_write_input_tokens", "openclaw.tokens.cache_write",
		"gen_ai.usage.prompt_token_details.cached_write_tokens"),
	factReasoning: names("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "gen_ai.usage.output_tokens.reasoning",
		"gen_ai.usage.details.reasoning_tokens", "gen_ai.usage.reasoning_output_tokens", "gen_ai.usage.details.thoughts_tokens",
		"gen_ai.usage.details.thinking_tokens", "gen_ai.usage.output_reasoning_tokens", "gen_ai.usage.completion_tokens_details.reasoning_tokens",
		"gen_ai.usage.completion_tokens_details.reasoning", "gen_ai.usage.output_tokens_details.reasoning_tokens", "gen_ai.usage.output_token_details.reasoning", "gen_ai.usage.output_token_details.reasoning_tokens",
		"gen_ai.usage.completion_tokens.reasoning", "gen_ai.usage.thoughts_tokens", "gen_ai.usage.thinking_tokens", "gen_ai.usage.thoughts_token_count",
		"gen_ai.usage.details.thoughts_token_count", "gen_ai.usage.details.reasoning_output_tokens", "gen_ai.usage.reasoningTokens", "gen_ai.usage.completion_reasoning_tokens",
		"llm.token_count.completion_details.reasoning", "llm.usage.reasoning_tokens", "llm.usage.completion_tokens_details.reasoning_tokens",
		"ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens", "usage.reasoning_tokens",
		"gen_ai.usage.completion_token_details.reasoning_tokens"),

	factCacheWrite5m: names("anthropic.usage.cache_creation.ephemeral_5m_input_tokens", "gen_ai.usage.cache_creation.ephemeral_5m_input_tokens",
		"gen_ai.usage.cache_creation.input_tokens.ephemeral_5m", "gen_ai.usage.cache_write.ephemeral_5m_input_tokens", "gen_ai.usage.cache_write.5m.input_tokens",
		"gen_ai.usage.cache_creation_5m_input_tokens", "gen_ai.usage.cache_write_5m_tokens", "gen_ai.usage.details.ephemeral_5m_input_tokens",
		"gen_ai.usage.cache_creation.5m.input_tokens", "anthropic.usage.cache_write.ephemeral_5m_input_tokens",
		"gen_ai.usage.prompt_token_details.cached_write_tokens_5m"),
	factCacheWrite1h: names("anthropic.usage.cache_creation.ephemeral_1h_input_tokens", "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens",
		"gen_ai.usage.cache_creation.input_tokens.ephemeral_1h", "gen_ai.usage.cache_write.ephemeral_1h_input_tokens", "gen_ai.usage.cache_write.1h.input_tokens",
		"gen_ai.usage.cache_creation_1h_input_tokens", "gen_ai.usage.cache_write_1h_tokens", "gen_ai.usage.details.ephemeral_1h_input_tokens",
		"gen_ai.usage.cache_creation.1h.input_tokens", "anthropic.usage.cache_write.ephemeral_1h_input_tokens",
		"gen_ai.usage.prompt_token_details.cached_write_tokens_1h"),

	factInputAudio: names("gen_ai.usage.audio.input_tokens", "gen_ai.usage.details.input_audio_tokens", "gen_ai.usage.details.audio_prompt_tokens", "gen_ai.usage.input_audio_tokens", "gen_ai.usage.input_tokens.audio",
		"gen_ai.usage.audio_input_tokens", "gen_ai.usage.input_tokens_details.audio_tokens", "gen_ai.usage.prompt_tokens_details.audio_tokens",
		"gen_ai.usage.prompt_tokens_details.audio", "gen_ai.usage.input_token_details.audio_tokens", "gen_ai.usage.input_token_details.audio", "gen_ai.usage.prompt_audio_tokens", "llm.token_count.prompt_details.audio", "llm.usage.prompt_tokens_details.audio_tokens",
		"gen_ai.usage.prompt_token_details.audio_tokens"),
	factInputImage: names("gen_ai.usage.image.input_tokens", "gen_ai.usage.details.input_image_tokens", "gen_ai.usage.input_image_tokens", "gen_ai.usage.input_tokens.image",
		"gen_ai.usage.image_input_tokens", "gen_ai.usage.input_tokens_details.image_tokens", "gen_ai.usage.prompt_tokens_details.image_tokens",
		"gen_ai.usage.prompt_token_details.image_tokens"),
	factInputVideo: names("gen_ai.usage.video.input_tokens", "gen_ai.usage.input_tokens.video", "gen_ai.usage.input_video_tokens", "gen_ai.usage.details.input_video_tokens",
		"gen_ai.usage.prompt_tokens_details.video_tokens"),
	factOutputAudio: names("gen_ai.usage.audio.output_tokens", "gen_ai.usage.details.output_audio_tokens", "gen_ai.usage.output_audio_tokens", "gen_ai.usage.output_tokens.audio",
		"gen_ai.usage.audio_output_tokens", "gen_ai.usage.output_tokens_details.audio_tokens", "gen_ai.usage.completion_tokens_details.audio_tokens",
		"gen_ai.usage.completion_tokens_details.audio", "gen_ai.usage.output_token_details.audio_tokens", "gen_ai.usage.output_token_details.audio", "gen_ai.usage.completion_audio_tokens", "llm.token_count.completion_details.audio", "llm.usage.completion_tokens_details.audio_tokens",
		"gen_ai.usage.completion_token_details.audio_tokens"),
	factOutputImage: names("gen_ai.usage.image.output_tokens", "gen_ai.usage.output_tokens.image", "gen_ai.usage.output_image_tokens", "gen_ai.usage.image_output_tokens",
		"gen_ai.usage.details.output_image_tokens", "gen_ai.usage.completion_tokens_details.image_tokens", "gen_ai.usage.output_tokens_details.image_tokens"),
	factCacheReadAudio: names("gen_ai.usage.audio.cache_read.input_tokens", "gen_ai.usage.details.cache_audio_read_tokens", "gen_ai.usage.input_cached_audio_tokens"),
	factCacheReadImage: names("gen_ai.usage.image.cache_read.input_tokens", "gen_ai.usage.details.cache_image_read_tokens", "gen_ai.usage.input_cached_image_tokens"),
	factToolPrompt: names("gen_ai.usage.tool_use_prompt_tokens", "gen_ai.usage.details.tool_use_prompt_tokens", "gen_ai.usage.tool_use.input_tokens",
		"gen_ai.usage.tool_use_input_tokens", "gen_ai.usage.tool_use_prompt_token_count", "gen_ai.usage.details.tool_use_prompt_token_count",
		"llm.token_count.prompt_details.tool_use", "llm.usage.tool_use_prompt_tokens"),
	factBesideInput:  names("anthropic.usage.compaction.input_tokens", "gen_ai.usage.compaction.input_tokens", "gen_ai.usage.details.compaction_input_tokens"),
	factBesideOutput: names("anthropic.usage.compaction.output_tokens", "gen_ai.usage.compaction.output_tokens", "gen_ai.usage.details.compaction_output_tokens"),
	factWebSearches: names("gen_ai.usage.web_search_requests", "gen_ai.usage.web_searches", "gen_ai.usage.server_tool_use.web_search_requests",
		"anthropic.usage.server_tool_use.web_search_requests", "anthropic.usage.web_search_requests", "gen_ai.usage.details.web_search_requests",
		"gen_ai.usage.details.server_tool_use_web_search_requests", "gen_ai.usage.num_search_queries", "gen_ai.usage.details.num_search_queries",
		"web_search_requests"),
	factFileSearches: names("gen_ai.usage.file_search_calls", "gen_ai.usage.file_searches"),
	factCodeSessions: names("gen_ai.usage.code_sessions", "gen_ai.usage.code_interpreter_sessions"),
	factCitations:    names("gen_ai.usage.citation_tokens", "gen_ai.usage.details.citation_tokens"),
}

// isUsageName reports whether an attribute has a name under which libraries report usage.
// It is called only for names that are in no vocabulary.
func isUsageName(key string) bool {
	if len(key) < 10 {
		return false
	}
	switch key[0] {
	case 'g':
		return strings.HasPrefix(key, "gen_ai.usage.") || strings.HasPrefix(key, "gen_ai.response.usage.") ||
			strings.HasPrefix(key, "gen_ai.token") && (strings.HasPrefix(key, "gen_ai.tokens.") || strings.HasPrefix(key, "gen_ai.token_usage.") ||
				strings.HasPrefix(key, "gen_ai.token_count."))
	case 'l':
		return strings.HasPrefix(key, "llm.usage.") || strings.HasPrefix(key, "llm.token_count.") || strings.HasPrefix(key, "llm.tokens.") || strings.HasPrefix(key, "llm.token_usage.")
	case 'a':
		return strings.HasPrefix(key, "ai.usage.") || strings.HasPrefix(key, "anthropic.usage.")
	case 'o':
		return strings.HasPrefix(key, "openai.usage.")
	}
	return false
}

// unknownUsage is an attribute with an unlisted name under a prefix of usage.
type unknownUsage struct {
	name  string
	value pcommon.Value
}

// maxUnknownUsage is how many of them are read.
const maxUnknownUsage = 16

// readUnknown reads the attributes under a usage prefix whose names are in no vocabulary.
// When the words of a name leave no doubt what it counts, and nothing else reports that,
// the number is used; the doubt remains.
func (f *facts) readUnknown(list []unknownUsage) {
	for i := range list {
		u := &list[i]
		if f.readModality(list, u) {
			continue
		}
		f.estimate = f.estimate || saysEstimate(u)
		n := countOf(u.value)
		if text := jsonOfValue(u.value); text != "" {
			f.readDetailObject(u.name, text)
		}
		if n <= 0 {
			continue // not a count, or unclear what it counts
		}
		i, counts := meaningOf(u.name)
		if !counts {
			continue
		}
		if unit, _ := unitOf(u.name); unit != factCount {
			continue // see [spanReader.readUnits]
		}
		f.estimate = f.estimate || strings.Contains(u.name, ".partial.") // an interim count of a call that continues
		switch {
		case i == factCount:
			f.unknown = true
		case f.n[i] == absent:
			f.n[i], f.unknown = n, true
		case f.n[i] != n:
			f.unknown = true
		}
	}
}

// readModality reads Gemini's list of modalities where each member is an attribute:
// "gen_ai.usage.prompt_token_details.0.modality" and ".0.token_count". It returns false for
// any other attribute.
//
// Source: JetBrains/tracy.
func (f *facts) readModality(list []unknownUsage, u *unknownUsage) bool {
	if stem, is := strings.CutSuffix(u.name, ".modality"); is {
		var to fact
		switch at := strings.ToLower(stem); {
		case strings.Contains(at, "cache"):
			to = modalityOf(u.value.Str(), factCacheReadAudio, factCacheReadImage, factCount)
		case strings.Contains(at, "prompt"), strings.Contains(at, "input"):
			to = modalityOf(u.value.Str(), factInputAudio, factInputImage, factInputVideo)
		default:
			to = modalityOf(u.value.Str(), factOutputAudio, factOutputImage, factCount)
		}
		for i := range list {
			if to != factCount && list[i].name == stem+".token_count" && f.n[to] == absent {
				f.n[to] = countOf(list[i].value)
			}
		}
		return true
	}
	stem, is := strings.CutSuffix(u.name, ".token_count")
	return is && slices.ContainsFunc(list, func(other unknownUsage) bool { return other.name == stem+".modality" })
}

// saysEstimate reports whether an attribute says that the counts beside it are not those of
// the provider: "gen_ai.usage.estimated" is true, "gen_ai.usage.source" is "tokenizer".
func saysEstimate(u *unknownUsage) bool {
	if strings.Contains(u.name, "cost") {
		return false // of the money
	}
	switch v := u.value; v.Type() {
	case pcommon.ValueTypeBool:
		return v.Bool() && namesEstimate(u.name)
	case pcommon.ValueTypeStr:
		return namesEstimate(v.Str()) || v.Str() == "true" && namesEstimate(u.name)
	}
	return false
}

func namesEstimate(text string) bool {
	if len(text) > 64 {
		return false
	}
	for word := range words(text) {
		switch word {
		case "estimated", "estimate", "estimation", "approximate", "approximated", "tokenizer", "tiktoken", "heuristic":
			return true
		}
	}
	return false
}

// meaningOf tells from the words of a name what it counts: a fact, or factCount when the
// words do not tell. counts is false for numbers that are not billed on their own: money,
// times, rates, and parts that are already in the sum, such as text tokens.
func meaningOf(name string) (i fact, counts bool) {
	var is nameWords
	for word := range words(name) {
		means, known := nameWord[word]
		if is |= means; !known {
			is |= wordOther
		}
	}
	for _, m := range meanings {
		if is&m.all == m.all && is&m.none == 0 {
			return m.fact, !m.ignored
		}
	}
	return factCount, true
}

// meanings maps words to what names with them count; the first match applies.
var meanings = []struct {
	all, none nameWords
	fact      fact
	ignored   bool
}{
	{all: wordNoCount, fact: factCount, ignored: true},
	{all: wordSearch | wordUnits, fact: factSearchUnits},
	{all: wordSearch | wordFile, fact: factFileSearches},
	{all: wordSearch, fact: factWebSearches},
	{all: wordRequests, fact: factCount, ignored: true},
	{all: wordText, fact: factCount, ignored: true}, // the remainder of a side
	{all: wordTool, fact: factCount},
	{all: wordAudio | wordCache, none: wordWrite, fact: factCacheReadAudio},
	{all: wordImage | wordCache, none: wordWrite, fact: factCacheReadImage},
	{all: wordCache | wordWrite | word1h, fact: factCacheWrite1h},
	{all: wordCache | wordWrite | word5m, fact: factCacheWrite5m},
	{all: wordCache | wordWrite, fact: factCacheWrite},
	{all: wordCache, fact: factCacheRead},
	{all: wordReasoning, fact: factReasoning},
	{all: wordAudio | wordInput, fact: factInputAudio},
	{all: wordAudio | wordOutput, fact: factOutputAudio},
	{all: wordImage | wordInput, fact: factInputImage},
	{all: wordImage | wordOutput, fact: factOutputImage},
	{all: wordAudio, fact: factCount},
	{all: wordImage, fact: factCount},
	{all: wordDetails, none: wordOther, fact: factCount, ignored: true}, // the provider's own sides, in addition to the library's
	{all: wordDetails | wordOther, fact: factCount},
	{all: wordTotal, none: wordInput | wordOutput, fact: factTotal},
	{all: wordInput, none: wordOutput, fact: factInput},
	{all: wordOutput, none: wordInput, fact: factOutput},
}

// nameWords is the set of meaningful words in a name.
type nameWords uint32

const (
	wordInput nameWords = 1 << iota
	wordOutput
	wordTotal
	wordCache
	wordRead
	wordWrite
	word5m
	word1h
	wordReasoning
	wordAudio
	wordImage
	wordText
	wordTool
	wordDetails
	wordNoCount
	wordRequests
	wordSearch
	wordFile
	wordUnits
	wordOther
)

var nameWord = func() map[string]nameWords {
	m := map[string]nameWords{}
	for is, list := range map[nameWords]string{
		wordInput:            "input prompt request",
		wordOutput:           "output completion response candidates",
		wordTotal:            "total",
		wordCache:            "cache caching",
		wordCache | wordRead: "cached",
		wordRead:             "read hit",
		wordWrite:            "write creation create created written",
		word5m:               "5m",
		word1h:               "1h",
		wordReasoning:        "reasoning thinking thoughts thought reason",
		wordAudio:            "audio speech",
		wordImage:            "image images video",
		wordText:             "text uncached visible",
		wordTool:             "tool tools",
		wordDetails:          "details detail",
		0:                    "gen ai llm openai anthropic usage token tokens count counts num number of in web",
		wordRequests:         "requests calls queries",
		wordSearch:           "search searches grounding",
		wordFile:             "file files",
		wordUnits:            "units",
		wordNoCount: "cost costs price usd dollars credit credits nano currency amount second seconds ms latency duration time percent ratio rate limit max window " +
			"remaining available quota raw non no noncached accepted rejected prediction id name model provider type source tier speed version bytes size",
	} {
		for word := range strings.FieldsSeq(list) {
			m[word] |= is
		}
	}
	return m
}()

// words yields the words of a name in lower case: it is split at characters that are not
// letters or digits, and before capitals.
func words(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, last := 0, rune(0)
		for i, c := range name {
			isWord := unicode.IsLetter(c) || unicode.IsDigit(c)
			if !isWord || unicode.IsUpper(c) && unicode.IsLower(last) {
				if i > start && !yield(strings.ToLower(name[start:i])) {
					return
				}
				if start = i; !isWord {
					start++
				}
			}
			last = c
		}
		if len(name) > start {
			yield(strings.ToLower(name[start:]))
		}
	}
}
