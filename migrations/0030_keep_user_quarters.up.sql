-- The days of a year in another time zone need what a user used between the two midnights,
-- which no sum by user knows: of a busy user hundreds of thousands of calls were read. Now
-- quarter hours of half months that are over are kept, of users with very many calls, as the
-- breakdowns of 0014 are: nothing is added at an insert, and the exporter fills it.
--
-- Runs in milliseconds: it touches no existing data.

-- Made by internal/sums: quarter hours of single users.
-- Of which half months and users the quarter hours are kept.
CREATE TABLE public.usage_user_quarter_kept (
  user_id uuid        NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  bucket  timestamptz NOT NULL, -- the half month
  -- The row of usage_half_month_user that was there: the transaction that wrote it, and its place.
  version xid         NOT NULL,
  place   tid         NOT NULL,
  PRIMARY KEY (user_id, bucket)
);

-- They count only while the half month is in the view below.
CREATE TABLE public.usage_user_quarter (
  user_id        uuid        NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  bucket         timestamptz NOT NULL,
  unpriced_calls bigint      NOT NULL,
  usage_dollars  numeric     NOT NULL,
  PRIMARY KEY (user_id, bucket)
);

-- What is as it was when it was made.
CREATE VIEW public.usage_user_quarter_half AS
  SELECT user_id, bucket
  FROM public.usage_user_quarter_kept AS k
  WHERE EXISTS (SELECT FROM public.usage_half_month_user AS h WHERE h.bucket = k.bucket AND h.user_id = k.user_id AND h.xmin = k.version AND h.ctid = k.place)
      AND NOT EXISTS (SELECT FROM public.usage_half_month_user AS o WHERE o.bucket = k.bucket AND o.user_id = k.user_id AND (o.xmin <> k.version OR o.ctid <> k.place));

CREATE VIEW public.usage_own_user_quarter_half WITH (security_barrier) AS
  SELECT user_id, bucket FROM public.usage_user_quarter_half
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;
CREATE VIEW public.usage_own_user_quarter WITH (security_barrier) AS
  SELECT user_id, bucket, unpriced_calls, usage_dollars FROM public.usage_user_quarter
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;

-- Keeps at most so many half months of users that are over, have at least so many calls
-- and are not kept yet, or have changed since. It says how many it kept: 0 when it is
-- done, and when somebody else is at it. When it is done it forgets what else changed.
CREATE FUNCTION public.usage_keep_user_quarters(most integer, fewest_calls integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $keep$
DECLARE
  half record;
  kept integer := 0;
BEGIN
  -- On Citus each of these would ask every shard.
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL OR NOT pg_try_advisory_xact_lock('public.usage_user_quarter_kept'::regclass::bigint) THEN
    RETURN 0;
  END IF;
  FOR half IN
    SELECT h.bucket, h.user_id, date_trunc('month', (h.bucket + interval '20 days'), 'UTC') + interval '360 hours' * (extract(day FROM (h.bucket + interval '20 days') AT TIME ZONE 'UTC') > 15)::integer AS until
    FROM public.usage_half_month_user AS h
    WHERE h.calls >= fewest_calls AND h.bucket < date_trunc('month', (now() - interval '1 day'), 'UTC') + interval '360 hours' * (extract(day FROM (now() - interval '1 day') AT TIME ZONE 'UTC') > 15)::integer
      AND h.bucket >= coalesce((SELECT value::timestamptz FROM public.usage_setting WHERE name = 'retained_from'), '-infinity')
      AND h.user_id <> '00000000-0000-0000-0000-000000000000'
      AND NOT EXISTS (SELECT FROM public.usage_user_quarter_kept AS k WHERE h.bucket = k.bucket AND h.user_id = k.user_id AND h.xmin = k.version AND h.ctid = k.place)
      AND NOT EXISTS (SELECT FROM public.usage_half_month_user AS o WHERE o.bucket = h.bucket AND o.user_id = h.user_id AND (o.xmin <> h.xmin OR o.ctid <> h.ctid))
    ORDER BY h.calls DESC, h.bucket, h.user_id
    LIMIT most
  LOOP
    DELETE FROM public.usage_user_quarter_kept AS k WHERE k.user_id = half.user_id AND k.bucket = half.bucket;
    DELETE FROM public.usage_user_quarter AS k WHERE k.user_id = half.user_id AND k.bucket >= half.bucket AND k.bucket < half.until;
    -- One statement, which sees one moment. Parts that are not the whole are not kept.
    WITH made AS MATERIALIZED (
      SELECT date_bin('15 minutes', timestamp, '2000-01-01 00:00:00Z') AS bucket, count(*) AS calls,
             count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls, coalesce(sum(usage_dollars), 0) AS usage_dollars
      FROM public.api_usage
      WHERE user_id = half.user_id AND timestamp >= half.bucket AND timestamp < half.until
      GROUP BY 1
    ), whole AS (
      INSERT INTO public.usage_user_quarter_kept (user_id, bucket, version, place)
      SELECT h.user_id, h.bucket, h.xmin, h.ctid
      FROM public.usage_half_month_user AS h
      WHERE h.bucket = half.bucket AND h.user_id = half.user_id
        AND (h.calls, h.unpriced_calls, h.usage_dollars) = (SELECT sum(calls), sum(unpriced_calls), sum(usage_dollars) FROM made)
      AND NOT EXISTS (SELECT FROM public.usage_half_month_user AS o WHERE o.bucket = h.bucket AND o.user_id = h.user_id AND (o.xmin <> h.xmin OR o.ctid <> h.ctid))
      RETURNING user_id
    )
    INSERT INTO public.usage_user_quarter (user_id, bucket, unpriced_calls, usage_dollars)
    SELECT whole.user_id, made.bucket, made.unpriced_calls, made.usage_dollars FROM whole, made;
    kept := kept + FOUND::integer;
  END LOOP;
  IF kept = 0 THEN
    WITH gone AS (
      DELETE FROM public.usage_user_quarter_kept AS k
      WHERE NOT EXISTS (SELECT FROM public.usage_half_month_user AS h WHERE h.bucket = k.bucket AND h.user_id = k.user_id AND h.xmin = k.version AND h.ctid = k.place)
      RETURNING user_id, bucket, date_trunc('month', (bucket + interval '20 days'), 'UTC') + interval '360 hours' * (extract(day FROM (bucket + interval '20 days') AT TIME ZONE 'UTC') > 15)::integer AS until
    )
    DELETE FROM public.usage_user_quarter AS k USING gone WHERE k.user_id = gone.user_id AND k.bucket >= gone.bucket AND k.bucket < gone.until;
  END IF;
  RETURN kept;
END $keep$;
REVOKE ALL ON FUNCTION public.usage_keep_user_quarters(integer, integer) FROM PUBLIC;
-- End of what internal/sums made.

GRANT SELECT ON public.usage_user_quarter, public.usage_user_quarter_half TO usage_reader;
GRANT SELECT ON public.usage_own_user_quarter, public.usage_own_user_quarter_half TO usage_own;
GRANT EXECUTE ON FUNCTION public.usage_keep_user_quarters(integer, integer) TO usage_writer;
