package sums

import (
	"fmt"
	"strings"
)

// Other replaces, in the sums, the names of calls beyond the limit of a day. The calls keep
// their names.
//
// A sender can invent any number of names, and each would become a row in every level with
// that key. Even a few names of each kind can form very many combinations. So which names
// and combinations of a UTC day have their own sums is decided once, in order of arrival,
// and stored: public.usage_name lists them, and public.usage_name_day says when a kind is
// full. When a call is stored, its column folded records which of its names the sums
// replace ([FoldNames]). From then on the sums depend only on the call itself, so that
// writing, repricing, deleting and verifying need no other table and may happen in any
// order.
const Other = "(other)"

// foldedColumn is a column of a call: the sum of the bits of those names that the sums
// replace by [Other], and NULL for none.
const foldedColumn = "folded"

// combination is the kind that counts combinations of names. When there are too many, the
// names of combinationBits are replaced together. The provider is kept, because bills are
// compared by provider and there are few of them.
const (
	combination     = "combination"
	combinations    = 5000
	combinationBits = 0b1110
)

// inSums returns the expression of the key as the sums have it: the name, or [Other].
func (k Key) inSums() string {
	if k.InSums != "" {
		return k.InSums
	}
	if k.Names == 0 {
		return k.Of
	}
	return fmt.Sprintf("CASE WHEN %s & %d <> 0 THEN '%s' ELSE %s END", foldedColumn, k.Bit, Other, k.Of)
}

// FoldedColumn returns the column for queries that add up sums and single calls. Unlike
// [Level.Column], it counts a single call under the name that its sums have.
func (l *Level) FoldedColumn(name string) string {
	for _, k := range l.Keys {
		if k.Name == name && l.IsCalls() {
			return k.inSums()
		}
	}
	return l.Column(name)
}

// FoldNames is a statement that decides about names before their calls are stored. $1 are
// the UTC days, $2 to $5 the providers, models, services and environments. It returns an
// array with the column folded of each call, 0 for none.
const FoldNames = `SELECT public.usage_fold_names($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[])`

// boundedKeys returns the keys with a limited number of names, in the order of [FoldNames].
func boundedKeys() (list []Key) {
	for _, k := range allKeys {
		if k.Names > 0 {
			list = append(list, k)
		}
	}
	return list
}

// nameTables returns the tables that record which names have their own sums.
func nameTables() string {
	var limits []string
	for _, k := range boundedKeys() {
		limits = append(limits, fmt.Sprintf("  ('%s', %d)", k.Name, k.Names))
	}
	limits = append(limits, fmt.Sprintf("  ('%s', %d)", combination, combinations))
	return `-- How many names of a kind have sums of their own on a UTC day, and how many
-- combinations of them; what comes after them on that day is '` + Other + `' in the sums and
-- keeps its names in the calls. Change it with UPDATE: it holds for days that are not
-- full yet.
CREATE TABLE public.usage_name_limit (
  kind  text    NOT NULL,
  names integer NOT NULL,
  CONSTRAINT usage_name_limit_pkey PRIMARY KEY (kind),
  CONSTRAINT usage_name_limit_positive CHECK (names > 0)
);
INSERT INTO public.usage_name_limit (kind, names) VALUES
` + strings.Join(limits, ",\n") + `;
-- The names that have; a combination by its digest.
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

// decide returns the functions that decide about names.
func decide() string {
	var keys, values, bits, kept []string
	for _, k := range boundedKeys() {
		keys = append(keys, k.Name)
		values = append(values, fmt.Sprintf("('%[1]s', %[1]s)", k.Name))
		bits = append(bits, fmt.Sprintf("CASE WHEN (day, '%[1]s', %[1]s) IN (SELECT day, kind, name FROM many) THEN %[2]d ELSE 0 END", k.Name, k.Bit))
		kept = append(kept, fmt.Sprintf("CASE WHEN bits & %d = 0 THEN %s END", k.Bit, k.Name))
	}
	list, arrays := commas(keys), strings.Join(keys, "s, ")+"s"
	return decideNames("CREATE", anyLimit) + `

-- The column folded of calls that are about to be stored: first their names are
-- decided on, then what is left of them together.
CREATE FUNCTION public.usage_fold_names(days timestamptz[], ` + strings.Join(keys, "s text[], ") + `s text[])
  RETURNS smallint[]
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$
#variable_conflict use_column
DECLARE
  single integer[];
  whole  text[];
BEGIN
  WITH calls AS (
    SELECT * FROM unnest(days, ` + arrays + `) WITH ORDINALITY AS c (day, ` + list + `, n)
  ), many AS MATERIALIZED (
    SELECT f.day, f.kind, f.name
    FROM (SELECT array_agg(day) AS days, array_agg(kind) AS kinds, array_agg(name) AS names
          FROM (SELECT DISTINCT day, v.kind, v.name FROM calls CROSS JOIN LATERAL (VALUES ` + commas(values) + `) AS v (kind, name)
                WHERE v.name <> '') AS d) AS a,
         public.usage_decide_names(a.days, a.kinds, a.names) AS f
  ), decided AS (
    SELECT n, ` + list + `,
      ` + strings.Join(bits, "\n      + ") + ` AS bits
    FROM calls
  )
  SELECT array_agg(bits ORDER BY n),
         array_agg(CASE WHEN bits & ` + fmt.Sprint(combinationBits) + ` <> ` + fmt.Sprint(combinationBits) + ` THEN encode(sha256(convert_to(json_build_array(
           ` + strings.Join(kept, ",\n           ") + `)::text, 'UTF8')), 'hex') END ORDER BY n)
  INTO single, whole FROM decided;

  RETURN (
    WITH calls AS (
      SELECT * FROM unnest(days, single, whole) WITH ORDINALITY AS c (day, bits, name, n)
    ), many AS MATERIALIZED (
      SELECT f.day, f.name
      FROM (SELECT array_agg(day) AS days, array_agg('` + combination + `'::text) AS kinds, array_agg(name) AS names
            FROM (SELECT DISTINCT day, name FROM calls WHERE name IS NOT NULL) AS d) AS a,
           public.usage_decide_names(a.days, a.kinds, a.names) AS f
    )
    SELECT array_agg((CASE WHEN (day, name) IN (SELECT day, name FROM many) THEN bits | ` + fmt.Sprint(combinationBits) + ` ELSE bits END)::smallint ORDER BY n) FROM calls);
END $fold$;
REVOKE ALL ON FUNCTION public.usage_fold_names(timestamptz[], text[], text[], text[], text[]) FROM PUBLIC;`
}

// anyLimit finds how many names a kind may have.
const anyLimit = "(SELECT l.names FROM public.usage_name_limit AS l WHERE l.kind = fresh.kind)"

// decideNames is the function that decides which names of a day have sums of their
// own; limit says how many of them a kind may have.
func decideNames(create, limit string) string {
	return create + ` FUNCTION public.usage_decide_names(days timestamptz[], kinds text[], list text[])
  RETURNS TABLE (day timestamptz, kind text, name text)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $decide$
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
    full_at := ` + limit + `;
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
    SELECT DISTINCT v.day, v.kind, v.name
    FROM unnest(days, kinds, list) AS v (day, kind, name)
    JOIN public.usage_name_day AS d ON d.day = v.day AND d.kind = v.kind AND d.closed
    WHERE NOT EXISTS (SELECT FROM public.usage_name AS k WHERE k.day = v.day AND k.kind = v.kind AND k.name = v.name);
END $decide$;
REVOKE ALL ON FUNCTION public.usage_decide_names(timestamptz[], text[], text[]) FROM PUBLIC;`
}
