-- Removes the sums by tag. Refused where retention has removed calls that stand in
-- them, because nothing else has their tags. Who means it says so in the same session:
-- SET usage.allow_data_loss = on.
SET LOCAL lock_timeout = '10s';
LOCK TABLE public.api_usage IN SHARE ROW EXCLUSIVE MODE;
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on'
    AND EXISTS (SELECT FROM public.usage_day_tag
      WHERE calls <> 0 AND bucket < (SELECT max(value)::timestamptz FROM public.usage_setting WHERE name = 'retained_from')) THEN
    RAISE EXCEPTION 'public.usage_day_tag holds sums of calls that retention has removed; dropping it would lose what each tag cost then'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

DROP VIEW usage_report.day_tag;
DROP VIEW public.usage_tagged;
-- Made by internal/sums: 0016: triggers before.
CREATE OR REPLACE FUNCTION public.usage_fold_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$
BEGIN
  WITH of_usage_day_user AS MATERIALIZED (
    SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
      coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
      CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
      count(*) AS calls,
      count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
      coalesce(sum(tokens_used), 0) AS tokens,
      coalesce(sum(usage_dollars), 0) AS usage_dollars
    FROM n
    GROUP BY 1, 2, 3
  ), of_usage_quarter_hour AS MATERIALIZED (
    SELECT date_bin('15 minutes', timestamp, '2000-01-01 00:00:00Z') AS bucket,
      CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
      CASE WHEN folded & 1 <> 0 THEN '(other)' ELSE provider END AS provider,
      CASE WHEN folded & 2 <> 0 THEN '(other)' ELSE coalesce(model, '') END AS model,
      CASE WHEN folded & 4 <> 0 THEN '(other)' ELSE service END AS service,
      CASE WHEN folded & 8 <> 0 THEN '(other)' ELSE environment END AS environment,
      count(*) AS calls,
      count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
      count(*) FILTER (WHERE pricing_status = 'estimated') AS estimated_calls,
      coalesce(sum(tokens_used), 0) AS tokens,
      coalesce(sum(tokens_used) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_tokens,
      coalesce(sum(input_tokens), 0) AS input_tokens,
      coalesce(sum(output_tokens), 0) AS output_tokens,
      coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
      coalesce(sum(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)), 0) AS cache_write_tokens,
      coalesce(sum(reasoning_tokens), 0) AS reasoning_tokens,
      coalesce(sum(usage_dollars), 0) AS usage_dollars,
      coalesce(sum(usage_dollars) FILTER (WHERE pricing_status = 'estimated'), 0) AS estimated_dollars,
      count(*) FILTER (WHERE pricing_status = 'reported') AS reported_calls,
      count(*) FILTER (WHERE cardinality(pricing_assumptions) > 0) AS assumed_calls,
      coalesce(sum(usage_dollars) FILTER (WHERE cardinality(pricing_assumptions) > 0), 0) AS assumed_dollars,
      coalesce(sum(usage_dollars) FILTER (WHERE payer = 'api'), 0) AS api_dollars,
      coalesce(sum(usage_dollars) FILTER (WHERE payer = 'plan'), 0) AS plan_dollars,
      coalesce(sum(usage_dollars) FILTER (WHERE payer = 'credit'), 0) AS credit_dollars,
      coalesce(sum(usage_dollars) FILTER (WHERE payer = 'own'), 0) AS own_dollars
    FROM n
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
  ), into_usage_half_month_user AS (
    INSERT INTO public.usage_half_month_user AS r (bucket, user_id,
      calls, unpriced_calls, tokens, usage_dollars)
    SELECT date_trunc('month', bucket, 'UTC') + interval '360 hours' * (extract(day FROM bucket AT TIME ZONE 'UTC') > 15)::integer AS bucket,
      user_id,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(tokens) AS tokens,
      sum(usage_dollars) AS usage_dollars
    FROM of_usage_day_user
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (bucket, user_id) DO UPDATE SET
      calls = r.calls + EXCLUDED.calls,
      unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
      tokens = r.tokens + EXCLUDED.tokens,
      usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars
    RETURNING 1
  )
  INSERT INTO public.usage_day_user AS r (bucket, user_id, api_type,
    calls, unpriced_calls, tokens, usage_dollars)
  SELECT bucket, user_id, api_type,
    calls, unpriced_calls, tokens, usage_dollars
  FROM of_usage_day_user
  ORDER BY 1, 2, 3
  ON CONFLICT (bucket, user_id, api_type) DO UPDATE SET
    calls = r.calls + EXCLUDED.calls,
    unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
    tokens = r.tokens + EXCLUDED.tokens,
    usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars;
  RETURN NULL;
END $fold$;
REVOKE ALL ON FUNCTION public.usage_fold_insert() FROM PUBLIC;

CREATE OR REPLACE FUNCTION public.usage_fold_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$
BEGIN
  WITH of_usage_day_user AS MATERIALIZED (
    SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
      coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
      CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
      sum(sign) AS calls,
      coalesce(sum(sign) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
      coalesce(sum(sign * (tokens_used)), 0) AS tokens,
      coalesce(sum(sign * (usage_dollars)), 0) AS usage_dollars
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM o UNION ALL SELECT 1, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM n) AS rows
    GROUP BY 1, 2, 3
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM o UNION ALL SELECT 1, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM n) AS rows
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
  ), into_usage_half_month_user AS (
    INSERT INTO public.usage_half_month_user AS r (bucket, user_id,
      calls, unpriced_calls, tokens, usage_dollars)
    SELECT date_trunc('month', bucket, 'UTC') + interval '360 hours' * (extract(day FROM bucket AT TIME ZONE 'UTC') > 15)::integer AS bucket,
      user_id,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(tokens) AS tokens,
      sum(usage_dollars) AS usage_dollars
    FROM of_usage_day_user
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (bucket, user_id) DO UPDATE SET
      calls = r.calls + EXCLUDED.calls,
      unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
      tokens = r.tokens + EXCLUDED.tokens,
      usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars
    RETURNING 1
  )
  INSERT INTO public.usage_day_user AS r (bucket, user_id, api_type,
    calls, unpriced_calls, tokens, usage_dollars)
  SELECT bucket, user_id, api_type,
    calls, unpriced_calls, tokens, usage_dollars
  FROM of_usage_day_user
  ORDER BY 1, 2, 3
  ON CONFLICT (bucket, user_id, api_type) DO UPDATE SET
    calls = r.calls + EXCLUDED.calls,
    unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
    tokens = r.tokens + EXCLUDED.tokens,
    usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars;
  RETURN NULL;
END $fold$;
REVOKE ALL ON FUNCTION public.usage_fold_update() FROM PUBLIC;

CREATE OR REPLACE FUNCTION public.usage_fold_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$
BEGIN
  -- Retention removes calls and keeps their sums; the setting is local to its transaction.
  IF current_setting('usage.keep_rollup', true) = 'on' THEN RETURN NULL; END IF;
  WITH of_usage_day_user AS MATERIALIZED (
    SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
      coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
      CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
      sum(sign) AS calls,
      coalesce(sum(sign) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
      coalesce(sum(sign * (tokens_used)), 0) AS tokens,
      coalesce(sum(sign * (usage_dollars)), 0) AS usage_dollars
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM o) AS rows
    GROUP BY 1, 2, 3
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM o) AS rows
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
  ), into_usage_half_month_user AS (
    INSERT INTO public.usage_half_month_user AS r (bucket, user_id,
      calls, unpriced_calls, tokens, usage_dollars)
    SELECT date_trunc('month', bucket, 'UTC') + interval '360 hours' * (extract(day FROM bucket AT TIME ZONE 'UTC') > 15)::integer AS bucket,
      user_id,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(tokens) AS tokens,
      sum(usage_dollars) AS usage_dollars
    FROM of_usage_day_user
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (bucket, user_id) DO UPDATE SET
      calls = r.calls + EXCLUDED.calls,
      unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
      tokens = r.tokens + EXCLUDED.tokens,
      usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars
    RETURNING 1
  )
  INSERT INTO public.usage_day_user AS r (bucket, user_id, api_type,
    calls, unpriced_calls, tokens, usage_dollars)
  SELECT bucket, user_id, api_type,
    calls, unpriced_calls, tokens, usage_dollars
  FROM of_usage_day_user
  ORDER BY 1, 2, 3
  ON CONFLICT (bucket, user_id, api_type) DO UPDATE SET
    calls = r.calls + EXCLUDED.calls,
    unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
    tokens = r.tokens + EXCLUDED.tokens,
    usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars;
  RETURN NULL;
END $fold$;
REVOKE ALL ON FUNCTION public.usage_fold_delete() FROM PUBLIC;
-- End of what internal/sums made.

DO $do$
BEGIN
  IF to_regprocedure('public.usage_forget_user(uuid)') IS NOT NULL THEN
    EXECUTE $forget$
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

-- Made by internal/sums: 0016: forget a user before.
  WITH del AS (
    DELETE FROM public.api_usage WHERE user_id = forgotten
    RETURNING timestamp, api_type, provider, folded, model, service, environment, pricing_status, tokens_used, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, usage_dollars, pricing_assumptions, payer
  ), gone AS (
    SELECT -1 AS sign, timestamp, api_type, provider, folded, model, service, environment, pricing_status, tokens_used, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, usage_dollars, pricing_assumptions, payer FROM del
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
  )
  SELECT count(*) INTO deleted FROM del;
  DELETE FROM public.usage_day_user WHERE user_id = forgotten;
  DELETE FROM public.usage_half_month_user WHERE user_id = forgotten;
-- End of what internal/sums made.
  RETURN deleted;
END $$$forget$;
  END IF;
END $do$;

DROP FUNCTION public.usage_fold_tags(timestamptz[], text[], text[]);
-- Made by internal/sums: decide names without tags.
CREATE OR REPLACE FUNCTION public.usage_decide_names(days timestamptz[], kinds text[], list text[])
  RETURNS TABLE (day timestamptz, kind text, name text)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $decide$
#variable_conflict use_column
DECLARE
  fresh   record;
  full_at integer;
  had     integer;
  is_full boolean;
  added   integer;
BEGIN
  -- In one order everywhere, so that two writers wait for each other and never in
  -- a circle. Whoever waited sees what the other decided.
  FOR fresh IN
    SELECT v.day, v.kind, array_agg(DISTINCT v.name ORDER BY v.name) AS names
    FROM unnest(days, kinds, list) AS v (day, kind, name)
    LEFT JOIN public.usage_name AS k ON k.day = v.day AND k.kind = v.kind AND k.name = v.name
    LEFT JOIN public.usage_name_day AS d ON d.day = v.day AND d.kind = v.kind
    WHERE k.name IS NULL AND d.closed IS NOT TRUE
    GROUP BY v.day, v.kind
    ORDER BY v.day, v.kind
  LOOP
    INSERT INTO public.usage_name_day (day, kind, names, closed) VALUES (fresh.day, fresh.kind, 0, false) ON CONFLICT DO NOTHING;
    SELECT d.names, d.closed INTO had, is_full FROM public.usage_name_day AS d WHERE d.day = fresh.day AND d.kind = fresh.kind FOR UPDATE;
    CONTINUE WHEN is_full;
    full_at := (SELECT l.names FROM public.usage_name_limit AS l WHERE l.kind = fresh.kind);
    INSERT INTO public.usage_name (day, kind, name)
    SELECT fresh.day, fresh.kind, n.name
    FROM unnest(fresh.names) AS n (name)
    WHERE NOT EXISTS (SELECT FROM public.usage_name AS k WHERE k.day = fresh.day AND k.kind = fresh.kind AND k.name = n.name)
    ORDER BY n.name
    LIMIT greatest(full_at - had, 0);
    GET DIAGNOSTICS added = ROW_COUNT;
    is_full := EXISTS (
      SELECT FROM unnest(fresh.names) AS n (name)
      WHERE NOT EXISTS (SELECT FROM public.usage_name AS k WHERE k.day = fresh.day AND k.kind = fresh.kind AND k.name = n.name));
    UPDATE public.usage_name_day AS d SET names = had + added, closed = is_full, closed_at = CASE WHEN is_full THEN now() END
    WHERE d.day = fresh.day AND d.kind = fresh.kind;
  END LOOP;
  RETURN QUERY
    SELECT DISTINCT v.day, v.kind, v.name
    FROM unnest(days, kinds, list) AS v (day, kind, name)
    JOIN public.usage_name_day AS d ON d.day = v.day AND d.kind = v.kind AND d.closed
    WHERE NOT EXISTS (SELECT FROM public.usage_name AS k WHERE k.day = v.day AND k.kind = v.kind AND k.name = v.name);
END $decide$;
REVOKE ALL ON FUNCTION public.usage_decide_names(timestamptz[], text[], text[]) FROM PUBLIC;
-- End of what internal/sums made.
DELETE FROM public.usage_name_limit WHERE kind = 'tag' OR kind LIKE 'tag %' OR kind LIKE 'tag:%';

-- Made by internal/sums: 0016: no sums to fill.
DELETE FROM public.usage_setting WHERE name = 'sums_of_0016_to_fill_before';
-- End of what internal/sums made.
-- Made by internal/sums: 0016: drop tables of sums.
DROP TABLE public.usage_half_month_tag, public.usage_day_tag;
-- End of what internal/sums made.
COMMENT ON COLUMN public.api_usage.metadata IS 'what has no column of its own, such as dialect, sampled and unread';
