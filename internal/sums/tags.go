package sums

import "fmt"

// byTags splits a call into its tags, a line "name=value" each of public.api_usage.tags, or
// of sum_tags where the sums have them otherwise. Text is the cheapest to store and to
// compare: as an object in metadata, tags cost a call twice as much. Calls with the same
// lines are summed first, and the sums of the same line next, because comparing takes less
// than splitting.
var byTags = &Unnest{
	Lines: "coalesce(sum_tags, tags)", RawLines: "tags",
	Reads: []string{"tags", "sum_tags"},
	When:  "tags IS NOT NULL",
	Join:  "CROSS JOIN LATERAL unnest(string_to_array(lines, E'\\n')) AS line",
	// Nameless lines and empty values are in no sum.
	Keep: "strpos(line, '=') BETWEEN 2 AND length(line) - 1",
}

// byTagsInMetadata is how it was before migration 31: tags were an object of texts, of which
// other values, which only another program can have written, are ignored without an error.
var byTagsInMetadata = &Unnest{
	Sets:  []Set{{"tags", "metadata -> 'tags'"}, {"folded_tags", "metadata -> 'folded_tags'"}},
	Reads: []string{"metadata"},
	// Not "?": PostgreSQL estimates that as rare, and would sort the sets to sum them.
	When: "metadata -> 'tags' IS NOT NULL",
	Join: "CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(tags) WHEN 'object' THEN tags END) AS tag (name, value)",
	Keep: "tag.value <> '' AND octet_length(tag.name) <= 256 AND octet_length(tag.value) <= 256" +
		" AND (folded_tags ->> tag.name) IS DISTINCT FROM '" + FoldedName + "'",
}

// TagsObject is an expression for the tags of a call, or of its other columns, as a JSON
// object; NULL without any.
const TagsObject = `(SELECT jsonb_object_agg(left(line, strpos(line, '=') - 1), substr(line, strpos(line, '=') + 1)) FROM unnest(string_to_array(tags, E'\n')) AS line WHERE strpos(line, '=') > 1)`

// Values of a tag are bounded as names are (see [Other]), and each tag by itself, so
// that a tenant of many leaves the teams their sums. What was decided stands in the
// call, in metadata -> 'folded_tags', by the name of the tag: its value is [Other], or
// the day has too many tags and none of the call's sums has this one.
const (
	FoldedValue = "value"
	FoldedName  = "name"

	tagNames, tagValues = 50, 500 // of a day, by default
)

// FoldTags is a statement that decides about tags before calls are stored: $1 are
// their UTC days, $2 and $3 names and values. It gives an array with [FoldedValue] where the
// sums replace the value, [FoldedName] where they leave the tag out, and an empty text for the others.
const FoldTags = `SELECT public.usage_fold_tags($1::timestamptz[], $2::text[], $3::text[])`

// TagValues is a statement that gives an array of the values of a tag that have sums of
// their own: $1 is the UTC day, $2 the name. They are all there will be once [FoldTags] has
// replaced a value of that day and tag.
const TagValues = `SELECT public.usage_tag_values($1::timestamptz, $2::text)`

// decideTags returns the function behind FoldTags.
func decideTags() string {
	limits := fmt.Sprintf("INSERT INTO public.usage_name_limit (kind, names) VALUES\n  ('tag', %d),\n  ('tag value', %d);\n", tagNames, tagValues)
	return limits + decideNames("CREATE OR REPLACE", tagLimit) + `
CREATE FUNCTION public.usage_fold_tags(days timestamptz[], names text[], tag_values text[])
  RETURNS text[]
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$
#variable_conflict use_column
DECLARE
  many jsonb;
BEGIN
  SELECT coalesce(jsonb_object_agg(jsonb_build_array(f.day, f.name)::text, true), '{}') INTO many
  FROM (SELECT array_agg(day) AS days, array_agg('tag'::text) AS kinds, array_agg(name) AS names
        FROM (SELECT DISTINCT day, name FROM unnest(days, names) AS t (day, name)) AS d) AS a,
       public.usage_decide_names(a.days, a.kinds, a.names) AS f;
  RETURN (
    WITH tags AS (
      SELECT t.*, many ? jsonb_build_array(day, name)::text AS left_out FROM unnest(days, names, tag_values) WITH ORDINALITY AS t (day, name, value, n)
    ), full_values AS MATERIALIZED (
      SELECT f.day, f.kind, f.name
      FROM (SELECT array_agg(day) AS days, array_agg(kind) AS kinds, array_agg(value) AS list
            FROM (SELECT DISTINCT day, 'tag:' || name AS kind, value FROM tags WHERE NOT left_out) AS d) AS a,
           public.usage_decide_names(a.days, a.kinds, a.list) AS f
    )
    SELECT array_agg(CASE WHEN left_out THEN '` + FoldedName + `' WHEN (day, 'tag:' || name, value) IN (SELECT day, kind, name FROM full_values) THEN '` + FoldedValue + `' ELSE '' END ORDER BY n) FROM tags);
END $fold$;
REVOKE ALL ON FUNCTION public.usage_fold_tags(timestamptz[], text[], text[]) FROM PUBLIC;`
}

// tagLimit selects how many names a kind may have. A row for "tag:tenant" takes precedence
// over that for the values of all tags.
const tagLimit = `(SELECT l.names FROM public.usage_name_limit AS l
      WHERE l.kind = fresh.kind OR l.kind = 'tag value' AND fresh.kind LIKE 'tag:%' ORDER BY l.kind = fresh.kind DESC LIMIT 1)`
