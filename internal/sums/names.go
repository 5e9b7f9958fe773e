package sums

import (
	"fmt"
	"strings"
)

// Other is what the sums call the names of a day that are more than its kind may
// have. The calls keep their names.
//
// A sender can invent names without end, and each would be a row of every level
// with that key. Which names of a UTC day have sums of their own is therefore
// decided once, in the order in which they come, and stored: public.usage_name has
// those that do, and public.usage_name_day says when a kind is closed for a day.
// From then on every name of that day that is not there is folded, whoever asks:
// writing, repricing, deleting and verifying read the same tables, so sums stay
// provable in any order of arrival, and after a limit was changed.
const Other = "(other)"

// bounded are the keys whose names are limited.
func (l *Level) bounded() (list []Key) {
	for _, k := range l.Keys {
		if k.Names > 0 {
			list = append(list, k)
		}
	}
	return list
}

// Bounded are the names of all keys whose names are limited.
func Bounded() (list []string) {
	for _, l := range Levels {
		for _, k := range l.bounded() {
			if l.Of == nil {
				list = append(list, k.Name)
			}
		}
	}
	return list
}

// fromNamed selects the sums of a level from calls, names folded.
func (l *Level) fromNamed(rows Rows, where string) string {
	values := make([]string, 0, len(l.Keys))
	list := []string{l.Width.of("bucket") + " AS bucket"}
	for _, k := range l.Keys {
		if k.Names == 0 {
			list = append(list, k.Name)
			continue
		}
		values = append(values, "('"+k.Name+"', "+k.Name+")")
		list = append(list, fmt.Sprintf("CASE WHEN (%[1]s, '%[2]s', %[2]s) IN (SELECT day, kind, name FROM folded) THEN '%[3]s' ELSE %[2]s END AS %[2]s", Day.of("bucket"), k.Name, Other))
	}
	for _, m := range l.Measures {
		list = append(list, "sum("+m.Name+") AS "+m.Name)
	}
	folded := "SELECT n.day, n.kind, n.name FROM names AS n JOIN public.usage_name_day AS d ON d.day = n.day AND d.kind = n.kind AND d.closed\n" +
		"WHERE NOT EXISTS (SELECT FROM public.usage_name AS k WHERE k.day = n.day AND k.kind = n.kind AND k.name = n.name)"
	if rows.New {
		folded = "SELECT f.day, f.kind, f.name\n" +
			"FROM (SELECT array_agg(day) AS days, array_agg(kind) AS kinds, array_agg(name) AS names FROM names) AS a,\n" +
			"     public.usage_decide_names(a.days, a.kinds, a.names) AS f"
	}
	return "WITH each AS MATERIALIZED (\n" + indent(l.fromEach(min(l.Width, Day), rows, where), "  ") + "\n), names AS (\n" +
		"  SELECT DISTINCT " + Day.of("bucket") + " AS day, v.kind, v.name\n" +
		"  FROM each CROSS JOIN LATERAL (VALUES " + commas(values) + ") AS v (kind, name)\n" +
		"  WHERE v.name <> ''\n), folded AS MATERIALIZED (\n" + indent(folded, "  ") + "\n)\n" +
		l.selected(list, "each", "")
}

// FoldedColumn is [Level.Column] where sums and single calls are added up
// together: a call then counts under the name that its sums have.
func (l *Level) FoldedColumn(name string) string {
	column := l.Column(name)
	if l != Single {
		return column
	}
	for _, k := range l.bounded() {
		if k.Name == name {
			day := Day.of("timestamp")
			return fmt.Sprintf("CASE WHEN %[1]s IN (SELECT day FROM public.usage_name_day WHERE kind = '%[2]s' AND closed)"+
				" AND NOT EXISTS (SELECT FROM public.usage_name AS kept WHERE kept.day = %[1]s AND kept.kind = '%[2]s' AND kept.name = %[3]s) AND %[3]s <> ''"+
				" THEN '%[4]s' ELSE %[3]s END", day, name, column, Other)
		}
	}
	return column
}

// DecideNames is a statement that decides on names before a [Fold] that cannot:
// $1 are the UTC days, $2 the kinds, $3 the names.
const DecideNames = `SELECT count(*) FROM public.usage_decide_names($1::timestamptz[], $2::text[], $3::text[])`

// NamesOfCalls is a statement that lists the names of the calls of [$1, $2): the
// UTC day, the kind, the name.
func NamesOfCalls() string {
	var each []string
	for _, k := range Single.bounded() {
		each = append(each, "('"+k.Name+"', "+k.Of+")")
	}
	return "SELECT DISTINCT " + Day.of("timestamp") + ", v.kind, v.name\nFROM " + Single.Table() + " CROSS JOIN LATERAL (VALUES " + commas(each) + ") AS v (kind, name)\n" +
		"WHERE timestamp >= $1 AND timestamp < $2 AND v.name <> ''"
}

// nameTables are the tables that say which names have sums of their own.
func nameTables() string {
	var limits []string
	for _, l := range Levels {
		if l.Of != nil {
			continue
		}
		for _, k := range l.bounded() {
			limits = append(limits, fmt.Sprintf("  ('%s', %d)", k.Name, k.Names))
		}
	}
	return `-- How many names of a kind have sums of their own on a UTC day; what comes after
-- them on that day is '` + Other + `' in the sums and keeps its name in the calls. Change it
-- with UPDATE: it holds for days that are not full yet.
CREATE TABLE public.usage_name_limit (
  kind  text    NOT NULL,
  names integer NOT NULL,
  CONSTRAINT usage_name_limit_pkey PRIMARY KEY (kind),
  CONSTRAINT usage_name_limit_positive CHECK (names > 0)
);
INSERT INTO public.usage_name_limit (kind, names) VALUES
` + strings.Join(limits, ",\n") + `;
-- The names that have. No row goes while calls or sums of its day are there.
CREATE TABLE public.usage_name (
  day  timestamptz NOT NULL,
  kind text        NOT NULL,
  name text        NOT NULL,
  CONSTRAINT usage_name_pkey PRIMARY KEY (day, kind, name)
);
-- How many those are, and whether the day is full. It never opens again.
CREATE TABLE public.usage_name_day (
  day       timestamptz NOT NULL,
  kind      text        NOT NULL,
  names     integer     NOT NULL,
  closed    boolean     NOT NULL,
  closed_at timestamptz NULL,
  CONSTRAINT usage_name_day_pkey PRIMARY KEY (day, kind)
);`
}

// decide is the function that decides.
func decide() string {
	return `CREATE FUNCTION public.usage_decide_names(days timestamptz[], kinds text[], list text[])
  RETURNS TABLE (day timestamptz, kind text, name text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $decide$
#variable_conflict use_column
DECLARE
  fresh   record;
  full_at integer;
  had     integer;
  is_full boolean;
  added   integer;
BEGIN
  -- In one order everywhere, so that two writers wait for each other and never in
  -- a circle. Whoever waited sees what the other decided.
  FOR fresh IN
    SELECT v.day, v.kind, array_agg(DISTINCT v.name ORDER BY v.name) AS names
    FROM unnest(days, kinds, list) AS v (day, kind, name)
    LEFT JOIN public.usage_name AS k ON k.day = v.day AND k.kind = v.kind AND k.name = v.name
    LEFT JOIN public.usage_name_day AS d ON d.day = v.day AND d.kind = v.kind
    WHERE k.name IS NULL AND d.closed IS NOT TRUE
    GROUP BY v.day, v.kind
    ORDER BY v.day, v.kind
  LOOP
    INSERT INTO public.usage_name_day (day, kind, names, closed) VALUES (fresh.day, fresh.kind, 0, false) ON CONFLICT DO NOTHING;
    SELECT d.names, d.closed INTO had, is_full FROM public.usage_name_day AS d WHERE d.day = fresh.day AND d.kind = fresh.kind FOR UPDATE;
    CONTINUE WHEN is_full;
    full_at := (SELECT l.names FROM public.usage_name_limit AS l WHERE l.kind = fresh.kind);
    INSERT INTO public.usage_name (day, kind, name)
    SELECT fresh.day, fresh.kind, n.name
    FROM unnest(fresh.names) AS n (name)
    WHERE NOT EXISTS (SELECT FROM public.usage_name AS k WHERE k.day = fresh.day AND k.kind = fresh.kind AND k.name = n.name)
    ORDER BY n.name
    LIMIT greatest(full_at - had, 0);
    GET DIAGNOSTICS added = ROW_COUNT;
    is_full := EXISTS (
      SELECT FROM unnest(fresh.names) AS n (name)
      WHERE NOT EXISTS (SELECT FROM public.usage_name AS k WHERE k.day = fresh.day AND k.kind = fresh.kind AND k.name = n.name));
    UPDATE public.usage_name_day AS d SET names = had + added, closed = is_full, closed_at = CASE WHEN is_full THEN now() END
    WHERE d.day = fresh.day AND d.kind = fresh.kind;
  END LOOP;
  RETURN QUERY
    SELECT v.day, v.kind, v.name
    FROM unnest(days, kinds, list) AS v (day, kind, name)
    JOIN public.usage_name_day AS d ON d.day = v.day AND d.kind = v.kind AND d.closed
    WHERE NOT EXISTS (SELECT FROM public.usage_name AS k WHERE k.day = v.day AND k.kind = v.kind AND k.name = v.name);
END $decide$;
REVOKE ALL ON FUNCTION public.usage_decide_names(timestamptz[], text[], text[]) FROM PUBLIC;`
}
