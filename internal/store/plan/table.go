package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Terms are a row of public.usage_plans: what holds of a plan from a day on. Dates are at
// midnight UTC; an empty text is no condition.
type Terms struct {
	Name         string
	Since, Until time.Time // Until is excluded; zero is open
	Payer        usage.Payer
	Everyone     bool
	// Price is nil when it is not known; then Currency and Period are "".
	Price            *decimal.Decimal
	Currency, Period string
	Seats            *int // paid at least; nil for as many as are assigned
	Provider         string
	Service          string
	Environment      string
	Model            string
	APITypes         []string
	TimeZone         string
}

// Seat is a row of public.usage_plan_seats.
type Seat struct {
	Plan         string
	User         usage.ID
	UserName     string    // "" when the user is known by a UUID
	Since, Until time.Time // Until is excluded; zero is open
}

// Faults that a change of the tables can have, beside those of the database.
var (
	ErrNoPlan  = errors.New("there is no such plan whose last terms begin before that day; usagectl plans list shows all")
	ErrNoSeat  = errors.New("the user has no such seat of these days; usagectl plans list shows all")
	ErrNoTerms = errors.New("the plan has no terms from that day on; usagectl plans list shows all")
)

// errDiffer: what holds of a plan as a whole differs between its terms.
var errDiffer = errors.New("payer, everyone and time zone hold for a whole plan, and its other terms have others: give the new plan another name")

// Exists reports whether the plan has terms from that day on.
func Exists(ctx context.Context, pool *pgxpool.Pool, name string, since time.Time) (exists bool, err error) {
	err = pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.usage_plans WHERE name = $1 AND since = $2)`, name, since).Scan(&exists)
	if err != nil {
		return false, fmt.Errorf("look for the plan: %w", err)
	}
	return exists, nil
}

// Save stores terms, in place of those of the same plan and day.
func Save(ctx context.Context, pool *pgxpool.Pool, t Terms) error {
	var price *string
	if t.Price != nil {
		text := t.Price.String()
		price = &text
	}
	types := t.APITypes
	if len(types) == 0 {
		types = nil
	}
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `
INSERT INTO public.usage_plans (name, since, until, payer, everyone, price, currency, period, seats, provider, service, environment, model, api_types, time_zone)
VALUES ($1, $2, $3, $4, $5, $6::text::numeric, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (name, since) DO UPDATE SET until = EXCLUDED.until, payer = EXCLUDED.payer, everyone = EXCLUDED.everyone, price = EXCLUDED.price,
  currency = EXCLUDED.currency, period = EXCLUDED.period, seats = EXCLUDED.seats, provider = EXCLUDED.provider, service = EXCLUDED.service,
  environment = EXCLUDED.environment, model = EXCLUDED.model, api_types = EXCLUDED.api_types, time_zone = EXCLUDED.time_zone`,
			t.Name, t.Since, dateOrNull(t.Until), string(t.Payer), t.Everyone, price, store.TextOrNull(t.Currency), store.TextOrNull(t.Period), t.Seats,
			store.TextOrNull(t.Provider), store.TextOrNull(t.Service), store.TextOrNull(t.Environment), store.TextOrNull(t.Model), types, t.TimeZone); err != nil {
			return err
		}
		var kinds int
		if err := tx.QueryRow(ctx, `SELECT count(DISTINCT (payer, everyone, time_zone)) FROM public.usage_plans WHERE name = $1`, t.Name).Scan(&kinds); err != nil {
			return err
		}
		if kinds > 1 {
			return errDiffer
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save plan %s: %w", t.Name, err)
	}
	return nil
}

func dateOrNull(date time.Time) *time.Time {
	if date.IsZero() {
		return nil
	}
	return &date
}

// SaveSeats stores seats, all or none of them, each in place of the one of the same plan,
// user and first day. changed counts those that were new or different.
func SaveSeats(ctx context.Context, pool *pgxpool.Pool, seats []Seat) (changed int64, err error) {
	n := len(seats)
	plans, users, names := make([]string, n), make([][16]byte, n), make([]*string, n)
	since, until := make([]time.Time, n), make([]*time.Time, n)
	for i, s := range seats {
		plans[i], users[i], names[i] = s.Plan, s.User, store.TextOrNull(s.UserName)
		since[i], until[i] = s.Since, dateOrNull(s.Until)
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
INSERT INTO public.usage_plan_seats AS s (plan, user_id, user_name, since, until)
SELECT plan, user_id, user_name, since, until FROM unnest($1::text[], $2::uuid[], $3::text[], $4::date[], $5::date[]) AS n (plan, user_id, user_name, since, until)
ON CONFLICT (plan, user_id, since) DO UPDATE SET user_name = EXCLUDED.user_name, until = EXCLUDED.until
WHERE (s.user_name, s.until) IS DISTINCT FROM (EXCLUDED.user_name, EXCLUDED.until)`, plans, users, names, since, until)
		if err != nil {
			return err
		}
		changed = tag.RowsAffected()
		return checkSeats(ctx, tx, plans)
	})
	if err != nil {
		return 0, fmt.Errorf("save seats: %w", err)
	}
	return changed, nil
}

// checkSeats returns an error when seats of the plans cannot be.
func checkSeats(ctx context.Context, tx pgx.Tx, plans []string) error {
	rows, err := tx.Query(ctx, `
SELECT format('%s: there is no such plan; usagectl plans list shows all', s.plan)
FROM public.usage_plan_seats AS s WHERE s.plan = ANY ($1) AND NOT EXISTS (SELECT FROM public.usage_plans AS t WHERE t.name = s.plan)
UNION
SELECT format('%s covers the calls of everybody and has no seats', name) FROM public.usage_plans
WHERE everyone AND name = ANY ($1) AND EXISTS (SELECT FROM public.usage_plan_seats AS s WHERE s.plan = name)
UNION
SELECT format('%s has two seats of %s at the same time, since %s and since %s; end the first one before the second begins', a.plan, coalesce(a.user_name, a.user_id::text), a.since, b.since)
FROM public.usage_plan_seats AS a JOIN public.usage_plan_seats AS b ON b.plan = a.plan AND b.user_id = a.user_id AND b.since > a.since AND (a.until IS NULL OR b.since < a.until)
WHERE a.plan = ANY ($1)
ORDER BY 1 LIMIT 20`, plans)
	if err != nil {
		return err
	}
	faults, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(faults) > 0 {
		err = errors.New(strings.Join(slices.Compact(faults), "; "))
	}
	return err
}

// EndSeat ends the seat that a user has of a plan on the day before: on is the day after
// the last one.
func EndSeat(ctx context.Context, pool *pgxpool.Pool, plan string, user usage.ID, on time.Time) error {
	return changeOne(ctx, pool, ErrNoSeat, `
UPDATE public.usage_plan_seats SET until = $3
WHERE plan = $1 AND user_id = $2 AND since < $3 AND since = (SELECT max(since) FROM public.usage_plan_seats WHERE plan = $1 AND user_id = $2)`, plan, [16]byte(user), on)
}

// End ends the last terms of a plan; on is the day after the last one.
func End(ctx context.Context, pool *pgxpool.Pool, plan string, on time.Time) error {
	return changeOne(ctx, pool, ErrNoPlan, `
UPDATE public.usage_plans SET until = $2
WHERE name = $1 AND since < $2 AND since = (SELECT max(since) FROM public.usage_plans WHERE name = $1)`, plan, on)
}

// DeleteSeat removes the seat of a user that began on a day, as if it had never been.
func DeleteSeat(ctx context.Context, pool *pgxpool.Pool, plan string, user usage.ID, since time.Time) error {
	return changeOne(ctx, pool, ErrNoSeat, `DELETE FROM public.usage_plan_seats WHERE plan = $1 AND user_id = $2 AND since = $3`, plan, [16]byte(user), since)
}

// DeleteTerms removes the terms of a plan that began on a day. With the last ones go its
// seats.
func DeleteTerms(ctx context.Context, pool *pgxpool.Pool, plan string, since time.Time) error {
	return changeOne(ctx, pool, ErrNoTerms, `
WITH gone AS (DELETE FROM public.usage_plans WHERE name = $1 AND since = $2 RETURNING name),
seats AS (
  DELETE FROM public.usage_plan_seats WHERE plan IN (SELECT name FROM gone)
    AND NOT EXISTS (SELECT FROM public.usage_plans WHERE name = $1 AND since <> $2)
)
SELECT name FROM gone`, plan, since)
}

// changeOne executes a statement that has to change a row.
func changeOne(ctx context.Context, pool *pgxpool.Pool, none error, sql string, args ...any) error {
	tag, err := pool.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() == 0 {
		err = none
	}
	if err != nil {
		return fmt.Errorf("change a plan: %w", err)
	}
	return nil
}
