package pricing

import (
	"maps"
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// Layer is whose prices a part of a book holds. The layers of a book are asked
// one after the other, each with every name of the call.
type Layer string

// The layers, in the order in which they are asked.
const (
	LayerContract Layer = "contract" // price files of one's own
	LayerUpdate   Layer = "update"   // public prices that are newer than the built-in ones
	LayerBuiltin  Layer = "builtin"
)

// layerOrder is from the bottom upwards, as layers are laid.
var layerOrder = []Layer{LayerBuiltin, LayerUpdate, LayerContract}

// shelf is one layer of a book.
type shelf struct {
	layer     Layer
	providers map[string]*provider
}

// provider finds a provider by any of its names: as it is, in lower case, and
// by the names that gateways and price data use (azure, bedrock, x-ai); nil when
// the layer has none.
func (s *shelf) provider(name string) *provider {
	if p := s.providers[name]; p != nil {
		return p
	}
	if p := s.providers[strings.ToLower(name)]; p != nil {
		return p
	}
	return s.providers[catalog.Book(name)]
}

// distinct lists the providers by name, each once.
func (s *shelf) distinct() (list []*provider) {
	for _, name := range slices.Sorted(maps.Keys(s.providers)) {
		if p := s.providers[name]; p.name == name {
			list = append(list, p)
		}
	}
	return list
}
