package upkeep

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
)

// PublishOutlook replaces the published document of a kind, "forecast" or "advice", unless
// a newer one is published.
func PublishOutlook(ctx context.Context, pool *pgxpool.Pool, kind string, document any, at time.Time) error {
	text, err := json.Marshal(document)
	if err == nil {
		_, err = pool.Exec(ctx, `
INSERT INTO public.usage_outlook AS o (kind, document, published_at) VALUES ($1, $2::jsonb, $3)
ON CONFLICT (kind) DO UPDATE SET document = EXCLUDED.document, published_at = EXCLUDED.published_at
  WHERE o.published_at <= EXCLUDED.published_at`, kind, string(text), at)
	}
	if err != nil {
		return fmt.Errorf("publish the %s: %w", kind, err)
	}
	return nil
}

// DismissAdvice stores that advice is not to be given again, and why, in one transaction. A
// repeated dismissal replaces the reason and the amount.
func DismissAdvice(ctx context.Context, pool *pgxpool.Pool, list []outlook.Advice, reason string) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for _, a := range list {
			if _, err := tx.Exec(ctx, `DELETE FROM public.usage_advice_dismissal WHERE id = $1`, a.ID); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `
INSERT INTO public.usage_advice_dismissal (id, rule, change, service, provider, model, dollars, reason) VALUES ($1, $2, $3, $4, $5, $6, $7::text::numeric, $8)`,
				a.ID, a.Rule, a.Change, a.Rows.Service, a.Rows.Provider, a.Rows.Model, a.SavesPerMonth.String(), reason); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("dismiss advice: %w", err)
	}
	return nil
}

// RestoreAdvice deletes a dismissal. It reports whether there was one.
func RestoreAdvice(ctx context.Context, pool *pgxpool.Pool, id string) (bool, error) {
	tag, err := pool.Exec(ctx, `DELETE FROM public.usage_advice_dismissal WHERE id = $1`, id)
	if err != nil {
		return false, fmt.Errorf("restore the advice %s: %w", id, err)
	}
	return tag.RowsAffected() > 0, nil
}
