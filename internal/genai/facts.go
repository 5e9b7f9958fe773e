package genai

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
	factInputAudio
	factInputImage
	factInputVideo
	factOutputAudio
	factOutputImage
	factCacheReadAudio
	factCacheReadImage
	factWebSearches

	factAudioNanos // nanoseconds
	factVideoNanos // nanoseconds
	factCharacters
	factImages
	factFileSearches
	factPages
	factCodeSessions
	factSearchUnits

	factCount // not a fact: how many there are
)

// The details say what the sides consist of, or what was called beside them. A
// provider's usage object may add them to a span that has the sides only.
const firstDetail, lastDetail = factCacheRead, factWebSearches

// The rare facts are those of tokens that few spans report at all.
const firstRare, lastRare = factCacheWrite5m, factCacheReadImage

// factNames are the attributes that report each fact, for each in the order of
// precedence: the first that is present wins.
type factNames [factCount][]nameID

// facts are the numbers of one span as they stand there, before anybody has
// decided what they include.
type facts struct {
	n [factCount]count

	inputMeans  inputMeaning
	outputMeans outputMeaning
	reports     Missing // details whose absence means zero
	// tokensMissing: the model is billed by tokens, and the span reports other
	// units only.
	tokensMissing bool
	// callsMissing: the span stands for several calls, or may, and reports the
	// usage of one.
	callsMissing bool
	// estimate: the library counted itself, or may have and does not say so.
	estimate bool
	// cachePartly: the dialect reports either reads or writes and leaves the
	// other out.
	cachePartly bool
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

// read takes the numbers that stand under the vocabulary's names.
func (f *facts) read(a *attributes, w *vocabulary) {
	for i := factInput; i < firstRare; i++ {
		f.n[i] = a.firstCount(w.counts[i])
	}
	if a.present.meets(&w.rare) {
		for i := firstRare; i <= lastRare; i++ {
			f.n[i] = a.firstCount(w.counts[i])
		}
	}
}

// hasNumbers reports whether the span reports any quantity above zero.
func (f *facts) hasNumbers() bool {
	for _, n := range f.n {
		if n > 0 {
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
		return
	}
	own := *f
	*f = *from
	for _, unit := range [...]fact{factAudioNanos, factCharacters, factImages} {
		f.n[unit] = own.n[unit]
	}
	f.estimate, f.inconsistent = own.estimate || from.estimate, own.inconsistent || from.inconsistent
	f.callsMissing = own.callsMissing || from.callsMissing
}

// addDetails takes from the provider's usage object only the details that the
// span itself does not report.
func (f *facts) addDetails(from *facts) {
	for i := firstDetail; i <= lastDetail; i++ {
		if f.n[i] == absent {
			f.n[i] = from.n[i]
		}
	}
	f.reports |= from.reports
	f.callsMissing = f.callsMissing || from.callsMissing
}
