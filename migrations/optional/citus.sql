-- Distributes public.api_usage over the workers of a Citus cluster. Run it on
-- the coordinator, after `usagectl migrate rollup statement`, in one
-- transaction: psql -1 -v ON_ERROR_STOP=1 -f citus.sql. docs/scale.md has the
-- whole way, and what of it was tried on which server.
--
-- By id, so that a call is refused a second time whatever worker it is on, and
-- calls without a user have a place. The rollups stay plain tables of the
-- coordinator: they are small, and reading them never leaves it.
DO $$
DECLARE
  found text;
BEGIN
  IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
    RAISE EXCEPTION 'the extension citus is not created in the database %', current_database()
      USING HINT = 'On every node: CREATE EXTENSION citus; on the coordinator: SELECT citus_add_node(...) for each worker.';
  END IF;
  SELECT string_agg(format('%s on %s', tgname, tgrelid::regclass), ', ' ORDER BY tgname) INTO found
  FROM pg_catalog.pg_trigger
  WHERE tgrelid IN ('public.api_usage'::regclass, 'auth.users'::regclass) AND NOT tgisinternal;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION 'Citus distributes no table with triggers, and there are: %', found
      USING HINT = 'Those of the rollups go with: usagectl migrate rollup statement';
  END IF;
END $$;

-- Without it the statements of one transaction would go to the workers over
-- several connections, and the second would be refused.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

-- A copy on every worker, which the foreign key of public.api_usage needs.
SELECT create_reference_table('auth.users');
-- 2 to 4 shards for each worker: every batch goes to all of them.
SELECT create_distributed_table('public.api_usage', 'id', shard_count := 8);

-- Citus logs in to its workers as the current role. Each worker needs a line in
-- its pg_hba.conf for them, and a password where that asks for one.
ALTER ROLE usage_writer LOGIN;
ALTER ROLE usage_reader LOGIN;
ALTER ROLE usage_own LOGIN;
ALTER ROLE usage_pricer LOGIN;
ALTER ROLE usage_grafana LOGIN;
