package page

import (
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// amount is a sum of money on a page.
type amount struct {
	sum usage.Sum
	// Unpriced calls have no part in the sum.
	Unpriced int64
}

// Unknown reports whether no cost is known at all: that is not $0.
func (a amount) Unknown() bool { return a.Unpriced > 0 && a.sum.IsZero() }

// Exact is the sum with all its digits.
func (a amount) Exact() string { return a.sum.String() }

// Shown is the sum in dollars and cents. What is less than a cent has two digits
// that are not 0, because that is what many single calls cost.
func (a amount) Shown() string { return dollars(a.sum.Decimal()) }

// Without is the number of calls that have no part in the sum.
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

// thousands groups digits.
func thousands(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// number is a count on a page.
type number int64

// Shown groups the digits.
func (n number) Shown() string {
	if n < 0 {
		return "−" + thousands(strconv.FormatInt(int64(-n), 10))
	}
	return thousands(strconv.FormatInt(int64(n), 10))
}

// short is a count in three digits and a word.
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

// plural is a number of things in words.
func plural(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return number(n).Shown() + " " + thing + "s"
}

// share is a part of a whole in percent, "" of nothing.
func share(part, whole decimal.Decimal) string {
	if whole.IsZero() {
		return ""
	}
	return percentText(part.Mul(decimal.NewFromInt(100)).DivRound(whole, 4))
}

// percentText rounds to a tenth below ten percent, and says when something is
// too little for that.
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

// partOf is a share as a width in percent, which a chart takes.
func partOf(part, whole decimal.Decimal) string {
	if whole.IsZero() || part.IsNegative() {
		return "0"
	}
	return part.Mul(decimal.NewFromInt(100)).DivRound(whole, 2).String()
}

// change is the difference from the period before.
type change struct {
	// Exact is the percent of the API, "" where the period before had nothing.
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
	case err != nil: // a percent is a decimal
	case d.IsZero():
		c.Arrow, c.Says = "", "no change"
	case d.IsNegative():
		c.Arrow, c.Says = "▼", percentText(d.Abs())+" less"
	default:
		c.Arrow, c.Says = "▲", percentText(d)+" more"
	}
	return c
}

// parseDate reads a date of the API; one that is none stays the zero time.
func parseDate(text string) time.Time {
	t, _ := time.Parse(time.DateOnly, text)
	return t
}

func longDate(date string) string { return parseDate(date).Format("2 January 2006") }
