package page

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/explain"
)

// BillPath is the path of the page about the provider's bill, for administrators.
const BillPath = "/bill"

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
	Title, Currency string
	Amount          decimal.Decimal
}

// Shown formats the amount for display.
func (c billCost) Shown() string {
	text := dollars(c.Amount)
	if c.Currency != "USD" {
		text = strings.Replace(text, "$", "", 1) + " " + c.Currency
	}
	return text
}

func (b billOf) cost(title string, a explain.Amount) billCost {
	return billCost{title, b.Currency, a.Decimal}
}

// Sums returns the numbers at the top of the page, or nil when nothing could be compared.
func (b billOf) Sums() []billCost {
	if len(b.Days) == 0 {
		return nil
	}
	return []billCost{b.cost("Bill", b.BillCost), b.cost("Calls", b.RowCost), b.cost("Difference", b.Difference)}
}

// ShareText formats the explained share for display.
func (b billOf) ShareText() string { return percentText(b.ExplainedShare.Shift(2)) }

// billCause is a cause of the difference.
type billCause struct {
	Name, Quantity, What string
	Cost                 billCost
}

const mostCauses = 8 // per word; the API has the rest

// List returns the largest causes of each word.
func (b billOf) List() (list []billCause) {
	listed := map[explain.Word]int{}
	for _, c := range b.Causes {
		if listed[c.Cause]++; listed[c.Cause] > mostCauses {
			continue
		}
		c.Details.Rates = nil // shown in the JSON only
		what := slices.DeleteFunc([]string{c.Details.Model, inWords(c.Details.What()), c.Details.Whose()}, isEmpty)
		line := billCause{Name: inWords(string(c.Cause)), What: strings.Join(what, ", "), Cost: b.cost("", c.Cost)}
		if c.Quantity != nil {
			line.Quantity = plural(c.Quantity.IntPart(), c.Unit)
		}
		list = append(list, line)
	}
	return list
}

func (b billOf) Rest() int { return len(b.Causes) - len(b.List()) }

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
			d.Date, parseDate(d.Date).Format("Mon 2 Jan 2006"), partOf(d.BillCost.Decimal, most), partOf(d.RowCost.Decimal, most),
			b.cost("", d.BillCost), b.cost("", d.RowCost), b.cost("", d.Difference),
		})
	}
	return list
}
