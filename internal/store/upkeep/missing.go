package upkeep

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// MissingPrice sums the calls of a model that the price book could not price at the time.
type MissingPrice struct {
	Provider, Model string
	// RequestModel is the name that the app requested, or "" when calls differ.
	RequestModel string
	Reason       usage.Reason
	// Calls is the number of all calls. ReportedCalls is the number of those that still
	// have a cost, because the span reported one.
	Calls, ReportedCalls int64
	Tokens               int64
	// Quantities are the sums over all calls.
	Quantities  usage.Quantities
	First, Last time.Time
}

// selectMissing considers only the reasons that a price can resolve. The calls are a CTE of
// their own because Citus cannot plan a subquery over the other quantities of a group.
const selectMissing = `
WITH calls AS MATERIALIZED (
  SELECT provider, coalesce(model, '') AS model, pricing_reason, metadata ->> 'request_model' AS request_model, pricing_status, tokens_used, timestamp,
         input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
         audio_seconds, characters, images, other_quantities
  FROM public.api_usage
  WHERE timestamp >= $1 AND timestamp < $2
    AND pricing_status IN ('unpriced', 'reported') AND pricing_reason = ANY ($3)
), others AS (
  SELECT provider, model, pricing_reason, jsonb_object_agg(key, total) AS quantities
  FROM (SELECT provider, model, pricing_reason, e.key, sum(e.value::numeric) AS total FROM calls, jsonb_each_text(other_quantities) AS e GROUP BY 1, 2, 3, 4) AS o
  GROUP BY 1, 2, 3
)
SELECT c.provider, c.model, c.pricing_reason,
       CASE WHEN count(DISTINCT request_model) = 1 AND count(request_model) = count(*) THEN min(request_model) ELSE '' END,
       count(*), count(*) FILTER (WHERE pricing_status = 'reported'), coalesce(sum(tokens_used), 0)::bigint, min(timestamp), max(timestamp),
       coalesce(sum(input_tokens), 0)::bigint, coalesce(sum(output_tokens), 0)::bigint, coalesce(sum(cache_read_tokens), 0)::bigint,
       coalesce(sum(cache_write_5m_tokens), 0)::bigint, coalesce(sum(cache_write_1h_tokens), 0)::bigint, coalesce(sum(reasoning_tokens), 0)::bigint,
       coalesce(sum(audio_seconds), 0)::numeric(18, 9)::text, coalesce(sum(characters), 0)::bigint, coalesce(sum(images), 0)::bigint,
       min(o.quantities::text)
FROM calls c LEFT JOIN others o ON o.provider = c.provider AND o.model = c.model AND o.pricing_reason = c.pricing_reason
GROUP BY 1, 2, 3
ORDER BY 7 DESC, 5 DESC, 1, 2, 3`

// reasonsOfBook holds the reasons as strings, for which pgx needs no type lookup.
var reasonsOfBook = func() (texts []string) {
	for _, r := range usage.ReasonsOfBook {
		texts = append(texts, string(r))
	}
	return texts
}()

// MissingPrices lists the models for which calls in [from, to) have no price, those with
// the most tokens first. others counts the calls that are unpriced for reasons that no
// price can resolve.
func MissingPrices(ctx context.Context, pool *pgxpool.Pool, from, to time.Time) (list []MissingPrice, others map[usage.Reason]int64, err error) {
	rows, err := pool.Query(ctx, selectMissing, from, to, reasonsOfBook)
	if err != nil {
		return nil, nil, fmt.Errorf("list missing prices: %w", err)
	}
	var (
		m      MissingPrice
		reason string
		c      store.QuantityColumns
	)
	_, err = pgx.ForEachRow(rows, []any{
		&m.Provider, &m.Model, &reason, &m.RequestModel, &m.Calls, &m.ReportedCalls, &m.Tokens, &m.First, &m.Last,
		&c.Input, &c.Output, &c.Read, &c.Write5m, &c.Write1h, &c.Reasoning, &c.Audio, &c.Characters, &c.Images, &c.Others,
	}, func() error {
		s := store.Stored{Tokens: m.Tokens}
		s.Restore(c)
		m.Reason, m.Quantities = usage.Reason(reason), s.Quantities
		m.First, m.Last = m.First.UTC(), m.Last.UTC()
		list = append(list, m)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list missing prices: %w", err)
	}
	var text string
	if err := pool.QueryRow(ctx, `
SELECT coalesce(jsonb_object_agg(reason, calls), '{}')::text
FROM (SELECT coalesce(pricing_reason, '') AS reason, count(*) AS calls
      FROM public.api_usage
      WHERE timestamp >= $1 AND timestamp < $2 AND pricing_status = 'unpriced'
        AND coalesce(pricing_reason, '') <> ALL ($3)
      GROUP BY 1) AS r`, from, to, reasonsOfBook).Scan(&text); err != nil {
		return nil, nil, fmt.Errorf("count other unpriced calls: %w", err)
	}
	return list, others, json.Unmarshal([]byte(text), &others)
}
