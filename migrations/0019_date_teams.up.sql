-- Who was in which team when, and which cost centre a team belonged to. Without dates a
-- person who moves takes what they have spent along, from one team's past into another's.
--
-- The table of 0.1.0 gets dates and a name of its own; public.usage_team_members is from
-- now on a view of those who are in a team today, with the columns that it had. Statements
-- and programs of 0.1.0 go on working: what they insert holds without dates.
--
-- A day is a UTC day, as in the sums by user. since is the first, until the day after the last.
--
-- Runs in milliseconds: it touches no calls.

ALTER TABLE public.usage_team_members RENAME TO usage_team_membership;
ALTER INDEX public.usage_team_members_by_user RENAME TO usage_team_membership_by_user;
ALTER TABLE public.usage_team_membership RENAME CONSTRAINT usage_team_members_user_id_fkey TO usage_team_membership_user_id_fkey;
ALTER TABLE public.usage_team_membership RENAME CONSTRAINT usage_team_members_team_length TO usage_team_membership_team_length;
ALTER TABLE public.usage_team_membership
  ADD COLUMN since date NOT NULL DEFAULT '-infinity',
  ADD COLUMN until date NOT NULL DEFAULT 'infinity',
  ADD CONSTRAINT usage_team_membership_until_after_since CHECK (since < until),
  DROP CONSTRAINT usage_team_members_pkey,
  ADD CONSTRAINT usage_team_membership_pkey PRIMARY KEY (team, user_id, since);
COMMENT ON TABLE public.usage_team_membership IS 'Who is in which team, on the UTC days of [since, until); written by usagectl teams import';
COMMENT ON COLUMN public.usage_team_membership.since IS 'first day; -infinity: ever since';
COMMENT ON COLUMN public.usage_team_membership.until IS 'day after the last; infinity: it goes on';

CREATE VIEW public.usage_team_members AS
  SELECT team, user_id
  FROM public.usage_team_membership
  WHERE since <= (now() AT TIME ZONE 'UTC')::date AND until > (now() AT TIME ZONE 'UTC')::date;
COMMENT ON VIEW public.usage_team_members IS 'Who is in which team today, as 0.1.0 kept it; what is inserted has no dates, see public.usage_team_membership';

CREATE TABLE public.usage_team_cost_centre (
  team        text NOT NULL,
  cost_centre text NOT NULL,
  since       date NOT NULL DEFAULT '-infinity',
  until       date NOT NULL DEFAULT 'infinity',
  CONSTRAINT usage_team_cost_centre_pkey PRIMARY KEY (team, since),
  CONSTRAINT usage_team_cost_centre_until_after_since CHECK (since < until),
  CONSTRAINT usage_team_cost_centre_text_length CHECK (octet_length(team) BETWEEN 1 AND 256 AND octet_length(cost_centre) BETWEEN 1 AND 256)
);
COMMENT ON TABLE public.usage_team_cost_centre IS 'Which cost centre a team belongs to, on the UTC days of [since, until); a team is a name of usage_team_membership or the value of a tag';

-- The one place that says who was in which team when. A user is in a team once on each
-- day, also where two rows say so.
CREATE VIEW usage_report.team_membership AS
  SELECT m.team, m.user_id, lower(r.days) AS since, upper(r.days) AS until
  FROM (
    SELECT team, user_id, range_agg(daterange(since, until)) AS days
    FROM public.usage_team_membership
    GROUP BY team, user_id
  ) AS m
  CROSS JOIN LATERAL unnest(m.days) AS r (days);
COMMENT ON VIEW usage_report.team_membership IS 'Who was in which team on which UTC days';
COMMENT ON COLUMN usage_report.team_membership.team IS 'name of the team';
COMMENT ON COLUMN usage_report.team_membership.user_id IS 'id of the user, see account';
COMMENT ON COLUMN usage_report.team_membership.since IS 'first day; -infinity: ever since';
COMMENT ON COLUMN usage_report.team_membership.until IS 'day after the last; infinity: it goes on';

CREATE OR REPLACE VIEW usage_report.team_member AS
  SELECT team, user_id
  FROM usage_report.team_membership
  WHERE since <= (now() AT TIME ZONE 'UTC')::date AND until > (now() AT TIME ZONE 'UTC')::date;
COMMENT ON VIEW usage_report.team_member IS 'Who is in which team today; team_membership has the past too';

CREATE VIEW usage_report.team_cost_centre AS
  SELECT team, cost_centre, since, until
  FROM public.usage_team_cost_centre;
COMMENT ON VIEW usage_report.team_cost_centre IS 'Which cost centre a team belonged to on which UTC days';
COMMENT ON COLUMN usage_report.team_cost_centre.team IS 'name of the team, or value of the tag that names teams';
COMMENT ON COLUMN usage_report.team_cost_centre.cost_centre IS 'name of the cost centre';
COMMENT ON COLUMN usage_report.team_cost_centre.since IS 'first day; -infinity: ever since';
COMMENT ON COLUMN usage_report.team_cost_centre.until IS 'day after the last; infinity: it goes on';

-- The users of a team in a period: those who were in it for the same part of it, in one row.
-- The rows never overlap for one user. Usually there is one row, and one more for each day
-- of the period on which somebody came or left.
CREATE FUNCTION usage_report.team_users(team text, from_time timestamptz, to_time timestamptz)
  RETURNS TABLE (users text[], since timestamptz, until timestamptz)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT array_agg(m.user_id::text ORDER BY m.user_id), m.since, m.until
  FROM (
    SELECT t.user_id,
           greatest(from_time, t.since::timestamp AT TIME ZONE 'UTC') AS since,
           least(to_time, t.until::timestamp AT TIME ZONE 'UTC') AS until
    FROM usage_report.team_membership AS t
    WHERE t.team = team_users.team
  ) AS m
  WHERE m.since < m.until
  GROUP BY m.since, m.until;
END;

-- What a team spent in a period: rows to be summed, some of them negative.
CREATE FUNCTION usage_report.team_spend(team text, from_time timestamptz, to_time timestamptz)
  RETURNS TABLE (calls bigint, unpriced_calls bigint, tokens bigint, usage_dollars numeric)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT s.calls, s.unpriced_calls, s.tokens, s.usage_dollars
  FROM usage_report.team_users(team_spend.team, team_spend.from_time, team_spend.to_time) AS u
  CROSS JOIN LATERAL usage_report.spend(u.since, u.until, 'UTC', u.users, false) AS s;
END;

CREATE OR REPLACE FUNCTION usage_report.spent_by_scope(scope text, team text, user_id uuid, service text, from_time timestamptz, to_time timestamptz)
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
    WHEN 'user' THEN (
      SELECT sum(s.usage_dollars)
      FROM usage_report.spend(from_time, to_time, 'UTC', ARRAY[user_id::text], false) AS s)
    ELSE (
      SELECT sum(s.usage_dollars)
      FROM usage_report.team_spend(spent_by_scope.team, from_time, to_time) AS s)
  END, 0);

-- Entering what an organisation knows of itself is a right of its own: it sees no call.
DO $$
BEGIN
  IF to_regrole('usage_planner') IS NULL THEN
    BEGIN
      CREATE ROLE usage_planner NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the cluster was faster
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role usage_planner is missing and % may not create roles', current_user
          USING ERRCODE = 'insufficient_privilege',
                HINT = 'As an administrator: CREATE ROLE usage_planner NOLOGIN;';
    END;
  END IF;
  BEGIN
    GRANT USAGE ON SCHEMA public TO usage_planner;
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING '% may not grant USAGE on the schema public; the role usage_planner needs it there', current_user;
  END;
  -- Whoever has not called yet can be put into a team where the users are ours.
  IF (SELECT value FROM public.usage_setting WHERE name = 'users_managed') = 'true' THEN
    GRANT USAGE ON SCHEMA auth TO usage_planner;
    GRANT INSERT (id, external_id) ON auth.users TO usage_planner;
  END IF;
END $$;

GRANT SELECT ON public.usage_setting TO usage_planner;
GRANT SELECT (id, external_id) ON public.usage_user TO usage_planner;
GRANT SELECT, INSERT, DELETE ON public.usage_team_membership, public.usage_team_cost_centre TO usage_planner;
GRANT SELECT ON public.usage_team_membership, public.usage_team_cost_centre, public.usage_team_members TO usage_reader;
GRANT USAGE ON SCHEMA usage_report TO usage_meterer;
GRANT SELECT ON usage_report.team_membership TO usage_meterer;
REVOKE SELECT ON public.usage_team_membership FROM usage_meterer;  -- the name it had comes with it
GRANT SELECT ON public.usage_team_members TO usage_meterer;
REVOKE ALL ON FUNCTION usage_report.team_users(text, timestamptz, timestamptz), usage_report.team_spend(text, timestamptz, timestamptz) FROM PUBLIC;
GRANT SELECT ON usage_report.team_membership, usage_report.team_cost_centre TO usage_grafana, usage_reader;
GRANT EXECUTE ON FUNCTION usage_report.team_users(text, timestamptz, timestamptz), usage_report.team_spend(text, timestamptz, timestamptz) TO usage_grafana, usage_reader;
