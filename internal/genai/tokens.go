package genai

import "github.com/otelcol-usage/otelcol-usage/internal/usage"

// facts are the numbers of one span as they stand there, before anybody has
// decided what they include.
type facts struct {
	input, output, total               count
	cacheRead, cacheWrite              count
	cacheWrite5m, cacheWrite1h         count
	reasoning                          count
	inputAudio, inputImage, inputVideo count
	outputAudio, outputImage           count
	cacheReadAudio, cacheReadImage     count

	audioNanos, videoNanos           count // nanoseconds
	characters, images               count
	webSearches, fileSearches, pages count
	codeSessions, searchUnits        count

	inputMeans  inputMeaning
	outputMeans outputMeaning
	reports     Missing // details whose absence means zero
	// tokensMissing: the model is billed by tokens, and only other units are
	// told.
	tokensMissing bool
	// callsMissing: the span stands for several calls, or may, and tells the
	// usage of one.
	callsMissing bool
	// estimate: the library counted itself, or may have and does not tell.
	estimate bool
	// cachePartly: the dialect tells of either reads or writes and leaves the
	// other out.
	cachePartly bool
	// inconsistent: the source contradicts itself in a way that only its
	// dialect can see.
	inconsistent bool
}

// noFacts is a span that tells nothing.
var noFacts = facts{
	input: absent, output: absent, total: absent,
	cacheRead: absent, cacheWrite: absent, cacheWrite5m: absent, cacheWrite1h: absent, reasoning: absent,
	inputAudio: absent, inputImage: absent, inputVideo: absent, outputAudio: absent, outputImage: absent,
	cacheReadAudio: absent, cacheReadImage: absent,
	audioNanos: absent, videoNanos: absent, characters: absent, images: absent,
	webSearches: absent, fileSearches: absent, pages: absent, codeSessions: absent, searchUnits: absent,
}

// read takes the numbers that stand under the vocabulary's names.
func (f *facts) read(a *attributes, w *vocabulary) {
	f.input = a.firstCount(w.input)
	f.output = a.firstCount(w.output)
	f.total = a.firstCount(w.total)
	f.cacheRead = a.firstCount(w.cacheRead)
	f.cacheWrite = a.firstCount(w.cacheWrite)
	f.reasoning = a.firstCount(w.reasoning)
	if f.cacheWrite != absent || f.cacheRead != absent {
		f.cacheWrite5m = a.firstCount(w.cacheWrite5m)
		f.cacheWrite1h = a.firstCount(w.cacheWrite1h)
	}
	if a.present.meets(&w.modalities) {
		f.inputAudio = a.firstCount(w.inputAudio)
		f.inputImage = a.firstCount(w.inputImage)
		f.inputVideo = a.firstCount(w.inputVideo)
		f.outputAudio = a.firstCount(w.outputAudio)
		f.outputImage = a.firstCount(w.outputImage)
		f.cacheReadAudio = a.firstCount(w.cacheReadAudio)
		f.cacheReadImage = a.firstCount(w.cacheReadImage)
	}
}

// all lists every number, to look over them alike.
func (f *facts) all() [24]count {
	return [24]count{
		f.input, f.output, f.total, f.cacheRead, f.cacheWrite, f.cacheWrite5m, f.cacheWrite1h, f.reasoning,
		f.inputAudio, f.inputImage, f.inputVideo, f.outputAudio, f.outputImage, f.cacheReadAudio, f.cacheReadImage,
		f.audioNanos, f.videoNanos, f.characters, f.images, f.webSearches, f.fileSearches, f.pages, f.codeSessions, f.searchUnits,
	}
}

// hasNumbers reports whether the span tells any quantity above zero.
func (f *facts) hasNumbers() bool {
	for _, n := range f.all() {
		if n > 0 {
			return true
		}
	}
	return false
}

// call is what quantities needs to know beside the numbers.
type callKind struct {
	apiType  usage.APIType
	provider string
	client   string // whose API the library speaks, when it is told
	model    modelInfo
}

// minCacheable is the number of input tokens below which OpenAI neither reads
// nor writes a cache, documented for all its models. Other providers have
// lower limits, none, or one per model.
const minCacheable = 1024

// quantities turns the facts into disjoint quantities. The reason is "" when
// these are certain. It never gives a negative quantity and never overflows:
// the counts it starts from are at most [maxCount].
func (f *facts) quantities(q *usage.Quantities, kind callKind) (reason usage.Reason, missing Missing) {
	told, bad := false, false
	for _, n := range f.all() {
		told = told || n >= 0
		bad = bad || n == invalid
	}

	read, write := f.cacheRead.or0(), f.cacheWrite.or0()
	write5m, write1h := f.cacheWrite5m.or0(), f.cacheWrite1h.or0()
	split := f.cacheWrite5m.known() || f.cacheWrite1h.known()
	write = max(write, write5m+write1h)
	reasoning := f.reasoning.or0()
	in, out := f.input.or0(), f.output.or0()
	inconsistent := f.inconsistent
	assumed := false

	// A span that tells the total and one side tells the other side too.
	if f.total.known() {
		switch {
		case f.input == absent && f.output == absent:
			in = f.total.or0()
			inconsistent = inconsistent || kind.apiType == usage.APITypeText && in > 0
		case f.input == absent:
			in = max(0, f.total.or0()-out)
		case f.output == absent:
			out = max(0, f.total.or0()-in)
		}
	} else if kind.apiType == usage.APITypeText && f.input.known() != f.output.known() && in+out > 0 {
		inconsistent = true // one side of a conversation is unknown
	}

	// Inclusive or exclusive? Cached tokens that do not fit into the input
	// cannot be inside it, whatever the dialect says.
	exclusive := false
	switch f.inputMeans {
	case inputAsProvider:
		exclusive = kind.excludesCache()
	case inputExclusive, inputDisjoint:
		exclusive = true
	case inputUnknown:
		if read+write > 0 && kind.excludesCache() {
			totalWithCache := f.total.known() && f.total.or0() == in+read+write+out
			exclusive = totalWithCache
			assumed = !totalWithCache && read+write <= in
		}
	}
	if read+write > in {
		exclusive = true
	}
	uncached := in
	if !exclusive {
		uncached = in - read - write
	}

	// Is reasoning inside the output?
	outside := reasoning > out && f.output.known()
	switch f.outputMeans {
	case outputAsProvider:
		outside = outside || kind.excludesReasoning()
	case outputExclusive, outputDisjoint:
		outside = true
	}
	toldReasoning := f.reasoning != absent
	missingReasoning := (f.outputMeans == outputAsProvider || f.outputMeans == outputUnknown) && kind.model.reasons && kind.model.vendor == vendorGoogle && !speaksOpenAI(kind.provider) && f.reasoning == absent && f.reports&MissingReasoning == 0 && kind.apiType == usage.APITypeText
	cacheMissing := f.cacheRead == absent && f.cacheWrite == absent && f.reports&MissingCache == 0 && kind.mayCache(uncached) ||
		f.cachePartly && kind.excludesCache()

	// The total betrays what the parts leave out or how they overlap.
	if f.total.known() && f.input.known() && f.output.known() {
		extra := f.total.or0() - (uncached + read + write) - out
		switch {
		case extra == 0:
			if f.outputMeans != outputDisjoint {
				outside = outside && reasoning > out
			}
			missingReasoning = false
		case extra > 0 && extra == reasoning:
			outside = true
		case extra > 0 && reasoning == 0 && (kind.model.vendor == vendorGoogle || kind.model.vendor == vendorXAI):
			reasoning, outside, missingReasoning, toldReasoning = extra, true, false, true
		case extra > 0 && read+write == 0 && kind.excludesCache():
			// Bedrock's total counts cached tokens that the library dropped.
			// How many of them were read and how many written is lost; reads
			// are by far the more frequent.
			read, cacheMissing = extra, true
		case extra > 0 && !(outside && extra == 0):
			inconsistent = inconsistent || !(outside && extra > reasoning)
		}
	}

	// Parts of other kinds than text.
	readAudio := min(f.cacheReadAudio.or0(), read)
	readImage := min(f.cacheReadImage.or0(), read-readAudio)
	audio := max(0, f.inputAudio.or0()-readAudio)
	image := max(0, f.inputImage.or0()-readImage)
	video := f.inputVideo.or0()
	if f.inputMeans != inputDisjoint {
		if parts := audio + image + video; parts > uncached {
			// Audio is counted before the cache in some places: the cached
			// part of it is not told apart.
			inconsistent = true
			audio = min(audio, uncached)
			image = min(image, uncached-audio)
			video = min(video, uncached-audio-image)
		}
		uncached -= audio + image + video
	}
	text := out
	outAudio, outImage := f.outputAudio.or0(), f.outputImage.or0()
	if f.outputMeans != outputDisjoint {
		inside := outAudio + outImage
		if !outside {
			inside += reasoning
		}
		if inside > text {
			inconsistent = true
			outAudio = min(outAudio, text)
			outImage = min(outImage, text-outAudio)
			if !outside {
				reasoning = min(reasoning, text-outAudio-outImage)
			}
		}
		text -= outAudio + outImage
		if !outside {
			text -= reasoning
		}
	}

	audioMissing := false
	switch kind.apiType {
	case usage.APITypeSpeech:
		audioMissing = f.inputAudio == absent && f.outputAudio == absent && f.reports&MissingAudio == 0 && in+out > 0
	case usage.APITypeTranscription:
		if f.inputAudio == absent && in > 0 {
			audio, uncached = uncached, 0 // nearly all of it is the recording
			audioMissing = true           // who reports audio would have told some
		}
	case usage.APITypeTTS:
		if f.outputAudio == absent {
			outAudio, text = text, 0
		}
	case usage.APITypeImage:
		if f.outputImage == absent {
			outImage, text = text, 0
		}
	}

	q[usage.InputTextTokens] = uncached
	q[usage.CacheReadTokens] = read - readAudio - readImage
	q[usage.CacheReadAudioTokens] = readAudio
	q[usage.CacheReadImageTokens] = readImage
	q[usage.CacheWrite1hTokens] = write1h
	q[usage.CacheWrite5mTokens] = write - write1h
	q[usage.InputAudioTokens] = audio
	q[usage.InputImageTokens] = image
	q[usage.InputVideoTokens] = video
	q[usage.OutputTextTokens] = text
	q[usage.OutputReasoningTokens] = reasoning
	q[usage.OutputAudioTokens] = outAudio
	q[usage.OutputImageTokens] = outImage
	q[usage.AudioSeconds] = f.audioNanos.or0()
	q[usage.VideoSeconds] = f.videoNanos.or0()
	q[usage.Characters] = f.characters.or0()
	q[usage.Images] = f.images.or0()
	q[usage.WebSearches] = f.webSearches.or0()
	q[usage.FileSearches] = f.fileSearches.or0()
	q[usage.CodeSessions] = f.codeSessions.or0()
	q[usage.Pages] = f.pages.or0()
	q[usage.SearchUnits] = f.searchUnits.or0()

	ttlMissing := write > 0 && !split && kind.model.vendor == vendorAnthropic
	if cacheMissing {
		missing |= MissingCache
		if kind.excludesCache() && (exclusive || f.inputMeans == inputUnknown) {
			missing |= MissingInput
		}
	}
	if ttlMissing {
		missing |= MissingCacheTTL
	}
	if missingReasoning || !toldReasoning && f.reports&MissingReasoning == 0 && kind.model.reasons {
		missing |= MissingReasoning
	}
	if audioMissing {
		missing |= MissingAudio
	}

	switch {
	case bad:
		reason = usage.ReasonInvalidQuantity
	case !told:
		reason = usage.ReasonNoUsage
	case q.IsZero():
		reason = usage.ReasonZeroUsageStream
	case f.callsMissing:
		reason = usage.ReasonCallsNotReported
	case f.estimate:
		reason = usage.ReasonInstrumentationEstimate
	case f.tokensMissing:
		reason = usage.ReasonTokensNotReported
	case inconsistent:
		reason = usage.ReasonInconsistentQuantities
	case missingReasoning: // these are billed on top: graver than the next
		reason = usage.ReasonReasoningNotReported
	case cacheMissing:
		reason = usage.ReasonCacheNotReported
	case audioMissing:
		reason = usage.ReasonAudioNotReported
	case ttlMissing:
		reason = usage.ReasonCacheTTLNotReported
	case assumed:
		reason = usage.ReasonUnknownDialect
	}
	return reason, missing
}

// excludesCache reports whether the provider's own number of input tokens
// leaves cached tokens out: Anthropic's Messages API and Bedrock's Converse do.
func (k callKind) excludesCache() bool {
	if speaksOpenAI(k.client) {
		return false
	}
	return k.model.vendor == vendorAnthropic && !speaksOpenAI(k.provider) || k.provider == providerBedrock || k.provider == providerAnthropic
}

// speaksOpenAI reports whether a host serves the models of others in OpenAI's
// API, whose input includes the cache and whose output includes reasoning.
func speaksOpenAI(provider string) bool {
	switch provider {
	case providerOpenAI, providerOpenRouter, providerGitHubModels, providerTogether, providerFireworks, providerDeepInfra, providerAzureOpenAI:
		return true
	}
	return false
}

// excludesReasoning reports whether the provider's own number of output
// tokens leaves reasoning out: Gemini's candidatesTokenCount and xAI's
// completion_tokens do.
func (k callKind) excludesReasoning() bool {
	return (k.model.vendor == vendorGoogle || k.model.vendor == vendorXAI) && !speaksOpenAI(k.provider)
}

// mayCache reports whether part of the input may have come from a cache
// without the span telling.
func (k callKind) mayCache(input int64) bool {
	switch k.apiType {
	case usage.APITypeText, usage.APITypeSpeech:
	default:
		return false
	}
	if k.excludesCache() {
		return true // the input we see is only what was not cached
	}
	return input >= minCacheable || k.model.vendor != vendorOpenAI && input > 0
}
