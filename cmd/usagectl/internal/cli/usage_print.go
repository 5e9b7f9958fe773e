package cli

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// barWidth is the length of the longest bar in characters.
const barWidth = 40

// printTables writes an answer for people. Amounts are rounded for the eye, to
// six places; json and csv have all digits.
func printTables(w io.Writer, a report.Answer, names map[usage.ID]string) error {
	p := &printer{out: w}
	c, previous := a.Current, a.Previous
	p.line("%s (%s) in %s, compared with the period before\n", periodName(c), a.Timezone, a.Currency)
	p.table(totals(a))
	if a.DataThrough == nil {
		p.line("\n  No call is stored at all. usagectl doctor looks for the reason.")
	}
	user := func(key string) string {
		if id, ok := usage.ParseID(key); ok && names[id] != "" {
			return names[id]
		}
		return key
	}
	same := func(key string) string { return key }
	p.costs("by type", c.UsageByType, previous.UsageByType, same, c.Unpriced.Types)
	p.costs("by user", c.UsageByUser, previous.UsageByUser, user, c.Unpriced.Users)
	p.costs("by model", c.UsageByModel, previous.UsageByModel, same, c.Unpriced.Models)
	p.costs("by provider", c.UsageByProvider, previous.UsageByProvider, same, nil)
	p.costs("by service", c.UsageByService, previous.UsageByService, same, nil)
	p.days(c.DailyUsage)
	return p.err
}

// totals are the figures of the whole period.
func totals(a report.Answer) *table {
	t := &table{indent: "  "}
	c, previous := a.Current, a.Previous
	t.row("", number("current"), number("previous"), "change")
	t.row("total cost", amount(c.TotalCost), amount(previous.TotalCost), change(a.Change.TotalCost))
	t.row("daily average", amount(c.DailyAverage), amount(previous.DailyAverage), change(a.Change.DailyAverage))
	t.row("calls", count(c.Calls), count(previous.Calls), change(a.Change.Calls))
	t.row("active users", count(c.ActiveUsers), count(previous.ActiveUsers), change(a.Change.ActiveUsers))
	t.row("tokens", count(c.Tokens.Total), count(previous.Tokens.Total))
	if c.Unpriced.Calls > 0 || previous.Unpriced.Calls > 0 {
		t.row("unpriced", count(c.Unpriced.Calls), count(previous.Unpriced.Calls), "calls without a known cost, in no sum")
	}
	if c.EstimatedCalls > 0 || previous.EstimatedCalls > 0 {
		t.row("estimated", count(c.EstimatedCalls), count(previous.EstimatedCalls), "calls whose cost may differ from the bill")
	}
	if c.AssumedCalls > 0 || previous.AssumedCalls > 0 {
		t.row("assumed", count(c.AssumedCalls), count(previous.AssumedCalls), "calls whose price took a default")
	}
	if a.DataThrough != nil {
		t.row("data through", number(a.DataThrough.Format("2006-01-02 15:04")))
	}
	return t
}

// printer remembers the first error of its writer.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}

func (p *printer) table(t *table) {
	if p.err == nil {
		p.err = t.print(p.out)
	}
}

// costs writes a breakdown. Where calls are unpriced it says so: their part of
// a cost is unknown, not 0.
func (p *printer) costs(title string, current, previous report.Costs, name func(string) string, unpriced report.Numbers) {
	if len(current) == 0 {
		return
	}
	before := make(map[string]usage.Sum, len(previous))
	for _, c := range previous {
		before[c.Key] = c.Cost
	}
	unknown := make(map[string]string, len(unpriced))
	for _, n := range unpriced {
		unknown[n.Key] = fmt.Sprintf("%d unpriced", n.Count)
	}
	p.line("\n%s", title)
	t := &table{indent: "  ", widest: 40}
	for _, c := range current {
		cost, unpriced := amount(c.Cost), unknown[c.Key]
		switch {
		case unpriced == "":
		case c.Cost.IsZero():
			cost = "–"
		default:
			unpriced = "and " + unpriced
		}
		t.row(name(c.Key), cost, amount(before[c.Key]), unpriced)
	}
	p.table(t)
}

// days draws the daily trend: a bar for each day, or for each week when there
// are too many to read.
func (p *printer) days(days []report.DayCost) {
	title, step := "by day", 1
	if len(days) > 92 {
		title, step = "by 7 days", 7
	}
	var bars []report.DayCost
	for i := 0; i < len(days); i += step {
		bar := report.DayCost{Date: days[i].Date}
		for _, d := range days[i:min(i+step, len(days))] {
			bar.Cost = bar.Cost.Plus(d.Cost)
		}
		bars = append(bars, bar)
	}
	var most usage.Sum
	for _, b := range bars {
		if b.Cost.Cmp(most) > 0 {
			most = b.Cost
		}
	}
	p.line("\n%s", title)
	t := &table{indent: "  "}
	for _, b := range bars {
		t.row(b.Date, amount(b.Cost), bar(b.Cost, most))
	}
	p.table(t)
}

// bar is as long as its share of the longest, in eighths of a character. What
// is not 0 is never drawn as nothing.
func bar(cost, most usage.Sum) string {
	if cost.IsZero() || most.IsZero() {
		return ""
	}
	eighths := cost.Decimal().Mul(decimal.NewFromInt(8*barWidth)).DivRound(most.Decimal(), 0).IntPart()
	eighths = max(eighths, 1)
	text := strings.Repeat("█", int(eighths/8))
	if rest := eighths % 8; rest > 0 {
		text += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return text
}

// amount rounds for the eye. An amount that would look like 0 and is not says
// so.
func amount(s usage.Sum) number {
	d := s.Decimal()
	if !d.IsZero() && d.Abs().LessThan(decimal.New(1, -6)) {
		return "<0.000001"
	}
	return number(d.StringFixed(6))
}

func change(p *report.Percent) string {
	if p == nil {
		return ""
	}
	text := p.String()
	if !strings.HasPrefix(text, "-") && text != "0" {
		text = "+" + text
	}
	return text + " %"
}

// periodName names the first and the last day, or the two instants.
func periodName(u report.Usage) string {
	if isMidnight(u.Start) && isMidnight(u.End) && len(u.DailyUsage) > 0 {
		return u.DailyUsage[0].Date + " to " + u.DailyUsage[len(u.DailyUsage)-1].Date
	}
	return u.Start.Format(time.RFC3339) + " until " + u.End.Format(time.RFC3339)
}

func isMidnight(t time.Time) bool {
	return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 && t.Nanosecond() == 0
}

// printCSV writes every number as a line: what it breaks down by, the key, the
// cost in the current and in the previous period, with all digits.
func printCSV(w io.Writer, a report.Answer) error {
	out := csv.NewWriter(w)
	write := func(by, key, current, previous string) {
		_ = out.Write([]string{by, csvCell(key), current, previous}) // Error below tells
	}
	write("by", "key", "current", "previous")
	write("total", "currency", a.Currency, a.Currency)
	write("total", "cost", a.Current.TotalCost.String(), a.Previous.TotalCost.String())
	write("total", "calls", strconv.FormatInt(a.Current.Calls, 10), strconv.FormatInt(a.Previous.Calls, 10))
	write("total", "unpricedCalls", strconv.FormatInt(a.Current.Unpriced.Calls, 10), strconv.FormatInt(a.Previous.Unpriced.Calls, 10))
	for _, b := range []struct {
		by                string
		current, previous report.Costs
	}{
		{"type", a.Current.UsageByType, a.Previous.UsageByType}, {"user", a.Current.UsageByUser, a.Previous.UsageByUser},
		{"model", a.Current.UsageByModel, a.Previous.UsageByModel}, {"provider", a.Current.UsageByProvider, a.Previous.UsageByProvider},
		{"service", a.Current.UsageByService, a.Previous.UsageByService},
	} {
		before := make(map[string]usage.Sum, len(b.previous))
		for _, c := range b.previous {
			before[c.Key] = c.Cost
		}
		for _, c := range b.current {
			write(b.by, c.Key, c.Cost.String(), before[c.Key].String())
			delete(before, c.Key)
		}
		for _, c := range b.previous { // what was used then and not now
			if cost, left := before[c.Key]; left {
				write(b.by, c.Key, "0", cost.String())
			}
		}
	}
	for i, d := range a.Current.DailyUsage {
		previous := "" // the period before can have one day more or less
		if i < len(a.Previous.DailyUsage) {
			previous = a.Previous.DailyUsage[i].Cost.String()
		}
		write("day", d.Date, d.Cost.String(), previous)
	}
	out.Flush()
	return out.Error()
}
