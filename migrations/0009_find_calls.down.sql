-- Nothing is lost but the setting trace_url, which says where traces are.
DROP VIEW usage_report.trace_link;
DROP FUNCTION usage_report.recent_calls(timestamptz, timestamptz, text[], bigint);
DROP FUNCTION usage_report.calls_since(timestamptz, timestamptz, text[], bigint);
DELETE FROM public.usage_setting WHERE name = 'trace_url';
