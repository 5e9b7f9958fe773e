package dbmigrate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestPartitioningChangesTheKeyAndNothingElse(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) SELECT timestamptz '2026-01-31 22:00Z' + i * interval '1 hour', i, 'text' FROM generate_series(0, 9) i`)
	db.Exec(`ALTER TABLE public.api_usage ADD COLUMN host numeric GENERATED ALWAYS AS (usage_dollars * 2) STORED`)
	db.Exec(`CREATE VIEW public.host_view WITH (security_barrier) AS SELECT model FROM usage_report.call`)
	db.Exec(`COMMENT ON VIEW public.host_view IS 'of the host application'`)
	db.Exec(`GRANT SELECT (model) ON public.host_view TO PUBLIC`)
	db.Exec(`ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO usage_own`)
	content := `SELECT md5(string_agg(u::text, ' ' ORDER BY id)) FROM public.api_usage u`
	rights := `SELECT string_agg(format('%s %s.%s', grantee, column_name, privilege_type), ', ' ORDER BY grantee, column_name, privilege_type) FROM information_schema.column_privileges WHERE table_name = 'api_usage'`
	before, rows, columns := strings.Split(db.Text(schema), "\n"), db.Text(content), db.Text(rights)

	require.NoError(t, dbmigrate.PartitionByMonth(t.Context(), db.Pool))
	after := strings.Split(db.Text(schema), "\n")
	var lost, others []string
	for _, line := range before {
		// An index or a trigger of a partitioned table is one of each partition.
		if !slices.Contains(after, line) && !slices.Contains(after, strings.Replace(line, " ON public.api_usage ", " ON ONLY public.api_usage ", 1)) {
			lost = append(lost, line)
		}
	}
	for _, line := range after {
		if strings.HasPrefix(line, "grant ") && !slices.Contains(before, line) {
			others = append(others, line)
		}
	}
	assert.Equal(t, []string{
		"constraint api_usage api_usage_pkey PRIMARY KEY (id)",
		"index      CREATE UNIQUE INDEX api_usage_pkey ON public.api_usage USING btree (id)",
	}, lost)
	assert.Equal(t, []string{
		"grant      SELECT public.api_usage_default TO usage_reader",
		"grant      SELECT public.api_usage_id TO usage_reader",
		"grant      SELECT public.api_usage_id TO usage_writer",
	}, others, "nobody may reach a partition, whatever the default privileges say")
	assert.Equal(t, rows, db.Text(content))
	assert.Equal(t, columns, db.Text(rights))
	assert.Equal(t, "2026_01|2\n2026_02|8", db.Text(`SELECT right(tableoid::regclass::text, 7), count(*) FROM public.api_usage GROUP BY 1 ORDER BY 1`))
	assert.Equal(t, "of the host application", db.Text(`SELECT obj_description('public.host_view'::regclass)`))
	require.NoError(t, dbmigrate.Check(t.Context(), db.Pool))
	require.ErrorIs(t, dbmigrate.PartitionByMonth(t.Context(), db.Pool), dbmigrate.ErrPartitioned)
}

func TestPartitioningIsTakenBackWithTheSchema(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	first := db.Text(schema)
	require.NoError(t, dbmigrate.PartitionByMonth(t.Context(), db.Pool))
	m := dbmigrate.New()
	for range dbmigrate.Latest() {
		_, err := m.Down(t.Context(), db.Pool)
		require.NoError(t, err)
	}
	assert.Equal(t, "-", db.Text(schema))
	up(t, db)
	assert.Equal(t, first, db.Text(schema))
}

func TestPartitioningRefusesWhatItCannotTakeOver(t *testing.T) {
	t.Parallel()
	for want, statements := range map[string][]string{
		"row-level security":         {`ALTER TABLE public.api_usage ENABLE ROW LEVEL SECURITY`},
		"a publication":              {`CREATE PUBLICATION p FOR TABLE public.api_usage`},
		"a foreign key refers":       {`CREATE TABLE public.note (call uuid REFERENCES public.api_usage)`},
		"a unique index":             {`CREATE UNIQUE INDEX host ON public.api_usage (request_id)`},
		"not in its usual state":     {`ALTER TABLE public.api_usage DISABLE TRIGGER api_usage_fold_update`},
		"usagectl migrate rollup":    {`DROP TRIGGER api_usage_fold_insert ON public.api_usage`},
		"other objects depend on it": {`CREATE MATERIALIZED VIEW public.m AS SELECT model FROM public.api_usage`},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			for _, statement := range statements {
				db.Exec(statement)
			}
			before := db.Text(schema)
			err := dbmigrate.PartitionByMonth(t.Context(), db.Pool)
			var file *dbmigrate.FileError
			require.ErrorAs(t, err, &file)
			require.ErrorContains(t, err, want)
			assert.Equal(t, before, db.Text(schema))
		})
	}
}
