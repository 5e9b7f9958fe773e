package read

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// BillSender is a sender of calls with a doubtful cost, and the reason for the doubt.
type BillSender struct {
	Provider string
	// Word is the pricing reason; without one, the reason of the counts; without either, an
	// assumption.
	Word string
	// Service is the app. Dialect is the convention of the library that reports for it.
	// Either is "" when unknown.
	Service, Dialect string
	Calls            int64
}

const billSendersSQL = `
SELECT provider, word, service, coalesce(metadata ->> 'dialect', ''), count(*)
FROM public.api_usage, LATERAL unnest(CASE
  WHEN pricing_status IN ('unpriced', 'estimated') THEN ARRAY[pricing_reason]
  WHEN metadata ? 'quantity_reason' THEN ARRAY[metadata ->> 'quantity_reason']
  ELSE pricing_assumptions END) AS word
WHERE timestamp >= $1 AND timestamp < $2 AND ($3 = '' OR provider = $3) AND word <> ''
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 5 DESC, 3, 4`

// BillSenders lists the senders of calls that may differ from a bill, those with the most
// calls first.
func (r *Reader) BillSenders(ctx context.Context, q BillQuestion) (list []BillSender, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, billSendersSQL, q.From, q.To, q.Provider)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[BillSender])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read who sends doubtful calls: %w", err)
	}
	return list, nil
}
