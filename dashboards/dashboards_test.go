package dashboards_test

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/dashboards"
	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/boards"
	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/macro"
	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestGeneratedFilesAreWhatThePackageBoardsSays(t *testing.T) {
	t.Parallel()
	want, err := boards.Files()
	require.NoError(t, err)
	for path, text := range want {
		found, err := dashboards.Files.ReadFile(path)
		require.NoError(t, err, "run: go generate ./dashboards")
		assert.Equal(t, string(text), string(found), "%s is stale; run: go generate ./dashboards", path)
	}
}

// asGrafana opens a transaction with the rights of the data source's role.
func asGrafana(t *testing.T, db *pgtest.DB) pgx.Tx {
	t.Helper()
	tx, err := db.Pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	// What a login of the role would have, and one setting more that must not matter.
	_, err = tx.Exec(t.Context(), `SELECT set_config(split_part(line, '=', 1), trim(both '"' FROM split_part(line, '=', 2)), true)
		FROM pg_catalog.pg_db_role_setting AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase CROSS JOIN unnest(s.setconfig) AS line
		WHERE s.setrole = to_regrole('usage_grafana') AND d.datname = current_database()`)
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SET LOCAL ROLE usage_grafana; SET LOCAL TimeZone = 'Asia/Tokyo'")
	require.NoError(t, err)
	return tx
}

var fill = strings.ReplaceAll(fillText, "ODD", strings.ReplaceAll(oddName, "'", "''"))

const fillText = `
INSERT INTO auth.users (id, external_id) VALUES ('11111111-1111-1111-1111-111111111111', 'O''Reilly'), ('22222222-2222-2222-2222-222222222222', 'ben');
INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type, model, provider, service, tokens_used, input_tokens, output_tokens, cache_read_tokens, pricing_status, pricing_reason)
SELECT CASE i % 3 WHEN 0 THEN '11111111-1111-1111-1111-111111111111'::uuid WHEN 1 THEN '22222222-2222-2222-2222-222222222222'::uuid END,
       timestamptz '2026-02-20 00:00:00Z' + i * interval '53 minutes',
       CASE WHEN i % 11 = 0 THEN 0 ELSE 0.001234567891 * (i % 7 + 1) END, (ARRAY['text', 'tts', 'transcription'])[i % 3 + 1],
       (ARRAY['gpt-4o', 'ODD', NULL])[i % 3 + 1], (ARRAY['openai', ''])[i % 2 + 1], 'svc' || i % 2, 100, 80, 20, 10,
       CASE WHEN i % 11 = 0 THEN 'unpriced' ELSE 'priced' END, CASE WHEN i % 11 = 0 THEN 'unknown_model' END
FROM generate_series(0, 1500) AS i;
INSERT INTO public.usage_budgets (name, scope, user_id, period, dollars) VALUES ('all', 'org', NULL, 'month', 5), ('one', 'user', '22222222-2222-2222-2222-222222222222', 'day', 1);
INSERT INTO public.usage_list_prices VALUES ('openai', 'gpt-4o', 'input_text', '2026-01-01', 5), ('openai', 'gpt-4o', 'input_text', '2026-03-10', 2.5), ('openai', 'gpt-4o', 'cache_read', '2026-01-01', 1.25)`

var nowCall = regexp.MustCompile(`\bnow\(\)`)

// filterNames are the variables that all boards on PostgreSQL share.
var filterNames = []string{"user", "api_type", "provider", "model", "service", "environment"}

// oddName is a model's name with everything that quoting can get wrong.
const oddName = `O'Reilly "x" \ & <%>`

// views are what a viewer may have chosen.
func views() map[string]macro.Values {
	all := map[string]string{}
	for _, name := range filterNames {
		all[name] = "'__all'"
	}
	all["tag"] = "'team'"
	except := func(names ...string) map[string]string {
		rest := map[string]string{}
		for k, v := range all {
			rest[k] = v
		}
		for _, n := range names {
			delete(rest, n)
		}
		return rest
	}
	zone := func(name string) *time.Location {
		l, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		return l
	}
	at := func(month time.Month, day, hour int, z string) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, zone(z))
	}
	users := []string{"11111111-1111-1111-1111-111111111111", "00000000-0000-0000-0000-000000000000"}
	return map[string]macro.Values{
		"UTC":            {From: at(3, 1, 0, "UTC"), To: at(3, 31, 0, "UTC"), TimeZone: "UTC", All: all},
		"Berlin, summer": {From: at(3, 20, 0, "Europe/Berlin"), To: at(4, 2, 0, "Europe/Berlin"), TimeZone: "Europe/Berlin", All: all},
		"Kolkata":        {From: at(3, 5, 0, "Asia/Kolkata"), To: at(3, 12, 9, "Asia/Kolkata"), TimeZone: "Asia/Kolkata", All: all},
		"users":          {From: at(3, 2, 5, "UTC"), To: at(3, 9, 7, "UTC"), TimeZone: "UTC", All: except("user"), Vars: map[string][]string{"user": users}},
		"model":          {From: at(3, 2, 5, "UTC"), To: at(3, 9, 7, "UTC"), TimeZone: "UTC", All: except("model"), Vars: map[string][]string{"model": {oddName, "(none)"}}},
		"cleared":        {From: at(3, 2, 5, "UTC"), To: at(3, 9, 7, "UTC"), TimeZone: "UTC", All: except("user", "model", "service"), Vars: map[string][]string{"user": {}, "model": {""}, "service": {}}},
		"user and type":  {From: at(3, 2, 5, "Asia/Kolkata"), To: at(3, 9, 7, "Asia/Kolkata"), TimeZone: "Asia/Kolkata", All: except("user", "api_type"), Vars: map[string][]string{"user": users, "api_type": {"text"}}},
	}
}

// TestEveryQueryRunsAsTheReadOnlyRole runs all SQL of all boards and rules, in
// a session whose settings a viewer has changed, filled and empty.
func TestEveryQueryRunsAsTheReadOnlyRole(t *testing.T) {
	t.Parallel()
	for _, filled := range []bool{true, false} {
		db := pgtest.NewEither(t)
		if filled {
			db.Exec(fill)
		}
		db.Distribute()
		tx := asGrafana(t, db)
		run := func(what, sql string, v macro.Values) {
			expanded, err := macro.Expand(sql, v)
			require.NoError(t, err, what)
			expanded = nowCall.ReplaceAllString(expanded, "timestamptz '2026-03-31 12:00:00Z'")
			savepoint, err := tx.Begin(t.Context())
			require.NoError(t, err)
			rows, err := savepoint.Query(t.Context(), expanded, pgx.QueryExecModeExec)
			if err == nil {
				rows.Close()
				err = rows.Err()
				if strings.Contains(what, "variable ") {
					assert.NotZero(t, rows.CommandTag().RowsAffected(), "%s: a filter without choices is marked as failed\n%s", what, expanded)
				}
			}
			assert.NoError(t, err, "%s\n%s", what, expanded)
			require.NoError(t, savepoint.Rollback(t.Context()))
		}
		for name, v := range views() {
			if !filled && name != "UTC" && name != "user and type" {
				continue // nothing is nothing in every view
			}
			for _, by := range []string{"model", "provider", "api_type", "service", "environment", "user"} {
				if v.Vars == nil {
					v.Vars = map[string][]string{}
				}
				v.Vars["by"] = []string{by}
				for _, b := range boardsOfFiles(t) {
					for _, q := range queriesOf(b) {
						if by == "model" || strings.Contains(q.sql, "${by") {
							run(name+", "+b.Title+", "+q.name, q.sql, v)
						}
					}
				}
			}
		}
		for _, r := range boards.Rules {
			run(r.Title, r.SQL, macro.Values{})
		}
	}
}

type query struct{ name, sql string }

func queriesOf(b *grafana.Dashboard) (all []query) {
	for _, p := range b.AllPanels() {
		for _, target := range p.Targets {
			if target.RawSQL != "" {
				all = append(all, query{p.Title, target.RawSQL})
			}
		}
	}
	for _, v := range b.Templating.List {
		if v.Type == "query" && v.DataSource.Type == "postgres" {
			all = append(all, query{"variable " + v.Name, v.Query})
		}
	}
	for _, a := range b.Annotations.List {
		all = append(all, query{"annotation " + a.Name, a.Target.RawSQL})
	}
	return all
}

// TestSumsOfAPeriodAreTheSumsOfItsCalls compares the ways of adding up with the
// rows, to the last digit, for periods that begin and end anywhere, in zones on
// both sides of UTC, with half hours, and where a day has 23 or 25 hours.
func TestSumsOfAPeriodAreTheSumsOfItsCalls(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEither(t)
	db.Exec(fill)
	db.Distribute()
	db.Exec(`VACUUM ANALYZE`)
	sums := func(from, until, columns, source string, args ...any) string {
		return db.Text("SELECT "+columns+" FROM usage_report."+source, append([]any{from, until}, args...)...)
	}
	for _, p := range [][2]string{
		{"2026-02-01 00:00:00Z", "2026-05-01 00:00:00Z"}, {"2026-03-01 05:15:00Z", "2026-03-01 09:45:00Z"},
		{"2026-02-27 22:30:00Z", "2026-04-01 18:30:00Z"}, {"2026-03-09 23:07:11Z", "2026-03-10 00:59:59.999Z"},
		{"2026-03-01 17:00:00Z", "2026-04-15 23:59:00Z"}, {"2026-02-15 23:52:00Z", "2026-03-16 00:00:00Z"},
	} {
		const columns = "coalesce(sum(usage_dollars), 0) || ' ' || coalesce(sum(calls), 0)"
		want := db.Text(`SELECT coalesce(sum(usage_dollars), 0) || ' ' || count(*) FROM public.api_usage
			WHERE timestamp >= usage_report.quarter($1::timestamptz) AND timestamp < usage_report.quarter($2::timestamptz)`, p[0], p[1])
		for _, source := range []string{
			"spend_by_user($1::timestamptz, $2::timestamptz, ARRAY['__all'], false, false)",
			"spend_by_user($1::timestamptz, $2::timestamptz, ARRAY['__all'], true, false)",
			"spend_by_user($1::timestamptz, $2::timestamptz, ARRAY['__all'], true, true)",
		} {
			assert.Equal(t, want, sums(p[0], p[1], columns, source), "%v %s", p, source)
		}
		for _, zone := range []string{
			"UTC", "Asia/Kathmandu", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Norfolk", "Pacific/Kiritimati", "Etc/GMT+12",
		} {
			list := func(from string) string {
				return db.Text(`SELECT coalesce(string_agg(day::text || ' ' || api_type || ' ' || calls || ' ' || dollars, E'\n' ORDER BY day, api_type), '') FROM (`+from+`) AS d`, p[0], p[1], zone)
			}
			days := list(`SELECT date_trunc('day', timestamp, $3) AS day, api_type, count(*) AS calls, sum(usage_dollars) AS dollars FROM public.api_usage
				WHERE timestamp >= usage_report.quarter($1::timestamptz) AND timestamp < usage_report.quarter($2::timestamptz) GROUP BY 1, 2`)
			for _, detail := range []string{"false", "true"} {
				// A day whose rows cancel out must not stand in a chart beyond the period.
				assert.Equal(t, days, list(`SELECT day, api_type, sum(calls) AS calls, sum(usage_dollars) AS dollars
					FROM usage_report.spend($1::timestamptz, $2::timestamptz, $3, ARRAY['__all'], `+detail+`) GROUP BY 1, 2
					HAVING sum(calls) <> 0 OR day < date_trunc('day', usage_report.quarter($1::timestamptz), $3) OR day >= usage_report.quarter($2::timestamptz)`),
					"%v %s, detail %s", p, zone, detail)
			}
		}
	}
}

// TestDaysOfAnyZoneReadTheirQuarterHoursByIndex holds that no report compares
// every quarter hour with every day, which would take minutes.
func TestDaysOfAnyZoneReadTheirQuarterHoursByIndex(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(fill)
	db.Exec(`VACUUM ANALYZE`)
	for _, table := range []string{"usage_quarter_type", "usage_quarter_hour"} {
		detail := strconv.FormatBool(table == "usage_quarter_hour")
		rows, err := db.Pool.Query(t.Context(), `EXPLAIN SELECT day, sum(usage_dollars)
			FROM usage_report.spend('2025-06-01 00:00:00Z', '2026-06-01 00:00:00Z', 'Europe/Berlin', ARRAY['__all'], `+detail+`) GROUP BY 1`)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		plan := strings.Join(lines, "\n")
		assert.NotContains(t, plan, "Join Filter", table)
		assert.Regexp(t, `Index Cond: \(\(bucket >= "\*VALUES\*"`, plan, table)
	}
}

// TestTheRoleReadsNothingButReports is what a viewer can try through the data
// source: the role is what stands in the way, not Grafana.
func TestTheRoleReadsNothingButReports(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEither(t)
	db.Exec("CREATE SCHEMA app; CREATE TABLE app.secret (a int)")
	// Before PostgreSQL 15 everybody may create tables in the schema public; the
	// migration warns of it.
	db.Exec("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	// A copy of a database has the rights of PUBLIC again (README.md).
	db.Exec("REVOKE TEMPORARY ON DATABASE " + db.Name + " FROM PUBLIC")
	db.Distribute()
	for _, sql := range []string{
		"SELECT metadata FROM public.api_usage", "SELECT * FROM auth.users", "SELECT * FROM public.usage_user", "SELECT * FROM public.usage_dead_letter",
		"SELECT * FROM app.secret",
		"INSERT INTO public.usage_budgets (name, scope, period, dollars) VALUES ('x', 'org', 'day', 1)", "DELETE FROM usage_report.call",
		"UPDATE usage_report.budget SET dollars = 1", "TRUNCATE public.usage_day",
		"CREATE TABLE public.x (a int)", "CREATE TABLE usage_report.x (a int)", "CREATE SCHEMA x",
		"CREATE TEMP TABLE api_usage (a int)", "CREATE TEMP VIEW day AS SELECT 1",
		"SELECT pg_read_file('postgresql.conf')", "COPY (SELECT 1) TO PROGRAM 'true'",
	} {
		tx := asGrafana(t, db)
		_, err := tx.Exec(t.Context(), sql)
		assert.ErrorContains(t, err, "42501", sql)
		require.NoError(t, tx.Rollback(t.Context()))
	}
	columns := db.Text("SELECT string_agg(column_name, ' ') FROM information_schema.columns WHERE table_schema = 'usage_report' AND column_name ~ 'metadata|tags|session|prompt|record'")
	assert.Equal(t, "session_id", columns, "no view shows raw metadata; session_call alone has the session")
}

// TestAMigrationTakesTemporaryTablesFromEverybody and bounds what the role may
// use.
func TestAMigrationTakesTemporaryTablesFromEverybody(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	conn, err := pgx.Connect(t.Context(), db.DSN)
	require.NoError(t, err)
	defer conn.Close(context.Background()) //nolint:errcheck // a test's
	_, err = dbmigrate.New().Up(t.Context(), conn)
	require.NoError(t, err)
	assert.Equal(t, "false|false|20", db.Text(`SELECT has_database_privilege('usage_grafana', current_database(), 'TEMPORARY'),
		has_database_privilege('usage_grafana', current_database(), 'CREATE'), rolconnlimit FROM pg_roles WHERE rolname = 'usage_grafana'`))
	assert.Contains(t, db.Text(`SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = 'usage_grafana'::regrole
		AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())`), "statement_timeout=30s")
}

// TestRowsOfATableAddUpToTheTotal sums the column Cost of every table by a
// dimension, with users, models and providers that are not known.
func TestRowsOfATableAddUpToTheTotal(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEither(t)
	db.Exec(fill)
	db.Distribute()
	tx := asGrafana(t, db)
	sum := func(sql string, v macro.Values) string {
		expanded, err := macro.Expand(sql, v)
		require.NoError(t, err)
		var total string
		require.NoError(t, tx.QueryRow(t.Context(), `SELECT round(coalesce(sum("Cost"), 0)::numeric, 9)::text FROM (`+expanded+`) AS t`, pgx.QueryExecModeExec).Scan(&total), expanded)
		return total
	}
	tables := 0
	for name, v := range views() {
		if v.Vars == nil {
			v.Vars = map[string][]string{}
		}
		v.Vars["by"] = []string{"model"}
		total, err := macro.Expand(`SELECT round(coalesce(sum(usage_dollars), 0), 9)::text
			FROM usage_report.spend($__timeFrom()::timestamptz, $__timeTo()::timestamptz, 'UTC',
			     CASE WHEN ARRAY[${user:sqlstring}]::text[] = '{}' THEN ARRAY['__all'] ELSE ARRAY[${user:sqlstring}]::text[] END, true)
			WHERE (ARRAY[${model:sqlstring}]::text[] && ARRAY['__all', ''] OR replace(model, '"', '\"') = ANY (ARRAY[${model:sqlstring}]::text[]))
			  AND (ARRAY[${api_type:sqlstring}]::text[] && ARRAY['__all', ''] OR api_type = ANY (ARRAY[${api_type:sqlstring}]::text[]))`, v)
		require.NoError(t, err)
		var want string
		require.NoError(t, tx.QueryRow(t.Context(), total, pgx.QueryExecModeExec).Scan(&want))
		for _, by := range []string{"model", "provider", "api_type", "service", "environment", "user"} {
			v.Vars["by"] = []string{by}
			for _, b := range boardsOfFiles(t) {
				for _, p := range b.AllPanels() {
					if p.Type == "table" && strings.Contains(p.Targets[0].RawSQL, `AS "Share"`) {
						tables++
						assert.Equal(t, want, sum(p.Targets[0].RawSQL, v), "%s, %s by %s", name, p.Title, by)
					}
				}
			}
		}
	}
	assert.Positive(t, tables)
}

// TestSingleCallsAreTheNewestOfThePeriod: as many as allowed, from a border on,
// and all of them where there are fewer.
func TestSingleCallsAreTheNewestOfThePeriod(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEither(t)
	db.Exec(fill)
	db.Distribute()
	const ben = "22222222-2222-2222-2222-222222222222"
	for name, c := range map[string]struct {
		users, condition string
		atMost           int
		within           [2]int // of how many calls
	}{
		"everybody, bounded":    {"__all", "true", 100, [2]int{99, 100}},
		"everybody, all":        {"__all", "true", 100_000, [2]int{817, 817}},
		"everybody, one border": {"__all", "true", 0, [2]int{1, 1}},
		"a user, bounded":       {ben, "user_id = '" + ben + "'", 100, [2]int{80, 100}},
		"a user, all":           {ben, "user_id = '" + ben + "'", 100_000, [2]int{270, 273}},
		"without user":          {"00000000-0000-0000-0000-000000000000", "user_id IS NULL", 100, [2]int{80, 100}},
	} {
		const period = "timestamptz '2026-03-01 05:15Z', timestamptz '2026-03-31 07:00Z'"
		var found, wanted int
		require.NoError(t, db.Pool.QueryRow(t.Context(), "SELECT count(*) FROM usage_report.recent_calls("+period+", ARRAY[$1], $2)", c.users, c.atMost).Scan(&found))
		require.NoError(t, db.Pool.QueryRow(t.Context(), `WITH since AS MATERIALIZED (SELECT usage_report.calls_since(`+period+`, ARRAY[$1], $2) AS at)
			SELECT count(*) FROM usage_report.call
			WHERE timestamp >= (SELECT at FROM since) AND timestamp < '2026-03-31 07:00Z' AND `+c.condition, c.users, c.atMost).Scan(&wanted))
		assert.Equal(t, wanted, found, name)
		assert.GreaterOrEqual(t, found, c.within[0], name)
		assert.LessOrEqual(t, found, c.within[1], name)
	}
}

// TestATraceOpensWhereTheSettingSays and nowhere else.
func TestATraceOpensWhereTheSettingSays(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for setting, shown := range map[string]bool{
		"https://traces.example/trace/{trace_id}": true, "/explore?panes={trace_id}": true,
		"javascript:alert(1)": false, "//elsewhere.example/{trace_id}": false, `/\elsewhere.example`: false, "": false,
	} {
		db.Exec("INSERT INTO public.usage_setting (name, value) VALUES ('trace_url', '" + setting + "') ON CONFLICT (name) DO UPDATE SET value = excluded.value")
		assert.Equal(t, strconv.FormatBool(shown), db.Text("SELECT count(*) = 1 FROM usage_report.trace_link WHERE url = $1", setting), setting)
	}
	assert.Equal(t, "1", db.Text("SELECT count(*) FROM information_schema.columns WHERE table_schema = 'usage_report' AND table_name = 'trace_link'"))
}

// TestOtherCurrenciesConvertEachDayAtItsRate: no rate for the first day is said,
// and is no 1.
func TestOtherCurrenciesConvertEachDayAtItsRate(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(fill)
	db.Exec(`INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source)
		VALUES ('EUR', '2026-01-01', 0.9, 'x'), ('EUR', '2026-03-05', 0.8, 'x'), ('GBP', '2026-03-10', 0.7, 'x')`)
	v := views()["model"] // 2026-03-02 05:00 to 2026-03-09 07:00, two of the models
	var sql string
	for _, p := range boardsOfFiles(t)["llm-usage-breakdown.json"].AllPanels() {
		if p.Title == "Other currencies" {
			sql = p.Targets[0].RawSQL
		}
	}
	expanded, err := macro.Expand(sql, v)
	require.NoError(t, err)
	var found string
	require.NoError(t, asGrafana(t, db).QueryRow(t.Context(), `SELECT string_agg(concat_ws(' ', "Currency", round("Cost"::numeric, 9), round("Dollars"::numeric, 9), "Missing"), '; ' ORDER BY "Currency") FROM (`+expanded+`) AS t`,
		pgx.QueryExecModeExec).Scan(&found))
	want := db.Text(`SELECT 'EUR ' || round(sum(usage_dollars * CASE WHEN timestamp < '2026-03-05Z' THEN 0.9 ELSE 0.8 END), 9) || ' ' || round(sum(usage_dollars), 9) || '; GBP ' || round(sum(usage_dollars), 9) || ' no rate before 2026-03-10'
		FROM public.api_usage
		WHERE timestamp >= '2026-03-02 05:00Z' AND timestamp < '2026-03-09 07:00Z' AND (model = $1 OR model IS NULL)`, oddName)
	assert.Equal(t, want, found)
}
