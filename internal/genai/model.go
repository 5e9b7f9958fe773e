package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/once"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// modelInfo is what the name of a model tells; see [catalog.Model].
type modelInfo struct {
	// base is a hash of the name without host, date and version, on which two observers of
	// one call agree. 0 for no name.
	base                               uint64
	vendor                             catalog.Vendor
	kind                               catalog.Kind
	reasons, bedrock, tokens, perImage bool
	searches, searchesByPrompt         bool
}

// remembered caches what was derived from names: a payload repeats few names. A new one
// replaces an older one with the same hash.
type remembered[K comparable, V any] [512]struct {
	key   K
	value V
	known bool
}

// at returns the slot of a key, and whether the key is in it.
func (m *remembered[K, V]) at(hash uint32, key K) (value *V, known bool) {
	place := &m[hash%uint32(len(m))]
	return &place.value, place.known && place.key == key
}

// keep stores the key for the content of its slot. The key must not be part of a payload.
func (m *remembered[K, V]) keep(hash uint32, key K) {
	place := &m[hash%uint32(len(m))]
	place.key, place.known = key, true
}

// forget clears a slot.
func (m *remembered[K, V]) forget(hash uint32) { m[hash%uint32(len(m))].known = false }

// model returns what the name of a model tells. The result is valid until the next call.
func (r *reading) model(name string) *modelInfo {
	hash := nameHash(name)
	info, known := r.models.at(hash, name)
	if known {
		return info
	}
	*info = inspectModel(name)
	if len(name) > usage.MaxModelBytes {
		r.models.forget(hash)
	} else {
		r.models.keep(hash, strings.Clone(name))
	}
	return info
}

func inspectModel(name string) modelInfo {
	if len(name) > usage.MaxModelBytes {
		name = name[:usage.MaxModelBytes]
	}
	m := catalog.Inspect(name)
	info := modelInfo{vendor: m.Vendor, kind: m.Kind, reasons: m.Reasons, bedrock: m.Bedrock, tokens: m.Tokens, perImage: m.PerImage,
		searches: m.Searches, searchesByPrompt: m.SearchesByPrompt}
	if m.Base != "" {
		info.base = once.Hash(m.Base)
	}
	return info
}
