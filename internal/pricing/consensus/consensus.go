// Package consensus decides which price of a model to believe when there are several
// sources. A price on which independent sources agree is taken, a price from a single
// source gets low confidence, and a price on which they disagree is left out with the
// reason.
//
// It owns only the vote: it does not read files (foreign) and does not know the habits of
// hosts (tools/pricebook).
package consensus

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// Vote is what one source says about a model.
type Vote struct {
	// Source is a name for people: "litellm 2026-08-01".
	Source string
	// Origin says whose data it is. Sources with one origin derive from each other and
	// count as one. Empty means that the source is its own origin.
	Origin string
	Prices map[Place]book.Price
}

func (v *Vote) origin() string { return cmp.Or(v.Origin, v.Source) }

// Place is the position of a price in a row.
type Place struct {
	Block string // "", "variants/x", "service_tiers/x", "regions/x"
	Min   int64  // of the context tier, 0 for none
	Item  book.Item
}

// times in a Place means the multiplier of a block.
const times = book.ItemCount

// Flatten maps the places of a row to its prices.
func Flatten(row *book.Row) map[Place]book.Price {
	prices := map[Place]book.Price{}
	block := func(name string, b *book.Block) {
		for _, p := range b.Prices {
			prices[Place{name, 0, p.Item}] = p
		}
		for _, t := range b.Tiers {
			for _, p := range t.Prices {
				prices[Place{name, t.Min, p.Item}] = p
			}
		}
		if b.Times != nil {
			prices[Place{name, 0, times}] = book.Price{Amount: *b.Times, Unit: book.MustUnit("per_token")}
		}
	}
	block("", &row.Block)
	for name, list := range map[string][]book.Named{"variants": row.Variants, "service_tiers": row.ServiceTiers, "regions": row.Regions} {
		for i := range list {
			block(name+"/"+list[i].Name, &list[i].Block)
		}
	}
	return prices
}

// IsCore reports whether a price is essential: a model is left out when the sources
// disagree about it.
func (p Place) IsCore() bool {
	if p.Block != "" || p.Min != 0 || p.Item >= book.Request {
		return false
	}
	return p.Item == book.Input || p.Item == book.Output || !p.Item.IsToken() && !p.Item.IsFee()
}

func (p Place) String() string {
	text := p.Item.String()
	if p.Item == times {
		text = "times"
	}
	if p.Min > 0 {
		text += " " + book.Tier{Min: p.Min, Above: IsAbove(p.Min)}.Label()
	}
	if p.Block != "" {
		text = p.Block + " " + text
	}
	return text
}

// Places lists every place for which there is a vote.
func Places(votes []Vote) []Place {
	places := map[Place]bool{}
	for _, v := range votes {
		for p := range v.Prices {
			places[p] = true
		}
	}
	return sorted(places)
}

func sorted[V any](places map[Place]V) []Place {
	return slices.SortedFunc(maps.Keys(places), func(a, b Place) int {
		return cmp.Or(strings.Compare(a.Block, b.Block), cmp.Compare(a.Min, b.Min), cmp.Compare(a.Item, b.Item))
	})
}

// Decide takes what the sources agree on; what only one source has gets low confidence. The
// second result says what was left out, and where a majority overruled one source.
func Decide(model string, votes []Vote) (*book.Row, []string) {
	names := make([]string, len(votes))
	for i, v := range votes {
		names[i] = v.Source
	}
	taken := map[Place]book.Price{}
	var why []string
	core, agreed, uncertain := 0, 0, false
	for _, p := range Places(votes) {
		winner, count, against := Tally(p, votes)
		switch {
		case against >= count:
			why = append(why, "sources disagree: "+Opinions(p, votes))
			if p.IsCore() {
				return nil, why
			}
			continue
		case against > 0:
			why = append(why, fmt.Sprintf("taken as %s by majority: %s", winner.Amount, Opinions(p, votes)))
			uncertain = uncertain || p.IsCore()
		}
		taken[p] = winner
		if p.IsCore() {
			core++
			if count >= 2 {
				agreed++
			} else {
				uncertain = true
			}
		}
	}
	if core == 0 {
		return nil, append(why, "no price of what the model does: "+strings.Join(names, ", "))
	}
	row := rebuild(taken)
	row.Model = model
	row.Source = strings.Join(names, ", ")
	switch {
	case agreed == 0:
		row.Confidence = "low"
	case uncertain:
		row.Confidence = "medium"
	default:
		row.Confidence = "high"
	}
	halve(row)
	return row, why
}

// Tally finds the price that most origins give, and counts the origins for and against it.
func Tally(p Place, votes []Vote) (winner book.Price, count, against int) {
	type opinion struct {
		price   book.Price
		origins []string
	}
	var all []opinion
	for _, v := range votes {
		price, ok := v.Prices[p]
		if !ok {
			continue
		}
		i := slices.IndexFunc(all, func(o opinion) bool { return Alike(o.price, price) })
		if i < 0 {
			all = append(all, opinion{price: price})
			i = len(all) - 1
		}
		if !slices.Contains(all[i].origins, v.origin()) {
			all[i].origins = append(all[i].origins, v.origin())
		}
	}
	for _, o := range all {
		if n := len(o.origins); n > count {
			winner, count, against = o.price, n, max(against, count)
		} else {
			// A tie between two prices is not a majority, whatever else was said.
			against = max(against, n)
		}
	}
	return winner, count, against
}

// Alike reports whether two prices differ by less than a thousandth: some hosts bill in
// units of their own, which convert to odd amounts of dollars.
func Alike(a, b book.Price) bool {
	x := new(big.Rat).Quo(a.Amount.Rat(), new(big.Rat).SetInt64(a.Unit.Size()))
	y := new(big.Rat).Quo(b.Amount.Rat(), new(big.Rat).SetInt64(b.Unit.Size()))
	difference := new(big.Rat).Sub(x, y)
	return difference.Abs(difference).Cmp(new(big.Rat).Mul(x, big.NewRat(1, 1000))) <= 0
}

// PerUnit makes prices in different units comparable.
func PerUnit(p book.Price) string {
	return new(big.Rat).Quo(p.Amount.Rat(), new(big.Rat).SetInt64(p.Unit.Size())).RatString()
}

// Opinions lists which source says what about one price.
func Opinions(p Place, votes []Vote) string {
	var list []string
	for _, v := range votes {
		if price, ok := v.Prices[p]; ok {
			list = append(list, v.Source+" "+price.Amount.String())
		}
	}
	return p.String() + ": " + strings.Join(list, ", ")
}

func rebuild(taken map[Place]book.Price) *book.Row {
	row := &book.Row{}
	for _, p := range sorted(taken) {
		Set(row, p, taken[p])
	}
	return row
}

// Set sets the price at a place; the lists of the row are copied, not modified.
func Set(row *book.Row, p Place, price book.Price) {
	b := &row.Block
	if kind, name, ok := strings.Cut(p.Block, "/"); ok {
		list := map[string]*[]book.Named{"variants": &row.Variants, "service_tiers": &row.ServiceTiers, "regions": &row.Regions}[kind]
		*list = slices.Clone(*list)
		i := slices.IndexFunc(*list, func(n book.Named) bool { return n.Name == name })
		if i < 0 {
			*list = append(*list, book.Named{Name: name})
			i = len(*list) - 1
		}
		b = &(*list)[i].Block
	}
	switch {
	case p.Item == times:
		b.Times = &price.Amount
	case p.Min == 0:
		b.Prices = put(b.Prices, price)
	default:
		b.Tiers = slices.Clone(b.Tiers)
		i := slices.IndexFunc(b.Tiers, func(t book.Tier) bool { return t.Min == p.Min })
		if i < 0 {
			b.Tiers = append(b.Tiers, book.Tier{Min: p.Min, Above: IsAbove(p.Min)})
			i = len(b.Tiers) - 1
		}
		b.Tiers[i].Prices = put(b.Tiers[i].Prices, price)
	}
}

func put(list []book.Price, price book.Price) []book.Price {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Item == price.Item {
			list[i] = price
			return list
		}
	}
	return append(list, price)
}

// IsAbove tells "above 200000" from "at least 200000": thresholds are round numbers.
func IsAbove(min int64) bool { return min%1000 == 1 }

// halve writes a service tier whose every price is half the standard price as a multiplier
// of 0.5, so that prices which no source names for it are halved as well.
func halve(row *book.Row) {
	half := decimal.RequireFromString("0.5")
	two := decimal.NewFromInt(2)
	for i := range row.ServiceTiers {
		t := &row.ServiceTiers[i]
		if (t.Name != "batch" && t.Name != "flex") || t.Times != nil {
			continue
		}
		base := Flatten(&book.Row{Blocks: book.Blocks{Block: row.Block}})
		exact := true
		for p, price := range Flatten(&book.Row{Blocks: book.Blocks{Block: t.Block}}) {
			standard, ok := base[p]
			exact = exact && ok && standard.Amount.Equal(price.Amount.Mul(two)) && standard.Unit == price.Unit
		}
		if exact {
			t.Block = book.Block{Times: &half}
		}
	}
}

// SameCore reports whether two rows agree on the essential prices.
func SameCore(a, b book.Row) bool {
	left, right := Flatten(&a), Flatten(&b)
	for p, price := range left {
		other, ok := right[p]
		if p.IsCore() && ok && PerUnit(price) != PerUnit(other) {
			return false
		}
	}
	return true
}

// AlikeCore is [SameCore] for prices that differ by less than a thousandth.
func AlikeCore(a, b book.Row) bool {
	left, right := Flatten(&a), Flatten(&b)
	for p, price := range left {
		other, ok := right[p]
		if p.IsCore() && ok && !Alike(price, other) {
			return false
		}
	}
	return true
}

// Kept returns the parts of a row that survive a change of its main price: fees,
// multipliers, and items billed as another item. Other details belong to the old price.
func Kept(b book.Blocks) book.Blocks {
	times := func(list []book.Named) []book.Named {
		return slices.DeleteFunc(slices.Clone(list), func(n book.Named) bool { return n.Times == nil })
	}
	kept := book.Blocks{
		Block:        book.Block{Prices: slices.DeleteFunc(slices.Clone(b.Prices), func(p book.Price) bool { return !p.IsSame() && !p.Item.IsFee() })},
		ServiceTiers: times(b.ServiceTiers), Regions: times(b.Regions),
		Hours: slices.DeleteFunc(slices.Clone(b.Hours), func(h book.Hours) bool { return h.Times == nil }),
	}
	for _, list := range [][]book.Named{kept.ServiceTiers, kept.Regions} {
		for i := range list {
			list[i].Prices, list[i].Tiers = nil, nil
		}
	}
	return kept
}
