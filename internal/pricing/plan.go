package pricing

import (
	"math/big"
	"math/bits"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// plan is a row under one selection, ready to multiply: every price is a whole
// number over one denominator, so a call costs
//
//	(fixed + Σ quantity × rates[kind]) / denominator picodollars
//
// in 128 bit arithmetic, rounded once.
type plan struct {
	id    string
	model string

	rates       [usage.QuantityKindCount]uint64
	fixed       uint64
	denominator uint64

	priced       kindSet // kinds that have a price
	fallback     kindSet // of these, priced as another kind although the book does not say so
	tierFallback kindSet // of these, priced by a more general price list
	tokens       bool    // at least one kind of token has a price
	unconfirmed  bool    // the book itself marks the row as unconfirmed

	// exact replaces the integers when they do not fit into 64 bits, or when the row is
	// graduated.
	exact *exactPlan
}

// kindSet is a set of quantity kinds.
type kindSet uint64

var (
	tokenKinds = kindsWhere(book.Item.IsToken)
	feeKinds   = kindsWhere(book.Item.IsFee)
)

func kindsWhere(is func(book.Item) bool) (s kindSet) {
	for k := range usage.QuantityKindCount {
		if is(book.Item(k)) {
			s |= 1 << k
		}
	}
	return s
}

// exactPlan prices with rational numbers: rates[i] applies from the i-th threshold on. A
// row that is not graduated has one entry.
type exactPlan struct {
	thresholds []int64
	rates      [][usage.QuantityKindCount]*big.Rat
	fixed      *big.Rat
}

func newPlan(r *row, s selection) *plan {
	p := &plan{id: r.planID(s), model: r.src.Model, unconfirmed: r.src.Confidence == book.LowConfidence}
	exact := &exactPlan{fixed: new(big.Rat)}
	factor, perCall := adjustmentOf(r.adjustment)
	if f, ok := r.resolve(s, book.Request); ok {
		exact.fixed.Mul(f.rate(), factor)
	}
	exact.fixed.Add(exact.fixed, perCall)

	steps := []selection{s}
	if r.src.Graduated {
		for i, t := range r.thresholds {
			step := s
			step.context = i + 1
			steps, exact.thresholds = append(steps, step), append(exact.thresholds, t.min)
		}
	}
	p.priced = 1<<usage.QuantityKindCount - 1
	for _, step := range steps {
		var rates [usage.QuantityKindCount]*big.Rat
		for k := range usage.QuantityKindCount {
			f, ok := r.resolve(step, book.Item(k))
			if !ok {
				p.priced &^= 1 << k
				continue
			}
			rates[k] = f.rate()
			rates[k].Mul(rates[k], factor)
			if f.fallback {
				p.fallback |= 1 << k
			}
			if f.tierFallback {
				p.tierFallback |= 1 << k
			}
		}
		exact.rates = append(exact.rates, rates)
	}
	p.tokens = p.priced&tokenKinds != 0
	if r.src.Graduated || !p.scale(exact) {
		p.exact = exact
	}
	return p
}

// adjustmentOf returns the factor applied to every price and the picodollars added for each
// call. A discount is applied before a margin, the fixed amount last.
func adjustmentOf(a *book.Adjustment) (factor, perCall *big.Rat) {
	factor, perCall = big.NewRat(1, 1), new(big.Rat)
	if a == nil {
		return factor, perCall
	}
	one := big.NewRat(1, 1)
	factor.Sub(one, a.Discount.Rat())
	factor.Mul(factor, new(big.Rat).Add(one, a.Margin.Rat()))
	perCall.Mul(a.PerCall.Rat(), new(big.Rat).SetInt64(int64(usage.Dollar)))
	return factor, perCall
}

// scale brings all rates to their common denominator; it returns false when a number does
// not fit into 64 bits.
func (p *plan) scale(e *exactPlan) bool {
	common := new(big.Int).Set(e.fixed.Denom())
	for _, r := range e.rates[0] {
		if r != nil {
			d := new(big.Int).GCD(nil, nil, common, r.Denom())
			common.Mul(common, d.Quo(r.Denom(), d))
		}
	}
	if !common.IsUint64() {
		return false
	}
	p.denominator = common.Uint64()
	whole := func(r *big.Rat) (uint64, bool) {
		n := new(big.Int).Mul(r.Num(), new(big.Int).Quo(common, r.Denom()))
		return n.Uint64(), n.IsUint64()
	}
	var ok bool
	if p.fixed, ok = whole(e.fixed); !ok {
		return false
	}
	for k, r := range e.rates[0] {
		if r != nil {
			if p.rates[k], ok = whole(r); !ok {
				return false
			}
		}
	}
	return true
}

// price computes the cost and fills an empty answer. Faults are reported in this order:
// invalid quantities, missing prices, cost out of range, guesses.
func (p *plan) price(q *usage.Quantities, a *Price) {
	a.PriceID, a.Model, a.Status = p.id, p.model, usage.StatusUnpriced
	var present kindSet
	var signs int64
	hi, lo, over := uint64(0), p.fixed, uint64(0)
	for k := usage.QuantityKind(0); k < usage.QuantityKindCount; k++ {
		n := q[k]
		if n == 0 {
			if k+2 < usage.QuantityKindCount && q[k+1]|q[k+2] == 0 {
				k += 2 // a call has only a few of the kinds
			}
			continue
		}
		signs |= n
		present |= 1 << k
		h, l := bits.Mul64(uint64(n), p.rates[k])
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		hi, carry = bits.Add64(hi, h, carry)
		over |= carry
	}
	if signs < 0 {
		a.Reason = usage.ReasonInvalidQuantity
		return
	}
	if !p.covers(present) {
		a.Reason = usage.ReasonNoPriceForUnit
		return
	}
	var cost usage.Money
	var ok bool
	if p.exact != nil {
		cost, ok = p.exact.cost(q)
	} else if over == 0 && hi < p.denominator {
		cost, ok = divide(hi, lo, p.denominator)
	}
	if !ok {
		a.Reason = usage.ReasonCostOutOfRange
		return
	}
	a.Cost = cost
	switch {
	case present&p.tierFallback != 0:
		a.Status, a.Reason = usage.StatusEstimated, usage.ReasonTierFallback
	case present&p.fallback != 0:
		a.Status, a.Reason = usage.StatusEstimated, usage.ReasonPriceFallback
	case p.unconfirmed:
		a.Status, a.Reason = usage.StatusEstimated, usage.ReasonUnconfirmedPrice
	default:
		a.Status = usage.StatusPriced
	}
}

// divide rounds half away from zero; it returns false when the result is more than a call
// can cost.
func divide(hi, lo, denominator uint64) (usage.Money, bool) {
	quotient, rest := bits.Div64(hi, lo, denominator)
	if quotient > uint64(usage.MaxCallCost) {
		return 0, false
	}
	if rest >= denominator-rest {
		quotient++
	}
	return usage.Money(quotient), quotient <= uint64(usage.MaxCallCost)
}

// covers reports whether the plan can price what a call consumed. Tokens, seconds,
// characters and images measure the same content in different ways: a call whose row prices
// one of them is not billed by the others too. A fee is never covered by another price.
func (p *plan) covers(present kindSet) bool {
	missing := present &^ p.priced
	switch {
	case missing == 0:
		return true
	case missing&feeKinds != 0:
		return false
	case p.tokens && missing&tokenKinds != 0:
		return false
	}
	return present&p.priced&^feeKinds != 0
}

// cost calculates with rational numbers; it returns false when the cost is out of range.
func (e *exactPlan) cost(q *usage.Quantities) (usage.Money, bool) {
	return roundPico(e.sum(q))
}

// sum returns the cost in picodollars, not rounded.
func (e *exactPlan) sum(q *usage.Quantities) *big.Rat {
	sum := new(big.Rat).Set(e.fixed)
	for k, n := range q {
		for i, rates := range e.rates {
			part := n
			if i < len(e.thresholds) {
				part = min(part, e.thresholds[i]-1)
			}
			if i > 0 {
				part -= e.thresholds[i-1] - 1
			}
			if part > 0 && rates[k] != nil {
				sum.Add(sum, new(big.Rat).Mul(rates[k], new(big.Rat).SetInt64(part)))
			}
		}
	}
	return sum
}

// roundPico rounds picodollars half away from zero.
func roundPico(pico *big.Rat) (usage.Money, bool) {
	n, rest := new(big.Int).QuoRem(pico.Num(), pico.Denom(), new(big.Int))
	if rest.Lsh(rest, 1).Cmp(pico.Denom()) >= 0 {
		n.Add(n, big.NewInt(1))
	}
	if !n.IsInt64() || usage.Money(n.Int64()) > usage.MaxCallCost {
		return 0, false
	}
	return usage.Money(n.Int64()), true
}
