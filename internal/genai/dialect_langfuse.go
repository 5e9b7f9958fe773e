package genai

import (
	"strings"

	"github.com/shopspring/decimal"
)

// Langfuse's SDKs. The type of the observation says what the span is; usage is
// a JSON object of buckets that do not overlap: "input" is what remains of the
// input after the cached, audio and other parts, "output" what remains of the
// output after reasoning and audio.
//
// Sources: captures of @langfuse/openai 5.11.1; langfuse/langfuse-js, constants.
var (
	langfuseType       = name("langfuse.observation.type")
	langfuseModel      = name("langfuse.observation.model.name")
	langfuseUsage      = name("langfuse.observation.usage_details")
	langfuseCost       = name("langfuse.observation.cost_details")
	langfuseLevel      = name("langfuse.observation.level")
	langfuseParameters = name("langfuse.observation.model.parameters")
)

var langfuse = dialect{
	name:    "langfuse",
	follows: follows{"langfuse.*", documented},
	marks:   setOf(langfuseType, langfuseModel, langfuseUsage),
	scopes:  []string{"langfuse-sdk*"},
	words: vocabulary{
		operation: []nameID{langfuseType},
		model:     names("langfuse.observation.model.name", "gen_ai.response.model", "gen_ai.request.model"),
		session:   names("session.id", "langfuse.session.id", "gen_ai.conversation.id"),
	}.complete(),
	input:   inputAsProvider,
	output:  outputInclusive,
	knows:   knownFromAnswers,
	reports: MissingReasoning | MissingAudio,
	operation: func(s *spanReader) operation {
		switch s.a.text(langfuseType) {
		case "generation":
			return opChat
		case "embedding":
			return opEmbedding
		case "": // written by hand, as the documentation shows: with a cost and no type
			if s.a.has(langfuseUsage) || s.a.present.meets(&usageNames) {
				return opChat
			}
			return opUnknown
		}
		return opNotACall
	},
	adjust: adjustLangfuse,
}

func adjustLangfuse(s *spanReader, f *facts) {
	s.callFailed = s.a.text(langfuseLevel) == "ERROR"
	if details := s.a.text(langfuseUsage); details != "" {
		f.readBuckets(details)
	}
	if cost := s.a.text(langfuseCost); cost != "" {
		s.call.reportCostText(costOfParts(cost))
	}
	s.userFromJSON("", langfuseParameters)
}

// costOfParts returns the total of cost_details, or their sum when there is no total.
func costOfParts(details string) (total string) {
	sum := decimal.Zero
	j := newJSON(details)
	j.members(func(key string) bool {
		if text := j.amount(); key == "total" || key == "total_cost" || key == "total_usd" || key == "amount" {
			total = text
		} else if n, err := decimal.NewFromString(text); err == nil && len(text) <= 32 && n.Exponent() > -40 && n.Exponent() < 10 {
			sum = sum.Add(n)
		}
		return true
	})
	if total == "" {
		total = sum.String()
	}
	return total
}

// readBuckets reads usage_details. Its keys are free; these are the ones that the SDKs
// write, and those that people write by hand in their provider's words.
func (f *facts) readBuckets(details string) {
	buckets := noFacts
	raw := false // the provider's own object, whose parts overlap
	unknown := int64(0)
	j := newJSON(details)
	add := func(to *count) {
		switch n := j.count(); {
		case n == invalid:
			*to = invalid
		case n.known() && *to >= 0:
			*to += n
		case n.known() && *to == absent:
			*to = n
		}
	}
	j.members(func(key string) bool {
		switch key {
		case "input", "input_text", "input_text_tokens", "input_tool_use", "input_tool_use_tokens", "input_tool_use_prompt_tokens":
			add(&buckets.n[factInput])
		case "output", "output_text", "output_text_tokens":
			add(&buckets.n[factOutput])
		case "total", "total_tokens":
			add(&buckets.n[factTotal])
		case "prompt_tokens", "input_tokens", "prompt_tokens_details", "input_tokens_details", "promptTokens", "inputTokens":
			raw = true
		case "input_cached_tokens", "input_cache_read", "input_cached", "cache_read_input_tokens", "cacheReadInputTokens", "input_cache_read_tokens":
			add(&buckets.n[factCacheRead])
		case "input_cache_creation", "input_cache_write", "cache_creation_input_tokens", "cacheWriteInputTokens", "cacheCreationInputTokens":
			add(&buckets.n[factCacheWrite])
		case "input_cache_creation_5m", "ephemeral_5m_input_tokens", "cache_creation_5m", "input_cache_creation_ephemeral_5m_input_tokens":
			add(&buckets.n[factCacheWrite5m])
		case "input_cache_creation_1h", "ephemeral_1h_input_tokens", "cache_creation_1h", "input_cache_creation_ephemeral_1h_input_tokens":
			add(&buckets.n[factCacheWrite1h])
		case "input_audio_tokens", "input_audio":
			add(&buckets.n[factInputAudio])
		case "input_image_tokens", "input_image":
			add(&buckets.n[factInputImage])
		case "output_reasoning_tokens", "output_reasoning", "reasoning_tokens":
			add(&buckets.n[factReasoning])
		case "output_audio_tokens", "output_audio":
			add(&buckets.n[factOutputAudio])
		case "output_image_tokens", "output_image":
			add(&buckets.n[factOutputImage])
		case "output_accepted_prediction_tokens", "output_rejected_prediction_tokens":
			add(&buckets.n[factOutput]) // taken out of "output", billed as output
		default:
			if strings.HasPrefix(key, "input") || strings.HasPrefix(key, "output") {
				unknown += j.count().or0()
			}
		}
		return true
	})
	if raw && buckets.n[factInput] == absent {
		own := noFacts
		j := newJSON(details)
		own.readUsage(&j)
		f.take(&own)
		return
	}
	buckets.inputMeans, buckets.outputMeans = inputDisjoint, outputDisjoint
	buckets.reports = f.reports
	if buckets.n[factCacheRead] != absent || buckets.n[factCacheWrite] != absent || buckets.n[factInputAudio] != absent {
		buckets.reports |= MissingCache // a library that writes one bucket of the input writes the others
	}
	buckets.inconsistent = unknown > 0 // an unknown bucket
	f.take(&buckets)
}
