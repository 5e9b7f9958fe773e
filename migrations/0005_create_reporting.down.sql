-- Removes the reporting schema; everything in it can be made again. The role
-- usage_grafana stays, with nothing to read here: it belongs to the cluster, and
-- another database of it may use it.
DROP SCHEMA usage_report CASCADE;

DO $$
BEGIN
  -- Only what the up migration took away.
  DELETE FROM public.usage_setting WHERE name = 'temporary_revoked';
  IF FOUND THEN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
  END IF;
  EXECUTE format('ALTER ROLE usage_grafana IN DATABASE %I RESET ALL', current_database());
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING '% may not give TEMPORARY on the database back to PUBLIC, or not reset the role usage_grafana', current_user;
END $$;
