package pricing

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// part is one part of a price file, with the prefix for the ids of its rows.
type part struct {
	*book.File
	idPrefix string
	layer    Layer
	// order is the number of the file; parts of one file share it.
	order int
}

// assemble builds the layers from the parts, in search order. Within a layer, a later row
// replaces what an earlier one says about the same model for the time in which it is in
// force.
func assemble(parts []part) ([]*shelf, error) {
	m := &merger{}
	for _, layer := range layerOrder {
		m.top = &shelf{layer: layer, providers: map[string]*provider{}}
		for _, p := range parts {
			if p.layer == layer {
				m.add(p)
			}
		}
		if len(m.top.providers) > 0 {
			m.shelves = append(m.shelves, m.top)
		}
	}
	for _, p := range parts {
		for i := range p.Adjustments {
			m.adjust(p, &p.Adjustments[i])
		}
	}
	m.resolveAliases()
	for _, s := range m.shelves {
		for _, p := range s.distinct() {
			p.index()
		}
	}
	slices.Reverse(m.shelves)
	return m.shelves, errors.Join(m.faults...)
}

type merger struct {
	shelves []*shelf // complete layers, lowest precedence first
	top     *shelf   // the layer being filled
	aliases []aliasEntry
	faults  []error
}

// aliasEntry is an alias and its position; it replaces what earlier files say about its
// name.
type aliasEntry struct {
	book.Alias
	provider string
	file     string
	order    int
}

func (m *merger) fault(file string, line int, key, format string, args ...any) {
	m.faults = append(m.faults, &book.Fault{File: file, Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
}

// provider finds the provider of a file by any of its names, or creates it.
func (m *merger) provider(name string) *provider {
	if p := m.top.providers[name]; p != nil {
		return p
	}
	for _, s := range m.shelves {
		if p := s.providers[name]; p != nil {
			name = p.name
		}
	}
	name = shelfName(name)
	p := m.top.providers[name]
	if p == nil {
		p = &provider{layer: m.top.layer, name: name, names: map[string]*timeline{}}
		m.top.providers[name] = p
	}
	return p
}

func (m *merger) add(f part) {
	p := m.provider(f.Provider)
	for _, also := range f.Also {
		if other := m.top.providers[also]; other != nil && other != p {
			m.fault(f.Name, f.Line, "also", "%q is the provider %q already", also, other.name)
			continue
		}
		m.top.providers[also] = p
	}
	for i := range f.Rows {
		m.addRow(p, f, withDefaults(&f.Rows[i], &f.Defaults))
	}
	for _, a := range f.Aliases {
		m.aliases = append(m.aliases, aliasEntry{a, p.name, f.Name, f.order})
	}
}

// addRow replaces what was there with a row. A row that inherits becomes one row for each
// row beneath it, in its own layer and in lower ones.
func (m *merger) addRow(p *provider, f part, src *book.Row) {
	if m.tooManyPlans(f, src) {
		return
	}
	var base *timeline
	if src.Inherit {
		base = m.beneath(p, src.Model)
	}
	t := p.timeline(src.Model)
	t.put(src.Span, newRow(p.name, f, src))
	if !src.Inherit {
		return
	}
	replaced := base.within(src.Span)
	if len(replaced) == 0 {
		m.fault(f.Name, src.Line, "model "+src.Model, "nothing to inherit from: no earlier file has a price for it %s", src.Span)
	}
	for _, s := range replaced {
		merged := inherit(s.row.src, src)
		if m.tooManyPlans(f, merged) {
			return
		}
		t.put(s.span(), newRow(p.name, f, merged))
	}
}

// beneath returns what all layers say about a name before the row is added.
func (m *merger) beneath(p *provider, model string) *timeline {
	t := &timeline{}
	lay := func(from *timeline) {
		if from != nil {
			for _, s := range from.segments {
				t.put(s.span(), s.row)
			}
		}
	}
	for _, s := range m.shelves {
		if below := s.providers[p.name]; below != nil {
			lay(below.names[model])
		}
	}
	lay(p.names[model])
	return t
}

// maxPlans bounds the memory that one row may use.
const maxPlans = 4096

func (m *merger) tooManyPlans(f part, src *book.Row) bool {
	tiers := len(src.Tiers)
	for _, named := range [][]book.Named{src.Variants, src.ServiceTiers, src.Regions} {
		for _, n := range named {
			tiers += len(n.Tiers)
		}
	}
	for _, h := range src.Hours {
		tiers += len(h.Tiers)
	}
	count := (1 + len(src.Variants)) * (1 + len(src.ServiceTiers)) * (1 + len(src.Hours)) * (1 + len(src.Regions)) * (1 + tiers)
	if count > maxPlans {
		m.fault(f.Name, src.Line, "model "+src.Model, "the variants, tiers, hours and regions combine to %d prices, at most %d are allowed", count, maxPlans)
	}
	return count > maxPlans
}

// withDefaults fills the gaps of a row from the defaults of its file. Without defaults the
// row itself is returned, which is safe because rows are never modified.
func withDefaults(row *book.Row, defaults *book.Blocks) *book.Row {
	if defaults.IsEmpty() && defaults.Depends == 0 && len(defaults.Variants)+len(defaults.ServiceTiers)+len(defaults.Regions)+len(defaults.Hours) == 0 {
		return row
	}
	src := *row
	src.Prices = union(src.Prices, defaults.Prices)
	src.Variants = unionNamed(src.Variants, defaults.Variants)
	src.ServiceTiers = unionNamed(src.ServiceTiers, defaults.ServiceTiers)
	src.Regions = unionNamed(src.Regions, defaults.Regions)
	if len(src.Hours) == 0 {
		src.Hours = defaults.Hours
	}
	src.Depends |= defaults.Depends
	return &src
}

// inherit fills what the newer row does not name from the older one; `times` of the newer
// row multiplies the inherited prices except fees.
func inherit(older, newer *book.Row) *book.Row {
	r := *newer
	base := older.Blocks
	if newer.Times != nil {
		base = multiply(base, newer)
		r.Times = nil
	}
	r.Prices = union(r.Prices, base.Prices)
	if len(r.Tiers) == 0 {
		r.Tiers = base.Tiers
		r.Graduated = older.Graduated
	}
	r.Variants = unionNamed(r.Variants, base.Variants)
	r.ServiceTiers = unionNamed(r.ServiceTiers, base.ServiceTiers)
	r.Regions = unionNamed(r.Regions, base.Regions)
	if len(r.Hours) == 0 {
		r.Hours = base.Hours
	}
	r.Depends |= base.Depends
	return &r
}

func multiply(b book.Blocks, by *book.Row) book.Blocks {
	prices := func(list []book.Price) []book.Price {
		list = slices.Clone(list)
		for i := range list {
			if !list[i].Item.IsFee() && !list[i].IsSame() {
				list[i].Amount = list[i].Amount.Mul(*by.Times)
			}
		}
		return list
	}
	block := func(b book.Block) book.Block {
		b.Prices = prices(b.Prices)
		b.Tiers = slices.Clone(b.Tiers)
		for i := range b.Tiers {
			b.Tiers[i].Prices = prices(b.Tiers[i].Prices)
		}
		return b
	}
	named := func(list []book.Named) []book.Named {
		list = slices.Clone(list)
		for i := range list {
			list[i].Block = block(list[i].Block)
		}
		return list
	}
	b.Block = block(b.Block)
	b.Variants, b.ServiceTiers, b.Regions = named(b.Variants), named(b.ServiceTiers), named(b.Regions)
	b.Hours = slices.Clone(b.Hours)
	for i := range b.Hours {
		b.Hours[i].Block = block(b.Hours[i].Block)
	}
	return b
}

func union(first, second []book.Price) []book.Price {
	all := slices.Clip(first)
	for _, p := range second {
		if _, has := book.Find(first, p.Item); !has {
			all = append(all, p)
		}
	}
	return slices.Clip(all)
}

func unionNamed(first, second []book.Named) []book.Named {
	all := slices.Clip(first)
	for _, n := range second {
		if !slices.ContainsFunc(first, func(have book.Named) bool { return have.Name == n.Name }) {
			all = append(all, n)
		}
	}
	return all
}

// adjust applies a contract to the rows of its models in every layer while the contract is
// in force. If two overlap, the later one wins. A name covers the snapshots of its model
// too; a snapshot that is named itself takes precedence.
func (m *merger) adjust(f part, a *book.Adjustment) {
	met := false
	for _, s := range m.shelves {
		p := s.provider(f.Provider)
		if p == nil {
			continue
		}
		names := slices.Sorted(maps.Keys(p.names))
		for _, model := range names {
			if len(a.Models) == 0 || matchesAny(a.Models, model) {
				continue
			}
			if named := p.snapshotOf(model, a.Models); named != nil {
				p.adjust(model, a, apart(p.names[model], named))
			}
		}
		for _, model := range names {
			if len(a.Models) == 0 || matchesAny(a.Models, model) {
				p.adjust(model, a, nil)
				met = true
			}
		}
	}
	if !met && len(a.Models) > 0 {
		m.fault(f.Name, a.Line, "adjustments", "the book has no model %s at %s", strings.Join(a.Models, ", "), f.Provider)
	}
}

// adjust applies a contract to the rows of a name, except for the periods that are left
// out.
func (p *provider) adjust(name string, a *book.Adjustment, leftOut []segment) {
	t := p.names[name]
	for _, s := range t.within(a.Span) {
		for _, free := range without(s.span(), leftOut) {
			t.put(free, s.row.adjusted(a))
		}
	}
}

// snapshotOf returns the model of the list of which a name is a snapshot or another
// spelling; nil for none.
func (p *provider) snapshotOf(name string, models []string) *timeline {
	for s := range catalog.ContractSpellings(p.name, name) {
		if slices.Contains(models, s.Name) && p.names[s.Name] != nil {
			return p.names[s.Name]
		}
	}
	return nil
}

func matchesAny(patterns []string, model string) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, text := range patterns {
		if p := newPattern(text, nil); p.matches(model) {
			return true
		}
	}
	return false
}

// resolveAliases gives each alias the rows of its model, in the layer of those rows, except
// while a later file has a row for the alias's own name. An alias may refer to an alias
// defined before it.
func (m *merger) resolveAliases() {
	own := map[*timeline][]segment{}
	for _, a := range m.aliases {
		for _, s := range m.shelves {
			if p := s.providers[a.provider]; p != nil && p.names[a.Name] != nil {
				own[p.names[a.Name]] = slices.Clone(p.names[a.Name].segments)
			}
		}
	}
	for _, a := range m.aliases {
		known, met := false, false
		for _, s := range m.shelves {
			p := s.providers[a.provider]
			if p == nil || p.names[a.Model] == nil {
				continue
			}
			known = true
			t := p.timeline(a.Name)
			for _, s := range p.names[a.Model].within(a.Span) {
				met = true
				for _, free := range without(s.span(), later(own[t], a.order)) {
					t.putAlias(free, s.row, a.Model)
				}
			}
			if len(t.segments) == 0 {
				delete(p.names, a.Name)
			}
		}
		switch {
		case !known:
			m.fault(a.file, a.Line, "aliases "+a.Name, "the book has no model %q at %s", a.Model, a.provider)
		case !met:
			m.fault(a.file, a.Line, "aliases "+a.Name, "%s has no price %s", a.Model, a.Span)
		}
	}
}

// later returns the rows of the files after the given one.
func later(rows []segment, order int) []segment {
	return slices.DeleteFunc(slices.Clone(rows), func(s segment) bool { return s.row.order <= order })
}

// without returns the parts of a span that none of the segments covers.
func without(span book.Span, leftOut []segment) []book.Span {
	free := []book.Span{span}
	for _, s := range leftOut {
		var rest []book.Span
		for _, f := range free {
			rest = append(rest, f.Subtract(s.span())...)
		}
		free = rest
	}
	return free
}

// index prepares the lookup of patterns and of names in another letter case.
func (p *provider) index() {
	p.folded = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		t := p.names[name]
		if strings.Contains(name, "*") {
			p.patterns = append(p.patterns, newPattern(name, t))
			delete(p.names, name)
			continue
		}
		lower := strings.ToLower(name)
		if _, twice := p.folded[lower]; !twice {
			p.folded[lower] = name
		}
	}
	slices.SortStableFunc(p.patterns, func(a, b pattern) int { return b.literal - a.literal })
}
