package book

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Limits on parts of a file, so that no file can make a lookup slow.
const (
	maxNameBytes = 256
	maxBlocks    = 64
	maxTiers     = 32
	// maxOfOneName bounds the rows of a model and the aliases of a name, which are compared
	// pair by pair.
	maxOfOneName = 1000
)

// check finds prices in a file that are ambiguous or can never apply.
func check(f *File, faults *faults) {
	if len(f.Rows) == 0 && len(f.Aliases) == 0 && len(f.Adjustments) == 0 {
		faults.add(f.Line, "rows", "missing; the file says no price for %s", f.Provider)
	}
	for _, name := range append([]string{f.Provider}, f.Also...) {
		checkName(name, f.Line, "provider", faults)
	}
	checkBlocks(&f.Defaults, "defaults", faults)
	byModel := map[string][]*Row{}
	for i := range f.Rows {
		r := &f.Rows[i]
		key := "model " + r.Model
		checkName(r.Model, r.Line, key, faults)
		checkSpan(r.Span, r.Line, key, faults)
		checkBlocks(&r.Blocks, key, faults)
		if r.Times != nil && !r.Inherit {
			faults.add(r.Line, key, "times without `inherit: true` multiplies nothing")
		}
		if !r.Inherit && !hasPrice(&r.Blocks) {
			faults.add(r.Line, key, "the row has no price")
		}
		if r.Graduated && len(r.Tiers) == 0 {
			faults.add(r.Line, key, "graduated needs context_tiers")
		}
		before := byModel[r.Model]
		if len(before) == maxOfOneName {
			faults.add(r.Line, key, "this is its row %d, at most %d are allowed in a file", maxOfOneName+1, maxOfOneName)
			break
		}
		if other := slices.IndexFunc(before, func(o *Row) bool { return r.Span.Overlaps(o.Span) }); other >= 0 {
			faults.add(r.Line, key, "the price (%s) overlaps with line %d (%s); end one where the other begins", r.Span, before[other].Line, before[other].Span)
		}
		byModel[r.Model] = append(before, r)
	}
	checkAliases(f, byModel, faults)
	for _, a := range f.Adjustments {
		checkSpan(a.Span, a.Line, "adjustments", faults)
		if a.Discount.GreaterThan(decimal.NewFromInt(1)) {
			faults.add(a.Line, "discount", "%s is more than the whole price", a.Discount)
		}
		if a.Margin.GreaterThan(decimal.NewFromInt(100)) {
			faults.add(a.Line, "margin", "%s times the price is not plausible; 10 %% is written 0.10 or 10%%", a.Margin)
		}
		for _, m := range a.Models {
			checkName(m, a.Line, "model", faults)
		}
	}
}

func hasPrice(b *Blocks) bool {
	if len(b.Prices) > 0 {
		return true
	}
	for _, list := range [][]Named{b.Variants, b.Regions} {
		for _, n := range list {
			if len(n.Prices) > 0 {
				return true
			}
		}
	}
	return false
}

func checkName(name string, line int, key string, faults *faults) {
	if len(name) > maxNameBytes {
		faults.add(line, key[:min(len(key), 64)], "the name has %d bytes, at most %d are allowed", len(name), maxNameBytes)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		faults.add(line, "", "the name %q has control characters", name)
	}
}

func checkSpan(s Span, line int, key string, faults *faults) {
	for _, t := range []time.Time{s.From, s.Until} {
		if !t.IsZero() && !plausible(t) {
			faults.add(line, key, "%s is not between %d and %d", FormatTime(t), firstYear, lastYear)
		}
	}
	if s.IsEmpty() {
		faults.add(line, key, "from %s is not before until %s", FormatTime(s.From), FormatTime(s.Until))
	}
}

func checkBlocks(b *Blocks, key string, faults *faults) {
	checkBlock(&b.Block, key, faults)
	for _, list := range []struct {
		name  string
		named []Named
	}{{"variants", b.Variants}, {"service_tiers", b.ServiceTiers}, {"regions", b.Regions}} {
		if len(list.named) > maxBlocks {
			faults.add(list.named[0].Line, key+"."+list.name, "%d are too many, at most %d are allowed", len(list.named), maxBlocks)
		}
		for i := range list.named {
			checkName(list.named[i].Name, list.named[i].Line, key, faults)
			checkBlock(&list.named[i].Block, key+"."+list.name+"."+list.named[i].Name, faults)
		}
	}
	if len(b.Hours) > maxBlocks {
		faults.add(b.Hours[0].Line, key+".hours", "%d are too many, at most %d are allowed", len(b.Hours), maxBlocks)
		return
	}
	for i := range b.Hours {
		h := &b.Hours[i]
		checkBlock(&h.Block, key+".hours."+h.Label(), faults)
		for j := range i {
			other := &b.Hours[j]
			if h.sharesDay(other) && (h.inDay(other.From) || other.inDay(h.From)) {
				faults.add(h.Line, key+".hours", "%s overlaps with %s", h.Label(), other.Label())
			}
		}
	}
}

// sharesDay reports whether two parts apply on a common day of the week.
func (h *Hours) sharesDay(o *Hours) bool {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if h.onDay(day) && o.onDay(day) {
			return true
		}
	}
	return false
}

func checkBlock(b *Block, key string, faults *faults) {
	if b.Times != nil && (b.Times.IsZero() || b.Times.GreaterThan(decimal.NewFromInt(100))) {
		faults.add(lineOf(b), key+".times", "%s is not a plausible multiplier; half the price is 0.5", b.Times)
	}
	if len(b.Tiers) > maxTiers {
		faults.add(b.Tiers[0].Line, key+".context_tiers", "%d are too many, at most %d are allowed", len(b.Tiers), maxTiers)
	}
	for i, t := range b.Tiers {
		for _, other := range b.Tiers[:i] {
			for _, p := range t.Prices {
				if _, twice := Find(other.Prices, p.Item); twice && t.Min == other.Min {
					faults.add(p.Line, key+".context_tiers", "%s has two prices %s input tokens (line %d)", p.Item, t.Label(), other.Line)
				}
			}
		}
		for _, p := range t.Prices {
			if p.Item.IsFee() {
				faults.add(p.Line, key+".context_tiers", "%s does not depend on the length of the input", p.Item)
			}
		}
	}
}

func lineOf(b *Block) int {
	if len(b.Prices) > 0 {
		return b.Prices[0].Line
	}
	if len(b.Tiers) > 0 {
		return b.Tiers[0].Line
	}
	return 0
}

func checkAliases(f *File, byModel map[string][]*Row, faults *faults) {
	byName := map[string][]*Alias{}
	for i := range f.Aliases {
		a := &f.Aliases[i]
		key := "aliases " + a.Name
		checkName(a.Name, a.Line, key, faults)
		checkSpan(a.Span, a.Line, key, faults)
		if a.Name == a.Model {
			faults.add(a.Line, key, "the alias names itself")
		}
		if strings.Contains(a.Name, "*") || strings.Contains(a.Model, "*") {
			faults.add(a.Line, key, "an alias cannot be a pattern; write a row whose model is one")
		}
		before := byName[a.Name]
		if len(before) == maxOfOneName {
			faults.add(a.Line, key, "this is its entry %d, at most %d are allowed in a file", maxOfOneName+1, maxOfOneName)
			break
		}
		if other := slices.IndexFunc(before, func(o *Alias) bool { return o.Span.Overlaps(a.Span) }); other >= 0 {
			faults.add(a.Line, key, "overlaps with line %d (%s)", before[other].Line, before[other].Span)
		}
		byName[a.Name] = append(before, a)
		if own := slices.IndexFunc(byModel[a.Name], func(r *Row) bool { return r.Span.Overlaps(a.Span) }); own >= 0 {
			r := byModel[a.Name][own]
			faults.add(a.Line, key, "line %d has a price of its own for this name (%s); keep one", r.Line, r.Span)
		}
	}
}

// odd finds prices that no provider is likely to publish and that are therefore probably
// typing errors: cached input at a higher price than uncached, or a price that is a thousand times its
// neighbour. A row whose `checked` gives a reason is skipped.
func odd(f *File) []*Fault {
	var list []*Fault
	for i := range f.Rows {
		r := &f.Rows[i]
		if r.Checked != "" {
			continue
		}
		for _, o := range oddBlock(r.Prices) {
			list = append(list, &Fault{File: f.Name, Line: o.line, Key: "model " + r.Model, Text: o.text})
		}
		for _, t := range r.Tiers {
			for _, o := range append(oddBlock(t.Prices), oddTier(r.Prices, t)...) {
				list = append(list, &Fault{File: f.Name, Line: o.line, Key: "model " + r.Model + " " + t.Label(), Text: o.text})
			}
		}
		for _, tier := range r.ServiceTiers {
			for _, o := range append(oddBlock(tier.Prices), oddServiceTier(r.Prices, tier)...) {
				list = append(list, &Fault{File: f.Name, Line: o.line, Key: "model " + r.Model + " " + tier.Name, Text: o.text})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *Fault) int { return a.Line - b.Line })
	return list
}

type oddity struct {
	line int
	text string
}

// ratios gives the usual range of a price as multiples of another price.
var ratios = []struct {
	item, of Item
	between
}{
	{Item(usage.CacheReadTokens), Input, ratio("0.005", "1")},
	{Item(usage.CacheWrite5mTokens), Input, ratio("0.05", "1.5")},
	{Item(usage.CacheWrite1hTokens), Input, ratio("1.5", "2.5")},
	{Item(usage.CacheWrite1hTokens), Item(usage.CacheWrite5mTokens), ratio("1.2", "2")},
	{Item(usage.CacheWrite30mTokens), Input, ratio("0.05", "2")},
	{Item(usage.CacheWrite12hTokens), Input, ratio("0.05", "4")},
	{Item(usage.CacheReadAudioTokens), Item(usage.InputAudioTokens), ratio("0.005", "1")},
	{Item(usage.CacheReadImageTokens), Item(usage.InputImageTokens), ratio("0.005", "1")},
	{Output, Input, ratio("0.5", "20")},
}

// between is a range of usual ratios.
type between struct {
	min, max                       decimal.Decimal
	minThousandths, maxThousandths int64
}

func ratio(min, max string) between {
	b := between{min: decimal.RequireFromString(min), max: decimal.RequireFromString(max)}
	b.minThousandths, b.maxThousandths = b.min.Shift(3).IntPart(), b.max.Shift(3).IntPart()
	return b
}

// contains reports whether p is a usual multiple of another, non-zero price. It does not
// divide: a book has thousands of pairs, and nearly all are usual.
func (b between) contains(p, of Price) bool {
	amount, other := p.Amount, of.Amount
	if p.Unit != of.Unit {
		amount = amount.Mul(decimal.NewFromInt(of.Unit.Size()))
		other = other.Mul(decimal.NewFromInt(p.Unit.Size()))
	}
	if a, ok := billionths(amount); ok {
		if o, ok := billionths(other); ok {
			return 1000*a >= b.minThousandths*o && 1000*a <= b.maxThousandths*o
		}
	}
	return amount.Cmp(b.min.Mul(other)) >= 0 && amount.Cmp(b.max.Mul(other)) <= 0
}

// billionths returns an amount in whole billionths when it fits: at most 100,000 dollars
// with at most nine places.
func billionths(d decimal.Decimal) (int64, bool) {
	exponent := d.Exponent()
	if exponent < -9 || exponent > 0 || d.NumDigits() > 14 {
		return 0, false
	}
	n := d.CoefficientInt64()
	for ; exponent > -9; exponent-- {
		n *= 10
		if n > 100_000*1_000_000_000 {
			return 0, false
		}
	}
	return n, true
}

// times returns the ratio of two prices, for messages.
func times(p, of Price) decimal.Decimal { return perUnit(p).DivRound(perUnit(of), 6) }

var perMillion = MustUnit("per_1m_tokens")

// implausible is more than anybody charges for a token, in dollars per million.
var implausible = decimal.NewFromInt(1000)

func oddBlock(prices []Price) (list []oddity) {
	for _, p := range prices {
		if !p.Item.IsToken() || p.Unit == perMillion && !p.Amount.GreaterThan(implausible) {
			continue
		}
		if perUnit(p).Shift(6).GreaterThan(implausible) {
			list = append(list, oddity{p.Line, fmt.Sprintf("%s costs %s dollars for a million tokens; up to %s is usual (if it is right, say why in `checked`)", p.Item, perUnit(p).Shift(6).Round(6), implausible)})
		}
	}
	for _, r := range ratios {
		p, ok := Find(prices, r.item)
		of, okOf := Find(prices, r.of)
		if !ok || !okOf || p.IsSame() || of.IsSame() || p.Amount.IsZero() || of.Amount.IsZero() {
			continue
		}
		if !r.contains(p, of) {
			list = append(list, oddity{p.Line, fmt.Sprintf("%s is %s times the price of %s; %s to %s is usual (if it is right, say why in `checked`)", p.Item, times(p, of), of.Item, r.min, r.max)})
		}
	}
	return list
}

// The usual ratios of a context tier to the prices below it, and of a service tier to the
// standard price. A long request is never cheaper than a short one.
var (
	usualTier     = ratio("1", "5")
	usualDiscount = ratio("0.25", "1")
	usualPremium  = ratio("1", "10")
)

// oddTier compares a context tier with the prices below it.
func oddTier(base []Price, t Tier) (list []oddity) {
	raised := false
	for _, p := range t.Prices {
		b, ok := Find(base, p.Item)
		if !ok || p.IsSame() || b.IsSame() || b.Amount.IsZero() {
			continue
		}
		raised = raised || p.Item == Input && times(p, b).GreaterThan(decimal.NewFromInt(1))
		if !usualTier.contains(p, b) {
			list = append(list, oddity{p.Line, fmt.Sprintf("%s is %s times its price below the tier; %s to %s is usual", p.Item, times(p, b), usualTier.min, usualTier.max)})
		}
	}
	cacheRead := Item(usage.CacheReadTokens)
	if _, below := Find(base, cacheRead); raised && below {
		if _, above := Find(t.Prices, cacheRead); !above {
			list = append(list, oddity{t.Line, "the tier raises input and leaves cache_read at the price below it"})
		}
	}
	return list
}

// oddServiceTier compares batch and flex, which are cheaper than standard, and
// priority, which is more expensive.
func oddServiceTier(base []Price, tier Named) (list []oddity) {
	usual := usualPremium
	if tier.Name == "batch" || tier.Name == "flex" {
		usual = usualDiscount
	}
	for _, p := range tier.Prices {
		b, ok := Find(base, p.Item)
		if !ok || p.IsSame() || b.IsSame() || b.Amount.IsZero() || p.Item.IsFee() {
			continue
		}
		if !usual.contains(p, b) {
			list = append(list, oddity{p.Line, fmt.Sprintf("%s is %s times its standard price; %s to %s is usual", p.Item, times(p, b), usual.min, usual.max)})
		}
	}
	return list
}

// perUnit returns the price of one token (or nanosecond, …), for comparisons.
func perUnit(p Price) decimal.Decimal {
	return p.Amount.DivRound(decimal.NewFromInt(p.Unit.Size()), 30)
}
