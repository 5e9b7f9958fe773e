-- Stops keeping the rollups by triggers. The sums stay as they are; from here
-- on the exporter folds them in its insert statement (rollup: auto sees that),
-- and other writers leave them behind.
DROP TRIGGER api_usage_refuse_truncate ON public.api_usage;
DROP TRIGGER api_usage_fold_delete ON public.api_usage;
DROP TRIGGER api_usage_fold_update ON public.api_usage;
DROP TRIGGER api_usage_fold_insert ON public.api_usage;
DROP FUNCTION public.usage_refuse_truncate();
DROP FUNCTION public.usage_fold_delete();
DROP FUNCTION public.usage_fold_update();
DROP FUNCTION public.usage_fold_insert();
