DROP INDEX public.api_usage_unpriced;
