package upkeep

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// CalledModel is a provider and model as calls name them.
type CalledModel struct{ Provider, Model string }

// CalledModels lists the models that have calls, according to the daily sums.
func CalledModels(ctx context.Context, pool *pgxpool.Pool) ([]CalledModel, error) {
	rows, err := pool.Query(ctx, `SELECT DISTINCT provider, model FROM public.usage_day WHERE calls <> 0 AND model NOT IN ('', '`+sums.Other+`') ORDER BY 1, 2`)
	if err == nil {
		var models []CalledModel
		if models, err = pgx.CollectRows(rows, pgx.RowToStructByPos[CalledModel]); err == nil {
			return models, nil
		}
	}
	return nil, fmt.Errorf("list the models that were called: %w", err)
}

// ListPrice is the price of one million units of a kind, from a time until the next row of
// the same model and kind.
type ListPrice struct {
	CalledModel
	Kind string
	From time.Time
	// DollarsPerMillion is a decimal number, or "" when the price ends at From.
	DollarsPerMillion string
}

// Published counts what [PublishListPrices] changed.
type Published struct {
	Written, Removed int64
	// ByHand is the number of models left alone because people wrote their rows.
	ByHand int64
}

// PublishListPrices replaces the published list prices with those of a book, in one
// transaction. Rows of an earlier book that the new one lacks are deleted. A model with a
// row that people wrote keeps all its rows.
func PublishListPrices(ctx context.Context, pool *pgxpool.Pool, bookVersion string, prices []ListPrice) (p Published, err error) {
	n := len(prices)
	providers, models, kinds, from, values := make([]string, n), make([]string, n), make([]string, n), make([]time.Time, n), make([]*string, n)
	for i := range prices {
		r := &prices[i]
		providers[i], models[i], kinds[i], from[i] = r.Provider, r.Model, r.Kind, r.From
		if r.DollarsPerMillion != "" {
			values[i] = &r.DollarsPerMillion
		}
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// Without the lock, two concurrent runs would each leave rows that the other
		// removed.
		if _, err := tx.Exec(ctx, `LOCK TABLE public.usage_list_prices IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
WITH given AS (
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[]) AS g (provider, model, kind, valid_from, dollars)
), by_hand AS (
  SELECT DISTINCT provider, model FROM public.usage_list_prices WHERE book_version IS NULL
), removed AS (
  DELETE FROM public.usage_list_prices AS p
  WHERE p.book_version IS NOT NULL
    AND NOT EXISTS (SELECT FROM given AS g WHERE (g.provider, g.model, g.kind, g.valid_from) = (p.provider, p.model, p.kind, p.valid_from))
  RETURNING 1
), written AS (
  INSERT INTO public.usage_list_prices AS p (provider, model, kind, valid_from, dollars_per_million, book_version)
  SELECT g.provider, g.model, g.kind, g.valid_from, g.dollars::numeric, $6
  FROM given AS g
  WHERE NOT EXISTS (SELECT FROM by_hand AS h WHERE (h.provider, h.model) = (g.provider, g.model))
  ON CONFLICT (provider, model, kind, valid_from) DO UPDATE
    SET dollars_per_million = EXCLUDED.dollars_per_million, book_version = EXCLUDED.book_version
    WHERE p.dollars_per_million IS DISTINCT FROM EXCLUDED.dollars_per_million
  RETURNING 1
)
SELECT (SELECT count(*) FROM written), (SELECT count(*) FROM removed), (SELECT count(*) FROM by_hand)`,
			providers, models, kinds, from, values, bookVersion).Scan(&p.Written, &p.Removed, &p.ByHand)
	})
	if err != nil {
		return p, fmt.Errorf("publish list prices: %w", err)
	}
	return p, nil
}
