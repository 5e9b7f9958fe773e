package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/once"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// modelInfo is what the name of a model says; see [catalog.Model].
type modelInfo struct {
	// base is a hash of the name without host, date and version: what two
	// observers of one call see alike. 0 for no name.
	base                               uint64
	vendor                             catalog.Vendor
	kind                               catalog.Kind
	reasons, bedrock, tokens, perImage bool
	searches, searchesByPrompt         bool
}

// remembered keeps what was worked out from names: a payload has few names often.
// A new one takes the place of an older one with the same hash.
type remembered[K comparable, V any] [512]struct {
	key   K
	value V
	known bool
}

// at gives the place of a key, and whether it is known there.
func (m *remembered[K, V]) at(hash uint32, key K) (value *V, known bool) {
	place := &m[hash%uint32(len(m))]
	return &place.value, place.known && place.key == key
}

// keep notes under the key what stands at its place. The key must not be part of
// a payload.
func (m *remembered[K, V]) keep(hash uint32, key K) {
	place := &m[hash%uint32(len(m))]
	place.key, place.known = key, true
}

// forget gives a place up.
func (m *remembered[K, V]) forget(hash uint32) { m[hash%uint32(len(m))].known = false }

// model says what the name of a model means. The answer is valid until the next
// one.
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
