-- Takes the descriptions back. No row is touched.
DO $$
DECLARE
  described record;
BEGIN
  FOR described IN
    SELECT c.oid::regclass AS relation, c.relkind = 'v' AS is_view, a.attname AS name
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE (n.nspname = 'usage_report' AND c.relkind = 'v') OR (n.nspname = 'public' AND c.relname = 'api_usage')
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS NULL', described.relation, described.name);
    EXECUTE format('COMMENT ON %s %s IS NULL', CASE WHEN described.is_view THEN 'VIEW' ELSE 'TABLE' END, described.relation);
  END LOOP;
END $$;
