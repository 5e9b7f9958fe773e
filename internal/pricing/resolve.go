package pricing

import (
	"math/big"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// resolved is the price of one item under one selection.
type resolved struct {
	price book.Price
	// as is the item whose price was used: the item itself, or the item as which it is
	// billed.
	as book.Item
	// times is the product of the multipliers that apply.
	times *big.Rat
	// fallback: the item has no price of its own, and the book does not say that it is
	// billed as another item.
	fallback bool
	// tierFallback: the service tier has prices, but none for this item.
	tierFallback bool
}

// parents maps an item without a price of its own to the items as which it is billed. A
// provider that reports a kind of token separately usually bills it separately, so the call
// is then an estimate. Reasoning is the exception: it is billed as output unless the
// provider says otherwise.
var parents = map[book.Item][]book.Item{
	book.Item(usage.CacheReadTokens):       {book.Input},
	book.Item(usage.CacheWrite5mTokens):    {book.Input},
	book.Item(usage.CacheWrite1hTokens):    {book.Item(usage.CacheWrite5mTokens), book.Input},
	book.Item(usage.CacheWrite30mTokens):   {book.Item(usage.CacheWrite5mTokens), book.Input},
	book.Item(usage.CacheWrite12hTokens):   {book.Item(usage.CacheWrite30mTokens), book.Item(usage.CacheWrite5mTokens), book.Input},
	book.Item(usage.InputAudioTokens):      {book.Input},
	book.Item(usage.InputImageTokens):      {book.Input},
	book.Item(usage.InputVideoTokens):      {book.Input},
	book.Item(usage.CacheReadAudioTokens):  {book.Item(usage.CacheReadTokens), book.Item(usage.InputAudioTokens), book.Input},
	book.Item(usage.CacheReadImageTokens):  {book.Item(usage.CacheReadTokens), book.Item(usage.InputImageTokens), book.Input},
	book.Item(usage.OutputReasoningTokens): {book.Output},
	book.Item(usage.OutputAudioTokens):     {book.Output},
	book.Item(usage.OutputImageTokens):     {book.Output},
	book.Item(usage.CitationTokens):        {book.Output},
}

// maxBilledAs stops a cycle of "billed as".
const maxBilledAs = 4

// resolve finds the price of an item, false when there is none.
func (r *row) resolve(s selection, item book.Item) (resolved, bool) {
	current := item
	for range maxBilledAs {
		found, ok := r.own(s, current)
		if !ok {
			break
		}
		if !found.price.IsSame() {
			found.as = current
			return found, true
		}
		current = found.price.Same
	}
	for _, parent := range parents[item] {
		found, ok := r.own(s, parent)
		if !ok {
			continue
		}
		if found.price.IsSame() {
			if found, ok = r.own(s, found.price.Same); !ok || found.price.IsSame() {
				continue
			}
		}
		found.as = parent
		found.fallback = found.fallback || item != book.Item(usage.OutputReasoningTokens)
		return found, true
	}
	return resolved{}, false
}

// priceSet is one set of prices that a selection turns on.
type priceSet struct {
	block *book.Block
	// gap records that a block which is a price list of its own lacks a price for the item;
	// nil when there is nothing to record.
	gap func(*resolved)
}

// setOf builds the set of a named block. A block that only multiplies has no gaps.
func setOf(n *book.Named, gap func(*resolved)) priceSet {
	if n.Times != nil {
		gap = nil
	}
	return priceSet{&n.Block, gap}
}

// sets lists the price sets of a selection, the most specific first.
func (r *row) sets(s selection) (sets []priceSet) {
	if s.region > 0 {
		sets = append(sets, setOf(&r.src.Regions[s.region-1], func(f *resolved) { f.fallback = true }))
	}
	if s.hours > 0 {
		sets = append(sets, priceSet{block: &r.src.Hours[s.hours-1].Block})
	}
	if s.tier > 0 {
		sets = append(sets, setOf(&r.src.ServiceTiers[s.tier-1], func(f *resolved) { f.tierFallback = true }))
	}
	if s.variant > 0 {
		sets = append(sets, priceSet{block: &r.src.Variants[s.variant-1].Block})
	}
	return append(sets, priceSet{block: &r.src.Block})
}

// own finds the price that the row itself names for an item. Within a set, the highest
// context tier wins that names the item and that the input reaches; it applies to the whole
// request, output included.
func (r *row) own(s selection, item book.Item) (resolved, bool) {
	sets := r.sets(s)
	result := resolved{times: big.NewRat(1, 1)}
	for i, l := range sets {
		if p, ok := r.fromTier(s, l.block, item); ok {
			result.price = p
			return result, true
		}
		if p, ok := book.Find(l.block.Prices, item); ok {
			result.price = p
			// A price list without long-input prices does not override those of a more
			// general one.
			for _, below := range sets[i+1:] {
				if long, ok := r.fromTier(s, below.block, item); ok {
					result.price, result.tierFallback = long, true
					break
				}
			}
			return result, true
		}
		if l.gap != nil && !item.IsFee() {
			l.gap(&result)
		}
		if l.block.Times != nil && !item.IsFee() && i < len(sets)-1 {
			result.times.Mul(result.times, l.block.Times.Rat())
		}
	}
	return resolved{}, false
}

// fromTier finds the price of an item in the context tiers of a block.
func (r *row) fromTier(s selection, b *book.Block, item book.Item) (best book.Price, ok bool) {
	if s.context == 0 {
		return best, false
	}
	reached, min := r.thresholds[s.context-1].min, int64(-1)
	for _, t := range b.Tiers {
		if t.Min > reached || t.Min <= min {
			continue
		}
		if p, has := book.Find(t.Prices, item); has {
			best, ok, min = p, true, t.Min
		}
	}
	return best, ok
}

// rate returns the price of one unit in picodollars, before contract adjustments.
func (f resolved) rate() *big.Rat {
	pico := new(big.Rat).SetInt64(int64(usage.Dollar))
	pico.Mul(pico, f.price.Amount.Rat())
	pico.Mul(pico, f.times)
	return pico.Quo(pico, new(big.Rat).SetInt64(f.price.Unit.Size()))
}
