package page

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Overview is the page of a period: its cost compared with the previous period, by user and
// by purpose.
type Overview struct {
	Place
	// Answer is the query API's answer, with detail.
	Answer report.Answer
}

// WriteOverview renders the page.
func WriteOverview(o Overview) ([]byte, error) {
	return write("overview", &overview{place{o.Place}, o.Answer})
}

// overview provides the data of an [Overview] to the template.
type overview struct {
	place
	Answer report.Answer
}

// Empty reports whether the period has no calls.
func (o *overview) Empty() bool {
	return o.Answer.Current.Calls == 0 && o.Answer.Current.TotalCost.IsZero()
}

// oneUser reports whether the page is about a single user, or about calls without one.
func (o *overview) oneUser() bool { return !o.Everybody || o.Chosen["userId"] != "" }

// NothingBefore reports whether the previous period has no calls to compare with.
func (o *overview) NothingBefore() bool { return o.Answer.Previous.Calls == 0 }

// card is a number and its change.
type card struct {
	Name, Title string
	// Money is nil when the card shows Count.
	Money       *amount
	Count       number
	Change      change
	BeforeMoney *amount
	BeforeCount number
	Note        string
	Small       []small
}

// small is an additional number on a card.
type small struct {
	Title string
	Money amount
}

// Cards returns the numbers at the top of the page.
func (o *overview) Cards() []card {
	current, previous := o.Answer.Current, o.Answer.Previous
	money := func(s usage.Sum, u report.Usage) *amount { return &amount{s, u.Unpriced.Calls} }
	cards := []card{
		{
			Name: "totalCost", Title: "Total cost", Money: money(current.TotalCost, current), BeforeMoney: money(previous.TotalCost, previous),
			Change: changeOf(o.Answer.Change.TotalCost), Note: strings.Join(slices.DeleteFunc([]string{o.without(), o.beforeBegan()}, isEmpty), " "),
			Small: payers(current.CostByPayer),
		},
		{
			Name: "dailyAverage", Title: "Average a day", Money: money(current.DailyAverage, current), BeforeMoney: money(previous.DailyAverage, previous),
			Change: changeOf(o.Answer.Change.DailyAverage),
		},
		{
			Name: "calls", Title: "Calls", Count: number(current.Calls), BeforeCount: number(previous.Calls), Change: changeOf(o.Answer.Change.Calls),
			Note: short(current.Tokens.Total) + " tokens: " + short(current.Tokens.Input) + " in, " + short(current.Tokens.Output) + " out",
		},
	}
	if !o.oneUser() {
		cards = append(cards, card{
			Name: "activeUsers", Title: "Active users", Count: number(current.ActiveUsers), BeforeCount: number(previous.ActiveUsers),
			Change: changeOf(o.Answer.Change.ActiveUsers),
		})
	}
	return cards
}

// payers breaks a cost down by payer. It returns nil when the payer of all of it is
// unknown. Amounts are at API prices.
func payers(costs report.Costs) (list []small) {
	for _, c := range costs {
		title := map[string]string{
			"api": "billed by the API", "plan": "within a plan", "credit": "from credit", "own": "on own hardware", report.UnknownPayer: "payer not known",
		}[c.Key]
		list = append(list, small{title, amount{sum: c.Cost}})
	}
	if len(costs) == 1 && costs[0].Key == report.UnknownPayer {
		return nil
	}
	return list
}

func isEmpty(text string) bool { return text == "" }

// without returns a note about calls that the total does not include.
func (o *overview) without() string {
	n := o.Answer.Current.Unpriced.Calls
	if n == 0 {
		return ""
	}
	return "Without " + plural(n, "call") + " of no known cost."
}

// beforeBegan returns a warning when recording started during the previous period.
func (o *overview) beforeBegan() string {
	days := o.Answer.Previous.DailyUsage
	for i, d := range days {
		if !d.Cost.IsZero() {
			if 4*i >= len(days) {
				return "The period before has costs only from " + longDate(d.Date) + " on."
			}
			return ""
		}
	}
	return ""
}

// doubt is a group of calls whose cost is unknown or uncertain.
type doubt struct {
	Name, Title, Means string
	Calls              int64
	ShareOfCalls       string
	// Money is nil when the cost is unknown.
	Money       *amount
	ShareOfCost string
	URL         string
}

// CallsText returns the number of calls with its noun.
func (d doubt) CallsText() string { return plural(d.Calls, "call") }

// Doubts lists how many calls are unpriced, estimated or assumed.
func (o *overview) Doubts() []doubt {
	u := o.Answer.Current
	total, all := u.TotalCost.Decimal(), decimal.NewFromInt(u.Calls)
	list := []doubt{
		{Name: "unpriced", Title: "Unpriced", Means: "no cost is known; not in any sum", Calls: u.Unpriced.Calls, URL: o.to(CallsPath, "status", "unpriced")},
		{
			Name: "estimated", Title: "Estimated", Means: "the cost may differ from the bill", Calls: u.EstimatedCalls,
			Money: &amount{sum: u.EstimatedCost}, ShareOfCost: share(u.EstimatedCost.Decimal(), total), URL: o.to(CallsPath, "status", "estimated"),
		},
		{
			Name: "assumed", Title: "Assumed", Means: "the price took a default", Calls: u.AssumedCalls,
			Money: &amount{sum: u.AssumedCost}, ShareOfCost: share(u.AssumedCost.Decimal(), total),
		},
	}
	for i := range list {
		list[i].ShareOfCalls = share(decimal.NewFromInt(list[i].Calls), all)
		if list[i].Calls == 0 {
			list[i].URL, list[i].Money = "", nil
		}
	}
	return list
}

// Newest returns the time of the newest call and how long ago that was.
func (o *overview) Newest() (n moment) {
	if t := o.Answer.DataThrough; t != nil {
		n = momentOf(*t, o.Zone)
		n.Ago = ago(o.Now.Sub(*t))
	}
	return n
}

// moment is a time for display.
type moment struct{ UTC, Day, Clock, Ago string }

func momentOf(t time.Time, zone *time.Location) moment {
	local := t.In(zone)
	return moment{UTC: t.UTC().Format(time.RFC3339Nano), Day: local.Format("2 Jan 2006"), Clock: local.Format("15:04:05")}
}

// ago formats a duration in its largest unit.
func ago(d time.Duration) string {
	unit := func(n int64, name string) string { return plural(n, name) + " ago" }
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

// Chart returns the cost by day.
func (o *overview) Chart() chart { return newChart(o.Answer.Current, o.Answer.Previous, &o.place) }

// breakdown is a table of costs by key.
type breakdown struct {
	Name, Title, Key string
	Rows             []row
	// WithCalls is true when the number of calls of each row is known.
	WithCalls bool
}

// row is a row of a breakdown.
type row struct {
	Key, Name, URL string
	Cost           amount
	Share, Part    string
	Calls          string
	Before         *amount // nil when unknown
	Doubts         []part
}

// part is the uncertain part of a cost.
type part struct {
	Name  string
	Cost  amount
	Share string
}

// Breakdowns returns the tables in two columns.
func (o *overview) Breakdowns() [2][]breakdown {
	current, previous := o.Answer.Current, o.Answer.Previous
	types := o.breakdown("usageByType", "API types", "apiType", current.UsageByType, previous.UsageByType, current.Unpriced.Types, previous.Unpriced.Types)
	types.WithCalls = true
	for i := range types.Rows {
		for _, n := range current.CallsByType {
			if n.Key == types.Rows[i].Key {
				types.Rows[i].Calls = number(n.Count).Shown()
			}
		}
	}
	models := o.breakdown("usageByModel", "Models", "model", current.UsageByModel, previous.UsageByModel, current.Unpriced.Models, previous.Unpriced.Models)
	services := o.breakdown("usageByService", "Services", "service", current.UsageByService, previous.UsageByService, current.Unpriced.Services, previous.Unpriced.Services)
	if o.oneUser() {
		providers := o.breakdown("usageByProvider", "Providers", "provider", current.UsageByProvider, previous.UsageByProvider, current.Unpriced.Providers, previous.Unpriced.Providers)
		return [2][]breakdown{{types, services}, {models, providers}}
	}
	users := o.breakdown("usageByUser", "Top users", "userId", current.UsageByUser, previous.UsageByUser, current.Unpriced.Users, previous.Unpriced.Users)
	return [2][]breakdown{{types, models}, {users, services}}
}

// doubtsOf returns the estimated and the assumed part of a cost.
func (o *overview) doubtsOf(name string, c report.Cost) (list []part) {
	for _, d := range []struct {
		name string
		of   report.Parts
	}{{"estimated", o.Answer.Current.Estimated}, {"assumed", o.Answer.Current.Assumed}} {
		costs := map[string]report.Costs{"usageByType": d.of.Types, "usageByModel": d.of.Models, "usageByProvider": d.of.Providers, "usageByService": d.of.Services}[name]
		for _, p := range costs {
			if p.Key == c.Key {
				list = append(list, part{d.name, amount{sum: p.Cost}, share(p.Cost.Decimal(), c.Cost.Decimal())})
			}
		}
	}
	return list
}

func (o *overview) breakdown(name, title, param string, costs, before report.Costs, unpriced, unpricedBefore report.Numbers) breakdown {
	b := breakdown{Name: name, Title: title, Key: param}
	total := o.Answer.Current.TotalCost.Decimal()
	was, folded := make(map[string]usage.Sum, len(before)), false
	for _, c := range before {
		was[c.Key] = c.Cost
		folded = folded || c.Key == report.Others
	}
	for _, c := range costs {
		r := row{
			Key: c.Key, Name: c.Key, Cost: amount{c.Cost, countOf(unpriced, c.Key)},
			Share: share(c.Cost.Decimal(), total), Part: partOf(c.Cost.Decimal(), total), Doubts: o.doubtsOf(name, c),
		}
		if sum, listed := was[c.Key]; (listed || !folded) && !o.NothingBefore() {
			r.Before = &amount{sum, countOf(unpricedBefore, c.Key)}
		}
		switch {
		case c.Key == report.Others:
			r.Name, r.Before = "all others", nil
			if param == "userId" {
				r.Name = plural(o.Answer.Current.OtherUsers, "other user")
			}
		case c.Key == report.NoLongerStored:
			r.Name = "no longer stored one by one"
		default:
			if param == "userId" {
				r.Name = o.user(c.Key)
			}
			r.URL = o.to(o.Path, param, c.Key)
		}
		b.Rows = append(b.Rows, r)
	}
	return b
}

func countOf(list report.Numbers, key string) int64 {
	for _, n := range list {
		if n.Key == key {
			return n.Count
		}
	}
	return 0
}

// Elsewhere returns the part of the total that no day includes, or nil for none.
func (o *overview) Elsewhere() *amount {
	if s := o.Answer.Current.NotInDays; !s.IsZero() {
		return &amount{sum: s}
	}
	return nil
}
