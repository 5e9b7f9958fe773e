-- Forecasts have a fourth method, which follows steady growth.
--
-- Changes a comment; nobody waits.
COMMENT ON COLUMN usage_report.forecast.method IS 'run_rate, weekday, weekday_steady or weekday_trend';
