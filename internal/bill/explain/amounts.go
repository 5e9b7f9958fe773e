package explain

import (
	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// amounts are quantities by kind.
type amounts [usage.QuantityKindCount]decimal.Decimal

func (a *amounts) add(list []bill.Quantity) {
	for _, q := range list {
		k := bill.Folded(q.Kind)
		a[k] = a[k].Add(q.Amount)
	}
}

func (a *amounts) addAll(b *amounts) {
	for k := range b {
		if !b[k].IsZero() {
			a[k] = a[k].Add(b[k])
		}
	}
}

func (a *amounts) minus(b *amounts) (d amounts) {
	for k := range a {
		if !a[k].IsZero() || !b[k].IsZero() {
			d[k] = a[k].Sub(b[k])
		}
	}
	return d
}

func (a *amounts) isZero() bool {
	for k := range a {
		if !a[k].IsZero() {
			return false
		}
	}
	return true
}

// tokens sums the kinds that are tokens.
func (a *amounts) tokens() (sum decimal.Decimal) {
	for k := range a {
		if usage.QuantityKind(k).Unit() == usage.UnitToken {
			sum = sum.Add(a[k])
		}
	}
	return sum
}

// signs reports whether any amount is positive, and whether any is negative.
func (a *amounts) signs() (positive, negative bool) {
	for k := range a {
		positive = positive || a[k].IsPositive()
		negative = negative || a[k].IsNegative()
	}
	return positive, negative
}

// owner is whom a part of the bill belongs to.
type owner struct{ project, apiKey, user string }

func (o owner) known() bool { return o != owner{} }

func (o owner) details(model, tier string) Details {
	return Details{Model: model, Tier: tier, Project: o.project, APIKey: o.apiKey, User: o.user}
}

// share is what an owner consumed.
type share struct {
	owner
	requests int64
	counts   amounts
}
