package pricing

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// Change is one price that differs between two books.
type Change struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`
	// Part is the part of the row: "" for the base price, otherwise the service tier,
	// region, variant or context tier.
	Part string `json:"part,omitempty"`
	Item string `json:"item,omitempty"`
	Unit string `json:"unit,omitempty"` // unit of both amounts
	// Old and New are dollars per unit, empty when the book has no price.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// Diff lists the prices that differ between two books at a moment, by provider and name. A
// name that only one book has appears with all its prices.
func Diff(older, newer *Book, at time.Time) []Change {
	oldRows, newRows := older.at(at), newer.at(at)
	keys := map[[2]string]bool{}
	for k := range oldRows {
		keys[k] = true
	}
	for k := range newRows {
		keys[k] = true
	}
	var changes []Change
	for _, k := range slices.SortedFunc(maps.Keys(keys), func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	}) {
		for _, c := range diffRows(oldRows[k], newRows[k]) {
			c.Provider, c.Name = k[0], k[1]
			changes = append(changes, c)
		}
	}
	return changes
}

// at returns the rows in force at a moment by provider and name. Where several layers have
// a name, it returns the row that a call by this name would get.
func (b *Book) at(at time.Time) map[[2]string]*row {
	rows := map[[2]string]*row{}
	for _, shelf := range b.shelves {
		for _, p := range shelf.distinct() {
			for name := range p.names {
				var f found
				if b.find(&Call{Provider: p.name, Model: name}, at.Unix(), &f); f.segment != nil {
					rows[[2]string{p.name, name}] = f.segment.row
				}
			}
			for _, pattern := range p.patterns {
				key := [2]string{p.name, pattern.text}
				if s := pattern.timeline.at(at.Unix()); s != nil && rows[key] == nil {
					rows[key] = s.row
				}
			}
		}
	}
	return rows
}

// parts names the selections of a row that differ from the base in one respect each.
func (r *row) parts() map[string]selection {
	parts := map[string]selection{}
	if r == nil {
		return parts
	}
	parts[""] = selection{}
	for i, n := range r.src.Variants {
		parts["variant "+n.Name] = selection{variant: i + 1}
	}
	for i, n := range r.src.ServiceTiers {
		parts["tier "+n.Name] = selection{tier: i + 1}
	}
	for i, n := range r.src.Regions {
		parts["region "+n.Name] = selection{region: i + 1}
	}
	for i := range r.src.Hours {
		parts["hours "+r.src.Hours[i].Key()] = selection{hours: i + 1}
	}
	for i, t := range r.thresholds {
		parts[t.label] = selection{context: i + 1}
	}
	return parts
}

func diffRows(older, newer *row) (changes []Change) {
	oldParts, newParts := older.parts(), newer.parts()
	names := maps.Clone(oldParts)
	maps.Copy(names, newParts)
	for _, part := range slices.Sorted(maps.Keys(names)) {
		for item := range book.ItemCount {
			before, hadBefore := older.rateOf(oldParts, part, item)
			after, hasAfter := newer.rateOf(newParts, part, item)
			if !hadBefore && !hasAfter || (hadBefore && hasAfter && before.cost.Cmp(after.cost) == 0) {
				continue
			}
			unit := after.unit
			if !hasAfter {
				unit = before.unit
			}
			c := Change{Part: part, Item: item.String(), Unit: unit.String()}
			if hadBefore {
				c.Old = perUnitText(before.cost, unit)
			}
			if hasAfter {
				c.New = perUnitText(after.cost, unit)
			}
			changes = append(changes, c)
		}
	}
	return changes
}

// rated is the price of one unit of an item in picodollars, with the unit in which the book
// quotes it.
type rated struct {
	cost *big.Rat
	unit book.Unit
}

// rateOf returns the price of an item that the row names itself, never a fallback.
func (r *row) rateOf(parts map[string]selection, part string, item book.Item) (rated, bool) {
	s, ok := parts[part]
	if !ok {
		return rated{}, false
	}
	f, ok := r.resolve(s, item)
	if !ok || f.as != item {
		return rated{}, false
	}
	factor, perCall := adjustmentOf(r.adjustment)
	cost := f.rate()
	cost.Mul(cost, factor)
	if item == book.Request {
		cost.Add(cost, perCall)
	}
	return rated{cost, f.price.Unit}, true
}

func perUnitText(pico *big.Rat, unit book.Unit) string {
	return amountText(new(big.Rat).Mul(dollars(pico), new(big.Rat).SetInt64(unit.Size())))
}
