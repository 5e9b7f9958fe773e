package page

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/explain"
	"github.com/otelcol-usage/otelcol-usage/internal/page/show"
)

// Bill is the page that explains why the bill differs from the sum of the calls.
type Bill struct {
	Place
	// Answer is the query API's answer.
	Answer explain.Answer
}

// WriteBill renders the page.
func WriteBill(b Bill) ([]byte, error) { return write("bill", &bills{place{b.Place}, b.Answer}) }

// bills provides the data of a [Bill] to the template.
type bills struct {
	place
	Answer explain.Answer
}

// Bills lists the bills by provider.
func (b *bills) Bills() (list []billOf) {
	for i := range b.Answer.Providers {
		list = append(list, billOf{&b.Answer.Providers[i], b.Answer.Providers[i].Provider})
	}
	return list
}

// billOf is the bill of one provider; Name is its display name.
type billOf struct {
	*explain.Provider
	Name string
}

// billCost is an amount on a bill.
type billCost struct {
	Title string
	show.Cost
}

func (b billOf) cost(title string, a explain.Amount) billCost {
	return billCost{title, show.Cost{Amount: a.Decimal, Currency: b.Currency}}
}

// Sums returns the numbers at the top of the page, or nil when nothing could be compared.
func (b billOf) Sums() []billCost {
	if len(b.Days) == 0 {
		return nil
	}
	return []billCost{b.cost("Bill", b.BillCost), b.cost("Calls", b.RowCost), b.cost("Difference", b.Difference)}
}

// ShareText formats the explained share for display.
func (b billOf) ShareText() string { return show.PercentText(b.ExplainedShare.Shift(2)) }

// billGroup is everything of one cause. The costs of the groups add up to the difference.
type billGroup struct {
	Name, Means string
	Cost        billCost
	Rows        []billCause
	// Rest is how many more there are, and RestCost what they add up to.
	Rest     int
	RestCost billCost
}

// RestText returns the number of what is not listed.
func (g billGroup) RestText() string { return show.Plural(int64(g.Rest), "smaller one") }

// billCause is a cause of a part of the difference.
type billCause struct {
	Quantity, What string
	Cost           billCost
}

const mostCauses = 5 // per word; the API has the rest

// meanings says what each cause is.
var meanings = map[explain.Word]string{
	explain.NotSeen: "on the bill, and no call was recorded", explain.NotOnBill: "calls that this bill does not charge",
	explain.Unpriced: "calls of no known cost", explain.Estimated: "calls whose counts or price are in doubt",
	explain.Assumption: "calls whose price took a default", explain.Price: "the same quantities at another price",
	explain.NotInSpans: "charged, and no span reports it", explain.Rounding: "lost in the bill’s own rounding",
	explain.NotFinal: "calls after the end of the bill", explain.Unknown: "nothing explains it",
}

// Groups returns the causes by word, of each word the largest.
func (b billOf) Groups() (list []billGroup) {
	costs, rests := map[explain.Word]decimal.Decimal{}, map[explain.Word]decimal.Decimal{}
	at := map[explain.Word]int{}
	for _, c := range b.Causes {
		i, ok := at[c.Cause]
		if !ok {
			i = len(list)
			at[c.Cause], list = i, append(list, billGroup{Name: show.InWords(string(c.Cause)), Means: meanings[c.Cause]})
		}
		costs[c.Cause] = costs[c.Cause].Add(c.Cost.Decimal)
		g := &list[i]
		g.Cost = b.cost("", explain.Amount{Decimal: costs[c.Cause]})
		if len(g.Rows) == mostCauses {
			rests[c.Cause] = rests[c.Cause].Add(c.Cost.Decimal)
			g.Rest++
			g.RestCost = b.cost("", explain.Amount{Decimal: rests[c.Cause]})
			continue
		}
		c.Details.Rates = nil // shown in the JSON only
		what := slices.DeleteFunc([]string{c.Details.Model, show.InWords(c.Details.What()), c.Details.Whose()}, isEmpty)
		line := billCause{What: strings.Join(what, ", "), Cost: b.cost("", c.Cost)}
		if c.Quantity != nil {
			line.Quantity = show.Plural(c.Quantity.IntPart(), c.Unit)
		}
		g.Rows = append(g.Rows, line)
	}
	for i := range list {
		if rows := list[i].Rows; len(rows) == 1 && list[i].Rest == 0 && rows[0].What == "" && rows[0].Quantity == "" {
			list[i].Rows = nil // the group says it all
		}
	}
	return list
}

// billDay is a day, shown as a row with two bars.
type billDay struct {
	Date, Name, BillPart, CallsPart string
	Bill, Calls, Difference         billCost
}

// ByDay returns one row per day.
func (b billOf) ByDay() (list []billDay) {
	var most decimal.Decimal
	for i := range b.Days {
		most = decimal.Max(most, b.Days[i].BillCost.Decimal, b.Days[i].RowCost.Decimal)
	}
	for i := range b.Days {
		d := &b.Days[i]
		list = append(list, billDay{
			d.Date, show.ParseDate(d.Date).Format("Mon 2 Jan 2006"), show.PartOf(d.BillCost.Decimal, most), show.PartOf(d.RowCost.Decimal, most),
			b.cost("", d.BillCost), b.cost("", d.RowCost), b.cost("", d.Difference),
		})
	}
	return list
}
