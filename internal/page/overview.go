package page

import (
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/page/show"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Overview is the page of a period: its cost compared with the previous period, by user and
// by purpose.
type Overview struct {
	Place
	// Answer is the query API's answer, with detail.
	Answer report.Answer
	// Forecast is the API's forecast of the current month without drivers, nil on a page of
	// days that are over, or that reads no forecast because that takes too long. Advice is the
	// API's, nil for those who see only their own usage. Budgets is the API's, nil on a page of
	// days that are over, or of one user out of all.
	Forecast *report.ForecastAnswer
	Advice   *report.AdviceAnswer
	Budgets  *report.BudgetsAnswer
}

// WriteOverview renders the page.
func WriteOverview(o Overview) ([]byte, error) {
	view := &overview{place: place{o.Place}, Answer: o.Answer}
	view.Ahead = ahead{view.place, o.Forecast, o.Advice, o.Budgets, nil}
	return write("overview", view)
}

// overview provides the data of an [Overview] to the template.
type overview struct {
	place
	Answer report.Answer
	Ahead  ahead
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
	Money       *show.Amount
	Count       show.Number
	Change      show.Change
	BeforeMoney *show.Amount
	BeforeCount show.Number
	Note        string
	Small       []small
}

// small is an additional number on a card.
type small struct {
	Title string
	Money show.Amount
}

// Cards returns the numbers at the top of the page.
func (o *overview) Cards() []card {
	current, previous := o.Answer.Current, o.Answer.Previous
	money := func(s usage.Sum, u report.Usage) *show.Amount {
		return &show.Amount{Sum: s, Unpriced: u.Unpriced.Calls}
	}
	cards := []card{
		{
			Name: "totalCost", Title: "Total cost", Money: money(current.TotalCost, current), BeforeMoney: money(previous.TotalCost, previous),
			Change: show.ChangeOf(o.Answer.Change.TotalCost), Note: strings.Join(slices.DeleteFunc([]string{o.without(), o.beforeBegan()}, isEmpty), " "),
			Small: payers(current.CostByPayer),
		},
		{
			Name: "dailyAverage", Title: "Average a day", Money: money(current.DailyAverage, current), BeforeMoney: money(previous.DailyAverage, previous),
			Change: show.ChangeOf(o.Answer.Change.DailyAverage),
		},
		{
			Name: "calls", Title: "Calls", Count: show.Number(current.Calls), BeforeCount: show.Number(previous.Calls), Change: show.ChangeOf(o.Answer.Change.Calls),
			Note: show.Short(current.Tokens.Total) + " tokens: " + show.Short(current.Tokens.Input) + " in, " + show.Short(current.Tokens.Output) + " out",
		},
	}
	if !o.oneUser() {
		cards = append(cards, card{
			Name: "activeUsers", Title: "Active users", Count: show.Number(current.ActiveUsers), BeforeCount: show.Number(previous.ActiveUsers),
			Change: show.ChangeOf(o.Answer.Change.ActiveUsers),
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
		list = append(list, small{title, show.Amount{Sum: c.Cost}})
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
	return "Without " + show.Plural(n, "call") + " of no known cost."
}

// beforeBegan returns a warning when recording started during the previous period.
func (o *overview) beforeBegan() string {
	days := o.Answer.Previous.DailyUsage
	for i, d := range days {
		if !d.Cost.IsZero() {
			if 4*i >= len(days) {
				return "The period before has costs only from " + show.LongDate(d.Date) + " on."
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
	Money       *show.Amount
	ShareOfCost string
	URL         string
}

// CallsText returns the number of calls with its noun.
func (d doubt) CallsText() string { return show.Plural(d.Calls, "call") }

// Doubts lists how many calls are unpriced, estimated or assumed.
func (o *overview) Doubts() []doubt {
	u := o.Answer.Current
	total, all := u.TotalCost.Decimal(), decimal.NewFromInt(u.Calls)
	list := []doubt{
		{Name: "unpriced", Title: "Unpriced", Means: "no cost is known; not in any sum", Calls: u.Unpriced.Calls, URL: o.to(CallsPath, "status", "unpriced")},
		{
			Name: "estimated", Title: "Estimated", Means: "the cost may differ from the bill", Calls: u.EstimatedCalls,
			Money: &show.Amount{Sum: u.EstimatedCost}, ShareOfCost: show.Share(u.EstimatedCost.Decimal(), total), URL: o.to(CallsPath, "status", "estimated"),
		},
		{
			Name: "assumed", Title: "Assumed", Means: "the price took a default", Calls: u.AssumedCalls,
			Money: &show.Amount{Sum: u.AssumedCost}, ShareOfCost: show.Share(u.AssumedCost.Decimal(), total),
		},
	}
	for i := range list {
		list[i].ShareOfCalls = show.Share(decimal.NewFromInt(list[i].Calls), all)
		if list[i].Calls == 0 {
			list[i].URL, list[i].Money = "", nil
		}
	}
	return list
}

// Newest returns the time of the newest call and how long ago that was.
func (o *overview) Newest() show.Moment { return show.MomentAgo(o.Answer.DataThrough, o.Zone, o.Now) }

// Chart returns the cost by day.
func (o *overview) Chart() show.Chart {
	return show.NewChart(o.Answer.Current, o.Answer.Previous, func(from, to string) string {
		return o.to(CallsPath, DaysParam, "", "startDate", from, "endDate", to)
	})
}

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
	Cost           show.Amount
	Share, Part    string
	Calls          string
	Before         *show.Amount // nil when unknown
	Doubts         []part
}

// part is the uncertain part of a cost.
type part struct {
	Name  string
	Cost  show.Amount
	Share string
}

// Breakdowns returns the tables in two columns. Those of tags go where there is room.
func (o *overview) Breakdowns() [2][]breakdown {
	columns, rows := o.columns(), [2]int{}
	for i := range columns {
		for _, b := range columns[i] {
			rows[i] += len(b.Rows) + 2
		}
	}
	for _, b := range o.tags() {
		i := 0
		if rows[1] < rows[0] {
			i = 1
		}
		columns[i], rows[i] = append(columns[i], b), rows[i]+len(b.Rows)+2
	}
	return columns
}

// columns returns the tables but for those of tags.
func (o *overview) columns() [2][]breakdown {
	current, previous := o.Answer.Current, o.Answer.Previous
	types := o.breakdown("usageByType", "API types", "apiType", current.UsageByType, previous.UsageByType, current.Unpriced.Types, previous.Unpriced.Types)
	types.WithCalls = true
	for i := range types.Rows {
		for _, n := range current.CallsByType {
			if n.Key == types.Rows[i].Key {
				types.Rows[i].Calls = show.Number(n.Count).Shown()
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

// tags returns a table for each tag.
func (o *overview) tags() (list []breakdown) {
	for i, tag := range o.Answer.Current.UsageByTag {
		b := o.breakdown("usageByTag"+strconv.Itoa(i+1), "Tag “"+tag.Name+"”", "tag", tag.Values, taggedBy(o.Answer.Previous.UsageByTag, tag.Name),
			taggedBy(o.Answer.Current.Unpriced.Tags, tag.Name), taggedBy(o.Answer.Previous.Unpriced.Tags, tag.Name))
		for j := range b.Rows {
			if r := &b.Rows[j]; r.URL != "" {
				r.URL = o.to(o.Path, "tag", tag.Name+":"+r.Key)
			}
			if b.Rows[j].Key == report.NoName {
				b.Rows[j].Name = "without this tag"
			}
		}
		list = append(list, b)
	}
	return list
}

// taggedBy returns the breakdown by one tag.
func taggedBy[T any](list report.Tagged[T], name string) (values T) {
	for _, tag := range list {
		if tag.Name == name {
			values = tag.Values
		}
	}
	return values
}

// UsersUnsure says why the estimated and assumed parts are missing from the users, or "".
func (o *overview) UsersUnsure() string {
	u := o.Answer.Current
	if o.oneUser() || u.Estimated.Users != nil && u.Assumed.Users != nil {
		return ""
	}
	return "What is estimated or assumed of a user’s cost is not known here: retention has removed calls from before it was summed by user."
}

// NoTags says why there is no table of a tag, or "" where there is nothing to say.
func (o *overview) NoTags() string {
	switch tags := o.Answer.Current.UsageByTag; {
	case tags == nil:
		return "No breakdown by tag: no sums are kept by both a tag and another filter than the user and the API type."
	case len(tags) == 0 && o.Everybody:
		return "No breakdown by tag: no call has one. The key tags of the processor genai_usage says which attributes become tags."
	}
	return ""
}

// doubtsOf returns the estimated and the assumed part of a cost.
func (o *overview) doubtsOf(name string, c report.Cost) (list []part) {
	for _, d := range []struct {
		name string
		of   report.Parts
	}{{"estimated", o.Answer.Current.Estimated}, {"assumed", o.Answer.Current.Assumed}} {
		costs := map[string]report.Costs{"usageByType": d.of.Types, "usageByModel": d.of.Models, "usageByProvider": d.of.Providers, "usageByService": d.of.Services, "usageByUser": deref(d.of.Users)}[name]
		for _, p := range costs {
			if p.Key == c.Key {
				list = append(list, part{d.name, show.Amount{Sum: p.Cost}, show.Share(p.Cost.Decimal(), c.Cost.Decimal())})
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
			Key: c.Key, Name: c.Key, Cost: show.Amount{Sum: c.Cost, Unpriced: countOf(unpriced, c.Key)},
			Share: show.Share(c.Cost.Decimal(), total), Part: show.PartOf(c.Cost.Decimal(), total), Doubts: o.doubtsOf(name, c),
		}
		if sum, listed := was[c.Key]; (listed || !folded) && !o.NothingBefore() {
			r.Before = &show.Amount{Sum: sum, Unpriced: countOf(unpricedBefore, c.Key)}
		}
		switch {
		case c.Key == report.Others:
			r.Name, r.Before = "all others", nil
			if param == "userId" {
				r.Name = show.Plural(o.Answer.Current.OtherUsers, "other user")
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
func (o *overview) Elsewhere() *show.Amount {
	if s := o.Answer.Current.NotInDays; !s.IsZero() {
		return &show.Amount{Sum: s}
	}
	return nil
}
