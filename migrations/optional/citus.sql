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
  found  text;
  drops  text[];   -- statements that drop what reads the table, the last made first
  again  text[];   -- statements that make it again as it was
  step   text;
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

  -- Citus takes no table that a view reads which an SQL function reads in turn
  -- ("circular dependencies"), and plans no SQL function that reads a
  -- distributed table. So all of these go, and come back as plain objects of
  -- the coordinator, where every query arrives, the functions in PL/pgSQL.
  WITH RECURSIVE reads (class, object, depth) AS (
    SELECT 'pg_class'::regclass::oid, 'public.api_usage'::regclass::oid, 0
    UNION
    SELECT CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END, coalesce(r.ev_class, d.objid), reads.depth + 1
    FROM reads
    JOIN pg_depend d ON d.refclassid = reads.class AND d.refobjid = reads.object AND d.deptype = 'n'
    LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    WHERE d.classid = 'pg_proc'::regclass OR (r.ev_class <> reads.object OR reads.class <> 'pg_class'::regclass)
  ), readers AS (
    SELECT class, object, max(depth) AS depth FROM reads WHERE depth > 0 GROUP BY 1, 2
  ), described AS (
    SELECT depth, object, 'TABLE' AS grants, 'VIEW' AS kind, c.oid::regclass::text AS name, c.relowner AS owner, coalesce(c.relacl, acldefault('r', c.relowner)) AS acl,
      format('CREATE VIEW %s%s AS %s', c.oid::regclass, ' WITH (' || array_to_string(c.reloptions, ', ') || ')', pg_get_viewdef(c.oid)) AS made,
      obj_description(c.oid, 'pg_class') AS comment
    FROM readers JOIN pg_class c ON class = 'pg_class'::regclass AND c.oid = object
    UNION ALL
    SELECT depth, object, 'FUNCTION', 'FUNCTION', p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)),
      CASE WHEN d.body LIKE 'BEGIN ATOMIC%' THEN
        regexp_replace(regexp_replace(left(d.definition, strpos(d.definition, 'BEGIN ATOMIC') - 1), 'LANGUAGE sql', 'LANGUAGE plpgsql'), 'PARALLEL SAFE', 'PARALLEL UNSAFE')
        || format('AS %L', '#variable_conflict use_column' || E'\nBEGIN\n  RETURN QUERY\n' || regexp_replace(d.body, '^BEGIN ATOMIC\s+(.*)\s+END\s*$', '\1') || E'\nEND')
      ELSE d.definition END,
      obj_description(p.oid, 'pg_proc')
    FROM readers JOIN pg_proc p ON class = 'pg_proc'::regclass AND p.oid = object
    CROSS JOIN LATERAL (SELECT pg_get_functiondef(p.oid) AS definition, pg_get_function_sqlbody(p.oid) AS body) d
  ), steps AS (
    SELECT depth, object, 1 AS place, made AS command FROM described
    UNION ALL SELECT depth, object, 2, format('ALTER %s %s OWNER TO %I', kind, name, pg_get_userbyid(owner)) FROM described
    UNION ALL SELECT depth, object, 3, format('REVOKE ALL ON %s %s FROM PUBLIC', grants, name) FROM described
    UNION ALL SELECT depth, object, 4, format('GRANT %s ON %s %s TO %s%s', a.privilege_type, grants, name,
        CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM described, aclexplode(acl) a WHERE a.grantee <> owner
    UNION ALL SELECT depth, object, 4, format('GRANT %s (%I) ON %s TO %s', a.privilege_type, t.attname, name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
      FROM described JOIN pg_attribute t ON kind = 'VIEW' AND t.attrelid = object, aclexplode(t.attacl) a
    UNION ALL SELECT depth, object, 5, format('COMMENT ON %s %s IS %L', kind, name, comment) FROM described WHERE comment IS NOT NULL
  )
  SELECT (SELECT array_agg(format('DROP %s %s', kind, name) ORDER BY depth DESC, object DESC) FROM described),
         (SELECT array_agg(command ORDER BY depth, object, place, command) FROM steps)
  INTO drops, again;

  FOREACH step IN ARRAY drops LOOP
    EXECUTE step;
  END LOOP;
  -- 2 to 4 shards for each worker: every batch goes to all of them.
  PERFORM create_distributed_table('public.api_usage', 'id', 
    shard_count := coalesce(nullif(current_setting('usage.shards', true), '')::integer, 8));
  SET LOCAL citus.enable_ddl_propagation TO off;
  FOREACH step IN ARRAY again LOOP
    EXECUTE step;
  END LOOP;
  SET LOCAL citus.enable_ddl_propagation TO on;
END $do$;

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
      FOREACH missing IN ARRAY ARRAY['usage_writer', 'usage_reader', 'usage_own', 'usage_pricer', 'usage_grafana'] LOOP
        IF to_regrole(missing) IS NULL THEN
          EXECUTE format('CREATE ROLE %I LOGIN', missing);
        END IF;
      END LOOP;
    END $$$worker$);
  SELECT string_agg(format('%s:%s: %s', nodename, nodeport, result), '; ') INTO refused
  FROM run_command_on_placements('public.api_usage', 'GRANT SELECT ON TABLE %s TO usage_own, usage_grafana') WHERE NOT success;
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
COMMIT;

-- These go over connections of their own, which see only what is committed. The
-- first removes the copy of the calls that the coordinator still holds.
SELECT truncate_local_data_after_distributing_table('public.api_usage');
SELECT public.usage_open_shards();
