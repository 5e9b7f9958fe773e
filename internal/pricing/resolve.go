package pricing

import (
	"math/big"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// resolved is the price of one item under one selection.
type resolved struct {
	price book.Price
	// as is the item whose price it is: the item itself, or the one it is
	// billed as.
	as book.Item
	// times is the product of the multipliers that apply.
	times *big.Rat
	// fallback: the item has no price of its own and the book does not say
	// that it is billed as another one.
	fallback bool
	// tierFallback: the service tier names prices, and not this one.
	tierFallback bool
}

// parents say what an item without a price of its own is billed as. A provider
// that reports a kind of token apart usually bills it apart, so the call is an
// estimate then; reasoning alone is output for everybody who does not say
// otherwise.
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

// maxBilledAs ends a circle of "billed as".
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

// priceSet is one set of prices that a selection switches on.
type priceSet struct {
	block *book.Block
	// gap is what to note when the block is a price list of its own and does
	// not name a price of content; nil when nothing is to be noted.
	gap func(*resolved)
}

// setOf makes the set of a named block: one that multiplies has no gaps.
func setOf(n *book.Named, gap func(*resolved)) priceSet {
	if n.Times != nil {
		gap = nil
	}
	return priceSet{&n.Block, gap}
}

// sets lists the sets of prices of a selection, the most specific first.
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

// own finds the price that the row itself names for an item. Within a set of
// prices the highest context tier that names the item and that the input
// reaches wins; the whole request moves, output too.
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
			// A list that says nothing about long inputs does not undo what
			// a more general one says about them.
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

// rate is the price of one unit of the item's quantity in picodollars, before
// adjustments.
func (f resolved) rate() *big.Rat {
	pico := new(big.Rat).SetInt64(int64(usage.Dollar))
	pico.Mul(pico, f.price.Amount.Rat())
	pico.Mul(pico, f.times)
	return pico.Quo(pico, new(big.Rat).SetInt64(f.price.Unit.Size()))
}
