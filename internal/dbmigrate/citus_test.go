package dbmigrate_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/migrations"
)

// sqlFunction is a function of the migrations whose body is statements: its head,
// its name and its body.
var sqlFunction = regexp.MustCompile(`(?m)^(CREATE FUNCTION (usage_report\.\w+)\((?:.+\n)+?)  LANGUAGE sql STABLE PARALLEL SAFE\nBEGIN ATOMIC\n((?s:.+?))^END;\n`)

// TestFunctionsForCitusAreThoseOfTheMigrations writes the functions that read calls
// in PL/pgSQL, from the migrations' text: the body becomes what RETURN QUERY runs,
// and a name that is a parameter and a column is the column, as in SQL.
func TestFunctionsForCitusAreThoseOfTheMigrations(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(migrations.Files, "*.up.sql")
	require.NoError(t, err)
	functions := map[string]string{}
	for _, file := range files {
		text, err := migrations.Files.ReadFile(file)
		require.NoError(t, err)
		for _, found := range sqlFunction.FindAllSubmatch(text, -1) {
			functions[string(found[2])] = string(found[1]) + "  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$\n#variable_conflict use_column\nBEGIN\n  RETURN QUERY\n" + string(found[3]) + "END $$"
		}
	}
	db := pgtest.New(t)
	db.Exec(part(t, "citus_2_drop_readers") + keepReaders)
	var b strings.Builder
	b.WriteString("\n-- Made of the migrations by a test of internal/dbmigrate; not to be edited.\n")
	for name := range strings.SplitSeq(db.Text(`SELECT split_part(name, '(', 1) FROM kept WHERE kind = 'FUNCTION' AND place = 1 AND command IS NULL ORDER BY 1`), "\n") {
		text, ok := functions[name]
		require.True(t, ok, "%s: found in no migration as CREATE FUNCTION ... BEGIN ATOMIC ... END;", name)
		b.WriteString("\nUPDATE usage_reader SET command = $function$\n" + text + "\n$function$ WHERE kind = 'FUNCTION' AND place = 1 AND name LIKE '" + name + "(%';\n")
	}
	golden.Equal(t, "../../migrations/optional/citus_4_functions.sql", b.String())
}

// keepReaders keeps what the file notes when it is run by itself.
const keepReaders = "\nCREATE TABLE kept AS SELECT * FROM pg_temp.usage_reader;"

// TestReadersForCitusAnswerTheSame drops what reads calls and makes it again as for
// Citus, on a database without it: all that is another way after it is the language
// of functions, and they answer what they answered.
func TestReadersForCitusAnswerTheSame(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE ROLE analyst_for_citus; GRANT SELECT ON usage_report.call TO analyst_for_citus; GRANT SELECT (model) ON usage_report.one_call TO analyst_for_citus`)
	t.Cleanup(func() {
		_, _ = db.Pool.Exec(t.Context(), `DROP OWNED BY analyst_for_citus; DROP ROLE analyst_for_citus`)
	})
	db.Exec(`
		INSERT INTO usage_report.budget (name, scope, period, dollars) VALUES ('all', 'org', 'day', 5);
		INSERT INTO public.api_usage (id, timestamp, usage_dollars, api_type, model, provider, service, environment, pricing_status, tokens_used, input_tokens, output_tokens, metadata)
		SELECT gen_random_uuid(), '2026-01-01 23:00Z'::timestamptz + i * interval '7 minutes', i, 'text', 'gpt-' || i % 3, 'openai', 'shop', 'prod', 'priced', 10, 4, 6, '{}'
		FROM generate_series(1, 40) AS i`)
	const period = `'2026-01-01 12:10Z', '2026-01-02 13:00Z'`
	answers := func() (all []string) {
		for _, question := range []string{
			`usage_report.spend(` + period + `, 'UTC', '{__all}', false)`,
			`usage_report.spend(` + period + `, 'Asia/Kolkata', '{00000000-0000-0000-0000-000000000000}', true)`,
			`usage_report.spend_by_user(` + period + `, '{__all}', true, true)`,
			`usage_report.calls(` + period + `, '{__all}')`,
			`usage_report.recent_calls(` + period + `, '{__all}', 10)`,
			`usage_report.budget_status('2026-01-02 13:00Z')`,
		} {
			text := db.Text(`SELECT a::text FROM ` + question + ` AS a ORDER BY 1`)
			assert.NotEmpty(t, text, question)
			all = append(all, text)
		}
		return all
	}
	move := "BEGIN; SET LOCAL search_path = pg_catalog, pg_temp;" + part(t, "citus_2_drop_readers") + part(t, "citus_4_functions") + part(t, "citus_5_make_readers") + "COMMIT"
	db.Exec(`CREATE FUNCTION public.mine() RETURNS SETOF bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM public.api_usage; END`)
	_, err := db.Pool.Exec(t.Context(), move)
	assert.ErrorContains(t, err, "the SQL function public.mine() reads calls and is none of ours")
	db.Exec(`DROP FUNCTION public.mine()`)

	before, schemaBefore := answers(), db.Text(readers)
	db.Exec(move)
	assert.Equal(t, before, answers())
	assert.Equal(t, schemaBefore, db.Text(readers))
	assert.Equal(t, "usage_report.spent_by_scope", db.Text(`SELECT p.oid::regproc::text FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
		WHERE l.lanname = 'sql' AND p.oid::regproc::text IN ('usage_report.spend', 'usage_report.spend_by_user', 'usage_report.spent_by_scope', 'usage_report.calls', 'usage_report.recent_calls', 'usage_report.budget_status')`))
}

// readers is what the parts of the file must leave as it was.
const readers = `
SELECT c.oid::regclass || ' ' || coalesce(c.reloptions::text, '') || ' ' || c.relowner::regrole || ' ' || coalesce((SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(c.relacl) AS a), '') || ' ' || coalesce(obj_description(c.oid, 'pg_class'), '') || ' ' || pg_get_viewdef(c.oid)
  || (SELECT string_agg(a.attname || coalesce(a.attacl::text, ''), ' ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid)
FROM pg_class AS c WHERE c.relkind = 'v' AND c.relnamespace::regnamespace::text IN ('public', 'usage_report')
UNION ALL
SELECT p.oid::regprocedure || ' ' || pg_get_function_result(p.oid) || ' ' || p.proowner::regrole || ' ' || coalesce((SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(p.proacl) AS a), '') || ' ' || coalesce(obj_description(p.oid, 'pg_proc'), '')
FROM pg_proc AS p WHERE p.pronamespace::regnamespace::text IN ('public', 'usage_report')
ORDER BY 1`

// part is one of the files that distribute the calls.
func part(t *testing.T, name string) string {
	t.Helper()
	text, err := migrations.Optional.ReadFile("optional/" + name + ".sql")
	require.NoError(t, err)
	return string(text)
}
