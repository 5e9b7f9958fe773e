DROP AGGREGATE public.usage_add (bigint), public.usage_add (numeric);
