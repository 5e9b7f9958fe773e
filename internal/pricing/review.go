package pricing

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// Reach says whether a contract price applies to a call.
type Reach struct {
	// Layer is the layer whose price the call gets, empty when it gets none.
	Layer Layer
	// Row is the row that the call gets: "openai/gpt-4.1".
	Row string
	// Missed says why a contract price of the same model does not apply; empty when one
	// applies, or when there is none.
	Missed string
}

// Reach says whose price a call gets, and where a contract file was evidently meant to
// cover it and does not.
func (b *Book) Reach(c *Call) (r Reach) {
	second := c.At.Unix()
	list := b.search(c, func(Step) {})
	found, taken := pick(list, second)
	if found.segment != nil {
		r.Layer, r.Row = found.segment.row.layer, found.segment.row.provider+"/"+found.segment.row.src.Model
	}
	if r.Layer == LayerContract {
		return r
	}
	for _, l := range list[:taken] {
		if why := l.passed(second, l.timeline.at(second)); l.timeline.of.layer == LayerContract && why != "" {
			r.Missed = l.hit + ": " + why
			return r
		}
	}
	for _, own := range b.shelves {
		if own.layer == LayerContract {
			r.Missed = own.sameModel(c)
		}
	}
	return r
}

// sameModel names a row for the call's model under another name or at another provider, ""
// when there is none.
func (s *shelf) sameModel(c *Call) string {
	bases := []string{catalog.Inspect(c.Model).Base, catalog.Inspect(c.RequestModel).Base}
	for _, p := range s.distinct() {
		for _, name := range slices.Sorted(maps.Keys(p.names)) {
			if base := catalog.Inspect(name).Base; base != "" && slices.Contains(bases, base) {
				return fmt.Sprintf("%s stands at %s, the call names %s at %s", name, p.name, c.Model, c.Provider)
			}
		}
	}
	return ""
}

// review warns of contract rows that miss calls they were probably meant for.
func (b *Book) review(parts []part) (warnings []error) {
	for _, own := range parts {
		if own.layer != LayerContract || strings.EqualFold(filepath.Ext(own.Name), ".json") {
			continue
		}
		warn := func(row *book.Row, format string, args ...any) {
			warnings = append(warnings, &book.Fault{File: own.Name, Line: row.Line, Key: "model " + row.Model, Text: fmt.Sprintf(format, args...)})
		}
		for i := range own.Rows {
			row := &own.Rows[i]
			switch {
			case strings.Contains(row.Model, "*"):
			case !b.holds(own.File, row):
				warn(row, "reaches no call: a later row replaces it for all of its time")
			default:
				b.reviewName(own.Provider, row, warn)
			}
		}
	}
	return warnings
}

// holds reports whether a row is in force for its name at any time.
func (b *Book) holds(f *book.File, row *book.Row) bool {
	for _, s := range b.shelves {
		p := s.provider(f.Provider)
		if s.layer != LayerContract || p == nil || p.names[row.Model] == nil {
			continue
		}
		for _, held := range p.names[row.Model].segments {
			if held.row.file == f.Name && held.row.src.Line == row.Line {
				return true
			}
		}
	}
	return false
}

// reviewName compares the name of a row with those of the built-in book.
func (b *Book) reviewName(provider string, row *book.Row, warn func(*book.Row, string, ...any)) {
	bottom := b.shelves[len(b.shelves)-1]
	if bottom.layer != LayerBuiltin {
		return
	}
	p := bottom.provider(provider)
	if p == nil && catalog.Named(provider) == nil {
		warn(row, "reaches calls only if telemetry calls the provider %q: neither the built-in book nor recognition knows that name", provider)
		return
	}
	if p != nil && p.first(row.Model) != nil {
		for _, name := range p.apartFrom(row, b.asOf) {
			warn(row, "does not reach calls that asked for %s, which the built-in book prices apart; give it a row too if it is meant", name)
		}
		return
	}
	if p != nil && p.meant(row.Model) {
		return
	}
	for _, other := range bottom.distinct() {
		if other != p && other.first(row.Model) != nil && catalog.Named(other.name) != nil {
			warn(row, "reaches calls only where %s answers by this name: the built-in book knows it at %s", provider, other.name)
			return
		}
	}
	if p == nil {
		return
	}
	if near := p.near(row.Model); near != "" {
		warn(row, "is no model that the built-in book has at %s, which has %s: check the spelling, unless it is new or your own", provider, near)
	}
}

// meant reports whether a name equals a name of the book without its region, vendor,
// version and date.
func (p *provider) meant(model string) bool {
	for name := range p.names {
		for s := range catalog.ContractSpellings(p.name, name) {
			if s.Name == model {
				return true
			}
		}
	}
	return false
}

// near finds the name of the book that differs by one letter, or by two swapped neighbours;
// "" when there is none.
func (p *provider) near(name string) string {
	for _, have := range slices.Sorted(maps.Keys(p.names)) {
		if len(name) > 4 && isSlip(strings.ToLower(name), strings.ToLower(have)) {
			return have
		}
	}
	return ""
}

// isSlip reports whether two names differ by one typing error. A different digit is not an
// error: digits number models.
func isSlip(a, b string) bool {
	start := 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	a, b = a[start:], b[start:]
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if strings.ContainsAny(a+b, "0123456789") {
		return false
	}
	return len(a)+len(b) > 0 && len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}

// apartFrom lists the snapshots of a row's model that have a price of their own while the
// row is in force. For a row still in force, only the time from the book's date on counts.
func (p *provider) apartFrom(row *book.Row, today time.Time) (names []string) {
	span := row.Span
	if span.From.Before(today) && (span.Until.IsZero() || span.Until.After(today)) {
		span.From = today
	}
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		if !strings.HasPrefix(name, row.Model) || name == row.Model {
			continue
		}
		for s := range catalog.ContractSpellings(p.name, name) {
			if s.Name != row.Model {
				continue
			}
			for _, a := range apart(p.names[name], p.first(row.Model)) {
				if a.span().Overlaps(span) {
					names = append(names, name)
					break
				}
			}
		}
	}
	return names
}
