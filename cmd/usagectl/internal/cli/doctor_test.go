package cli

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

func TestAHealthyInstallationHasNoFault(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	out, err := on(t, db.DSN, "doctor")
	require.NoError(t, err, out)
	assert.Contains(t, out, "look  calls      none yet")
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES (now(), 1, 'text')`)
	out, err = on(t, db.DSN, "doctor")
	require.NoError(t, err, out)
	assert.Regexp(t, `ok    calls      1 in 7 days, the last one in the quarter hour of .*, its row stored at 2`, out)
	assert.Contains(t, out, "ok    prices     no price for 0 of 1 call in 7 days")
	assert.Contains(t, out, "ok    queue      at that pace a collector's queue holds more than a year on disk (4 GiB), more than a year in memory (64 MiB)")
	assert.Contains(t, out, "ok    refused    no record")
	assert.Contains(t, out, "ok    rollups    kept by trigger, equal to the calls")
}

func TestASchemaInWhichEverybodyMayCreateIsNamed(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
	out, err := on(t, db.DSN, "doctor")
	require.NoError(t, err, out)
	assert.NotContains(t, out, "look  rights")
	db.Exec(`GRANT CREATE ON SCHEMA public TO PUBLIC`) // as it is before PostgreSQL 15
	out, err = on(t, db.DSN, "doctor")
	require.NoError(t, err, out)
	assert.Contains(t, out, "look  rights     everybody who can log in may create objects in the schema public")
	assert.Contains(t, out, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
}

func TestAPartitionedTableIsLookedAfter(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	require.NoError(t, dbmigrate.PartitionByMonth(t.Context(), db.Pool))
	out, err := on(t, db.DSN, "doctor")
	require.NoError(t, err, out)
	assert.Contains(t, out, "look  partitions next month has none yet; run, and from cron: usagectl partition")
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES (now(), 1, 'text')`)
	out, err = on(t, db.DSN, "doctor")
	require.NoError(t, err, out)
	assert.Contains(t, out, "look  partitions 1 calls wait in the default partition")
	_, err = upkeep.AddMonths(t.Context(), db.Pool, 2)
	require.NoError(t, err)
	out, err = on(t, db.DSN, "doctor")
	require.NoError(t, err, out)
	assert.Contains(t, out, "ok    partitions there is one for each month until ")
}

func TestEachFaultIsReportedWithItsRepair(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(t *testing.T, db *pgtest.DB) (dsn string)
		says   []string
		faults string
	}{
		"nothing listens": {
			func(*testing.T, *pgtest.DB) string {
				return "postgres://user:hunter2@127.0.0.1:1/usage?connect_timeout=1"
			},
			[]string{"FAULT database   does not answer", "is the server running at that address"}, "1 thing needs doing",
		},
		"wrong password": {
			func(t *testing.T, db *pgtest.DB) string { return stranger(t, db, "hunter2") },
			[]string{"FAULT database   does not answer", "the password is wrong or the user does not exist"}, "1 thing needs doing",
		},
		"no such database": {
			func(_ *testing.T, db *pgtest.DB) string { return strings.Replace(db.DSN, db.Name, "nowhere", 1) },
			[]string{"FAULT database   does not answer", "create it first: createdb"}, "1 thing needs doing",
		},
		"no rights": {
			func(t *testing.T, db *pgtest.DB) string { return stranger(t, db, "x") },
			[]string{"FAULT database   ERROR: permission denied", "the user needs the role: GRANT usage_reader TO <user>"}, "1 thing needs doing",
		},
		"the rights it needs": {
			func(t *testing.T, db *pgtest.DB) string {
				dsn := stranger(t, db, "x")
				db.Exec(`GRANT usage_reader TO ` + roleOf(db))
				return dsn
			},
			[]string{"ok    database   PostgreSQL"}, "",
		},
		"no schema": {
			func(t *testing.T, _ *pgtest.DB) string { return pgtest.NewEmpty(t).DSN },
			[]string{"FAULT schema     the database has no usage schema", "run: usagectl migrate up"}, "1 thing needs doing",
		},
		"an old schema": {
			func(t *testing.T, db *pgtest.DB) string {
				_, err := dbmigrate.New().Down(t.Context(), db.Pool)
				require.NoError(t, err)
				return db.DSN
			},
			[]string{"FAULT schema     the usage schema has version", "run: usagectl migrate up"}, "1 thing needs doing",
		},
		"a newer schema": {
			func(_ *testing.T, db *pgtest.DB) string {
				db.Exec(`INSERT INTO public.usage_migration VALUES ($1, 'of the future', 'x')`, dbmigrate.Latest()+1)
				return db.DSN
			},
			[]string{"look  schema     the usage schema has version", "update this program"}, "",
		},
		"of another build": {
			func(_ *testing.T, db *pgtest.DB) string {
				db.Exec(`UPDATE public.usage_migration SET checksum = 'x' WHERE version = 3; DELETE FROM public.usage_migration WHERE version > 3`)
				return db.DSN
			},
			[]string{"FAULT schema     another build made this database", "give this one a new database"}, "1 thing needs doing",
		},
		"unpriced, parked and miscounted": {
			func(_ *testing.T, db *pgtest.DB) string {
				db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, pricing_status, pricing_reason) VALUES (now(), 0, 'text', 'unpriced', 'unknown_model')`)
				db.Exec(`UPDATE public.usage_day SET usage_dollars = 7`)
				db.Exec(`INSERT INTO public.usage_dead_letter VALUES (gen_random_uuid(), gen_random_uuid(), now(), '23514', '', '', 'SQLSTATE 23514', 'x')`)
				return db.DSN
			},
			[]string{
				"FAULT refused    1 record in public.usage_dead_letter, most recent at", "usagectl parked list", "docs/troubleshooting.md",
				"FAULT rollups    1 differ from their calls", "run: usagectl verify --repair",
				"look  prices     no price for 1 of 1 call in 7 days (100.0 %), 0 are estimates; to see why: usagectl prices missing",
			}, "2 things need doing",
		},
		"a viewer who changed the role of the boards": {
			func(t *testing.T, db *pgtest.DB) string {
				repairRolesOf(t, db)
				db.Exec(`ALTER ROLE usage_grafana IN DATABASE ` + db.Name + ` SET statement_timeout = '1ms'`)
				db.Exec(`ALTER ROLE usage_grafana IN DATABASE ` + db.Name + ` SET search_path = 'elsewhere'`)
				db.Exec(`ALTER ROLE usage_grafana IN DATABASE ` + db.Name + ` SET work_mem = '1GB'`)
				return db.DSN
			},
			[]string{"FAULT grafana    the role usage_grafana has other settings than the migration gave it: search_path, statement_timeout, work_mem", "usagectl doctor --repair-roles"}, "1 thing needs doing",
		},
		"a viewer who revoked the rights of the boards": {
			func(t *testing.T, db *pgtest.DB) string {
				repairRolesOf(t, db)
				db.Exec(`DROP OWNED BY usage_grafana`)
				return db.DSN
			},
			[]string{"FAULT rights     without any right in this database: usage_grafana; ", "usagectl doctor --repair-roles"}, "1 thing needs doing",
		},
		"large objects of a viewer": {
			func(t *testing.T, db *pgtest.DB) string {
				repairRolesOf(t, db)
				db.Exec(`SELECT lo_from_bytea(0, 'x')`)
				db.Exec(`DO $$ DECLARE o oid; BEGIN SELECT max(oid) INTO o FROM pg_largeobject_metadata; EXECUTE format('ALTER LARGE OBJECT %s OWNER TO usage_grafana', o); END $$`)
				t.Cleanup(func() {
					_, err := db.Pool.Exec(context.Background(), `SELECT lo_unlink(oid) FROM pg_largeobject_metadata`)
					assert.NoError(t, err)
				})
				return db.DSN
			},
			[]string{"look  grafana    the role usage_grafana owns 1 large objects"}, "",
		},
		"calls under one id": {
			func(_ *testing.T, db *pgtest.DB) string {
				db.Exec(`INSERT INTO public.usage_correction (call_id, kind) VALUES (gen_random_uuid(), 'id_reused'), (gen_random_uuid(), 'id_reused'), (gen_random_uuid(), 'counts')`)
				return db.DSN
			},
			[]string{"look  conflicts  2 calls of the last 7 days came under the id of another", "id_reused"}, "",
		},
		"sampled traces": {
			func(_ *testing.T, db *pgtest.DB) string {
				db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, service, metadata) VALUES
					(now(), 1, 'text', 'chat-api', '{"sampled": "0.1"}'), (now(), 1, 'text', 'chat-api', '{"sampled": "0.1"}'), (now(), 1, 'text', 'batch', '{}')`)
				return db.DSN
			},
			[]string{"look  sampling   traces are sampled", "what was spent: chat-api 0.1; docs/sampling.md"}, "",
		},
		"quiet for long": {
			func(_ *testing.T, db *pgtest.DB) string {
				db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES (now() - interval '3 days', 1, 'text')`)
				return db.DSN
			},
			[]string{"look  calls      the last one is of", "do the apps still send spans?"}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := on(t, c.damage(t, pgtest.New(t)), "doctor")
			if c.faults == "" {
				require.NoError(t, err, out)
			} else {
				require.EqualError(t, err, c.faults, out)
			}
			for _, text := range c.says {
				assert.Contains(t, out, text)
			}
			assert.NotContains(t, out, "hunter2")
			for line := range strings.Lines(out) {
				assert.Regexp(t, `^(ok    |look  |FAULT )\w+ `, line, "one line for each thing")
			}
		})
	}
}

func TestDoctorSetsTheRoleOfTheBoardsBack(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	repairRolesOf(t, db)
	const read = `SELECT array_to_string(s.setconfig, ' ') FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
	              WHERE s.setrole = 'usage_grafana'::regrole AND d.datname = current_database()`
	sorted := func() []string { list := strings.Fields(db.Text(read)); slices.Sort(list); return list }
	before := sorted()
	require.NotEmpty(t, before)
	for _, change := range []string{`SET statement_timeout = '1ms'`, `SET search_path = 'elsewhere'`, `RESET jit`, `SET work_mem = '1GB'`} {
		db.Exec(`ALTER ROLE usage_grafana IN DATABASE ` + db.Name + ` ` + change)
	}
	out, err := on(t, db.DSN, "doctor", "--repair-roles")
	require.NoError(t, err, out)
	assert.Contains(t, out, "set back: jit, search_path, statement_timeout, work_mem")
	assert.NotContains(t, out, "FAULT")
	assert.Equal(t, before, sorted())
}

// repairRolesOf gives a test's database what its template could not: settings of roles.
func repairRolesOf(t *testing.T, db *pgtest.DB) {
	t.Helper()
	_, err := upkeep.RepairGrafanaRole(t.Context(), db.Pool)
	require.NoError(t, err)
}

func roleOf(db *pgtest.DB) string { return "doctor_" + strings.ToLower(db.Name) }

// stranger is the database as a user without rights, whose password is x.
func stranger(t *testing.T, db *pgtest.DB, password string) (dsn string) {
	t.Helper()
	db.Exec(`CREATE ROLE ` + roleOf(db) + ` LOGIN PASSWORD 'x'`)
	t.Cleanup(func() {
		_, err := db.Pool.Exec(context.Background(), `DROP ROLE `+roleOf(db)) // the test's own context has ended
		assert.NoError(t, err)
	})
	u, err := url.Parse(db.DSN)
	require.NoError(t, err)
	u.User = url.UserPassword(roleOf(db), password)
	return u.String()
}

func TestTheAPIIsAskedToo(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t).DSN
	for _, c := range []struct {
		status     int
		body, says string
		fault      bool
	}{
		{http.StatusUnauthorized, "", "ok    api        answers and requires authentication", false},
		{http.StatusForbidden, "", "ok    api        answers and requires authentication", false},
		{http.StatusOK, "{}", "look  api        answers everybody", false},
		{http.StatusNotFound, "404 page not found", "FAULT api        answers with 404 Not Found: something else than usage_api", true},
		{http.StatusServiceUnavailable, `{"detail":"the database does not answer"}`, "FAULT api        answers with 503 Service Unavailable: the database does not answer", true},
		{http.StatusBadGateway, "<html>", "FAULT api        answers with 502 Bad Gateway\n", true},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		out, err := on(t, dsn, "doctor", "--api="+server.URL)
		assert.Contains(t, out, c.says)
		assert.Equal(t, c.fault, err != nil, out)
		server.Close()
	}
	for address, says := range map[string]string{
		"http://127.0.0.1:1": "connection refused; is usage_api in service::extensions", "127.0.0.1:8080": "is not a URL; expected something like http://", "localhost:8080": "is not a URL; expected something like http://",
	} {
		out, err := on(t, dsn, "doctor", "--api="+address)
		require.Error(t, err)
		assert.Contains(t, out, says)
		assert.NotContains(t, out, "listen_addresses", "that is about a database")
	}
}

// A book that is older than the models it meets says so, and what to do.
func TestDoctorFindsModelsThatCameAfterTheBook(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	out, err := on(t, db.DSN, "doctor")
	require.NoError(t, err)
	assert.Regexp(t, `ok    book       current knows prices up to 20\d\d-\d\d-\d\d, and all models of 30 days`, out)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens, pricing_status, pricing_reason) VALUES
		(now() - interval '1 hour', 0, 'text', 'acme-7', 'openai', 1100, 1000, 100, 'unpriced', 'unknown_model'),
		(now() - interval '2 hours', 0, 'text', 'acme-7', 'openai', 1100, 1000, 100, 'unpriced', 'unknown_model')`)
	old := writeFile(t, "update.yaml", "provider: openai\nas_of: 2026-01-01\nrows:\n  - {model: acme-6, per_1m_tokens: {input: 1}, source: x}\n")
	out, err = on(t, db.DSN, "doctor", "--builtin", "none", "--update", old)
	require.NoError(t, err)
	assert.Contains(t, out, "look  book       none + update.yaml knows prices up to 2026-01-01; 2 calls of 30 days name 1 model that it does not know; newer public prices: usagectl prices update")
	young := writeFile(t, "update.yaml", "provider: openai\nas_of: 2100-01-01\nrows:\n  - {model: acme-6, per_1m_tokens: {input: 1}, source: x}\n")
	out, err = on(t, db.DSN, "doctor", "--builtin", "none", "--update", young)
	require.NoError(t, err)
	assert.Contains(t, out, "usagectl prices missing lists them")
}

// TestDoctorGrantsAgainWhatARoleHasLost compares every right of the database before
// and after: those of roles that lost all come back as they were, and no other.
func TestDoctorGrantsAgainWhatARoleHasLost(t *testing.T) {
	t.Parallel()
	for name, users := range map[string]string{"users of ours": "", "users of a host": `CREATE SCHEMA auth; CREATE TABLE auth.users (id uuid PRIMARY KEY)`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.NewEmpty(t)
			if users != "" {
				for sql := range strings.SplitSeq(users, ";") {
					db.Exec(sql)
				}
			}
			_, err := dbmigrate.New().Up(t.Context(), db.Pool)
			require.NoError(t, err)
			const read = `
SELECT what, grantee::regrole::text, privilege_type FROM (
  SELECT oid::regclass::text AS what, (aclexplode(relacl)).* FROM pg_class
  UNION ALL SELECT attrelid::regclass || '.' || attname, (aclexplode(attacl)).* FROM pg_attribute
  UNION ALL SELECT oid::regprocedure::text, (aclexplode(proacl)).* FROM pg_proc
  UNION ALL SELECT nspname, (aclexplode(nspacl)).* FROM pg_namespace) AS a
WHERE grantee::regrole::text LIKE 'usage\_%' ORDER BY 1, 2, 3`
			before := db.Text(read)
			require.Greater(t, strings.Count(before, "\n"), 100)
			roles := strings.Fields(db.Text(`SELECT DISTINCT grantee::regrole::text FROM pg_class, aclexplode(relacl) WHERE grantee::regrole::text LIKE 'usage\_%' ORDER BY 1`))
			require.GreaterOrEqual(t, len(roles), 6)
			for _, role := range roles {
				db.Exec(`DROP OWNED BY ` + role)
			}
			require.Equal(t, "", db.Text(read))
			out, err := on(t, db.DSN, "doctor", "--repair-roles")
			require.NoError(t, err, out)
			assert.Contains(t, out, "set back: "+strings.Join(roles, ", "))
			assert.Equal(t, before, db.Text(read))
		})
	}
}
