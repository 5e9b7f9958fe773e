package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// PlansAnswer is the document returned by GET /api/admin/plans and GET /api/usage/plans.
// Cash and API-equivalents stand side by side: they are never added.
type PlansAnswer struct {
	StartDate string `json:"startDate"`
	EndDate   string `json:"endDate"` // included
	Timezone  string `json:"timezone"`
	Plans     []Plan `json:"plans"`
	// PlanCostWithoutSeat is the API-equivalent of calls that tell that a plan pays, while no
	// seat of theirs is known, or whose rows retention has deleted.
	PlanCostWithoutSeat usage.Sum `json:"planCostWithoutSeat"`
	// UnknownPayerCost is the API-equivalent of calls whose payer nothing tells.
	UnknownPayerCost usage.Sum `json:"unknownPayerCost"`
	// AppliedAt is when plans were last written into the calls, null for never. Pending
	// means that a plan or seat was changed since. Own usage does not say.
	AppliedAt *time.Time `json:"appliedAt,omitempty"`
	Pending   *bool      `json:"pending,omitempty"`
}

// Plan is what a plan costs in the period, beside what it is worth.
type Plan struct {
	Plan     string      `json:"plan"`
	Payer    usage.Payer `json:"payer"`
	Everyone bool        `json:"everyone"`
	Terms    []PlanTerms `json:"terms"`
	// Seats counts users and seats that nobody has, as of any day of the period.
	Seats int64 `json:"seats"`
	// CashCost is by currency, as the plan is paid. CashCostUSD is null when it is not known,
	// and CashCostUnknown says why.
	CashCost        map[string]usage.Sum `json:"cashCost"`
	CashCostUSD     *usage.Sum           `json:"cashCostUSD"`
	CashCostUnknown *string              `json:"cashCostUnknown"`
	Calls           int64                `json:"calls"`
	// UnpricedCalls are part of Calls and have no part in APIEquivalent, which is null when
	// no call has a price.
	UnpricedCalls int64      `json:"unpricedCalls"`
	APIEquivalent *usage.Sum `json:"apiEquivalent"`
	// Difference is APIEquivalent less CashCostUSD: what the plan saves, or costs more.
	Difference *usage.Sum `json:"difference"`
	// UnusedSeats are those whose user made no call that the plan pays for, and those that
	// nobody has. UnusedCost is their part of CashCostUSD.
	UnusedSeats int64      `json:"unusedSeats"`
	UnusedCost  *usage.Sum `json:"unusedCost"`
	// PaidBeside is what calls cost that the plan covers and that tell another payer.
	PaidBeside      usage.Sum  `json:"paidBeside"`
	PaidBesideCalls int64      `json:"paidBesideCalls"`
	Users           []PlanUser `json:"users"`
	// OtherUsers are left out of Users, and counted in everything else.
	OtherUsers int `json:"otherUsers"`

	apiCost usage.Sum // of the calls that have a price
}

// PlanTerms are what holds of a plan from a day on.
type PlanTerms struct {
	Since string  `json:"since"`
	Until *string `json:"until"` // excluded; null is open
	// Price is of a seat and a period; null when it is not known.
	Price    *usage.Sum `json:"price"`
	Currency *string    `json:"currency"`
	Period   *string    `json:"period"`
	Seats    *int       `json:"seats"`
	Covers   PlanCovers `json:"covers"`
	Timezone string     `json:"timezone"`
}

// PlanCovers says which calls a plan covers; null is any.
type PlanCovers struct {
	Provider    *string  `json:"provider"`
	Service     *string  `json:"service"`
	Environment *string  `json:"environment"`
	Model       *string  `json:"model"`
	APITypes    []string `json:"apiTypes"`
}

// PlanUser is a user's part of a [Plan].
type PlanUser struct {
	// UserID is null for seats that nobody has, and for a plan that covers everybody.
	UserID        *string    `json:"userId"`
	Name          *string    `json:"name,omitempty"`
	SeatDays      int64      `json:"seatDays"`
	CashCostUSD   *usage.Sum `json:"cashCostUSD"`
	Calls         int64      `json:"calls"`
	UnpricedCalls int64      `json:"unpricedCalls"`
	APIEquivalent *usage.Sum `json:"apiEquivalent"`
	PaidBeside    usage.Sum  `json:"paidBeside"`
}

// Plans answers for the days of a span; part of a day counts as the day. top is how many
// users of each plan are listed, those with the greatest cash cost first.
func Plans(ctx context.Context, r *read.Reader, v read.Viewer, span Span, top int) (PlansAnswer, error) {
	days := span.Current.Days
	first, last := startOfDay(span.Zone, dateOf(days[0].From, span.Zone)), startOfDay(span.Zone, dateOf(span.Current.To.Add(-1), span.Zone))
	use, err := r.PlanUse(ctx, read.PlansQuestion{Viewer: v, First: first, Last: last})
	if err != nil {
		return PlansAnswer{}, err
	}
	a := PlansAnswer{StartDate: days[0].Date, EndDate: days[len(days)-1].Date, Timezone: span.Zone.String(), Plans: []Plan{}}
	t := &use.Total
	a.UnknownPayerCost = t.Cost.Minus(t.APICost).Minus(t.PlanCost).Minus(t.CreditCost).Minus(t.OwnCost)
	a.PlanCostWithoutSeat = t.PlanCost
	if v == read.Administrator() {
		a.Pending = &use.Changed
		if !use.AppliedAt.IsZero() {
			a.AppliedAt = &use.AppliedAt
		}
	}
	byName := map[string]*Plan{}
	for i := range use.Terms {
		term := &use.Terms[i]
		if byName[term.Plan] == nil {
			byName[term.Plan] = &Plan{Plan: term.Plan, Payer: term.Payer, Everyone: term.Everyone}
		}
		if !term.Since.After(dateAt(a.EndDate)) && (term.Until.IsZero() || term.Until.After(dateAt(a.StartDate))) {
			byName[term.Plan].Terms = append(byName[term.Plan].Terms, newPlanTerms(term))
		}
	}
	for i := range use.Users {
		u := &use.Users[i]
		p := byName[u.Plan]
		if p == nil { // deleted, and not taken back from the calls yet
			p = &Plan{Plan: u.Plan}
			byName[u.Plan] = p
		}
		p.add(u, len(days))
	}
	for _, p := range byName {
		if len(p.Terms) == 0 && len(p.Users) == 0 {
			continue
		}
		if p.Payer == usage.PayerPlan || p.Payer == "" {
			a.PlanCostWithoutSeat = a.PlanCostWithoutSeat.Minus(p.apiCost)
		}
		p.finish(top)
		a.Plans = append(a.Plans, *p)
	}
	slices.SortFunc(a.Plans, func(x, y Plan) int { return cmp.Compare(x.Plan, y.Plan) })
	return a, nil
}

// dateAt parses a date that this package has written.
func dateAt(date string) time.Time {
	t, _ := time.Parse(time.DateOnly, date)
	return t
}

// add adds a user's part. days is how long the period is.
func (p *Plan) add(u *read.PlanUser, days int) {
	seats := int64(0)
	switch {
	case u.SeatDays == 0:
	case u.User.IsZero() && !p.Everyone:
		seats = (u.SeatDays + int64(days) - 1) / int64(days) // at least so many
	default:
		seats = 1
	}
	p.Seats += seats
	if p.CashCost == nil {
		zero, none := usage.Sum{}, usage.Sum{}
		p.CashCost, p.CashCostUSD, p.UnusedCost = map[string]usage.Sum{}, &zero, &none
	}
	for currency, cost := range u.Costs {
		p.CashCost[currency] = p.CashCost[currency].Plus(cost)
	}
	plus(&p.CashCostUSD, u.Dollars)
	if u.Calls == 0 && seats > 0 {
		p.UnusedSeats += seats
		plus(&p.UnusedCost, u.Dollars)
	}
	switch {
	case p.CashCostUnknown != nil:
	case u.NoPrice:
		text := "the plan has no price"
		p.CashCostUnknown = &text
	case u.NoRateFor != "":
		text := fmt.Sprintf("no exchange rate for %s on %s", u.NoRateFor, u.NoRateOn.Format(time.DateOnly))
		p.CashCostUnknown = &text
	}
	p.Calls, p.UnpricedCalls, p.apiCost = p.Calls+u.Calls, p.UnpricedCalls+u.UnpricedCalls, p.apiCost.Plus(u.APICost)
	p.PaidBeside, p.PaidBesideCalls = p.PaidBeside.Plus(u.BesideCost), p.PaidBesideCalls+u.BesideCalls
	one := PlanUser{
		SeatDays: u.SeatDays, CashCostUSD: u.Dollars, Calls: u.Calls, UnpricedCalls: u.UnpricedCalls, APIEquivalent: apiEquivalent(u.APICost, u.Calls, u.UnpricedCalls), PaidBeside: u.BesideCost,
	}
	if !u.User.IsZero() {
		id := u.User.String()
		one.UserID = &id
	}
	if u.Name != "" {
		one.Name = &u.Name
	}
	p.Users = append(p.Users, one)
}

// plus adds to a sum that may be unknown; what is unknown stays so.
func plus(to **usage.Sum, more *usage.Sum) {
	if *to == nil || more == nil {
		*to = nil
		return
	}
	sum := (*to).Plus(*more)
	*to = &sum
}

func (p *Plan) finish(top int) {
	if p.CashCost == nil { // its terms hold, and it has no seat
		var zero, none usage.Sum
		p.CashCost, p.CashCostUSD, p.UnusedCost, p.Users = map[string]usage.Sum{}, &zero, &none, []PlanUser{}
	}
	if p.APIEquivalent = apiEquivalent(p.apiCost, p.Calls, p.UnpricedCalls); p.APIEquivalent != nil && p.CashCostUSD != nil {
		difference := p.APIEquivalent.Minus(*p.CashCostUSD)
		p.Difference = &difference
	}
	if len(p.Users) > top {
		p.OtherUsers, p.Users = len(p.Users)-top, p.Users[:top]
	}
	if p.Terms == nil {
		p.Terms = []PlanTerms{}
	}
}

// apiEquivalent returns nil when calls have no price at all.
func apiEquivalent(cost usage.Sum, calls, unpriced int64) *usage.Sum {
	if calls > 0 && calls == unpriced {
		return nil
	}
	return &cost
}

func newPlanTerms(t *read.PlanTerms) PlanTerms {
	d := PlanTerms{
		Since: t.Since.Format(time.DateOnly), Price: t.Price, Currency: textOrNil(t.Currency), Period: textOrNil(t.Period), Seats: t.Seats, Timezone: t.TimeZone,
		Covers: PlanCovers{Provider: textOrNil(t.Provider), Service: textOrNil(t.Service), Environment: textOrNil(t.Environment), Model: textOrNil(t.Model)},
	}
	if !t.Until.IsZero() {
		d.Until = textOrNil(t.Until.Format(time.DateOnly))
	}
	if len(t.APITypes) > 0 {
		d.Covers.APITypes = t.APITypes
	}
	return d
}

func textOrNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
