package main

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

// vote is what one source says about a model.
type vote struct {
	source string
	prices map[place]book.Price
}

// place is where a price stands in a row.
type place struct {
	block string // "", "variants/x", "service_tiers/x", "regions/x"
	min   int64  // of the context tier, 0 for none
	item  book.Item
}

// times stands in a place for the multiplier of a block.
const times = book.ItemCount

func flatten(row *book.Row) map[place]book.Price {
	prices := map[place]book.Price{}
	block := func(name string, b *book.Block) {
		for _, p := range b.Prices {
			prices[place{name, 0, p.Item}] = p
		}
		for _, t := range b.Tiers {
			for _, p := range t.Prices {
				prices[place{name, t.Min, p.Item}] = p
			}
		}
		if b.Times != nil {
			prices[place{name, 0, times}] = book.Price{Amount: *b.Times, Unit: book.MustUnit("per_token")}
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

// isCore reports whether a price is what the model costs, and not a detail: the
// model is left out when the sources disagree about it.
func (p place) isCore() bool {
	if p.block != "" || p.min != 0 || p.item >= book.Request {
		return false
	}
	return p.item == book.Input || p.item == book.Output || !p.item.IsToken() && !p.item.IsFee()
}

func (p place) String() string {
	text := p.item.String()
	if p.item == times {
		text = "times"
	}
	if p.min > 0 {
		text += " " + book.Tier{Min: p.min, Above: isAbove(p.min)}.Label()
	}
	if p.block != "" {
		text = p.block + " " + text
	}
	return text
}

// decide takes what the sources agree on; what one source alone knows has low
// confidence. The second result says what was left out, and where the majority
// overruled one source.
func decide(model string, votes []vote) (*book.Row, []string) {
	names := make([]string, len(votes))
	for i, v := range votes {
		names[i] = v.source
	}
	places := map[place]bool{}
	for _, v := range votes {
		for p := range v.prices {
			places[p] = true
		}
	}
	sorted := slices.SortedFunc(maps.Keys(places), func(a, b place) int {
		return cmp.Or(strings.Compare(a.block, b.block), cmp.Compare(a.min, b.min), cmp.Compare(a.item, b.item))
	})
	taken := map[place]book.Price{}
	var why []string
	core, agreed, uncertain := 0, 0, false
	for _, p := range sorted {
		winner, count, against := tally(p, votes)
		switch {
		case against >= count:
			why = append(why, "sources disagree: "+opinions(p, votes))
			if p.isCore() {
				return nil, why
			}
			continue
		case against > 0:
			why = append(why, fmt.Sprintf("taken as %s by majority: %s", winner.Amount, opinions(p, votes)))
			uncertain = uncertain || p.isCore()
		}
		taken[p] = winner
		if p.isCore() {
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

// tally finds the price most sources name, and how many name another one.
func tally(p place, votes []vote) (winner book.Price, count, against int) {
	type opinion struct {
		price book.Price
		count int
	}
	var all []opinion
	for _, v := range votes {
		price, ok := v.prices[p]
		if !ok {
			continue
		}
		i := slices.IndexFunc(all, func(o opinion) bool { return alike(o.price, price) })
		if i < 0 {
			all = append(all, opinion{price: price})
			i = len(all) - 1
		}
		all[i].count++
	}
	for _, o := range all {
		if o.count > count {
			winner, count, against = o.price, o.count, max(against, count)
		} else {
			// A tie of two opinions is no majority, whatever else is said.
			against = max(against, o.count)
		}
	}
	return winner, count, against
}

// alike reports whether two prices differ by less than a thousandth: some hosts
// bill in units of their own, whose dollars come out crooked.
func alike(a, b book.Price) bool {
	x := new(big.Rat).Quo(a.Amount.Rat(), new(big.Rat).SetInt64(a.Unit.Size()))
	y := new(big.Rat).Quo(b.Amount.Rat(), new(big.Rat).SetInt64(b.Unit.Size()))
	difference := new(big.Rat).Sub(x, y)
	return difference.Abs(difference).Cmp(new(big.Rat).Mul(x, big.NewRat(1, 1000))) <= 0
}

// perUnit makes prices in different units comparable.
func perUnit(p book.Price) string {
	return new(big.Rat).Quo(p.Amount.Rat(), new(big.Rat).SetInt64(p.Unit.Size())).RatString()
}

func opinions(p place, votes []vote) string {
	var list []string
	for _, v := range votes {
		if price, ok := v.prices[p]; ok {
			list = append(list, v.source+" "+price.Amount.String())
		}
	}
	return p.String() + ": " + strings.Join(list, ", ")
}

func rebuild(taken map[place]book.Price) *book.Row {
	row := &book.Row{}
	find := func(name string) *book.Block {
		kind, name, ok := strings.Cut(name, "/")
		if !ok {
			return &row.Block
		}
		list := map[string]*[]book.Named{"variants": &row.Variants, "service_tiers": &row.ServiceTiers, "regions": &row.Regions}[kind]
		for i := range *list {
			if (*list)[i].Name == name {
				return &(*list)[i].Block
			}
		}
		*list = append(*list, book.Named{Name: name})
		return &(*list)[len(*list)-1].Block
	}
	places := slices.SortedFunc(maps.Keys(taken), func(a, b place) int {
		return cmp.Or(strings.Compare(a.block, b.block), cmp.Compare(a.min, b.min), cmp.Compare(a.item, b.item))
	})
	for _, p := range places {
		b, price := find(p.block), taken[p]
		switch {
		case p.item == times:
			amount := price.Amount
			b.Times = &amount
		case p.min == 0:
			b.Prices = append(b.Prices, price)
		default:
			i := slices.IndexFunc(b.Tiers, func(t book.Tier) bool { return t.Min == p.min })
			if i < 0 {
				b.Tiers = append(b.Tiers, book.Tier{Min: p.min, Above: isAbove(p.min)})
				i = len(b.Tiers) - 1
			}
			b.Tiers[i].Prices = append(b.Tiers[i].Prices, price)
		}
	}
	return row
}

// isAbove tells "above 200000" from "at least 200000": thresholds are round.
func isAbove(min int64) bool { return min%1000 == 1 }

// halve writes a service tier whose every price is half of the standard one as
// what it is, so that prices that no source names for it are halved as well.
func halve(row *book.Row) {
	half := decimal.RequireFromString("0.5")
	two := decimal.NewFromInt(2)
	for i := range row.ServiceTiers {
		t := &row.ServiceTiers[i]
		if (t.Name != "batch" && t.Name != "flex") || t.Times != nil {
			continue
		}
		base := flatten(&book.Row{Blocks: book.Blocks{Block: row.Block}})
		exact := true
		for p, price := range flatten(&book.Row{Blocks: book.Blocks{Block: t.Block}}) {
			standard, ok := base[p]
			exact = exact && ok && standard.Amount.Equal(price.Amount.Mul(two)) && standard.Unit == price.Unit
		}
		if exact {
			t.Block = book.Block{Times: &half}
		}
	}
}
