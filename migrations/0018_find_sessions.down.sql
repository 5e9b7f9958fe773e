DROP INDEX public.api_usage_session_time;
