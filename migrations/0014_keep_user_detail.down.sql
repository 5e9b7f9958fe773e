-- What goes was made of the calls: answers are then read from these.
DROP FUNCTION public.usage_keep_user_detail(integer, integer);
DROP VIEW public.usage_own_user_detail;
DROP VIEW public.usage_user_detail;
DROP TABLE public.usage_user_detail_kept;
