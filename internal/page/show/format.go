package show

import (
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Amount is a sum of money for display.
type Amount struct {
	Sum usage.Sum
	// Unpriced is the number of calls that the sum does not include.
	Unpriced int64
}

// Unknown reports whether no cost is known at all, which must not be shown as $0.
func (a Amount) Unknown() bool { return a.Unpriced > 0 && a.Sum.IsZero() }

// Exact returns the sum with all its digits.
func (a Amount) Exact() string { return a.Sum.String() }

// Shown returns the sum in dollars and cents. Less than a cent is shown with two
// significant digits, because many single calls cost so little.
func (a Amount) Shown() string { return Dollars(a.Sum.Decimal()) }

// Without returns the number of calls that the sum does not include.
func (a Amount) Without() string { return Number(a.Unpriced).Shown() }

// Dollars returns an amount as [Amount.Shown] does.
func Dollars(d decimal.Decimal) string {
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

// Number is a count for display.
type Number int64

// Shown returns the number with thousands separators.
func (n Number) Shown() string {
	if n < 0 {
		return "−" + thousands(strconv.FormatInt(int64(-n), 10))
	}
	return thousands(strconv.FormatInt(int64(n), 10))
}

// Short returns a count with three digits and a word, such as million.
func Short(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1e12, " trillion"}, {1e9, " billion"}, {1e6, " million"}} {
		if n >= unit.size {
			return decimal.NewFromInt(n).DivRound(decimal.NewFromInt(unit.size), 2).String() + unit.name
		}
	}
	return Number(n).Shown()
}

// Plural returns a count with its noun.
func Plural(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return Number(n).Shown() + " " + thing + "s"
}

// Share returns part as a percentage of whole, or "" when whole is 0.
func Share(part, whole decimal.Decimal) string {
	if whole.IsZero() {
		return ""
	}
	return PercentText(part.Mul(decimal.NewFromInt(100)).DivRound(whole, 4))
}

// PercentText rounds to one decimal place below ten percent, and otherwise to none. It
// shows very small shares as "< 0.1 %" and those just below 100 as "> 99 %".
func PercentText(p decimal.Decimal) string {
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

// PartOf returns a share as a percentage of a chart's width.
func PartOf(part, whole decimal.Decimal) string {
	if whole.IsZero() || part.IsNegative() {
		return "0"
	}
	return part.Mul(decimal.NewFromInt(100)).DivRound(whole, 2).String()
}

// Change is the change from the previous period.
type Change struct {
	// Exact is the percentage in the API's answer, or "" when the previous value is 0.
	Exact       string
	Arrow, Says string
}

// ChangeOf returns a change of the API, whose percentage is nil when there was nothing before.
func ChangeOf(p *report.Percent) Change {
	if p == nil {
		return Change{}
	}
	c := Change{Exact: p.String()}
	d, err := decimal.NewFromString(c.Exact)
	switch {
	case err != nil: // cannot happen: a percentage is a decimal number
	case d.IsZero():
		c.Arrow, c.Says = "", "no change"
	case d.IsNegative():
		c.Arrow, c.Says = "▼", PercentText(d.Abs())+" less"
	default:
		c.Arrow, c.Says = "▲", PercentText(d)+" more"
	}
	return c
}

// ParseDate parses a date of the API. It returns the zero time for an invalid one.
func ParseDate(text string) time.Time {
	t, _ := time.Parse(time.DateOnly, text)
	return t
}

// LongDate returns a date of the API in words.
func LongDate(date string) string { return ParseDate(date).Format("2 January 2006") }

// Moment is a time for display.
type Moment struct{ UTC, Day, Clock, Ago string }

// MomentOf returns a time in a time zone; Ago is empty.
func MomentOf(t time.Time, zone *time.Location) Moment {
	local := t.In(zone)
	return Moment{UTC: t.UTC().Format(time.RFC3339Nano), Day: local.Format("2 Jan 2006"), Clock: local.Format("15:04:05")}
}

// MomentAgo returns t, and how long before now it was; an empty Moment for nil.
func MomentAgo(t *time.Time, zone *time.Location, now time.Time) (m Moment) {
	if t != nil {
		m = MomentOf(*t, zone)
		m.Ago = Ago(now.Sub(*t))
	}
	return m
}

// Ago returns a duration in words.
func Ago(d time.Duration) string {
	unit := func(n int64, name string) string { return Plural(n, name) + " ago" }
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return unit(int64(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return unit(int64(d/time.Hour), "hour")
	}
	return unit(int64(d/(24*time.Hour)), "day")
}

// InWords replaces the underscores of a word with spaces.
func InWords(word string) string { return strings.ReplaceAll(word, "_", " ") }

// Percent is a ratio for display; Exact is the number of the API, such as 0.125.
type Percent struct{ Exact, Shown string }

// PercentOf returns a ratio of the API, nil for nil.
func PercentOf(s *outlook.Share) *Percent {
	if s == nil {
		return nil
	}
	return &Percent{s.String(), PercentText(decimal.New(int64(*s), -4))}
}
