package genai

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// layout is the names of a span's attributes in their order, with what was found for each:
// an app sends thousands of spans with one layout, and comparing a name is cheaper than
// finding it.
type layout struct {
	names   []layoutName
	present nameSet
	roles   roles
}

type layoutName struct {
	name string
	id   nameID // 0 for a name that is unknown, or that repeats an earlier one
}

// layouts remembers the layouts of recent spans. Names come from outside, so a layout is
// bounded, and so is how often one is learned: spans of which no two are alike cost hardly
// more than without it.
type layouts struct {
	known [64]layout
	// credit is how much may be learned; each span adds one.
	credit int
}

const (
	maxLayoutNames = 64
	maxLayoutBytes = 4096
	learningCosts  = 64
	maxCredit      = 16 * learningCosts
)

// of returns the place for the layout of m, by the lengths of its names alone.
func (l *layouts) of(m pcommon.Map) *layout {
	hash := uint32(0)
	for key := range m.All() {
		hash = hash*31 + uint32(len(key))
	}
	l.credit = min(l.credit+1, maxCredit)
	return &l.known[(hash^hash>>7)%uint32(len(l.known))]
}

// read is [attributes.read] for a span with this layout; it returns false for another.
func (l *layout) read(a *attributes, m pcommon.Map) bool {
	if len(l.names) == 0 || len(l.names) != m.Len() {
		return false
	}
	rest := l.names
	for key, value := range m.All() {
		if rest[0].name != key {
			return false
		}
		if id := rest[0].id; id != 0 {
			a.values[id] = value
		}
		rest = rest[1:]
	}
	a.present, a.roles = l.present, l.roles
	return true
}

// learn puts the layout of m, which was just read into a, in the place of another.
func (l *layouts) learn(place *layout, a *attributes, t *nameTable, m pcommon.Map) {
	if l.credit < learningCosts || m.Len() > maxLayoutNames {
		return
	}
	l.credit -= learningCosts
	list := make([]layoutName, 0, m.Len())
	var seen nameSet
	bytes := 0
	for key := range m.All() {
		id := t.find(key)
		name := t.names[id]
		if id == 0 {
			if bytes += len(key); bytes > maxLayoutBytes {
				return
			}
			name = strings.Clone(key) // so that the payload is not kept in memory
		} else if seen.has(id) {
			id = 0
		}
		seen.put(id)
		list = append(list, layoutName{name, id})
	}
	*place = layout{list, a.present, a.roles}
}
