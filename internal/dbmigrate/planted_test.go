package dbmigrate_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestNobodyElsesFunctionIsCalled: where everybody may create in the schema
// public, as in databases that come from before PostgreSQL 15, somebody has made
// functions there that fit the migrations' calls better than the server's own.
func TestNobodyElsesFunctionIsCalled(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	db.Exec(`CREATE TABLE public.called (name text)`)
	// Each is closer to the types of a call than the function of the server.
	for _, planted := range []string{
		`FUNCTION public.pg_has_role(role name, other text, privilege text) RETURNS boolean`,
		`FUNCTION public.has_database_privilege(who text, db name, privilege text) RETURNS boolean`,
		`FUNCTION public.has_schema_privilege(who text, s unknown, privilege unknown) RETURNS boolean`,
		`FUNCTION public.num_nonnulls(VARIADIC v text[]) RETURNS integer`,
		`FUNCTION public.array_remove(list text[], one text) RETURNS text[]`,
		`FUNCTION public.date_trunc(part text, at timestamptz, zone text) RETURNS timestamptz`,
	} {
		result := map[bool]string{true: "true", false: "NULL"}[planted[len(planted)-7:] == "boolean"]
		_, err := db.Pool.Exec(t.Context(), `CREATE `+planted+` LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.called VALUES ('x'); RETURN `+result+`; END $$`)
		if err != nil {
			continue // this version of the server has no such type of argument
		}
	}
	require.NotEqual(t, "0", db.Text(`SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace`))
	_, err := dbmigrate.New().Up(t.Context(), db.Pool)
	require.NoError(t, err)
	assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.called`), "calls of planted functions while migrating")
	assert.Equal(t, "", db.Text(`
		SELECT coalesce(string_agg(DISTINCT d.refobjid::regprocedure::text, ', '), '')
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid AND d.refclassid = 'pg_proc'::regclass
		WHERE p.pronamespace = 'public'::regnamespace AND p.proname NOT LIKE 'usage\_%' AND d.deptype = 'n'`), "planted functions that our objects are bound to")
}
