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

// source is what one project says today: provider -> model -> row.
type source struct {
	name string
	rows map[string]map[string]book.Row
}

// add keeps the newest row of a model; history is a matter of research.
func (s *source) add(provider string, row book.Row) {
	if s.rows[provider] == nil {
		s.rows[provider] = map[string]book.Row{}
	}
	before, ok := s.rows[provider][row.Model]
	if !ok || before.Span.From.Before(row.Span.From) {
		s.rows[provider][row.Model] = row
	}
}

// result is the new book and what is missing in it.
type result struct {
	files   []*book.File
	leftOut []omission
}

// omission is a price that was not taken over.
type omission struct{ provider, model, why string }

// String is a line of the list.
func (o omission) String() string { return o.provider + "\t" + o.model + "\t" + o.why }

// build makes one file for each provider that researched rows, or two sources,
// speak about.
func build(sources []source, researched map[string]*book.File) *result {
	r := &result{}
	count := map[string]int{}
	for _, s := range sources {
		for provider := range s.rows {
			count[provider]++
		}
	}
	for provider := range researched {
		count[provider] += 2
	}
	for _, provider := range slices.Sorted(maps.Keys(count)) {
		if count[provider] < 2 {
			for _, s := range sources {
				if n := len(s.rows[provider]); n > 0 {
					r.leftOut = append(r.leftOut, omission{provider, "*", fmt.Sprintf("%d models, known to one source alone (%s)", n, s.name)})
				}
			}
			continue
		}
		r.provider(provider, sources, researched[provider])
	}
	return r
}

func (r *result) provider(provider string, sources []source, base *book.File) {
	f := &book.File{Provider: provider}
	done := map[string]bool{}
	if base != nil {
		f.Also, f.Defaults, f.Aliases = base.Also, base.Defaults, base.Aliases
		f.Rows = slices.Clone(base.Rows)
		for _, row := range base.Rows {
			done[row.Model] = true
		}
		for _, a := range base.Aliases {
			done[a.Name] = true
		}
	}
	models := map[string]bool{}
	for _, s := range sources {
		for model := range s.rows[provider] {
			models[model] = true
		}
	}
	for _, model := range slices.Sorted(maps.Keys(models)) {
		if done[model] {
			r.compare(provider, model, f.Rows, sources)
			continue
		}
		var votes []vote
		for _, s := range sources {
			if row, ok := s.rows[provider][model]; ok {
				votes = append(votes, vote{s.name, flatten(&row)})
			}
		}
		row, why := decide(model, votes)
		for _, w := range why {
			r.leftOut = append(r.leftOut, omission{provider, model, w})
		}
		if row != nil {
			f.Rows = append(f.Rows, *row)
		}
	}
	if len(f.Rows) == 0 {
		return
	}
	r.withoutOddities(f)
	slices.SortStableFunc(f.Rows, func(a, b book.Row) int {
		return cmp.Or(strings.Compare(a.Model, b.Model), a.Span.From.Compare(b.Span.From))
	})
	r.files = append(r.files, f)
}

// compare lists where a source says something else than the newest researched
// row.
func (r *result) compare(provider, model string, rows []book.Row, sources []source) {
	var newest *book.Row
	for i := range rows {
		if rows[i].Model == model && (newest == nil || newest.Span.From.Before(rows[i].Span.From)) {
			newest = &rows[i]
		}
	}
	if newest == nil {
		return
	}
	ours := flatten(newest)
	for _, s := range sources {
		row, ok := s.rows[provider][model]
		if !ok {
			continue
		}
		for p, theirs := range flatten(&row) {
			if price, ok := ours[p]; p.isCore() && ok && !price.IsSame() && perUnit(price) != perUnit(theirs) {
				r.leftOut = append(r.leftOut, omission{provider, model, fmt.Sprintf("researched price %s of %s, where %s has %s", price.Amount, p.item, s.name, theirs.Amount)})
			}
		}
	}
}

// withoutOddities takes out single prices that no list is likely to say.
func (r *result) withoutOddities(f *book.File) {
	for range 5 {
		parts, warnings, err := book.Decode(f.Provider, book.Encode(f))
		if err != nil {
			panic(fmt.Sprintf("the generated file is not valid: %v", err))
		}
		if len(warnings) == 0 {
			return
		}
		lines := map[int]string{}
		for _, row := range parts[0].Rows {
			lines[row.Line] = row.Model
		}
		for _, w := range warnings {
			r.oddity(f, w)
		}
	}
}

// oddity drops a price below a tier, a service tier or a cache price; what two
// sources agree on as the price itself is kept.
func (r *result) oddity(f *book.File, w *book.Fault) {
	name := strings.TrimPrefix(w.Key, "model ")
	for i := range f.Rows {
		row := &f.Rows[i]
		suffix, ok := strings.CutPrefix(name, row.Model)
		if !ok || (suffix != "" && suffix[0] != ' ') {
			continue
		}
		what, _, _ := strings.Cut(w.Text, " ")
		item, known := book.ParseItem(what)
		switch suffix = strings.TrimPrefix(suffix, " "); {
		case suffix == "" && known && item != book.Output:
			row.Prices = slices.DeleteFunc(slices.Clone(row.Prices), func(p book.Price) bool { return p.Item == item })
		case suffix != "" && known && dropNamed(row, suffix, item):
		default:
			row.Checked = "the sources agree on it"
			continue
		}
		r.leftOut = append(r.leftOut, omission{f.Provider, row.Model, strings.TrimSpace(suffix + " " + w.Text)})
	}
}

func dropNamed(row *book.Row, name string, item book.Item) bool {
	drop := func(list []book.Price) []book.Price {
		return slices.DeleteFunc(slices.Clone(list), func(p book.Price) bool { return p.Item == item })
	}
	for i := range row.ServiceTiers {
		if t := &row.ServiceTiers[i]; t.Name == name {
			row.ServiceTiers = slices.Clone(row.ServiceTiers)
			t = &row.ServiceTiers[i]
			t.Prices = drop(t.Prices)
			row.ServiceTiers = slices.DeleteFunc(row.ServiceTiers, func(n book.Named) bool { return n.IsEmpty() })
			return true
		}
	}
	for i := range row.Tiers {
		if row.Tiers[i].Label() == name {
			row.Tiers = slices.Clone(row.Tiers)
			row.Tiers[i].Prices = drop(row.Tiers[i].Prices)
			row.Tiers = slices.DeleteFunc(row.Tiers, func(t book.Tier) bool { return len(t.Prices) == 0 })
			return true
		}
	}
	return false
}

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
		text += fmt.Sprintf(" above %d", p.min-1)
	}
	if p.block != "" {
		text = p.block + " " + text
	}
	return text
}

// decide takes what two sources agree on. The second result says what was left
// out, and where the majority overruled one source.
func decide(model string, votes []vote) (*book.Row, []string) {
	names := make([]string, len(votes))
	for i, v := range votes {
		names[i] = v.source
	}
	if len(votes) == 1 {
		return nil, []string{"known to one source alone: " + describe(votes[0])}
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
	agreed, uncertain := 0, false
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
			if count >= 2 {
				agreed++
			} else {
				uncertain = true
			}
		}
	}
	if agreed == 0 {
		return nil, append(why, "no price that two sources name: "+describe(votes[0]))
	}
	row := rebuild(taken)
	row.Model = model
	row.Source = strings.Join(names, ", ")
	row.Confidence = "high"
	if uncertain {
		row.Confidence = "medium"
	}
	halve(row)
	return row, why
}

// tally finds the price most sources name, and how many name another one.
func tally(p place, votes []vote) (winner book.Price, count, against int) {
	counts := map[string]int{}
	total := 0
	for _, v := range votes {
		if price, ok := v.prices[p]; ok {
			counts[perUnit(price)]++
			total++
		}
	}
	for _, v := range votes {
		price, ok := v.prices[p]
		if ok && counts[perUnit(price)] > count {
			winner, count = price, counts[perUnit(price)]
		}
	}
	// A tie of two opinions is no majority, whatever else is said.
	for key, n := range counts {
		if key != perUnit(winner) {
			against = max(against, n)
		}
	}
	return winner, count, against
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

// describe gives the prices of one source in a few words.
func describe(v vote) string {
	var parts []string
	for _, item := range []book.Item{book.Input, book.Output} {
		if p, ok := v.prices[place{"", 0, item}]; ok {
			parts = append(parts, item.String()+" "+p.Amount.String())
		}
	}
	if len(parts) == 0 {
		return v.source
	}
	return v.source + " (" + strings.Join(parts, ", ") + ")"
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
				b.Tiers = append(b.Tiers, book.Tier{Min: p.min, Above: true})
				i = len(b.Tiers) - 1
			}
			b.Tiers[i].Prices = append(b.Tiers[i].Prices, price)
		}
	}
	return row
}

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
