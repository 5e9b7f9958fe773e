package read

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
)

// PublishedAdvice returns the latest published advice and its time, which is zero when none
// was published. Only administrators may read it.
func (r *Reader) PublishedAdvice(ctx context.Context) (list outlook.AdviceList, at time.Time, err error) {
	var document []byte
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT document::text, published_at FROM public.usage_outlook WHERE kind = 'advice'`).Scan(&document, &at)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return outlook.AdviceList{Advice: []outlook.Advice{}}, time.Time{}, nil
	case err == nil:
		err = json.Unmarshal(document, &list)
	}
	if err != nil {
		return list, at, fmt.Errorf("read the published advice: %w", err)
	}
	return list, at.UTC(), nil
}

// Dismissals returns the advice that is not to be given again. Only administrators may read
// it.
func (r *Reader) Dismissals(ctx context.Context) (list []outlook.Dismissal, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, dollars::text FROM public.usage_advice_dismissal ORDER BY id`)
		if err != nil {
			return err
		}
		var d outlook.Dismissal
		_, err = pgx.ForEachRow(rows, []any{&d.ID, moneyText{&d.Dollars}}, func() error {
			list = append(list, d)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the dismissed advice: %w", err)
	}
	return list, nil
}
