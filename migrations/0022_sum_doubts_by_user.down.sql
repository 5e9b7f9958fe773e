-- Removes the estimated and the assumed part of what users cost. Refused where retention has
-- removed calls that stand in them, because nothing else knows. Who means it says so in the
-- same session: SET usage.allow_data_loss = on.
SET LOCAL lock_timeout = '10s';
LOCK TABLE public.api_usage IN SHARE ROW EXCLUSIVE MODE;
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on'
    AND EXISTS (SELECT FROM public.usage_day_user
      WHERE (estimated_dollars <> 0 OR assumed_dollars <> 0) AND bucket < (SELECT max(value)::timestamptz FROM public.usage_setting WHERE name = 'retained_from')) THEN
    RAISE EXCEPTION 'public.usage_day_user holds sums of calls that retention has removed; dropping its columns would lose what of them was estimated or assumed'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

-- Made by internal/sums: 0022: triggers before.
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
  ), of_usage_day_tag AS MATERIALIZED (
    SELECT bucket,
      tag.name AS tag_name,
      CASE WHEN folded_tags ? tag.name THEN '(other)' ELSE tag.value END AS tag_value,
      api_type,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(tokens) AS tokens,
      sum(usage_dollars) AS usage_dollars
    FROM (
      SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
        metadata -> 'tags' AS tags,
        metadata -> 'folded_tags' AS folded_tags,
        CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
        count(*) AS calls,
        count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
        coalesce(sum(tokens_used), 0) AS tokens,
        coalesce(sum(usage_dollars), 0) AS usage_dollars
      FROM n
      WHERE metadata -> 'tags' IS NOT NULL
      GROUP BY 1, 2, 3, 4
    ) AS sets CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(tags) WHEN 'object' THEN tags END) AS tag (name, value)
    WHERE tag.value <> '' AND octet_length(tag.name) <= 256 AND octet_length(tag.value) <= 256 AND (folded_tags ->> tag.name) IS DISTINCT FROM 'name'
    GROUP BY 1, 2, 3, 4
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM o UNION ALL SELECT 1, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM n) AS rows
    GROUP BY 1, 2, 3
  ), of_usage_day_tag AS MATERIALIZED (
    SELECT bucket,
      tag.name AS tag_name,
      CASE WHEN folded_tags ? tag.name THEN '(other)' ELSE tag.value END AS tag_value,
      api_type,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(tokens) AS tokens,
      sum(usage_dollars) AS usage_dollars
    FROM (
      SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
        metadata -> 'tags' AS tags,
        metadata -> 'folded_tags' AS folded_tags,
        CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
        sum(sign) AS calls,
        coalesce(sum(sign) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
        coalesce(sum(sign * (tokens_used)), 0) AS tokens,
        coalesce(sum(sign * (usage_dollars)), 0) AS usage_dollars
      FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM o UNION ALL SELECT 1, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM n) AS rows
      WHERE metadata -> 'tags' IS NOT NULL
      GROUP BY 1, 2, 3, 4
    ) AS sets CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(tags) WHEN 'object' THEN tags END) AS tag (name, value)
    WHERE tag.value <> '' AND octet_length(tag.name) <= 256 AND octet_length(tag.value) <= 256 AND (folded_tags ->> tag.name) IS DISTINCT FROM 'name'
    GROUP BY 1, 2, 3, 4
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM o UNION ALL SELECT 1, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM n) AS rows
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM o) AS rows
    GROUP BY 1, 2, 3
  ), of_usage_day_tag AS MATERIALIZED (
    SELECT bucket,
      tag.name AS tag_name,
      CASE WHEN folded_tags ? tag.name THEN '(other)' ELSE tag.value END AS tag_value,
      api_type,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(tokens) AS tokens,
      sum(usage_dollars) AS usage_dollars
    FROM (
      SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
        metadata -> 'tags' AS tags,
        metadata -> 'folded_tags' AS folded_tags,
        CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
        sum(sign) AS calls,
        coalesce(sum(sign) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
        coalesce(sum(sign * (tokens_used)), 0) AS tokens,
        coalesce(sum(sign * (usage_dollars)), 0) AS usage_dollars
      FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM o) AS rows
      WHERE metadata -> 'tags' IS NOT NULL
      GROUP BY 1, 2, 3, 4
    ) AS sets CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(tags) WHEN 'object' THEN tags END) AS tag (name, value)
    WHERE tag.value <> '' AND octet_length(tag.name) <= 256 AND octet_length(tag.value) <= 256 AND (folded_tags ->> tag.name) IS DISTINCT FROM 'name'
    GROUP BY 1, 2, 3, 4
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, pricing_assumptions, payer FROM o) AS rows
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

-- Made by internal/sums: 0022: no sums to fill.
DELETE FROM public.usage_setting WHERE name = 'sums_of_0022_to_fill_before';
-- End of what internal/sums made.

-- Made by internal/sums: 0022: drop columns of sums.
-- What reads the views is dropped with them, and made again as it is written down here.
CREATE TEMPORARY TABLE usage_remade ON COMMIT DROP AS
WITH RECURSIVE reads (class, object, depth) AS (
  SELECT 'pg_class'::regclass::oid, v::regclass::oid, 0 FROM unnest(ARRAY['usage_report.user_day', 'public.usage_own_day_user', 'usage_report.user_half_month']) AS v
  UNION
  SELECT CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END, coalesce(r.ev_class, d.objid), reads.depth + 1
  FROM reads
  JOIN pg_depend d ON d.refclassid = reads.class AND d.refobjid = reads.object AND d.deptype = 'n'
  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  WHERE d.classid = 'pg_proc'::regclass OR (r.ev_class <> reads.object OR reads.class <> 'pg_class'::regclass)
), readers AS (
  SELECT class, object, max(depth) AS depth FROM reads GROUP BY 1, 2
), described AS (
  SELECT depth, object, 'TABLE' AS grants, 'VIEW' AS kind, c.oid::regclass::text AS name, c.relowner AS owner, coalesce(c.relacl, acldefault('r', c.relowner)) AS acl,
    format('CREATE VIEW %s%s AS %s', c.oid::regclass, ' WITH (' || array_to_string(c.reloptions, ', ') || ')', pg_get_viewdef(c.oid)) AS made,
    obj_description(c.oid, 'pg_class') AS comment
  FROM readers JOIN pg_class c ON class = 'pg_class'::regclass AND c.oid = object
  UNION ALL
  SELECT depth, object, 'FUNCTION', 'FUNCTION', p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)),
    pg_get_functiondef(p.oid), obj_description(p.oid, 'pg_proc')
  FROM readers JOIN pg_proc p ON class = 'pg_proc'::regclass AND p.oid = object
), steps AS (
  SELECT object, 1 AS place, made AS command, NULL::name AS of_column FROM described WHERE depth > 0
  UNION ALL SELECT object, 2, format('ALTER %s %s OWNER TO %I', kind, name, pg_get_userbyid(owner)), NULL FROM described
  UNION ALL SELECT object, 3, format('REVOKE ALL ON %s %s FROM PUBLIC', grants, name), NULL FROM described
  UNION ALL SELECT object, 4, format('GRANT %s ON %s %s TO %s%s', a.privilege_type, grants, name,
      CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), NULL
    FROM described, aclexplode(acl) a WHERE a.grantee <> owner
  UNION ALL SELECT object, 4, format('GRANT %s (%I) ON %s TO %s', a.privilege_type, t.attname, name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END), t.attname
    FROM described JOIN pg_attribute t ON kind = 'VIEW' AND t.attrelid = object, aclexplode(t.attacl) a
  UNION ALL SELECT object, 5, format('COMMENT ON %s %s IS %L', kind, name, comment), NULL FROM described WHERE comment IS NOT NULL
  UNION ALL SELECT object, 5, format('COMMENT ON COLUMN %s.%I IS %L', name, t.attname, col_description(object, t.attnum)), t.attname
    FROM described JOIN pg_attribute t ON kind = 'VIEW' AND t.attrelid = object AND col_description(object, t.attnum) IS NOT NULL
)
SELECT kind, name, depth, object, place, of_column, command FROM steps JOIN described USING (object);

DO $do$
DECLARE
  step text;
BEGIN
  FOR step IN SELECT DISTINCT ON (depth, object) format('DROP %s %s', kind, name) FROM usage_remade ORDER BY depth DESC, object DESC LOOP
    EXECUTE step;
  END LOOP;
END $do$;

CREATE OR REPLACE VIEW usage_report.user_day AS
  SELECT bucket,
         user_id,
         api_type,
         calls,
         unpriced_calls,
         tokens,
         usage_dollars
  FROM public.usage_day_user
  WHERE calls <> 0;
CREATE OR REPLACE VIEW public.usage_own_day_user WITH (security_barrier) AS
  SELECT bucket, user_id, api_type, calls, unpriced_calls, tokens, usage_dollars
  FROM public.usage_day_user
  -- The nil UUID stands for calls without a user: those are nobody's own.
  WHERE user_id = nullif(nullif(current_setting('usage.user_id', true), ''), '00000000-0000-0000-0000-000000000000')::uuid;
CREATE OR REPLACE VIEW usage_report.user_half_month AS
  SELECT bucket,
         user_id,
         calls,
         unpriced_calls,
         tokens,
         usage_dollars
  FROM public.usage_half_month_user
  WHERE calls <> 0;

DO $do$
DECLARE
  step record;
BEGIN
  FOR step IN SELECT name, of_column, command FROM usage_remade ORDER BY depth, object, place, command LOOP
    CONTINUE WHEN step.of_column IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = step.name::regclass AND attname = step.of_column);
    EXECUTE step.command;
  END LOOP;
END $do$;
DROP TABLE usage_remade;
ALTER TABLE public.usage_day_user DROP COLUMN estimated_dollars, DROP COLUMN assumed_dollars;
ALTER TABLE public.usage_half_month_user DROP COLUMN estimated_dollars, DROP COLUMN assumed_dollars;
-- End of what internal/sums made.
