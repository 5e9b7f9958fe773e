SET LOCAL citus.enable_ddl_propagation TO on;

-- The views run with the rights of their owner on the coordinator, and with
-- those of who asks on a worker. So the shards are open to the roles that have
-- the views, and the table is not. Moving shards forgets it: then call it again.
CREATE FUNCTION public.usage_open_shards() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $open$
DECLARE
  refused text;
BEGIN
  -- Roles that are older than the extension are on the coordinator only.
  PERFORM run_command_on_workers($worker$DO $$
    DECLARE
      missing text;
    BEGIN
      PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
      FOREACH missing IN ARRAY ARRAY['usage_writer', 'usage_reader', 'usage_own', 'usage_pricer', 'usage_grafana', 'usage_meterer', 'usage_planner'] LOOP
        IF to_regrole(missing) IS NULL THEN
          EXECUTE format('CREATE ROLE %I LOGIN', missing);
        END IF;
      END LOOP;
    END $$$worker$);
  SELECT string_agg(format('%s:%s: %s', nodename, nodeport, result), '; ') INTO refused
  FROM run_command_on_placements('public.api_usage', 'GRANT SELECT ON TABLE %s TO usage_own, usage_grafana, usage_meterer') WHERE NOT success;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'cannot open the shards of public.api_usage: %', refused;
  END IF;
END $open$;
REVOKE ALL ON FUNCTION public.usage_open_shards() FROM PUBLIC;

-- Citus logs in to its workers as the current role. Each worker needs a line in
-- its pg_hba.conf for them, and a password where that asks for one.
ALTER ROLE usage_writer LOGIN;
ALTER ROLE usage_reader LOGIN;
ALTER ROLE usage_own LOGIN;
ALTER ROLE usage_pricer LOGIN;
ALTER ROLE usage_grafana LOGIN;
ALTER ROLE usage_meterer LOGIN;
ALTER ROLE usage_planner LOGIN;
COMMIT;

-- These go over connections of their own, which see only what is committed. The
-- first removes the copy of the calls that the coordinator still holds.
SELECT truncate_local_data_after_distributing_table('public.api_usage');
SELECT public.usage_open_shards();
