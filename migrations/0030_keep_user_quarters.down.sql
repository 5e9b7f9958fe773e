DROP FUNCTION public.usage_keep_user_quarters(integer, integer);
DROP VIEW public.usage_own_user_quarter;
DROP VIEW public.usage_own_user_quarter_half;
DROP VIEW public.usage_user_quarter_half;
DROP TABLE public.usage_user_quarter;
DROP TABLE public.usage_user_quarter_kept;
