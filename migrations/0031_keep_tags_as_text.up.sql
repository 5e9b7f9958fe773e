-- Keeps the tags of a call as text in columns of their own, a line for each, instead of as an
-- object in its metadata: storing and summing three of them took a quarter of what a call
-- takes, and most of that was PostgreSQL making and comparing the objects.
--
-- Runs in milliseconds, unless there are sums by tag already, which no release has kept: then
-- every call with tags is written again while writers wait, a minute for some million.
SET LOCAL lock_timeout = '10s';
LOCK TABLE public.api_usage IN SHARE ROW EXCLUSIVE MODE;

ALTER TABLE public.api_usage
  ADD COLUMN tags     text NULL,
  ADD COLUMN sum_tags text NULL;
COMMENT ON COLUMN public.api_usage.tags IS 'tags of the call, a line name=value for each; NULL: none';
COMMENT ON COLUMN public.api_usage.sum_tags IS 'tags as the sums have them, where they differ: (other) instead of a value, or no line for a tag, when the day has too many; only = when no tag is left';
COMMENT ON COLUMN public.api_usage.metadata IS 'what has no column of its own, such as dialect, sampled and unread';

-- A later report of a call has its tags again.
GRANT UPDATE (tags, sum_tags) ON public.api_usage TO usage_writer;

-- The values of a tag that have sums of their own on a UTC day. Once the day has as many as it
-- may have, a writer that knows them has nothing more to ask.
CREATE FUNCTION public.usage_tag_values(of_day timestamptz, tag text) RETURNS text[]
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(name), '{}') FROM public.usage_name WHERE day = of_day AND kind = 'tag:' || tag
$$;
REVOKE ALL ON FUNCTION public.usage_tag_values(timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.usage_tag_values(timestamptz, text) TO usage_writer;

DO $$
DECLARE
  kept boolean := EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.api_usage'::regclass AND tgname = 'api_usage_fold_update' AND tgenabled <> 'D');
BEGIN
  -- So that a large table of calls without tags need not be read.
  IF NOT EXISTS (SELECT FROM public.usage_day_tag) AND NOT EXISTS (SELECT FROM public.usage_setting WHERE name = 'tags_in_metadata') THEN RETURN; END IF;
  DELETE FROM public.usage_setting WHERE name = 'tags_in_metadata';
  -- The sums stay as they are.
  IF kept THEN ALTER TABLE public.api_usage DISABLE TRIGGER api_usage_fold_update; END IF;
  UPDATE public.api_usage SET
    tags = (SELECT string_agg(translate(key, E'=\n', '_ ') || '=' || replace(value, E'\n', ' '), E'\n') FROM jsonb_each_text(metadata -> 'tags')),
    sum_tags = CASE WHEN jsonb_typeof(metadata -> 'folded_tags') = 'object' THEN coalesce((
      SELECT string_agg(translate(key, E'=\n', '_ ') || '=' || CASE WHEN metadata -> 'folded_tags' ? key THEN '(other)' ELSE replace(value, E'\n', ' ') END, E'\n')
      FROM jsonb_each_text(metadata -> 'tags') WHERE metadata -> 'folded_tags' ->> key IS DISTINCT FROM 'name'), '=') END,
    metadata = metadata - 'tags' - 'folded_tags'
  WHERE jsonb_typeof(metadata -> 'tags') = 'object';
  IF kept THEN ALTER TABLE public.api_usage ENABLE TRIGGER api_usage_fold_update; END IF;
END $$;

-- Made by internal/sums: 0031: triggers.
CREATE OR REPLACE FUNCTION public.usage_fold_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$
DECLARE
  mine smallint := 0;
BEGIN
  -- The first slot that no writer has; this never waits.
  FOR free IN 0..31 LOOP
    IF pg_try_advisory_xact_lock('public.usage_day_type'::regclass::oid::integer, free) THEN
      mine := free;
      EXIT;
    END IF;
  END LOOP;
  IF mine > 0 THEN
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
      FROM n
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
          FROM n
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
      INSERT INTO public.usage_day_type_slot AS r (bucket, api_type,
        calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars, slot)
      SELECT added.*, mine
      FROM (
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
      ) AS added
      ORDER BY 1, 2
      ON CONFLICT (bucket, api_type, slot) DO UPDATE SET
        calls = r.calls + EXCLUDED.calls,
        unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
        estimated_calls = r.estimated_calls + EXCLUDED.estimated_calls,
        tokens = r.tokens + EXCLUDED.tokens,
        unpriced_tokens = r.unpriced_tokens + EXCLUDED.unpriced_tokens,
        usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars
      RETURNING 1
    ), into_usage_quarter_type AS (
      INSERT INTO public.usage_quarter_type_slot AS r (bucket, api_type,
        calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars, slot)
      SELECT added.*, mine
      FROM (
        SELECT bucket, api_type,
          calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars
        FROM of_usage_quarter_type
      ) AS added
      ORDER BY 1, 2
      ON CONFLICT (bucket, api_type, slot) DO UPDATE SET
        calls = r.calls + EXCLUDED.calls,
        unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
        estimated_calls = r.estimated_calls + EXCLUDED.estimated_calls,
        tokens = r.tokens + EXCLUDED.tokens,
        unpriced_tokens = r.unpriced_tokens + EXCLUDED.unpriced_tokens,
        usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars
      RETURNING 1
    ), into_usage_half_month AS (
      INSERT INTO public.usage_half_month_slot AS r (bucket, api_type, provider, model, service, environment,
        calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars, slot)
      SELECT added.*, mine
      FROM (
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
      ) AS added
      ORDER BY 1, 2, 3, 4, 5, 6
      ON CONFLICT (bucket, api_type, provider, model, service, environment, slot) DO UPDATE SET
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
      INSERT INTO public.usage_day_slot AS r (bucket, api_type, provider, model, service, environment,
        calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars, slot)
      SELECT added.*, mine
      FROM (
        SELECT bucket, api_type, provider, model, service, environment,
          calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
        FROM of_usage_day
      ) AS added
      ORDER BY 1, 2, 3, 4, 5, 6
      ON CONFLICT (bucket, api_type, provider, model, service, environment, slot) DO UPDATE SET
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
      INSERT INTO public.usage_quarter_hour_slot AS r (bucket, api_type, provider, model, service, environment,
        calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars, slot)
      SELECT added.*, mine
      FROM (
        SELECT bucket, api_type, provider, model, service, environment,
          calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
        FROM of_usage_quarter_hour
      ) AS added
      ORDER BY 1, 2, 3, 4, 5, 6
      ON CONFLICT (bucket, api_type, provider, model, service, environment, slot) DO UPDATE SET
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
      INSERT INTO public.usage_half_month_tag_slot AS r (bucket, tag_name, tag_value,
        calls, unpriced_calls, tokens, usage_dollars, slot)
      SELECT added.*, mine
      FROM (
        SELECT date_trunc('month', bucket, 'UTC') + interval '360 hours' * (extract(day FROM bucket AT TIME ZONE 'UTC') > 15)::integer AS bucket,
          tag_name,
          tag_value,
          sum(calls) AS calls,
          sum(unpriced_calls) AS unpriced_calls,
          sum(tokens) AS tokens,
          sum(usage_dollars) AS usage_dollars
        FROM of_usage_day_tag
        GROUP BY 1, 2, 3
      ) AS added
      ORDER BY 1, 2, 3
      ON CONFLICT (bucket, tag_name, tag_value, slot) DO UPDATE SET
        calls = r.calls + EXCLUDED.calls,
        unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
        tokens = r.tokens + EXCLUDED.tokens,
        usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars
      RETURNING 1
    ), into_usage_day_tag AS (
      INSERT INTO public.usage_day_tag_slot AS r (bucket, tag_name, tag_value, api_type,
        calls, unpriced_calls, tokens, usage_dollars, slot)
      SELECT added.*, mine
      FROM (
        SELECT bucket, tag_name, tag_value, api_type,
          calls, unpriced_calls, tokens, usage_dollars
        FROM of_usage_day_tag
      ) AS added
      ORDER BY 1, 2, 3, 4
      ON CONFLICT (bucket, tag_name, tag_value, api_type, slot) DO UPDATE SET
        calls = r.calls + EXCLUDED.calls,
        unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
        tokens = r.tokens + EXCLUDED.tokens,
        usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars
      RETURNING 1
    ), into_usage_half_month_user AS (
      INSERT INTO public.usage_half_month_user_slot AS r (bucket, user_id,
        calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars, slot)
      SELECT added.*, mine
      FROM (
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
      ) AS added
      ORDER BY 1, 2
      ON CONFLICT (bucket, user_id, slot) DO UPDATE SET
        calls = r.calls + EXCLUDED.calls,
        unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
        tokens = r.tokens + EXCLUDED.tokens,
        usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars,
        estimated_dollars = r.estimated_dollars + EXCLUDED.estimated_dollars,
        assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars
      RETURNING 1
    )
    INSERT INTO public.usage_day_user_slot AS r (bucket, user_id, api_type,
      calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars, slot)
    SELECT added.*, mine
    FROM (
      SELECT bucket, user_id, api_type,
        calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars
      FROM of_usage_day_user
    ) AS added
    ORDER BY 1, 2, 3
    ON CONFLICT (bucket, user_id, api_type, slot) DO UPDATE SET
      calls = r.calls + EXCLUDED.calls,
      unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
      tokens = r.tokens + EXCLUDED.tokens,
      usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars,
      estimated_dollars = r.estimated_dollars + EXCLUDED.estimated_dollars,
      assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars;
    RETURN NULL;
  END IF;
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
    FROM n
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
        FROM n
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
  )
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
    assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars;
  RETURN NULL;
END $fold$;
REVOKE ALL ON FUNCTION public.usage_fold_insert() FROM PUBLIC;

CREATE OR REPLACE FUNCTION public.usage_fold_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$
BEGIN
  PERFORM pg_try_advisory_xact_lock('public.usage_day_type'::regclass::oid::integer, 0);
  WITH of_usage_day_user AS MATERIALIZED (
    SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
      coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
      CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
      sum(sign) AS calls,
      coalesce(sum(sign) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
      coalesce(sum(sign * (tokens_used)), 0) AS tokens,
      coalesce(sum(sign * (usage_dollars)), 0) AS usage_dollars,
      coalesce(sum(sign * (usage_dollars)) FILTER (WHERE pricing_status = 'estimated'), 0) AS estimated_dollars,
      coalesce(sum(sign * (usage_dollars)) FILTER (WHERE cardinality(pricing_assumptions) > 0), 0) AS assumed_dollars
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, tags, sum_tags, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o UNION ALL SELECT 1, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, tags, sum_tags, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM n) AS rows
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
          sum(sign) AS calls,
          coalesce(sum(sign) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
          coalesce(sum(sign * (tokens_used)), 0) AS tokens,
          coalesce(sum(sign * (usage_dollars)), 0) AS usage_dollars
        FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, tags, sum_tags, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o UNION ALL SELECT 1, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, tags, sum_tags, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM n) AS rows
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, tags, sum_tags, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o UNION ALL SELECT 1, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, tags, sum_tags, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM n) AS rows
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
  )
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
    assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars;
  RETURN NULL;
END $fold$;
REVOKE ALL ON FUNCTION public.usage_fold_update() FROM PUBLIC;

CREATE OR REPLACE FUNCTION public.usage_fold_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$
BEGIN
  -- Retention removes calls and keeps their sums; the setting is local to its transaction.
  IF current_setting('usage.keep_rollup', true) = 'on' THEN RETURN NULL; END IF;
  PERFORM pg_try_advisory_xact_lock('public.usage_day_type'::regclass::oid::integer, 0);
  WITH of_usage_day_user AS MATERIALIZED (
    SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
      coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
      CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
      sum(sign) AS calls,
      coalesce(sum(sign) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
      coalesce(sum(sign * (tokens_used)), 0) AS tokens,
      coalesce(sum(sign * (usage_dollars)), 0) AS usage_dollars,
      coalesce(sum(sign * (usage_dollars)) FILTER (WHERE pricing_status = 'estimated'), 0) AS estimated_dollars,
      coalesce(sum(sign * (usage_dollars)) FILTER (WHERE cardinality(pricing_assumptions) > 0), 0) AS assumed_dollars
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, tags, sum_tags, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o) AS rows
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
          sum(sign) AS calls,
          coalesce(sum(sign) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
          coalesce(sum(sign * (tokens_used)), 0) AS tokens,
          coalesce(sum(sign * (usage_dollars)), 0) AS usage_dollars
        FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, tags, sum_tags, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o) AS rows
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, tags, sum_tags, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o) AS rows
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
  )
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
    assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars;
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

-- Made by internal/sums: 0031: forget a user.
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
END $$$forget$;
  END IF;
END $do$;

CREATE OR REPLACE VIEW public.usage_own_calls WITH (security_barrier) AS
  SELECT id, user_id, timestamp, usage_dollars, api_type, model, tokens_used, request_id, metadata, created_at,
         provider, service, environment, pricing_status, pricing_reason, price_id, cost_source, reported_dollars,
         input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
         audio_seconds, characters, images, other_quantities, pricing_assumptions, trace_id, session_id, outcome, payer,
         payer_plan, payer_filled, tags, sum_tags
  FROM public.api_usage
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;

-- What is metered of a call, and whose it is: nothing of its metadata, and its tags.
CREATE OR REPLACE VIEW public.usage_metered_call AS
  SELECT id, user_id, timestamp, usage_dollars, api_type, model, provider, service, environment, payer, pricing_status, pricing_reason,
         tokens_used, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
         images, characters, audio_seconds,
         (SELECT jsonb_object_agg(left(line, strpos(line, '=') - 1), substr(line, strpos(line, '=') + 1))
            FROM unnest(string_to_array(tags, E'\n')) AS line WHERE strpos(line, '=') > 1) AS tags,
         written_xid
  FROM public.api_usage;
