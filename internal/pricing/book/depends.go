package book

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Dependency is something that a price can depend on besides the provider, the model, the
// day and the quantities.
type Dependency struct {
	// Name is its word, used from the price file to the column pricing_assumptions.
	Name string
	// What says what has to be known about a call.
	What string
	// Where says which part of a row makes the price depend on it.
	Where string
	// Default says what is assumed when a call does not report it, or why every call does.
	Default string
	// Assumed is the assumption taken when a call does not report it; 0 when every call
	// does.
	Assumed usage.Assumptions
	// holds reports whether the prices of a row depend on it; nil when only `depends_on` or
	// the other names of the model can tell.
	holds func(provider string, r *Row) bool
}

// Dependencies lists everything that prices depend on. The JSON Schema, the documentation
// and the explanation of a cost are made from it.
var Dependencies = []Dependency{
	{
		"service_tier", "the tier that served it", "`service_tiers`", "the standard tier", usage.AssumedServiceTier,
		func(provider string, r *Row) bool {
			return slices.ContainsFunc(r.ServiceTiers, func(n Named) bool { return !isSpeed(provider, n.Name) && n.matters() })
		},
	},
	{
		"speed", "the speed at which it ran", "a service tier that is sold as a speed (`fast`)", "standard speed", usage.AssumedSpeed,
		func(provider string, r *Row) bool {
			return slices.ContainsFunc(r.ServiceTiers, func(n Named) bool { return isSpeed(provider, n.Name) && n.matters() })
		},
	},
	{
		"region", "the region that served it", "`regions`", "no regional surcharge", usage.AssumedRegion,
		func(provider string, r *Row) bool {
			return r.byRegion() && regionsMean(provider) == usage.AssumedRegion
		},
	},
	{
		"inference_geo", "whether its inference was bound to a country", "`regions` of Anthropic", "inference that is not bound to a country", usage.AssumedInferenceGeo,
		func(provider string, r *Row) bool {
			return r.byRegion() && regionsMean(provider) == usage.AssumedInferenceGeo
		},
	},
	{
		"deployment", "the type of its deployment: global, data zone or regional", "`regions` of Azure", "the global deployment", usage.AssumedDeployment,
		func(provider string, r *Row) bool {
			return r.byRegion() && regionsMean(provider) == usage.AssumedDeployment
		},
	},
	{
		"context_length", "how long the input of each single request was", "`context_tiers`", "the input of the call is one request's", usage.AssumedContextLength,
		func(_ string, r *Row) bool { return r.byLength() },
	},
	{
		"time_of_day", "the hour at which it began", "`hours`", "every call has a time", 0,
		func(_ string, r *Row) bool { return len(r.Hours) > 0 },
	},
	{
		"cache_ttl", "how long what it wrote into the cache lives", "prices of cache writes that differ by lifetime", "the shortest lifetime", usage.AssumedCacheTTL,
		func(_ string, r *Row) bool {
			return slices.ContainsFunc(lifetimes, func(pair [2]Item) bool { return r.apart(pair[0], pair[1]) })
		},
	},
	{
		"modality", "which tokens were text, audio, image or video", "prices of audio, image or video tokens beside those of text", "all tokens are text", usage.AssumedModality,
		func(_ string, r *Row) bool {
			return slices.ContainsFunc(modalities, func(pair [2]Item) bool { return r.apart(pair[0], pair[1]) })
		},
	},
	{
		"variant", "the size and quality of images, the resolution of video", "`variants`", "the standard size and quality", usage.AssumedVariant,
		func(_ string, r *Row) bool {
			return slices.ContainsFunc(r.Variants, func(n Named) bool { return n.matters() && !n.isFee() })
		},
	},
	{
		"search_size", "how much context a search brought", "`variants` that change a fee alone", "the smallest search context", usage.AssumedSearchSize,
		func(_ string, r *Row) bool {
			return slices.ContainsFunc(r.Variants, func(n Named) bool { return n.isFee() })
		},
	},
	{
		"tools", "which tools with a fee it used", "prices of searches, sessions of code and storage", "no tool that has a fee", usage.AssumedTools,
		func(_ string, r *Row) bool {
			return slices.ContainsFunc(r.Prices, func(p Price) bool { return p.Item.IsFee() && p.Item != Request && !p.Amount.IsZero() })
		},
	},
	{
		"requests", "how many requests it was", "`per_request`", "every call is one", 0,
		func(_ string, r *Row) bool { _, ok := Find(r.Prices, Request); return ok },
	},
	{
		"model_version", "the snapshot of the model that answered", "an alias of a snapshot, or snapshots with prices of their own", "the snapshot that the name meant on that day", usage.AssumedModelVersion, nil,
	},
	{
		"commitment", "whether capacity was paid for in advance", "`depends_on`", "paid on demand", usage.AssumedCommitment, nil,
	},
}

// Depends is a set of [Dependencies], as bits by their position in the list.
type Depends uint32

// ParseDependency finds a dependency by its name.
func ParseDependency(name string) (Depends, bool) {
	i := slices.IndexFunc(Dependencies, func(d Dependency) bool { return d.Name == name })
	if i < 0 {
		return 0, false
	}
	return 1 << i, true
}

// Each lists the dependencies of the set, in order.
func (s Depends) Each() (list []Dependency) {
	for i, d := range Dependencies {
		if s&(1<<i) != 0 {
			list = append(list, d)
		}
	}
	return list
}

// Names lists their names.
func (s Depends) Names() (names []string) {
	for _, d := range s.Each() {
		names = append(names, d.Name)
	}
	return names
}

// Assumable returns the assumptions that a price with these dependencies may take.
func (s Depends) Assumable() (a usage.Assumptions) {
	for _, d := range s.Each() {
		a |= d.Assumed
	}
	return a
}

// DependsOn returns what the prices of a row depend on, from its parts and from its
// `depends_on`. It does not know the other snapshots of the model.
func (r *Row) DependsOn(provider string) Depends {
	set := r.Blocks.Depends
	for i := range Dependencies {
		if holds := Dependencies[i].holds; holds != nil && holds(provider, r) {
			set |= 1 << i
		}
	}
	return set
}

// isSpeed reports whether a host sells a service tier as a speed. OpenAI's fast is its
// priority tier.
func isSpeed(provider, tier string) bool {
	switch provider {
	case catalog.OpenAI, catalog.AzureOpenAI:
		return false
	}
	return tier == "fast" || tier == "ultrafast" || tier == "optimized"
}

// regionsMean returns what has to be known to choose among the regions of a host.
func regionsMean(provider string) usage.Assumptions {
	switch provider {
	case catalog.Anthropic:
		return usage.AssumedInferenceGeo
	case catalog.AzureOpenAI, catalog.AzureAI:
		return usage.AssumedDeployment
	}
	return usage.AssumedRegion
}

// lifetimes are pairs of cache writes that one vendor sells.
var lifetimes = [][2]Item{
	{Item(usage.CacheWrite5mTokens), Item(usage.CacheWrite1hTokens)},
	{Item(usage.CacheWrite30mTokens), Item(usage.CacheWrite12hTokens)},
}

// modalities pairs each item with the item as which its tokens are counted when nothing
// distinguishes them.
var modalities = [][2]Item{
	{Item(usage.InputAudioTokens), Input},
	{Item(usage.InputImageTokens), Input},
	{Item(usage.InputVideoTokens), Input},
	{Item(usage.CacheReadAudioTokens), Item(usage.CacheReadTokens)},
	{Item(usage.CacheReadImageTokens), Item(usage.CacheReadTokens)},
	{Item(usage.OutputAudioTokens), Output},
	{Item(usage.OutputImageTokens), Output},
}

// apart reports whether a row has different prices for two items.
func (r *Row) apart(a, b Item) bool {
	first, ok := Find(r.Prices, a)
	second, has := Find(r.Prices, b)
	if !ok || !has {
		return false
	}
	if first.IsSame() || second.IsSame() {
		return !(first.Same == b || second.Same == a || first.Same == second.Same)
	}
	return !perUnit(first).Equal(perUnit(second))
}

func (r *Row) byRegion() bool { return slices.ContainsFunc(r.Regions, Named.matters) }

func (r *Row) byLength() bool {
	inBlocks := func(list []Named) bool {
		return slices.ContainsFunc(list, func(n Named) bool { return len(n.Tiers) > 0 })
	}
	return len(r.Tiers) > 0 || inBlocks(r.ServiceTiers) || inBlocks(r.Regions) || inBlocks(r.Variants) ||
		slices.ContainsFunc(r.Hours, func(h Hours) bool { return len(h.Tiers) > 0 })
}

// matters reports whether the block changes a price.
func (n Named) matters() bool {
	return len(n.Prices) > 0 || len(n.Tiers) > 0 || n.Times != nil && !n.Times.Equal(decimal.NewFromInt(1))
}

// isFee reports whether the block changes fees alone.
func (n Named) isFee() bool {
	return len(n.Prices) > 0 && n.Times == nil && !slices.ContainsFunc(n.Prices, func(p Price) bool { return !p.Item.IsFee() })
}

func dependencyNames() string {
	names := make([]string, len(Dependencies))
	for i, d := range Dependencies {
		names[i] = d.Name
	}
	return strings.Join(names, ", ")
}
