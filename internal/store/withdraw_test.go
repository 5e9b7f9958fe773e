package store_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// sumOf is what an agent's span says of the calls of a trace.
func sumOf(n int, trace byte, changes ...func(*usage.Record)) usage.Record {
	c := inTrace(n, trace, changes...)
	c.Time = call(0).Time // an agent begins before its calls
	c.Missing |= usage.MissingCalls
	c.QuantityReason, c.Status, c.Reason = usage.ReasonCallsNotReported, usage.StatusEstimated, usage.ReasonCallsNotReported
	return c
}

const storedCalls = `SELECT coalesce(string_agg(request_id, ' ' ORDER BY request_id), '') FROM public.api_usage`

func TestTheSumOfAnAgentGivesWayToItsCalls(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	w := newWriter(t, db, write.Options{})
	other := func(r *usage.Record) { r.Service = "billing" }

	require.Zero(t, writeAll(t, w, []usage.Record{sumOf(1, 1), sumOf(2, 2), inTrace(3, 3)}).Withdrawn, "nobody reports its calls")
	require.Equal(t, 1, writeAll(t, newWriter(t, db, write.Options{}), []usage.Record{inTrace(4, 1)}).Withdrawn, "a call came later, through another collector")
	require.Equal(t, "chatcmpl-2 chatcmpl-3 chatcmpl-4", db.Text(storedCalls))
	require.Equal(t, 1, writeAll(t, w, []usage.Record{sumOf(5, 3)}).Withdrawn, "the calls were first")
	require.Equal(t, 1, writeAll(t, w, []usage.Record{sumOf(1, 1)}).Withdrawn, "sent again")
	require.Equal(t, 1, writeAll(t, w, []usage.Record{sumOf(6, 6), inTrace(7, 6)}).Withdrawn, "both in one batch")
	require.Zero(t, writeAll(t, w, []usage.Record{inTrace(8, 2, other)}).Withdrawn, "no service takes another one's row away")
	require.Zero(t, writeAll(t, w, []usage.Record{sumOf(9, 2)}).Withdrawn, "a sum is no call of another sum")
	require.Equal(t, "chatcmpl-2 chatcmpl-3 chatcmpl-4 chatcmpl-7 chatcmpl-8 chatcmpl-9", db.Text(storedCalls))
	require.Equal(t, 4, number[int](db, `SELECT count(*) FROM public.usage_correction WHERE kind = 'sum' AND old ? 'usage_dollars'`))
	requireSums(t, db)
}

// A call without the mark cannot be deleted by the function, whoever calls it, nor a sum
// without a call.
func TestOnlyASumIsWithdrawnAndOnlyForItsCall(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	w := newWriter(t, db, write.Options{})
	writeAll(t, w, []usage.Record{inTrace(1, 1), inTrace(2, 1), sumOf(3, 2), inTrace(4, 3)})
	withdraw := func(sum, call string) int {
		return number[int](db, `SELECT public.usage_withdraw_sums(ARRAY[s.id], ARRAY[s.timestamp], ARRAY[c.id], ARRAY[c.timestamp])
FROM public.api_usage AS s, public.api_usage AS c WHERE s.request_id = 'chatcmpl-`+sum+`' AND c.request_id = 'chatcmpl-`+call+`'`)
	}
	require.Zero(t, withdraw("1", "2"), "a call")
	require.Zero(t, withdraw("3", "3"), "a sum for itself")
	require.Zero(t, withdraw("3", "4"), "a call of another trace")
	require.Equal(t, "chatcmpl-1 chatcmpl-2 chatcmpl-3 chatcmpl-4", db.Text(storedCalls))
}

// Sums and calls come in any order, through any collector, again and again, at once.
func TestTheOrderOfSumsAndCallsDoesNotMatter(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	writers := []*write.Writer{newWriter(t, db, write.Options{}), newWriter(t, db, write.Options{}), newWriter(t, db, write.Options{})}
	var batches [][]usage.Record
	rng := rand.New(rand.NewPCG(7, 14))
	for trace := range byte(30) {
		var records []usage.Record
		for n := range 3 {
			records = append(records, inTrace(int(trace)*10+n, trace+1))
		}
		records = append(records, sumOf(int(trace)*10+9, trace+1))
		rng.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		cut := rng.IntN(len(records))
		batches = append(batches, records[:cut:cut], records[cut:], records[cut:])
	}
	rng.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	done := make(chan struct{})
	for k := range writers {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := k; i < len(batches); i += len(writers) {
				if len(batches[i]) > 0 {
					writeAll(t, writers[k], append([]usage.Record(nil), batches[i]...))
				}
			}
		}()
	}
	for range writers {
		<-done
	}
	require.Equal(t, 90, number[int](db, `SELECT count(*) FROM public.api_usage`))
	require.Zero(t, number[int](db, `SELECT count(*) FROM public.api_usage WHERE pricing_reason = 'calls_not_reported'`))
	requireSums(t, db)
}

// Where no trigger keeps the rollups, a sum stays, with its reason.
func TestWithoutTriggersASumStays(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		withdrawn := writeAll(t, w, []usage.Record{sumOf(1, 1), inTrace(2, 1)}).Withdrawn
		require.Equal(t, 2-withdrawn, number[int](db, `SELECT count(*) FROM public.api_usage`))
		require.Equal(t, number[bool](db, `SELECT `+store.TriggerEnabled(store.FoldTrigger)), withdrawn == 1)
		requireSums(t, db)
	})
}
