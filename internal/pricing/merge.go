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

// part is one part of a price file, with the prefix its rows' ids get.
type part struct {
	*book.File
	idPrefix string
	// order counts the files; parts of one file share it.
	order int
}

// assemble makes one book of the parts, in their order: a later row replaces
// what an earlier one says about the same model, for the time it holds.
func assemble(parts []part) (map[string]*provider, error) {
	m := &merger{providers: map[string]*provider{}, aliases: map[*provider][]aliasEntry{}}
	for _, p := range parts {
		m.add(p)
	}
	for _, p := range m.distinct() {
		m.adjust(p, parts)
		m.resolveAliases(p)
		p.index()
	}
	return m.providers, errors.Join(m.faults...)
}

type merger struct {
	providers map[string]*provider
	aliases   map[*provider][]aliasEntry
	faults    []error
}

// aliasEntry is an alias with its place; it replaces what earlier files say
// about its name.
type aliasEntry struct {
	book.Alias
	file  string
	order int
}

func (m *merger) fault(file string, line int, key, format string, args ...any) {
	m.faults = append(m.faults, &book.Fault{File: file, Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
}

func (m *merger) distinct() []*provider {
	list := make([]*provider, 0, len(m.providers))
	for _, name := range slices.Sorted(maps.Keys(m.providers)) {
		if p := m.providers[name]; !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// provider finds the provider of a file, by any of its names, or makes it.
func (m *merger) provider(name string) *provider {
	if p := m.providers[name]; p != nil {
		return p
	}
	if catalog.Named(name) != nil {
		name = catalog.Book(name)
	}
	p := m.providers[name]
	if p == nil {
		p = &provider{name: name, names: map[string]*timeline{}}
		m.providers[name] = p
	}
	return p
}

func (m *merger) add(f part) {
	p := m.provider(f.Provider)
	for _, also := range f.Also {
		if other := m.providers[also]; other != nil && other != p {
			m.fault(f.Name, f.Line, "also", "%q is the provider %q already", also, other.name)
			continue
		}
		m.providers[also] = p
	}
	for i := range f.Rows {
		m.addRow(p, f, withDefaults(f.Rows[i], &f.Defaults))
	}
	for _, a := range f.Aliases {
		m.aliases[p] = append(m.aliases[p], aliasEntry{a, f.Name, f.order})
	}
}

// addRow lets a row replace what was there. A row that inherits becomes one
// row for each it replaces.
func (m *merger) addRow(p *provider, f part, src *book.Row) {
	t := p.names[src.Model]
	if t == nil {
		t = &timeline{}
		p.names[src.Model] = t
	}
	if m.tooManyPlans(f, src) {
		return
	}
	replaced := t.put(src.Span, newRow(p.name, f, src))
	if !src.Inherit {
		return
	}
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

// maxPlans bounds the memory of one row.
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

// withDefaults fills what a row leaves open from the defaults of its file.
func withDefaults(src book.Row, defaults *book.Blocks) *book.Row {
	src.Prices = union(src.Prices, defaults.Prices)
	src.Variants = unionNamed(src.Variants, defaults.Variants)
	src.ServiceTiers = unionNamed(src.ServiceTiers, defaults.ServiceTiers)
	src.Regions = unionNamed(src.Regions, defaults.Regions)
	if len(src.Hours) == 0 {
		src.Hours = defaults.Hours
	}
	return &src
}

// inherit takes from the older row what the newer one does not name; `times`
// of the newer one multiplies what it takes, fees aside.
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

// adjust lets contracts change the rows of their models, for the time they
// hold; of two for the same time, the later one counts.
func (m *merger) adjust(p *provider, parts []part) {
	for _, f := range parts {
		if m.providers[f.Provider] != p {
			continue
		}
		for i := range f.Adjustments {
			m.adjustModels(p, f, &f.Adjustments[i])
		}
	}
}

func (m *merger) adjustModels(p *provider, f part, a *book.Adjustment) {
	met := len(a.Models) == 0
	for _, model := range slices.Sorted(maps.Keys(p.names)) {
		if !matchesAny(a.Models, model) {
			continue
		}
		met = true
		t := p.names[model]
		for _, s := range slices.Clone(t.segments) {
			span := s.span().Intersect(a.Span)
			if span.IsEmpty() {
				continue
			}
			t.put(span, s.row.adjusted(a))
		}
	}
	if !met {
		m.fault(f.Name, a.Line, "adjustments", "the book has no model %s at %s", strings.Join(a.Models, ", "), p.name)
	}
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

// resolveAliases gives each alias the rows of its model, for the time in which
// no later file has a row of the alias's own name. An alias may name another
// one that stands before it.
func (m *merger) resolveAliases(p *provider) {
	own := map[string][]segment{}
	for _, a := range m.aliases[p] {
		if t := p.names[a.Name]; t != nil && own[a.Name] == nil {
			own[a.Name] = slices.Clone(t.segments)
		}
	}
	for _, a := range m.aliases[p] {
		target := p.names[a.Model]
		key := "aliases " + a.Name
		if target == nil {
			m.fault(a.file, a.Line, key, "the book has no model %q at %s", a.Model, p.name)
			continue
		}
		t := p.names[a.Name]
		if t == nil {
			t = &timeline{}
			p.names[a.Name] = t
		}
		met := false
		for _, s := range slices.Clone(target.segments) {
			span := s.span().Intersect(a.Span)
			if span.IsEmpty() {
				continue
			}
			met = true
			for _, free := range withoutLater(span, own[a.Name], a.order) {
				t.put(free, s.row)
			}
		}
		if !met {
			m.fault(a.file, a.Line, key, "%s has no price %s", a.Model, a.Span)
		}
	}
}

// withoutLater is the time of a span in which no row of a later file holds.
func withoutLater(span book.Span, rows []segment, order int) []book.Span {
	free := []book.Span{span}
	for _, s := range rows {
		if s.row.order <= order {
			continue
		}
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
