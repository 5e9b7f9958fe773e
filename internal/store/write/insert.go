package write

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The rows as one array for each column: 33 parameters for any number of rows.
// Numbers with decimal places travel as text, so that nothing can round them.
const selectRows = `
SELECT id, user_id, timestamp, usage_dollars::numeric, api_type, model, tokens_used, request_id, metadata::jsonb,
  provider, service, environment, pricing_status, pricing_reason, price_id, cost_source, reported_dollars::numeric,
  input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
  audio_seconds::numeric, characters, images, other_quantities::jsonb, string_to_array(pricing_assumptions, '+') AS pricing_assumptions, trace_id, session_id, outcome, payer, folded
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::int4[], $8::text[], $9::text[],
  $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
  $18::int8[], $19::int8[], $20::int8[], $21::int8[], $22::int8[], $23::int8[],
  $24::text[], $25::int8[], $26::int8[], $27::text[], $28::text[], $29::text[], $30::text[], $31::text[], $32::text[], $33::int2[]) AS r (` + columnNames + `)`

// insertRows leaves out what is there already. It names our key, so that a
// unique constraint of the host application is a fault of the row and not
// taken for a duplicate.
const (
	insertRows = `INSERT INTO public.api_usage (` + columnNames + `)` + selectRows + `
ORDER BY id
ON CONFLICT (id) DO NOTHING`

	// Where the table is partitioned its key is "id, timestamp", and the ids alone
	// stand in public.api_usage_id. A call that another writer stores this moment
	// with another timestamp is not seen here and refused there.
	insertRowsPartitioned = `INSERT INTO public.api_usage (` + columnNames + `)` + selectRows + `
WHERE NOT EXISTS (SELECT FROM public.api_usage_id AS k WHERE k.id = r.id)
ORDER BY id
ON CONFLICT (id, timestamp) DO NOTHING`
)

// The same with the sums of the new rows in the same statement, for tables
// without triggers. They return how many rows are new.
var (
	insertAndFold            = andFold(insertRows)
	insertAndFoldPartitioned = andFold(insertRowsPartitioned)
)

func andFold(insert string) string {
	ins := "ins AS (\n" + insert + "\nRETURNING " + strings.Join(sums.Columns(sums.Levels), ", ") + "\n)"
	return sums.With(append([]string{ins}, sums.Fold(sums.Levels, sums.Rows{From: "ins"})...), "SELECT count(*) FROM ins")
}

// insertBatch stores the rows that are not there yet and says how many.
func insertBatch(ctx context.Context, tx pgx.Tx, db *database, rows []row) (int, error) {
	insert, fold := insertRows, insertAndFold
	if db.partitioned {
		insert, fold = insertRowsPartitioned, insertAndFoldPartitioned
	}
	args := columnArrays(rows)
	if db.hasTrigger {
		tag, err := tx.Exec(ctx, insert, args...)
		return int(tag.RowsAffected()), err
	}
	var inserted int
	err := tx.QueryRow(ctx, fold, args...).Scan(&inserted)
	return inserted, err
}

// columnArrays turns rows into columns, in the order of columnNames.
func columnArrays(rows []row) []any {
	n := len(rows)
	var (
		ids, users                                                  = make([][16]byte, n), make([]*[16]byte, n)
		times                                                       = make([]time.Time, n)
		dollars, types, metadata, provider, service, env, status    = make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
		model, request, reason, price, source, reported, audio, oth = make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n)
		tokens                                                      = make([]*int32, n)
		in, out, cacheRead, write5m, write1h, reasoning, chars, img = make([]*int64, n), make([]*int64, n), make([]*int64, n), make([]*int64, n), make([]*int64, n), make([]*int64, n), make([]*int64, n), make([]*int64, n)
		assumed, trace, session, outcome, payer                     = make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n)
		folded                                                      = make([]*int16, n)
		buf                                                         []byte
	)
	for i := range rows {
		r := &rows[i]
		q := &r.Quantities
		ids[i] = r.ID
		if !r.user.IsZero() {
			users[i] = (*[16]byte)(&r.user)
		}
		times[i] = r.Time
		dollars[i] = r.Cost.String()
		types[i] = string(r.APIType)
		model[i] = store.TextOrNull(r.Model)
		if total := q.TotalTokens(); total > 0 {
			narrow := int32(total) //nolint:gosec // checkRecord bounds it
			input, output := q.InputTokens(), q.OutputTokens()
			tokens[i], in[i], out[i] = &narrow, &input, &output
		}
		request[i] = store.TextOrNull(r.RequestID)
		buf = r.appendMetadata(buf[:0])
		metadata[i] = string(buf)
		provider[i], service[i], env[i] = r.Provider, r.Service, r.Environment
		status[i] = string(r.Status)
		reason[i], price[i], source[i] = store.TextOrNull(string(r.Reason)), store.TextOrNull(r.PriceID), store.TextOrNull(string(r.CostSource))
		if r.HasReportedCost {
			reported[i] = store.TextOrNull(r.ReportedCost.String())
		}
		cacheRead[i] = numberOrNull(q.CacheReadTotal())
		write5m[i], write1h[i] = numberOrNull(q.CacheWriteBeside1h()), numberOrNull(q[usage.CacheWrite1hTokens])
		reasoning[i] = numberOrNull(q[usage.OutputReasoningTokens])
		audio[i] = audioSeconds(q)
		chars[i], img[i] = numberOrNull(q[usage.Characters]), numberOrNull(q[usage.Images])
		buf = r.appendOtherQuantities(buf[:0])
		oth[i] = store.TextOrNull(string(buf))
		if r.HasAssumptions {
			words := strings.Join(r.assumptions(), "+") // '' becomes an empty array
			assumed[i] = &words
		}
		if r.TraceID != [16]byte{} {
			trace[i] = store.TextOrNull(hex.EncodeToString(r.TraceID[:]))
		}
		session[i], outcome[i], payer[i] = store.TextOrNull(r.SessionID), store.TextOrNull(string(r.Outcome)), store.TextOrNull(string(r.Payer))
		if r.folded != 0 {
			folded[i] = &r.folded
		}
	}
	return []any{
		ids, users, times, dollars, types, model, tokens, request, metadata,
		provider, service, env, status, reason, price, source, reported,
		in, out, cacheRead, write5m, write1h, reasoning, audio, chars, img, oth,
		assumed, trace, session, outcome, payer, folded,
	}
}

// audioSeconds is a number as text, nil for none.
func audioSeconds(q *usage.Quantities) *string {
	if q[usage.AudioSeconds] == 0 {
		return nil
	}
	text := string(usage.AppendQuantity(nil, usage.AudioSeconds, q[usage.AudioSeconds]))
	return &text
}

func numberOrNull(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}
