-- Takes the sessions from the boards. Nothing is lost: the calls keep them.
DROP FUNCTION usage_report.recent_session_calls(timestamptz, timestamptz, text[], bigint);
DROP VIEW usage_report.session_call;
