package genai

import "math/bits"

// fact is one number that a span can report.
type fact uint8

// The facts. The details of the tokens are adjacent: see [firstDetail].
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
	factToolPrompt  // what tools gave to the model: input, inside the other input or in addition to it
	factBesideInput // input that the sides leave out, such as that of a compaction
	factBesideOutput
	factWebSearches
	factFileSearches
	factCodeSessions
	factCitations // tokens that a search model read

	factBesideRead // the cached part of what the sides leave out
	factBesideWrite
	factBesideWrite1h
	factSearchQueries // Google's; the model decides how many are billed

	factAudioNanos // nanoseconds
	factVideoNanos // nanoseconds
	factCharacters
	factImages
	factPages
	factSearchUnits

	factCount // not a fact: the number of facts
)

// The details say what the sides consist of, or what was used in addition to them. A
// provider's usage object may add them to a span that only has the sides.
const firstDetail, lastDetail = factCacheRead, factSearchQueries

// factNames are the attributes that report each fact, in order of precedence: the first one
// present wins.
type factNames [factCount][]nameID

// facts are the numbers of one span as reported, before it is decided what they include.
type facts struct {
	n [factCount]count

	modifiers   modifiers
	inputMeans  inputMeaning
	outputMeans outputMeaning
	reports     Missing // details that are zero when absent
	always      Missing // of what prices depend on: the default applies when absent
	// detailed: the usage object has details, as a provider's own has. One that a library
	// made may have only the two sides.
	detailed bool
	// tokensMissing: the model is billed by tokens, and the span only reports other units.
	tokensMissing bool
	// callsMissing: the span stands for several calls, or may, and reports the usage of
	// only one.
	callsMissing bool
	// toolsBeside: what tools gave to the model is not part of the input.
	toolsBeside bool
	// unlisted: the package that wrote the span is unknown, and its input may mean
	// anything.
	unlisted bool
	// several: the numbers are the sum of several requests of unknown sizes.
	several bool
	// estimate: the library counted tokens itself, or may have without saying so.
	estimate bool
	// cachePartly: the dialect reports either cache reads or writes and leaves the other
	// out.
	cachePartly bool
	// cost is the cost in the provider's usage object in dollars, "" for none; billed
	// reports whether the provider bills at it. See [facts.readBilled].
	cost, upstream string
	billed, byok   bool
	// containers: code ran in containers that are billed by time beyond a free amount; no
	// answer reports the time.
	containers bool
	// listed: the answer is there with all its items, so it says which tools ran.
	listed bool
	// billedUnits: the sides are what Cohere bills, which is less than its model processed.
	billedUnits bool
	// unknown: a name under a usage prefix is in no vocabulary.
	unknown bool
	// inconsistent: the source contradicts itself in a way that only its dialect can
	// detect.
	inconsistent bool
}

// noFacts is a span that reports nothing.
var noFacts = func() (f facts) {
	for i := range f.n {
		f.n[i] = absent
	}
	return f
}()

// read reads the numbers under the vocabulary's names; of the names of one fact, the first
// one present wins.
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

// take replaces the token counts by those of the provider's own usage object, which is more
// precise than what a library makes of it.
func (f *facts) take(from *facts) {
	if f.n[factAudioNanos] == absent {
		f.n[factAudioNanos] = from.n[factAudioNanos]
	}
	if from.n[factInput] == absent && from.n[factOutput] == absent && from.n[factTotal] == absent {
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
	f.listed = own.listed || from.listed
	if f.cost == "" {
		f.cost, f.billed, f.upstream, f.byok = own.cost, own.billed, own.upstream, own.byok
	}
	f.estimate, f.inconsistent = own.estimate || from.estimate, own.inconsistent || from.inconsistent
	f.callsMissing, f.several = own.callsMissing || from.callsMissing, own.several || from.several
	f.modifiers.join(&own.modifiers)
}

// addDetails takes from the provider's usage object only the details that the span itself
// does not report.
func (f *facts) addDetails(from *facts) {
	sums := f.sumsUp(from)
	folded := from.toolsBeside && f.n[factInput].known() && f.n[factInput] == from.n[factInput]+from.n[factToolPrompt]
	for i := firstDetail; i <= lastDetail; i++ {
		if f.n[i] == absent && !(sums && i.isBeside()) && !(folded && i == factToolPrompt) {
			f.n[i] = from.n[i]
		}
	}
	for i := factAudioNanos; i <= factSearchUnits; i++ {
		if f.n[i] == absent {
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
	f.listed = f.listed || from.listed
	f.modifiers.join(&from.modifiers)
}

// isBeside reports whether the fact counts tokens that the provider's sides leave out.
func (i fact) isBeside() bool {
	switch i {
	case factBesideInput, factBesideOutput, factBesideRead, factBesideWrite, factBesideWrite1h:
		return true
	}
	return false
}

// sumsUp reports whether the sides of the span already include what the provider's usage
// object has in addition to its sides: some libraries add it.
func (f *facts) sumsUp(from *facts) bool {
	n := &from.n
	if beside := n[factBesideOutput]; beside > 0 && f.n[factOutput].known() && n[factOutput].known() {
		return f.n[factOutput] >= n[factOutput]+beside
	}
	uncached := count(n[factInput].or0() + n[factBesideInput].or0())
	all := uncached + count(n[factCacheRead].or0()+n[factCacheWrite].or0()+n[factBesideRead].or0()+n[factBesideWrite].or0())
	return n[factBesideInput] > 0 && (f.n[factInput] == uncached || f.n[factInput] == all)
}
