-- Serves: what each session of a period cost (GET /api/admin/sessions). Calls without
-- a session are not in it.
--
-- 100 million calls with a session take about two minutes, while writers wait and their
-- queues hold what comes.
SET LOCAL lock_timeout = '10s';
CREATE INDEX api_usage_session_time ON public.api_usage (timestamp, session_id) INCLUDE (user_id, usage_dollars) WHERE session_id IS NOT NULL;
