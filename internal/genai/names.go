package genai

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// nameID identifies a known attribute name; 0 is none.
type nameID uint16

const (
	// maxNames is how many attribute names one reader can know: those of the dialects and
	// those of its configuration.
	maxNames  = 17 * 64
	nameSlots = 4096 // a power of two; sparse, because most lookups are misses
)

// nameTable finds the nameID of an attribute name. It is a hash table optimised for misses:
// a span has many attributes that mean nothing to us, and each costs one multiplication and
// one load.
type nameTable struct {
	slots [nameSlots]nameID
	names []string // by nameID
	roles [maxNames]roles
	own   string // [Config.Own]
}

// roles are the purposes of a name. Most spans have no name with any of them.
type roles uint32

const (
	isMark      roles = 1 << iota // [dialect.marks] of some dialect
	isModifier                    // of [modifierNames]
	isAnswer                      // of [answerNames]
	isBill                        // of [billNames]
	isCost                        // of [costNames]
	isRequests                    // of [namesRequests]
	isSampling                    // of [samplingNames]
	isLogin                       // of [loginNames]
	isUnit                        // of [unitNames]
	isAnswered                    // of [namesFromCache]
	isFlag                        // of [flagNames]
	isAside                       // of [asideNames]
	isCostAside                   // of [namesCostAside]
	isURL                         // of [namesURL]
	isUser                        // of [Reader.userNames]
	isPrefixed                    // begins with [Config.Own]
	isEnd                         // of [namesEnd]
	isNested                      // of [namesNested]
	isHeader                      // of [headerNames]
)

// give assigns a role to the names of a set.
func (t *nameTable) give(role roles, set *nameSet) {
	set.each(func(id nameID) { t.roles[id] |= role })
}

// builtinNames are the names that the dialects declare with [name].
var builtinNames = &nameTable{names: make([]string, 1, maxNames)}

// name declares an attribute name. Dialects that declare the same name get the same id.
func name(text string) nameID {
	id, err := builtinNames.add(text)
	if err != nil {
		panic(err) // at program start, after a change of this package only
	}
	return id
}

// names declares aliases in order of precedence.
func names(texts ...string) []nameID {
	ids := make([]nameID, len(texts))
	for i, text := range texts {
		ids[i] = name(text)
	}
	return ids
}

func (t *nameTable) add(text string) (nameID, error) {
	if id := t.find(text); id != 0 {
		return id, nil
	}
	if text == "" {
		return 0, errors.New("an attribute name is empty")
	}
	if len(t.names) >= maxNames {
		return 0, fmt.Errorf("too many attribute names: at most %d can be configured", maxNames-len(builtinNames.names))
	}
	id := nameID(len(t.names))
	t.names = append(t.names, text)
	slot := nameHash(text)
	for t.slots[slot] != 0 {
		slot = (slot + 1) % nameSlots
	}
	t.slots[slot] = id
	return id, nil
}

// find returns the id of a name, 0 when unknown.
func (t *nameTable) find(text string) nameID {
	slot := nameHash(text)
	for {
		id := t.slots[slot]
		if id == 0 || t.names[id] == text {
			return id
		}
		slot = (slot + 1) % nameSlots
	}
}

func (t *nameTable) clone() *nameTable {
	c := *t
	c.names = append(make([]string, 0, maxNames), t.names...)
	return &c
}

// isOwn reports whether a name has the prefix [Config.Own].
func (t *nameTable) isOwn(name string) bool { return t.own != "" && strings.HasPrefix(name, t.own) }

// nameHash mixes the length and the last 16 bytes: attribute names share their beginnings
// ("gen_ai.usage.") and differ at the end.
func nameHash(text string) uint32 {
	n := len(text)
	var h uint64
	if n >= 16 {
		h = load8(text, n-16)*0x9E3779B97F4A7C15 ^ load8(text, n-8)
	} else if n >= 8 {
		h = load8(text, 0)*0x9E3779B97F4A7C15 ^ load8(text, n-8)
	} else {
		for i := range n {
			h = h<<8 | uint64(text[i])
		}
	}
	h = (h ^ uint64(n)) * 0xD6E8FEB86659FD93
	return uint32(h>>40) % nameSlots
}

// load8 reads 8 bytes of text; the compiler turns it into one load.
func load8(text string, at int) uint64 {
	b := text[at : at+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// nameSet is a set of names.
type nameSet [maxNames / 64]uint64

func setOf(ids ...nameID) nameSet {
	var s nameSet
	for _, id := range ids {
		s.put(id)
	}
	return s
}

func (s *nameSet) put(id nameID)      { s[id/64] |= 1 << (id % 64) }
func (s *nameSet) has(id nameID) bool { return s[id/64]&(1<<(id%64)) != 0 }

// meets reports whether the sets have a name in common.
func (s *nameSet) meets(o *nameSet) bool {
	for i := range s {
		if s[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// join adds all of o to the set.
func (s *nameSet) join(o *nameSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

// each calls f for every name of the set.
func (s *nameSet) each(f func(nameID)) {
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			f(nameID(i*64 + bits.TrailingZeros64(word)))
		}
	}
}

// attributes are the known attributes of one span, resource or log record, each accessible
// by its id without another search.
type attributes struct {
	layouts *layouts // nil: none are remembered
	present nameSet
	roles   roles                   // of all that are present
	values  [maxNames]pcommon.Value // valid where present
	// unknown are attributes under a usage prefix whose names are in no vocabulary.
	unknown []unknownUsage
	// aside are modifiers under such names; hasAside: there is one.
	aside    modifiers
	hasAside bool
}

// read reads the known attributes of m. The first of equal names wins, as in
// [pcommon.Map.Get].
func (a *attributes) read(t *nameTable, m pcommon.Map) {
	a.unknown = a.unknown[:0]
	if a.hasAside {
		a.aside, a.hasAside = modifiers{}, false
	}
	a.readTop(t, m)
	if a.some(isNested) {
		a.flatten(t)
	}
}

func (a *attributes) readTop(t *nameTable, m pcommon.Map) {
	if a.layouts == nil {
		a.readNames(t, m)
		return
	}
	l := a.layouts.of(m)
	if l.read(a, m) {
		return
	}
	a.readNames(t, m)
	if len(a.unknown) == 0 && !a.hasAside {
		a.layouts.learn(l, a, t, m)
	}
}

// readNames is read by looking up each name.
func (a *attributes) readNames(t *nameTable, m pcommon.Map) {
	a.present, a.roles = nameSet{}, 0
	for key, value := range m.All() {
		a.readName(t, key, t.find(key), value)
	}
}

// readName reads one attribute; id is 0 for an unknown name.
func (a *attributes) readName(t *nameTable, key string, id nameID, value pcommon.Value) {
	switch {
	case id == 0:
		if t.isOwn(key) {
			a.roles |= isPrefixed
		}
		if isUsageName(key) && len(a.unknown) < maxUnknownUsage {
			a.unknown = append(a.unknown, unknownUsage{key, value})
		} else if modifier := modifierNamed(key); modifier >= 0 && a.aside[modifier] == "" {
			a.aside[modifier], a.hasAside = value.Str(), true
		}
	case !a.present.has(id):
		a.present.put(id)
		a.roles |= t.roles[id]
		a.values[id] = value
	}
}

// some reports whether any attribute has one of the roles.
func (a *attributes) some(r roles) bool { return a.roles&r != 0 }

func (a *attributes) has(id nameID) bool { return a.present.has(id) }

// text returns the text under a name, "" when there is none or the value is not a text.
func (a *attributes) text(id nameID) string {
	if !a.present.has(id) {
		return ""
	}
	return a.values[id].Str()
}

// firstText returns the first non-empty text.
func (a *attributes) firstText(ids []nameID) string {
	for _, id := range ids {
		if a.present.has(id) {
			if text := a.values[id].Str(); text != "" {
				return text
			}
		}
	}
	return ""
}

// count returns the number under a name; see [countOf].
func (a *attributes) count(id nameID) count {
	if !a.present.has(id) {
		return absent
	}
	return countOf(a.values[id])
}

// firstCount returns the number under the first name present: aliases repeat a number and
// are never added up.
func (a *attributes) firstCount(ids []nameID) count {
	for _, id := range ids {
		if a.present.has(id) {
			if n := countOf(a.values[id]); n != absent {
				return n
			}
		}
	}
	return absent
}

// isTrue reports whether the value is true, or the text "true".
func (a *attributes) isTrue(id nameID) bool {
	return a.present.has(id) && (a.values[id].Bool() || a.values[id].Str() == "true")
}
