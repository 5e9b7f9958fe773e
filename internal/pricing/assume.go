package pricing

import (
	"maps"
	"slices"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// knownAssumable is set in row.assumable and provider.missable once they have been
// computed.
const knownAssumable = 1 << 31

// mayAssume returns the defaults that a price from this row may take: everything the row
// depends on that a call may leave unreported.
func (r *row) mayAssume() usage.Assumptions {
	known := r.assumable.Load()
	if known == 0 {
		known = uint32(r.src.DependsOn(r.provider).Assumable()) | knownAssumable
		r.assumable.Store(known)
	}
	return usage.Assumptions(known &^ knownAssumable)
}

// The dependencies that a call reports in a single field.
const (
	toldByTier    = usage.AssumedServiceTier | usage.AssumedSpeed
	toldByRegion  = usage.AssumedRegion | usage.AssumedInferenceGeo | usage.AssumedDeployment
	toldByVariant = usage.AssumedVariant | usage.AssumedSearchSize
)

// assumed returns the defaults that the price of a call takes: what the row depends on and
// the call does not report. Which snapshot answered is decided by [found.meansSnapshot].
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
		a &^= usage.AssumedContextLength // nor was any single request long
	}
	if q[usage.CacheWrite5mTokens] == 0 && q[usage.CacheWrite30mTokens] == 0 {
		a &^= usage.AssumedCacheTTL
	}
	if q[usage.WebSearches] > 0 || q[usage.FileSearches] > 0 || q[usage.CodeSessions] > 0 {
		a &^= usage.AssumedTools
	}
	return a
}

// meansSnapshot reports whether the name of the model stands for one of several snapshots
// with different prices. A contract price covers all of them.
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

// findVersions finds the names that mean any snapshot of a model (the bare name and the one
// with "-latest") when at least one snapshot has a price of its own.
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

// Relevant reduces the set of unreported details to those on which prices of the provider
// depend; the others cannot change a price. For a provider that the book does not have,
// every detail is relevant.
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

// mayMiss returns the details that at least one row of the provider depends on.
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
