-- Distributes public.api_usage over the workers of a Citus cluster. Run it on
-- the coordinator, after `usagectl migrate rollup statement`:
-- psql -v ON_ERROR_STOP=1 -f citus.sql. docs/scale.md has the whole way, and
-- what of it was tried on which server.
--
-- By id, so that a call is refused a second time whatever worker it is on, and
-- calls without a user have a place. The rollups stay plain tables of the
-- coordinator: they are small, and reading them never leaves it.
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL lock_timeout = '10s';
-- Without it the statements of one transaction would go to the workers over
-- several connections, and the second would be refused.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

DO $do$
DECLARE
  found text;
BEGIN
  IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
    RAISE EXCEPTION 'the extension citus is not created in the database %', current_database()
      USING HINT = 'On every node: CREATE EXTENSION citus; on the coordinator: SELECT citus_add_node(...) for each worker.';
  END IF;
  IF EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'public.api_usage'::regclass) THEN
    RAISE EXCEPTION 'public.api_usage is distributed already';
  END IF;
  -- Our statements set the write mark there; docs/scale.md says what it is worth.
  DROP TRIGGER IF EXISTS api_usage_mark_written ON public.api_usage;
  DROP TRIGGER IF EXISTS api_usage_guard_correction ON public.api_usage;
  DROP TRIGGER IF EXISTS api_usage_audit_cost ON public.api_usage;
  SELECT string_agg(tgname, ', ' ORDER BY tgname) INTO found FROM pg_trigger WHERE tgrelid = 'public.api_usage'::regclass AND NOT tgisinternal;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION 'Citus distributes no table with triggers, and public.api_usage has: %', found
      USING HINT = 'Those of the rollups go with: usagectl migrate rollup statement';
  END IF;

  -- auth.users stays as it is, with the triggers and the tables that may hang on
  -- it: the writer looks itself whether the users of a batch are there.
  ALTER TABLE public.api_usage DROP CONSTRAINT IF EXISTS api_usage_user_id_fkey;
END $do$;
