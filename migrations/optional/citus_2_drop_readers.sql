
-- Citus takes no table that a view reads which an SQL function reads in turn
-- ("circular dependencies"), and plans no SQL function that reads a
-- distributed table. So all of these go, and come back as plain objects of
-- the coordinator, where every query arrives, the functions in PL/pgSQL.
-- Until then it is written here how they were.
CREATE TEMPORARY TABLE usage_reader ON COMMIT DROP AS
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
    -- Not one with a body of statements: the texts of ours follow below.
    CASE WHEN pg_get_function_sqlbody(p.oid) NOT LIKE 'BEGIN ATOMIC%' THEN pg_get_functiondef(p.oid) END,
    obj_description(p.oid, 'pg_proc')
  FROM readers JOIN pg_proc p ON class = 'pg_proc'::regclass AND p.oid = object
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
SELECT kind, name, depth, object, place, command FROM steps JOIN described USING (depth, object);

DO $do$
DECLARE
  step text;
BEGIN
  FOR step IN SELECT format('DROP %s %s', kind, name) FROM usage_reader WHERE place = 1 ORDER BY depth DESC, object DESC LOOP
    EXECUTE step;
  END LOOP;
END $do$;
