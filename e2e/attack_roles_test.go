package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// databaseRoles are the roles that the migrations make, and one that has none of
// them: whoever else may log in to the database.
var databaseRoles = []string{"usage_biller", "usage_budgeter", "usage_grafana", "usage_meterer", "usage_own", "usage_planner", "usage_pricer", "usage_reader", "usage_writer", "nobody"}

// roleAttempts are statements of a stolen login. Each is tried as every role and
// has to be refused for lack of rights, but for the roles it is part of the work of.
var roleAttempts = []struct {
	sql string
	may string // roles, by their name without "usage_"
}{
	// Reading.
	{"SELECT * FROM public.api_usage", "pricer reader writer"},
	{"SELECT metadata FROM public.api_usage", "pricer reader writer"},
	{"SELECT record FROM public.usage_dead_letter", "reader writer"},
	{"SELECT reason FROM usage_report.parked", "grafana reader"},
	{"SELECT email FROM auth.users", "writer"},
	{"SELECT * FROM public.usage_user", "reader"},
	{"SELECT * FROM usage_report.call", "grafana reader"},
	{"SELECT * FROM public.usage_own_calls", "own"},
	{"SELECT * FROM public.usage_day_user", "pricer reader"},
	{"SELECT * FROM public.usage_user_detail", "reader"},
	{"SELECT * FROM public.usage_own_user_detail", "own"},
	{"SELECT * FROM public.usage_user_detail_kept", ""},
	{"SELECT * FROM public.usage_user_quarter", "reader"},
	{"SELECT * FROM public.usage_user_quarter_half", "reader"},
	{"SELECT * FROM public.usage_own_user_quarter", "own"},
	{"SELECT * FROM public.usage_own_user_quarter_half", "own"},
	{"SELECT * FROM public.usage_user_quarter_kept", ""},
	{"SELECT * FROM public.usage_session_kept", "reader"},
	{"SELECT * FROM public.usage_session_day", ""},
	{"SELECT * FROM public.usage_half_month", "pricer reader"},
	{"SELECT * FROM public.usage_correction", "reader"},
	{"SELECT old FROM public.usage_correction", "reader"},
	{"SELECT * FROM public.usage_reprice_change", "pricer reader"},
	{"SELECT * FROM public.usage_budgets", "budgeter reader"},
	{"SELECT cause FROM public.usage_budget_crossing", "budgeter reader"},
	{"SELECT * FROM usage_report.budget_state(now())", "grafana reader"},
	{"SELECT * FROM public.usage_own_budgets(now())", "own"},
	{"SELECT * FROM public.usage_trace_user", "writer"},
	{"SELECT rolpassword FROM pg_catalog.pg_authid", ""},
	{"SELECT passwd FROM pg_catalog.pg_shadow", ""},
	{"SELECT stavalues1 FROM pg_catalog.pg_statistic", ""},
	{"SELECT srvoptions FROM pg_catalog.pg_foreign_server, pg_catalog.pg_user_mapping", ""},
	{"SELECT pg_read_file('PG_VERSION')", ""},
	{"SELECT pg_read_binary_file('/etc/passwd')", ""},
	{"SELECT pg_ls_dir('.')", ""},
	{"SELECT pg_stat_file('PG_VERSION')", ""},
	{"SELECT * FROM pg_ls_logdir()", ""},
	{"SELECT * FROM pg_ls_waldir()", ""},
	{"SELECT * FROM pg_catalog.pg_hba_file_rules", ""},
	{"SELECT * FROM pg_catalog.pg_file_settings", ""},
	{"SELECT lo_import('/etc/passwd')", ""},
	{"SELECT lo_export(1, '/tmp/x')", ""},

	// Writing what others own: calls, sums, audits, settings.
	{"INSERT INTO public.api_usage (usage_dollars, api_type) VALUES (1, 'text')", "writer"},
	{"DELETE FROM public.api_usage", ""},
	{"UPDATE public.api_usage SET user_id = NULL, service = 'x'", ""},
	{"UPDATE public.api_usage SET timestamp = now()", ""},
	{"UPDATE public.api_usage SET id = gen_random_uuid()", ""},
	{"UPDATE public.api_usage SET created_at = now()", ""},
	{"TRUNCATE public.api_usage", ""},
	{"TRUNCATE public.usage_dead_letter", ""},
	{"INSERT INTO public.usage_day (bucket) VALUES (now())", ""},
	{"UPDATE public.usage_quarter_hour SET usage_dollars = 0", ""},
	{"UPDATE public.usage_half_month_user SET calls = 0", ""},
	{"DELETE FROM public.usage_day_user", ""},
	{"TRUNCATE public.usage_day_type", ""},
	{"UPDATE public.usage_setting SET value = 'off'", ""},
	{"INSERT INTO public.usage_setting (name, value) VALUES ('x', 'y')", ""},
	{"DELETE FROM public.usage_setting", ""},
	{"UPDATE public.usage_name_limit SET names = 1000000", ""},
	{"INSERT INTO public.usage_name (day, kind, name) VALUES (date_trunc('day', now()), 'model', 'x')", ""},
	{"UPDATE public.usage_name_day SET closed = false", ""},
	{"DELETE FROM public.usage_name", ""},
	{"SELECT public.usage_decide_names('{2020-01-01 00:00Z}', '{model}', '{x}')", ""},
	{"SELECT public.usage_fold_names('{2020-01-01 00:00Z}', '{p}', '{m}', '{s}', '{e}')", "writer"},
	{"SELECT public.usage_keep_user_detail(1, 1000000)", "writer"},
	{"SELECT public.usage_keep_user_quarters(1, 1000000)", "writer"},
	{"SELECT public.usage_keep_sessions(0)", "writer"},
	{"SELECT public.usage_keep_session_day('2026-01-01Z')", ""},
	{"UPDATE public.usage_user_detail_kept SET usage_dollars = 0", ""},
	{"UPDATE public.usage_session_kept SET usage_dollars = 0", ""},
	{"UPDATE public.api_usage SET folded = 15", ""},
	{"SELECT public.usage_withdraw_sums('{}', '{}', '{}', '{}')", "writer"},
	{"UPDATE public.usage_correction SET kind = 'x'", ""},
	{"DELETE FROM public.usage_correction", ""},
	{"UPDATE public.usage_reprice_change SET old_dollars = 0", ""},
	{"DELETE FROM public.usage_reprice_change", ""},
	{"UPDATE public.usage_reprice_run SET requested_by = 'x'", ""},
	{"DELETE FROM public.usage_reprice_run", ""},
	{"INSERT INTO public.usage_reprice_run (note, requested_by) VALUES ('x', 'somebody')", ""},
	{"UPDATE public.usage_dead_letter SET dismissed_at = now()", ""},
	{"DELETE FROM public.usage_dead_letter", ""},
	{"UPDATE public.usage_budgets SET dollars = 1000000", "budgeter"},
	{"DELETE FROM public.usage_budgets", "budgeter"},
	{"UPDATE public.usage_budget_crossing SET delivery = 'waiting', delivered_at = NULL", "budgeter"},
	{"UPDATE public.usage_budget_crossing SET threshold = 1", ""},
	{"DELETE FROM public.usage_budget_crossing", ""},
	{"DELETE FROM public.usage_budget_watch", ""},
	{"INSERT INTO public.usage_team_members (team, user_id) VALUES ('x', gen_random_uuid())", ""},
	{"INSERT INTO public.usage_team_membership (team, user_id) SELECT 'x', id FROM public.usage_user", "planner"},
	{"INSERT INTO auth.users (id, external_id, email) VALUES (gen_random_uuid(), 'x', 'x')", "writer"},
	{"UPDATE public.usage_team_membership SET user_id = gen_random_uuid()", ""},
	{"DELETE FROM public.usage_team_cost_centre", "planner"},
	{"UPDATE public.usage_exchange_rates SET rate = 1000", "pricer"},
	{"DELETE FROM public.usage_exchange_rates", ""},
	{"UPDATE public.usage_list_prices SET model = 'x'", ""},
	{"SELECT * FROM public.usage_outlook", "pricer reader"},
	{"UPDATE public.usage_outlook SET document = '{}'", "pricer"},
	{"UPDATE public.usage_outlook SET kind = 'x'", ""},
	{"DELETE FROM public.usage_outlook", ""},
	{"INSERT INTO public.usage_advice_dismissal (id, rule, change, service, provider, model, dollars, reason) VALUES ('x', 'r', 'c', 's', 'p', 'm', 1, 'why')", "pricer"},
	{"INSERT INTO public.usage_advice_dismissal (id, rule, change, service, provider, model, dollars, reason, dismissed_by) VALUES ('x', 'r', 'c', 's', 'p', 'm', 1, 'why', 'somebody')", ""},
	{"UPDATE public.usage_advice_dismissal SET reason = 'another'", ""},
	{"SELECT * FROM public.usage_bill_row", "biller reader"},
	{"UPDATE public.usage_bill_row SET cost = 0", "biller"},
	{"DELETE FROM public.usage_bill_fetch", "biller"},
	{"TRUNCATE public.usage_bill_day", ""},
	{"SELECT usage_dollars FROM public.usage_metered_call", "meterer"},
	{"SELECT external_id FROM public.usage_user", "meterer planner reader"},
	{"SELECT customer FROM public.usage_meter_event", "meterer reader"},
	{"UPDATE public.usage_meter_event SET state = 'accepted'", "meterer"},
	{"UPDATE public.usage_meter_event SET quantity = 0", ""},
	{"DELETE FROM public.usage_meter_event", ""},
	{"DELETE FROM public.usage_meter", ""},
	{"UPDATE public.usage_meter SET since = now()", ""},
	{"UPDATE auth.users SET external_id = 'x'", ""},
	{"UPDATE auth.users SET email = 'x@example.com'", ""},
	{"DELETE FROM auth.users", ""},
	{"UPDATE public.usage_trace_user SET user_id = gen_random_uuid()", ""},
	{"UPDATE pg_catalog.pg_class SET relacl = NULL", ""},
	{"DELETE FROM public.usage_migration", ""},

	// Holding others up: locks that keep out readers or writers.
	{"LOCK TABLE public.api_usage IN ACCESS EXCLUSIVE MODE", ""},
	{"LOCK TABLE public.usage_setting IN ACCESS EXCLUSIVE MODE", ""},
	{"LOCK TABLE public.usage_day IN EXCLUSIVE MODE", ""},
	{"LOCK TABLE auth.users IN ACCESS EXCLUSIVE MODE", ""},
	{"LOCK TABLE public.usage_name_day IN EXCLUSIVE MODE", ""},
	{"SELECT names FROM public.usage_name_day FOR UPDATE", ""},
	{"SELECT value FROM public.usage_setting FOR UPDATE", ""},
	{"SELECT bucket FROM public.usage_quarter_hour FOR SHARE", ""},
	{"SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = current_database() AND usename <> current_user", ""},
	{"SELECT pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = current_database() AND usename <> current_user", ""},
	{"SELECT pg_reload_conf()", ""},
	{"SELECT pg_rotate_logfile()", ""},
	{"SELECT pg_switch_wal()", ""},
	{"SELECT pg_create_physical_replication_slot('x')", ""},
	{"SELECT pg_create_restore_point('x')", ""},
	{"SELECT pg_stat_reset()", ""},
	{"SELECT pg_promote()", ""},
	{"SELECT set_config('x.y', 'z', false); SELECT pg_read_file('postgresql.auto.conf')", ""},
	{"CHECKPOINT", ""},
	{"REINDEX TABLE public.api_usage", ""},
	{"CLUSTER public.api_usage USING api_usage_pkey", ""},

	// Creating and altering.
	{"CREATE TABLE public.x (i int)", ""},
	{"CREATE TABLE usage_report.x (i int)", ""},
	{"CREATE TABLE auth.x (i int)", ""},
	{"CREATE TEMP TABLE x (i int)", ""},
	{"CREATE TEMP VIEW api_usage AS SELECT 1", ""},
	{"CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql RETURN timestamptz 'epoch'", ""},
	{"CREATE FUNCTION public.num_nonnulls(text) RETURNS int LANGUAGE sql RETURN 1", ""},
	{"CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = uuid, FUNCTION = pg_catalog.texteq)", ""},
	{"CREATE VIEW public.x AS SELECT 1", ""},
	{"CREATE MATERIALIZED VIEW public.x AS SELECT 1", ""},
	{"CREATE SEQUENCE public.x", ""},
	{"CREATE TYPE public.x AS (i int)", ""},
	{"CREATE SCHEMA x", ""},
	{"CREATE EXTENSION dblink", ""},
	{"CREATE EXTENSION adminpack", ""},
	{"CREATE LANGUAGE x HANDLER plpgsql_call_handler", ""},
	{"CREATE FUNCTION public.x() RETURNS int LANGUAGE c AS 'libc', 'system'", ""},
	{"CREATE ROLE x SUPERUSER", ""},
	{"CREATE PUBLICATION x FOR ALL TABLES", ""},
	{"CREATE FOREIGN DATA WRAPPER x", ""},
	{"CREATE EVENT TRIGGER x ON ddl_command_start EXECUTE FUNCTION public.usage_refuse_truncate()", ""},
	{"CREATE POLICY x ON public.api_usage USING (true)", ""},
	{"CREATE TRIGGER x BEFORE INSERT ON public.api_usage FOR EACH ROW EXECUTE FUNCTION public.usage_mark_written()", ""},
	{"CREATE INDEX ON public.api_usage (model)", ""},
	{"CREATE RULE x AS ON INSERT TO public.api_usage DO INSTEAD NOTHING", ""},
	{"CREATE STATISTICS public.x ON model, service FROM public.api_usage", ""},
	{"ALTER TABLE public.api_usage DISABLE TRIGGER ALL", ""},
	{"ALTER TABLE public.api_usage DROP CONSTRAINT api_usage_pkey", ""},
	{"ALTER TABLE public.api_usage OWNER TO CURRENT_USER", ""},
	{"ALTER TABLE public.api_usage RENAME TO x", ""},
	{"ALTER VIEW usage_report.call RENAME TO x", ""},
	{"ALTER VIEW public.usage_own_calls RESET (security_barrier)", ""},
	{"CREATE OR REPLACE VIEW public.usage_own_calls AS SELECT 1 AS id", ""},
	{"ALTER FUNCTION public.usage_fold_insert() RESET search_path", ""},
	{"ALTER FUNCTION public.usage_fold_insert() OWNER TO CURRENT_USER", ""},
	{"CREATE OR REPLACE FUNCTION public.usage_mark_written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$", ""},
	{"ALTER SCHEMA usage_report OWNER TO CURRENT_USER", ""},
	{"ALTER DEFAULT PRIVILEGES FOR ROLE usage_writer GRANT ALL ON TABLES TO PUBLIC", "writer"},
	{"DROP TABLE public.usage_correction", ""},
	{"DROP FUNCTION public.usage_fold_insert() CASCADE", ""},
	{"DROP SCHEMA usage_report CASCADE", ""},
	// PostgreSQL lets every member do this; doctor finds it and gives the rights back.
	{"DROP OWNED BY usage_reader", "reader"},
	{"REASSIGN OWNED BY usage_reader TO usage_writer", ""},
	{"COMMENT ON TABLE public.api_usage IS 'x'", ""},

	// Becoming somebody else.
	{"SET ROLE usage_biller", "biller"},
	{"SET ROLE usage_grafana", "grafana"},
	{"SET ROLE usage_own", "own"},
	{"SET ROLE usage_pricer", "pricer"},
	{"SET ROLE usage_reader", "reader"},
	{"SET ROLE usage_writer", "writer"},
	{"SET ROLE pg_read_all_data", ""},
	{"SET ROLE pg_database_owner", ""},
	{"SET SESSION AUTHORIZATION usage_reader", ""},
	{"ALTER ROLE CURRENT_USER SUPERUSER", ""},
	{"ALTER ROLE CURRENT_USER BYPASSRLS", ""},
	{"ALTER ROLE usage_reader LOGIN PASSWORD 'x'", ""},
	{"ALTER ROLE usage_grafana SET statement_timeout = '1ms'", ""},
	{"ALTER ROLE ALL SET search_path = 'x'", ""},
	{"GRANT usage_reader TO CURRENT_USER", ""},
	{"GRANT pg_read_server_files TO CURRENT_USER", ""},
	{"GRANT UPDATE ON public.usage_day TO CURRENT_USER; UPDATE public.usage_day SET calls = 0", ""},
	{"GRANT ALL ON auth.users TO CURRENT_USER; DELETE FROM auth.users", ""},
	{"SET session_replication_role = replica", ""},
	{"SET log_statement = 'none'", ""},
	{"SET session_preload_libraries = 'x'", ""},
	{"SET dynamic_library_path = '/tmp'", ""},
	{"SET row_security = off; SELECT rolpassword FROM pg_authid", ""},

	// Leaving the server.
	{"COPY (SELECT 1) TO PROGRAM 'id'", ""},
	{"COPY public.usage_dead_letter FROM PROGRAM 'id'", ""},
	{"COPY (SELECT 1) TO '/tmp/x'", ""},
	{"COPY public.api_usage FROM '/etc/passwd'", ""},
	{"DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''id'''; END $$", ""},
}

// blindAttempts are questions that everybody may ask and nobody may learn from.
var blindAttempts = []string{
	"SELECT query FROM pg_catalog.pg_stat_activity WHERE usename <> session_user AND query <> '<insufficient privilege>' AND query <> ''",
	"SELECT client_addr FROM pg_catalog.pg_stat_activity WHERE usename <> session_user AND client_addr IS NOT NULL",
	"SELECT most_common_vals FROM pg_catalog.pg_stats WHERE schemaname = 'auth' AND attname IN ('email', 'external_id') AND NOT has_table_privilege('auth.users', 'SELECT')",
	"SELECT name FROM pg_catalog.pg_settings WHERE name IN ('data_directory', 'hba_file')",
	"SELECT umoptions FROM pg_catalog.pg_user_mappings WHERE umoptions IS NOT NULL",
}

// searchPathTricks are tried as a role that owns a schema with functions and
// operators named as the server's own, put in front of everything.
var searchPathTricks = map[string]string{
	"usage_writer":   "INSERT INTO public.api_usage (usage_dollars, api_type, model) VALUES (1, 'text', 'm')",
	"usage_pricer":   "UPDATE public.api_usage SET usage_dollars = 3, pricing_status = 'priced'",
	"usage_biller":   "SELECT count(*) FROM public.usage_bill_row",
	"usage_meterer":  "SELECT count(*) FROM public.usage_meter_event",
	"usage_planner":  "SELECT count(*) FROM public.usage_team_membership",
	"usage_grafana":  "SELECT * FROM usage_report.spend('2026-01-01', '2026-01-09', 'UTC', NULL, true)",
	"usage_reader":   "SELECT * FROM usage_report.calls('2026-01-01', '2026-01-09', NULL)",
	"usage_own":      "SET usage.user_id = '6b1f0d5e-8c21-4b53-9d0a-2f641c7e9001'; SELECT * FROM public.usage_own_calls",
	"usage_budgeter": "SELECT count(*) FROM public.usage_budget_crossing",
}

// intruder is a login that is a member of one of our roles.
type intruder struct {
	role string
	conn *pgx.Conn
}

// newIntruder makes a login of a role, or of none for "nobody".
func newIntruder(t *testing.T, db *pgtest.DB, role string) intruder {
	t.Helper()
	name := "intruder_" + role + "_" + db.Name
	db.Exec(`CREATE ROLE ` + name + ` LOGIN PASSWORD 'x'`)
	if role != "nobody" {
		db.Exec(`GRANT ` + role + ` TO ` + name)
	}
	config, err := pgx.ParseConfig(db.DSN)
	require.NoError(t, err)
	config.User, config.Password = name, "x"
	config.RuntimeParams = map[string]string{"lock_timeout": "5s", "statement_timeout": "20s"}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, conn.Close(context.Background()))
		for _, sql := range []string{`DROP OWNED BY ` + name + ` CASCADE`, `DROP ROLE ` + name} {
			_, err := db.Pool.Exec(context.Background(), sql)
			assert.NoError(t, err)
		}
	})
	return intruder{role, conn}
}

// try runs statements in a transaction that is taken back, and gives the rows that
// the last one showed.
func (i intruder) try(ctx context.Context, sql string) (rows int, err error) {
	tx, err := i.conn.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback(ctx) //nolint:errcheck // to be taken back, whatever it is
	reader := tx.Conn().PgConn().Exec(ctx, sql)
	for reader.NextResult() {
		rows = 0
		for result := reader.ResultReader(); result.NextRow(); {
			rows++
		}
	}
	return rows, reader.Close()
}

// refused is nil when err says that a right is missing.
func refused(err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return errors.New("it was done")
	case errors.As(err, &pg) && pg.Code == "42501":
		return nil
	case errors.As(err, &pg) && pg.Code == "23514" && strings.Contains(pg.Message, "can be corrected by larger counts"):
		return nil // the column may be written, and the rule of corrections lets it be written by no such statement
	}
	return fmt.Errorf("refused for another reason than a missing right, so nothing was tried: %w", err)
}

// TestAttackRoles tries with every role of ours what it must not do, on tables that
// hold something, with the sums kept by triggers.
func TestAttackRoles(t *testing.T) {
	t.Parallel()
	db := migratedDatabase(t)
	var roles []string
	for _, role := range strings.Fields(db.Text(`SELECT rolname FROM pg_roles WHERE rolname LIKE 'usage\_%' AND rolname !~ '\d{6}' ORDER BY rolname COLLATE "C"`)) {
		if !strings.Contains(role, db.Name) {
			roles = append(roles, role)
		}
	}
	require.Equal(t, roles, slices.DeleteFunc(slices.Clone(databaseRoles), func(role string) bool { return role == "nobody" }), "roles in the database, and those that are tried")
	fillForIntruders(db)

	for _, role := range databaseRoles {
		i := newIntruder(t, db, role)
		for _, a := range roleAttempts {
			_, err := i.try(t.Context(), a.sql)
			allowed := slices.Contains(strings.Fields(a.may), strings.TrimPrefix(role, "usage_"))
			found := refused(err)
			switch {
			case allowed && err == nil:
				found = nil
			case allowed:
				found = fmt.Errorf("it is this role's work, and was refused: %w", err)
			}
			attempt(t, "as a member of "+role+": "+a.sql, found)
		}
		for _, sql := range blindAttempts {
			rows, err := i.try(t.Context(), sql)
			if err == nil && rows > 0 {
				err = fmt.Errorf("%d rows are shown", rows)
			} else if refused(err) == nil {
				err = nil
			}
			attempt(t, "as a member of "+role+": "+sql, err)
		}
	}
}

// migratedDatabase has what a copy of a template has not: rights of the database
// and settings of roles.
func migratedDatabase(t *testing.T) *pgtest.DB {
	t.Helper()
	db := pgtest.NewEmpty(t)
	// Roles belong to the server: a login that another test drops may vanish between the
	// moment a migration reads it and the moment it grants it something.
	_, err := dbmigrate.New().Up(t.Context(), db.Pool)
	for range 5 {
		if err == nil || !strings.Contains(err.Error(), "SQLSTATE 42704") {
			break
		}
		_, err = dbmigrate.New().Up(t.Context(), db.Pool)
	}
	require.NoError(t, err)
	return db
}

// fillForIntruders leaves a row in what the attempts read and write.
func fillForIntruders(db *pgtest.DB) {
	for _, sql := range []string{
		`INSERT INTO auth.users (id, external_id, email) VALUES ('6b1f0d5e-8c21-4b53-9d0a-2f641c7e9001', 'ada', 'ada@example.com')`,
		`INSERT INTO public.api_usage (usage_dollars, api_type, model, user_id, timestamp) VALUES (1, 'text', 'm', '6b1f0d5e-8c21-4b53-9d0a-2f641c7e9001', now())`,
		`INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES ('EUR', '2026-01-01', 0.9, 'test')`,
		`ANALYZE auth.users`,
	} {
		db.Exec(sql)
	}
}

// TestAttackSearchPath lets each role plant functions and operators in a schema of
// its own, put that in front, and do its work: nothing planted may be called with
// the rights of the owner, and nothing may be counted otherwise.
func TestAttackSearchPath(t *testing.T) {
	t.Parallel()
	db := migratedDatabase(t)
	fillForIntruders(db)
	require.Len(t, searchPathTricks, len(databaseRoles)-1)
	for _, role := range slices.Sorted(maps.Keys(searchPathTricks)) {
		i := newIntruder(t, db, role)
		schema := "planted_" + role
		db.Exec(`CREATE SCHEMA ` + schema + ` AUTHORIZATION ` + i.conn.Config().User)
		for _, sql := range plants(schema) {
			_, err := i.conn.Exec(t.Context(), sql)
			require.NoError(t, err, sql)
		}
		sql := "SET search_path = " + schema + ", pg_catalog; " + searchPathTricks[role]
		_, err := i.try(t.Context(), sql)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && strings.Contains(pg.Message, "planted") && !strings.HasSuffix(pg.Message, i.conn.Config().User) {
			err = fmt.Errorf("a planted function ran with the rights of the owner: %w", err)
		} else if err != nil && refused(err) == nil {
			err = fmt.Errorf("its own work was refused: %w", err)
		}
		attempt(t, "as "+role+", with functions named as the server's: "+sql, err)
	}
	// Whoever has tables of their own must not let our triggers count them.
	i := newIntruder(t, db, "nobody")
	db.Exec(`CREATE SCHEMA planted_nobody AUTHORIZATION ` + i.conn.Config().User)
	for _, f := range strings.Split(db.Text(`SELECT oid::regprocedure FROM pg_proc WHERE prosecdef AND prorettype = 'trigger'::regtype AND pronamespace = 'public'::regnamespace`), "\n") {
		sql := `CREATE TABLE planted_nobody.calls (LIKE public.api_usage); CREATE TRIGGER x AFTER INSERT ON planted_nobody.calls REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION public.` + f
		_, err := i.try(t.Context(), sql)
		attempt(t, "as nobody: "+sql, refused(err))
	}
}

// plants are functions that say who calls them, named as those that our functions,
// views and constraints use, for every type of argument they are called with.
func plants(schema string) (statements []string) {
	const body = ` LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted, called as %', current_user; END $$`
	for function, result := range map[string]string{
		"date_bin(interval, timestamptz, timestamptz)": "timestamptz", "now()": "timestamptz",
		"date_trunc(text, timestamptz, text)": "timestamptz", "current_setting(text, boolean)": "text", "num_nonnulls(text, text)": "integer",
		"array_remove(text[], text)": "text[]", "jsonb_typeof(jsonb)": "text", "cardinality(text[])": "integer", "pg_current_xact_id()": "xid8",
		"pg_advisory_xact_lock(bigint)": "void",
	} {
		statements = append(statements, "CREATE FUNCTION "+schema+"."+function+" RETURNS "+result+body)
	}
	for _, side := range []string{"timestamptz", "text", "numeric", "uuid", "bigint"} {
		statements = append(statements,
			"CREATE FUNCTION "+schema+".equal("+side+", "+side+") RETURNS boolean"+body,
			"CREATE OPERATOR "+schema+".= (LEFTARG = "+side+", RIGHTARG = "+side+", FUNCTION = "+schema+".equal)",
			"CREATE FUNCTION "+schema+".plus("+side+", "+side+") RETURNS "+side+body,
			"CREATE OPERATOR "+schema+".+ (LEFTARG = "+side+", RIGHTARG = "+side+", FUNCTION = "+schema+".plus)")
	}
	return statements
}
