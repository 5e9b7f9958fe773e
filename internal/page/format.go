package page

import (
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// amount is a sum of money for display.
type amount struct {
	sum usage.Sum
	// Unpriced is the number of calls that the sum does not include.
	Unpriced int64
}

// Unknown reports whether no cost is known at all, which must not be shown as $0.
func (a amount) Unknown() bool { return a.Unpriced > 0 && a.sum.IsZero() }

// Exact returns the sum with all its digits.
func (a amount) Exact() string { return a.sum.String() }

// Shown returns the sum in dollars and cents. Less than a cent is shown with two
// significant digits, because many single calls cost so little.
func (a amount) Shown() string { return dollars(a.sum.Decimal()) }

// Without returns the number of calls that the sum does not include.
func (a amount) Without() string { return number(a.Unpriced).Shown() }

func dollars(d decimal.Decimal) string {
	places := int32(2)
	if abs := d.Abs(); !abs.IsZero() && abs.LessThan(decimal.New(1, -2)) {
		for places < usage.MoneyScale && abs.LessThan(decimal.New(1, 1-places)) {
			places++
		}
	}
	text := d.Abs().StringFixed(places)
	whole, fraction, _ := strings.Cut(text, ".")
	sign := ""
	if d.IsNegative() {
		sign = "−"
	}
	return sign + "$" + thousands(whole) + "." + fraction
}

// thousands inserts thousands separators.
func thousands(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// number is a count for display.
type number int64

// Shown returns the number with thousands separators.
func (n number) Shown() string {
	if n < 0 {
		return "−" + thousands(strconv.FormatInt(int64(-n), 10))
	}
	return thousands(strconv.FormatInt(int64(n), 10))
}

// short returns a count with three digits and a word, such as million.
func short(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1e12, " trillion"}, {1e9, " billion"}, {1e6, " million"}} {
		if n >= unit.size {
			return decimal.NewFromInt(n).DivRound(decimal.NewFromInt(unit.size), 2).String() + unit.name
		}
	}
	return number(n).Shown()
}

// plural returns a count with its noun.
func plural(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return number(n).Shown() + " " + thing + "s"
}

// share returns part as a percentage of whole, or "" when whole is 0.
func share(part, whole decimal.Decimal) string {
	if whole.IsZero() {
		return ""
	}
	return percentText(part.Mul(decimal.NewFromInt(100)).DivRound(whole, 4))
}

// percentText rounds to one decimal place below ten percent, and otherwise to none. It
// shows very small shares as "< 0.1 %" and those just below 100 as "> 99 %".
func percentText(p decimal.Decimal) string {
	tenth := decimal.New(1, -1)
	switch {
	case p.IsZero():
		return "0 %"
	case p.Abs().LessThan(tenth):
		return "< 0.1 %"
	case p.Abs().LessThan(decimal.NewFromInt(10)):
		return p.StringFixed(1) + " %"
	case p.LessThan(decimal.NewFromInt(100)) && p.Round(0).Equal(decimal.NewFromInt(100)):
		return "> 99 %"
	}
	return thousandsOf(p.Round(0)) + " %"
}

func thousandsOf(d decimal.Decimal) string { return thousands(d.String()) }

// partOf returns a share as a percentage of a chart's width.
func partOf(part, whole decimal.Decimal) string {
	if whole.IsZero() || part.IsNegative() {
		return "0"
	}
	return part.Mul(decimal.NewFromInt(100)).DivRound(whole, 2).String()
}

// change is the change from the previous period.
type change struct {
	// Exact is the percentage in the API's answer, or "" when the previous value is 0.
	Exact       string
	Arrow, Says string
}

func changeOf(p *report.Percent) change {
	if p == nil {
		return change{}
	}
	c := change{Exact: p.String()}
	d, err := decimal.NewFromString(c.Exact)
	switch {
	case err != nil: // cannot happen: a percentage is a decimal number
	case d.IsZero():
		c.Arrow, c.Says = "", "no change"
	case d.IsNegative():
		c.Arrow, c.Says = "▼", percentText(d.Abs())+" less"
	default:
		c.Arrow, c.Says = "▲", percentText(d)+" more"
	}
	return c
}

// parseDate parses a date of the API. It returns the zero time for an invalid one.
func parseDate(text string) time.Time {
	t, _ := time.Parse(time.DateOnly, text)
	return t
}

func longDate(date string) string { return parseDate(date).Format("2 January 2006") }
