-- Fold
WITH of_usage_day_user AS MATERIALIZED (
  SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
    coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
    CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
    count(*) AS calls,
    count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
    coalesce(sum(tokens_used), 0) AS tokens,
    coalesce(sum(usage_dollars), 0) AS usage_dollars,
    coalesce(sum(usage_dollars) FILTER (WHERE pricing_status = 'estimated'), 0) AS estimated_dollars,
    coalesce(sum(usage_dollars) FILTER (WHERE cardinality(pricing_assumptions) > 0), 0) AS assumed_dollars
  FROM ins
  GROUP BY 1, 2, 3
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
        count(*) AS calls,
        count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
        coalesce(sum(tokens_used), 0) AS tokens,
        coalesce(sum(usage_dollars), 0) AS usage_dollars
      FROM ins
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
  FROM ins
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
    calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars)
  SELECT date_trunc('month', bucket, 'UTC') + interval '360 hours' * (extract(day FROM bucket AT TIME ZONE 'UTC') > 15)::integer AS bucket,
    user_id,
    sum(calls) AS calls,
    sum(unpriced_calls) AS unpriced_calls,
    sum(tokens) AS tokens,
    sum(usage_dollars) AS usage_dollars,
    sum(estimated_dollars) AS estimated_dollars,
    sum(assumed_dollars) AS assumed_dollars
  FROM of_usage_day_user
  GROUP BY 1, 2
  ORDER BY 1, 2
  ON CONFLICT (bucket, user_id) DO UPDATE SET
    calls = r.calls + EXCLUDED.calls,
    unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
    tokens = r.tokens + EXCLUDED.tokens,
    usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars,
    estimated_dollars = r.estimated_dollars + EXCLUDED.estimated_dollars,
    assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars
  RETURNING 1
), into_usage_day_user AS (
  INSERT INTO public.usage_day_user AS r (bucket, user_id, api_type,
    calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars)
  SELECT bucket, user_id, api_type,
    calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars
  FROM of_usage_day_user
  ORDER BY 1, 2, 3
  ON CONFLICT (bucket, user_id, api_type) DO UPDATE SET
    calls = r.calls + EXCLUDED.calls,
    unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
    tokens = r.tokens + EXCLUDED.tokens,
    usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars,
    estimated_dollars = r.estimated_dollars + EXCLUDED.estimated_dollars,
    assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars
  RETURNING 1
)
SELECT count(*) FROM ins

-- CountDifferences of usage_day_user
WITH t AS (
  SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
    coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
    CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
    count(*) AS calls,
    count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
    coalesce(sum(tokens_used), 0) AS tokens,
    coalesce(sum(usage_dollars), 0) AS usage_dollars,
    coalesce(sum(usage_dollars) FILTER (WHERE pricing_status = 'estimated'), 0) AS estimated_dollars,
    coalesce(sum(usage_dollars) FILTER (WHERE cardinality(pricing_assumptions) > 0), 0) AS assumed_dollars
  FROM public.api_usage
  WHERE timestamp >= $1 AND timestamp < $2
  GROUP BY 1, 2, 3
), k AS (
  SELECT bucket, user_id, api_type, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(tokens) AS tokens, sum(usage_dollars) AS usage_dollars, CASE WHEN count(estimated_dollars) = count(*) THEN sum(estimated_dollars) END AS estimated_dollars, CASE WHEN count(assumed_dollars) = count(*) THEN sum(assumed_dollars) END AS assumed_dollars FROM public.usage_day_user
  WHERE bucket >= $1 AND bucket < $2
  GROUP BY bucket, user_id, api_type HAVING sum(calls) <> 0 OR sum(unpriced_calls) <> 0 OR sum(tokens) <> 0 OR sum(usage_dollars) <> 0 OR sum(estimated_dollars) <> 0 OR sum(assumed_dollars) <> 0
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (bucket, user_id, api_type)
WHERE (t.calls, t.unpriced_calls, t.tokens, t.usage_dollars, t.estimated_dollars, t.assumed_dollars) IS DISTINCT FROM (k.calls, k.unpriced_calls, k.tokens, k.usage_dollars, k.estimated_dollars, k.assumed_dollars)

-- Fill of usage_day_user from the calls
INSERT INTO public.usage_day_user (bucket, user_id, api_type, calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars)
SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
  coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
  CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
  count(*) AS calls,
  count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
  coalesce(sum(tokens_used), 0) AS tokens,
  coalesce(sum(usage_dollars), 0) AS usage_dollars,
  coalesce(sum(usage_dollars) FILTER (WHERE pricing_status = 'estimated'), 0) AS estimated_dollars,
  coalesce(sum(usage_dollars) FILTER (WHERE cardinality(pricing_assumptions) > 0), 0) AS assumed_dollars
FROM public.api_usage
WHERE timestamp >= $1 AND timestamp < $2
GROUP BY 1, 2, 3

-- CountDifferences of usage_half_month_user
WITH t AS (
  SELECT date_trunc('month', timestamp, 'UTC') + interval '360 hours' * (extract(day FROM timestamp AT TIME ZONE 'UTC') > 15)::integer AS bucket,
    coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
    count(*) AS calls,
    count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
    coalesce(sum(tokens_used), 0) AS tokens,
    coalesce(sum(usage_dollars), 0) AS usage_dollars,
    coalesce(sum(usage_dollars) FILTER (WHERE pricing_status = 'estimated'), 0) AS estimated_dollars,
    coalesce(sum(usage_dollars) FILTER (WHERE cardinality(pricing_assumptions) > 0), 0) AS assumed_dollars
  FROM public.api_usage
  WHERE timestamp >= $1 AND timestamp < $2
  GROUP BY 1, 2
), k AS (
  SELECT bucket, user_id, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(tokens) AS tokens, sum(usage_dollars) AS usage_dollars, CASE WHEN count(estimated_dollars) = count(*) THEN sum(estimated_dollars) END AS estimated_dollars, CASE WHEN count(assumed_dollars) = count(*) THEN sum(assumed_dollars) END AS assumed_dollars FROM public.usage_half_month_user
  WHERE bucket >= $1 AND bucket < $2
  GROUP BY bucket, user_id HAVING sum(calls) <> 0 OR sum(unpriced_calls) <> 0 OR sum(tokens) <> 0 OR sum(usage_dollars) <> 0 OR sum(estimated_dollars) <> 0 OR sum(assumed_dollars) <> 0
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (bucket, user_id)
WHERE (t.calls, t.unpriced_calls, t.tokens, t.usage_dollars, t.estimated_dollars, t.assumed_dollars) IS DISTINCT FROM (k.calls, k.unpriced_calls, k.tokens, k.usage_dollars, k.estimated_dollars, k.assumed_dollars)

-- Fill of usage_half_month_user from the calls
INSERT INTO public.usage_half_month_user (bucket, user_id, calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars)
SELECT date_trunc('month', timestamp, 'UTC') + interval '360 hours' * (extract(day FROM timestamp AT TIME ZONE 'UTC') > 15)::integer AS bucket,
  coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
  count(*) AS calls,
  count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
  coalesce(sum(tokens_used), 0) AS tokens,
  coalesce(sum(usage_dollars), 0) AS usage_dollars,
  coalesce(sum(usage_dollars) FILTER (WHERE pricing_status = 'estimated'), 0) AS estimated_dollars,
  coalesce(sum(usage_dollars) FILTER (WHERE cardinality(pricing_assumptions) > 0), 0) AS assumed_dollars
FROM public.api_usage
WHERE timestamp >= $1 AND timestamp < $2
GROUP BY 1, 2

-- Fill of usage_half_month_user from its parent
INSERT INTO public.usage_half_month_user (bucket, user_id, calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars)
SELECT date_trunc('month', bucket, 'UTC') + interval '360 hours' * (extract(day FROM bucket AT TIME ZONE 'UTC') > 15)::integer AS bucket,
  user_id,
  sum(calls) AS calls,
  sum(unpriced_calls) AS unpriced_calls,
  sum(tokens) AS tokens,
  sum(usage_dollars) AS usage_dollars,
  sum(estimated_dollars) AS estimated_dollars,
  sum(assumed_dollars) AS assumed_dollars
FROM public.usage_day_user
WHERE bucket >= $1 AND bucket < $2
GROUP BY 1, 2

-- CountDifferences of usage_day_tag
WITH t AS (
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
        count(*) AS calls,
        count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
        coalesce(sum(tokens_used), 0) AS tokens,
        coalesce(sum(usage_dollars), 0) AS usage_dollars
      FROM public.api_usage
      WHERE timestamp >= $1 AND timestamp < $2 AND tags IS NOT NULL
      GROUP BY 1, 2, 3
    ) AS sets CROSS JOIN LATERAL unnest(string_to_array(lines, E'\n')) AS line
    GROUP BY 1, 2, 3
  ) AS lines
  WHERE strpos(line, '=') BETWEEN 2 AND length(line) - 1
), k AS (
  SELECT bucket, tag_name, tag_value, api_type, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(tokens) AS tokens, sum(usage_dollars) AS usage_dollars FROM public.usage_day_tag
  WHERE bucket >= $1 AND bucket < $2
  GROUP BY bucket, tag_name, tag_value, api_type HAVING sum(calls) <> 0 OR sum(unpriced_calls) <> 0 OR sum(tokens) <> 0 OR sum(usage_dollars) <> 0
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (bucket, tag_name, tag_value, api_type)
WHERE (t.calls, t.unpriced_calls, t.tokens, t.usage_dollars) IS DISTINCT FROM (k.calls, k.unpriced_calls, k.tokens, k.usage_dollars)

-- Fill of usage_day_tag from the calls
INSERT INTO public.usage_day_tag (bucket, tag_name, tag_value, api_type, calls, unpriced_calls, tokens, usage_dollars)
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
      count(*) AS calls,
      count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
      coalesce(sum(tokens_used), 0) AS tokens,
      coalesce(sum(usage_dollars), 0) AS usage_dollars
    FROM public.api_usage
    WHERE timestamp >= $1 AND timestamp < $2 AND tags IS NOT NULL
    GROUP BY 1, 2, 3
  ) AS sets CROSS JOIN LATERAL unnest(string_to_array(lines, E'\n')) AS line
  GROUP BY 1, 2, 3
) AS lines
WHERE strpos(line, '=') BETWEEN 2 AND length(line) - 1

-- CountDifferences of usage_half_month_tag
WITH t AS (
  SELECT bucket,
    left(line, strpos(line, '=') - 1) AS tag_name,
    substr(line, strpos(line, '=') + 1) AS tag_value,
    calls,
    unpriced_calls,
    tokens,
    usage_dollars
  FROM (
    SELECT line,
      bucket,
      sum(calls) AS calls,
      sum(unpriced_calls) AS unpriced_calls,
      sum(tokens) AS tokens,
      sum(usage_dollars) AS usage_dollars
    FROM (
      SELECT date_trunc('month', timestamp, 'UTC') + interval '360 hours' * (extract(day FROM timestamp AT TIME ZONE 'UTC') > 15)::integer AS bucket,
        coalesce(sum_tags, tags) AS lines,
        count(*) AS calls,
        count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
        coalesce(sum(tokens_used), 0) AS tokens,
        coalesce(sum(usage_dollars), 0) AS usage_dollars
      FROM public.api_usage
      WHERE timestamp >= $1 AND timestamp < $2 AND tags IS NOT NULL
      GROUP BY 1, 2
    ) AS sets CROSS JOIN LATERAL unnest(string_to_array(lines, E'\n')) AS line
    GROUP BY 1, 2
  ) AS lines
  WHERE strpos(line, '=') BETWEEN 2 AND length(line) - 1
), k AS (
  SELECT bucket, tag_name, tag_value, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(tokens) AS tokens, sum(usage_dollars) AS usage_dollars FROM public.usage_half_month_tag
  WHERE bucket >= $1 AND bucket < $2
  GROUP BY bucket, tag_name, tag_value HAVING sum(calls) <> 0 OR sum(unpriced_calls) <> 0 OR sum(tokens) <> 0 OR sum(usage_dollars) <> 0
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (bucket, tag_name, tag_value)
WHERE (t.calls, t.unpriced_calls, t.tokens, t.usage_dollars) IS DISTINCT FROM (k.calls, k.unpriced_calls, k.tokens, k.usage_dollars)

-- Fill of usage_half_month_tag from the calls
INSERT INTO public.usage_half_month_tag (bucket, tag_name, tag_value, calls, unpriced_calls, tokens, usage_dollars)
SELECT bucket,
  left(line, strpos(line, '=') - 1) AS tag_name,
  substr(line, strpos(line, '=') + 1) AS tag_value,
  calls,
  unpriced_calls,
  tokens,
  usage_dollars
FROM (
  SELECT line,
    bucket,
    sum(calls) AS calls,
    sum(unpriced_calls) AS unpriced_calls,
    sum(tokens) AS tokens,
    sum(usage_dollars) AS usage_dollars
  FROM (
    SELECT date_trunc('month', timestamp, 'UTC') + interval '360 hours' * (extract(day FROM timestamp AT TIME ZONE 'UTC') > 15)::integer AS bucket,
      coalesce(sum_tags, tags) AS lines,
      count(*) AS calls,
      count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
      coalesce(sum(tokens_used), 0) AS tokens,
      coalesce(sum(usage_dollars), 0) AS usage_dollars
    FROM public.api_usage
    WHERE timestamp >= $1 AND timestamp < $2 AND tags IS NOT NULL
    GROUP BY 1, 2
  ) AS sets CROSS JOIN LATERAL unnest(string_to_array(lines, E'\n')) AS line
  GROUP BY 1, 2
) AS lines
WHERE strpos(line, '=') BETWEEN 2 AND length(line) - 1

-- Fill of usage_half_month_tag from its parent
INSERT INTO public.usage_half_month_tag (bucket, tag_name, tag_value, calls, unpriced_calls, tokens, usage_dollars)
SELECT date_trunc('month', bucket, 'UTC') + interval '360 hours' * (extract(day FROM bucket AT TIME ZONE 'UTC') > 15)::integer AS bucket,
  tag_name,
  tag_value,
  sum(calls) AS calls,
  sum(unpriced_calls) AS unpriced_calls,
  sum(tokens) AS tokens,
  sum(usage_dollars) AS usage_dollars
FROM public.usage_day_tag
WHERE bucket >= $1 AND bucket < $2
GROUP BY 1, 2, 3

-- CountDifferences of usage_quarter_hour
WITH t AS (
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
  FROM public.api_usage
  WHERE timestamp >= $1 AND timestamp < $2
  GROUP BY 1, 2, 3, 4, 5, 6
), k AS (
  SELECT bucket, api_type, provider, model, service, environment, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(estimated_calls) AS estimated_calls, sum(tokens) AS tokens, sum(unpriced_tokens) AS unpriced_tokens, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cache_read_tokens) AS cache_read_tokens, sum(cache_write_tokens) AS cache_write_tokens, sum(reasoning_tokens) AS reasoning_tokens, sum(usage_dollars) AS usage_dollars, sum(estimated_dollars) AS estimated_dollars, sum(reported_calls) AS reported_calls, sum(assumed_calls) AS assumed_calls, sum(assumed_dollars) AS assumed_dollars, sum(api_dollars) AS api_dollars, sum(plan_dollars) AS plan_dollars, sum(credit_dollars) AS credit_dollars, sum(own_dollars) AS own_dollars FROM public.usage_quarter_hour
  WHERE bucket >= $1 AND bucket < $2
  GROUP BY bucket, api_type, provider, model, service, environment HAVING sum(calls) <> 0 OR sum(unpriced_calls) <> 0 OR sum(estimated_calls) <> 0 OR sum(tokens) <> 0 OR sum(unpriced_tokens) <> 0 OR sum(input_tokens) <> 0 OR sum(output_tokens) <> 0 OR sum(cache_read_tokens) <> 0 OR sum(cache_write_tokens) <> 0 OR sum(reasoning_tokens) <> 0 OR sum(usage_dollars) <> 0 OR sum(estimated_dollars) <> 0 OR sum(reported_calls) <> 0 OR sum(assumed_calls) <> 0 OR sum(assumed_dollars) <> 0 OR sum(api_dollars) <> 0 OR sum(plan_dollars) <> 0 OR sum(credit_dollars) <> 0 OR sum(own_dollars) <> 0
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (bucket, api_type, provider, model, service, environment)
WHERE (t.calls, t.unpriced_calls, t.estimated_calls, t.tokens, t.unpriced_tokens, t.input_tokens, t.output_tokens, t.cache_read_tokens, t.cache_write_tokens, t.reasoning_tokens, t.usage_dollars, t.estimated_dollars, t.reported_calls, t.assumed_calls, t.assumed_dollars, t.api_dollars, t.plan_dollars, t.credit_dollars, t.own_dollars) IS DISTINCT FROM (k.calls, k.unpriced_calls, k.estimated_calls, k.tokens, k.unpriced_tokens, k.input_tokens, k.output_tokens, k.cache_read_tokens, k.cache_write_tokens, k.reasoning_tokens, k.usage_dollars, k.estimated_dollars, k.reported_calls, k.assumed_calls, k.assumed_dollars, k.api_dollars, k.plan_dollars, k.credit_dollars, k.own_dollars)

-- Fill of usage_quarter_hour from the calls
INSERT INTO public.usage_quarter_hour (bucket, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
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
FROM public.api_usage
WHERE timestamp >= $1 AND timestamp < $2
GROUP BY 1, 2, 3, 4, 5, 6

-- CountDifferences of usage_day
WITH t AS (
  SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
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
  FROM public.api_usage
  WHERE timestamp >= $1 AND timestamp < $2
  GROUP BY 1, 2, 3, 4, 5, 6
), k AS (
  SELECT bucket, api_type, provider, model, service, environment, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(estimated_calls) AS estimated_calls, sum(tokens) AS tokens, sum(unpriced_tokens) AS unpriced_tokens, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cache_read_tokens) AS cache_read_tokens, sum(cache_write_tokens) AS cache_write_tokens, sum(reasoning_tokens) AS reasoning_tokens, sum(usage_dollars) AS usage_dollars, sum(estimated_dollars) AS estimated_dollars, sum(reported_calls) AS reported_calls, sum(assumed_calls) AS assumed_calls, sum(assumed_dollars) AS assumed_dollars, sum(api_dollars) AS api_dollars, sum(plan_dollars) AS plan_dollars, sum(credit_dollars) AS credit_dollars, sum(own_dollars) AS own_dollars FROM public.usage_day
  WHERE bucket >= $1 AND bucket < $2
  GROUP BY bucket, api_type, provider, model, service, environment HAVING sum(calls) <> 0 OR sum(unpriced_calls) <> 0 OR sum(estimated_calls) <> 0 OR sum(tokens) <> 0 OR sum(unpriced_tokens) <> 0 OR sum(input_tokens) <> 0 OR sum(output_tokens) <> 0 OR sum(cache_read_tokens) <> 0 OR sum(cache_write_tokens) <> 0 OR sum(reasoning_tokens) <> 0 OR sum(usage_dollars) <> 0 OR sum(estimated_dollars) <> 0 OR sum(reported_calls) <> 0 OR sum(assumed_calls) <> 0 OR sum(assumed_dollars) <> 0 OR sum(api_dollars) <> 0 OR sum(plan_dollars) <> 0 OR sum(credit_dollars) <> 0 OR sum(own_dollars) <> 0
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (bucket, api_type, provider, model, service, environment)
WHERE (t.calls, t.unpriced_calls, t.estimated_calls, t.tokens, t.unpriced_tokens, t.input_tokens, t.output_tokens, t.cache_read_tokens, t.cache_write_tokens, t.reasoning_tokens, t.usage_dollars, t.estimated_dollars, t.reported_calls, t.assumed_calls, t.assumed_dollars, t.api_dollars, t.plan_dollars, t.credit_dollars, t.own_dollars) IS DISTINCT FROM (k.calls, k.unpriced_calls, k.estimated_calls, k.tokens, k.unpriced_tokens, k.input_tokens, k.output_tokens, k.cache_read_tokens, k.cache_write_tokens, k.reasoning_tokens, k.usage_dollars, k.estimated_dollars, k.reported_calls, k.assumed_calls, k.assumed_dollars, k.api_dollars, k.plan_dollars, k.credit_dollars, k.own_dollars)

-- Fill of usage_day from the calls
INSERT INTO public.usage_day (bucket, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
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
FROM public.api_usage
WHERE timestamp >= $1 AND timestamp < $2
GROUP BY 1, 2, 3, 4, 5, 6

-- Fill of usage_day from its parent
INSERT INTO public.usage_day (bucket, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
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
FROM public.usage_quarter_hour
WHERE bucket >= $1 AND bucket < $2
GROUP BY 1, 2, 3, 4, 5, 6

-- CountDifferences of usage_half_month
WITH t AS (
  SELECT date_trunc('month', timestamp, 'UTC') + interval '360 hours' * (extract(day FROM timestamp AT TIME ZONE 'UTC') > 15)::integer AS bucket,
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
  FROM public.api_usage
  WHERE timestamp >= $1 AND timestamp < $2
  GROUP BY 1, 2, 3, 4, 5, 6
), k AS (
  SELECT bucket, api_type, provider, model, service, environment, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(estimated_calls) AS estimated_calls, sum(tokens) AS tokens, sum(unpriced_tokens) AS unpriced_tokens, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cache_read_tokens) AS cache_read_tokens, sum(cache_write_tokens) AS cache_write_tokens, sum(reasoning_tokens) AS reasoning_tokens, sum(usage_dollars) AS usage_dollars, sum(estimated_dollars) AS estimated_dollars, sum(reported_calls) AS reported_calls, sum(assumed_calls) AS assumed_calls, sum(assumed_dollars) AS assumed_dollars, sum(api_dollars) AS api_dollars, sum(plan_dollars) AS plan_dollars, sum(credit_dollars) AS credit_dollars, sum(own_dollars) AS own_dollars FROM public.usage_half_month
  WHERE bucket >= $1 AND bucket < $2
  GROUP BY bucket, api_type, provider, model, service, environment HAVING sum(calls) <> 0 OR sum(unpriced_calls) <> 0 OR sum(estimated_calls) <> 0 OR sum(tokens) <> 0 OR sum(unpriced_tokens) <> 0 OR sum(input_tokens) <> 0 OR sum(output_tokens) <> 0 OR sum(cache_read_tokens) <> 0 OR sum(cache_write_tokens) <> 0 OR sum(reasoning_tokens) <> 0 OR sum(usage_dollars) <> 0 OR sum(estimated_dollars) <> 0 OR sum(reported_calls) <> 0 OR sum(assumed_calls) <> 0 OR sum(assumed_dollars) <> 0 OR sum(api_dollars) <> 0 OR sum(plan_dollars) <> 0 OR sum(credit_dollars) <> 0 OR sum(own_dollars) <> 0
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (bucket, api_type, provider, model, service, environment)
WHERE (t.calls, t.unpriced_calls, t.estimated_calls, t.tokens, t.unpriced_tokens, t.input_tokens, t.output_tokens, t.cache_read_tokens, t.cache_write_tokens, t.reasoning_tokens, t.usage_dollars, t.estimated_dollars, t.reported_calls, t.assumed_calls, t.assumed_dollars, t.api_dollars, t.plan_dollars, t.credit_dollars, t.own_dollars) IS DISTINCT FROM (k.calls, k.unpriced_calls, k.estimated_calls, k.tokens, k.unpriced_tokens, k.input_tokens, k.output_tokens, k.cache_read_tokens, k.cache_write_tokens, k.reasoning_tokens, k.usage_dollars, k.estimated_dollars, k.reported_calls, k.assumed_calls, k.assumed_dollars, k.api_dollars, k.plan_dollars, k.credit_dollars, k.own_dollars)

-- Fill of usage_half_month from the calls
INSERT INTO public.usage_half_month (bucket, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
SELECT date_trunc('month', timestamp, 'UTC') + interval '360 hours' * (extract(day FROM timestamp AT TIME ZONE 'UTC') > 15)::integer AS bucket,
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
FROM public.api_usage
WHERE timestamp >= $1 AND timestamp < $2
GROUP BY 1, 2, 3, 4, 5, 6

-- Fill of usage_half_month from its parent
INSERT INTO public.usage_half_month (bucket, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
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
FROM public.usage_day
WHERE bucket >= $1 AND bucket < $2
GROUP BY 1, 2, 3, 4, 5, 6

-- CountDifferences of usage_quarter_type
WITH t AS (
  SELECT date_bin('15 minutes', timestamp, '2000-01-01 00:00:00Z') AS bucket,
    CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
    count(*) AS calls,
    count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
    count(*) FILTER (WHERE pricing_status = 'estimated') AS estimated_calls,
    coalesce(sum(tokens_used), 0) AS tokens,
    coalesce(sum(tokens_used) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_tokens,
    coalesce(sum(usage_dollars), 0) AS usage_dollars
  FROM public.api_usage
  WHERE timestamp >= $1 AND timestamp < $2
  GROUP BY 1, 2
), k AS (
  SELECT bucket, api_type, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(estimated_calls) AS estimated_calls, sum(tokens) AS tokens, sum(unpriced_tokens) AS unpriced_tokens, sum(usage_dollars) AS usage_dollars FROM public.usage_quarter_type
  WHERE bucket >= $1 AND bucket < $2
  GROUP BY bucket, api_type HAVING sum(calls) <> 0 OR sum(unpriced_calls) <> 0 OR sum(estimated_calls) <> 0 OR sum(tokens) <> 0 OR sum(unpriced_tokens) <> 0 OR sum(usage_dollars) <> 0
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (bucket, api_type)
WHERE (t.calls, t.unpriced_calls, t.estimated_calls, t.tokens, t.unpriced_tokens, t.usage_dollars) IS DISTINCT FROM (k.calls, k.unpriced_calls, k.estimated_calls, k.tokens, k.unpriced_tokens, k.usage_dollars)

-- Fill of usage_quarter_type from the calls
INSERT INTO public.usage_quarter_type (bucket, api_type, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars)
SELECT date_bin('15 minutes', timestamp, '2000-01-01 00:00:00Z') AS bucket,
  CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
  count(*) AS calls,
  count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
  count(*) FILTER (WHERE pricing_status = 'estimated') AS estimated_calls,
  coalesce(sum(tokens_used), 0) AS tokens,
  coalesce(sum(tokens_used) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_tokens,
  coalesce(sum(usage_dollars), 0) AS usage_dollars
FROM public.api_usage
WHERE timestamp >= $1 AND timestamp < $2
GROUP BY 1, 2

-- Fill of usage_quarter_type from its parent
INSERT INTO public.usage_quarter_type (bucket, api_type, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars)
SELECT bucket,
  api_type,
  sum(calls) AS calls,
  sum(unpriced_calls) AS unpriced_calls,
  sum(estimated_calls) AS estimated_calls,
  sum(tokens) AS tokens,
  sum(unpriced_tokens) AS unpriced_tokens,
  sum(usage_dollars) AS usage_dollars
FROM public.usage_quarter_hour
WHERE bucket >= $1 AND bucket < $2
GROUP BY 1, 2

-- CountDifferences of usage_day_type
WITH t AS (
  SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
    CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
    count(*) AS calls,
    count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
    count(*) FILTER (WHERE pricing_status = 'estimated') AS estimated_calls,
    coalesce(sum(tokens_used), 0) AS tokens,
    coalesce(sum(tokens_used) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_tokens,
    coalesce(sum(usage_dollars), 0) AS usage_dollars
  FROM public.api_usage
  WHERE timestamp >= $1 AND timestamp < $2
  GROUP BY 1, 2
), k AS (
  SELECT bucket, api_type, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(estimated_calls) AS estimated_calls, sum(tokens) AS tokens, sum(unpriced_tokens) AS unpriced_tokens, sum(usage_dollars) AS usage_dollars FROM public.usage_day_type
  WHERE bucket >= $1 AND bucket < $2
  GROUP BY bucket, api_type HAVING sum(calls) <> 0 OR sum(unpriced_calls) <> 0 OR sum(estimated_calls) <> 0 OR sum(tokens) <> 0 OR sum(unpriced_tokens) <> 0 OR sum(usage_dollars) <> 0
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (bucket, api_type)
WHERE (t.calls, t.unpriced_calls, t.estimated_calls, t.tokens, t.unpriced_tokens, t.usage_dollars) IS DISTINCT FROM (k.calls, k.unpriced_calls, k.estimated_calls, k.tokens, k.unpriced_tokens, k.usage_dollars)

-- Fill of usage_day_type from the calls
INSERT INTO public.usage_day_type (bucket, api_type, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars)
SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
  CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
  count(*) AS calls,
  count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
  count(*) FILTER (WHERE pricing_status = 'estimated') AS estimated_calls,
  coalesce(sum(tokens_used), 0) AS tokens,
  coalesce(sum(tokens_used) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_tokens,
  coalesce(sum(usage_dollars), 0) AS usage_dollars
FROM public.api_usage
WHERE timestamp >= $1 AND timestamp < $2
GROUP BY 1, 2

-- Fill of usage_day_type from its parent
INSERT INTO public.usage_day_type (bucket, api_type, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars)
SELECT date_bin('1 day', bucket, '2000-01-01 00:00:00Z') AS bucket,
  api_type,
  sum(calls) AS calls,
  sum(unpriced_calls) AS unpriced_calls,
  sum(estimated_calls) AS estimated_calls,
  sum(tokens) AS tokens,
  sum(unpriced_tokens) AS unpriced_tokens,
  sum(usage_dollars) AS usage_dollars
FROM public.usage_quarter_type
WHERE bucket >= $1 AND bucket < $2
GROUP BY 1, 2
