package usage

import (
	"iter"
	"math/bits"
	"strings"
	"sync/atomic"
)

// Assumptions is a set of defaults that a price took because the call does not report what
// the price depends on. For a call that is [StatusPriced] with an empty set, everything
// that the price depends on is known. The words are stored in the column
// pricing_assumptions; docs/troubleshooting.md explains each.
type Assumptions uint32

// The assumptions. Package internal/pricing/book uses the same words to declare what a
// price row depends on; [Missing] holds what a call leaves out.
const (
	AssumedServiceTier   Assumptions = 1 << iota // the standard tier served the call
	AssumedSpeed                                 // it ran at standard speed
	AssumedRegion                                // it ran where no regional surcharge is charged
	AssumedInferenceGeo                          // its inference was not bound to a country
	AssumedDeployment                            // its deployment is the global one
	AssumedContextLength                         // no single request of the row was long
	AssumedCacheTTL                              // cache writes had the shortest lifetime
	AssumedModality                              // all its tokens are text
	AssumedSearchSize                            // it searched with the smallest context
	AssumedTools                                 // it used no tool that has a fee
	AssumedModelVersion                          // its alias meant the snapshot current on that day
	AssumedCommitment                            // it was paid on demand, without a commitment
	AssumedVariant                               // its images or video had the standard size and quality
)

var assumptionNames = []string{
	"service_tier", "speed", "region", "inference_geo", "deployment", "context_length",
	"cache_ttl", "modality", "search_size", "tools", "model_version", "commitment",
	"variant",
}

// AssumptionNames lists all words in a fixed order, for documentation and tests.
func AssumptionNames() []string { return append([]string(nil), assumptionNames...) }

// Has reports whether all of some are in the set.
func (a Assumptions) Has(some Assumptions) bool { return a&some == some }

// Names returns the words of the set in their fixed order.
func (a Assumptions) Names() []string { return namesOf(uint32(a), assumptionNames) }

// All yields the words of the set in their fixed order.
func (a Assumptions) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, name := range assumptionNames {
			if a&(1<<i) != 0 && !yield(name) {
				return
			}
		}
	}
}

// AppendText appends the words, such as "service_tier+region"; an empty set appends
// nothing.
func (a Assumptions) AppendText(b []byte) []byte {
	return joinedAssumptions.appendTo(b, uint32(a), assumptionNames)
}

var joinedAssumptions, joinedMissing joinedNames

// String returns what [Assumptions.AppendText] appends.
func (a Assumptions) String() string { return string(a.AppendText(nil)) }

// ParseAssumptions is the inverse of [Assumptions.String]. Words that this build does not
// know are returned in unknown, in the same form.
func ParseAssumptions(text string) (a Assumptions, unknown string) {
	set, unknown := parseNames(text, assumptionNames)
	return Assumptions(set), unknown
}

// namesOf lists the names of the bits of a set.
func namesOf(set uint32, names []string) []string {
	list := make([]string, 0, len(names))
	for i, name := range names {
		if set&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}

// joinedNames remembers the texts of sets: few are in use. A set whose place is taken by
// another is spelled out each time.
type joinedNames [64]atomic.Pointer[joinedSet]

type joinedSet struct {
	set  uint32
	text string
}

// appendTo appends the names of the bits of a set, with "+" between them.
func (j *joinedNames) appendTo(b []byte, set uint32, names []string) []byte {
	place := &j[set*0x9E3779B1>>26]
	known := place.Load()
	if known == nil {
		known = &joinedSet{set, string(appendNames(nil, set, names))}
		place.Store(known)
	}
	if known.set != set {
		return appendNames(b, set, names)
	}
	return append(b, known.text...)
}

// appendNames appends the names of the bits of a set, with "+" between them.
func appendNames(b []byte, set uint32, names []string) []byte {
	for first := true; set != 0; set, first = set&(set-1), false {
		if !first {
			b = append(b, '+')
		}
		b = append(b, names[bits.TrailingZeros32(set)]...)
	}
	return b
}

// parseNames is the inverse of appendNames; words that are not names are returned in
// unknown.
func parseNames(text string, names []string) (set uint32, unknown string) {
words:
	for text != "" {
		var word string
		word, text, _ = strings.Cut(text, "+")
		for i, name := range names {
			if word == name {
				set |= 1 << i
				continue words
			}
		}
		if unknown != "" {
			unknown += "+"
		}
		unknown += word
	}
	return set, unknown
}
