package sums

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestAMeasureMayBeAddedToLevelsThatAreThere adds one to every level that has the calls by
// all keys, and to one of API types, by the texts of a migration, and takes it away again.
func TestAMeasureMayBeAddedToLevelsThatAreThere(t *testing.T) {
	t.Parallel()
	const number = 9000
	long := Measure{Name: "long_calls", When: "input_tokens > 1000", Reads: []string{"input_tokens"}, Since: number}
	copies, levels := map[*Level]*Level{}, []*Level(nil)
	for _, l := range Levels {
		grown := *l
		if l.Has(model.Name) || l.Name == QuarterType.Name {
			grown.Measures = append(slices.Clone(l.Measures), long)
		}
		grown.Of = copies[l.Of]
		copies[l] = &grown
		levels = append(levels, &grown)
	}
	single, detail := *Single, *UserDetail
	single.Measures, detail.Measures = append(slices.Clone(single.Measures), long), append(slices.Clone(detail.Measures), long)
	texts := textsOf(levels, &single, &detail)
	for name, text := range Texts() {
		if name != "forget the calls of a user" { // of the latest levels
			require.Equal(t, text, texts[name], "the text %q of an earlier migration", name)
		}
	}
	db := pgtest.New(t)
	run := func(names ...string) {
		var b strings.Builder
		for _, name := range names {
			text, ok := texts["9000: "+name]
			require.True(t, ok, name)
			b.WriteString(text + "\n")
		}
		db.Exec("BEGIN; SET LOCAL search_path = pg_catalog, pg_temp; " + b.String() + "COMMIT")
	}
	insert := func(day, tokens string) {
		db.Exec(`INSERT INTO public.api_usage (timestamp, api_type, pricing_status, usage_dollars, input_tokens, model) VALUES ('` + day + `', 'text', 'priced', 1, ` + tokens + `, 'm')`)
	}
	insert("2026-01-15T12:00Z", "2000")
	before := db.Text(catalog)
	run("columns of sums", "triggers", "function of slots", "sums to fill", "views of sums", "what single users used")
	require.Contains(t, texts, "9000: forget a user")
	assert.NotEqual(t, before, db.Text(catalog))
	assert.Equal(t, "2026-01-16 00:00:00+00", db.Text(`SELECT value::timestamptz::text FROM public.usage_setting WHERE name = '`+Unfilled(number)+`'`))

	insert("2026-01-15T12:05Z", "3000")
	insert("2026-01-17T12:00Z", "3000")
	insert("2026-01-17T13:00Z", "10")
	// In a slot, and from there to the level.
	first, err := db.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = first.Exec(t.Context(), "SELECT pg_advisory_xact_lock("+slotLock+", 0)")
	require.NoError(t, err)
	insert("2026-01-17T12:00Z", "4000")
	require.NoError(t, first.Rollback(t.Context()))
	require.Equal(t, "1", db.Text(`SELECT long_calls FROM public.usage_day_slot`))
	require.Equal(t, "1|-", db.Text(`SELECT public.usage_fold_slots(0, 100), public.usage_fold_slots(1, 100)`))
	db.Exec(`DELETE FROM public.api_usage WHERE timestamp = '2026-01-17T13:00Z'; INSERT INTO public.api_usage (timestamp, api_type, usage_dollars, pricing_status, input_tokens) VALUES ('2026-01-17T13:01Z', 'text', 1, 'priced', 1001)`)
	for _, view := range []string{"usage_report.day", "usage_report.quarter_type"} {
		assert.Equal(t, "unknown 3", db.Text(`SELECT coalesce(sum(long_calls) FILTER (WHERE bucket < '2026-01-16')::text, 'unknown') || ' ' || sum(long_calls) FILTER (WHERE bucket > '2026-01-16') FROM `+view), view)
	}
	assert.Equal(t, "5", db.Text(`SELECT sum(long_calls)::text FROM usage_report.one_call`))
	assert.Equal(t, "0", db.Text(`SELECT count(long_calls)::text FROM public.usage_user_detail`))

	run("triggers before", "function of slots before", "no sums to fill", "drop columns of sums", "what single users used before")
	assert.Equal(t, before, db.Text(catalog))
	insert("2026-01-18T12:00Z", "2000")
	assert.Equal(t, "6", db.Text(`SELECT sum(calls)::text FROM usage_report.spend('2026-01-01', '2026-02-01', 'UTC', '{__all}', true)`))
}

// catalog is what a migration could leave another way: columns, functions, views, with
// their rights and comments.
const catalog = `
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
  SELECT c.oid::regclass || ' ' || a.attname || ' ' || a.atttypid::regtype || coalesce(col_description(c.oid, a.attnum), '') || coalesce(c.relacl::text, '') || coalesce(a.attacl::text, '') || coalesce(c.reloptions::text, '') AS line
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace::regnamespace::text IN ('public', 'usage_report') AND c.relkind IN ('r', 'v')
  UNION ALL
  SELECT c.oid::regclass || ' ' || pg_get_viewdef(c.oid) || coalesce(obj_description(c.oid, 'pg_class'), '') FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace::regnamespace::text IN ('public', 'usage_report')
  UNION ALL
  SELECT p.oid::regprocedure || ' ' || pg_get_functiondef(p.oid) || coalesce((SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(p.proacl) AS a), '') || coalesce(obj_description(p.oid, 'pg_proc'), '')
  FROM pg_proc p WHERE p.pronamespace::regnamespace::text IN ('public', 'usage_report') AND p.prokind = 'f'
) AS lines`
