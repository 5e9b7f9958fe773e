package genai

// iterations is what Anthropic's usage object says of the requests that its
// servers made for one call: turns of a loop with their tools, the compaction of
// a long context, an answer of another model. The numbers beside the list sum up
// the turns and leave the compaction out.
//
// Source: anthropics/anthropic-sdk-go 1.84.0, BetaIterationsUsageItemUnion.
type iterations struct {
	turns, compaction facts
	count             int    // the number of turns
	model             string // of the turns
	// others: another model worked too, at its own price.
	others bool
}

// maxIterations bounds how many are read.
const maxIterations = 1024

func (it *iterations) read(j *jsonText) {
	it.turns, it.compaction = noFacts, noFacts
	j.elements(maxIterations, func(int) {
		one, kind, model := noFacts, "", ""
		j.members(func(key string) bool {
			switch k, known := usageKeys[key]; {
			case known:
				one.set(k.fact, j)
			case key == "cache_creation":
				one.readInputDetails(j)
			case key == "type" && j.peek() == '"':
				kind = j.text()
			case key == "model" && j.peek() == '"':
				model = j.text()
			}
			return true
		})
		switch kind {
		case "compaction":
			it.compaction.add(&one)
		case "message", "fallback_message", "":
			if model != "" {
				it.others = it.others || it.model != "" && model != it.model
				it.model = model
			}
			it.turns.add(&one)
			it.count++
		default: // "advisor_message", and types to come
			it.others = true
		}
	})
}

// tokenSides are the facts that an iteration reports.
var tokenSides = [...]fact{factInput, factOutput, factCacheRead, factCacheWrite, factCacheWrite5m, factCacheWrite1h}

// add adds the numbers of another object.
func (f *facts) add(one *facts) {
	for _, i := range tokenSides {
		f.addOne(one, i)
	}
}

func (f *facts) addOne(one *facts, i fact) {
	switch n := one.n[i]; {
	case n == invalid || f.n[i] == invalid:
		f.n[i] = invalid
	case n.known():
		f.n[i] = min(count(f.n[i].or0())+n, maxCount)
	}
}

// addTo adds the list to the facts of the usage object that contains it.
func (it *iterations) addTo(f *facts) {
	if it.others {
		f.callsMissing = true
	}
	if it.count > 1 {
		f.several = true
	}
	// If the numbers beside the list were those of the last turn, the list's sum would be
	// greater.
	if it.count > 0 && f.n[factInput].known() && f.n[factInput] < it.turns.n[factInput] {
		for _, i := range tokenSides {
			f.n[i] = max(f.n[i], it.turns.n[i])
		}
	}
	if it.count == 0 && it.compaction.n[factInput] <= 0 && it.compaction.n[factOutput] <= 0 {
		return
	}
	c := &it.compaction.n
	f.n[factBesideInput], f.n[factBesideOutput] = c[factInput], c[factOutput]
	f.n[factBesideRead], f.n[factBesideWrite], f.n[factBesideWrite1h] = c[factCacheRead], c[factCacheWrite], c[factCacheWrite1h]
}
