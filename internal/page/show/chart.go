package show

import (
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

const (
	// plotHeight is the height of the bars in pixels, plotTop the space above them.
	plotHeight = 180
	plotTop    = 22
	// dailyUpTo is the longest period in days with a bar per day. Longer ones have a bar
	// per week.
	dailyUpTo = 120
	// labelled is the maximum number of dates below the bars on a wide screen.
	labelled = 10
)

// Chart shows the cost over time: a bar for each day or week, and a mark at the cost of the
// same one in the previous period. Horizontal positions are percentages of the width, so
// that one drawing fits every screen; vertical ones are pixels.
type Chart struct {
	Bars  []bar
	Ticks []tick
	// Weeks is true when each bar is a week.
	Weeks bool
	// Highest is the bar with the highest cost, nil when every cost is 0.
	Highest *bar
}

// bar is one day or week.
type bar struct {
	From, To     string // dates
	Cost, Before Amount
	HasBefore    bool
	// Slot and Slots are the start and width of the space for the bar. Left and Width are
	// those of the bar itself.
	Slot, Slots, Left, Width, Middle string
	Top, Height                      string
	BeforeTop                        string
	Label, Anchor                    string
	// Narrow is true when the label is shown on narrow screens too.
	Narrow bool
	URL    string
}

// Name returns the day or week in words.
func (b *bar) Name() string {
	from := ParseDate(b.From)
	if b.From == b.To {
		return from.Format("Mon 2 Jan 2006")
	}
	return from.Format("2 Jan") + " – " + ParseDate(b.To).Format("2 Jan 2006")
}

// tick is a horizontal line across the chart.
type tick struct{ Top, Label string }

// NewChart lays out the days of a period with those of the previous period. url returns the
// URL of the calls of some days.
func NewChart(current, previous report.Usage, url func(from, to string) string) Chart {
	c := Chart{Weeks: len(current.DailyUsage) > dailyUpTo}
	unpriced, unpricedBefore := daysOf(current), daysOf(previous)
	for i, d := range current.DailyUsage {
		if n := len(c.Bars); n == 0 || !c.Weeks || ParseDate(d.Date).Weekday() == time.Monday {
			c.Bars = append(c.Bars, bar{From: d.Date})
		}
		b := &c.Bars[len(c.Bars)-1]
		b.To = d.Date
		b.Cost.Sum = b.Cost.Sum.Plus(d.Cost)
		b.Cost.Unpriced += unpriced[d.Date]
		if len(previous.DailyUsage) == len(current.DailyUsage) && previous.Calls > 0 {
			before := previous.DailyUsage[i]
			b.HasBefore = true
			b.Before.Sum = b.Before.Sum.Plus(before.Cost)
			b.Before.Unpriced += unpricedBefore[before.Date]
		}
	}
	var most usage.Sum
	for i := range c.Bars {
		b := &c.Bars[i]
		if b.Cost.Sum.Cmp(most) > 0 {
			most, c.Highest = b.Cost.Sum, b
		}
	}
	for i := range c.Bars {
		if before := c.Bars[i].Before.Sum; before.Cmp(most) > 0 {
			most = before
		}
	}
	top := c.scale(most.Decimal())
	for i := range c.Bars {
		c.lay(i, top)
		c.Bars[i].URL = url(c.Bars[i].From, c.Bars[i].To)
	}
	return c
}

// daysOf returns the number of unpriced calls by day.
func daysOf(u report.Usage) map[string]int64 {
	days := map[string]int64{}
	if u.Unpriced != nil {
		for _, n := range u.Unpriced.Days {
			days[n.Key] = n.Count
		}
	}
	return days
}

// scale places the horizontal lines at round amounts, and returns the amount of the topmost
// one.
func (c *Chart) scale(most decimal.Decimal) decimal.Decimal {
	if !most.IsPositive() {
		return decimal.Zero
	}
	least := most.DivRound(decimal.NewFromInt(4), 2*usage.MoneyScale)
	step := decimal.New(1, int32(least.NumDigits())+least.Exponent()-1)
	for _, factor := range []string{"1", "2", "2.5", "5", "10"} {
		if round := step.Mul(decimal.RequireFromString(factor)); !round.LessThan(least) {
			step = round
			break
		}
	}
	top := step.Mul(most.DivRound(step, 2*usage.MoneyScale).Ceil())
	for at := decimal.Zero; !at.GreaterThan(top); at = at.Add(step) {
		label := Dollars(at)
		if step.IsInteger() || at.IsZero() {
			label = "$" + thousandsOf(at)
		}
		c.Ticks = append(c.Ticks, tick{pixels(at, top), label})
	}
	return top
}

// pixels returns how far below the top of the chart an amount is drawn.
func pixels(amount, top decimal.Decimal) string {
	if top.IsZero() {
		return strconv.Itoa(plotTop + plotHeight)
	}
	up := amount.Mul(decimal.NewFromInt(plotHeight)).DivRound(top, 1)
	return decimal.NewFromInt(plotTop + plotHeight).Sub(up).String()
}

// lay positions a bar.
func (c *Chart) lay(i int, top decimal.Decimal) {
	b, n := &c.Bars[i], len(c.Bars)
	percent := func(numerator, parts int) string {
		return decimal.NewFromInt(int64(100*numerator)).DivRound(decimal.NewFromInt(int64(n*parts)), 3).String()
	}
	b.Slot, b.Slots = percent(i, 1), percent(1, 1)
	b.Left, b.Width, b.Middle = percent(20*i+3, 20), percent(14, 20), percent(2*i+1, 2)
	b.Top, b.BeforeTop = pixels(b.Cost.Sum.Decimal(), top), pixels(b.Before.Sum.Decimal(), top)
	// An amount above 0, or an unknown one, is at least two pixels high.
	height := decimal.NewFromInt(plotTop + plotHeight).Sub(decimal.RequireFromString(b.Top))
	if one := decimal.NewFromInt(2); b.Cost.Sum.Decimal().IsPositive() && height.LessThan(one) || b.Cost.Unknown() {
		height, b.Top = one, strconv.Itoa(plotTop+plotHeight-2)
	}
	b.Height = height.String()

	every := (n + labelled - 1) / labelled
	fromEnd := n - 1 - i
	if fromEnd%every != 0 {
		return
	}
	b.Label, b.Anchor, b.Narrow = ParseDate(b.From).Format("2 Jan"), "middle", fromEnd/every%2 == 0
	switch {
	case n > 12 && fromEnd == 0:
		b.Anchor = "end"
	case n > 12 && i*labelled < n/2:
		b.Anchor = "start"
	}
}
