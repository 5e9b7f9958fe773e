package pricing

import (
	"maps"
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// Layer tells whose prices a part of a book holds. Layers are searched one after another,
// each with every name of the call.
type Layer string

// The layers, in search order.
const (
	LayerContract Layer = "contract" // price files of the operator
	LayerUpdate   Layer = "update"   // public prices that are newer than the built-in ones
	LayerBuiltin  Layer = "builtin"
)

// layerOrder lists the layers in the order in which they are loaded, lowest precedence
// first.
var layerOrder = []Layer{LayerBuiltin, LayerUpdate, LayerContract}

// shelf is one layer of a book.
type shelf struct {
	layer     Layer
	providers map[string]*provider
}

// provider finds a provider by any of its names: as given, in lower case, or by the names
// that gateways and price data use (azure, bedrock, x-ai). It returns nil when the layer
// has none.
func (s *shelf) provider(name string) *provider {
	if p := s.find(name); p != nil {
		return p.open()
	}
	return nil
}

// find is provider without reading its rows.
func (s *shelf) find(name string) *provider {
	if p := s.providers[name]; p != nil {
		return p
	}
	if p := s.providers[strings.ToLower(name)]; p != nil {
		return p
	}
	return s.providers[catalog.Book(name)]
}

// shelfName is the name under which a shelf has a provider that was not there before.
func shelfName(name string) string {
	if catalog.Named(name) != nil {
		return catalog.Book(name)
	}
	return name
}

// distinct lists each provider once, by name.
func (s *shelf) distinct() (list []*provider) {
	for _, name := range slices.Sorted(maps.Keys(s.providers)) {
		if p := s.providers[name]; p.name == name {
			list = append(list, p)
		}
	}
	openAll(list)
	return list
}
