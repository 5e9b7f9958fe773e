-- What boards need to show sessions: the calls with their session. It is no column of
-- usage_report.call, because functions of 0.1.0 return its rows as they were.
-- Whoever may look at a board may read the ids of sessions from now on; what was said in one is
-- stored nowhere.
--
-- Runs in milliseconds: it touches no existing data.
CREATE VIEW usage_report.session_call AS
  SELECT id,
         timestamp,
         user_id,
         coalesce(nullif(session_id, ''), '(none)') AS session_id,
         api_type,
         coalesce(nullif(provider, ''), '(none)') AS provider,
         coalesce(nullif(model, ''), '(none)') AS model,
         coalesce(nullif(service, ''), '(none)') AS service,
         coalesce(nullif(environment, ''), '(none)') AS environment,
         trace_id,
         metadata ->> 'span_id' AS span_id,
         pricing_status,
         coalesce(tokens_used, 0)::bigint AS tokens,
         usage_dollars
  FROM public.api_usage;
COMMENT ON VIEW usage_report.session_call IS 'Single calls with their session';
COMMENT ON COLUMN usage_report.session_call.id IS 'of the call';
COMMENT ON COLUMN usage_report.session_call.timestamp IS 'start of the call';
COMMENT ON COLUMN usage_report.session_call.user_id IS 'id of the user, see account; NULL: none is known';
COMMENT ON COLUMN usage_report.session_call.session_id IS 'conversation or session that the app reports; (none): it reports none. It is one user''s: the same id of two users is two sessions';
COMMENT ON COLUMN usage_report.session_call.api_type IS 'kind of the API';
COMMENT ON COLUMN usage_report.session_call.provider IS 'who is paid for the call';
COMMENT ON COLUMN usage_report.session_call.model IS 'model that answered';
COMMENT ON COLUMN usage_report.session_call.service IS 'service.name of the app';
COMMENT ON COLUMN usage_report.session_call.environment IS 'deployment environment of the app';
COMMENT ON COLUMN usage_report.session_call.trace_id IS 'trace of the call; NULL: none';
COMMENT ON COLUMN usage_report.session_call.span_id IS 'span of the call; NULL: none';
COMMENT ON COLUMN usage_report.session_call.pricing_status IS 'priced, estimated, reported or unpriced';
COMMENT ON COLUMN usage_report.session_call.tokens IS 'input and output tokens';
COMMENT ON COLUMN usage_report.session_call.usage_dollars IS 'exact cost in US dollars; 0 when unpriced';

-- The calls of a period that usage_report.recent_calls has, with their session.
CREATE FUNCTION usage_report.recent_session_calls(from_time timestamptz, to_time timestamptz, users text[], at_most bigint)
  RETURNS SETOF usage_report.session_call
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT c.*
  FROM usage_report.session_call AS c
  WHERE '__all' = ANY (users)
    AND c.timestamp >= (SELECT usage_report.calls_since(from_time, to_time, users, at_most)) AND c.timestamp < usage_report.quarter(to_time)
  UNION ALL
  SELECT c.*
  FROM usage_report.session_call AS c
  WHERE '__all' <> ALL (users)
    AND (c.user_id = ANY (usage_report.user_ids(users)) OR '00000000-0000-0000-0000-000000000000' = ANY (users) AND c.user_id IS NULL)
    AND c.timestamp >= (SELECT usage_report.calls_since(from_time, to_time, users, at_most)) AND c.timestamp < usage_report.quarter(to_time);
END;

REVOKE ALL ON FUNCTION usage_report.recent_session_calls(timestamptz, timestamptz, text[], bigint) FROM PUBLIC;
GRANT SELECT ON usage_report.session_call TO usage_grafana, usage_reader;
GRANT EXECUTE ON FUNCTION usage_report.recent_session_calls(timestamptz, timestamptz, text[], bigint) TO usage_grafana, usage_reader;
