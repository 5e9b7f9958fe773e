package genai

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// namesNested are the beginnings of names that some exporters and pipelines make maps of:
// "gen_ai":{"usage":{"input_tokens":1000}}.
var (
	namesNested = names("gen_ai", "llm", "openinference")
	nestedNames = setOf(namesNested...)
)

const (
	maxNestedDepth = 6
	maxNestedNames = 256
)

// flatten reads maps as the names that they are the parts of. A name that is there in full
// goes first.
func (a *attributes) flatten(t *nameTable) {
	left := maxNestedNames
	for _, id := range namesNested {
		if a.has(id) && a.values[id].Type() == pcommon.ValueTypeMap {
			a.flattenMap(t, t.names[id], a.values[id].Map(), 1, &left)
		}
	}
}

func (a *attributes) flattenMap(t *nameTable, prefix string, m pcommon.Map, depth int, left *int) {
	for key, value := range m.All() {
		if *left--; *left < 0 {
			return
		}
		name := prefix + "." + key
		id := t.find(name)
		if value.Type() == pcommon.ValueTypeMap && depth < maxNestedDepth && !a.isWhole(t, name, id) {
			a.flattenMap(t, name, value.Map(), depth+1, left)
			continue
		}
		a.readName(t, name, id, value)
	}
}

// isWhole reports whether a map under a name is read as one object, such as an answer.
func (a *attributes) isWhole(t *nameTable, name string, id nameID) bool {
	if id == 0 || t.roles[id]&(isAnswer|isAside|isCost) == 0 {
		return false
	}
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "usage", "request", "response", "output", "cost": // parts of longer names too
		return false
	}
	return true
}

// usesNested reports whether a record's map has usage under such a name.
func usesNested(key string, value pcommon.Value) bool {
	if key != "gen_ai" || value.Type() != pcommon.ValueTypeMap {
		return false
	}
	_, uses := value.Map().Get("usage")
	return uses
}
