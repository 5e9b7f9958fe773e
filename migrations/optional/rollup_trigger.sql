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
