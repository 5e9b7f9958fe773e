-- The planner knows nothing of a table and of its slots together until both were analyzed, and
-- takes any number of users and models. By itself PostgreSQL does that when a tenth of the
-- table has changed, which may be in a month.
--
-- Takes some seconds, for tables of any size; no reader and no writer waits for it.
DO $do$
BEGIN
  -- Citus has no slots.
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN RETURN; END IF;
-- Made by internal/sums: 0028: sums to analyze.
ANALYZE public.usage_day_user, public.usage_half_month_user, public.usage_day_tag,
  public.usage_half_month_tag, public.usage_quarter_hour, public.usage_day,
  public.usage_half_month, public.usage_quarter_type, public.usage_day_type;
-- End of what internal/sums made.
END $do$;
