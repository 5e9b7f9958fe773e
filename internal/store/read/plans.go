package read

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// PlansQuestion asks what plans cost on the days of a period, beside what their calls would
// cost at API prices. An own viewer gets their own seats.
type PlansQuestion struct {
	Viewer Viewer
	// First and Last are days, at midnight in their time zone; both are included.
	First, Last time.Time
}

// PlanTerms are what holds of a plan from a day on. An empty text is no condition.
type PlanTerms struct {
	Plan  string
	Since time.Time
	Until time.Time // excluded; zero is open
	// Payer is who pays for the calls it covers that do not tell.
	Payer    usage.Payer
	Everyone bool
	// Price is of a seat and a period, in Currency; nil when it is not known.
	Price                                 *usage.Sum
	Currency, Period                      string
	Seats                                 *int // paid at least
	Provider, Service, Environment, Model string
	APITypes                              []string
	TimeZone                              string
}

// PlanSeat is a seat that a user has.
type PlanSeat struct {
	Plan         string
	User         usage.ID
	Name         string // "" when there is none
	Since, Until time.Time
}

// PlanUser is what a user's seats of a plan cost, and what their calls would at API prices.
type PlanUser struct {
	Plan string
	// User is zero for seats that nobody has, and for a plan that covers everybody.
	User usage.ID
	Name string
	// SeatDays are the days of all seats in the period.
	SeatDays int64
	// Costs are in the currencies of the prices. Dollars is nil when they are not known:
	// NoPrice says that a price is missing, NoRateFor and NoRateOn which exchange rate is.
	Costs     map[string]usage.Sum
	Dollars   *usage.Sum
	NoPrice   bool
	NoRateFor string
	NoRateOn  time.Time
	// Calls are those that the plan pays for, and APICost what they would cost at API
	// prices. UnpricedCalls are part of Calls and have no part in it.
	Calls, UnpricedCalls int64
	APICost              usage.Sum
	// BesideCalls are covered by the plan and tell another payer, who pays BesideCost.
	BesideCalls, BesideUnpriced int64
	BesideCost                  usage.Sum
}

// PlanUse is the answer.
type PlanUse struct {
	Terms []PlanTerms
	Users []PlanUser
	// Total is what all calls of the period that the viewer may see cost, by payer.
	Total Counts
	// AppliedAt is when plans were last written into the calls, zero for never. Changed
	// means that a plan or a seat was changed since. Only administrators learn these.
	AppliedAt time.Time
	Changed   bool
}

// PlanUse answers.
func (r *Reader) PlanUse(ctx context.Context, q PlansQuestion) (use PlanUse, err error) {
	err = r.view(ctx, q.Viewer, func(tx pgx.Tx) error {
		if use.Terms, err = planTerms(ctx, tx, q.Viewer); err != nil {
			return err
		}
		if use.Users, err = q.users(ctx, tx); err != nil {
			return err
		}
		if use.Total, err = q.total(ctx, tx); err != nil || q.Viewer.own() {
			return err
		}
		use.AppliedAt, use.Changed, err = lastApplied(ctx, tx)
		return err
	})
	if err != nil {
		return PlanUse{}, fmt.Errorf("read what plans cost: %w", err)
	}
	return use, nil
}

// Plans lists all plans and seats. Only administrators may read them.
func (r *Reader) Plans(ctx context.Context) (terms []PlanTerms, seats []PlanSeat, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		if terms, err = planTerms(ctx, tx, Administrator()); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
SELECT s.plan, s.user_id, coalesce(s.user_name, u.external_id, u.email, ''), s.since, coalesce(s.until, '0001-01-01')
FROM public.usage_plan_seats AS s LEFT JOIN public.usage_user AS u ON u.id = s.user_id
ORDER BY 1, 3, 2, 4`)
		if err != nil {
			return err
		}
		var s PlanSeat
		_, err = pgx.ForEachRow(rows, []any{&s.Plan, (*[16]byte)(&s.User), &s.Name, &s.Since, &s.Until}, func() error {
			seats = append(seats, s)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list plans: %w", err)
	}
	return terms, seats, nil
}

func planTerms(ctx context.Context, tx pgx.Tx, v Viewer) (list []PlanTerms, err error) {
	from := "usage_report.plan"
	if v.own() {
		from = "public.usage_own_plan"
	}
	rows, err := tx.Query(ctx, `
SELECT name, since, coalesce(until, '0001-01-01'), payer, everyone, trim_scale(price)::text, coalesce(currency, ''), coalesce(period, ''), seats,
       coalesce(provider, ''), coalesce(service, ''), coalesce(environment, ''), coalesce(model, ''), coalesce(api_types, '{}'), time_zone
FROM `+from+` ORDER BY name, since`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t PlanTerms, err error) {
		var price *string
		if err = row.Scan(&t.Plan, &t.Since, &t.Until, (*string)(&t.Payer), &t.Everyone, &price, &t.Currency, &t.Period, &t.Seats,
			&t.Provider, &t.Service, &t.Environment, &t.Model, &t.APITypes, &t.TimeZone); err == nil && price != nil {
			var sum usage.Sum
			sum, err = usage.ParseSum(*price)
			t.Price = &sum
		}
		return t, err
	})
}

// users reads what each user's seats cost and are worth.
func (q *PlansQuestion) users(ctx context.Context, tx pgx.Tx) ([]PlanUser, error) {
	sql := "FROM usage_report.plan_user($1::date, $2::date + 1, $3) AS p LEFT JOIN public.usage_user AS u ON u.id = p.user_id"
	name := "coalesce((SELECT min(s.user_name) FROM public.usage_plan_seats AS s WHERE s.user_id = p.user_id), u.external_id, u.email, '')"
	if q.Viewer.own() {
		sql, name = "FROM public.usage_own_plan_user($1::date, $2::date + 1, $3) AS p", "''"
	}
	rows, err := tx.Query(ctx, `
SELECT p.plan, coalesce(p.user_id, '00000000-0000-0000-0000-000000000000'), `+name+`, p.seat_days, p.costs::text, trim_scale(p.dollars)::text, p.no_price,
       coalesce(p.no_rate_for, ''), coalesce(p.no_rate_on, '0001-01-01'), p.calls, p.unpriced_calls, p.api_dollars::text, p.beside_calls, p.beside_unpriced, p.beside_dollars::text
`+sql+`
ORDER BY 1, p.dollars DESC NULLS FIRST, 3, 2`, q.First.Format(time.DateOnly), q.Last.Format(time.DateOnly), q.First.Location().String())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (u PlanUser, err error) {
		var costs string
		var dollars *string
		if err = row.Scan(&u.Plan, (*[16]byte)(&u.User), &u.Name, &u.SeatDays, &costs, &dollars, &u.NoPrice, &u.NoRateFor, &u.NoRateOn,
			&u.Calls, &u.UnpricedCalls, moneyText{&u.APICost}, &u.BesideCalls, &u.BesideUnpriced, moneyText{&u.BesideCost}); err != nil {
			return u, err
		}
		if dollars != nil {
			sum, err := usage.ParseSum(*dollars)
			if err != nil {
				return u, err
			}
			u.Dollars = &sum
		}
		return u, json.Unmarshal([]byte(costs), &u.Costs)
	})
}

// total reads what the calls of the period cost, by payer.
func (q *PlansQuestion) total(ctx context.Context, tx pgx.Tx) (total Counts, err error) {
	e, err := readExtent(ctx, tx, q.Viewer)
	if err != nil {
		return total, err
	}
	measures := []sums.Measure{sums.Calls, sums.Dollars, sums.APIDollars, sums.PlanDollars, sums.CreditDollars, sums.OwnDollars}
	s := newSources(q.Viewer, Filter{})
	s.sums = sums.Names(measures)
	s.shares = addShares(nil, 0, e.Cut(q.First, q.Last.AddDate(0, 0, 1), s.filter.levels(q.Viewer, nil, measures, sums.HalfMonth)...))
	rows, err := tx.Query(ctx, "SELECT "+selectSums(measures)+" FROM "+s.String()+" HAVING count(*) > 0", s.args...)
	if err != nil {
		return total, err
	}
	_, err = pgx.ForEachRow(rows, total.into(measures), func() error { return nil })
	return total, err
}

// lastApplied reads when plans were last written into all calls, and whether any was
// changed since.
func lastApplied(ctx context.Context, tx pgx.Tx) (at time.Time, changed bool, err error) {
	err = tx.QueryRow(ctx, `
SELECT r.started_at, EXISTS (SELECT FROM public.usage_plan_change AS c WHERE c.changed_at >= r.started_at)
FROM public.usage_plan_run AS r
WHERE r.finished_at IS NOT NULL AND r.from_time IS NULL AND r.to_time IS NULL
ORDER BY r.id DESC LIMIT 1`).Scan(&at, &changed)
	if errors.Is(err, pgx.ErrNoRows) {
		err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.usage_plan_change)`).Scan(&changed)
	}
	return at.UTC(), changed, err
}

// Seats returns the seats of subscriptions on the UTC days of [from, to), for advice; none
// where plans were changed and not applied since. Only administrators may read them.
func (r *Reader) Seats(ctx context.Context, from, to time.Time) (list []outlook.Seat, err error) {
	use, err := r.PlanUse(ctx, PlansQuestion{Viewer: Administrator(), First: from, Last: to.AddDate(0, 0, -1)})
	if err != nil || use.Changed {
		return nil, err
	}
	isSubscription := map[string]bool{}
	for _, t := range use.Terms {
		isSubscription[t.Plan] = t.Payer == usage.PayerPlan && !t.Everyone
	}
	days := int64(to.Sub(from) / (24 * time.Hour))
	for i := range use.Users {
		u := &use.Users[i]
		if !isSubscription[u.Plan] {
			continue
		}
		list = append(list, outlook.Seat{
			Plan: u.Plan, Cash: u.Dollars, Whole: u.SeatDays > 0 && u.SeatDays%days == 0, Calls: u.Calls, Unpriced: u.UnpricedCalls, APICost: u.APICost,
			BesideCalls: u.BesideCalls, BesideUnpriced: u.BesideUnpriced, BesideCost: u.BesideCost,
		})
	}
	return list, nil
}
