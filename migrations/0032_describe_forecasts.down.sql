COMMENT ON COLUMN usage_report.forecast.method IS 'run_rate, weekday or weekday_steady';
