-- Takes the dates from the teams. Refused while some membership has dates or some team has a
-- cost centre: they would be lost, and who left a team would be in it again. Who means it
-- says so in the same session: SET usage.allow_data_loss = on; those who are in a team
-- today stay in it. The role usage_planner stays: it belongs to the cluster.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on'
     AND (EXISTS (SELECT FROM public.usage_team_membership WHERE since > '-infinity' OR until < 'infinity') OR EXISTS (SELECT FROM public.usage_team_cost_centre)) THEN
    RAISE EXCEPTION 'public.usage_team_membership has dates or public.usage_team_cost_centre holds rows; both would be lost'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
  IF (SELECT value FROM public.usage_setting WHERE name = 'users_managed') = 'true' THEN
    REVOKE INSERT (id, external_id) ON auth.users FROM usage_planner;
    REVOKE USAGE ON SCHEMA auth FROM usage_planner;
  END IF;
END $$;

REVOKE SELECT ON usage_report.team_membership FROM usage_meterer;
REVOKE USAGE ON SCHEMA usage_report FROM usage_meterer;
REVOKE SELECT (id, external_id) ON public.usage_user FROM usage_planner;
REVOKE SELECT ON public.usage_setting FROM usage_planner;
REVOKE USAGE ON SCHEMA public FROM usage_planner;

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
    ELSE (
      SELECT sum(s.usage_dollars)
      FROM usage_report.spend(from_time, to_time, 'UTC',
        CASE scope
          WHEN 'user' THEN ARRAY[user_id::text]
          ELSE ARRAY(SELECT m.user_id::text FROM usage_report.team_member AS m WHERE m.team = spent_by_scope.team)
        END, false) AS s)
  END, 0);
DROP FUNCTION usage_report.team_spend(text, timestamptz, timestamptz);
DROP FUNCTION usage_report.team_users(text, timestamptz, timestamptz);
DROP VIEW usage_report.team_cost_centre, public.usage_team_members;
DROP TABLE public.usage_team_cost_centre;

DELETE FROM public.usage_team_membership WHERE since > (now() AT TIME ZONE 'UTC')::date OR until <= (now() AT TIME ZONE 'UTC')::date;
DELETE FROM public.usage_team_membership AS m USING public.usage_team_membership AS o
  WHERE o.team = m.team AND o.user_id = m.user_id AND o.since < m.since;
CREATE OR REPLACE VIEW usage_report.team_member AS
  SELECT team, user_id
  FROM public.usage_team_membership;
COMMENT ON VIEW usage_report.team_member IS 'Who belongs to which team, as it was written into public.usage_team_members';
DROP VIEW usage_report.team_membership;
ALTER TABLE public.usage_team_membership
  DROP CONSTRAINT usage_team_membership_pkey,
  DROP COLUMN since,
  DROP COLUMN until,
  ADD CONSTRAINT usage_team_members_pkey PRIMARY KEY (team, user_id);
COMMENT ON TABLE public.usage_team_membership IS NULL;
ALTER TABLE public.usage_team_membership RENAME CONSTRAINT usage_team_membership_team_length TO usage_team_members_team_length;
ALTER TABLE public.usage_team_membership RENAME CONSTRAINT usage_team_membership_user_id_fkey TO usage_team_members_user_id_fkey;
ALTER INDEX public.usage_team_membership_by_user RENAME TO usage_team_members_by_user;
ALTER TABLE public.usage_team_membership RENAME TO usage_team_members;
REVOKE ALL ON public.usage_team_members FROM usage_planner;
GRANT SELECT ON public.usage_team_members TO usage_reader, usage_meterer;
