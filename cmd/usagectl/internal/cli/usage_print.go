package cli

import (
	"cmp"
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

// printTables prints an answer for people. Amounts are rounded to six decimal places; the
// formats json and csv have all digits.
func printTables(w io.Writer, a report.Answer) error {
	p := &printer{out: w}
	c, previous := a.Current, a.Previous
	p.line("%s (%s) in %s, compared with the period before\n", periodName(c), a.Timezone, a.Currency)
	p.table(totals(a))
	if a.DataThrough == nil {
		p.line("\n  No call is stored at all. usagectl doctor looks for the reason.")
	}
	user := func(key string) string {
		return cmp.Or(a.UserNames[key], key)
	}
	same := func(key string) string { return key }
	for _, b := range breakdowns(c, previous) {
		name := same
		if b.by == "user" {
			name = user
		}
		p.costs("by "+b.by, b, name)
	}
	p.days(c.DailyUsage, numbers(c.Unpriced.Days))
	return p.err
}

// breakdown holds the costs of both periods by one key, and their unpriced calls.
type breakdown struct {
	by                       string
	current, previous        report.Costs
	unpriced, unpricedBefore map[string]int64
}

func breakdowns(c, p report.Usage) []breakdown {
	u, v := c.Unpriced, p.Unpriced
	list := []breakdown{
		{"type", c.UsageByType, p.UsageByType, numbers(u.Types), numbers(v.Types)},
		{"user", c.UsageByUser, p.UsageByUser, numbers(u.Users), numbers(v.Users)},
		{"model", c.UsageByModel, p.UsageByModel, numbers(u.Models), numbers(v.Models)},
		{"provider", c.UsageByProvider, p.UsageByProvider, numbers(u.Providers), numbers(v.Providers)},
		{"service", c.UsageByService, p.UsageByService, numbers(u.Services), numbers(v.Services)},
	}
	for _, tag := range c.UsageByTag {
		list = append(list, breakdown{"tag " + tag.Name, tag.Values, ofTag(p.UsageByTag, tag.Name), numbers(ofTag(u.Tags, tag.Name)), numbers(ofTag(v.Tags, tag.Name))})
	}
	return list
}

func ofTag[Breakdown any](tags report.Tagged[Breakdown], name string) (values Breakdown) {
	for _, t := range tags {
		if t.Name == name {
			return t.Values
		}
	}
	return values
}

func numbers(list report.Numbers) map[string]int64 {
	byKey := make(map[string]int64, len(list))
	for _, n := range list {
		byKey[n.Key] = n.Count
	}
	return byKey
}

// totals returns a table with the figures of the whole period.
func totals(a report.Answer) *table {
	t := &table{indent: "  "}
	c, previous := a.Current, a.Previous
	t.row("", number("current"), number("previous"), "change")
	t.row("total cost", known(c.TotalCost, c.Unpriced.Calls), known(previous.TotalCost, previous.Unpriced.Calls), change(a.Change.TotalCost))
	t.row("daily average", known(c.DailyAverage, c.Unpriced.Calls), known(previous.DailyAverage, previous.Unpriced.Calls), change(a.Change.DailyAverage))
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

// costs prints a breakdown. It says where calls are unpriced, because their cost is unknown
// and not 0.
func (p *printer) costs(title string, b breakdown, name func(string) string) {
	if len(b.current) == 0 {
		return
	}
	before := make(map[string]usage.Sum, len(b.previous))
	for _, c := range b.previous {
		before[c.Key] = c.Cost
	}
	p.line("\n%s", title)
	t := &table{indent: "  ", widest: 40}
	for _, c := range b.current {
		unpriced := b.unpriced[c.Key]
		note := ""
		switch {
		case unpriced == 0:
		case c.Cost.IsZero():
			note = fmt.Sprintf("%d unpriced", unpriced)
		default:
			note = fmt.Sprintf("and %d unpriced", unpriced)
		}
		t.row(name(c.Key), known(c.Cost, unpriced), known(before[c.Key], b.unpricedBefore[c.Key]), note)
	}
	p.table(t)
}

// known returns a cost, or a dash when no call in it has a known cost.
func known(cost usage.Sum, unpriced int64) number {
	if unpriced > 0 && cost.IsZero() {
		return "–"
	}
	return amount(cost)
}

// days prints the daily trend: a bar per day, or per week if there are too many days.
func (p *printer) days(days []report.DayCost, unpriced map[string]int64) {
	title, step := "by day", 1
	if len(days) > 92 {
		title, step = "by 7 days", 7
	}
	var bars []report.DayCost
	var unknown []int64
	for i := 0; i < len(days); i += step {
		bar, n := report.DayCost{Date: days[i].Date}, int64(0)
		for _, d := range days[i:min(i+step, len(days))] {
			bar.Cost = bar.Cost.Plus(d.Cost)
			n += unpriced[d.Date]
		}
		bars, unknown = append(bars, bar), append(unknown, n)
	}
	var most usage.Sum
	for _, b := range bars {
		if b.Cost.Cmp(most) > 0 {
			most = b.Cost
		}
	}
	p.line("\n%s", title)
	t := &table{indent: "  "}
	for i, b := range bars {
		text := bar(b.Cost, most)
		if text == "" && unknown[i] > 0 {
			text = fmt.Sprintf("%d unpriced", unknown[i])
		}
		t.row(b.Date, known(b.Cost, unknown[i]), text)
	}
	p.table(t)
}

// bar returns a bar in proportion to the largest, with a resolution of an eighth of a
// character. An amount above 0 always has a visible bar.
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

// amount rounds for display. An amount that would look like 0 but is not is marked.
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

// periodName returns the first and the last day, or the two instants.
func periodName(u report.Usage) string {
	if isMidnight(u.Start) && isMidnight(u.End) && len(u.DailyUsage) > 0 {
		return u.DailyUsage[0].Date + " to " + u.DailyUsage[len(u.DailyUsage)-1].Date
	}
	return u.Start.Format(time.RFC3339) + " until " + u.End.Format(time.RFC3339)
}

func isMidnight(t time.Time) bool {
	return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 && t.Nanosecond() == 0
}

// printCSV prints one line per number: the breakdown, the key, the cost in the current and
// in the previous period with all digits, and the number of calls in both without a known
// cost.
func printCSV(w io.Writer, a report.Answer) error {
	out := csv.NewWriter(w)
	write := func(by, key, current, previous string, unpriced, before int64) {
		// A text that an app chose must not become a formula of a spreadsheet.
		if key != "" && strings.ContainsRune("=+-@\t\r\n", rune(key[0])) {
			key = "'" + key
		}
		_ = out.Write([]string{by, plain(key), current, previous, strconv.FormatInt(unpriced, 10), strconv.FormatInt(before, 10)}) // Error below returns it
	}
	c, p := a.Current, a.Previous
	_ = out.Write([]string{"by", "key", "current", "previous", "unpriced_calls", "previous_unpriced_calls"})
	write("total", "currency", a.Currency, a.Currency, 0, 0)
	write("total", "cost", c.TotalCost.String(), p.TotalCost.String(), c.Unpriced.Calls, p.Unpriced.Calls)
	write("total", "calls", strconv.FormatInt(c.Calls, 10), strconv.FormatInt(p.Calls, 10), c.Unpriced.Calls, p.Unpriced.Calls)
	for _, b := range breakdowns(c, p) {
		before := make(map[string]usage.Sum, len(b.previous))
		for _, c := range b.previous {
			before[c.Key] = c.Cost
		}
		for _, c := range b.current {
			write(b.by, c.Key, c.Cost.String(), before[c.Key].String(), b.unpriced[c.Key], b.unpricedBefore[c.Key])
			delete(before, c.Key)
		}
		for _, c := range b.previous { // only in the previous period
			if cost, left := before[c.Key]; left {
				write(b.by, c.Key, "0", cost.String(), 0, b.unpricedBefore[c.Key])
			}
		}
	}
	now, then := numbers(c.Unpriced.Days), numbers(p.Unpriced.Days)
	for i, d := range c.DailyUsage {
		previous, unpriced := "", int64(0) // the previous period can have one day more or less
		if i < len(p.DailyUsage) {
			before := p.DailyUsage[i]
			previous, unpriced = before.Cost.String(), then[before.Date]
		}
		write("day", d.Date, d.Cost.String(), previous, now[d.Date], unpriced)
	}
	out.Flush()
	return out.Error()
}
