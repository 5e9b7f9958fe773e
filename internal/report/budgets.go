package report

import (
	"context"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// BudgetsAnswer is the document returned by GET /api/admin/budgets and GET
// /api/usage/budgets.
type BudgetsAnswer struct {
	Budgets []BudgetStatus `json:"budgets"`
}

// BudgetStatus is the state of a budget in its current period, or of one with fixed dates in
// its only one.
type BudgetStatus struct {
	Name  string `json:"name"`
	Scope string `json:"scope"` // one of [read.BudgetScopes]
	// Tag is the name of the tag. Key is the team, the id of the user, or the value. Subject
	// is how people call what is limited.
	Tag     string         `json:"tag,omitempty"`
	Key     string         `json:"key,omitempty"`
	Subject string         `json:"subject"`
	Period  ForecastPeriod `json:"period"`
	// Amount, Spent and Projected are in Currency, an ISO 4217 code. Projected is what will
	// have been spent if the rest goes on like the last seven days.
	Currency string    `json:"currency"`
	Amount   usage.Sum `json:"amount"`
	// Spent, Percent and Projected are null when they are not known; Problem says why.
	Spent     *usage.Sum `json:"spent"`
	Percent   *usage.Sum `json:"percent"`
	Projected *usage.Sum `json:"projected"`
	Problem   string     `json:"problem,omitempty"`
	// Calls includes UnpricedCalls, which are in no amount.
	Calls         int64 `json:"calls"`
	UnpricedCalls int64 `json:"unpricedCalls"`
	// FullDays counts the UTC days with more names than have sums of their own, of which
	// calls may be missing.
	FullDays   int64             `json:"fullDays,omitempty"`
	Thresholds []BudgetThreshold `json:"thresholds"`
	// Forecast is null if none was published in the last two days.
	Forecast *BudgetOutlook `json:"forecast"`
}

// BudgetThreshold is a percentage of the amount that is reported when it is reached.
type BudgetThreshold struct {
	Percent int32 `json:"percent"`
	// Reached stays true for the rest of the period once it was recorded, also where less is
	// spent again, such as after a correction.
	Reached bool `json:"reached"`
	// At is when usagectl budgets notify recorded it, null if it did not.
	At *time.Time `json:"at"`
}

// BudgetOutlook is what usagectl forecast --publish said about a budget, in dollars.
type BudgetOutlook struct {
	ExpectedDollars usage.Sum `json:"expectedDollars"`
	// Exceeds is the probability that more than the amount is spent, null if it is not known
	// or was computed for another amount.
	Exceeds     *usage.Sum `json:"exceeds"`
	Exhausted   string     `json:"exhausted,omitempty"` // the day on which the amount is used up
	PublishedAt time.Time  `json:"publishedAt"`
}

// Budgets reads the state of the budgets that the viewer may see: all of them as an
// administrator, else the viewer's own.
func Budgets(ctx context.Context, r *read.Reader, v read.Viewer, now time.Time) (BudgetsAnswer, error) {
	answer := BudgetsAnswer{Budgets: []BudgetStatus{}}
	list, err := r.Budgets(ctx, v, now)
	if err != nil {
		return answer, err
	}
	var forecasts map[string]read.BudgetForecast
	if v == read.Administrator() && len(list) > 0 {
		if forecasts, err = r.BudgetForecasts(ctx, now); err != nil {
			return answer, err
		}
	}
	for i := range list {
		s, err := statusOf(&list[i])
		if err != nil {
			return answer, err
		}
		if f, published := forecasts[s.Name]; published && f.FirstDay == s.Period.Start {
			s.Forecast = outlookOf(&f, &list[i])
		}
		answer.Budgets = append(answer.Budgets, s)
	}
	return answer, nil
}

func statusOf(b *read.Budget) (BudgetStatus, error) {
	zone, err := parseZone(b.TimeZone)
	if err != nil {
		return BudgetStatus{}, err
	}
	s := BudgetStatus{
		Name: b.Name, Scope: b.Scope, Tag: b.Tag, Key: b.Key, Subject: b.Subject,
		Period:   ForecastPeriod{Unit: b.Period, Start: dateOf(b.Start, zone).String(), End: dateOf(b.End, zone).next(-1).String(), Zone: b.TimeZone},
		Currency: b.Currency, Amount: b.Amount, Spent: b.Spent, Percent: b.Percent, Projected: b.Projected, Problem: b.Problem,
		Calls: b.Calls, UnpricedCalls: b.UnpricedCalls, FullDays: b.FullDays,
	}
	recorded := map[int32]time.Time{}
	for _, r := range b.Reached {
		recorded[r.Threshold] = r.At.UTC()
	}
	for _, percent := range b.Thresholds {
		t := BudgetThreshold{Percent: percent, Reached: b.Reaches(percent)}
		if at, was := recorded[percent]; was {
			t.Reached, t.At = true, &at
		}
		s.Thresholds = append(s.Thresholds, t)
	}
	return s, nil
}

func outlookOf(f *read.BudgetForecast, b *read.Budget) *BudgetOutlook {
	o := &BudgetOutlook{ExpectedDollars: f.Expected, PublishedAt: f.PublishedAt}
	// The dollars of an amount in another currency change with the rate.
	if b.Currency != read.Dollar || f.Limit != nil && f.Limit.Cmp(b.Amount) == 0 {
		o.Exceeds, o.Exhausted = f.Exceeds, f.Exhausted
	}
	return o
}

// BudgetCauses returns the model, the service and the user that cost most of what a budget
// spent until now, each with what it cost in as many days before. It reads the calls of the
// period where no sums are kept by what the budget limits.
func BudgetCauses(ctx context.Context, r *read.Reader, b *read.Budget, now time.Time) ([]Driver, error) {
	zone, err := parseZone(b.TimeZone)
	if err != nil {
		return nil, err
	}
	end := b.End
	if now.Before(end) {
		end = now
	}
	span := newSpan(b.Start, end, zone)
	if b.Scope == "team" {
		return teamCauses(ctx, r, b.Key, span)
	}
	a, err := Ask(ctx, r, Question{
		Viewer: read.Administrator(), Filter: scopesOf(b, read.Filter{})[0].Filter, Span: span, Top: allValues, Detail: true, Currency: read.Dollar,
	})
	if err != nil {
		return nil, err
	}
	var list []Driver
	for _, dimension := range []string{"model", "service", "user"} {
		current, _ := a.Current.by(dimension)
		previous, _ := a.Previous.by(dimension)
		for _, c := range current {
			if isRest(c.Key) || c.Cost.IsZero() {
				continue
			}
			d := Driver{Dimension: dimension, Key: c.Key, After: c.Cost}
			if dimension == "user" {
				d.Name = a.UserNames[c.Key]
			}
			for _, p := range previous {
				if p.Key == c.Key {
					d.Before = p.Cost
				}
			}
			list = append(list, d)
			break
		}
	}
	return list, nil
}

func teamCauses(ctx context.Context, r *read.Reader, team string, span Span) ([]Driver, error) {
	current, err := r.TeamCosts(ctx, team, span.Current.From, span.Current.To)
	if err != nil {
		return nil, err
	}
	previous, err := r.TeamCosts(ctx, team, span.Previous.From, span.Previous.To)
	if err != nil {
		return nil, err
	}
	var list []Driver
	for _, c := range current {
		if len(list) > 0 && list[len(list)-1].Dimension == c.Dimension || c.Cost.IsZero() {
			continue
		}
		d := Driver{Dimension: c.Dimension, Key: c.Key, Name: c.Name, After: c.Cost}
		for _, p := range previous {
			if p.Dimension == c.Dimension && p.Key == c.Key {
				d.Before = p.Cost
			}
		}
		list = append(list, d)
	}
	return list, nil
}
