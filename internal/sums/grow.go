package sums

import (
	"fmt"
	"slices"
	"strings"
)

// Unfilled is the name in public.usage_setting of the UTC day before which the sums that a
// migration added are still to be made of the calls. There is none when nothing is left to do.
func Unfilled(migration int) string { return fmt.Sprintf("sums_of_%04d_to_fill_before", migration) }

// Migrations returns the numbers of the migrations whose sums are filled afterwards.
func Migrations() []int { return migrationsOf(Levels) }

// ChangedBy returns the levels that a migration creates or adds measures to, each after its
// parent.
func ChangedBy(migration int) []*Level {
	return filter(Levels, func(l *Level) bool { return l.Since == migration || l.grows(migration) })
}

// toFill notes that calls are there that the sums of the migration do not have. The
// triggers count every later one.
func toFill(migration int) string {
	return `INSERT INTO public.usage_setting (name, value)
SELECT '` + Unfilled(migration) + `', ((` + Day.of("max(bucket)") + ` + interval '24 hours') AT TIME ZONE 'UTC')::text || 'Z'
FROM public.usage_quarter_type HAVING count(*) > 0;`
}

// addColumns adds the measures of the migration to levels that are there. No row is written.
func addColumns(levels []*Level, migration int) string {
	return eachColumn(levels, migration, func(m Measure) string { return "ADD COLUMN " + m.Name + " " + m.Type() + " NULL" })
}

// dropColumns is the way back. A view cannot lose a column: those of the levels are made
// again, and whatever reads them as it was.
func dropColumns(levels []*Level, migration int) string {
	var roots, before []string
	for _, l := range levels {
		old := l.upTo(migration - 1)
		if view := l.reportView(); view != "" {
			roots, before = append(roots, "usage_report."+view), append(before, views("CREATE OR REPLACE", []*Level{old}, migration > slotsSince))
		}
		if l.OwnView != "" && !l.IsCalls() {
			roots, before = append(roots, l.OwnView), append(before, ownViews("CREATE OR REPLACE", []*Level{old}))
		}
	}
	return remake(roots, strings.Join(before, "\n")) + eachColumn(levels, migration, func(m Measure) string { return "DROP COLUMN " + m.Name })
}

func eachColumn(levels []*Level, migration int, change func(Measure) string) string {
	var list []string
	for _, l := range levels {
		if l.IsCalls() {
			continue
		}
		var changes []string
		for _, m := range l.added(migration) {
			changes = append(changes, change(m))
		}
		list = append(list, "ALTER TABLE "+l.Table()+" "+strings.Join(changes, ", ")+";")
	}
	return strings.Join(list, "\n")
}

func (l *Level) reportView() string {
	if l.IsCalls() {
		return oneCall
	}
	return l.View
}

func joined(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(t string) bool { return t == "" }), "\n\n")
}

// remake drops views, and what reads them, runs a text that makes the views another way,
// and makes the others again as they were, each with its owner, its grants and its
// comments. It is "" without views.
func remake(views []string, text string) string {
	if len(views) == 0 {
		return ""
	}
	return `-- What reads the views is dropped with them, and made again as it is written down here.
CREATE TEMPORARY TABLE usage_remade ON COMMIT DROP AS
WITH RECURSIVE reads (class, object, depth) AS (
  SELECT 'pg_class'::regclass::oid, v::regclass::oid, 0 FROM unnest(ARRAY['` + strings.Join(views, "', '") + `']) AS v
  UNION
  SELECT CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END, coalesce(r.ev_class, d.objid), reads.depth + 1
  FROM reads
  JOIN pg_depend d ON d.refclassid = reads.class AND d.refobjid = reads.object AND d.deptype = 'n'
  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  WHERE d.classid = 'pg_proc'::regclass OR (r.ev_class <> reads.object OR reads.class <> 'pg_class'::regclass)
), readers AS (
  SELECT class, object, max(depth) AS depth FROM reads GROUP BY 1, 2
), described AS (
  SELECT depth, object, 'TABLE' AS grants, 'VIEW' AS kind, c.oid::regclass::text AS name, c.relowner AS owner, coalesce(c.relacl, acldefault('r', c.relowner)) AS acl,
    format('CREATE VIEW %s%s AS %s', c.oid::regclass, ' WITH (' || array_to_string(c.reloptions, ', ') || ')', pg_get_viewdef(c.oid)) AS made,
    obj_description(c.oid, 'pg_class') AS comment
  FROM readers JOIN pg_class c ON class = 'pg_class'::regclass AND c.oid = object
  UNION ALL
  SELECT depth, object, 'FUNCTION', 'FUNCTION', p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)),
    pg_get_functiondef(p.oid), obj_description(p.oid, 'pg_proc')
  FROM readers JOIN pg_proc p ON class = 'pg_proc'::regclass AND p.oid = object
), steps AS (
  SELECT object, 1 AS place, made AS command, NULL::name AS of_column FROM described WHERE depth > 0
  UNION ALL SELECT object, 2, format('ALTER %s %s OWNER TO %I', kind, name, pg_get_userbyid(owner)), NULL FROM described
  UNION ALL SELECT object, 3, format('REVOKE ALL ON %s %s FROM PUBLIC', grants, name), NULL FROM described
  UNION ALL SELECT object, 4, format('GRANT %s ON %s %s TO %s%s', a.privilege_type, grants, name,
      CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), NULL
    FROM described, aclexplode(acl) a WHERE a.grantee <> owner
  UNION ALL SELECT object, 4, format('GRANT %s (%I) ON %s TO %s', a.privilege_type, t.attname, name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END), t.attname
    FROM described JOIN pg_attribute t ON kind = 'VIEW' AND t.attrelid = object, aclexplode(t.attacl) a
  UNION ALL SELECT object, 5, format('COMMENT ON %s %s IS %L', kind, name, comment), NULL FROM described WHERE comment IS NOT NULL
  UNION ALL SELECT object, 5, format('COMMENT ON COLUMN %s.%I IS %L', name, t.attname, col_description(object, t.attnum)), t.attname
    FROM described JOIN pg_attribute t ON kind = 'VIEW' AND t.attrelid = object AND col_description(object, t.attnum) IS NOT NULL
)
SELECT kind, name, depth, object, place, of_column, command FROM steps JOIN described USING (object);

DO $do$
DECLARE
  step text;
BEGIN
  FOR step IN SELECT DISTINCT ON (depth, object) format('DROP %s %s', kind, name) FROM usage_remade ORDER BY depth DESC, object DESC LOOP
    EXECUTE step;
  END LOOP;
END $do$;

` + text + `

DO $do$
DECLARE
  step record;
BEGIN
  FOR step IN SELECT name, of_column, command FROM usage_remade ORDER BY depth, object, place, command LOOP
    CONTINUE WHEN step.of_column IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = step.name::regclass AND attname = step.of_column);
    EXECUTE step.command;
  END LOOP;
END $do$;
DROP TABLE usage_remade;
`
}
