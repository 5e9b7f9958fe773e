package read

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// Model is a model that calls were made to, at one provider and of one type,
// in all time.
type Model struct {
	Provider, Model, APIType string
	// FirstDay and LastDay are the starts of the UTC days of the first and the
	// last call.
	FirstDay, LastDay time.Time
	Counts
}

var modelsSQL = `
SELECT provider, model, api_type, min(bucket), max(bucket), ` + selectSums(sums.AllMeasures()) + `
FROM public.usage_day
WHERE calls > 0
GROUP BY provider, model, api_type
ORDER BY sum(unpriced_calls) = 0, sum(usage_dollars) DESC, provider, model, api_type
LIMIT $1`

// Models lists at most limit models, those with unpriced calls first, then the
// costliest, and says whether there are more.
func (r *Reader) Models(ctx context.Context, limit int) (models []Model, more bool, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, modelsSQL, limit+1)
		if err != nil {
			return err
		}
		models, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Model, err error) {
			err = row.Scan(append([]any{&m.Provider, &m.Model, &m.APIType, &m.FirstDay, &m.LastDay}, m.into(sums.AllMeasures())...)...)
			m.FirstDay, m.LastDay = m.FirstDay.UTC(), m.LastDay.UTC()
			return m, err
		})
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("list models: %w", err)
	}
	if len(models) > limit {
		return models[:limit], true, nil
	}
	return models, false, nil
}
