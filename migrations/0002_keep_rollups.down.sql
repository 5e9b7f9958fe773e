-- Stops keeping the rollups by triggers. The sums stay as they are; from here
-- on the exporter folds them in its insert statement (rollup: auto sees that),
-- and other writers leave them behind.
--
-- IF EXISTS: optional/rollup_statement.sql may have taken the triggers away.
DROP TRIGGER IF EXISTS api_usage_refuse_truncate ON public.api_usage;
DROP TRIGGER IF EXISTS api_usage_fold_delete ON public.api_usage;
DROP TRIGGER IF EXISTS api_usage_fold_update ON public.api_usage;
DROP TRIGGER IF EXISTS api_usage_fold_insert ON public.api_usage;
DROP FUNCTION public.usage_refuse_truncate();
DROP FUNCTION public.usage_fold_delete();
DROP FUNCTION public.usage_fold_update();
DROP FUNCTION public.usage_fold_insert();
DROP FUNCTION IF EXISTS public.usage_forget_user(uuid);
DROP FUNCTION public.usage_fold_names(timestamptz[], text[], text[], text[], text[]);
DROP FUNCTION public.usage_decide_names(timestamptz[], text[], text[]);
