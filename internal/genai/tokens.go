package genai

import (
	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// callKind is what [facts.quantities] needs to know besides the numbers.
type callKind struct {
	apiType  usage.APIType
	provider string
	client   string // whose API the library speaks, when known
	model    modelInfo
}

// minCacheable is the number of input tokens below which OpenAI neither reads nor writes a
// cache, as documented for all its models. Other providers have lower limits, none, or one
// for each model.
const minCacheable = 1024

// quantities turns the facts into disjoint quantities. The reason is "" when they are
// certain. Quantities are never negative and never overflow: the counts it starts from are
// at most [maxCount].
func (f *facts) quantities(q *usage.Quantities, kind callKind) (usage.Reason, Missing) {
	s := split{f: f, kind: kind, inconsistent: f.inconsistent}
	s.sides()
	s.cache()
	s.thoughts()
	s.total()
	s.beside()
	s.inputParts(q)
	s.outputParts(q)
	for _, unit := range unitFacts {
		q[unit.kind] = f.n[unit.fact].or0()
	}
	return s.reason(q), s.missing()
}

// unitFacts are the facts that are quantities without further work.
var unitFacts = [...]struct {
	fact fact
	kind usage.QuantityKind
}{
	{factAudioNanos, usage.AudioSeconds}, {factVideoNanos, usage.VideoSeconds}, {factCharacters, usage.Characters}, {factImages, usage.Images},
	{factWebSearches, usage.WebSearches}, {factFileSearches, usage.FileSearches}, {factCodeSessions, usage.CodeSessions},
	{factPages, usage.Pages}, {factSearchUnits, usage.SearchUnits}, {factCitations, usage.CitationTokens},
}

// split is the state while the tokens of one call are divided. Each step reads what the
// earlier ones found.
type split struct {
	f    *facts
	kind callKind

	in, out int64 // the two sides, whatever they include

	uncached, read, write, write1h int64
	write30m, write12h             int64 // OpenAI's
	exclusive                      bool  // the cache was not part of the input
	assumed                        bool  // ... or was, by assumption
	cacheMissing, lifetimeMissing  bool

	reasoning        int64
	outside          bool // it is not part of the output
	overflow         bool // ... only because it would not fit
	reasoningKnown   bool
	reasoningMissing bool // and billed in addition to the output

	audioMissing bool
	inconsistent bool
}

// sides finds input and output. The total and one side give the other side.
func (s *split) sides() {
	f := s.f
	input, output, total := f.n[factInput], f.n[factOutput], f.n[factTotal]
	s.in, s.out = input.or0(), output.or0()
	switch {
	case !total.known():
		if s.kind.apiType == usage.APITypeText && input.known() != output.known() && s.in+s.out > 0 {
			s.inconsistent = true // one side of a conversation is unknown
		}
	case input == absent && output == absent:
		s.in = total.or0()
		s.inconsistent = s.inconsistent || s.kind.apiType == usage.APITypeText && s.in > 0
	case input == absent:
		s.in = max(0, total.or0()-s.out)
	case output == absent:
		s.out = max(0, total.or0()-s.in)
	}
}

// cache takes the cached tokens out of the input when the input includes them. Cached
// tokens that exceed the input cannot be part of it, whatever the dialect says.
func (s *split) cache() {
	f, kind := s.f, &s.kind
	short, long := f.n[factCacheWrite5m], f.n[factCacheWrite1h]
	s.read, s.write1h = f.n[factCacheRead].or0(), long.or0()
	s.write30m, s.write12h = f.n[factCacheWrite30m].or0(), f.n[factCacheWrite12h].or0()
	s.write = max(f.n[factCacheWrite].or0(), short.or0()+s.write1h+s.write30m+s.write12h)
	cached := s.read + s.write
	s.lifetimeMissing = s.write > 0 && !short.known() && !long.known() && kind.model.vendor == catalog.VendorAnthropic

	switch f.inputMeans {
	case inputAsProvider:
		s.exclusive = kind.excludesCache()
	case inputExclusive, inputDisjoint:
		s.exclusive = true
	case inputAsTold:
		s.exclusive, s.assumed = true, cached > 0 && !kind.excludesCache()
	case inputUnknown:
		if cached > 0 && (kind.excludesCache() || f.unlisted) {
			s.exclusive = f.n[factTotal].known() && f.n[factTotal].or0() == s.in+cached+s.out
			s.assumed = cached <= s.in && (!s.exclusive || !kind.excludesCache())
		}
	}
	if cached > s.in && !s.exclusive {
		s.exclusive = true
		s.inconsistent = s.inconsistent || !kind.excludesCache()
	}
	s.uncached = s.in
	if !s.exclusive {
		s.uncached -= cached
	}
	reported := f.n[factCacheRead] != absent || f.n[factCacheWrite] != absent || f.reports.Has(MissingCache)
	s.cacheMissing = !reported && kind.mayCache(s.uncached) || f.cachePartly && kind.excludesCache()
}

// thoughts decides whether the output includes reasoning.
func (s *split) thoughts() {
	f, kind := s.f, &s.kind
	s.reasoning, s.reasoningKnown = f.n[factReasoning].or0(), f.n[factReasoning] != absent
	s.outside = s.reasoning > s.out && f.n[factOutput].known()
	s.overflow = s.outside && !kind.excludesReasoning()
	asProvider := false // the output may be the provider's own number
	switch f.outputMeans {
	case outputAsProvider:
		s.outside = s.outside || kind.excludesReasoning()
		asProvider = true
	case outputExclusive, outputDisjoint:
		s.outside, s.overflow = true, false
	case outputUnknown:
		asProvider = true
	}
	s.reasoningMissing = asProvider && !s.reasoningKnown && !f.reports.Has(MissingReasoning) && kind.apiType == usage.APITypeText &&
		kind.model.reasons && kind.excludesReasoning() && kind.model.vendor != catalog.VendorPerplexity
}

// total compares the parts with the total, which shows what they leave out or how they
// overlap.
func (s *split) total() {
	f, kind := s.f, &s.kind
	tools := f.n[factToolPrompt].or0()
	if !f.n[factTotal].known() || !f.n[factInput].known() || !f.n[factOutput].known() {
		s.toolPrompt(tools, f.toolsBeside || f.inputMeans == inputAsProvider)
		return
	}
	extra := f.n[factTotal].or0() - (s.uncached + s.read + s.write) - s.out
	if tools > 0 {
		beside := extra == tools || extra == tools+s.reasoning
		s.toolPrompt(tools, beside)
		if beside {
			extra -= tools
		}
	}
	if f.inputMeans == inputDisjoint || f.outputMeans == outputDisjoint {
		extra -= s.otherParts()
	}
	switch {
	case extra == 0:
		// Also where the parts should be disjoint: they would be more than the total.
		s.outside = s.outside && s.reasoning > s.out
		s.reasoningMissing = false
	case extra == s.reasoning:
		s.outside, s.overflow = true, false
	case f.inputMeans == inputDisjoint && s.read+s.write > 0 && s.uncached >= s.read+s.write &&
		(extra == -(s.read+s.write) || extra == s.reasoning-(s.read+s.write)):
		// Parts that exceed the total must overlap.
		s.outside = s.outside && extra > -(s.read+s.write)
		s.exclusive, s.uncached = false, s.uncached-s.read-s.write
	case f.inputMeans == inputDisjoint && extra < 0:
		s.inconsistent = true
	case extra < 0:
		// Some libraries make the total by adding what they write, whatever that leaves
		// out.
		s.inconsistent = s.inconsistent || !s.exclusive || extra != -(s.read+s.write)
	case !s.reasoningKnown && (kind.model.vendor == catalog.VendorGoogle || kind.model.vendor == catalog.VendorXAI):
		s.reasoning, s.reasoningKnown, s.outside, s.reasoningMissing = extra, true, true, false
		s.inconsistent = s.inconsistent || f.unlisted // or what tools gave to the model
	case s.read+s.write == 0 && kind.excludesCache():
		// Bedrock's total counts cached tokens that the library dropped. How many were
		// reads and how many writes is lost; reads are far more frequent.
		s.read, s.cacheMissing = extra, true
	default:
		s.inconsistent = true
	}
}

// otherParts returns what a dialect with disjoint parts has in addition to the two sides.
func (s *split) otherParts() (sum int64) {
	if s.f.inputMeans == inputDisjoint {
		for _, i := range [...]fact{factInputAudio, factInputImage, factInputVideo, factCacheReadAudio, factCacheReadImage} {
			sum += s.f.n[i].or0()
		}
	}
	if s.f.outputMeans == outputDisjoint {
		sum += s.f.n[factOutputAudio].or0() + s.f.n[factOutputImage].or0()
	}
	return sum
}

// toolPrompt adds what tools gave to the model to the input, when the input does not
// include it.
func (s *split) toolPrompt(tokens int64, beside bool) {
	if beside {
		s.in += tokens
		s.uncached += tokens
	}
}

// beside adds what the provider bills in addition to the sides.
func (s *split) beside() {
	n := &s.f.n
	s.inconsistent = s.inconsistent || s.overflow
	if s.kind.apiType == usage.APITypeText && s.uncached+s.read+s.write == 0 && s.out > 0 {
		s.inconsistent = true // an answer to nothing
	}
	if n[factBesideInput] > 0 && n[factBesideRead] == absent {
		s.cacheMissing = true // a sum, part of which may come from the cache
	}
	s.uncached += n[factBesideInput].or0()
	s.read += n[factBesideRead].or0()
	s.write += n[factBesideWrite].or0()
	s.write1h += n[factBesideWrite1h].or0()
	s.out += n[factBesideOutput].or0()
}

// inputParts takes everything that is not text out of the input.
func (s *split) inputParts(q *usage.Quantities) {
	f := s.f
	readAudio := min(f.n[factCacheReadAudio].or0(), s.read)
	readImage := min(f.n[factCacheReadImage].or0(), s.read-readAudio)
	audio := max(0, f.n[factInputAudio].or0()-readAudio)
	image := max(0, f.n[factInputImage].or0()-readImage)
	video := f.n[factInputVideo].or0()
	text := s.uncached
	if f.inputMeans != inputDisjoint {
		if audio+image+video > text {
			// Some providers count audio before the cache: the cached part of it is
			// unknown.
			s.inconsistent = true
			audio = min(audio, text)
			image = min(image, text-audio)
			video = min(video, text-audio-image)
		}
		text -= audio + image + video
	}
	switch s.kind.apiType {
	case usage.APITypeSpeech:
		s.audioMissing = f.n[factInputAudio] == absent && f.n[factOutputAudio] == absent && !f.reports.Has(MissingAudio) && s.in+s.out > 0
	case usage.APITypeTranscription:
		if f.n[factInputAudio] == absent && s.in > 0 {
			audio, text = text, 0 // nearly all of it is the recording
			s.audioMissing = true // a library that reports audio would have reported some
		}
	}
	q[usage.InputTextTokens] = text
	q[usage.CacheReadTokens] = s.read - readAudio - readImage
	q[usage.CacheReadAudioTokens] = readAudio
	q[usage.CacheReadImageTokens] = readImage
	q[usage.CacheWrite1hTokens] = s.write1h
	q[usage.CacheWrite30mTokens] = s.write30m
	q[usage.CacheWrite12hTokens] = s.write12h
	q[usage.CacheWrite5mTokens] = s.write - s.write1h - s.write30m - s.write12h
	q[usage.InputAudioTokens] = audio
	q[usage.InputImageTokens] = image
	q[usage.InputVideoTokens] = video
}

// outputParts takes everything that is not visible text out of the output.
func (s *split) outputParts(q *usage.Quantities) {
	f := s.f
	text, reasoning := s.out, s.reasoning
	audio, image := f.n[factOutputAudio].or0(), f.n[factOutputImage].or0()
	if f.outputMeans != outputDisjoint {
		inside := &reasoning
		if s.outside {
			inside = new(int64)
		}
		if audio+image+*inside > text {
			s.inconsistent = true
			audio = min(audio, text)
			image = min(image, text-audio)
			*inside = min(*inside, text-audio-image)
		}
		text -= audio + image + *inside
	} else if !s.outside {
		text -= min(reasoning, text) // the total shows that it is inside all the same
	}
	switch s.kind.apiType {
	case usage.APITypeTTS:
		if f.n[factOutputAudio] == absent {
			audio, text = text, 0
		}
	case usage.APITypeImage:
		if f.n[factOutputImage] == absent {
			image, text = text, 0
		}
	}
	q[usage.OutputTextTokens] = text
	q[usage.OutputReasoningTokens] = reasoning
	q[usage.OutputAudioTokens] = audio
	q[usage.OutputImageTokens] = image
}

// reason returns the most serious doubt about the quantities, "" for none.
func (s *split) reason(q *usage.Quantities) usage.Reason {
	f := s.f
	least, most := absent, absent
	for _, n := range &f.n {
		least, most = min(least, n), max(most, n)
	}
	switch {
	case least == invalid:
		return usage.ReasonInvalidQuantity
	case !most.known():
		return usage.ReasonNoUsage
	case q.IsZero():
		return usage.ReasonZeroUsageStream
	case f.callsMissing:
		return usage.ReasonCallsNotReported
	case f.estimate:
		return usage.ReasonInstrumentationEstimate
	case f.tokensMissing:
		return usage.ReasonTokensNotReported
	case s.inconsistent:
		return usage.ReasonInconsistentQuantities
	case f.unknown:
		return usage.ReasonUnknownQuantity
	case s.reasoningMissing: // billed in addition: worse than the next
		return usage.ReasonReasoningNotReported
	case s.cacheMissing:
		return usage.ReasonCacheNotReported
	case s.audioMissing:
		return usage.ReasonAudioNotReported
	case s.lifetimeMissing:
		return usage.ReasonCacheTTLNotReported
	case s.assumed:
		return usage.ReasonUnknownDialect
	}
	return ""
}

// missing returns the details that the span leaves out.
func (s *split) missing() (missing Missing) {
	if s.cacheMissing {
		missing |= MissingCache
		if s.kind.excludesCache() && (s.exclusive || s.f.inputMeans == inputUnknown) {
			missing |= MissingInput
		}
	}
	if s.lifetimeMissing {
		missing |= MissingCacheTTL
	}
	if s.reasoningMissing || !s.reasoningKnown && !s.f.reports.Has(MissingReasoning) && s.kind.model.reasons {
		missing |= MissingReasoning
	}
	if s.audioMissing {
		missing |= MissingAudio
	}
	if s.f.several {
		missing |= usage.MissingContextLength
	}
	return missing
}

// excludesCache reports whether the provider's own number of input tokens excludes cached
// tokens, as in Anthropic's Messages API and Bedrock's Converse.
func (k callKind) excludesCache() bool {
	if catalog.SpeaksOpenAI(k.client) {
		return false
	}
	return k.model.vendor == catalog.VendorAnthropic && !catalog.SpeaksOpenAI(k.provider) || k.provider == catalog.Bedrock || k.provider == catalog.Anthropic
}

// excludesReasoning reports whether the provider's own number of output tokens excludes
// reasoning, as do Gemini's candidatesTokenCount and the completion_tokens of xAI and
// Perplexity.
func (k callKind) excludesReasoning() bool {
	switch k.model.vendor {
	case catalog.VendorGoogle, catalog.VendorXAI, catalog.VendorPerplexity:
		return !catalog.SpeaksOpenAI(k.provider)
	}
	return false
}

// mayCache reports whether part of the input may have come from a cache although the span
// does not say so.
func (k callKind) mayCache(input int64) bool {
	switch k.apiType {
	case usage.APITypeText, usage.APITypeSpeech:
	default:
		return false
	}
	if k.excludesCache() {
		return true // the reported input is only what was not cached
	}
	return input >= minCacheable || k.model.vendor != catalog.VendorOpenAI && input > 0
}
