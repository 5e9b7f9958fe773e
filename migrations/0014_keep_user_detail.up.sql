-- What a user used by model, provider and service was read from all their calls, a
-- year of a busy user from a page of the table for each call. Now half months that
-- are over are kept, of users with many calls, beside the sums that writers add to:
-- nothing is added at an insert. The exporter fills it, at its start and every day.
--
-- Runs in milliseconds: it touches no existing data.

-- Made by internal/sums: what single users used.
CREATE TABLE public.usage_user_detail_kept (
  -- The row of usage_half_month_user that was there: the transaction that wrote it, and its place.
  version            xid         NOT NULL,
  place              tid         NOT NULL,
  bucket             timestamptz NOT NULL,
  user_id            uuid        NOT NULL,
  api_type           text        NOT NULL,
  provider           text        NOT NULL,
  model              text        NOT NULL,
  service            text        NOT NULL,
  environment        text        NOT NULL,
  calls              bigint      NOT NULL,
  unpriced_calls     bigint      NOT NULL,
  estimated_calls    bigint      NOT NULL,
  tokens             bigint      NOT NULL,
  unpriced_tokens    bigint      NOT NULL,
  input_tokens       bigint      NOT NULL,
  output_tokens      bigint      NOT NULL,
  cache_read_tokens  bigint      NOT NULL,
  cache_write_tokens bigint      NOT NULL,
  reasoning_tokens   bigint      NOT NULL,
  usage_dollars      numeric     NOT NULL,
  estimated_dollars  numeric     NOT NULL,
  reported_calls     bigint      NOT NULL,
  assumed_calls      bigint      NOT NULL,
  assumed_dollars    numeric     NOT NULL,
  api_dollars        numeric     NOT NULL,
  plan_dollars       numeric     NOT NULL,
  credit_dollars     numeric     NOT NULL,
  own_dollars        numeric     NOT NULL,
  CONSTRAINT usage_user_detail_kept_pkey PRIMARY KEY (user_id, bucket, api_type, provider, model, service, environment),
  CONSTRAINT usage_user_detail_kept_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE
);

-- What is as it was when it was made.
CREATE VIEW public.usage_user_detail AS
  SELECT bucket, user_id, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
  FROM public.usage_user_detail_kept AS k
  WHERE EXISTS (SELECT FROM public.usage_half_month_user AS h WHERE h.bucket = k.bucket AND h.user_id = k.user_id AND h.xmin = k.version AND h.ctid = k.place);

CREATE VIEW public.usage_own_user_detail WITH (security_barrier) AS
  SELECT bucket, user_id, api_type, provider, model, service, environment, calls, unpriced_calls, estimated_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_dollars, estimated_dollars, reported_calls, assumed_calls, assumed_dollars, api_dollars, plan_dollars, credit_dollars, own_dollars
  FROM public.usage_user_detail
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;

-- Keeps at most so many half months of users that are over, have at least so many calls
-- and are not kept yet, or have changed since. It says how many it kept: 0 when it is
-- done, and when somebody else is at it. When it is done it forgets what else changed.
CREATE FUNCTION public.usage_keep_user_detail(most integer, fewest_calls integer) RETURNS integer
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
    WHERE (all_calls, all_dollars) = (SELECT sum(calls), sum(usage_dollars) FROM made);
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

GRANT SELECT ON public.usage_user_detail TO usage_reader;
GRANT SELECT ON public.usage_own_user_detail TO usage_own;
GRANT EXECUTE ON FUNCTION public.usage_keep_user_detail(integer, integer) TO usage_writer;
