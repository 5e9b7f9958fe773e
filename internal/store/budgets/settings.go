// Package budgets writes budgets, and keeps which of their thresholds were reached and what
// of that a webhook has accepted. It owns these tables; what is spent is read by
// internal/store/read, and internal/webhook sends.
package budgets

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Setting is a budget as somebody sets it.
type Setting struct {
	Name string
	// Scope is org, team, user, service, environment, provider, model, api_type or tag. Value
	// is what is limited, of a user the id, and "" for org; Tag is the name of the tag.
	Scope, Tag, Value string
	// Period is day, week, month, quarter, year, or dates with FirstDay and LastDay, which is
	// included.
	Period            string
	FirstDay, LastDay time.Time
	TimeZone          string
	Amount            decimal.Decimal
	Currency          string // ISO 4217
	// Thresholds are percentages of the amount.
	Thresholds []int32
}

// ErrUnknownUser means that nobody has the id of a budget's user.
var ErrUnknownUser = errors.New("no such user has called yet")

// ErrNoRate means that an amount cannot be expressed in dollars.
var ErrNoRate = errors.New("no exchange rate is stored")

// An amount in another currency is also kept in dollars, at the latest rate, for programs of
// 0.1.0.
const saveSQL = `
INSERT INTO public.usage_budgets AS b (name, scope, team, user_id, service, value, tag, period, first_day, last_day, time_zone, dollars, amount, currency, thresholds)
SELECT $1, s.scope, CASE s.scope WHEN 'team' THEN s.value END, CASE s.scope WHEN 'user' THEN s.value::uuid END, CASE s.scope WHEN 'service' THEN s.value END,
       CASE WHEN s.scope NOT IN ('org', 'team', 'user', 'service') THEN s.value END, nullif($4::text, ''), $5, $6::text::date, $7::text::date, $8,
       CASE s.currency WHEN 'USD' THEN s.amount ELSE round(s.amount / (SELECT r.rate FROM public.usage_exchange_rates AS r WHERE r.currency = s.currency ORDER BY r.valid_from DESC LIMIT 1), 12) END,
       CASE WHEN s.currency <> 'USD' THEN s.amount END, nullif(s.currency, 'USD'), $11
FROM (SELECT $2::text AS scope, $3::text AS value, $9::text::numeric AS amount, $10::text AS currency) AS s
ON CONFLICT (name) DO UPDATE SET
  scope = EXCLUDED.scope, team = EXCLUDED.team, user_id = EXCLUDED.user_id, service = EXCLUDED.service, value = EXCLUDED.value, tag = EXCLUDED.tag,
  period = EXCLUDED.period, first_day = EXCLUDED.first_day, last_day = EXCLUDED.last_day, time_zone = EXCLUDED.time_zone,
  dollars = EXCLUDED.dollars, amount = EXCLUDED.amount, currency = EXCLUDED.currency, thresholds = EXCLUDED.thresholds
WHERE (b.scope, b.team, b.user_id, b.service, b.value, b.tag, b.period, b.first_day, b.last_day, b.time_zone, b.dollars, b.amount, b.currency, b.thresholds)
  IS DISTINCT FROM (EXCLUDED.scope, EXCLUDED.team, EXCLUDED.user_id, EXCLUDED.service, EXCLUDED.value, EXCLUDED.tag, EXCLUDED.period, EXCLUDED.first_day, EXCLUDED.last_day, EXCLUDED.time_zone, EXCLUDED.dollars, EXCLUDED.amount, EXCLUDED.currency, EXCLUDED.thresholds)`

// Save stores all budgets or none. A budget of the same name is replaced; what was reported of
// it stays so. changed counts those that were new or different. The error is
// [ErrUnknownUser] or [ErrNoRate] for a budget that needs one.
func Save(ctx context.Context, pool *pgxpool.Pool, list []Setting) (changed int64, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for i := range list {
			s := &list[i]
			tag, err := tx.Exec(ctx, saveSQL, s.Name, s.Scope, s.Value, s.Tag, s.Period, dayOrNil(s.FirstDay), dayOrNil(s.LastDay), s.TimeZone,
				s.Amount.String(), s.Currency, s.Thresholds)
			if err != nil {
				return fmt.Errorf("budget %q: %w", usage.CleanText(s.Name, 100), explained(err, s))
			}
			changed += tag.RowsAffected()
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("save: %w", err)
	}
	return changed, nil
}

func explained(err error, s *Setting) error {
	var refused *pgconn.PgError
	switch {
	case !errors.As(err, &refused):
		return err
	case refused.ConstraintName == "usage_budgets_user_id_fkey":
		return ErrUnknownUser
	case refused.Code == "23502" && refused.ColumnName == "dollars":
		return fmt.Errorf("%w for %s", ErrNoRate, s.Currency)
	}
	return err
}

func dayOrNil(day time.Time) *string {
	if day.IsZero() {
		return nil
	}
	text := day.Format(time.DateOnly)
	return &text
}

// List returns all budgets by name.
func List(ctx context.Context, pool *pgxpool.Pool) ([]Setting, error) {
	rows, err := pool.Query(ctx, `
SELECT name, scope, coalesce(tag, ''), coalesce(team, user_id::text, service, value, ''), period, first_day, last_day, time_zone,
       trim_scale(coalesce(amount, dollars))::text, coalesce(currency, 'USD'), ARRAY(SELECT t FROM unnest(thresholds) AS t ORDER BY t)
FROM public.usage_budgets
ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list budgets: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s Setting, err error) {
		var first, last *time.Time
		var amount string
		if err = row.Scan(&s.Name, &s.Scope, &s.Tag, &s.Value, &s.Period, &first, &last, &s.TimeZone, &amount, &s.Currency, &s.Thresholds); err != nil {
			return s, err
		}
		if first != nil && last != nil {
			s.FirstDay, s.LastDay = *first, *last
		}
		s.Amount, err = decimal.NewFromString(amount)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("list budgets: %w", err)
	}
	return list, nil
}

// Remove deletes budgets with all that was recorded of them. It returns the names that
// there are not, and then deletes none.
func Remove(ctx context.Context, pool *pgxpool.Pool, names []string) (unknown []string, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT ARRAY(SELECT n FROM unnest($1::text[]) AS n WHERE NOT EXISTS (SELECT FROM public.usage_budgets AS b WHERE b.name = n))`, names).Scan(&unknown); err != nil || len(unknown) > 0 {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM public.usage_budgets WHERE name = ANY ($1)`, names)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("remove %s: %w", strings.Join(names, ", "), err)
	}
	return unknown, nil
}
