package read

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Model sums all calls ever made to a model, at one provider and of one API type.
type Model struct {
	Provider, Model, APIType string
	// FirstDay and LastDay are the UTC days of the first and the last call.
	FirstDay, LastDay time.Time
	Counts
}

// OtherModels sums the models that a list leaves out.
type OtherModels struct {
	Models, Calls int64
	Cost          usage.Sum
}

var modelsSQL = `
SELECT count(*) OVER (), (sum(sum(calls)) OVER ())::bigint, (sum(sum(usage_dollars)) OVER ())::text,
  provider, model, api_type, min(bucket) FILTER (WHERE calls > 0), max(bucket) FILTER (WHERE calls > 0), ` + selectSums(sums.AllMeasures()) + `
FROM public.usage_day
GROUP BY provider, model, api_type
HAVING sum(calls) > 0
ORDER BY sum(unpriced_calls) = 0, sum(usage_dollars) DESC, provider, model, api_type
LIMIT $1`

// Models lists at most limit models: those with unpriced calls first, then by cost. It also
// returns the sum of the models left out.
func (r *Reader) Models(ctx context.Context, limit int) (models []Model, others OtherModels, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, modelsSQL, limit)
		if err != nil {
			return err
		}
		models, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Model, err error) {
			err = row.Scan(append([]any{&others.Models, &others.Calls, moneyText{&others.Cost}, &m.Provider, &m.Model, &m.APIType, &m.FirstDay, &m.LastDay}, m.into(sums.AllMeasures())...)...)
			m.FirstDay, m.LastDay = m.FirstDay.UTC(), m.LastDay.UTC()
			return m, err
		})
		return err
	})
	if err != nil {
		return nil, OtherModels{}, fmt.Errorf("list models: %w", err)
	}
	others.Models -= int64(len(models))
	for i := range models {
		others.Calls -= models[i].Calls
		others.Cost = others.Cost.Minus(models[i].Cost)
	}
	return models, others, nil
}
