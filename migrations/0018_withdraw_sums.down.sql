-- Sums that were withdrawn stay so; their calls are stored.
DROP FUNCTION public.usage_withdraw_sums(uuid[], timestamptz[], uuid[], timestamptz[]);
DROP INDEX public.api_usage_sum;
