package read

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// AlikeQuestion asks for the calls of a period, summed where they have the same price.
type AlikeQuestion struct {
	From, To time.Time // UTC midnights
	// Borders are numbers of input tokens, in ascending order. Calls on different sides of
	// one are not summed.
	Borders []int64
}

// mostAlike limits the groups of a day, and so the memory. The groups beyond it with the
// smallest costs are left out, and reported.
const mostAlike = 5000

// keptApart are the columns by which calls are grouped. They are empty for calls that are
// left out, which thus form one row per reason.
var keptApart = []store.Selected[scannedAlike]{
	{SQL: "provider", Into: func(s *scannedAlike) any { return &s.Provider }},
	{SQL: "model", Into: func(s *scannedAlike) any { return &s.Model }},
	{SQL: "service", Into: func(s *scannedAlike) any { return &s.Service }},
	{SQL: "api_type", Into: func(s *scannedAlike) any { return &s.apiType }},
	{SQL: "coalesce(metadata ->> 'service_tier', '')", Into: func(s *scannedAlike) any { return &s.Tier }},
	{SQL: "coalesce(metadata ->> 'region', '')", Into: func(s *scannedAlike) any { return &s.Region }},
	{SQL: "coalesce(metadata ->> 'variant', '')", Into: func(s *scannedAlike) any { return &s.Variant }},
	{SQL: "coalesce(metadata ->> 'missing', '')", Into: func(s *scannedAlike) any { return &s.missing }},
	{SQL: `CASE WHEN outcome = 'error' THEN 'failed'
            WHEN api_type = 'text' AND input >= 1000 AND input = before_input AND gap <= interval '5 minutes' AND before_outcome IS DISTINCT FROM 'error' THEN 'repeated'
            WHEN api_type = 'text' AND input > 0 AND output_tokens = 0 AND written = 0 THEN 'no_output'
            ELSE '' END`, Into: func(s *scannedAlike) any { return &s.waste }},
	{SQL: "(user_id IS NULL AND session_id IS NULL AND gap IS NULL AND after IS NULL)::text", Into: func(s *scannedAlike) any { return &s.unattended }},
	{SQL: "(cached > 0)::text", Into: func(s *scannedAlike) any { return &s.cached }},
	{SQL: "width_bucket(input, $3::bigint[])::text", Into: func(s *scannedAlike) any { return &s.border }},
}

// addedUp are the sums over the calls of a group.
var addedUp = []store.Selected[scannedAlike]{
	{SQL: "count(*)", Into: func(s *scannedAlike) any { return &s.Calls }},
	{SQL: "sum(usage_dollars)::text", Into: func(s *scannedAlike) any { return moneyText{&s.Cost} }},
	{SQL: "coalesce(sum(tokens_used), 0)::bigint", Into: func(s *scannedAlike) any { return &s.stored.Tokens }},
	{SQL: "coalesce(sum(input), 0)::bigint", Into: func(s *scannedAlike) any { return &s.columns.Input }},
	{SQL: "coalesce(sum(output_tokens), 0)::bigint", Into: func(s *scannedAlike) any { return &s.columns.Output }},
	{SQL: "coalesce(sum(cache_read_tokens), 0)::bigint", Into: func(s *scannedAlike) any { return &s.columns.Read }},
	{SQL: "coalesce(sum(cache_write_5m_tokens), 0)::bigint", Into: func(s *scannedAlike) any { return &s.columns.Write5m }},
	{SQL: "coalesce(sum(cache_write_1h_tokens), 0)::bigint", Into: func(s *scannedAlike) any { return &s.columns.Write1h }},
	{SQL: "coalesce(sum(reasoning_tokens), 0)::bigint", Into: func(s *scannedAlike) any { return &s.columns.Reasoning }},
	{SQL: "coalesce(sum(audio_seconds), 0)::text", Into: func(s *scannedAlike) any { return &s.columns.Audio }},
	{SQL: "coalesce(sum(characters), 0)::bigint", Into: func(s *scannedAlike) any { return &s.columns.Characters }},
	{SQL: "coalesce(sum(images), 0)::bigint", Into: func(s *scannedAlike) any { return &s.columns.Images }},
	{SQL: sumOfOthers(), Into: func(s *scannedAlike) any { return &s.columns.Others }},
	{SQL: "coalesce(sum(input) FILTER (WHERE cached = 0 AND input >= $4), 0)::bigint", Into: func(s *scannedAlike) any { return &s.Long }},
	{SQL: `coalesce(sum(before_input) FILTER (WHERE cached = 0 AND before_input >= $4 AND input >= before_input + before_answer AND gap <= interval '5 minutes'), 0)::bigint`,
		Into: func(s *scannedAlike) any { return &s.Repeated }},
	{SQL: "coalesce(sum(least(cache_write_5m_tokens, before_cached)) FILTER (WHERE gap > interval '5 minutes' AND gap <= interval '1 hour'), 0)::bigint",
		Into: func(s *scannedAlike) any { return &s.Rewritten }},
	{SQL: "coalesce(sum(cache_read_tokens) FILTER (WHERE coalesce(gap > interval '5 minutes', true)), 0)::bigint", Into: func(s *scannedAlike) any { return &s.ReadLate }},
}

// sumOfOthers sums the rarer quantities, in the format of the column.
func sumOfOthers() string {
	list := make([]string, len(store.OtherKinds))
	for i, k := range store.OtherKinds {
		list[i] = fmt.Sprintf("'%[1]s', sum((other_quantities ->> '%[1]s')::numeric)", k)
	}
	return "jsonb_strip_nulls(jsonb_build_object(" + strings.Join(list, ", ") + "))::text"
}

// alikeSQL reads a day, and the hour before it to find what preceded its calls.
var alikeSQL = func() string {
	var apart, names []string
	for i, k := range keptApart {
		names = append(names, fmt.Sprintf("key_%d", i))
		apart = append(apart, fmt.Sprintf("CASE WHEN left_out = '' THEN %s ELSE '' END AS key_%d", k.SQL, i))
	}
	keys := strings.Join(names, ", ")
	return `
WITH call AS (
  SELECT *, coalesce(session_id, trace_id) AS conversation, coalesce(input_tokens, 0) AS input,
         coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0) AS written,
         coalesce(cache_read_tokens, 0) + coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0) AS cached
  FROM (SELECT timestamp, id, user_id, session_id, trace_id, provider, coalesce(model, '') AS model, service, api_type, metadata, outcome, payer, payer_plan, payer_filled,
               usage_dollars, pricing_status, cost_source, price_id, tokens_used, input_tokens, output_tokens, cache_read_tokens,
               cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, audio_seconds, characters, images, other_quantities
        FROM public.api_usage
        WHERE timestamp >= $1::timestamptz - interval '1 hour' AND timestamp < $2) AS c
), placed AS (
  SELECT *,
         CASE WHEN pricing_status = 'unpriced' THEN 'unpriced'
              WHEN payer IN ('plan', 'credit', 'own') THEN 'payer'
              WHEN payer_plan IS NOT NULL AND payer_filled IS NOT TRUE AND EXISTS (SELECT FROM public.usage_plans AS p WHERE p.name = payer_plan AND NOT p.everyone AND p.payer = 'plan') THEN 'seat'
              WHEN pricing_status <> 'priced' THEN pricing_status
              WHEN cost_source IS DISTINCT FROM 'computed' OR metadata ? 'unread' OR price_id LIKE '%+router' THEN 'foreign'
              ELSE '' END AS left_out,
         CASE WHEN conversation IS NOT NULL THEN timestamp - lag(timestamp) OVER before END AS gap,
         CASE WHEN conversation IS NOT NULL THEN lead(timestamp) OVER before END AS after,
         lag(input) OVER before AS before_input,
         lag(coalesce(output_tokens, 0) - coalesce(reasoning_tokens, 0)) OVER before AS before_answer,
         lag(cached) OVER before AS before_cached,
         lag(outcome) OVER before AS before_outcome
  FROM call
  WINDOW before AS (PARTITION BY conversation, service, provider, model ORDER BY timestamp, id)
), alike AS (
  SELECT left_out, ` + keys + `, ` + numbered(addedUp) + `
  FROM (SELECT *, ` + strings.Join(apart, ", ") + ` FROM placed WHERE timestamp >= $1) AS t
  GROUP BY left_out, ` + keys + `
)
SELECT left_out, ` + keys + `, ` + numbers(len(addedUp)) + `, sum(sum_0) OVER ()::bigint, (sum(sum_1::numeric) OVER ())::text
FROM alike
ORDER BY left_out = '', sum_1::numeric DESC
LIMIT ` + fmt.Sprint(mostAlike)
}()

func numbered[T any](list []store.Selected[T]) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = fmt.Sprintf("%s AS sum_%d", s.SQL, i)
	}
	return strings.Join(texts, ", ")
}

func numbers(n int) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("sum_%d", i)
	}
	return strings.Join(texts, ", ")
}

// scannedAlike is a row of alikeSQL.
type scannedAlike struct {
	outlook.Alike
	leftOut                         string
	apiType, missing, waste, border string
	unattended, cached              string
	stored                          store.Stored
	columns                         store.QuantityColumns
	allCalls                        int64
	allCost                         usage.Sum
}

// Alike sums the calls of a period, day by day. timeout limits the reading of one day. Only
// administrators may read them.
func (r *Reader) Alike(ctx context.Context, q AlikeQuestion, timeout time.Duration) ([]outlook.Alike, []outlook.LeftOut, error) {
	list, leftOut := map[outlook.Alike]*outlook.Alike{}, map[string]*outlook.LeftOut{}
	leave := func(reason string, calls int64, cost usage.Sum) {
		if calls == 0 {
			return
		}
		if leftOut[reason] == nil {
			leftOut[reason] = &outlook.LeftOut{Reason: reason}
		}
		l := leftOut[reason]
		l.Calls, l.Cost = l.Calls+calls, l.Cost.Plus(cost)
	}
	err := r.eachDay(ctx, CallsQuestion{Viewer: Administrator(), From: q.From, To: q.To}, timeout, func(tx pgx.Tx, from, to time.Time) error {
		// Sorting and grouping a day in memory takes half as long as on disk.
		if _, err := tx.Exec(ctx, `SET LOCAL work_mem = '64MB'`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, alikeSQL, from, to, q.Borders, outlook.CacheableTokens)
		if err != nil {
			return err
		}
		var s scannedAlike
		var calls int64
		var cost usage.Sum
		targets := slices.Concat([]any{&s.leftOut}, store.Targets(keptApart, &s), store.Targets(addedUp, &s), []any{&s.allCalls, moneyText{&s.allCost}})
		_, err = pgx.ForEachRow(rows, targets, func() error {
			calls, cost = calls+s.Calls, cost.Plus(s.Cost)
			reason := s.leftOut
			if s.finish(q.Borders); reason == "" && s.stored.Fault != nil {
				reason = outlook.LeftOutForeign
			}
			if reason != "" {
				leave(reason, s.Calls, s.Cost)
				return nil
			}
			key := s.key()
			if list[key] == nil {
				first := s.Alike
				list[key] = &first
				return nil
			}
			add(list[key], &s.Alike)
			return nil
		})
		leave(outlook.LeftOutSmall, s.allCalls-calls, s.allCost.Minus(cost))
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("add up the calls that are alike: %w", err)
	}
	var all []outlook.Alike
	for _, a := range list {
		all = append(all, *a)
	}
	slices.SortFunc(all, func(a, b outlook.Alike) int {
		return cmp.Or(b.Cost.Cmp(a.Cost), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	var out []outlook.LeftOut
	for _, l := range leftOut {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b outlook.LeftOut) int { return cmp.Or(b.Cost.Cmp(a.Cost), cmp.Compare(a.Reason, b.Reason)) })
	return all, out, nil
}

// finish parses the texts of a row.
func (s *scannedAlike) finish(borders []int64) {
	s.stored.Fault, s.stored.Quantities, s.stored.QuantityReason = nil, usage.Quantities{}, ""
	s.stored.Restore(s.columns)
	s.Quantities, s.APIType, s.Waste = s.stored.Quantities, usage.APIType(s.apiType), outlook.Waste(s.waste)
	s.Unattended, s.Cached = s.unattended == "true", s.cached == "true"
	s.Missing, _ = usage.ParseMissing(s.missing)
	s.Input = 0
	var place int
	if _, err := fmt.Sscan(s.border, &place); err == nil && place > 0 {
		s.Input = borders[place-1]
	}
}

// key returns what the calls of a group share.
func (s *scannedAlike) key() outlook.Alike {
	a := s.Alike
	a.Calls, a.Cost, a.Quantities, a.Long, a.Repeated, a.Rewritten, a.ReadLate = 0, usage.Sum{}, usage.Quantities{}, 0, 0, 0, 0
	return a
}

func add(to, a *outlook.Alike) {
	to.Calls, to.Cost = to.Calls+a.Calls, to.Cost.Plus(a.Cost)
	for k := range to.Quantities {
		to.Quantities[k] += a.Quantities[k]
	}
	to.Long, to.Repeated = to.Long+a.Long, to.Repeated+a.Repeated
	to.Rewritten, to.ReadLate = to.Rewritten+a.Rewritten, to.ReadLate+a.ReadLate
}

const rhythmSQL = `
SELECT provider, model, service, count(DISTINCT date_trunc('hour', bucket, 'UTC')), sum(calls)::bigint
FROM public.usage_quarter_hour
WHERE bucket >= $1 AND bucket < $2 AND calls <> 0
GROUP BY provider, model, service`

// Rhythm counts the hours of a period in which each service called each model. Only
// administrators may read it.
func (r *Reader) Rhythm(ctx context.Context, from, to time.Time) (list []outlook.Rhythm, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, rhythmSQL, from, to)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[outlook.Rhythm])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the hours in which models were called: %w", err)
	}
	return list, nil
}
