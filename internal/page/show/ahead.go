package show

import (
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Forecast is the forecast of one scope for display.
type Forecast struct{ *report.ScopeForecast }

// When returns the period in words.
func (f Forecast) When() string { return period(f.Period) }

func period(p report.ForecastPeriod) string {
	first := ParseDate(p.Start)
	switch p.Unit {
	case "day":
		return LongDate(p.Start)
	case "month":
		return first.Format("January 2006")
	case "quarter":
		return "quarter " + strconv.Itoa((int(first.Month())+2)/3) + " of " + first.Format("2006")
	case "year":
		return first.Format("2006")
	}
	return LongDate(p.Start) + " – " + LongDate(p.End)
}

// Ends returns the last day of the period in words.
func (f Forecast) Ends() string { return LongDate(f.Period.End) }

// Spent returns what the period has cost so far.
func (f Forecast) Spent() Amount {
	return Amount{Sum: f.ScopeForecast.Spent, Unpriced: f.UnpricedCalls}
}

// Expected returns what the whole period is expected to cost.
func (f Forecast) Expected() Amount {
	return Amount{Sum: f.ScopeForecast.Expected, Unpriced: f.UnpricedCalls}
}

// Low returns the lower end of the band of 80 %, nil without one.
func (f Forecast) Low() *Amount { return f.edge(0) }

// High returns the upper end of the band of 80 %, nil without one.
func (f Forecast) High() *Amount { return f.edge(1) }

func (f Forecast) edge(side int) *Amount {
	band, ok := f.Bands["80"]
	if !ok {
		return nil
	}
	return &Amount{Sum: band[side]}
}

// Without returns a note about calls that no amount includes.
func (f Forecast) Without() string {
	if f.UnpricedCalls == 0 {
		return ""
	}
	return "Without " + Plural(f.UnpricedCalls, "call") + " of no known cost."
}

// Missed returns the error of past forecasts, nil where none is known.
func (f Forecast) Missed() *Percent { return PercentOf(f.PastError) }

// LineMissed returns the error of a straight line, nil where none is known or it is the same
// as Missed.
func (f Forecast) LineMissed() *Percent {
	if f.LineError == nil || f.PastError != nil && *f.PastError == *f.LineError {
		return nil
	}
	return PercentOf(f.LineError)
}

// Covered returns how often the band of 80 % held, nil where that is not known.
func (f Forecast) Covered() *Percent { return PercentOf(f.Coverage) }

// Exceeds returns how likely the budget is exceeded, nil without a budget.
func (f Forecast) Exceeds() *Percent {
	if f.Budget == nil {
		return nil
	}
	return PercentOf(f.Budget.Exceeds)
}

// Limit returns the budget.
func (f Forecast) Limit() *Amount {
	if f.Budget == nil {
		return nil
	}
	return &Amount{Sum: f.Budget.Limit}
}

// UsedUp says when the budget will be used up, or that it has been, or "" when it lasts.
func (f Forecast) UsedUp() string {
	switch {
	case f.Budget == nil || f.Budget.Exhausted == "":
		return ""
	case f.ScopeForecast.Spent.Cmp(f.Budget.Limit) > 0:
		return "used up since " + LongDate(f.Budget.Exhausted)
	}
	return "used up on " + LongDate(f.Budget.Exhausted)
}

// Basis says how the forecast was made.
func (f Forecast) Basis() string {
	switch f.Method {
	case outlook.Weekday:
		return "the weekdays of the last eight weeks, at the level of the last seven days"
	case outlook.WeekdaySteady:
		return "the weekdays of the last eight weeks, at the level of the last four"
	case outlook.WeekdayTrend:
		return "the weekdays of the last eight weeks, at a level that continues to change as it did"
	}
	return "a straight line at the mean of the last seven days"
}

// Track is a drawing of a forecast. Positions are percentages of the width.
type Track struct{ Spent, Expected, Low, Band, Limit string }

// Track draws the forecast on a scale from 0 to a little more than its largest amount.
func (f Forecast) Track() Track {
	largest := decimal.Max(f.ScopeForecast.Expected.Decimal(), f.ScopeForecast.Spent.Decimal())
	low, high := f.Low(), f.High()
	if high != nil {
		largest = decimal.Max(largest, high.Sum.Decimal())
	}
	if f.Budget != nil {
		largest = decimal.Max(largest, f.Budget.Limit.Decimal())
	}
	largest = largest.Mul(decimal.New(102, -2))
	at := func(s usage.Sum) string { return PartOf(s.Decimal(), largest) }
	t := Track{Spent: at(f.ScopeForecast.Spent), Expected: at(f.ScopeForecast.Expected)}
	if high != nil {
		t.Low, t.Band = at(low.Sum), at(high.Sum.Minus(low.Sum))
	}
	if f.Budget != nil {
		t.Limit = at(f.Budget.Limit)
	}
	return t
}

// Budget is the state of a budget for display.
type Budget struct{ *report.BudgetStatus }

// Budgets orders budgets: first those of which something is not known, then those of which
// most is used.
func Budgets(list []report.BudgetStatus) []Budget {
	budgets := make([]Budget, len(list))
	for i := range list {
		budgets[i] = Budget{&list[i]}
	}
	slices.SortStableFunc(budgets, func(a, b Budget) int {
		switch {
		case a.BudgetStatus.Percent == nil && b.BudgetStatus.Percent == nil:
			return 0
		case a.BudgetStatus.Percent == nil:
			return -1
		case b.BudgetStatus.Percent == nil:
			return 1
		}
		return b.BudgetStatus.Percent.Cmp(*a.BudgetStatus.Percent)
	})
	return budgets
}

// Cost is an amount in a currency, an ISO 4217 code.
type Cost struct {
	Amount   decimal.Decimal
	Currency string
}

// Shown formats the amount for display.
func (c Cost) Shown() string {
	text := Dollars(c.Amount)
	if c.Currency != "USD" {
		text = strings.Replace(text, "$", "", 1) + " " + c.Currency
	}
	return text
}

func (b Budget) cost(s *usage.Sum) *Cost {
	if s == nil {
		return nil
	}
	return &Cost{s.Decimal(), b.Currency}
}

// When returns the period in words.
func (b Budget) When() string { return period(b.Period) }

// Amount returns what the budget allows for the period.
func (b Budget) Amount() *Cost { return b.cost(&b.BudgetStatus.Amount) }

// Spent returns what was used of it, nil where that is not known.
func (b Budget) Spent() *Cost { return b.cost(b.BudgetStatus.Spent) }

// Projected returns what the period costs at this pace, nil where that is not known.
func (b Budget) Projected() *Cost { return b.cost(b.BudgetStatus.Projected) }

// Percent returns how much is used, nil where that is not known.
func (b Budget) Percent() *Percent {
	if p := b.BudgetStatus.Percent; p != nil {
		return &Percent{p.String(), PercentText(p.Decimal())}
	}
	return nil
}

// IsOver reports whether the amount is used up.
func (b Budget) IsOver() bool {
	p := b.BudgetStatus.Percent
	return p != nil && !p.Decimal().LessThan(decimal.NewFromInt(100))
}

// Reached lists the thresholds that were reached, with the day where it is recorded.
func (b Budget) Reached() string {
	var list []string
	for _, t := range b.Thresholds {
		if !t.Reached {
			continue
		}
		text := strconv.Itoa(int(t.Percent)) + " %"
		if t.At != nil {
			text += " on " + t.At.Format("2 Jan 2006")
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// Exceeds returns the published chance that the amount is exceeded, nil where none is known.
func (b Budget) Exceeds() *Percent {
	if b.Forecast == nil || b.Forecast.Exceeds == nil {
		return nil
	}
	return &Percent{b.Forecast.Exceeds.String(), PercentText(b.Forecast.Exceeds.Decimal().Shift(2))}
}

// Missing says what the amounts do not include, or "" for nothing.
func (b Budget) Missing() string {
	var list []string
	if n := b.UnpricedCalls; n > 0 {
		list = append(list, "without "+Plural(n, "call")+" of no known cost")
	}
	if n := b.FullDays; n > 0 {
		list = append(list, "calls may be missing from "+Plural(n, "day")+" with too many names")
	}
	return strings.Join(list, "; ")
}

// Track draws what is spent, and what will be, against the amount.
func (b Budget) Track() Track {
	spent, projected := b.BudgetStatus.Spent, b.BudgetStatus.Projected
	largest := b.BudgetStatus.Amount.Decimal()
	for _, s := range []*usage.Sum{spent, projected} {
		if s != nil {
			largest = decimal.Max(largest, s.Decimal())
		}
	}
	largest = largest.Mul(decimal.New(102, -2))
	t := Track{Spent: "0", Limit: PartOf(b.BudgetStatus.Amount.Decimal(), largest)}
	if spent != nil {
		t.Spent = PartOf(spent.Decimal(), largest)
	}
	if projected != nil {
		t.Expected = PartOf(projected.Decimal(), largest)
	}
	return t
}
