package write

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The sum of an agent's calls is stored when nobody reports the calls. The calls may be
// reported later, or through another collector. So the writer of a call looks for sums of
// its trace, and the writer of a sum looks for calls, each after committing its own part.
// Whichever commits last sees the other. Only the sum is withdrawn, never a call, and only
// for a call of the same service and environment. Where no trigger keeps the rollups, a sum
// stays, with its reason.

const (
	isSum = `pricing_reason = 'calls_not_reported' AND 'calls' = ANY (string_to_array(metadata ->> 'missing', '+'))`

	// Most databases have no sum, and this is all that a batch costs them.
	selectHasSums = `SELECT current_setting('transaction_read_only')::boolean,
  EXISTS (SELECT FROM public.api_usage WHERE pricing_reason = 'calls_not_reported' AND trace_id IS NOT NULL)`

	selectSums = `SELECT id, timestamp, trace_id, service, environment FROM public.api_usage WHERE trace_id = ANY ($1::text[]) AND ` + isSum

	// The calls of an agent begin after it does. trace_id has no index of its own: that
	// would cost every call more than the few sums are worth.
	selectCallsOfSums = `SELECT id, timestamp, trace_id, service, environment FROM public.api_usage
WHERE timestamp >= $2 AND timestamp <= $3 AND trace_id = ANY ($1::text[]) AND (` + isSum + `) IS NOT TRUE`

	withdrawSums = `SELECT public.usage_withdraw_sums($1, $2, $3, $4)`

	// beforeSum and afterSum limit how far from the start of an agent its calls are looked
	// for.
	beforeSum = time.Second
	afterSum  = 15 * time.Minute
)

// sumKey holds what a sum and its calls must share.
type sumKey struct{ trace, service, environment string }

// storedRow is a row of the table.
type storedRow struct {
	id [16]byte
	at time.Time
}

// withdraw deletes the sums that duplicate calls of the batch, and returns their number.
func (w *Writer) withdraw(ctx context.Context, records []usage.Record) (int, error) {
	db, err := w.database(ctx)
	if err != nil || !db.hasTrigger {
		return 0, err
	}
	if some, err := w.hasSums(ctx); err != nil || !some {
		return 0, err
	}
	var traces []string
	seen := map[[16]byte]bool{}
	for i := range records {
		if id := records[i].TraceID; id != [16]byte{} && !seen[id] {
			seen[id] = true
			traces = append(traces, hex.EncodeToString(id[:]))
		}
	}
	if len(traces) == 0 {
		return 0, nil
	}
	sums := map[sumKey][]storedRow{}
	if err := w.lookRows(ctx, selectSums, []any{traces}, sums); err != nil || len(sums) == 0 {
		return 0, err
	}
	traces = traces[:0]
	var from, to time.Time
	for key, list := range sums {
		traces = append(traces, key.trace)
		for _, sum := range list {
			if from.IsZero() || sum.at.Before(from) {
				from = sum.at
			}
			to = later(to, sum.at.Add(afterSum))
		}
	}
	for i := range records {
		if r := &records[i]; len(sums[sumKey{hex.EncodeToString(r.TraceID[:]), r.Service, r.Environment}]) > 0 && r.Time.Before(from.Add(keepTraceUsers)) {
			to = later(to, r.Time)
		}
	}
	calls := map[sumKey][]storedRow{}
	if err := w.lookRows(ctx, selectCallsOfSums, []any{traces, from.Add(-beforeSum), to}, calls); err != nil {
		return 0, err
	}
	var ids, proofs [][16]byte
	var times, proofTimes []time.Time
	for key, list := range sums {
		for _, sum := range list {
			if len(calls[key]) > 0 {
				ids, times = append(ids, sum.id), append(times, sum.at)
				proofs, proofTimes = append(proofs, calls[key][0].id), append(proofTimes, calls[key][0].at)
			}
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	var withdrawn int
	err = pgx.BeginTxFunc(ctx, w.pool, w.begin, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, withdrawSums, ids, times, proofs, proofTimes).Scan(&withdrawn); err != nil {
			return err
		}
		return db.confirm(ctx, tx)
	})
	return withdrawn, db.nodeFault(err)
}

// hasSums looks in one round trip, because it does so after every batch.
func (w *Writer) hasSums(ctx context.Context) (some bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.o.StatementTimeout)
	defer cancel()
	var readOnly bool
	err = w.pool.QueryRow(ctx, selectHasSums).Scan(&readOnly, &some)
	return some, w.writable(readOnly, err)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (w *Writer) lookRows(ctx context.Context, sql string, args []any, into map[sumKey][]storedRow) error {
	var s storedRow
	var key sumKey
	return w.look(ctx, sql, args, []any{&s.id, &s.at, &key.trace, &key.service, &key.environment}, func() error {
		into[key] = append(into[key], s)
		return nil
	})
}
