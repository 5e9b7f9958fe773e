-- What dashboards need to show single calls: how far back they can be read
-- while somebody waits, and where their traces are.
--
-- Runs in milliseconds: it touches no existing data.

-- Where the newest calls of a period begin that are at most so many: the
-- period's own begin when it has no more. Sums tell it without reading a call:
-- for everybody on a quarter hour, for named users on a UTC day. The last
-- quarter hour or day with calls is always in, however many it has.
CREATE FUNCTION usage_report.calls_since(from_time timestamptz, to_time timestamptz, users text[], at_most bigint)
  RETURNS timestamptz
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT greatest(usage_report.quarter(from_time),
           CASE WHEN max(b.newer) > at_most THEN coalesce(min(b.bucket) FILTER (WHERE b.newer <= at_most), max(b.bucket)) END)
  FROM (
    SELECT t.bucket, sum(t.calls) OVER (ORDER BY t.bucket DESC) AS newer
    FROM usage_report.quarter_type AS t
    WHERE '__all' = ANY (users)
      AND t.bucket >= usage_report.quarter(from_time) AND t.bucket < usage_report.quarter(to_time)
    UNION ALL
    SELECT d.bucket, sum(sum(d.calls)) OVER (ORDER BY d.bucket DESC)
    FROM usage_report.user_day AS d
    WHERE '__all' <> ALL (users) AND d.user_id = ANY (usage_report.user_ids(users))
      AND d.bucket > usage_report.quarter(from_time) - interval '24 hours' AND d.bucket < usage_report.quarter(to_time)
    GROUP BY d.bucket
  ) AS b;
END;

-- The calls of a period since then, one by one.
CREATE FUNCTION usage_report.recent_calls(from_time timestamptz, to_time timestamptz, users text[], at_most bigint)
  RETURNS SETOF usage_report.call
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
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
END;

-- The address of a trace in the team's trace store, with {trace_id} and
-- {span_id} in it; no row until an administrator writes the setting trace_url.
-- Only a web address or a path on the dashboard's own server.
CREATE VIEW usage_report.trace_link AS
  SELECT value AS url
  FROM public.usage_setting
  WHERE name = 'trace_url' AND value ~ '^(https?://|/[^/\\])';

REVOKE ALL ON FUNCTION usage_report.calls_since(timestamptz, timestamptz, text[], bigint), usage_report.recent_calls(timestamptz, timestamptz, text[], bigint) FROM PUBLIC;
GRANT SELECT ON usage_report.trace_link TO usage_grafana, usage_reader;
GRANT EXECUTE ON FUNCTION usage_report.calls_since(timestamptz, timestamptz, text[], bigint), usage_report.recent_calls(timestamptz, timestamptz, text[], bigint) TO usage_grafana, usage_reader;
