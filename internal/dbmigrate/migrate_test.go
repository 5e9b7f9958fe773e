package dbmigrate_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// schema lists everything the migrations make, one line each.
const schema = `
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
  SELECT format('column     %s.%s.%s %s%s%s', table_schema, table_name, column_name,
           CASE WHEN data_type = 'numeric' AND numeric_precision IS NOT NULL THEN format('numeric(%s,%s)', numeric_precision, numeric_scale) ELSE data_type END,
           CASE WHEN is_nullable = 'NO' THEN ' NOT NULL' ELSE '' END, coalesce(' DEFAULT ' || column_default, '')) AS line
  FROM information_schema.columns WHERE table_schema IN ('public', 'auth', 'usage_report')
  UNION ALL
  SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(c.oid))
  FROM pg_constraint c WHERE connamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'auth', 'usage_report')) AND contype <> 'n'
  UNION ALL
  SELECT 'index      ' || pg_get_indexdef(indexrelid) FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid JOIN pg_namespace n ON n.oid = r.relnamespace WHERE n.nspname IN ('public', 'auth', 'usage_report')
  UNION ALL
  SELECT 'trigger    ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL
  SELECT format('function   %s.%s(%s) %s %s', nspname, proname, pg_get_function_identity_arguments(p.oid), CASE WHEN prosecdef THEN 'security definer' ELSE 'invoker' END, proconfig)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE nspname IN ('public', 'auth', 'usage_report')
  UNION ALL
  SELECT format('view       %s.%s %s', nspname, relname, reloptions) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relkind = 'v' AND nspname IN ('public', 'usage_report')
  UNION ALL
  SELECT format('grant      %s %s.%s TO %s', privilege_type, table_schema, table_name, grantee)
  FROM information_schema.role_table_grants WHERE table_schema IN ('public', 'auth', 'usage_report') AND grantee <> current_user
) s (line) WHERE line NOT LIKE '%usage_migration%'`

func up(t *testing.T, db *pgtest.DB) []dbmigrate.Step {
	t.Helper()
	steps, err := dbmigrate.New().Up(t.Context(), db.Pool)
	require.NoError(t, err)
	return steps
}

func TestTheSchemaIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	golden.Equal(t, "testdata/schema.golden.txt", pgtest.New(t).Text(schema)+"\n")
}

func TestUpDownUpLeavesTheSameSchema(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	m := dbmigrate.New()
	steps := up(t, db)
	require.Len(t, steps, dbmigrate.Latest())
	require.NoError(t, dbmigrate.Check(t.Context(), db.Pool))
	first := db.Text(schema)

	assert.Empty(t, up(t, db), "nothing is run twice")
	for range dbmigrate.Latest() {
		step, err := m.Down(t.Context(), db.Pool)
		require.NoError(t, err)
		require.NotNil(t, step)
	}
	step, err := m.Down(t.Context(), db.Pool)
	require.NoError(t, err)
	assert.Nil(t, step, "nothing is left")
	assert.Equal(t, "-", db.Text(schema))
	assert.Equal(t, "0", db.Text(`SELECT count(*) FROM pg_namespace WHERE nspname IN ('auth', 'usage_report')`))

	// Each step on its own can be taken back and done again.
	for range dbmigrate.Latest() {
		_, err := m.Down(t.Context(), db.Pool)
		require.NoError(t, err)
		up(t, db)
	}
	assert.Equal(t, first, db.Text(schema))
}

func TestWhoKeepsTheRollupsCanBeChangedAndChangedBack(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	m := dbmigrate.New()
	keep := func(keeper string) {
		t.Helper()
		_, err := m.KeepRollupsBy(t.Context(), db.Pool, keeper)
		require.NoError(t, err)
	}
	migrated := db.Text(schema)
	for range 2 {
		keep("statement")
	}
	assert.Equal(t, "api_usage_audit_cost api_usage_guard_correction api_usage_mark_written", db.Text(`SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'public.api_usage'::regclass AND NOT tgisinternal`))
	assert.Empty(t, up(t, db), "it is no migration")
	keep("trigger")
	assert.Equal(t, migrated, db.Text(schema))

	db.Exec(`ALTER TABLE public.api_usage DISABLE TRIGGER api_usage_fold_insert`)
	db.Exec(`DROP TRIGGER api_usage_fold_delete ON public.api_usage`)
	keep("trigger")
	assert.Equal(t, migrated, db.Text(schema))
	assert.Equal(t, "O", db.Text(`SELECT DISTINCT tgenabled::text FROM pg_trigger WHERE tgrelid = 'public.api_usage'::regclass AND NOT tgisinternal`))

	keep("statement")
	var fault *dbmigrate.SchemaError
	for range dbmigrate.Latest() {
		_, err := m.Down(t.Context(), db.Pool)
		require.NoError(t, err)
		_, err = m.KeepRollupsBy(t.Context(), db.Pool, "statement")
		require.ErrorAs(t, err, &fault)
	}
	assert.Equal(t, dbmigrate.Missing, fault.State)
	assert.Equal(t, "-", db.Text(schema), "going back leaves nothing of it")
	_, err := m.KeepRollupsBy(t.Context(), db.Pool, "hand")
	assert.ErrorContains(t, err, "must be one of [trigger statement]")
}

func TestGoingBackRefusesToDeleteUsage(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (usage_dollars, api_type) VALUES (1, 'text')`)
	m := dbmigrate.New()
	var err error
	for range dbmigrate.Latest() {
		if _, err = m.Down(t.Context(), db.Pool); err != nil {
			break
		}
	}
	require.ErrorContains(t, err, "migration 0001_create_tables.down.sql")
	require.ErrorContains(t, err, "hint: Make a backup, then allow it for this session: SET usage.allow_data_loss = on")
	assert.Equal(t, "1", db.Text(`SELECT count(*) FROM public.api_usage`))

	conn, err := pgx.Connect(t.Context(), db.DSN)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), `SET usage.allow_data_loss = on`)
	require.NoError(t, err)
	_, err = m.Down(t.Context(), conn)
	require.NoError(t, err)
}

func TestUsersOfTheHostApplicationStay(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	db.Exec(`CREATE SCHEMA auth`)
	db.Exec(`CREATE TABLE auth.users (id uuid PRIMARY KEY, secret text)`)
	before := db.Text(schema)
	up(t, db)
	assert.Equal(t, "false", db.Text(`SELECT value FROM public.usage_setting WHERE name = 'users_managed'`))
	for range dbmigrate.Latest() {
		_, err := dbmigrate.New().Down(t.Context(), db.Pool)
		require.NoError(t, err)
	}
	assert.Equal(t, before, db.Text(schema))
}

func TestMigratorsThatStartTogetherAllSucceed(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ran := map[string]int{}
	for range 4 {
		wg.Go(func() {
			conn, err := pgx.Connect(context.Background(), db.DSN)
			if !assert.NoError(t, err) {
				return
			}
			defer conn.Close(context.Background())
			steps, err := dbmigrate.New().Up(context.Background(), conn)
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			for _, s := range steps {
				ran[s.Name]++
			}
		})
	}
	wg.Wait()
	assert.Len(t, ran, dbmigrate.Latest())
	for name, n := range ran {
		assert.Equal(t, 1, n, name)
	}
}

// TestAReaderHoldsUpNoMigration: whoever may read takes every lock that a reader can
// take, and keeps it.
func TestAReaderHoldsUpNoMigration(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	last := dbmigrate.Latest()
	_, err := dbmigrate.New().Down(t.Context(), db.Pool)
	require.NoError(t, err)

	tx, err := db.Pool.Begin(t.Context())
	require.NoError(t, err)
	defer tx.Rollback(context.Background()) //nolint:errcheck // only held
	for _, statement := range []string{
		`SET LOCAL ROLE usage_grafana`,
		`SELECT count(*) FROM public.usage_migration`,
		`LOCK TABLE public.usage_migration IN ACCESS SHARE MODE`,
		`SELECT pg_advisory_xact_lock(8463215221470488935)`, // "usagemig", of which migrators once made their lock
	} {
		_, err := tx.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	steps, err := dbmigrate.New().Up(ctx, db.Pool)
	require.NoError(t, err)
	assert.Len(t, steps, 1)
	assert.Equal(t, strconv.Itoa(last), db.Text(`SELECT max(version)::text FROM public.usage_migration`))
}

func TestDatabasesOfOneClusterMigrateTogether(t *testing.T) {
	t.Parallel()
	// Roles belong to the cluster, so the databases meet there.
	var wg sync.WaitGroup
	for range 4 {
		db := pgtest.NewEmpty(t)
		wg.Go(func() {
			_, err := dbmigrate.New().Up(context.Background(), db.Pool)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
}

func TestAFaultNamesFileAndLineAndKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	all, err := dbmigrate.Load(fstest.MapFS{
		"0001_create_a.up.sql":   {Data: []byte("CREATE TABLE public.a (x int);\n")},
		"0001_create_a.down.sql": {Data: []byte("DROP TABLE public.a;\n")},
		"0002_break_b.up.sql":    {Data: []byte("-- größer\nCREATE TABLE public.b (x int);\nCREATE TABLE\n  public.c (y nonsense);\n")},
		"0002_break_b.down.sql":  {Data: []byte("DROP TABLE public.b;\n")},
	})
	require.NoError(t, err)
	steps, err := dbmigrate.NewFrom(all).Up(t.Context(), db.Pool)
	assert.Len(t, steps, 1)
	var file *dbmigrate.FileError
	require.ErrorAs(t, err, &file)
	assert.Equal(t, 4, file.Line)
	assert.ErrorContains(t, err, `migration 0002_break_b.up.sql, line 4: ERROR: type "nonsense" does not exist`)
	assert.Equal(t, "a|-", db.Text(`SELECT to_regclass('public.a')::text, to_regclass('public.b')::text`))
}

func TestAnAppliedFileThatChangedIsRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`UPDATE public.usage_migration SET checksum = 'x' WHERE version = 2`)
	_, err := dbmigrate.New().Up(t.Context(), db.Pool)
	var fault *dbmigrate.SchemaError
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, dbmigrate.Changed, fault.State)
	assert.ErrorContains(t, err, "another build made this database: its migration 0002_keep_rollups has other content")
	assert.EqualError(t, dbmigrate.Check(t.Context(), db.Pool), err.Error(), "whoever asks gets the same way out")
	states, err := dbmigrate.New().Status(t.Context(), db.Pool)
	require.NoError(t, err)
	assert.True(t, states[1].Changed)
	assert.False(t, states[0].Changed)
}

func TestCheckDistinguishesMissingOldAndNew(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	state := func() dbmigrate.SchemaState {
		t.Helper()
		var fault *dbmigrate.SchemaError
		require.ErrorAs(t, dbmigrate.Check(t.Context(), db.Pool), &fault)
		return fault.State
	}
	assert.Equal(t, dbmigrate.Missing, state())
	states, err := dbmigrate.New().Status(t.Context(), db.Pool)
	require.NoError(t, err)
	assert.Len(t, states, dbmigrate.Latest())
	assert.True(t, states[0].AppliedAt.IsZero())

	up(t, db)
	_, err = dbmigrate.New().Down(t.Context(), db.Pool)
	require.NoError(t, err)
	assert.Equal(t, dbmigrate.TooOld, state())
	up(t, db)
	db.Exec(`INSERT INTO public.usage_migration (version, name, checksum) VALUES (9999, '9999_of_the_future', 'x')`)
	assert.Equal(t, dbmigrate.TooNew, state())

	db.Pool.Close()
	err = dbmigrate.Check(t.Context(), db.Pool)
	var fault *dbmigrate.SchemaError
	require.Error(t, err)
	assert.False(t, errors.As(err, &fault), "unknown is not missing")
}

func TestFileNamesAreHeldToTheRule(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fstest.MapFS{
		"the name must be":                {"1_a.up.sql": {Data: []byte("x")}},
		"both an .up.sql and a .down.sql": {"0001_a.up.sql": {Data: []byte("x")}},
		"expected version 0001":           {"0002_a.up.sql": {Data: []byte("x")}, "0002_a.down.sql": {Data: []byte("x")}},
		"expected version 0002":           {"0001_a.up.sql": {Data: []byte("x")}, "0001_a.down.sql": {Data: []byte("x")}, "0001_b.up.sql": {Data: []byte("x")}, "0001_b.down.sql": {Data: []byte("x")}},
		"no migration files":              {},
	} {
		_, err := dbmigrate.Load(files)
		assert.ErrorContains(t, err, name)
	}
}

func TestAUserWithoutRightsLearnsWhatToDo(t *testing.T) {
	t.Parallel()
	pgtest.New(t) // an administrator has made the group roles
	db := pgtest.NewEmpty(t)
	// Roles belong to the cluster: this one is only for this test.
	role := "poor_" + db.Name
	db.Exec(`CREATE ROLE ` + role + ` LOGIN PASSWORD 'x'`)
	t.Cleanup(func() {
		// Other tests change roles of the same cluster; PostgreSQL lets one of
		// two that meet there fail.
		for _, statement := range []string{`DROP OWNED BY ` + role, `DROP ROLE ` + role} {
			assert.EventuallyWithT(t, func(c *assert.CollectT) {
				_, err := db.Pool.Exec(context.Background(), statement)
				assert.NoError(c, err)
			}, time.Minute, 50*time.Millisecond)
		}
	})
	config, err := pgx.ParseConfig(db.DSN)
	require.NoError(t, err)
	config.User, config.Password = role, "x"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = dbmigrate.New().Up(t.Context(), conn)
	require.ErrorContains(t, err, "GRANT CREATE ON DATABASE "+db.Name+" TO "+role)

	// With the right to create in this database it works, although it may
	// neither create roles nor grant them.
	db.Exec(`GRANT CREATE ON DATABASE ` + db.Name + ` TO ` + role)
	db.Exec(`GRANT CREATE ON SCHEMA public TO ` + role)
	_, err = dbmigrate.New().Up(t.Context(), conn)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(db.Text(`SELECT tableowner FROM pg_tables WHERE tablename = 'api_usage'`), "poor_"))
}
