-- Triggers keep the rollups from here on, under any writer: the state that the
-- migrations make. Takes back what rollup_statement.sql did, and also repairs
-- triggers that were dropped or disabled by hand; `usagectl verify` says
-- whether calls went by without them.
--
-- Run by `usagectl migrate rollup trigger`, in one transaction, while
-- collectors write: with `rollup: auto` they see it in their next batch.
SET LOCAL lock_timeout = '10s';

DROP TRIGGER IF EXISTS api_usage_refuse_truncate ON public.api_usage;
DROP TRIGGER IF EXISTS api_usage_fold_delete ON public.api_usage;
DROP TRIGGER IF EXISTS api_usage_fold_update ON public.api_usage;
DROP TRIGGER IF EXISTS api_usage_fold_insert ON public.api_usage;
DO $do$
BEGIN
  -- Citus has no triggers that would add to slots.
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN RETURN; END IF;
-- Made by internal/sums: triggers need slots.
CREATE TABLE IF NOT EXISTS public.usage_day_user_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_day_user_slot_pkey PRIMARY KEY (bucket, user_id, api_type, slot)
) INHERITS (public.usage_day_user) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS usage_day_user_slot_by_user ON public.usage_day_user_slot (user_id, bucket);
CREATE TABLE IF NOT EXISTS public.usage_half_month_user_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_half_month_user_slot_pkey PRIMARY KEY (bucket, user_id, slot)
) INHERITS (public.usage_half_month_user) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_day_tag_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_day_tag_slot_pkey PRIMARY KEY (bucket, tag_name, tag_value, api_type, slot)
) INHERITS (public.usage_day_tag) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_half_month_tag_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_half_month_tag_slot_pkey PRIMARY KEY (bucket, tag_name, tag_value, slot)
) INHERITS (public.usage_half_month_tag) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_quarter_hour_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_quarter_hour_slot_pkey PRIMARY KEY (bucket, api_type, provider, model, service, environment, slot)
) INHERITS (public.usage_quarter_hour) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_day_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_day_slot_pkey PRIMARY KEY (bucket, api_type, provider, model, service, environment, slot)
) INHERITS (public.usage_day) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_half_month_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_half_month_slot_pkey PRIMARY KEY (bucket, api_type, provider, model, service, environment, slot)
) INHERITS (public.usage_half_month) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS public.usage_quarter_type_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_quarter_type_slot_pkey PRIMARY KEY (bucket, api_type, slot)
) INHERITS (public.usage_quarter_type) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS public.usage_day_type_slot (
  slot smallint NOT NULL,
  CONSTRAINT usage_day_type_slot_pkey PRIMARY KEY (bucket, api_type, slot)
) INHERITS (public.usage_day_type) WITH (fillfactor = 50);
-- End of what internal/sums made.
END $do$;
CREATE TRIGGER api_usage_fold_insert AFTER INSERT ON public.api_usage
  REFERENCING NEW TABLE AS n
  FOR EACH STATEMENT EXECUTE FUNCTION public.usage_fold_insert();
CREATE TRIGGER api_usage_fold_update AFTER UPDATE ON public.api_usage
  REFERENCING OLD TABLE AS o NEW TABLE AS n
  FOR EACH STATEMENT EXECUTE FUNCTION public.usage_fold_update();
CREATE TRIGGER api_usage_fold_delete AFTER DELETE ON public.api_usage
  REFERENCING OLD TABLE AS o
  FOR EACH STATEMENT EXECUTE FUNCTION public.usage_fold_delete();
CREATE TRIGGER api_usage_refuse_truncate BEFORE TRUNCATE ON public.api_usage
  FOR EACH STATEMENT EXECUTE FUNCTION public.usage_refuse_truncate();

-- Made by internal/sums: triggers fold.
REVOKE INSERT, UPDATE ON public.usage_day_user, public.usage_half_month_user, public.usage_day_tag,
  public.usage_half_month_tag, public.usage_quarter_hour, public.usage_day,
  public.usage_half_month, public.usage_quarter_type, public.usage_day_type
  FROM usage_writer, usage_pricer;
REVOKE SELECT ON public.usage_day_user, public.usage_half_month_user, public.usage_day_tag,
  public.usage_half_month_tag, public.usage_quarter_hour, public.usage_day,
  public.usage_half_month, public.usage_quarter_type, public.usage_day_type
  FROM usage_writer;
-- End of what internal/sums made.
-- It would take the sums away a second time.
DROP FUNCTION IF EXISTS public.usage_forget_user(uuid);
