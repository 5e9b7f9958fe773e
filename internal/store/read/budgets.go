package read

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// BudgetScopes lists what a budget can limit: everything, or the calls with one value. A
// budget of the scope tag also has the tag's name.
var BudgetScopes = []string{"org", "team", "user", "service", "environment", "provider", "model", "api_type", "tag"}

// BudgetPeriods lists the periods of budgets, each in the time zone of the budget. Weeks
// start on Monday; "dates" is a single period from one day to another.
var BudgetPeriods = []string{"day", "week", "month", "quarter", "year", "dates"}

// Budget is the state of a budget in one of its periods.
type Budget struct {
	Name string
	// Scope is one of BudgetScopes. Key is the team, the user's id, or the value; it is "" for
	// org. Tag is the name of the tag. Subject is how people call what is limited.
	Scope, Tag, Key, Subject string
	// Period is one of BudgetPeriods. Start and End are half-open.
	Period     string
	Start, End time.Time
	TimeZone   string
	// Amount, Spent and Projected are in Currency; Dollars is what was spent in dollars. The
	// cost of each UTC day counts at the exchange rate of that day.
	Amount   usage.Sum
	Currency string
	Dollars  usage.Sum
	// Spent and Projected are nil where they are not known; Problem says why.
	Spent, Projected *usage.Sum
	Problem          string
	// Percent is Spent as a share of Amount, rounded down to a hundredth of a percent, so that
	// it never shows a threshold that is not reached. It is nil where Spent is.
	Percent *usage.Sum
	// Limit is the amount in dollars at the latest exchange rate, nil if there is none.
	Limit *usage.Sum
	// Thresholds are percentages of the amount, in ascending order.
	Thresholds []int32
	// Calls includes UnpricedCalls, which are in no amount.
	Calls, UnpricedCalls int64
	// FullDays counts the UTC days of the period with more names than have sums of their own.
	// Calls of these days may be missing from the budget.
	FullDays int64
	// Reached lists the thresholds that usagectl budgets notify recorded in this period.
	Reached []ReachedThreshold
	// Members are the users of a team, now and earlier. Only an administrator gets them.
	Members []Member
}

// ReachedThreshold is a threshold that was recorded when it was reached.
type ReachedThreshold struct {
	Threshold int32     `json:"threshold"`
	At        time.Time `json:"at"`
}

// Reaches reports whether a threshold is reached: at least so many percent are known to be
// spent.
func (b *Budget) Reaches(percent int32) bool {
	return b.Percent != nil && b.Percent.Decimal().GreaterThanOrEqual(decimal.NewFromInt32(percent))
}

const budgetColumns = `
SELECT s.budget, s.scope, coalesce(s.tag, ''), s.key, s.subject, s.period, s.period_start, s.period_end, s.time_zone,
       trim_scale(s.amount)::text, s.currency, trim_scale(s.dollars)::text, trim_scale(s.spent)::text, trim_scale(round(s.projected, 12))::text, coalesce(s.problem, ''),
       trim_scale(trunc(s.spent * 100 / s.amount, 2))::text,
       trim_scale(CASE s.currency WHEN 'USD' THEN s.amount ELSE round(s.amount / (SELECT r.rate FROM public.usage_exchange_rates AS r
         WHERE r.currency = s.currency AND r.valid_from <= (least($1, s.period_end) AT TIME ZONE 'UTC')::date ORDER BY r.valid_from DESC LIMIT 1), 12) END)::text,
       ARRAY(SELECT t FROM unnest(s.thresholds) AS t ORDER BY t), s.calls, s.unpriced_calls, s.full_days, s.reached::text`

const (
	allBudgetsSQL = budgetColumns + `
FROM usage_report.budget_state($1, $2) AS s`
	ownBudgetsSQL = budgetColumns + `
FROM public.usage_own_budgets($1) AS s
WHERE NOT $2`
)

// Budgets returns the state of all budgets at a time, by name. Anyone but an administrator
// gets the budgets of the scope user that are their own.
func (r *Reader) Budgets(ctx context.Context, v Viewer, at time.Time) ([]Budget, error) {
	return r.budgets(ctx, v, at, false)
}

// PreviousBudgets returns the state of all budgets with their periods before the current
// ones. Only an administrator may call it.
func (r *Reader) PreviousBudgets(ctx context.Context, at time.Time) ([]Budget, error) {
	return r.budgets(ctx, Administrator(), at, true)
}

func (r *Reader) budgets(ctx context.Context, v Viewer, at time.Time, previous bool) (list []Budget, err error) {
	sql := allBudgetsSQL
	if v.own() {
		sql = ownBudgetsSQL
	}
	err = r.view(ctx, v, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sql, at, previous)
		if err != nil {
			return err
		}
		if list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (b Budget, err error) {
			var spent, projected, percent, limit *string
			var reached string
			if err := row.Scan(&b.Name, &b.Scope, &b.Tag, &b.Key, &b.Subject, &b.Period, &b.Start, &b.End, &b.TimeZone,
				moneyText{&b.Amount}, &b.Currency, moneyText{&b.Dollars}, &spent, &projected, &b.Problem, &percent, &limit,
				&b.Thresholds, &b.Calls, &b.UnpricedCalls, &b.FullDays, &reached); err != nil {
				return b, err
			}
			for _, s := range []struct {
				text *string
				to   **usage.Sum
			}{{spent, &b.Spent}, {projected, &b.Projected}, {percent, &b.Percent}, {limit, &b.Limit}} {
				if *s.to, err = sumOrNil(s.text); err != nil {
					return b, err
				}
			}
			b.Start, b.End = b.Start.UTC(), b.End.UTC()
			return b, json.Unmarshal([]byte(reached), &b.Reached)
		}); err != nil || v.own() {
			return err
		}
		teams, err := readTeams(ctx, tx, nil)
		for i := range list {
			if at := slices.IndexFunc(teams, func(t Team) bool { return t.Name == list[i].Key }); list[i].Scope == "team" && at >= 0 {
				list[i].Members = teams[at].Members
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the budgets: %w", err)
	}
	return list, nil
}

// BudgetForecast is what usagectl forecast --publish last said about a budget.
type BudgetForecast struct {
	FirstDay string // of the period, as 2026-01-31
	// Expected is the cost of the whole period, and Limit the amount that it was compared
	// with, both in dollars.
	Expected usage.Sum
	Limit    *usage.Sum
	// Exceeds is the probability that more than Limit is spent, nil if it is not known.
	Exceeds *usage.Sum
	// Exhausted is the day on which the expected cost goes beyond Limit, "" for none.
	Exhausted   string
	PublishedAt time.Time
}

const budgetForecastsSQL = `
SELECT key, first_day::text, expected::text, budget::text, exceeds::text, coalesce(exhausted_on::text, ''), published_at
FROM usage_report.forecast
WHERE scope = 'budget' AND published_at > $1::timestamptz - interval '48 hours'`

// BudgetForecasts returns the forecasts of budgets that were published in the 48 hours before
// a time, by name of the budget. Only administrators may read them.
func (r *Reader) BudgetForecasts(ctx context.Context, at time.Time) (map[string]BudgetForecast, error) {
	list := map[string]BudgetForecast{}
	err := r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, budgetForecastsSQL, at)
		if err != nil {
			return err
		}
		var name string
		var f BudgetForecast
		var limit, exceeds *string
		_, err = pgx.ForEachRow(rows, []any{&name, &f.FirstDay, moneyText{&f.Expected}, &limit, &exceeds, &f.Exhausted, &f.PublishedAt}, func() (err error) {
			if f.Limit, err = sumOrNil(limit); err != nil {
				return err
			}
			f.PublishedAt = f.PublishedAt.UTC()
			f.Exceeds, err = sumOrNil(exceeds)
			list[name] = f
			return err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the forecasts of budgets: %w", err)
	}
	return list, nil
}

// sumOrNil reads a number that may be NULL.
func sumOrNil(text *string) (*usage.Sum, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // NULL is a value
	}
	sum, err := usage.ParseSum(*text)
	return &sum, err
}

// TeamCost is what the calls of a team's members cost with one model, service or user.
type TeamCost struct {
	Dimension string // model, service or user
	Key, Name string // Name is of a user
	Cost      usage.Sum
}

const teamCostsSQL = `
WITH u AS MATERIALIZED (SELECT * FROM usage_report.team_users($1, $2, $3)), c AS MATERIALIZED (
  SELECT s.model, s.service, s.usage_dollars FROM u CROSS JOIN LATERAL usage_report.spend(u.since, u.until, 'UTC', u.users, true) AS s
)
SELECT d.dimension, d.key, coalesce(a.name, ''), sum(d.dollars)::text
FROM (
  SELECT 'model' AS dimension, c.model AS key, NULL::uuid AS id, c.usage_dollars AS dollars FROM c
  UNION ALL SELECT 'service', c.service, NULL, c.usage_dollars FROM c
  UNION ALL SELECT 'user', s.user_id::text, s.user_id, s.usage_dollars FROM u CROSS JOIN LATERAL usage_report.spend_by_user(u.since, u.until, u.users, false, false) AS s
) AS d
LEFT JOIN usage_report.account AS a ON a.user_id = d.id
GROUP BY 1, 2, 3
ORDER BY 1, sum(d.dollars) DESC, 2`

// TeamCosts returns what a team spent in a period by model, by service and by user, highest
// first within each. Only administrators may read it.
func (r *Reader) TeamCosts(ctx context.Context, team string, from, to time.Time) (list []TeamCost, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, teamCostsSQL, team, from, to)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c TeamCost, err error) {
			err = row.Scan(&c.Dimension, &c.Key, &c.Name, moneyText{&c.Cost})
			return c, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what a team used: %w", err)
	}
	return list, nil
}
