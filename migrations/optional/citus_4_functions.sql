
-- Made of the migrations by a test of internal/dbmigrate; not to be edited.

UPDATE usage_reader SET command = $function$
CREATE FUNCTION usage_report.calls(from_time timestamptz, to_time timestamptz, users text[])
  RETURNS SETOF usage_report.call
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
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
END $$
$function$ WHERE kind = 'FUNCTION' AND place = 1 AND name LIKE 'usage_report.calls(%';

UPDATE usage_reader SET command = $function$
CREATE FUNCTION usage_report.recent_calls(from_time timestamptz, to_time timestamptz, users text[], at_most bigint)
  RETURNS SETOF usage_report.call
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT c.*
  FROM usage_report.call AS c
  WHERE '__all' = ANY (users)
    AND c.timestamp >= (SELECT usage_report.calls_since(from_time, to_time, users, at_most)) AND c.timestamp < usage_report.quarter(to_time)
  UNION ALL
  SELECT c.*
  FROM usage_report.call AS c
  WHERE '__all' <> ALL (users)
    AND (c.user_id = ANY (usage_report.user_ids(users)) OR '00000000-0000-0000-0000-000000000000' = ANY (users) AND c.user_id IS NULL)
    AND c.timestamp >= (SELECT usage_report.calls_since(from_time, to_time, users, at_most)) AND c.timestamp < usage_report.quarter(to_time);
END $$
$function$ WHERE kind = 'FUNCTION' AND place = 1 AND name LIKE 'usage_report.recent_calls(%';

UPDATE usage_reader SET command = $function$
CREATE FUNCTION usage_report.recent_session_calls(from_time timestamptz, to_time timestamptz, users text[], at_most bigint)
  RETURNS SETOF usage_report.session_call
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT c.*
  FROM usage_report.session_call AS c
  WHERE '__all' = ANY (users)
    AND c.timestamp >= (SELECT usage_report.calls_since(from_time, to_time, users, at_most)) AND c.timestamp < usage_report.quarter(to_time)
  UNION ALL
  SELECT c.*
  FROM usage_report.session_call AS c
  WHERE '__all' <> ALL (users)
    AND (c.user_id = ANY (usage_report.user_ids(users)) OR '00000000-0000-0000-0000-000000000000' = ANY (users) AND c.user_id IS NULL)
    AND c.timestamp >= (SELECT usage_report.calls_since(from_time, to_time, users, at_most)) AND c.timestamp < usage_report.quarter(to_time);
END $$
$function$ WHERE kind = 'FUNCTION' AND place = 1 AND name LIKE 'usage_report.recent_session_calls(%';

UPDATE usage_reader SET command = $function$
CREATE FUNCTION usage_report.spend(from_time timestamptz, to_time timestamptz, zone text, users text[], detail boolean)
  RETURNS TABLE (day timestamptz, api_type text, provider text, model text, service text, environment text,
    calls bigint, unpriced_calls bigint, estimated_calls bigint, tokens bigint, unpriced_tokens bigint, input_tokens bigint, output_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, reasoning_tokens bigint, usage_dollars numeric, estimated_dollars numeric, reported_calls bigint, assumed_calls bigint, assumed_dollars numeric, api_dollars numeric, plan_dollars numeric, credit_dollars numeric, own_dollars numeric)
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
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
END $$
$function$ WHERE kind = 'FUNCTION' AND place = 1 AND name LIKE 'usage_report.spend(%';

UPDATE usage_reader SET command = $function$
CREATE FUNCTION usage_report.spend_by_user(from_time timestamptz, to_time timestamptz, users text[], by_type boolean, detail boolean)
  RETURNS TABLE (user_id uuid, api_type text, provider text, model text, service text, environment text,
    calls bigint, unpriced_calls bigint, tokens bigint, usage_dollars numeric)
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
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
END $$
$function$ WHERE kind = 'FUNCTION' AND place = 1 AND name LIKE 'usage_report.spend_by_user(%';

UPDATE usage_reader SET command = $function$
CREATE FUNCTION usage_report.team_spend(team text, from_time timestamptz, to_time timestamptz)
  RETURNS TABLE (calls bigint, unpriced_calls bigint, tokens bigint, usage_dollars numeric)
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT s.calls, s.unpriced_calls, s.tokens, s.usage_dollars
  FROM usage_report.team_users(team_spend.team, team_spend.from_time, team_spend.to_time) AS u
  CROSS JOIN LATERAL usage_report.spend(u.since, u.until, 'UTC', u.users, false) AS s;
END $$
$function$ WHERE kind = 'FUNCTION' AND place = 1 AND name LIKE 'usage_report.team_spend(%';
