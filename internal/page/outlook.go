package page

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/page/show"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Outlook is the page of forecasts, and for administrators of advice.
type Outlook struct {
	Place
	// Forecast and Advice are the query API's answers. Advice is nil for those who see only
	// their own usage.
	Forecast *report.ForecastAnswer
	Advice   *report.AdviceAnswer
	// Budgets is the query API's answer where the forecasts are those of budgets.
	Budgets *report.BudgetsAnswer
	// Plans is the query API's answer for the days of the page, nil where it shows a scope or
	// one user out of all.
	Plans *report.PlansAnswer
}

// WriteOutlook renders the page.
func WriteOutlook(o Outlook) ([]byte, error) {
	return write("outlook", &ahead{place{o.Place}, o.Forecast, o.Advice, o.Budgets, o.Plans})
}

// ahead provides the data of an [Outlook] to the template, and those of an [Overview] that
// look ahead.
type ahead struct {
	place
	Answer  *report.ForecastAnswer
	Advised *report.AdviceAnswer
	States  *report.BudgetsAnswer
	Paid    *report.PlansAnswer
}

// plan is what a plan costs on the days of the page, beside what it is worth. An amount is nil
// when it is not known.
type plan struct {
	Name, WhyUnknown                            string
	Seats, UnusedSeats                          show.Number
	Cash, APIEquivalent, Difference, UnusedCost *show.Amount
	PaidBeside                                  show.Amount
}

// Plans returns one line per plan.
func (a *ahead) Plans() []plan {
	amount := func(sum *usage.Sum, unpriced int64) *show.Amount {
		if sum == nil {
			return nil
		}
		return &show.Amount{Sum: *sum, Unpriced: unpriced}
	}
	lines := make([]plan, 0, len(deref(a.Paid).Plans))
	for _, p := range deref(a.Paid).Plans {
		lines = append(lines, plan{
			Name: p.Plan, WhyUnknown: deref(p.CashCostUnknown), Seats: show.Number(p.Seats), UnusedSeats: show.Number(p.UnusedSeats),
			Cash: amount(p.CashCostUSD, 0), APIEquivalent: amount(p.APIEquivalent, p.UnpricedCalls), Difference: amount(p.Difference, 0),
			UnusedCost: amount(p.UnusedCost, 0), PaidBeside: show.Amount{Sum: p.PaidBeside},
		})
	}
	return lines
}

// WithoutSeat and UnknownPayer are API-equivalents that no plan is known for.
func (a *ahead) WithoutSeat() show.Amount  { return show.Amount{Sum: deref(a.Paid).PlanCostWithoutSeat} }
func (a *ahead) UnknownPayer() show.Amount { return show.Amount{Sum: deref(a.Paid).UnknownPayerCost} }

// PlansPending reports whether plans were changed and not applied to the calls yet.
func (a *ahead) PlansPending() bool { return deref(deref(a.Paid).Pending) }

// fewBudgets is how many budgets an overview of everybody's usage shows.
const fewBudgets = 5

// Budgets lists all budgets, FirstBudgets those of which most is used, and MoreBudgets says
// how many others there are.
func (a *ahead) Budgets() []show.Budget { return show.Budgets(deref(a.States).Budgets) }
func (a *ahead) FirstBudgets() []show.Budget {
	if list := a.Budgets(); a.Everybody {
		return list[:min(len(list), fewBudgets)]
	}
	return a.Budgets()
}
func (a *ahead) MoreBudgets() string {
	return beyond(len(a.FirstBudgets()), int64(len(a.Budgets())))
}

// BudgetsURL returns the URL of all budgets with their forecasts.
func (a *ahead) BudgetsURL() string { return a.to(OutlookPath, "scope", "budget") }

// Lengths returns links to forecasts of other periods.
func (a *ahead) Lengths() (links []link) {
	chosen := a.chosen("period", report.ForecastPeriods[0])
	for _, unit := range []string{"week", "month", "quarter", "year"} {
		links = append(links, link{"this " + unit, a.to(a.Path, "period", unit), unit == chosen})
	}
	return links
}

// Scopes returns links to forecasts of other scopes.
func (a *ahead) Scopes() (links []link) {
	chosen := a.chosen("scope", report.ForecastScopes[0])
	for _, s := range []struct {
		scope, title string
		all          bool // only for those who see everybody
	}{
		{"org", "Total", false}, {"user", "Users", true}, {"team", "Teams", true}, {"service", "Services", false}, {"model", "Models", false},
		{"provider", "Providers", false}, {"budget", "Budgets", true},
	} {
		if !s.all || a.Everybody {
			links = append(links, link{s.title, a.to(a.Path, "scope", s.scope), s.scope == chosen})
		}
	}
	return links
}

func (a *ahead) chosen(name, otherwise string) string {
	if value := a.Chosen[name]; value != "" {
		return value
	}
	return otherwise
}

// IsTotal reports whether the forecast is one of everything.
func (a *ahead) IsTotal() bool { return a.chosen("scope", report.ForecastScopes[0]) == "org" }

// HasOwnPeriods reports whether each forecast is of a period of its own, as those of budgets.
func (a *ahead) HasOwnPeriods() bool { return a.Chosen["scope"] == "budget" }

// OutlookURL returns the URL of the page of forecasts and advice.
func (a *ahead) OutlookURL() string { return a.to(OutlookPath) }

// AdviceText returns the text of the link to all advice.
func (a *ahead) AdviceText() string {
	if n := len(a.Advised.Advice); n > 1 {
		return "All " + strconv.Itoa(n) + " pieces, and what they assume"
	}
	return "What it assumes"
}

// HasBudgets reports whether the forecasts are compared with budgets.
func (a *ahead) HasBudgets() bool {
	return slices.ContainsFunc(a.Answer.Forecasts, func(f report.ScopeForecast) bool { return f.Budget != nil })
}

// Rest returns a text about what has no forecast of its own, or "" for nothing.
func (a *ahead) Rest() string {
	n := a.Answer.Others
	if n == 0 {
		return ""
	}
	return show.Number(n).Shown() + " more of smaller cost are not forecast one by one; in the last 30 days they cost " + show.Dollars(a.Answer.OthersCost.Decimal()) + "."
}

// Nothing says why there is no forecast.
func (a *ahead) Nothing() string {
	switch scope := a.chosen("scope", "org"); scope {
	case "budget":
		return "No budget is set."
	case "team":
		return "There is no team."
	case "org":
		return "No call of the last 400 days has a cost."
	default:
		return "No call of the last 30 days has a cost that belongs to one " + strings.TrimPrefix(scope, "tag:") + "."
	}
}

// forecast is the forecast of one scope for display.
type forecast struct {
	show.Forecast
	Title, URL string
	place      *place
}

// Forecasts returns the forecasts that have anything to say.
func (a *ahead) Forecasts() (list []forecast) {
	for i := range a.Answer.Forecasts {
		f := forecast{Forecast: show.Forecast{ScopeForecast: &a.Answer.Forecasts[i]}, Title: a.Answer.Forecasts[i].Key, place: &a.place}
		param := map[string]string{"user": "userId", "service": "service", "model": "model", "provider": "provider"}[f.Scope]
		value := f.Key
		tag, isTag := strings.CutPrefix(f.Scope, "tag:")
		switch {
		case f.Scope == "org" && f.ScopeForecast.Expected.IsZero() && f.UnpricedCalls == 0:
			continue
		case f.Scope == "org":
			f.Title = "Total"
		case f.Scope == "user":
			if f.Title = f.Name; f.Title == "" {
				f.Title = a.user(f.Key)
			}
		case isTag:
			param, value = "tag", tag+":"+f.Key
		}
		if param != "" {
			f.URL = a.to(OverviewPath, param, value)
		}
		list = append(list, f)
	}
	return list
}

// driver is what moved the cost most.
type driver struct {
	Dimension, Name, URL string
	Before, After        show.Amount
}

// Moved returns what moved the cost most in the last seven days.
func (f forecast) Moved() (list []driver) {
	for _, d := range f.Drivers {
		one := driver{d.Dimension, d.Key, "", show.Amount{Sum: d.Before}, show.Amount{Sum: d.After}}
		param := d.Dimension
		if d.Dimension == "user" {
			if param, one.Name = "userId", d.Name; d.Name == "" {
				one.Name = f.place.user(d.Key)
			}
		}
		one.URL = f.place.to(OverviewPath, param, d.Key)
		list = append(list, one)
	}
	return list
}

// advice is a piece of advice for display.
type advice struct {
	*outlook.Advice
	Rule, Where, URL string
}

// Saves returns the dollars a month.
func (a advice) Saves() show.Amount { return show.Amount{Sum: a.SavesPerMonth} }

// Costs returns what the calls cost a month.
func (a advice) Costs() show.Amount { return show.Amount{Sum: a.Rows.Cost} }

// Calls returns the number of calls with its noun.
func (a advice) Calls() string { return show.Plural(a.Rows.Calls, "call") }

func (a *ahead) advised(list []outlook.Advice) (shown []advice) {
	for i := range list {
		rows := &list[i].Rows
		one := advice{Advice: &list[i], Rule: show.InWords(list[i].Rule)}
		var where []string
		for _, part := range []struct{ kind, name string }{{"service", rows.Service}, {"model", rows.Model}, {"provider", rows.Provider}} {
			if part.name == "" {
				part.name = "no " + part.kind
			}
			where = append(where, part.name)
		}
		one.Where = strings.Join(where, " · ")
		// The page of calls takes the parameters of the API's list.
		if u, err := url.Parse(rows.Link); err == nil {
			values := u.Query()
			for name := range values {
				if !slices.Contains(Params[CallsPath], name) {
					values.Del(name)
				}
			}
			one.URL = CallsPath + "?" + values.Encode()
		}
		shown = append(shown, one)
	}
	return shown
}

// AllAdvice, FirstAdvice and DismissedAdvice list the pieces.
func (a *ahead) AllAdvice() []advice { return a.advised(a.Advised.Advice) }
func (a *ahead) FirstAdvice() []advice {
	return a.advised(a.Advised.Advice[:min(len(a.Advised.Advice), 3)])
}
func (a *ahead) DismissedAdvice() []advice { return a.advised(a.Advised.Dismissed) }

// SavesInAll returns what all listed advice saves together: each piece is after those before.
func (a *ahead) SavesInAll() (total show.Amount) {
	for _, one := range a.Advised.Advice {
		total.Sum = total.Sum.Plus(one.SavesPerMonth)
	}
	return total
}

// AdvisedAt returns when the advice was computed.
func (a *ahead) AdvisedAt() show.Moment { return show.MomentAgo(a.Advised.PublishedAt, a.Zone, a.Now) }

// AdvisedOn returns what the advice is about.
func (a *ahead) AdvisedOn() string {
	last := show.ParseDate(a.Advised.To).AddDate(0, 0, -1).Format(time.DateOnly)
	return show.Plural(a.Advised.Calls, "call") + " of " + show.LongDate(a.Advised.From) + " – " + show.LongDate(last) + " (UTC)"
}

// leftOut is what the advice does not look at.
type leftOut struct {
	Calls, Why string
	Cost       show.Amount
}

// NotLookedAt lists the calls that the advice is not about.
func (a *ahead) NotLookedAt() (list []leftOut) {
	for _, l := range a.Advised.LeftOut {
		list = append(list, leftOut{show.Plural(l.Calls, "call"), l.Why(), show.Amount{Sum: l.Cost}})
	}
	return list
}
