package budgets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Crossing is a threshold of a budget that was reached in a period. Its JSON is what a
// webhook gets.
type Crossing struct {
	// ID is the same each time that it is sent.
	ID        string    `json:"id"`
	Text      string    `json:"text"` // a sentence for people
	Budget    string    `json:"budget"`
	Scope     string    `json:"scope"`
	Tag       string    `json:"tag,omitempty"`
	Key       string    `json:"key,omitempty"`
	Period    string    `json:"period"`
	FirstDay  string    `json:"firstDay"`
	LastDay   string    `json:"lastDay"` // included
	TimeZone  string    `json:"timezone"`
	Threshold int32     `json:"threshold"` // percent of Amount
	Spent     usage.Sum `json:"spent"`     // when it was seen
	Amount    usage.Sum `json:"amount"`
	Currency  string    `json:"currency"`
	CrossedAt time.Time `json:"crossedAt"` // when it was seen
	Causes    []Cause   `json:"causes"`
}

// Cause is the model, the service or the user that cost most in the period.
type Cause struct {
	Dimension string `json:"dimension"`
	Key       string `json:"key"`
	Name      string `json:"name,omitempty"` // of a user
	// Dollars is what it cost in the period, and Before in as many days before.
	Dollars usage.Sum `json:"dollars"`
	Before  usage.Sum `json:"before"`
	// Percent is its part of what the budget spent, in whole percent.
	Percent int64 `json:"percent"`
}

// The row of the budget is locked, so that a budget that is changed at the same time is
// recorded with what it was, or not at all.
const recordSQL = `
INSERT INTO public.usage_budget_crossing (budget, first_day, last_day, threshold, amount, currency, spent, cause, delivery)
SELECT b.name, $2::text::date, $3::text::date, $4, $5::text::numeric, $6::text, $7::text::numeric, $8::text::jsonb, CASE WHEN $9 THEN 'waiting' ELSE 'none' END
FROM public.usage_budgets AS b
WHERE b.name = $1 AND coalesce(b.amount, b.dollars) = $5::text::numeric AND coalesce(b.currency, 'USD') = $6::text AND b.created_at < $10
ON CONFLICT DO NOTHING`

// Record keeps the crossings that are not yet there, and that somebody looked. ended is, for
// each, when its period ends: one that ended before its budget was made is left out. It
// returns how many were new. send marks them for the webhook.
func Record(ctx context.Context, pool *pgxpool.Pool, list []Crossing, ended []time.Time, looked time.Time, send bool) (fresh int64, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for i := range list {
			c := &list[i]
			causes, err := json.Marshal(c.Causes)
			if err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, recordSQL, c.Budget, c.FirstDay, c.LastDay, c.Threshold, c.Amount.String(), c.Currency, c.Spent.String(), string(causes), send, ended[i])
			if err != nil {
				return err
			}
			fresh += tag.RowsAffected()
		}
		_, err := tx.Exec(ctx, `
INSERT INTO public.usage_budget_watch AS w (watched_at) VALUES ($1)
ON CONFLICT (single) DO UPDATE SET watched_at = greatest(w.watched_at, EXCLUDED.watched_at)`, looked)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("record what was reached: %w", err)
	}
	return fresh, nil
}

// waitingSQL takes one that no other notifier is sending. What is older than a week is no
// news.
const waitingSQL = `
SELECT c.id::text, c.budget, b.scope, coalesce(b.tag, ''), coalesce(b.team, b.user_id::text, b.service, b.value, ''), b.period, c.first_day::text, c.last_day::text, b.time_zone,
       c.threshold, trim_scale(c.spent)::text, trim_scale(c.amount)::text, c.currency, c.crossed_at, c.cause::text
FROM public.usage_budget_crossing AS c
JOIN public.usage_budgets AS b ON b.name = c.budget
WHERE c.delivery = 'waiting' AND c.crossed_at > now() - interval '7 days' AND c.id::text <> ALL ($1)
ORDER BY c.crossed_at, c.budget, c.first_day, c.threshold
LIMIT 1
FOR UPDATE OF c SKIP LOCKED`

// Deliver passes each crossing that waits to send, one after the other, each in a transaction
// that keeps other notifiers from it. What send accepts is delivered; whoever is stopped
// between the two sends it again later, with the same id. An error of send is kept
// beside the crossing, and the next one is tried unless stop says that it is of no use.
func Deliver(ctx context.Context, pool *pgxpool.Pool, send func(context.Context, *Crossing) error, stop func(error) bool) (delivered int, failed []error, err error) {
	tried := []string{}
	for {
		var sendErr error
		found := true
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			c, err := waiting(ctx, tx, tried)
			if errors.Is(err, pgx.ErrNoRows) {
				found = false
				return nil
			}
			if err != nil {
				return err
			}
			tried = append(tried, c.ID)
			if sendErr = send(ctx, c); sendErr != nil {
				_, err = tx.Exec(ctx, `UPDATE public.usage_budget_crossing SET attempts = attempts + 1, problem = $2 WHERE id::text = $1`, c.ID, usage.CleanText(sendErr.Error(), 1000))
				return err
			}
			_, err = tx.Exec(ctx, `UPDATE public.usage_budget_crossing SET attempts = attempts + 1, delivery = 'delivered', delivered_at = now(), problem = NULL WHERE id::text = $1`, c.ID)
			return err
		})
		if err != nil {
			return delivered, failed, fmt.Errorf("deliver what was reached: %w", err)
		}
		switch {
		case !found:
			return delivered, failed, nil
		case sendErr == nil:
			delivered++
		default:
			failed = append(failed, sendErr)
			if stop(sendErr) {
				return delivered, failed, nil
			}
		}
	}
}

func waiting(ctx context.Context, tx pgx.Tx, tried []string) (*Crossing, error) {
	var c Crossing
	var spent, amount, causes string
	err := tx.QueryRow(ctx, waitingSQL, tried).Scan(&c.ID, &c.Budget, &c.Scope, &c.Tag, &c.Key, &c.Period, &c.FirstDay, &c.LastDay, &c.TimeZone,
		&c.Threshold, &spent, &amount, &c.Currency, &c.CrossedAt, &causes)
	if err != nil {
		return nil, err
	}
	if c.Spent, err = usage.ParseSum(spent); err != nil {
		return nil, err
	}
	if c.Amount, err = usage.ParseSum(amount); err != nil {
		return nil, err
	}
	c.CrossedAt = c.CrossedAt.UTC()
	if err = json.Unmarshal([]byte(causes), &c.Causes); err != nil {
		return nil, err
	}
	c.Text = c.sentence()
	return &c, nil
}

func (c *Crossing) sentence() string {
	text := fmt.Sprintf("Budget %s: %d %% of %s %s is spent, from %s to %s.", usage.CleanText(c.Budget, 100), c.Threshold, c.Amount, c.Currency, c.FirstDay, c.LastDay)
	for i, cause := range c.Causes {
		name := cause.Name
		if name == "" {
			name = cause.Key
		}
		lead := ","
		if i == 0 {
			lead = " Most of it:"
		}
		text += fmt.Sprintf("%s %s %s %d %%", lead, cause.Dimension, usage.CleanText(name, 100), cause.Percent)
	}
	return text
}

// Undelivered is a crossing that no webhook accepted yet.
type Undelivered struct {
	Budget    string
	Threshold int32
	Attempts  int64
	Problem   string
}

// ListUndelivered returns what waits for the webhook, the oldest first.
func ListUndelivered(ctx context.Context, pool *pgxpool.Pool) ([]Undelivered, error) {
	rows, err := pool.Query(ctx, `
SELECT budget, threshold, attempts::bigint, coalesce(problem, '')
FROM public.usage_budget_crossing
WHERE delivery = 'waiting'
ORDER BY crossed_at, budget, threshold`)
	if err != nil {
		return nil, fmt.Errorf("list what waits for the webhook: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Undelivered])
	if err != nil {
		return nil, fmt.Errorf("list what waits for the webhook: %w", err)
	}
	return list, nil
}
