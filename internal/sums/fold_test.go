package sums_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// TestALevelMayCountACallUnderSeveralKeys folds calls into a level that takes
// each call apart by its tags, with one that has none and one that goes again.
func TestALevelMayCountACallUnderSeveralKeys(t *testing.T) {
	t.Parallel()
	byTag := &sums.Level{
		Name: "sums_by_tag", Width: sums.Day,
		Unnest: &sums.Unnest{
			Lines: "tags", Reads: []string{"tags"}, When: "tags IS NOT NULL",
			Join: "CROSS JOIN LATERAL unnest(string_to_array(lines, ' ')) AS line", Keep: "true",
		},
		Keys:     []sums.Key{{Name: "tag_name", Of: "split_part(line, '=', 1)", Type: "text"}, {Name: "tag_value", Of: "split_part(line, '=', 2)", Type: "text"}},
		Measures: []sums.Measure{sums.Calls, sums.UnpricedCalls, sums.Dollars},
	}
	halves := &sums.Level{Name: "sums_by_name", Of: byTag, Width: sums.HalfMonth, Keys: byTag.Keys[:1], Measures: byTag.Measures}
	levels := []*sums.Level{byTag, halves}

	db := pgtest.New(t)
	db.Exec(`CREATE TABLE public.sums_by_tag (bucket timestamptz, tag_name text, tag_value text, calls bigint, unpriced_calls bigint, usage_dollars numeric, PRIMARY KEY (bucket, tag_name, tag_value))`)
	db.Exec(`CREATE TABLE public.sums_by_name (bucket timestamptz, tag_name text, calls bigint, unpriced_calls bigint, usage_dollars numeric, PRIMARY KEY (bucket, tag_name))`)
	db.Exec(`
		INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, pricing_status, tags) VALUES
		('2026-01-15T12:00Z', 1, 'text', 'priced', 'team=a feature=x'),
		('2026-01-15T13:00Z', 2, 'text', 'priced', 'team=a'),
		('2026-01-16T00:00Z', 0, 'text', 'unpriced', 'team=b'),
		('2026-01-16T01:00Z', 4, 'text', 'priced', NULL)`)
	assert.Equal(t, []string{"timestamp", "tags", "pricing_status", "usage_dollars"}, sums.Columns(levels))
	fold := func(rows string, signed bool) {
		db.Exec(sums.With(sums.Fold(levels, sums.Rows{From: rows, Signed: signed}), "SELECT 1"))
	}
	of := func(table string) string {
		return db.Text(`SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM (SELECT * FROM public.` + table + ` WHERE calls <> 0) AS r`)
	}
	fold("public.api_usage", false)
	assert.Equal(t, strings.Join([]string{
		`("2026-01-15 00:00:00+00",feature,x,1,0,1.000000000000)`,
		`("2026-01-15 00:00:00+00",team,a,2,0,3.000000000000)`,
		`("2026-01-16 00:00:00+00",team,b,1,1,0.000000000000)`,
	}, " "), of("sums_by_tag"))
	assert.Equal(t, strings.Join([]string{
		`("2026-01-01 00:00:00+00",feature,1,0,1.000000000000)`,
		`("2026-01-01 00:00:00+00",team,2,0,3.000000000000)`,
		`("2026-01-16 00:00:00+00",team,1,1,0.000000000000)`,
	}, " "), of("sums_by_name"))

	fold("(SELECT -1 AS sign, c.* FROM public.api_usage AS c WHERE usage_dollars = 1) AS gone", true)
	assert.Equal(t, strings.Join([]string{
		`("2026-01-15 00:00:00+00",team,a,1,0,2.000000000000)`,
		`("2026-01-16 00:00:00+00",team,b,1,1,0.000000000000)`,
	}, " "), of("sums_by_tag"))

	db.Exec(`DELETE FROM public.api_usage WHERE usage_dollars = 1`)
	for _, l := range levels {
		var keys int
		var dollars string
		db.Scan(l.CountDifferences(), []any{"2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"}, &keys, &dollars)
		assert.Zero(t, keys, "%s differs from its calls", l.Name)
	}
	var missing int
	require.NotPanics(t, func() { db.Exec(`TRUNCATE public.sums_by_name`) })
	db.Scan(`SELECT count(*) FROM (`+halves.CountDifferences()+`) AS d (keys, dollars) WHERE keys = 2`, []any{"2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"}, &missing)
	assert.Equal(t, 1, missing, "a level without its sums is noticed")
}
