package pricing

import (
	"maps"
	"slices"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// knownAssumable marks that a row knows what it may assume.
const knownAssumable = 1 << 31

// mayAssume is what a price of the row rests on where a call does not report it.
func (r *row) mayAssume() usage.Assumptions {
	known := r.assumable.Load()
	if known == 0 {
		known = uint32(r.src.DependsOn(r.provider).Assumable()) | knownAssumable
		r.assumable.Store(known)
	}
	return usage.Assumptions(known &^ knownAssumable)
}

// What a call reports with one field.
const (
	toldByTier    = usage.AssumedServiceTier | usage.AssumedSpeed
	toldByRegion  = usage.AssumedRegion | usage.AssumedInferenceGeo | usage.AssumedDeployment
	toldByVariant = usage.AssumedVariant | usage.AssumedSearchSize
)

// assumed says which defaults the price of a call takes: what the row depends on
// and the call does not report. Which snapshot answered, [found.meansSnapshot] says.
func (f *found) assumed(c *Call) usage.Assumptions {
	a := f.segment.row.mayAssume() & c.Unreported
	if c.ServiceTier != "" {
		a &^= toldByTier
	}
	if c.Region != "" || f.region != "" {
		a &^= toldByRegion
	}
	if c.Variant != "" {
		a &^= toldByVariant
	}
	q := &c.Quantities
	if t := f.segment.row.thresholds; len(t) == 0 || q.InputTokens() < t[0].min {
		a &^= usage.AssumedContextLength // nor was any single request
	}
	if q[usage.CacheWrite5mTokens] == 0 && q[usage.CacheWrite30mTokens] == 0 {
		a &^= usage.AssumedCacheTTL
	}
	if q[usage.WebSearches] > 0 || q[usage.FileSearches] > 0 || q[usage.CodeSessions] > 0 {
		a &^= usage.AssumedTools
	}
	return a
}

// meansSnapshot reports whether the name of the model means one of several
// snapshots whose prices differ; a price of one's own is for all of them.
func (f *found) meansSnapshot(second int64) bool {
	p := f.timeline.of
	if f.segment.snapshot {
		return p.layer != LayerContract
	}
	if !p.versionsKnown.Load() {
		p.findVersions()
	}
	for _, v := range f.timeline.versions {
		if v.from <= second && second < v.until {
			return true
		}
	}
	return false
}

// findVersions finds each name that means any snapshot of a model, the bare one
// and that with "-latest", when a snapshot has a price of its own.
func (p *provider) findVersions() {
	p.versions.Lock()
	defer p.versions.Unlock()
	if p.versionsKnown.Load() || p.layer == LayerContract {
		p.versionsKnown.Store(true)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		if !catalog.IsSnapshot(name) {
			continue
		}
		for s := range catalog.ContractSpellings(p.name, name) {
			if !s.Snapshot {
				continue
			}
			for _, floating := range []string{s.Name, s.Name + "-latest"} {
				if t := p.names[floating]; t != nil && floating != name {
					t.versions = append(t.versions, apart(t, p.names[name])...)
				}
			}
		}
	}
	p.versionsKnown.Store(true)
}

// Relevant leaves of what a call does not report what the prices of its provider
// depend on: the rest can change no price. Of a provider that the book does not
// have, everything may.
func (b *Book) Relevant(provider string, missing usage.Missing) usage.Missing {
	if missing&usage.MissingDependencies == 0 {
		return missing
	}
	relevant, known := usage.Missing(0), false
	for _, s := range b.shelves {
		if p := s.provider(provider); p != nil {
			relevant, known = relevant|p.mayMiss(), true
		}
	}
	if !known {
		return missing
	}
	return missing&^usage.MissingDependencies | missing&relevant
}

// mayMiss is what some row of the provider may assume.
func (p *provider) mayMiss() usage.Missing {
	known := p.missable.Load()
	if known == 0 {
		var may usage.Assumptions
		for _, t := range p.timelines() {
			for _, s := range t.segments {
				may |= s.row.mayAssume()
			}
		}
		for bit := usage.MissingServiceTier; bit&usage.MissingDependencies != 0; bit <<= 1 {
			if bit.Unreported()&may != 0 {
				known |= uint32(bit)
			}
		}
		known |= knownAssumable
		p.missable.Store(known)
	}
	return usage.Missing(known &^ knownAssumable)
}
