package genai

import "math/bits"

// fact is one number that a span can report.
type fact uint8

// The facts. The details of the tokens stand together: see [firstDetail].
const (
	factInput fact = iota
	factOutput
	factTotal

	factCacheRead
	factCacheWrite
	factReasoning
	factCacheWrite5m
	factCacheWrite1h
	factCacheWrite30m
	factCacheWrite12h
	factInputAudio
	factInputImage
	factInputVideo
	factOutputAudio
	factOutputImage
	factCacheReadAudio
	factCacheReadImage
	factToolPrompt  // what tools gave to the model: input, inside or beside the other
	factBesideInput // input that the sides leave out, as that of a compaction
	factBesideOutput
	factWebSearches
	factFileSearches
	factCodeSessions
	factCitations // tokens that a search model read

	factBesideRead // the cache of what the sides leave out
	factBesideWrite
	factBesideWrite1h
	factSearchQueries // Google's: how many of them are billed says the model

	factAudioNanos // nanoseconds
	factVideoNanos // nanoseconds
	factCharacters
	factImages
	factPages
	factSearchUnits

	factCount // not a fact: how many there are
)

// The details say what the sides consist of, or what was called beside them. A
// provider's usage object may add them to a span that has the sides only.
const firstDetail, lastDetail = factCacheRead, factSearchQueries

// factNames are the attributes that report each fact, for each in the order of
// precedence: the first that is present wins.
type factNames [factCount][]nameID

// facts are the numbers of one span as they stand there, before anybody has
// decided what they include.
type facts struct {
	n [factCount]count

	modifiers   modifiers
	inputMeans  inputMeaning
	outputMeans outputMeaning
	reports     Missing // details whose absence means zero
	always      Missing // of what prices depend on; its absence means the default
	// detailed: a usage object has details, as a provider's own has. One that a
	// library made may have the two sides alone.
	detailed bool
	// tokensMissing: the model is billed by tokens, and the span reports other
	// units only.
	tokensMissing bool
	// callsMissing: the span stands for several calls, or may, and reports the
	// usage of one.
	callsMissing bool
	// toolsBeside: what tools gave to the model is beside the input.
	toolsBeside bool
	// unlisted: nobody has looked at the package that wrote the span, and its
	// input may mean anything.
	unlisted bool
	// several: the numbers are the sum of several requests, whose sizes are not
	// known.
	several bool
	// estimate: the library counted itself, or may have and does not say so.
	estimate bool
	// cachePartly: the dialect reports either reads or writes and leaves the
	// other out.
	cachePartly bool
	// cost is that of the provider's usage object in dollars, "" for none; billed
	// says that the provider bills by it. See [facts.readBilled].
	cost, upstream string
	billed, byok   bool
	// containers: code ran in containers that are billed by their time, beyond what
	// is free; no answer says how long.
	containers bool
	// unknown: a name under a usage prefix is in no vocabulary.
	unknown bool
	// inconsistent: the source contradicts itself in a way that only its
	// dialect can see.
	inconsistent bool
}

// noFacts is a span that reports nothing.
var noFacts = func() (f facts) {
	for i := range f.n {
		f.n[i] = absent
	}
	return f
}()

// read takes the numbers that stand under the vocabulary's names: of the names of
// one fact, that of the first that is present.
func (f *facts) read(a *attributes, w *vocabulary) {
	var best [factCount]uint8 // rank plus 1, 0 for none
	for i, word := range a.present {
		for word &= w.counted[i]; word != 0; word &= word - 1 {
			id := nameID(i*64 + bits.TrailingZeros64(word))
			slot := w.slots[id]
			if at := best[slot.fact]; at != 0 && at <= slot.rank {
				continue
			}
			if n := countOf(a.values[id]); n != absent {
				f.n[slot.fact], best[slot.fact] = n, slot.rank+1
			}
		}
	}
}

// hasNumbers reports whether the span reports any quantity above zero.
func (f *facts) hasNumbers() bool {
	for i := range f.n {
		if f.n[i] > 0 {
			return true
		}
	}
	return false
}

// take replaces the token counts by those of the provider's own usage object,
// which says more than what a library made of it.
func (f *facts) take(from *facts) {
	if f.n[factAudioNanos] == absent {
		f.n[factAudioNanos] = from.n[factAudioNanos]
	}
	if from.n[factInput] == absent && from.n[factOutput] == absent {
		reports := f.reports
		f.addDetails(from)
		f.reports = reports
		return
	}
	own := *f
	*f = *from
	for _, unit := range [...]fact{factAudioNanos, factCharacters, factImages} {
		f.n[unit] = own.n[unit]
	}
	for i := factBesideInput; i <= lastDetail; i++ {
		if f.n[i] == absent {
			f.n[i] = own.n[i]
		}
	}
	f.unknown, f.containers = own.unknown || from.unknown, own.containers || from.containers
	if f.cost == "" {
		f.cost, f.billed, f.upstream, f.byok = own.cost, own.billed, own.upstream, own.byok
	}
	f.estimate, f.inconsistent = own.estimate || from.estimate, own.inconsistent || from.inconsistent
	f.callsMissing, f.several = own.callsMissing || from.callsMissing, own.several || from.several
	f.modifiers.join(&own.modifiers)
}

// addDetails takes from the provider's usage object only the details that the
// span itself does not report.
func (f *facts) addDetails(from *facts) {
	sums := f.sumsUp(from)
	folded := from.toolsBeside && f.n[factInput].known() && f.n[factInput] == from.n[factInput]+from.n[factToolPrompt]
	for i := firstDetail; i <= lastDetail; i++ {
		if f.n[i] == absent && !(sums && i.isBeside()) && !(folded && i == factToolPrompt) {
			f.n[i] = from.n[i]
		}
	}
	f.toolsBeside = f.toolsBeside || from.toolsBeside && !folded
	f.reports |= from.reports
	if f.cost == "" {
		f.cost, f.billed, f.upstream, f.byok = from.cost, from.billed, from.upstream, from.byok
	}
	f.callsMissing, f.several = f.callsMissing || from.callsMissing, f.several || from.several
	f.unknown, f.containers = f.unknown || from.unknown, f.containers || from.containers
	f.modifiers.join(&from.modifiers)
}

// isBeside reports whether the fact is of tokens that the provider's sides
// leave out.
func (i fact) isBeside() bool {
	switch i {
	case factBesideInput, factBesideOutput, factBesideRead, factBesideWrite, factBesideWrite1h:
		return true
	}
	return false
}

// sumsUp reports whether the sides of the span hold already what the provider's
// usage object has beside its sides: some libraries add it up.
func (f *facts) sumsUp(from *facts) bool {
	n := &from.n
	if beside := n[factBesideOutput]; beside > 0 && f.n[factOutput].known() && n[factOutput].known() {
		return f.n[factOutput] >= n[factOutput]+beside
	}
	uncached := count(n[factInput].or0() + n[factBesideInput].or0())
	all := uncached + count(n[factCacheRead].or0()+n[factCacheWrite].or0()+n[factBesideRead].or0()+n[factBesideWrite].or0())
	return n[factBesideInput] > 0 && (f.n[factInput] == uncached || f.n[factInput] == all)
}
