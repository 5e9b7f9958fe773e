package explain

import (
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// nameMatch maps the bill's model names to the models of the calls.
type nameMatch struct {
	calls map[string]bool // base names of the models of calls
	parts map[string][]string
	bill  map[string]string
	bases map[string]string
}

func newNameMatch() *nameMatch {
	return &nameMatch{calls: map[string]bool{}, parts: map[string][]string{}, bill: map[string]string{}, bases: map[string]string{}}
}

func (n *nameMatch) base(model string) string {
	b, ok := n.bases[model]
	if !ok {
		b = catalog.Inspect(model).Base
		n.bases[model] = b
	}
	return b
}

func (n *nameMatch) addCall(model string) {
	base := n.base(model)
	if base != "" && !n.calls[base] {
		n.calls[base], n.parts[base] = true, nameParts(base)
	}
}

func (n *nameMatch) ofCall(model string) string { return n.base(model) }

// ofBill returns the calls' model for a name on a bill: the one with the same name apart
// from date and host, or else the longest one whose parts all occur in the bill's text
// ("USE1-Claude4.6Opus-input-tokens").
func (n *nameMatch) ofBill(model string) string {
	if found, ok := n.bill[model]; ok {
		return found
	}
	found := n.base(model)
	if found != "" && !n.calls[found] {
		have := nameParts(model)
		most, tie := 0, false
		best := ""
		for _, base := range sortedKeys(n.parts) {
			parts := n.parts[base]
			switch {
			case len(parts) < 2 || len(parts) < most || !containsAll(have, parts):
			case len(parts) == most:
				tie = true
			default:
				most, best, tie = len(parts), base, false
			}
		}
		if best != "" && !tie {
			found = best
		}
	}
	n.bill[model] = found
	return found
}

// nameParts splits a name into words and numbers: "claude", "4", "6", "opus".
func nameParts(name string) (parts []string) {
	kind := func(c byte) int {
		switch {
		case c >= 'a' && c <= 'z':
			return 1
		case c >= '0' && c <= '9':
			return 2
		}
		return 0
	}
	name = strings.ToLower(name)
	start := 0
	for i := 1; i <= len(name); i++ {
		if i < len(name) && kind(name[i]) == kind(name[start]) {
			continue
		}
		if kind(name[start]) != 0 {
			parts = append(parts, name[start:i])
		}
		start = i
	}
	return parts
}

// containsAll reports whether have contains every element of some, at least as often.
func containsAll(have, some []string) bool {
	left := slices.Clone(have)
	for _, s := range some {
		i := slices.Index(left, s)
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}
