package store

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The rows as one array for each column: 27 parameters for any number of rows.
// Numbers with decimal places travel as text, so that nothing can round them.
const selectRows = `
SELECT id, user_id, timestamp, usage_dollars::numeric, api_type, model, tokens_used, request_id, metadata::jsonb,
  provider, service, environment, pricing_status, pricing_reason, price_id, cost_source, reported_dollars::numeric,
  input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
  audio_seconds::numeric, characters, images, other_quantities::jsonb
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::int4[], $8::text[], $9::text[],
  $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
  $18::int8[], $19::int8[], $20::int8[], $21::int8[], $22::int8[], $23::int8[],
  $24::text[], $25::int8[], $26::int8[], $27::text[]) AS r (` + columnNames + `)
ORDER BY id`

// insertRows leaves out what is there already. It names our key, so that a
// unique constraint of the host application is a fault of the row and not
// taken for a duplicate.
const insertRows = `INSERT INTO public.api_usage (` + columnNames + `)` + selectRows + `
ON CONFLICT (` + conflictKey + `) DO NOTHING`

const conflictKey = "id"

// Where the table is partitioned its key is "id, timestamp", and the ids alone
// stand in public.api_usage_id. A call that another writer stores this moment
// with another timestamp is not seen here and refused there.
var forPartitions = strings.NewReplacer(
	"ON CONFLICT ("+conflictKey+") DO NOTHING", "ON CONFLICT (id, timestamp) DO NOTHING",
	"\nORDER BY id\n", "\nWHERE NOT EXISTS (SELECT FROM public.api_usage_id AS k WHERE k.id = r.id)\nORDER BY id\n",
)

// insertAndFold is insertRows with the sums of migration 0002 in the same
// statement, for tables without triggers. It returns how many rows are new.
// PostgreSQL runs the INSERTs from the last to the first, as in the trigger and
// for the same reason.
//
// Every step is a part of its own: Citus does not find a part that is named
// inside of another's RETURNING.
const insertAndFold = `
WITH ins AS (
  ` + insertRows + `
  RETURNING user_id, timestamp, usage_dollars, api_type, provider, model, service, environment, pricing_status, tokens_used,
    input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens
), per_user AS MATERIALIZED (
  SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
         coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
         api_type,
         count(*) AS calls,
         count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
         coalesce(sum(tokens_used), 0) AS tokens,
         sum(usage_dollars) AS usage_dollars
  FROM ins
  GROUP BY 1, 2, 3
), per_key AS MATERIALIZED (
  SELECT date_bin('15 minutes', timestamp, '2000-01-01 00:00:00Z') AS bucket,
         api_type, provider, coalesce(model, '') AS model, service, environment,
         count(*) AS calls,
         count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
         count(*) FILTER (WHERE pricing_status = 'estimated') AS estimated_calls,
         coalesce(sum(tokens_used), 0) AS tokens,
         coalesce(sum(tokens_used) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_tokens,
         coalesce(sum(input_tokens), 0) AS input_tokens,
         coalesce(sum(output_tokens), 0) AS output_tokens,
         coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
         coalesce(sum(cache_write_5m_tokens), 0) + coalesce(sum(cache_write_1h_tokens), 0) AS cache_write_tokens,
         coalesce(sum(reasoning_tokens), 0) AS reasoning_tokens,
         sum(usage_dollars) AS usage_dollars
  FROM ins
  GROUP BY 1, 2, 3, 4, 5, 6
), per_day AS MATERIALIZED (
  SELECT date_bin('1 day', bucket, '2000-01-01 00:00:00Z') AS bucket, api_type, provider, model, service, environment, ` + sumAllMeasures + `
  FROM per_key
  GROUP BY 1, 2, 3, 4, 5, 6
), day_type AS (
  INSERT INTO public.usage_day_type AS r (bucket, api_type, ` + typeMeasures + `)
  SELECT bucket, api_type, ` + sumTypeMeasures + `
  FROM per_day
  GROUP BY 1, 2
  ORDER BY 1, 2
  ON CONFLICT (bucket, api_type) DO UPDATE SET ` + addTypeMeasures + `
  RETURNING 1
), quarter_type AS (
  INSERT INTO public.usage_quarter_type AS r (bucket, api_type, ` + typeMeasures + `)
  SELECT bucket, api_type, ` + sumTypeMeasures + `
  FROM per_key
  GROUP BY 1, 2
  ORDER BY 1, 2
  ON CONFLICT (bucket, api_type) DO UPDATE SET ` + addTypeMeasures + `
  RETURNING 1
), half_month AS (
  INSERT INTO public.usage_half_month AS r (bucket, api_type, provider, model, service, environment, ` + allMeasures + `)
  SELECT ` + halfMonthOfBucket + `, api_type, provider, model, service, environment, ` + sumAllMeasures + `
  FROM per_day
  GROUP BY 1, 2, 3, 4, 5, 6
  ORDER BY 1, 2, 3, 4, 5, 6
  ON CONFLICT (bucket, api_type, provider, model, service, environment) DO UPDATE SET ` + addAllMeasures + `
  RETURNING 1
), day AS (
  INSERT INTO public.usage_day AS r (bucket, api_type, provider, model, service, environment, ` + allMeasures + `)
  SELECT bucket, api_type, provider, model, service, environment, ` + allMeasures + `
  FROM per_day
  ORDER BY 1, 2, 3, 4, 5, 6
  ON CONFLICT (bucket, api_type, provider, model, service, environment) DO UPDATE SET ` + addAllMeasures + `
  RETURNING 1
), quarter_hour AS (
  INSERT INTO public.usage_quarter_hour AS r (bucket, api_type, provider, model, service, environment, ` + allMeasures + `)
  SELECT bucket, api_type, provider, model, service, environment, ` + allMeasures + `
  FROM per_key
  ORDER BY 1, 2, 3, 4, 5, 6
  ON CONFLICT (bucket, api_type, provider, model, service, environment) DO UPDATE SET ` + addAllMeasures + `
  RETURNING 1
), half_month_user AS (
  INSERT INTO public.usage_half_month_user AS r (bucket, user_id, ` + userMeasures + `)
  SELECT ` + halfMonthOfBucket + `, user_id, ` + sumUserMeasures + `
  FROM per_user
  GROUP BY 1, 2
  ORDER BY 1, 2
  ON CONFLICT (bucket, user_id) DO UPDATE SET ` + addUserMeasures + `
  RETURNING 1
), day_user AS (
  INSERT INTO public.usage_day_user AS r (bucket, user_id, api_type, ` + userMeasures + `)
  SELECT bucket, user_id, api_type, ` + userMeasures + `
  FROM per_user
  ORDER BY 1, 2, 3
  ON CONFLICT (bucket, user_id, api_type) DO UPDATE SET ` + addUserMeasures + `
  RETURNING 1
)
SELECT count(*) FROM ins`

// halfMonthOfBucket is the half month of UTC that a bucket lies in, the 1st or
// the 16th.
const halfMonthOfBucket = `date_trunc('month', bucket, 'UTC') + interval '360 hours' * (extract(day FROM bucket AT TIME ZONE 'UTC') > 15)::integer`

// The measures of the rollups by all keys, by API type and by user: their names,
// their sums and the addition to what is there.
const (
	allMeasures = `
  calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens,
  cache_write_tokens, reasoning_tokens, usage_dollars`
	sumAllMeasures = `
  sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(estimated_calls) AS estimated_calls,
  sum(tokens) AS tokens, sum(unpriced_tokens) AS unpriced_tokens, sum(input_tokens) AS input_tokens,
  sum(output_tokens) AS output_tokens, sum(cache_read_tokens) AS cache_read_tokens,
  sum(cache_write_tokens) AS cache_write_tokens, sum(reasoning_tokens) AS reasoning_tokens,
  sum(usage_dollars) AS usage_dollars`
	addAllMeasures = `
  calls = r.calls + EXCLUDED.calls, unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
  estimated_calls = r.estimated_calls + EXCLUDED.estimated_calls, tokens = r.tokens + EXCLUDED.tokens,
  unpriced_tokens = r.unpriced_tokens + EXCLUDED.unpriced_tokens, input_tokens = r.input_tokens + EXCLUDED.input_tokens,
  output_tokens = r.output_tokens + EXCLUDED.output_tokens,
  cache_read_tokens = r.cache_read_tokens + EXCLUDED.cache_read_tokens,
  cache_write_tokens = r.cache_write_tokens + EXCLUDED.cache_write_tokens,
  reasoning_tokens = r.reasoning_tokens + EXCLUDED.reasoning_tokens,
  usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars`

	typeMeasures    = `calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars`
	sumTypeMeasures = `
  sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(estimated_calls) AS estimated_calls,
  sum(tokens) AS tokens, sum(unpriced_tokens) AS unpriced_tokens, sum(usage_dollars) AS usage_dollars`
	addTypeMeasures = `
  calls = r.calls + EXCLUDED.calls, unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
  estimated_calls = r.estimated_calls + EXCLUDED.estimated_calls, tokens = r.tokens + EXCLUDED.tokens,
  unpriced_tokens = r.unpriced_tokens + EXCLUDED.unpriced_tokens,
  usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars`

	userMeasures    = `calls, unpriced_calls, tokens, usage_dollars`
	sumUserMeasures = `
  sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(tokens) AS tokens, sum(usage_dollars) AS usage_dollars`
	addUserMeasures = `
  calls = r.calls + EXCLUDED.calls, unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
  tokens = r.tokens + EXCLUDED.tokens, usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars`
)

// insertBatch stores the rows that are not there yet and says how many.
func insertBatch(ctx context.Context, tx pgx.Tx, db *database, rows []row) (int, error) {
	args := columnArrays(rows)
	if db.hasTrigger {
		tag, err := tx.Exec(ctx, db.withKey(insertRows), args...)
		return int(tag.RowsAffected()), err
	}
	var inserted int
	err := tx.QueryRow(ctx, db.withKey(insertAndFold), args...).Scan(&inserted)
	return inserted, err
}

func (db *database) withKey(sql string) string {
	if !db.partitioned {
		return sql
	}
	return forPartitions.Replace(sql)
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
		model[i] = textOrNull(r.Model)
		if total := q.TotalTokens(); total > 0 {
			narrow := int32(total) //nolint:gosec // checkRecord bounds it
			input, output := q.InputTokens(), q.OutputTokens()
			tokens[i], in[i], out[i] = &narrow, &input, &output
		}
		request[i] = textOrNull(r.RequestID)
		buf = r.appendMetadata(buf[:0])
		metadata[i] = string(buf)
		provider[i], service[i], env[i] = r.Provider, r.Service, r.Environment
		status[i] = string(r.Status)
		reason[i], price[i], source[i] = textOrNull(string(r.Reason)), textOrNull(r.PriceID), textOrNull(string(r.CostSource))
		if r.HasReportedCost {
			reported[i] = textOrNull(r.ReportedCost.String())
		}
		cacheRead[i] = numberOrNull(q.CacheReadTotal())
		write5m[i], write1h[i] = numberOrNull(q[usage.CacheWrite5mTokens]), numberOrNull(q[usage.CacheWrite1hTokens])
		reasoning[i] = numberOrNull(q[usage.OutputReasoningTokens])
		if seconds := q[usage.AudioSeconds]; seconds != 0 {
			audio[i] = textOrNull(string(usage.AppendQuantity(nil, usage.AudioSeconds, seconds)))
		}
		chars[i], img[i] = numberOrNull(q[usage.Characters]), numberOrNull(q[usage.Images])
		buf = r.appendOtherQuantities(buf[:0])
		oth[i] = textOrNull(string(buf))
	}
	return []any{
		ids, users, times, dollars, types, model, tokens, request, metadata,
		provider, service, env, status, reason, price, source, reported,
		in, out, cacheRead, write5m, write1h, reasoning, audio, chars, img, oth,
	}
}

func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func numberOrNull(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}
