-- Writers that store calls at the same time do not wait for each other's sums: each adds to
-- rows of its own, in a table beside each of the tables of sums that inherits from it. Whoever
-- reads a table of sums reads both, and has to add up: a key can have several rows until
-- collectors have moved them together, once a minute (public.usage_fold_slots).
-- docs/decisions/0012-slots.md says why.
--
-- Runs in milliseconds: the tables of sums and their keys stay as they are, and no row is
-- written. Writers of an older build go on; who adds up in the statement adds to the tables of
-- sums.
SET LOCAL lock_timeout = '10s';
LOCK TABLE public.api_usage IN SHARE ROW EXCLUSIVE MODE;

DO $do$
BEGIN
  -- Citus has no triggers that would add to slots, and distributes no table that others inherit from.
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN RETURN; END IF;
-- Made by internal/sums: 0028: tables of slots.
CREATE TABLE IF NOT EXISTS public.usage_day_user_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_day_user_slot_pkey PRIMARY KEY (bucket, user_id, api_type, slot)
) INHERITS (public.usage_day_user) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS usage_day_user_slot_by_user ON public.usage_day_user_slot (user_id, bucket);
CREATE TABLE IF NOT EXISTS public.usage_half_month_user_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_half_month_user_slot_pkey PRIMARY KEY (bucket, user_id, slot)
) INHERITS (public.usage_half_month_user) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_day_tag_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_day_tag_slot_pkey PRIMARY KEY (bucket, tag_name, tag_value, api_type, slot)
) INHERITS (public.usage_day_tag) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_half_month_tag_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_half_month_tag_slot_pkey PRIMARY KEY (bucket, tag_name, tag_value, slot)
) INHERITS (public.usage_half_month_tag) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_quarter_hour_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_quarter_hour_slot_pkey PRIMARY KEY (bucket, api_type, provider, model, service, environment, slot)
) INHERITS (public.usage_quarter_hour) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_day_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_day_slot_pkey PRIMARY KEY (bucket, api_type, provider, model, service, environment, slot)
) INHERITS (public.usage_day) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_half_month_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_half_month_slot_pkey PRIMARY KEY (bucket, api_type, provider, model, service, environment, slot)
) INHERITS (public.usage_half_month) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_quarter_type_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_quarter_type_slot_pkey PRIMARY KEY (bucket, api_type, slot)
) INHERITS (public.usage_quarter_type) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS public.usage_day_type_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_day_type_slot_pkey PRIMARY KEY (bucket, api_type, slot)
) INHERITS (public.usage_day_type) WITH (fillfactor = 50);
-- End of what internal/sums made.
END $do$;

-- Made by internal/sums: 0028: triggers.
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o UNION ALL SELECT 1, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM n) AS rows
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
      FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o UNION ALL SELECT 1, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM n) AS rows
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o UNION ALL SELECT 1, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM n) AS rows
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o) AS rows
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
      FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o) AS rows
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
    FROM (SELECT -1 AS sign, timestamp, user_id, api_type, pricing_status, tokens_used, usage_dollars, pricing_assumptions, metadata, provider, folded, model, service, environment, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, payer FROM o) AS rows
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

-- Made by internal/sums: 0028: function of slots.
-- Moves the sums of the next slot after the given one into the tables of the levels, at
-- most so many rows of each. It says after which slot to go on, and NULL when there is
-- none, or when somebody else is at it.
CREATE OR REPLACE FUNCTION public.usage_fold_slots(after integer, most integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$
DECLARE
  mine  integer;
  moved bigint;
BEGIN
  -- Citus has no such tables.
  IF to_regclass('public.usage_day_user_slot') IS NULL OR NOT pg_try_advisory_xact_lock('public.usage_day_type'::regclass::oid::integer, -1) THEN
    RETURN NULL;
  END IF;
  SELECT min(slot) INTO mine FROM (
    SELECT slot FROM public.usage_day_user_slot
    UNION ALL SELECT slot FROM public.usage_half_month_user_slot
    UNION ALL SELECT slot FROM public.usage_day_tag_slot
    UNION ALL SELECT slot FROM public.usage_half_month_tag_slot
    UNION ALL SELECT slot FROM public.usage_quarter_hour_slot
    UNION ALL SELECT slot FROM public.usage_day_slot
    UNION ALL SELECT slot FROM public.usage_half_month_slot
    UNION ALL SELECT slot FROM public.usage_quarter_type_slot
    UNION ALL SELECT slot FROM public.usage_day_type_slot
  ) AS used WHERE slot > after;
  IF mine IS NULL THEN RETURN NULL; END IF;
  -- Waits for the writer that has the slot, while nobody waits for this transaction. From
  -- then on no writer takes it, and no row of it is changed. In the levels it adds as a
  -- writer does, in the same order.
  PERFORM pg_advisory_xact_lock('public.usage_day_type'::regclass::oid::integer, mine);
  PERFORM pg_try_advisory_xact_lock('public.usage_day_type'::regclass::oid::integer, 0);
  LOCK TABLE public.usage_day_user, public.usage_half_month_user, public.usage_day_tag,
    public.usage_half_month_tag, public.usage_quarter_hour, public.usage_day,
    public.usage_half_month, public.usage_quarter_type, public.usage_day_type IN ROW EXCLUSIVE MODE;
  WITH gone AS (
    DELETE FROM public.usage_day_user_slot
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM public.usage_day_user_slot WHERE slot = mine LIMIT most))
    RETURNING bucket, user_id, api_type, calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars
  )
  INSERT INTO public.usage_day_user AS r (bucket, user_id, api_type,
    calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars)
  SELECT bucket, user_id, api_type, calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars
  FROM gone
  ORDER BY 1, 2, 3
  ON CONFLICT (bucket, user_id, api_type) DO UPDATE SET
    calls = r.calls + EXCLUDED.calls,
    unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
    tokens = r.tokens + EXCLUDED.tokens,
    usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars,
    estimated_dollars = r.estimated_dollars + EXCLUDED.estimated_dollars,
    assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved = most THEN RETURN mine - 1; END IF;
  WITH gone AS (
    DELETE FROM public.usage_half_month_user_slot
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM public.usage_half_month_user_slot WHERE slot = mine LIMIT most))
    RETURNING bucket, user_id, calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars
  )
  INSERT INTO public.usage_half_month_user AS r (bucket, user_id,
    calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars)
  SELECT bucket, user_id, calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars
  FROM gone
  ORDER BY 1, 2
  ON CONFLICT (bucket, user_id) DO UPDATE SET
    calls = r.calls + EXCLUDED.calls,
    unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
    tokens = r.tokens + EXCLUDED.tokens,
    usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars,
    estimated_dollars = r.estimated_dollars + EXCLUDED.estimated_dollars,
    assumed_dollars = r.assumed_dollars + EXCLUDED.assumed_dollars;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved = most THEN RETURN mine - 1; END IF;
  WITH gone AS (
    DELETE FROM public.usage_day_tag_slot
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM public.usage_day_tag_slot WHERE slot = mine LIMIT most))
    RETURNING bucket, tag_name, tag_value, api_type, calls, unpriced_calls, tokens, usage_dollars
  )
  INSERT INTO public.usage_day_tag AS r (bucket, tag_name, tag_value, api_type,
    calls, unpriced_calls, tokens, usage_dollars)
  SELECT bucket, tag_name, tag_value, api_type, calls, unpriced_calls, tokens, usage_dollars
  FROM gone
  ORDER BY 1, 2, 3, 4
  ON CONFLICT (bucket, tag_name, tag_value, api_type) DO UPDATE SET
    calls = r.calls + EXCLUDED.calls,
    unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
    tokens = r.tokens + EXCLUDED.tokens,
    usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved = most THEN RETURN mine - 1; END IF;
  WITH gone AS (
    DELETE FROM public.usage_half_month_tag_slot
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM public.usage_half_month_tag_slot WHERE slot = mine LIMIT most))
    RETURNING bucket, tag_name, tag_value, calls, unpriced_calls, tokens, usage_dollars
  )
  INSERT INTO public.usage_half_month_tag AS r (bucket, tag_name, tag_value,
    calls, unpriced_calls, tokens, usage_dollars)
  SELECT bucket, tag_name, tag_value, calls, unpriced_calls, tokens, usage_dollars
  FROM gone
  ORDER BY 1, 2, 3
  ON CONFLICT (bucket, tag_name, tag_value) DO UPDATE SET
    calls = r.calls + EXCLUDED.calls,
    unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
    tokens = r.tokens + EXCLUDED.tokens,
    usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved = most THEN RETURN mine - 1; END IF;
  WITH gone AS (
    DELETE FROM public.usage_quarter_hour_slot
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM public.usage_quarter_hour_slot WHERE slot = mine LIMIT most))
    RETURNING bucket, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
  )
  INSERT INTO public.usage_quarter_hour AS r (bucket, api_type, provider, model, service, environment,
    calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
  SELECT bucket, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
  FROM gone
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
    own_dollars = r.own_dollars + EXCLUDED.own_dollars;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved = most THEN RETURN mine - 1; END IF;
  WITH gone AS (
    DELETE FROM public.usage_day_slot
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM public.usage_day_slot WHERE slot = mine LIMIT most))
    RETURNING bucket, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
  )
  INSERT INTO public.usage_day AS r (bucket, api_type, provider, model, service, environment,
    calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
  SELECT bucket, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
  FROM gone
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
    own_dollars = r.own_dollars + EXCLUDED.own_dollars;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved = most THEN RETURN mine - 1; END IF;
  WITH gone AS (
    DELETE FROM public.usage_half_month_slot
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM public.usage_half_month_slot WHERE slot = mine LIMIT most))
    RETURNING bucket, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
  )
  INSERT INTO public.usage_half_month AS r (bucket, api_type, provider, model, service, environment,
    calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
  SELECT bucket, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
  FROM gone
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
    own_dollars = r.own_dollars + EXCLUDED.own_dollars;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved = most THEN RETURN mine - 1; END IF;
  WITH gone AS (
    DELETE FROM public.usage_quarter_type_slot
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM public.usage_quarter_type_slot WHERE slot = mine LIMIT most))
    RETURNING bucket, api_type, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars
  )
  INSERT INTO public.usage_quarter_type AS r (bucket, api_type,
    calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars)
  SELECT bucket, api_type, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars
  FROM gone
  ORDER BY 1, 2
  ON CONFLICT (bucket, api_type) DO UPDATE SET
    calls = r.calls + EXCLUDED.calls,
    unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
    estimated_calls = r.estimated_calls + EXCLUDED.estimated_calls,
    tokens = r.tokens + EXCLUDED.tokens,
    unpriced_tokens = r.unpriced_tokens + EXCLUDED.unpriced_tokens,
    usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved = most THEN RETURN mine - 1; END IF;
  WITH gone AS (
    DELETE FROM public.usage_day_type_slot
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM public.usage_day_type_slot WHERE slot = mine LIMIT most))
    RETURNING bucket, api_type, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars
  )
  INSERT INTO public.usage_day_type AS r (bucket, api_type,
    calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars)
  SELECT bucket, api_type, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars
  FROM gone
  ORDER BY 1, 2
  ON CONFLICT (bucket, api_type) DO UPDATE SET
    calls = r.calls + EXCLUDED.calls,
    unpriced_calls = r.unpriced_calls + EXCLUDED.unpriced_calls,
    estimated_calls = r.estimated_calls + EXCLUDED.estimated_calls,
    tokens = r.tokens + EXCLUDED.tokens,
    unpriced_tokens = r.unpriced_tokens + EXCLUDED.unpriced_tokens,
    usage_dollars = r.usage_dollars + EXCLUDED.usage_dollars;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved = most THEN RETURN mine - 1; END IF;
  RETURN mine;
END $fold$;
REVOKE ALL ON FUNCTION public.usage_fold_slots(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.usage_fold_slots(integer, integer) TO usage_writer;
-- End of what internal/sums made.

-- Made by internal/sums: 0028: views of sums.
CREATE OR REPLACE VIEW usage_report.user_day AS
  SELECT bucket,
         user_id,
         api_type,
         calls,
         unpriced_calls,
         tokens,
         usage_dollars,
         estimated_dollars,
         assumed_dollars
  FROM public.usage_day_user
  WHERE (calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars) <> (0, 0, 0, 0, 0, 0);

CREATE OR REPLACE VIEW usage_report.user_half_month AS
  SELECT bucket,
         user_id,
         calls,
         unpriced_calls,
         tokens,
         usage_dollars,
         estimated_dollars,
         assumed_dollars
  FROM public.usage_half_month_user
  WHERE (calls, unpriced_calls, tokens, usage_dollars, estimated_dollars, assumed_dollars) <> (0, 0, 0, 0, 0, 0);

CREATE OR REPLACE VIEW usage_report.day_tag AS
  SELECT bucket,
         tag_name,
         tag_value,
         api_type,
         calls,
         unpriced_calls,
         tokens,
         usage_dollars
  FROM public.usage_day_tag
  WHERE (calls, unpriced_calls, tokens, usage_dollars) <> (0, 0, 0, 0);

CREATE OR REPLACE VIEW usage_report.quarter_hour AS
  SELECT bucket,
         api_type,
         CASE WHEN provider = '' THEN '(none)' ELSE provider END AS provider,
         CASE WHEN model = '' THEN '(none)' ELSE model END AS model,
         CASE WHEN service = '' THEN '(none)' ELSE service END AS service,
         CASE WHEN environment = '' THEN '(none)' ELSE environment END AS environment,
         calls,
         unpriced_calls,
         estimated_calls,
         tokens,
         unpriced_tokens,
         input_tokens,
         output_tokens,
         cache_read_tokens,
         cache_write_tokens,
         reasoning_tokens,
         usage_dollars,
         estimated_dollars,
         reported_calls,
         assumed_calls,
         assumed_dollars,
         api_dollars,
         plan_dollars,
         credit_dollars,
         own_dollars
  FROM public.usage_quarter_hour
  WHERE (calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

CREATE OR REPLACE VIEW usage_report.day AS
  SELECT bucket,
         api_type,
         CASE WHEN provider = '' THEN '(none)' ELSE provider END AS provider,
         CASE WHEN model = '' THEN '(none)' ELSE model END AS model,
         CASE WHEN service = '' THEN '(none)' ELSE service END AS service,
         CASE WHEN environment = '' THEN '(none)' ELSE environment END AS environment,
         calls,
         unpriced_calls,
         estimated_calls,
         tokens,
         unpriced_tokens,
         input_tokens,
         output_tokens,
         cache_read_tokens,
         cache_write_tokens,
         reasoning_tokens,
         usage_dollars,
         estimated_dollars,
         reported_calls,
         assumed_calls,
         assumed_dollars,
         api_dollars,
         plan_dollars,
         credit_dollars,
         own_dollars
  FROM public.usage_day
  WHERE (calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

CREATE OR REPLACE VIEW usage_report.quarter_type AS
  SELECT bucket,
         api_type,
         calls,
         unpriced_calls,
         estimated_calls,
         tokens,
         unpriced_tokens,
         usage_dollars
  FROM public.usage_quarter_type
  WHERE (calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars) <> (0, 0, 0, 0, 0, 0);

CREATE OR REPLACE VIEW usage_report.day_type AS
  SELECT bucket,
         api_type,
         calls,
         unpriced_calls,
         estimated_calls,
         tokens,
         unpriced_tokens,
         usage_dollars
  FROM public.usage_day_type
  WHERE (calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, usage_dollars) <> (0, 0, 0, 0, 0, 0);
-- End of what internal/sums made.

DO $do$
BEGIN
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN RETURN; END IF;
-- Made by internal/sums: 0028: what single users used.
-- What is as it was when it was made.
CREATE OR REPLACE VIEW public.usage_user_detail AS
  SELECT bucket, user_id, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
  FROM public.usage_user_detail_kept AS k
  WHERE EXISTS (SELECT FROM public.usage_half_month_user AS h WHERE h.bucket = k.bucket AND h.user_id = k.user_id AND h.xmin = k.version AND h.ctid = k.place)
      AND NOT EXISTS (SELECT FROM public.usage_half_month_user AS o WHERE o.bucket = k.bucket AND o.user_id = k.user_id AND (o.xmin <> k.version OR o.ctid <> k.place));

CREATE OR REPLACE VIEW public.usage_own_user_detail WITH (security_barrier) AS
  SELECT bucket, user_id, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
  FROM public.usage_user_detail
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;

-- Keeps at most so many half months of users that are over, have at least so many calls
-- and are not kept yet, or have changed since. It says how many it kept: 0 when it is
-- done, and when somebody else is at it. When it is done it forgets what else changed.
CREATE OR REPLACE FUNCTION public.usage_keep_user_detail(most integer, fewest_calls integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $keep$
DECLARE
  half record;
  keys integer;
  kept integer := 0;
BEGIN
  -- On Citus each of these would ask every shard.
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL OR NOT pg_try_advisory_xact_lock('public.usage_user_detail_kept'::regclass::bigint) THEN
    RETURN 0;
  END IF;
  FOR half IN
    SELECT h.bucket, h.user_id, date_trunc('month', (h.bucket + interval '20 days'), 'UTC') + interval '360 hours' * (extract(day FROM (h.bucket + interval '20 days') AT TIME ZONE 'UTC') > 15)::integer AS until
    FROM public.usage_half_month_user AS h
    WHERE h.calls >= fewest_calls AND h.bucket < date_trunc('month', (now() - interval '1 day'), 'UTC') + interval '360 hours' * (extract(day FROM (now() - interval '1 day') AT TIME ZONE 'UTC') > 15)::integer
      AND h.bucket >= coalesce((SELECT value::timestamptz FROM public.usage_setting WHERE name = 'retained_from'), '-infinity')
      AND h.user_id <> '00000000-0000-0000-0000-000000000000'
      AND NOT EXISTS (SELECT FROM public.usage_user_detail_kept AS k WHERE h.bucket = k.bucket AND h.user_id = k.user_id AND h.xmin = k.version AND h.ctid = k.place)
      AND NOT EXISTS (SELECT FROM public.usage_half_month_user AS o WHERE o.bucket = h.bucket AND o.user_id = h.user_id AND (o.xmin <> h.xmin OR o.ctid <> h.ctid))
    ORDER BY h.calls DESC, h.bucket, h.user_id
    LIMIT most
  LOOP
    DELETE FROM public.usage_user_detail_kept AS k WHERE k.user_id = half.user_id AND k.bucket = half.bucket;
    -- One statement, which sees one moment. Parts that are not the whole are not kept.
    WITH made AS MATERIALIZED (
      SELECT CASE WHEN api_type IN ('text', 'speech', 'tts', 'transcription', 'embedding', 'image', 'video', 'rerank') THEN api_type ELSE '(other)' END AS api_type,
        provider,
        coalesce(model, '') AS model,
        service,
        environment,
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
      WHERE user_id = half.user_id AND timestamp >= half.bucket AND timestamp < half.until
      GROUP BY 1, 2, 3, 4, 5
    )
    INSERT INTO public.usage_user_detail_kept (version, place, bucket, user_id, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars)
    SELECT h.xmin, h.ctid, h.bucket, h.user_id, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
    FROM (SELECT xmin, ctid, bucket, user_id, calls AS all_calls, usage_dollars AS all_dollars FROM public.usage_half_month_user WHERE bucket = half.bucket AND user_id = half.user_id) AS h, made
    WHERE (all_calls, all_dollars) = (SELECT sum(calls), sum(usage_dollars) FROM made)
      AND NOT EXISTS (SELECT FROM public.usage_half_month_user AS o WHERE o.bucket = h.bucket AND o.user_id = h.user_id AND (o.xmin <> h.xmin OR o.ctid <> h.ctid));
    GET DIAGNOSTICS keys = ROW_COUNT;
    kept := kept + least(keys, 1);
  END LOOP;
  IF kept = 0 THEN
    DELETE FROM public.usage_user_detail_kept AS k WHERE NOT EXISTS (SELECT FROM public.usage_half_month_user AS h WHERE h.bucket = k.bucket AND h.user_id = k.user_id AND h.xmin = k.version AND h.ctid = k.place);
  END IF;
  RETURN kept;
END $keep$;
REVOKE ALL ON FUNCTION public.usage_keep_user_detail(integer, integer) FROM PUBLIC;
-- End of what internal/sums made.
END $do$;
