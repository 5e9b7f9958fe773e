-- Takes back the budgets that the schema before cannot hold, and which thresholds were reached. Refused while
-- there are some. Who means it says so in the same session: SET usage.allow_data_loss = on. The
-- role usage_budgeter stays: it belongs to the cluster.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on'
     AND EXISTS (SELECT FROM public.usage_budgets WHERE value IS NOT NULL OR currency IS NOT NULL OR period NOT IN ('day', 'month')) THEN
    RAISE EXCEPTION 'public.usage_budgets holds budgets of a scope, a period or a currency that the schema before does not know; they would be lost'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

DROP FUNCTION public.usage_own_budgets(timestamptz);
DROP FUNCTION usage_report.budget_status(timestamptz), usage_report.budget_state(timestamptz, boolean, uuid),
  usage_report.budget_days(text[], timestamptz[], timestamptz[]),
  usage_report.budget_period(text, date, date, text, timestamptz);
DROP VIEW usage_report.budget_watch, usage_report.budget_crossing, usage_report.budget;
DROP TABLE public.usage_budget_watch, public.usage_budget_crossing;
REVOKE ALL ON public.usage_budgets, public.usage_exchange_rates FROM usage_budgeter;
REVOKE USAGE ON SCHEMA public FROM usage_budgeter;

DELETE FROM public.usage_budgets WHERE value IS NOT NULL OR currency IS NOT NULL OR period NOT IN ('day', 'month');
ALTER TABLE public.usage_budgets
  DROP CONSTRAINT usage_budgets_tag_counts_utc_days,
  DROP CONSTRAINT usage_budgets_scope_has_its_subject,
  DROP CONSTRAINT usage_budgets_period_known,
  DROP COLUMN value,
  DROP COLUMN tag,
  DROP COLUMN amount,
  DROP COLUMN currency,
  DROP COLUMN first_day,
  DROP COLUMN last_day,
  DROP COLUMN thresholds,
  DROP COLUMN created_at,
  ADD CONSTRAINT usage_budgets_scope_has_its_subject CHECK (
    CASE scope
      WHEN 'org'     THEN num_nonnulls(team, user_id, service) = 0
      WHEN 'team'    THEN team IS NOT NULL AND num_nonnulls(user_id, service) = 0
      WHEN 'user'    THEN user_id IS NOT NULL AND num_nonnulls(team, service) = 0
      WHEN 'service' THEN service IS NOT NULL AND num_nonnulls(team, user_id) = 0
      ELSE false
    END),
  ADD CONSTRAINT usage_budgets_period_known CHECK (period IN ('day', 'month'));
COMMENT ON TABLE public.usage_budgets IS NULL;
COMMENT ON COLUMN public.usage_budgets.dollars IS NULL;

CREATE VIEW usage_report.budget AS
  SELECT name, scope, team, user_id, service, period, dollars, time_zone
  FROM public.usage_budgets;
COMMENT ON VIEW usage_report.budget IS 'Budgets, as they were written into public.usage_budgets';
COMMENT ON COLUMN usage_report.budget.name IS 'as alerts and boards show it';
COMMENT ON COLUMN usage_report.budget.scope IS 'whose spending it limits: org, team, user or service';
COMMENT ON COLUMN usage_report.budget.team IS 'name of the team';
COMMENT ON COLUMN usage_report.budget.user_id IS 'of the scope user';
COMMENT ON COLUMN usage_report.budget.service IS 'service.name, of the scope service';
COMMENT ON COLUMN usage_report.budget.period IS 'day or month, begun at midnight of time_zone';
COMMENT ON COLUMN usage_report.budget.dollars IS 'the limit for one period, in US dollars';
COMMENT ON COLUMN usage_report.budget.time_zone IS 'IANA name; where the days and months begin';
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
REVOKE ALL ON FUNCTION usage_report.budget_status(timestamptz) FROM PUBLIC;
GRANT SELECT ON usage_report.budget TO usage_grafana, usage_reader;
GRANT EXECUTE ON FUNCTION usage_report.budget_status(timestamptz) TO usage_grafana, usage_reader;
