-- What a session cost was added up from the calls: the list of sessions of a month read each
-- call of the month. Now the sums by session of UTC days that are over are kept: nothing is
-- added at an insert, because an app has as many sessions as it likes and each would cost a
-- writer a row for nearly every call. The exporter fills it, at its start and every hour.
--
-- Runs in milliseconds: it touches no existing data.

-- What the calls of a UTC day add up to, by session. A session is one user's.
CREATE TABLE public.usage_session_kept (
  bucket             timestamptz NOT NULL,
  user_id            uuid        NULL, -- NULL: no user is known
  session_id         text        NOT NULL,
  calls              bigint      NOT NULL,
  unpriced_calls     bigint      NOT NULL,
  tokens             bigint      NOT NULL,
  usage_dollars      numeric     NOT NULL,
  first_call         timestamptz NOT NULL,
  last_call          timestamptz NOT NULL,
  -- All different ones, in order.
  models             text[]      NOT NULL,
  services           text[]      NOT NULL,
  traces             text[]      NOT NULL,
  CONSTRAINT usage_session_kept_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE
);
-- Serves: the sessions of all users in a period.
CREATE INDEX usage_session_kept_by_day ON public.usage_session_kept (bucket);
-- Serves: the sessions of one user, and that they go with the user.
CREATE INDEX usage_session_kept_by_user ON public.usage_session_kept (user_id, bucket);

-- The days that are kept, also those without a session.
CREATE TABLE public.usage_session_day (
  bucket  timestamptz NOT NULL,
  -- The rows of usage_day_type that were there: the transactions that wrote them, and their
  -- places. Whatever changes a call of the day writes one of them in the same transaction.
  -- Empty: the day lacks calls that its sums have.
  version text        NOT NULL,
  kept_at timestamptz NOT NULL,
  CONSTRAINT usage_session_day_pkey PRIMARY KEY (bucket)
);

-- The version of a day as it is now.
CREATE FUNCTION public.usage_session_version(day timestamptz) RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT string_agg(t.xmin::text || t.ctid::text, ' ' ORDER BY t.ctid) FROM public.usage_day_type AS t WHERE t.bucket = usage_session_version.day;
END;
REVOKE ALL ON FUNCTION public.usage_session_version(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.usage_session_version(timestamptz) TO usage_reader, usage_own;

-- The days that are as they were when they were kept. Of a day whose calls retention has
-- removed nothing changes any more.
CREATE VIEW public.usage_session_days AS
  SELECT bucket
  FROM public.usage_session_day
  WHERE bucket < (SELECT value::timestamptz FROM public.usage_setting WHERE name = 'retained_from')
     OR version = public.usage_session_version(bucket);

CREATE VIEW public.usage_own_session_kept WITH (security_barrier) AS
  SELECT bucket, user_id, session_id, calls, unpriced_calls, tokens, usage_dollars, first_call, last_call, models, services, traces
  FROM public.usage_session_kept
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;

-- Keeps a day as it is. It says whether all calls of its sums are there; if not, it leaves
-- what is kept.
CREATE FUNCTION public.usage_keep_session_day(day timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $keep$
DECLARE
  is_whole boolean;
BEGIN
  -- Two of them would keep the day twice.
  PERFORM pg_advisory_xact_lock('public.usage_session_day'::regclass::bigint);
  -- One statement, which sees one moment.
  WITH made AS MATERIALIZED (
    SELECT user_id, nullif(session_id, '') AS session_id, count(*) AS calls, count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls,
           coalesce(sum(tokens_used), 0)::bigint AS tokens, sum(usage_dollars) AS usage_dollars, min(timestamp) AS first_call, max(timestamp) AS last_call,
           coalesce(array_agg(DISTINCT model) FILTER (WHERE session_id <> '' AND model <> ''), '{}') AS models,
           coalesce(array_agg(DISTINCT service) FILTER (WHERE session_id <> '' AND service <> ''), '{}') AS services,
           coalesce(array_agg(DISTINCT trace_id) FILTER (WHERE session_id <> '' AND trace_id <> ''), '{}') AS traces
    FROM public.api_usage
    WHERE timestamp >= day AND timestamp < day + interval '24 hours'
    GROUP BY 1, 2
  ), whole AS MATERIALIZED (
    SELECT coalesce(t.calls, 0) = coalesce(m.calls, 0) AND coalesce(t.dollars, 0) = coalesce(m.dollars, 0) AS ok
    FROM (SELECT sum(calls) AS calls, sum(usage_dollars) AS dollars FROM public.usage_day_type WHERE bucket = day) AS t,
         (SELECT sum(calls) AS calls, sum(usage_dollars) AS dollars FROM made) AS m
  ), old AS (
    DELETE FROM public.usage_session_kept WHERE bucket = day AND (SELECT ok FROM whole)
  ), fresh AS (
    INSERT INTO public.usage_session_kept (bucket, user_id, session_id, calls, unpriced_calls, tokens, usage_dollars, first_call, last_call, models, services, traces)
    SELECT day, user_id, session_id, calls, unpriced_calls, tokens, usage_dollars, first_call, last_call, models, services, traces
    FROM made
    WHERE session_id IS NOT NULL AND (SELECT ok FROM whole)
  )
  INSERT INTO public.usage_session_day AS d (bucket, version, kept_at)
  SELECT day, CASE WHEN ok THEN coalesce(public.usage_session_version(day), '') ELSE '' END, now() FROM whole
  ON CONFLICT (bucket) DO UPDATE SET version = EXCLUDED.version, kept_at = EXCLUDED.kept_at
  RETURNING d.version <> '' INTO is_whole;
  RETURN is_whole;
END $keep$;
REVOKE ALL ON FUNCTION public.usage_keep_session_day(timestamptz) FROM PUBLIC;

-- Keeps at most so many UTC days that are over and are not kept yet, or have changed since;
-- the newest first. A day is looked at again after an hour at the earliest, so that late calls
-- do not keep the server busy. It says how many days it looked at: 0 when it is done, and
-- when somebody else is at it.
CREATE FUNCTION public.usage_keep_sessions(most integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $keep$
DECLARE
  one  timestamptz;
  kept integer := 0;
BEGIN
  -- On Citus each of these would ask every shard.
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL OR NOT pg_try_advisory_xact_lock('public.usage_session_day'::regclass::bigint) THEN
    RETURN 0;
  END IF;
  FOR one IN
    SELECT t.bucket
    FROM (SELECT DISTINCT bucket FROM public.usage_day_type WHERE bucket < date_bin('1 day', now() - interval '30 minutes', '2000-01-01 00:00:00Z')) AS t
    LEFT JOIN public.usage_session_day AS d USING (bucket)
    WHERE t.bucket >= coalesce((SELECT value::timestamptz FROM public.usage_setting WHERE name = 'retained_from'), '-infinity')
      AND (d.bucket IS NULL OR d.kept_at < now() - interval '1 hour' AND d.version IS DISTINCT FROM public.usage_session_version(t.bucket))
    ORDER BY t.bucket DESC
    LIMIT most
  LOOP
    PERFORM public.usage_keep_session_day(one);
    kept := kept + 1;
  END LOOP;
  RETURN kept;
END $keep$;
REVOKE ALL ON FUNCTION public.usage_keep_sessions(integer) FROM PUBLIC;

GRANT SELECT ON public.usage_session_kept TO usage_reader;
GRANT SELECT ON public.usage_own_session_kept TO usage_own;
GRANT SELECT ON public.usage_session_days TO usage_reader, usage_own;
GRANT EXECUTE ON FUNCTION public.usage_keep_sessions(integer) TO usage_writer;
