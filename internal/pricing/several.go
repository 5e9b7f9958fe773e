package pricing

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Several says what a number of calls cost together that are alike but for how much
// each consumed: c has their quantities added up, input is the number of input tokens
// by which the context tier of each of them is chosen.
//
// It is exact, and rounded once to 12 decimal places. It is false where the sum is not
// what the calls cost one by one, or not known for certain: prices by the hour of the
// day or by steps of the quantity, quantities, tiers, regions or variants without a
// price of their own, and prices that one source alone knows.
func (b *Book) Several(c *Call, calls, input int64) (usage.Sum, bool) {
	var f found
	if b.find(c, c.At.Unix(), &f); f.segment == nil {
		return usage.Sum{}, false
	}
	r, one := f.segment.row, *c
	if r.src.Graduated || len(r.src.Hours) > 0 {
		return usage.Sum{}, false
	}
	one.Quantities = usage.Quantities{usage.InputTextTokens: input}
	s, guessed := r.choose(&one, f.region)
	p := r.plan(s)
	if guessed != "" || !p.certain(&c.Quantities) {
		return usage.Sum{}, false
	}
	pico := p.several(&c.Quantities, calls)
	pico.Quo(pico, new(big.Rat).SetInt64(int64(usage.Dollar)))
	sum, err := usage.ParseSum(pico.FloatString(usage.MoneyScale))
	return sum, err == nil
}

// certain reports whether every quantity has a price of its own.
func (p *plan) certain(q *usage.Quantities) bool {
	var present kindSet
	for k, n := range q {
		if n < 0 {
			return false
		}
		if n > 0 {
			present |= 1 << k
		}
	}
	return p.covers(present) && present&(p.fallback|p.tierFallback) == 0 && !p.unconfirmed
}

// several is the cost of calls in picodollars.
func (p *plan) several(q *usage.Quantities, calls int64) *big.Rat {
	if p.exact != nil {
		sum := p.exact.sum(q)
		more := new(big.Rat).SetInt64(calls - 1)
		return sum.Add(sum, more.Mul(more, p.exact.fixed))
	}
	sum := new(big.Int).SetUint64(p.fixed)
	sum.Mul(sum, big.NewInt(calls))
	for k, n := range q {
		if n > 0 {
			part := new(big.Int).SetUint64(p.rates[k])
			sum.Add(sum, part.Mul(part, big.NewInt(n)))
		}
	}
	return new(big.Rat).SetFrac(sum, new(big.Int).SetUint64(p.denominator))
}

// Thresholds are the numbers of input tokens, rising, from which any model of the book
// has other prices.
func (b *Book) Thresholds() (list []int64) {
	for _, shelf := range b.shelves {
		for _, p := range shelf.distinct() {
			for _, t := range p.timelines() {
				for _, s := range t.segments {
					for _, threshold := range s.row.thresholds {
						list = append(list, threshold.min)
					}
				}
			}
		}
	}
	slices.SortFunc(list, cmp.Compare[int64])
	return slices.Compact(list)
}

// Undated is the name of a model without the date or version that names a snapshot of
// it, "" where it names none.
func Undated(provider, model string) string {
	for s := range catalog.Spellings(provider, model) {
		if s.Snapshot {
			return s.Name
		}
	}
	return ""
}
