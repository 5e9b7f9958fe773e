-- What dashboards and reports read: the schema usage_report, and the role
-- usage_grafana that can read it and nothing else.
--
-- Whoever may look at a dashboard can send any SQL through its data source, so
-- the role is what protects the database. It sees neither public.api_usage nor
-- auth.users: the views below run with the rights of their owner and leave
-- metadata out, but for trace and span id.
--
-- The functions are plain SQL that the planner expands into the query that
-- calls them; with constants as arguments only the branches that apply remain.
-- Their bodies are bound when they are created, so no search_path of a session
-- can lead them elsewhere. They call with the rights of the caller.
--
-- Runs in milliseconds: it touches no existing data.
CREATE SCHEMA usage_report;

-- Views. '(none)' stands for what is not known, so that a filter never meets
-- NULL or an empty text. Keys without calls are left out. The nil UUID stands for
-- calls without a user.

-- Made by internal/sums: views of sums.
CREATE VIEW usage_report.user_day AS
  SELECT bucket,
         user_id,
         api_type,
         calls,
         unpriced_calls,
         tokens,
         usage_dollars
  FROM public.usage_day_user
  WHERE calls <> 0;

CREATE VIEW usage_report.user_half_month AS
  SELECT bucket,
         user_id,
         calls,
         unpriced_calls,
         tokens,
         usage_dollars
  FROM public.usage_half_month_user
  WHERE calls <> 0;

CREATE VIEW usage_report.quarter_hour AS
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
  WHERE calls <> 0;

CREATE VIEW usage_report.day AS
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
  WHERE calls <> 0;

CREATE VIEW usage_report.quarter_type AS
  SELECT bucket,
         api_type,
         calls,
         unpriced_calls,
         estimated_calls,
         tokens,
         unpriced_tokens,
         usage_dollars
  FROM public.usage_quarter_type
  WHERE calls <> 0;

CREATE VIEW usage_report.day_type AS
  SELECT bucket,
         api_type,
         calls,
         unpriced_calls,
         estimated_calls,
         tokens,
         unpriced_tokens,
         usage_dollars
  FROM public.usage_day_type
  WHERE calls <> 0;

-- The calls in the form of the sums: the time is their bucket, and NULL the user
-- of a call that has none.
CREATE VIEW usage_report.one_call AS
  SELECT timestamp AS bucket,
         user_id,
         api_type,
         CASE WHEN provider = '' THEN '(none)' ELSE provider END AS provider,
         CASE WHEN coalesce(model, '') = '' THEN '(none)' ELSE coalesce(model, '') END AS model,
         CASE WHEN service = '' THEN '(none)' ELSE service END AS service,
         CASE WHEN environment = '' THEN '(none)' ELSE environment END AS environment,
         (1)::bigint AS calls,
         (CASE WHEN pricing_status = 'unpriced' THEN 1 ELSE 0 END)::bigint AS unpriced_calls,
         (CASE WHEN pricing_status = 'estimated' THEN 1 ELSE 0 END)::bigint AS estimated_calls,
         (coalesce(tokens_used, 0))::bigint AS tokens,
         (CASE WHEN pricing_status = 'unpriced' THEN coalesce(tokens_used, 0) ELSE 0 END)::bigint AS unpriced_tokens,
         (coalesce(input_tokens, 0))::bigint AS input_tokens,
         (coalesce(output_tokens, 0))::bigint AS output_tokens,
         (coalesce(cache_read_tokens, 0))::bigint AS cache_read_tokens,
         (coalesce(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0), 0))::bigint AS cache_write_tokens,
         (coalesce(reasoning_tokens, 0))::bigint AS reasoning_tokens,
         coalesce(usage_dollars, 0) AS usage_dollars,
         CASE WHEN pricing_status = 'estimated' THEN coalesce(usage_dollars, 0) ELSE 0 END AS estimated_dollars,
         (CASE WHEN pricing_status = 'reported' THEN 1 ELSE 0 END)::bigint AS reported_calls,
         (CASE WHEN cardinality(pricing_assumptions) > 0 THEN 1 ELSE 0 END)::bigint AS assumed_calls,
         CASE WHEN cardinality(pricing_assumptions) > 0 THEN coalesce(usage_dollars, 0) ELSE 0 END AS assumed_dollars,
         CASE WHEN payer = 'api' THEN coalesce(usage_dollars, 0) ELSE 0 END AS api_dollars,
         CASE WHEN payer = 'plan' THEN coalesce(usage_dollars, 0) ELSE 0 END AS plan_dollars,
         CASE WHEN payer = 'credit' THEN coalesce(usage_dollars, 0) ELSE 0 END AS credit_dollars,
         CASE WHEN payer = 'own' THEN coalesce(usage_dollars, 0) ELSE 0 END AS own_dollars
  FROM public.api_usage;
-- End of what internal/sums made.

-- Single calls, without request text, tags and sessions.
CREATE VIEW usage_report.call AS
  SELECT id,
         timestamp,
         user_id,
         api_type,
         coalesce(nullif(provider, ''), '(none)') AS provider,
         coalesce(nullif(model, ''), '(none)') AS model,
         coalesce(nullif(service, ''), '(none)') AS service,
         coalesce(nullif(environment, ''), '(none)') AS environment,
         request_id,
         trace_id,
         metadata ->> 'span_id' AS span_id,
         pricing_status,
         pricing_reason,
         pricing_assumptions,
         price_id,
         outcome,
         coalesce(payer, '(unknown)') AS payer,
         coalesce(metadata ->> 'dialect', '(none)') AS dialect,
         cost_source,
         reported_dollars,
         coalesce(tokens_used, 0)::bigint AS tokens,
         coalesce(input_tokens, 0) AS input_tokens,
         coalesce(output_tokens, 0) AS output_tokens,
         coalesce(cache_read_tokens, 0) AS cache_read_tokens,
         coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0) AS cache_write_tokens,
         coalesce(reasoning_tokens, 0) AS reasoning_tokens,
         usage_dollars
  FROM public.api_usage;

-- How people call a user: by e-mail address, else by the id the app used.
CREATE VIEW usage_report.account AS
  SELECT id AS user_id, coalesce(nullif(email, ''), nullif(external_id, ''), id::text) AS name
  FROM public.usage_user;

CREATE VIEW usage_report.budget AS
  SELECT name, scope, team, user_id, service, period, dollars, time_zone
  FROM public.usage_budgets;

CREATE VIEW usage_report.team_member AS
  SELECT team, user_id
  FROM public.usage_team_members;

CREATE VIEW usage_report.list_price AS
  SELECT provider,
         model,
         kind,
         valid_from,
         lead(valid_from) OVER key AS valid_until,
         dollars_per_million,
         lag(dollars_per_million) OVER key AS previous_dollars_per_million
  FROM public.usage_list_prices
  WINDOW key AS (PARTITION BY provider, model, kind ORDER BY valid_from);

-- Records that the table refused and nobody dismissed; neither their content nor
-- their ids.
CREATE VIEW usage_report.parked AS
  SELECT parked_at, sqlstate, constraint_name, column_name, reason
  FROM public.usage_dead_letter
  WHERE dismissed_at IS NULL;

-- The days on which more names came than have sums of their own: the rest is
-- '(other)' in every view of sums.
CREATE VIEW usage_report.full_day AS
  SELECT day, kind, names, closed_at
  FROM public.usage_name_day
  WHERE closed;

-- The first border of its kind that is not before a moment. Sums exist by
-- quarter hours, so every report covers the quarter hours that begin in its
-- period: [quarter(from), quarter(to)). Adjacent periods share no call and
-- leave none out, and days of every time zone begin on such a border.
--
-- They add on timestamps of UTC, because what is added to a timestamptz depends on
-- the session's zone: as immutable functions of constants they are computed once,
-- by the planner, and not for each row that they are compared with.

CREATE FUNCTION usage_report.quarter(at timestamptz) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN date_bin('15 minutes', (at AT TIME ZONE 'UTC') + interval '15 minutes' - interval '1 microsecond', timestamp '2000-01-01') AT TIME ZONE 'UTC';

CREATE FUNCTION usage_report.utc_day(at timestamptz) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN date_trunc('day', (at AT TIME ZONE 'UTC') + interval '1 day' - interval '1 microsecond') AT TIME ZONE 'UTC';

-- The 1st or the 16th.
CREATE FUNCTION usage_report.utc_half_month(at timestamptz) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (date_trunc('month', (at AT TIME ZONE 'UTC') - interval '1 microsecond')
          + CASE WHEN extract(day FROM (at AT TIME ZONE 'UTC') - interval '1 microsecond') < 16 THEN interval '15 days' ELSE interval '1 month' END)
         AT TIME ZONE 'UTC';

-- The day of a zone that a report counts a whole day of UTC to: the one at its
-- noon, or at the end of the period where that is earlier.
CREATE FUNCTION usage_report.day_of_utc_day(utc_day timestamptz, to_time timestamptz, zone text) RETURNS timestamptz
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN date_trunc('day', least(utc_day + interval '12 hours', usage_report.quarter(to_time) - interval '1 microsecond'), zone);

-- The days of UTC that a report adds up, each with the day it is counted to.
-- What of it lies before that day or after its end has to be moved.
CREATE FUNCTION usage_report.utc_days(from_time timestamptz, to_time timestamptz, zone text)
  RETURNS TABLE (utc_day timestamptz, day timestamptz, day_end timestamptz)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT u.utc_day, h.day, ((h.day AT TIME ZONE zone) + interval '1 day') AT TIME ZONE zone
  FROM generate_series(usage_report.utc_day(usage_report.quarter(from_time)),
                       usage_report.utc_day(usage_report.quarter(to_time)) - interval '24 hours', interval '24 hours') AS u (utc_day)
  CROSS JOIN LATERAL (SELECT usage_report.day_of_utc_day(u.utc_day, to_time, zone) AS day) AS h;
END;

-- The users a filter names. '__all' is everybody; everything else is a UUID,
-- the nil UUID for calls without a user.
CREATE FUNCTION usage_report.user_ids(users text[]) RETURNS uuid[]
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN array_remove(users, '__all')::uuid[];

-- A condition "is one of the users" on a view of calls, where the nil UUID is
-- NULL, is written out below in the form that uses the index (user_id,
-- timestamp).

-- What was spent in a period, by day of a time zone: rows to be summed, some of
-- them negative.
--
--   users   ARRAY['__all'], or UUIDs as text
--   detail  whether provider, model, service, environment and the kinds of
--           tokens are needed; without it they are NULL, and where users are
--           named estimated_calls and unpriced_tokens too
--
-- Everybody's spending comes from the rollups: whole UTC days, each counted to
-- one day of the zone, plus and minus the quarter hours that belong to another
-- day; plus the quarter hours from the beginning of the period to the next UTC
-- midnight, minus those from its end to the next, if that is another. No rollup has user and model:
-- named users are read from the calls by their index, but for plain sums in UTC,
-- which come from the user's days and calls at both ends.
--
-- OFFSET 0 keeps the planner from joining: it would hold every quarter hour
-- against every day.
-- Made by internal/sums: spend.
CREATE FUNCTION usage_report.spend(from_time timestamptz, to_time timestamptz, zone text, users text[], detail boolean)
  RETURNS TABLE (day timestamptz, api_type text, provider text, model text, service text, environment text,
    calls bigint, unpriced_calls bigint, estimated_calls bigint, tokens bigint, unpriced_tokens bigint, input_tokens bigint, output_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, reasoning_tokens bigint, usage_dollars numeric, estimated_dollars numeric, reported_calls bigint, assumed_calls bigint, assumed_dollars numeric, api_dollars numeric, plan_dollars numeric, credit_dollars numeric, own_dollars numeric)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  -- Everybody, by API type.
  SELECT d.day, r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         r.calls, r.unpriced_calls, r.estimated_calls, r.tokens, r.unpriced_tokens, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, r.usage_dollars, NULL::numeric, NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric
  FROM usage_report.utc_days(from_time, to_time, zone) AS d
  JOIN usage_report.day_type AS r ON r.bucket = d.utc_day
  WHERE '__all' = ANY (users)
    AND NOT detail
    AND r.bucket >= usage_report.utc_day(usage_report.quarter(from_time)) AND r.bucket < usage_report.utc_day(usage_report.quarter(to_time))
  UNION ALL
  SELECT CASE s.sign WHEN 1 THEN date_trunc('day', r.bucket, zone) ELSE d.day END, r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         s.sign * r.calls, s.sign * r.unpriced_calls, s.sign * r.estimated_calls, s.sign * r.tokens, s.sign * r.unpriced_tokens, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, s.sign * r.usage_dollars, NULL::numeric, NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric
  FROM usage_report.utc_days(from_time, to_time, zone) AS d
  CROSS JOIN LATERAL (VALUES (d.utc_day, d.day), (d.day_end, d.utc_day + interval '24 hours')) AS moved (since, until)
  CROSS JOIN LATERAL (SELECT q.* FROM usage_report.quarter_type AS q WHERE q.bucket >= moved.since AND q.bucket < moved.until OFFSET 0) AS r
  CROSS JOIN (VALUES (1), (-1)) AS s (sign)
  WHERE '__all' = ANY (users)
    AND NOT detail
    AND zone <> 'UTC'
    AND r.bucket < usage_report.quarter(to_time)
  UNION ALL
  SELECT CASE zone WHEN 'UTC' THEN date_bin('1 day', r.bucket, '2000-01-01 00:00:00Z') ELSE date_trunc('day', r.bucket, zone) END, r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         r.calls, r.unpriced_calls, r.estimated_calls, r.tokens, r.unpriced_tokens, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, r.usage_dollars, NULL::numeric, NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric
  FROM usage_report.quarter_type AS r
  WHERE '__all' = ANY (users)
    AND NOT detail
    AND r.bucket >= usage_report.quarter(from_time) AND r.bucket < least(usage_report.utc_day(usage_report.quarter(from_time)), usage_report.quarter(to_time))
  UNION ALL
  SELECT usage_report.day_of_utc_day(usage_report.utc_day(usage_report.quarter(to_time)) - interval '24 hours', to_time, zone), r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         -r.calls, -r.unpriced_calls, -r.estimated_calls, -r.tokens, -r.unpriced_tokens, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, -r.usage_dollars, NULL::numeric, NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric
  FROM usage_report.quarter_type AS r
  WHERE '__all' = ANY (users)
    AND NOT detail
    AND r.bucket >= greatest(usage_report.quarter(to_time), usage_report.utc_day(usage_report.quarter(from_time))) AND r.bucket < usage_report.utc_day(usage_report.quarter(to_time))
  UNION ALL
  -- Everybody, by all keys.
  SELECT d.day, r.api_type, r.provider, r.model, r.service, r.environment,
         r.calls, r.unpriced_calls, r.estimated_calls, r.tokens, r.unpriced_tokens, r.input_tokens, r.output_tokens, r.cache_read_tokens, r.cache_write_tokens, r.reasoning_tokens, r.usage_dollars, r.estimated_dollars, r.reported_calls, r.assumed_calls, r.assumed_dollars, r.api_dollars, r.plan_dollars, r.credit_dollars, r.own_dollars
  FROM usage_report.utc_days(from_time, to_time, zone) AS d
  JOIN usage_report.day AS r ON r.bucket = d.utc_day
  WHERE '__all' = ANY (users)
    AND detail
    AND r.bucket >= usage_report.utc_day(usage_report.quarter(from_time)) AND r.bucket < usage_report.utc_day(usage_report.quarter(to_time))
  UNION ALL
  SELECT CASE s.sign WHEN 1 THEN date_trunc('day', r.bucket, zone) ELSE d.day END, r.api_type, r.provider, r.model, r.service, r.environment,
         s.sign * r.calls, s.sign * r.unpriced_calls, s.sign * r.estimated_calls, s.sign * r.tokens, s.sign * r.unpriced_tokens, s.sign * r.input_tokens, s.sign * r.output_tokens, s.sign * r.cache_read_tokens, s.sign * r.cache_write_tokens, s.sign * r.reasoning_tokens, s.sign * r.usage_dollars, s.sign * r.estimated_dollars, s.sign * r.reported_calls, s.sign * r.assumed_calls, s.sign * r.assumed_dollars, s.sign * r.api_dollars, s.sign * r.plan_dollars, s.sign * r.credit_dollars, s.sign * r.own_dollars
  FROM usage_report.utc_days(from_time, to_time, zone) AS d
  CROSS JOIN LATERAL (VALUES (d.utc_day, d.day), (d.day_end, d.utc_day + interval '24 hours')) AS moved (since, until)
  CROSS JOIN LATERAL (SELECT q.* FROM usage_report.quarter_hour AS q WHERE q.bucket >= moved.since AND q.bucket < moved.until OFFSET 0) AS r
  CROSS JOIN (VALUES (1), (-1)) AS s (sign)
  WHERE '__all' = ANY (users)
    AND detail
    AND zone <> 'UTC'
    AND r.bucket < usage_report.quarter(to_time)
  UNION ALL
  SELECT CASE zone WHEN 'UTC' THEN date_bin('1 day', r.bucket, '2000-01-01 00:00:00Z') ELSE date_trunc('day', r.bucket, zone) END, r.api_type, r.provider, r.model, r.service, r.environment,
         r.calls, r.unpriced_calls, r.estimated_calls, r.tokens, r.unpriced_tokens, r.input_tokens, r.output_tokens, r.cache_read_tokens, r.cache_write_tokens, r.reasoning_tokens, r.usage_dollars, r.estimated_dollars, r.reported_calls, r.assumed_calls, r.assumed_dollars, r.api_dollars, r.plan_dollars, r.credit_dollars, r.own_dollars
  FROM usage_report.quarter_hour AS r
  WHERE '__all' = ANY (users)
    AND detail
    AND r.bucket >= usage_report.quarter(from_time) AND r.bucket < least(usage_report.utc_day(usage_report.quarter(from_time)), usage_report.quarter(to_time))
  UNION ALL
  SELECT usage_report.day_of_utc_day(usage_report.utc_day(usage_report.quarter(to_time)) - interval '24 hours', to_time, zone), r.api_type, r.provider, r.model, r.service, r.environment,
         -r.calls, -r.unpriced_calls, -r.estimated_calls, -r.tokens, -r.unpriced_tokens, -r.input_tokens, -r.output_tokens, -r.cache_read_tokens, -r.cache_write_tokens, -r.reasoning_tokens, -r.usage_dollars, -r.estimated_dollars, -r.reported_calls, -r.assumed_calls, -r.assumed_dollars, -r.api_dollars, -r.plan_dollars, -r.credit_dollars, -r.own_dollars
  FROM usage_report.quarter_hour AS r
  WHERE '__all' = ANY (users)
    AND detail
    AND r.bucket >= greatest(usage_report.quarter(to_time), usage_report.utc_day(usage_report.quarter(from_time))) AND r.bucket < usage_report.utc_day(usage_report.quarter(to_time))
  UNION ALL
  -- Named users, plain sums in UTC.
  SELECT r.bucket, r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         r.calls, r.unpriced_calls, NULL::bigint, r.tokens, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, r.usage_dollars, NULL::numeric, NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric
  FROM usage_report.user_day AS r
  WHERE '__all' <> ALL (users)
    AND NOT detail
    AND zone = 'UTC'
    AND r.user_id = ANY (usage_report.user_ids(users))
    AND r.bucket >= usage_report.utc_day(usage_report.quarter(from_time)) AND r.bucket < usage_report.utc_day(usage_report.quarter(to_time))
  UNION ALL
  SELECT date_trunc('day', r.bucket, 'UTC'), r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         r.calls, r.unpriced_calls, NULL::bigint, r.tokens, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, r.usage_dollars, NULL::numeric, NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric
  FROM usage_report.one_call AS r
  WHERE '__all' <> ALL (users)
    AND NOT detail
    AND zone = 'UTC'
    AND (r.user_id = ANY (usage_report.user_ids(users)) OR '00000000-0000-0000-0000-000000000000' = ANY (users) AND r.user_id IS NULL)
    AND r.bucket >= usage_report.quarter(from_time) AND r.bucket < usage_report.utc_day(usage_report.quarter(from_time))
  UNION ALL
  SELECT date_trunc('day', r.bucket, 'UTC'), r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         -r.calls, -r.unpriced_calls, NULL::bigint, -r.tokens, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, -r.usage_dollars, NULL::numeric, NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric
  FROM usage_report.one_call AS r
  WHERE '__all' <> ALL (users)
    AND NOT detail
    AND zone = 'UTC'
    AND (r.user_id = ANY (usage_report.user_ids(users)) OR '00000000-0000-0000-0000-000000000000' = ANY (users) AND r.user_id IS NULL)
    AND r.bucket >= usage_report.quarter(to_time) AND r.bucket < usage_report.utc_day(usage_report.quarter(to_time))
  UNION ALL
  -- Named users, everything else.
  SELECT CASE zone WHEN 'UTC' THEN date_bin('1 day', r.bucket, '2000-01-01 00:00:00Z') ELSE date_trunc('day', r.bucket, zone) END, r.api_type, r.provider, r.model, r.service, r.environment,
         r.calls, r.unpriced_calls, r.estimated_calls, r.tokens, r.unpriced_tokens, r.input_tokens, r.output_tokens, r.cache_read_tokens, r.cache_write_tokens, r.reasoning_tokens, r.usage_dollars, r.estimated_dollars, r.reported_calls, r.assumed_calls, r.assumed_dollars, r.api_dollars, r.plan_dollars, r.credit_dollars, r.own_dollars
  FROM usage_report.one_call AS r
  WHERE '__all' <> ALL (users)
    AND (detail OR zone <> 'UTC')
    AND (r.user_id = ANY (usage_report.user_ids(users)) OR '00000000-0000-0000-0000-000000000000' = ANY (users) AND r.user_id IS NULL)
    AND r.bucket >= usage_report.quarter(from_time) AND r.bucket < usage_report.quarter(to_time);
END;
-- End of what internal/sums made.

-- What each user spent in a period: rows to be summed, some of them negative.
--
--   by_type  whether api_type is needed; without it half months can be used
--   detail   whether provider, model, service and environment are needed. Then
--            named users are read from their calls; for everybody there is one
--            user 'ffffffff-ffff-ffff-ffff-ffffffffffff' with all the sums,
--            because no rollup has user and model.
--
-- Like above: half months, plus days to the next half month, plus calls to the
-- next midnight, and minus the same at the end of the period.
-- Made by internal/sums: spend by user.
CREATE FUNCTION usage_report.spend_by_user(from_time timestamptz, to_time timestamptz, users text[], by_type boolean, detail boolean)
  RETURNS TABLE (user_id uuid, api_type text, provider text, model text, service text, environment text,
    calls bigint, unpriced_calls bigint, tokens bigint, usage_dollars numeric)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT r.user_id, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text,
         r.calls, r.unpriced_calls, r.tokens, r.usage_dollars
  FROM usage_report.user_half_month AS r
  WHERE NOT detail
    AND NOT by_type
    AND ('__all' = ANY (users) OR r.user_id = ANY (usage_report.user_ids(users)))
    AND r.bucket >= usage_report.utc_half_month(usage_report.quarter(from_time)) AND r.bucket < usage_report.utc_half_month(usage_report.quarter(to_time))
  UNION ALL
  SELECT r.user_id, r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         r.calls, r.unpriced_calls, r.tokens, r.usage_dollars
  FROM usage_report.user_day AS r
  WHERE NOT detail
    AND NOT by_type
    AND ('__all' = ANY (users) OR r.user_id = ANY (usage_report.user_ids(users)))
    AND r.bucket >= usage_report.utc_day(usage_report.quarter(from_time)) AND r.bucket < usage_report.utc_half_month(usage_report.quarter(from_time))
  UNION ALL
  SELECT r.user_id, r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         -r.calls, -r.unpriced_calls, -r.tokens, -r.usage_dollars
  FROM usage_report.user_day AS r
  WHERE NOT detail
    AND NOT by_type
    AND ('__all' = ANY (users) OR r.user_id = ANY (usage_report.user_ids(users)))
    AND r.bucket >= usage_report.utc_day(usage_report.quarter(to_time)) AND r.bucket < usage_report.utc_half_month(usage_report.quarter(to_time))
  UNION ALL
  SELECT r.user_id, r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         r.calls, r.unpriced_calls, r.tokens, r.usage_dollars
  FROM usage_report.user_day AS r
  WHERE NOT detail
    AND by_type
    AND ('__all' = ANY (users) OR r.user_id = ANY (usage_report.user_ids(users)))
    AND r.bucket >= usage_report.utc_day(usage_report.quarter(from_time)) AND r.bucket < usage_report.utc_day(usage_report.quarter(to_time))
  UNION ALL
  SELECT coalesce(r.user_id, '00000000-0000-0000-0000-000000000000'::uuid), r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         r.calls, r.unpriced_calls, r.tokens, r.usage_dollars
  FROM usage_report.one_call AS r
  WHERE NOT detail
    AND ('__all' = ANY (users) OR (r.user_id = ANY (usage_report.user_ids(users)) OR '00000000-0000-0000-0000-000000000000' = ANY (users) AND r.user_id IS NULL))
    AND r.bucket >= usage_report.quarter(from_time) AND r.bucket < usage_report.utc_day(usage_report.quarter(from_time))
  UNION ALL
  SELECT coalesce(r.user_id, '00000000-0000-0000-0000-000000000000'::uuid), r.api_type, NULL::text, NULL::text, NULL::text, NULL::text,
         -r.calls, -r.unpriced_calls, -r.tokens, -r.usage_dollars
  FROM usage_report.one_call AS r
  WHERE NOT detail
    AND ('__all' = ANY (users) OR (r.user_id = ANY (usage_report.user_ids(users)) OR '00000000-0000-0000-0000-000000000000' = ANY (users) AND r.user_id IS NULL))
    AND r.bucket >= usage_report.quarter(to_time) AND r.bucket < usage_report.utc_day(usage_report.quarter(to_time))
  UNION ALL
  SELECT coalesce(r.user_id, '00000000-0000-0000-0000-000000000000'::uuid), r.api_type, r.provider, r.model, r.service, r.environment,
         r.calls, r.unpriced_calls, r.tokens, r.usage_dollars
  FROM usage_report.one_call AS r
  WHERE detail
    AND '__all' <> ALL (users)
    AND (r.user_id = ANY (usage_report.user_ids(users)) OR '00000000-0000-0000-0000-000000000000' = ANY (users) AND r.user_id IS NULL)
    AND r.bucket >= usage_report.quarter(from_time) AND r.bucket < usage_report.quarter(to_time)
  UNION ALL
  SELECT 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid, r.api_type, r.provider, r.model, r.service, r.environment,
         r.calls, r.unpriced_calls, r.tokens, r.usage_dollars
  FROM usage_report.spend(from_time, to_time, 'UTC', users, true) AS r
  WHERE detail
    AND '__all' = ANY (users);
END;
-- End of what internal/sums made.

-- Calls one by one, for distributions and drill-down: of named users over the
-- whole period, of everybody over its last 24 hours, because a year of
-- everybody's calls cannot be read while somebody waits.
CREATE FUNCTION usage_report.calls(from_time timestamptz, to_time timestamptz, users text[])
  RETURNS SETOF usage_report.call
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT c.*
  FROM usage_report.call AS c
  WHERE '__all' = ANY (users)
    AND c.timestamp >= greatest(usage_report.quarter(from_time), usage_report.quarter(to_time) - interval '24 hours') AND c.timestamp < usage_report.quarter(to_time)
  UNION ALL
  SELECT c.*
  FROM usage_report.call AS c
  WHERE '__all' <> ALL (users)
    AND (c.user_id = ANY (usage_report.user_ids(users)) OR '00000000-0000-0000-0000-000000000000' = ANY (users) AND c.user_id IS NULL)
    AND c.timestamp >= usage_report.quarter(from_time) AND c.timestamp < usage_report.quarter(to_time);
END;

-- What one budget limits, spent in a period.
CREATE FUNCTION usage_report.spent_by_scope(scope text, team text, user_id uuid, service text, from_time timestamptz, to_time timestamptz)
  RETURNS numeric
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN coalesce(CASE scope
    WHEN 'org' THEN (
      SELECT sum(s.usage_dollars)
      FROM usage_report.spend(from_time, to_time, 'UTC', ARRAY['__all'], false) AS s)
    WHEN 'service' THEN (
      SELECT sum(s.usage_dollars)
      FROM usage_report.spend(from_time, to_time, 'UTC', ARRAY['__all'], true) AS s
      WHERE s.service = spent_by_scope.service)
    ELSE (
      SELECT sum(s.usage_dollars)
      FROM usage_report.spend(from_time, to_time, 'UTC',
        CASE scope
          WHEN 'user' THEN ARRAY[user_id::text]
          ELSE ARRAY(SELECT m.user_id::text FROM usage_report.team_member AS m WHERE m.team = spent_by_scope.team)
        END, false) AS s)
  END, 0);

-- Every budget at a moment: what was spent since its day or month began in its
-- own time zone, and what will have been spent when it ends if the rest of it
-- goes on like the last seven days (or the time since the first call, where
-- that is shorter, at least one hour).
CREATE FUNCTION usage_report.budget_status(at timestamptz)
  RETURNS TABLE (budget text, scope text, subject text, period text, period_start timestamptz, period_end timestamptz,
    dollars numeric, spent numeric, projected numeric)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT b.name, b.scope, coalesce(b.team, b.service, a.name, 'everyone'), b.period, p.period_start, p.period_end,
         b.dollars, p.spent,
         p.spent + p.recent * extract(epoch FROM greatest(p.period_end - at, interval '0')) / extract(epoch FROM f.span)
  FROM usage_report.budget AS b
  LEFT JOIN usage_report.account AS a ON a.user_id = b.user_id
  CROSS JOIN (
    SELECT least(interval '7 days', greatest(interval '1 hour', at - (SELECT min(t.bucket) FROM usage_report.quarter_type AS t))) AS span
  ) AS f
  CROSS JOIN LATERAL (
    SELECT i.period_start,
           i.period_end,
           usage_report.spent_by_scope(b.scope, b.team, b.user_id, b.service, i.period_start, at) AS spent,
           usage_report.spent_by_scope(b.scope, b.team, b.user_id, b.service, at - f.span, at) AS recent
    FROM (
      SELECT date_trunc(b.period, at, b.time_zone) AS period_start,
             (date_trunc(b.period, at AT TIME ZONE b.time_zone) + CASE b.period WHEN 'day' THEN interval '1 day' ELSE interval '1 month' END)
               AT TIME ZONE b.time_zone AS period_end
    ) AS i
  ) AS p;
END;

-- The role of Grafana's data source. It cannot log in until an administrator
-- gives it a password: ALTER ROLE usage_grafana LOGIN PASSWORD '...'.
DO $$
DECLARE
  -- A guard against accidents, not against a viewer: a session can change its
  -- own settings, and those of its role for good. They are noted, so that usagectl
  -- doctor finds what was changed and sets it back.
  setting text;
  limits CONSTANT text[] := ARRAY[
    'default_transaction_read_only = on',
    'statement_timeout = ''30s''',
    'lock_timeout = ''5s''',
    'idle_in_transaction_session_timeout = ''30s''',
    'search_path = ''''',
    'timezone = ''UTC''',
    'jit = off',                                  -- compiling takes longer than the queries
    'random_page_cost = 1.1',                     -- the sums are in memory: an index is cheaper than a table
    'work_mem = ''32MB'''];                       -- what a panel sorts and groups by stays there
  granted_to text;
BEGIN
  IF to_regrole('usage_grafana') IS NULL THEN
    BEGIN
      CREATE ROLE usage_grafana NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 20;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the cluster was faster
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role usage_grafana is missing and % may not create roles', current_user
          USING ERRCODE = 'insufficient_privilege',
                HINT = 'As an administrator: CREATE ROLE usage_grafana NOLOGIN CONNECTION LIMIT 20;';
    END;
  END IF;
  BEGIN
    FOREACH setting IN ARRAY limits LOOP
      EXECUTE format('ALTER ROLE usage_grafana IN DATABASE %I SET %s', current_database(), setting);
    END LOOP;
    INSERT INTO public.usage_setting (name, value)
    SELECT 'grafana_role', array_to_json(s.setconfig)
    FROM pg_catalog.pg_db_role_setting AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
    WHERE s.setrole = to_regrole('usage_grafana') AND d.datname = current_database()
    ON CONFLICT (name) DO UPDATE SET value = excluded.value;
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING '% may not set limits for the role usage_grafana; as an administrator: ALTER ROLE usage_grafana SET statement_timeout = ''30s''', current_user;
  END;

  -- A temporary table or type of one viewer would be found before the real one
  -- by the next viewer on the same connection. Everybody who can log in today
  -- keeps the right to temporary tables, but no longer by being PUBLIC.
  IF has_database_privilege('usage_grafana', current_database(), 'TEMPORARY') THEN
    BEGIN
      FOR granted_to IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolcanlogin AND NOT rolsuper AND rolname <> 'usage_grafana' AND rolname !~ '^pg_' LOOP
        EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), granted_to);
      END LOOP;
      EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
      INSERT INTO public.usage_setting (name, value) VALUES ('temporary_revoked', 'true') ON CONFLICT (name) DO NOTHING;
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
    -- Who is not the owner of the database gets a warning instead of an error.
    IF has_database_privilege('usage_grafana', current_database(), 'TEMPORARY') THEN
      RAISE WARNING 'the role usage_grafana can create temporary tables, with which one viewer can falsify what others see; as the owner of the database: REVOKE TEMPORARY ON DATABASE % FROM PUBLIC', quote_ident(current_database());
    END IF;
  END IF;
  IF has_schema_privilege('usage_grafana', 'public', 'CREATE') THEN
    RAISE WARNING 'the role usage_grafana can create tables in the schema public; as its owner: REVOKE CREATE ON SCHEMA public FROM PUBLIC';
  END IF;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA usage_report FROM PUBLIC;
GRANT USAGE ON SCHEMA usage_report TO usage_grafana, usage_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA usage_report TO usage_grafana, usage_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA usage_report TO usage_grafana, usage_reader;
