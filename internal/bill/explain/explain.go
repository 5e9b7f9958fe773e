package explain

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Word names a cause of a difference.
type Word string

// The causes. Each is an amount of the difference "bill minus rows", and together they are
// the whole difference.
const (
	NotSeen    Word = "not_seen"     // on the bill without a row
	NotOnBill  Word = "not_on_bill"  // rows that this bill does not charge: a test, another organization, a plan
	Unpriced   Word = "unpriced"     // rows without a cost, by reason
	Estimated  Word = "estimated"    // rows with doubtful counts or price, by reason
	Assumption Word = "assumption"   // rows priced with an assumption, by assumption
	Price      Word = "price"        // other dollars for the same quantities
	NotInSpans Word = "not_in_spans" // what spans never report: session runtime, storage, seats
	Rounding   Word = "rounding"     // within the rounding of the bill's amounts
	NotFinal   Word = "not_final"    // rows later than the bill covers
	Unknown    Word = "unknown"      // unexplained
)

// Words lists the causes in display order.
var Words = []Word{NotSeen, NotOnBill, Unpriced, Estimated, Assumption, Price, NotInSpans, Rounding, NotFinal, Unknown}

// places is the number of decimal places of an amount, as in the column usage_dollars.
const places = usage.MoneyScale

// Difference compares the imported bills with the rows of the same days. It reads no clock,
// and every rounding is part of a cause. An error comes from in.Bill.
func Difference(in bill.Input) (Answer, error) {
	a := Answer{From: in.From.Format(time.DateOnly), To: in.To.Format(time.DateOnly), Providers: []Provider{}}
	providers := map[string]*providerWork{}
	for _, d := range in.Days {
		if providers[d.Provider] == nil {
			providers[d.Provider] = newProvider(&in, d.Provider)
		}
	}
	for i := range in.Calls {
		if c := &in.Calls[i]; providers[c.Provider] != nil {
			providers[c.Provider].addCalls(c)
		} else if !c.Cost.IsZero() {
			a.addWithoutBill(*c)
		}
	}
	for b, err := range in.Bill {
		if err != nil {
			return Answer{}, err
		}
		if p := providers[b.Provider]; p != nil {
			p.explain(b)
		}
	}
	for _, name := range sortedKeys(providers) {
		a.Providers = append(a.Providers, providers[name].finish(&in))
	}
	return a, nil
}

// Explain sets a to the answer of [Difference].
func (a *Answer) Explain(in bill.Input) (err error) {
	*a, err = Difference(in)
	return err
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// explain explains one day, all accounts together, because rows do not say which account a
// call was charged to.
func (p *providerWork) explain(b bill.Billed) {
	for i := range b.Lines {
		p.counted[b.Day] = p.counted[b.Day] || len(b.Lines[i].Quantities) > 0
	}
	if b.Cut {
		p.cut = append(p.cut, b.Day)
	}
	if !p.compared[b.Day] || p.explained[b.Day] || len(p.currencies) > 1 {
		return
	}
	w := dayWork{provider: p, day: b.Day, calls: p.calls[b.Day]}
	for i := range b.Lines {
		w.bill = append(w.bill, &b.Lines[i])
	}
	w.explain()
}

// finish explains the days for which the bill has no line, and returns the answer.
func (p *providerWork) finish(in *bill.Input) Provider {
	if len(p.currencies) > 1 {
		return p.mixedCurrencies()
	}
	for at := in.From; at.Before(in.To); at = at.AddDate(0, 0, 1) {
		p.explain(bill.Billed{Provider: p.name, Day: at})
	}
	slices.SortFunc(p.days, func(a, b *dayCauses) int { return a.day.Compare(b.day) })
	return p.answer(in)
}

// dayWork is one UTC day of one provider.
type dayWork struct {
	provider *providerWork
	day      time.Time
	bill     []*bill.Line
	calls    []*bill.CallSum
	out      *dayCauses
}

// poolKey identifies a pool, the unit of comparison: one model and service tier of a day.
type poolKey struct{ model, tier string }

type pool struct {
	poolKey
	bill  []*bill.Line // costs and quantities
	calls []*bill.CallSum
}

func (w *dayWork) explain() {
	w.out = w.provider.begin(w.day)
	rate, known := w.provider.rateOn(w.day)
	if !known {
		return
	}
	var rest []*bill.CallSum
	for _, c := range w.calls {
		cost := c.Cost.Mul(rate)
		w.out.rows = w.out.rows.Add(cost)
		if !rate.Equal(one) {
			converted := *c
			converted.Cost = cost
			c = &converted
		}
		switch {
		case c.Late:
			w.out.add(NotFinal, Details{Model: c.Model}, cost.Neg(), calls(c.Calls))
		case c.Payer == usage.PayerPlan || c.Payer == usage.PayerCredit || c.Payer == usage.PayerOwn:
			w.out.add(NotOnBill, Details{Model: c.Model, Payer: string(c.Payer)}, cost.Neg(), calls(c.Calls))
		default:
			rest = append(rest, c)
		}
	}
	sessions := slices.ContainsFunc(rest, func(c *bill.CallSum) bool { return !amountOf(c.Quantities, usage.CodeSessions).IsZero() })
	var lines []*bill.Line
	for _, b := range w.bill {
		if b.Report.HasCosts() {
			w.out.bill = w.out.bill.Add(b.Cost)
			w.out.slack = w.out.slack.Add(b.Slack)
		}
		if b.Category == bill.ForCode && sessions {
			// The rows count code sessions, so their cost can be compared.
			fee := *b
			fee.Category, fee.Kind, fee.HasKind = bill.ForCalls, usage.CodeSessions, true
			b = &fee
		}
		switch {
		case !b.Report.HasCosts() && !b.Report.HasQuantities():
			w.out.addDevelopers(b)
		case b.Category != bill.ForCalls:
			w.out.add(NotInSpans, Details{Category: string(b.Category), Item: b.Item, Project: b.Project, APIKey: b.APIKey}, b.Cost, quantity{})
		default:
			lines = append(lines, b)
		}
	}
	names := w.provider.names
	lines = shareFees(lines, rest, names)
	for _, p := range pools(lines, rest, names) {
		p.explain(w.out)
	}
	w.out.finish()
}

var one = decimal.New(1, 0)

// pools splits a day by model, and by tier if every line of the model has one.
func pools(lines []*bill.Line, calls []*bill.CallSum, names *nameMatch) []*pool {
	blind := map[string]bool{} // models with lines that have no tier
	for _, b := range lines {
		if b.Tier == "" && !isFee(b) {
			blind[names.ofBill(b.Model)] = true
		}
	}
	// Costs without a model can only be compared as one sum.
	whole := slices.ContainsFunc(lines, func(b *bill.Line) bool { return b.HasCost && b.Model == "" && !b.HasKind })
	byKey := map[poolKey]*pool{}
	at := func(model, tier string) *pool {
		if whole {
			model, tier = "", bill.StandardTier
		} else if blind[model] {
			tier = ""
		} else if tier == "" || tier == "default" {
			tier = bill.StandardTier
		}
		k := poolKey{model, tier}
		if byKey[k] == nil {
			byKey[k] = &pool{poolKey: k}
		}
		return byKey[k]
	}
	for _, b := range lines {
		p := at(names.ofBill(b.Model), b.Tier)
		p.bill = append(p.bill, b)
	}
	for _, c := range calls {
		p := at(names.ofCall(c.Model), c.Tier)
		p.calls = append(p.calls, c)
	}
	list := make([]*pool, 0, len(byKey))
	for _, p := range byKey {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *pool) int {
		return cmp.Or(strings.Compare(a.model, b.model), strings.Compare(a.tier, b.tier))
	})
	return list
}

// isFee reports whether a line charges for, or counts, nothing but calls of a tool. Such
// lines have no tier.
func isFee(b *bill.Line) bool {
	if b.HasKind || len(b.Quantities) == 0 {
		return b.HasKind && b.Kind.Unit() == usage.UnitCall
	}
	return !slices.ContainsFunc(b.Quantities, func(q bill.Quantity) bool { return q.Kind.Unit() != usage.UnitCall })
}

// shareFees distributes tool charges without a model over the models that used the tools:
// by the usage report's counts, or else by those of the calls. What remains stays without a
// model.
func shareFees(lines []*bill.Line, calls []*bill.CallSum, names *nameMatch) []*bill.Line {
	var out []*bill.Line
	for _, b := range lines {
		if b.Model != "" || !b.HasKind || b.Kind.Unit() != usage.UnitCall || !b.HasCost {
			out = append(out, b)
			continue
		}
		left := *b
		used := map[string]decimal.Decimal{}
		whole := decimal.Zero
		for _, l := range lines {
			if n := amountOf(l.Quantities, b.Kind); l.Report.HasQuantities() && l.Model != "" && n.IsPositive() {
				used[names.ofBill(l.Model)], whole = used[names.ofBill(l.Model)].Add(n), whole.Add(n)
			}
		}
		if len(used) == 0 {
			whole = amountOf(b.Quantities, b.Kind)
			for _, c := range calls {
				if n := amountOf(c.Quantities, b.Kind); n.IsPositive() {
					used[names.ofCall(c.Model)] = used[names.ofCall(c.Model)].Add(n)
				}
			}
		}
		for _, model := range sortedKeys(used) {
			n := decimal.Min(used[model], whole)
			if !n.IsPositive() {
				continue
			}
			part := *b
			part.Model = model
			part.Cost = left.Cost.Mul(n).DivRound(whole, places)
			part.Quantities = []bill.Quantity{{Kind: b.Kind, Amount: n}}
			whole = whole.Sub(n)
			left.Cost, left.Quantities = left.Cost.Sub(part.Cost), []bill.Quantity{{Kind: b.Kind, Amount: whole}}
			out = append(out, &part)
		}
		if !left.Cost.IsZero() || !amountOf(left.Quantities, b.Kind).IsZero() || len(used) == 0 {
			out = append(out, &left)
		}
	}
	return out
}

func amountOf(list []bill.Quantity, kind usage.QuantityKind) decimal.Decimal {
	for _, q := range list {
		if bill.Folded(q.Kind) == kind {
			return q.Amount
		}
	}
	return decimal.Zero
}
