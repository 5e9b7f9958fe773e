package upkeep

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// slotRows is how many rows of a table [FoldSlots] moves at once: writers that change or
// delete calls wait for it, 10,000 rows take about 100 ms.
const slotRows = 10_000

// FoldSlots moves the sums that writers have added in slots, beside each other, into the
// tables of the levels. It waits for a writer at a time, no writer of new calls waits for it,
// and it may be stopped at any time. It does nothing while somebody else is at it.
func FoldSlots(ctx context.Context, pool *pgxpool.Pool) error {
	for after := new(int); after != nil; {
		if err := pool.QueryRow(ctx, `SELECT public.usage_fold_slots($1, $2)`, *after, slotRows).Scan(&after); err != nil {
			return fmt.Errorf("move the sums of slots together: %w", err)
		}
	}
	return nil
}
