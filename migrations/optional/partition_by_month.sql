-- Opt-in, run by `usagectl partition --convert`: public.api_usage in one
-- partition for each UTC month, so that retention drops a month instead of
-- deleting its rows. Worth it from about 100 million calls a year.
--
-- A partitioned table can only have keys that contain the timestamp, and one
-- response seen in two spans has one id and two timestamps. So the ids stand
-- once more in public.api_usage_id, whose primary key refuses the second copy
-- of a call whatever its timestamp and whoever writes it.
--
-- Runs in one transaction and copies every row: writers wait meanwhile, readers
-- until the last moment. Everything that hangs on the table is recreated as it
-- was: views, indexes, keys, triggers, rights. What it cannot take over it
-- refuses before it begins.
SET LOCAL search_path = pg_catalog, pg_temp;
LOCK TABLE public.api_usage IN SHARE ROW EXCLUSIVE MODE;

DO $$
DECLARE
  found text;
BEGIN
  SELECT CASE
    WHEN c.relkind <> 'r' THEN 'it is no plain table'
    WHEN to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN 'this is Citus, which distributes the table by id instead'
    WHEN NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'api_usage_fold_insert') THEN 'it has no trigger api_usage_fold_insert; first: usagectl migrate rollup trigger'
    WHEN c.relrowsecurity THEN 'it has row-level security'
    WHEN EXISTS (SELECT FROM pg_publication_rel WHERE prrelid = c.oid) THEN 'a publication replicates it'
    WHEN EXISTS (SELECT FROM pg_constraint WHERE confrelid = c.oid AND contype = 'f') THEN 'a foreign key refers to it, and its id alone is no key of a partitioned table'
    WHEN EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND NOT indisprimary AND (indisunique OR indisexclusion)) THEN 'it has a unique index that is not ours'
    WHEN EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled <> 'O') THEN 'one of its triggers is not in its usual state (ENABLE TRIGGER)'
  END INTO found FROM pg_class c WHERE c.oid = 'public.api_usage'::regclass;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION 'public.api_usage cannot be partitioned: %', found USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END $$;

-- Default privileges may open every new table to roles that must not reach a
-- partition: a statement aimed at one passes by the triggers.
CREATE FUNCTION public.usage_close_table(closed regclass) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  grantee text;
BEGIN
  FOR grantee IN
    SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
    FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = closed AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM %s', closed, grantee);
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION public.usage_close_table(regclass) FROM PUBLIC;

CREATE TABLE public.api_usage_id (
  id        uuid        NOT NULL,
  timestamp timestamptz NOT NULL                -- of the call, for retention
);
INSERT INTO public.api_usage_id (id, timestamp) SELECT id, timestamp FROM public.api_usage;
ALTER TABLE public.api_usage_id ADD CONSTRAINT api_usage_id_pkey PRIMARY KEY (id);
-- Serves: retention.
CREATE INDEX api_usage_id_time_brin ON public.api_usage_id USING brin (timestamp) WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE public.api_usage_by_month (LIKE public.api_usage INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (timestamp);
-- Takes the calls of a month that has no partition: none is ever lost.
CREATE TABLE public.api_usage_default PARTITION OF public.api_usage_by_month DEFAULT;

DO $do$
DECLARE
  plain  CONSTANT regclass := 'public.api_usage';
  owner  text := (SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = plain);
  again  text[];   -- statements that make what hangs on the table
  month  timestamptz;
  views  text[];   -- statements that point views at the new table
  step   text;
BEGIN
  FOR month IN SELECT DISTINCT date_trunc('month', timestamp, 'UTC') FROM public.api_usage LOOP
    EXECUTE format('CREATE TABLE public.%I PARTITION OF public.api_usage_by_month FOR VALUES FROM (%L) TO (%L)',
      'api_usage_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM'), month, (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
  END LOOP;
  EXECUTE (SELECT format('INSERT INTO public.api_usage_by_month (%1$s) OVERRIDING SYSTEM VALUE SELECT %1$s FROM public.api_usage', string_agg(quote_ident(attname), ', ' ORDER BY attnum))
    FROM pg_attribute WHERE attrelid = plain AND attnum > 0 AND NOT attisdropped AND attgenerated = '');

  SELECT array_agg(s ORDER BY place, s) INTO again FROM (
    SELECT 1, 'ALTER TABLE public.api_usage ADD CONSTRAINT api_usage_pkey PRIMARY KEY (id, timestamp)'
    UNION ALL SELECT 2, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = plain AND NOT indisprimary
    UNION ALL SELECT 3, format('ALTER TABLE public.api_usage ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid = plain AND contype = 'f'
    UNION ALL SELECT 4, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = plain AND NOT tgisinternal
    UNION ALL SELECT 5, 'SELECT public.usage_close_table(''public.api_usage'')'
    UNION ALL SELECT 6, format('GRANT %s ON public.api_usage TO %s%s', a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = plain AND a.grantee <> c.relowner
    UNION ALL SELECT 6, format('GRANT %s (%I) ON public.api_usage TO %s%s', a.privilege_type, t.attname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = plain
  ) AS statements (place, s);

  -- A view follows the table and not its name, so it is pointed at the new one.
  -- What else depends on the table, such as a materialized view, stops the drop.
  views := ARRAY(
    SELECT DISTINCT format('CREATE OR REPLACE VIEW %s%s AS %s', c.oid::regclass, ' WITH (' || array_to_string(c.reloptions, ', ') || ')', pg_get_viewdef(c.oid))
    FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class c ON c.oid = r.ev_class
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = plain AND c.relkind = 'v');

  ALTER TABLE public.api_usage RENAME TO api_usage_plain;
  ALTER TABLE public.api_usage_by_month RENAME TO api_usage;
  FOREACH step IN ARRAY views LOOP
    EXECUTE step;
  END LOOP;
  DROP TABLE public.api_usage_plain;
  EXECUTE 'ALTER TABLE public.api_usage OWNER TO ' || owner;
  EXECUTE 'ALTER TABLE public.api_usage_id OWNER TO ' || owner;
  FOREACH step IN ARRAY again LOOP
    EXECUTE step;
  END LOOP;
  FOR step IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'public.api_usage'::regclass LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO %s', step, owner);
    PERFORM public.usage_close_table(step::regclass);
  END LOOP;
  PERFORM public.usage_close_table('public.api_usage_id');
END $do$;

GRANT SELECT ON public.api_usage_id TO usage_writer, usage_reader;
GRANT SELECT ON public.api_usage_default TO usage_reader;  -- usagectl doctor counts what waits there

-- These fire before the fold triggers, by name: a batch with a call that is
-- there already fails before it has touched a sum.
CREATE FUNCTION public.usage_claim_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.api_usage_id (id, timestamp) SELECT id, timestamp FROM n ORDER BY id;
  RETURN NULL;
END $$;
CREATE FUNCTION public.usage_claim_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT id, timestamp FROM n EXCEPT SELECT id, timestamp FROM o) THEN
    DELETE FROM public.api_usage_id k USING o WHERE k.id = o.id;
    INSERT INTO public.api_usage_id (id, timestamp) SELECT id, timestamp FROM n ORDER BY id;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.usage_claim_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM public.api_usage_id k USING o WHERE k.id = o.id;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.usage_claim_insert(), public.usage_claim_update(), public.usage_claim_delete() FROM PUBLIC;
CREATE TRIGGER api_usage_claim_insert AFTER INSERT ON public.api_usage REFERENCING NEW TABLE AS n
  FOR EACH STATEMENT EXECUTE FUNCTION public.usage_claim_insert();
CREATE TRIGGER api_usage_claim_update AFTER UPDATE ON public.api_usage REFERENCING OLD TABLE AS o NEW TABLE AS n
  FOR EACH STATEMENT EXECUTE FUNCTION public.usage_claim_update();
CREATE TRIGGER api_usage_claim_delete AFTER DELETE ON public.api_usage REFERENCING OLD TABLE AS o
  FOR EACH STATEMENT EXECUTE FUNCTION public.usage_claim_delete();

-- Creates the partitions of this month, of the ones ahead, and of those whose
-- calls stand in the default partition, and moves these. Returns how many. The
-- moving is aimed at partitions and so passes by the triggers: the calls stay
-- counted once.
CREATE FUNCTION public.usage_add_months(ahead integer) RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  added integer := 0;
  name  text;
  month timestamptz;
  next  timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('public.usage_add_months'));
  -- As an array: a query that still reads the default partition would be in the way.
  FOREACH month IN ARRAY ARRAY(
    SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + i * interval '1 month') AT TIME ZONE 'UTC' FROM generate_series(0, ahead) i
    UNION SELECT date_trunc('month', timestamp, 'UTC') FROM public.api_usage_default
    ORDER BY 1)
  LOOP
    name := 'api_usage_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
    CONTINUE WHEN to_regclass(format('public.%I', name)) IS NOT NULL;
    next := (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    EXECUTE format('CREATE TABLE public.%I (LIKE public.api_usage INCLUDING ALL EXCLUDING INDEXES)', name);
    EXECUTE format('ALTER TABLE public.%I OWNER TO %s', name, (SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = 'public.api_usage'::regclass));
    PERFORM public.usage_close_table(format('public.%I', name)::regclass);
    LOCK TABLE public.api_usage_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE (SELECT format('WITH gone AS (DELETE FROM public.api_usage_default WHERE timestamp >= %2$L AND timestamp < %3$L RETURNING *) INSERT INTO public.%4$I (%1$s) OVERRIDING SYSTEM VALUE SELECT %1$s FROM gone',
        string_agg(quote_ident(attname), ', ' ORDER BY attnum), month, next, name)
      FROM pg_attribute WHERE attrelid = 'public.api_usage'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
    EXECUTE format('ALTER TABLE public.api_usage ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name, month, next);
    added := added + 1;
  END LOOP;
  RETURN added;
END $$;
REVOKE ALL ON FUNCTION public.usage_add_months(integer) FROM PUBLIC;
