-- The exporter's insert statement keeps the rollups from here on, and no
-- trigger does. For engines whose triggers cannot (Citus); on plain PostgreSQL
-- it is a choice that can be taken back with rollup_trigger.sql.
--
-- Run by `usagectl migrate rollup statement`, in one transaction, while
-- collectors write: with `rollup: auto` they see it in their next batch.
-- Afterwards any other INSERT, UPDATE or DELETE of public.api_usage, and the
-- cascade of a deleted user, leaves the rollups behind; `usagectl retention`,
-- `reprice` and the function below do not.
SET LOCAL lock_timeout = '10s';

DROP TRIGGER IF EXISTS api_usage_refuse_truncate ON public.api_usage;
DROP TRIGGER IF EXISTS api_usage_fold_delete ON public.api_usage;
DROP TRIGGER IF EXISTS api_usage_fold_update ON public.api_usage;
DROP TRIGGER IF EXISTS api_usage_fold_insert ON public.api_usage;

-- Citus distributes no table that others inherit from.
DO $do$
DECLARE
  after integer := 0;
BEGIN
  IF to_regclass('pg_catalog.pg_dist_partition') IS NULL OR to_regclass('public.usage_day_type_slot') IS NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock('public.usage_day_type'::regclass::oid::integer, -1);
  WHILE after IS NOT NULL LOOP
    after := public.usage_fold_slots(after, 1000000);
  END LOOP;
-- Made by internal/sums: Citus has no slots.
DROP TABLE IF EXISTS public.usage_day_type_slot, public.usage_quarter_type_slot, public.usage_half_month_slot,
  public.usage_day_slot, public.usage_quarter_hour_slot, public.usage_half_month_tag_slot,
  public.usage_day_tag_slot, public.usage_half_month_user_slot, public.usage_day_user_slot;
-- End of what internal/sums made.
END $do$;

-- The triggers ran with the rights of their owner; now these two add up themselves.
-- Made by internal/sums: writer folds.
GRANT SELECT, INSERT, UPDATE ON public.usage_day_user, public.usage_half_month_user, public.usage_day_tag,
  public.usage_half_month_tag, public.usage_quarter_hour, public.usage_day,
  public.usage_half_month, public.usage_quarter_type, public.usage_day_type
  TO usage_writer, usage_pricer;
-- End of what internal/sums made.

-- Deletes the calls of a user, and their part of every sum, and says how many
-- calls there were. Call it before the user is deleted, in the same
-- transaction: the cascade would take the calls and leave the sums.
--
-- Where retention has deleted calls already, the sums by user go as a whole and
-- the sums without users keep those calls.
CREATE OR REPLACE FUNCTION public.usage_forget_user(forgotten uuid) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  deleted bigint;
BEGIN
  -- A writer that stores a call of the user holds a share of this lock: no call
  -- can come between here and the end of the transaction.
  IF (SELECT value FROM public.usage_setting WHERE name = 'users_managed') = 'true' THEN
    PERFORM FROM auth.users WHERE id = forgotten FOR UPDATE;
  END IF;

-- Made by internal/sums: forget the calls of a user.
  WITH del AS (
    DELETE FROM public.api_usage WHERE user_id = forgotten
    RETURNING timestamp, tags, sum_tags, api_type, pricing_status, tokens_used, usage_dollars, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer
  ), gone AS (
    SELECT -1 AS sign, timestamp, tags, sum_tags, api_type, pricing_status, tokens_used, usage_dollars, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM del
  ), of_usage_day_tag AS MATERIALIZED (
    SELECT bucket,
      left(line, strpos(line, '=') - 1) AS tag_name,
      substr(line, strpos(line, '=') + 1) AS tag_value,
      api_type,
      calls,
      unpriced_calls,
      tokens,
      usage_dollars
    FROM (
      SELECT line,
        bucket,
        api_type,
        sum(calls) AS calls,
        sum(unpriced_calls) AS unpriced_calls,
        sum(tokens) AS tokens,
        sum(usage_dollars) AS usage_dollars
      FROM (
        SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
          coalesce(sum_tags, tags) AS lines,
          CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
          sum(sign) AS calls,
          coalesce(sum(sign) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
          coalesce(sum(sign * (tokens_used)), 0) AS tokens,
          coalesce(sum(sign * (usage_dollars)), 0) AS usage_dollars
        FROM gone
        WHERE tags IS NOT NULL
        GROUP BY 1, 2, 3
      ) AS sets CROSS JOIN LATERAL unnest(string_to_array(lines, E'\n')) AS line
      GROUP BY 1, 2, 3
    ) AS lines
    WHERE strpos(line, '=') BETWEEN 2 AND length(line) - 1
  ), of_usage_quarter_hour AS MATERIALIZED (
    SELECT date_bin('15 minutes', timestamp, '2000-01-01 00:00:00Z') AS bucket,
      CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
      CASE WHEN folded & 1 <> 0 THEN '(other)' ELSE provider END AS provider,
      CASE WHEN folded & 2 <> 0 THEN '(other)' ELSE coalesce(model, '') END AS model,
      CASE WHEN folded & 4 <> 0 THEN '(other)' ELSE service END AS service,
      CASE WHEN folded & 8 <> 0 THEN '(other)' ELSE environment END AS environment,
      sum(sign) AS calls,
      coalesce(sum(sign) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
      coalesce(sum(sign) FILTER (WHERE pricing_status = 'estimated'), 0) AS estimated_calls,
      coalesce(sum(sign * (tokens_used)), 0) AS tokens,
      coalesce(sum(sign * (tokens_used)) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_tokens,
      coalesce(sum(sign * (input_tokens)), 0) AS input_tokens,
      coalesce(sum(sign * (output_tokens)), 0) AS output_tokens,
      coalesce(sum(sign * (cache_read_tokens)), 0) AS cache_read_tokens,
      coalesce(sum(sign * (coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0))), 0) AS cache_write_tokens,
      coalesce(sum(sign * (reasoning_tokens)), 0) AS reasoning_tokens,
      coalesce(sum(sign * (usage_dollars)), 0) AS usage_dollars,
      coalesce(sum(sign * (usage_dollars)) FILTER (WHERE pricing_status = 'estimated'), 0) AS estimated_dollars,
      coalesce(sum(sign) FILTER (WHERE pricing_status = 'reported'), 0) AS reported_calls,
      coalesce(sum(sign) FILTER (WHERE cardinality(pricing_assumptions) > 0), 0) AS assumed_calls,
      coalesce(sum(sign * (usage_dollars)) FILTER (WHERE cardinality(pricing_assumptions) > 0), 0) AS assumed_dollars,
      coalesce(sum(sign * (usage_dollars)) FILTER (WHERE payer = 'api'), 0) AS api_dollars,
      coalesce(sum(sign * (usage_dollars)) FILTER (WHERE payer = 'plan'), 0) AS plan_dollars,
      coalesce(sum(sign * (usage_dollars)) FILTER (WHERE payer = 'credit'), 0) AS credit_dollars,
      coalesce(sum(sign * (usage_dollars)) FILTER (WHERE payer = 'own'), 0) AS own_dollars
    FROM gone
    GROUP BY 1, 2, 3, 4, 5, 6
  ), of_usage_day AS MATERIALIZED (
    SELECT date_bin('1 day', bucket, '2000-01-01 00:00:00Z') AS bucket,
      api_type,
      provider,
      model,
      service,
      environment,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(estimated_calls) AS estimated_calls,
      sum(tokens) AS tokens,
      sum(unpriced_tokens) AS unpriced_tokens,
      sum(input_tokens) AS input_tokens,
      sum(output_tokens) AS output_tokens,
      sum(cache_read_tokens) AS cache_read_tokens,
      sum(cache_write_tokens) AS cache_write_tokens,
      sum(reasoning_tokens) AS reasoning_tokens,
      sum(usage_dollars) AS usage_dollars,
      sum(estimated_dollars) AS estimated_dollars,
      sum(reported_calls) AS reported_calls,
      sum(assumed_calls) AS assumed_calls,
      sum(assumed_dollars) AS assumed_dollars,
      sum(api_dollars) AS api_dollars,
      sum(plan_dollars) AS plan_dollars,
      sum(credit_dollars) AS credit_dollars,
      sum(own_dollars) AS own_dollars
    FROM of_usage_quarter_hour
    GROUP BY 1, 2, 3, 4, 5, 6
  ), of_usage_quarter_type AS MATERIALIZED (
    SELECT bucket,
      api_type,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(estimated_calls) AS estimated_calls,
      sum(tokens) AS tokens,
      sum(unpriced_tokens) AS unpriced_tokens,
      sum(usage_dollars) AS usage_dollars
    FROM of_usage_quarter_hour
    GROUP BY 1, 2
  ), into_usage_day_type AS (
    INSERT INTO public.usage_day_type AS r (bucket, api_type,
      calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars)
    SELECT date_bin('1 day', bucket, '2000-01-01 00:00:00Z') AS bucket,
      api_type,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(estimated_calls) AS estimated_calls,
      sum(tokens) AS tokens,
      sum(unpriced_tokens) AS unpriced_tokens,
      sum(usage_dollars) AS usage_dollars
    FROM of_usage_quarter_type
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (bucket, api_type) DO UPDATE SET
      calls = r.calls + EXCLUDED.calls,
      unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
      estimated_calls = r.estimated_calls + EXCLUDED.estimated_calls,
      tokens = r.tokens + EXCLUDED.tokens,
      unpriced_tokens = r.unpriced_tokens + EXCLUDED.unpriced_tokens,
      usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars
    RETURNING 1
  ), into_usage_quarter_type AS (
    INSERT INTO public.usage_quarter_type AS r (bucket, api_type,
      calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars)
    SELECT bucket, api_type,
      calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars
    FROM of_usage_quarter_type
    ORDER BY 1, 2
    ON CONFLICT (bucket, api_type) DO UPDATE SET
      calls = r.calls + EXCLUDED.calls,
      unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
      estimated_calls = r.estimated_calls + EXCLUDED.estimated_calls,
      tokens = r.tokens + EXCLUDED.tokens,
      unpriced_tokens = r.unpriced_tokens + EXCLUDED.unpriced_tokens,
      usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars
    RETURNING 1
  ), into_usage_half_month AS (
    INSERT INTO public.usage_half_month AS r (bucket, api_type, provider, model, service, environment,
      calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
    SELECT date_trunc('month', bucket, 'UTC') + interval '360 hours' * (extract(day FROM bucket AT TIME ZONE 'UTC') > 15)::integer AS bucket,
      api_type,
      provider,
      model,
      service,
      environment,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(estimated_calls) AS estimated_calls,
      sum(tokens) AS tokens,
      sum(unpriced_tokens) AS unpriced_tokens,
      sum(input_tokens) AS input_tokens,
      sum(output_tokens) AS output_tokens,
      sum(cache_read_tokens) AS cache_read_tokens,
      sum(cache_write_tokens) AS cache_write_tokens,
      sum(reasoning_tokens) AS reasoning_tokens,
      sum(usage_dollars) AS usage_dollars,
      sum(estimated_dollars) AS estimated_dollars,
      sum(reported_calls) AS reported_calls,
      sum(assumed_calls) AS assumed_calls,
      sum(assumed_dollars) AS assumed_dollars,
      sum(api_dollars) AS api_dollars,
      sum(plan_dollars) AS plan_dollars,
      sum(credit_dollars) AS credit_dollars,
      sum(own_dollars) AS own_dollars
    FROM of_usage_day
    GROUP BY 1, 2, 3, 4, 5, 6
    ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (bucket, api_type, provider, model, service, environment) DO UPDATE SET
      calls = r.calls + EXCLUDED.calls,
      unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
      estimated_calls = r.estimated_calls + EXCLUDED.estimated_calls,
      tokens = r.tokens + EXCLUDED.tokens,
      unpriced_tokens = r.unpriced_tokens + EXCLUDED.unpriced_tokens,
      input_tokens = r.input_tokens + EXCLUDED.input_tokens,
      output_tokens = r.output_tokens + EXCLUDED.output_tokens,
      cache_read_tokens = r.cache_read_tokens + EXCLUDED.cache_read_tokens,
      cache_write_tokens = r.cache_write_tokens + EXCLUDED.cache_write_tokens,
      reasoning_tokens = r.reasoning_tokens + EXCLUDED.reasoning_tokens,
      usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars,
      estimated_dollars = r.estimated_dollars + EXCLUDED.estimated_dollars,
      reported_calls = r.reported_calls + EXCLUDED.reported_calls,
      assumed_calls = r.assumed_calls + EXCLUDED.assumed_calls,
      assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars,
      api_dollars = r.api_dollars + EXCLUDED.api_dollars,
      plan_dollars = r.plan_dollars + EXCLUDED.plan_dollars,
      credit_dollars = r.credit_dollars + EXCLUDED.credit_dollars,
      own_dollars = r.own_dollars + EXCLUDED.own_dollars
    RETURNING 1
  ), into_usage_day AS (
    INSERT INTO public.usage_day AS r (bucket, api_type, provider, model, service, environment,
      calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
    SELECT bucket, api_type, provider, model, service, environment,
      calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
    FROM of_usage_day
    ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (bucket, api_type, provider, model, service, environment) DO UPDATE SET
      calls = r.calls + EXCLUDED.calls,
      unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
      estimated_calls = r.estimated_calls + EXCLUDED.estimated_calls,
      tokens = r.tokens + EXCLUDED.tokens,
      unpriced_tokens = r.unpriced_tokens + EXCLUDED.unpriced_tokens,
      input_tokens = r.input_tokens + EXCLUDED.input_tokens,
      output_tokens = r.output_tokens + EXCLUDED.output_tokens,
      cache_read_tokens = r.cache_read_tokens + EXCLUDED.cache_read_tokens,
      cache_write_tokens = r.cache_write_tokens + EXCLUDED.cache_write_tokens,
      reasoning_tokens = r.reasoning_tokens + EXCLUDED.reasoning_tokens,
      usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars,
      estimated_dollars = r.estimated_dollars + EXCLUDED.estimated_dollars,
      reported_calls = r.reported_calls + EXCLUDED.reported_calls,
      assumed_calls = r.assumed_calls + EXCLUDED.assumed_calls,
      assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars,
      api_dollars = r.api_dollars + EXCLUDED.api_dollars,
      plan_dollars = r.plan_dollars + EXCLUDED.plan_dollars,
      credit_dollars = r.credit_dollars + EXCLUDED.credit_dollars,
      own_dollars = r.own_dollars + EXCLUDED.own_dollars
    RETURNING 1
  ), into_usage_quarter_hour AS (
    INSERT INTO public.usage_quarter_hour AS r (bucket, api_type, provider, model, service, environment,
      calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
    SELECT bucket, api_type, provider, model, service, environment,
      calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
    FROM of_usage_quarter_hour
    ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (bucket, api_type, provider, model, service, environment) DO UPDATE SET
      calls = r.calls + EXCLUDED.calls,
      unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
      estimated_calls = r.estimated_calls + EXCLUDED.estimated_calls,
      tokens = r.tokens + EXCLUDED.tokens,
      unpriced_tokens = r.unpriced_tokens + EXCLUDED.unpriced_tokens,
      input_tokens = r.input_tokens + EXCLUDED.input_tokens,
      output_tokens = r.output_tokens + EXCLUDED.output_tokens,
      cache_read_tokens = r.cache_read_tokens + EXCLUDED.cache_read_tokens,
      cache_write_tokens = r.cache_write_tokens + EXCLUDED.cache_write_tokens,
      reasoning_tokens = r.reasoning_tokens + EXCLUDED.reasoning_tokens,
      usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars,
      estimated_dollars = r.estimated_dollars + EXCLUDED.estimated_dollars,
      reported_calls = r.reported_calls + EXCLUDED.reported_calls,
      assumed_calls = r.assumed_calls + EXCLUDED.assumed_calls,
      assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars,
      api_dollars = r.api_dollars + EXCLUDED.api_dollars,
      plan_dollars = r.plan_dollars + EXCLUDED.plan_dollars,
      credit_dollars = r.credit_dollars + EXCLUDED.credit_dollars,
      own_dollars = r.own_dollars + EXCLUDED.own_dollars
    RETURNING 1
  ), into_usage_half_month_tag AS (
    INSERT INTO public.usage_half_month_tag AS r (bucket, tag_name, tag_value,
      calls, unpriced_calls, tokens, usage_dollars)
    SELECT date_trunc('month', bucket, 'UTC') + interval '360 hours' * (extract(day FROM bucket AT TIME ZONE 'UTC') > 15)::integer AS bucket,
      tag_name,
      tag_value,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(tokens) AS tokens,
      sum(usage_dollars) AS usage_dollars
    FROM of_usage_day_tag
    GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3
    ON CONFLICT (bucket, tag_name, tag_value) DO UPDATE SET
      calls = r.calls + EXCLUDED.calls,
      unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
      tokens = r.tokens + EXCLUDED.tokens,
      usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars
    RETURNING 1
  ), into_usage_day_tag AS (
    INSERT INTO public.usage_day_tag AS r (bucket, tag_name, tag_value, api_type,
      calls, unpriced_calls, tokens, usage_dollars)
    SELECT bucket, tag_name, tag_value, api_type,
      calls, unpriced_calls, tokens, usage_dollars
    FROM of_usage_day_tag
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (bucket, tag_name, tag_value, api_type) DO UPDATE SET
      calls = r.calls + EXCLUDED.calls,
      unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
      tokens = r.tokens + EXCLUDED.tokens,
      usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars
    RETURNING 1
  )
  SELECT count(*) INTO deleted FROM del;
  DELETE FROM public.usage_day_user WHERE user_id = forgotten;
  DELETE FROM public.usage_half_month_user WHERE user_id = forgotten;
-- End of what internal/sums made.
  RETURN deleted;
END $$;
REVOKE ALL ON FUNCTION public.usage_forget_user(uuid) FROM PUBLIC;
