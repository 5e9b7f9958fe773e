package upkeep

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Outcome is the number of calls with one pricing status and reason.
type Outcome struct {
	Status, Reason string // Reason is "" for none
	Calls          int64
}

// Outcomes counts the calls since a time by status and reason, in descending order.
func Outcomes(ctx context.Context, pool *pgxpool.Pool, since time.Time) ([]Outcome, error) {
	rows, err := pool.Query(ctx, `
		SELECT pricing_status::text, coalesce(pricing_reason, ''), count(*)
		FROM public.api_usage WHERE timestamp >= $1 GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2`, since)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Outcome])
}
