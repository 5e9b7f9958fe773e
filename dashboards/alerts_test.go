package dashboards_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/boards"
	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/macro"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// calls inserts a call at each moment "at" of what follows it. Rules are asked at
// nowOfRules.
const calls = `INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type, model, provider, service, tokens_used, pricing_status, pricing_reason)
SELECT %user%, at, %dollars%, 'text', 'gpt-4o', 'openai', %service%, 10, %status%, CASE %status% WHEN 'unpriced' THEN 'unknown_model' END FROM `

func call(from, dollars, user, status string) string {
	const service = `'a&b "c"'`
	text := calls
	for name, value := range map[string]string{"%user%": user, "%dollars%": dollars, "%status%": status, "%service%": service} {
		text = strings.ReplaceAll(text, name, value)
	}
	return text + from + ";"
}

// TestEachAlertFiresOnItsDataAndOnNoOther evaluates the query of each rule as
// Grafana does: a row fires when its number is above the threshold.
func TestEachAlertFiresOnItsDataAndOnNoOther(t *testing.T) {
	t.Parallel()
	const (
		nobody = "NULL::uuid"
		ben    = "'22222222-2222-2222-2222-222222222222'::uuid"
		priced = "'priced'"
	)
	user := `INSERT INTO auth.users (id, external_id) VALUES (` + ben + `, 'ben''s');`
	daily := func(cost string) string {
		return call("generate_series(timestamptz '2026-03-10 09:00Z', '2026-03-30 09:00Z', interval '1 day') AS at", cost, nobody, priced)
	}
	today := func(cost, user string) string {
		return call("(VALUES (timestamptz '2026-03-31 11:50Z')) AS v (at)", cost, user, priced)
	}
	weekly := call("(VALUES (timestamptz '2026-03-24 11:10Z'), ('2026-03-17 11:10Z')) AS v (at)", "0.01", nobody, priced)
	org := func(period, dollars string) string {
		return `INSERT INTO public.usage_budgets (name, scope, period, dollars) VALUES ('all', 'org', '` + period + `', ` + dollars + `);`
	}
	forecast := func(at, expected, exceeds, limit string) string {
		return `INSERT INTO public.usage_outlook (kind, published_at, document) VALUES ('forecast', '` + at + `', '{"timezone": "UTC", "forecasts": [{"scope": "budget", "key": "all",
			"period": {"unit": "month", "start": "2026-03-01", "end": "2026-03-31"}, "spent": 20, "expected": ` + expected + `, "method": "weekday", "budget": {"limit": ` + limit + `, "exceeds": ` + exceeds + `}}]}');`
	}
	byUser := user + `INSERT INTO public.usage_budgets (name, scope, user_id, period, dollars) VALUES ('ben', 'user', ` + ben + `, 'day', 10);`
	byTeam := user + `INSERT INTO public.usage_team_members (team, user_id) VALUES ('core', ` + ben + `);
		INSERT INTO public.usage_budgets (name, scope, team, period, dollars) VALUES ('core', 'team', 'core', 'day', 10);`
	const byService = `INSERT INTO public.usage_budgets (name, scope, service, period, dollars) VALUES ('svc', 'service', 'a&b "c"', 'day', 10);`
	const byModel = `INSERT INTO public.usage_budgets (name, scope, value, period, dollars) VALUES ('model', 'model', 'gpt-4o', 'day', 10);`
	// What usagectl budgets notify writes.
	recorded := func(threshold, at, amount string) string {
		return `INSERT INTO public.usage_budget_crossing (budget, first_day, last_day, threshold, amount, currency, spent, cause, crossed_at, delivery)
			VALUES ('all', '2026-03-31', '2026-03-31', ` + threshold + `, ` + amount + `, 'USD', 9, '[{"dimension": "model", "key": "gpt-4o", "percent": 61}, {"dimension": "user", "key": "x", "name": "ben", "percent": 9}]', '` + at + `', 'none');`
	}
	looked := func(at string) string {
		return `INSERT INTO public.usage_budget_watch (watched_at) VALUES ('` + at + `');`
	}
	unpriced := func(n string) string {
		return call("generate_series(timestamptz '2026-03-31 01:00Z', '2026-03-31 10:30Z', interval '6 minutes') AS at", "0.01", nobody, priced) +
			call("(SELECT timestamptz '2026-03-31 02:00Z' + i * interval '1 minute' AS at FROM generate_series(1, "+n+") AS i) AS v", "0", nobody, "'unpriced'")
	}

	const parked = `INSERT INTO public.usage_dead_letter (digest, id, sqlstate, constraint_name, column_name, reason, record, parked_at)
		VALUES (gen_random_uuid(), gen_random_uuid(), '22003', '', '', 'out of range', '', `

	// What was charged for a day, what of it nothing explains, and a cause.
	bill := func(unexplained, cause, cost string) string {
		return `INSERT INTO public.usage_bill_explained_day (provider, day, account, currency, bill_cost, row_cost, unexplained) VALUES ('openai', '2026-03-29', 'acme', 'USD', 100, 90, ` + unexplained + `);
		INSERT INTO public.usage_bill_cause (provider, day, number, cause, cost, model, reason, project, api_key, details) VALUES ('openai', '2026-03-29', 0, '` + cause + `', ` + cost + `, 'gpt-4o', '', '', '', '{}');`
	}
	imported := func(at string) string {
		return `INSERT INTO public.usage_bill_day (provider, account, report, day, covered_until, incomplete, imported_at) VALUES ('openai', 'acme', 'costs', '2026-03-01', '2026-03-02', false, '` + at + `');`
	}

	// A meter that last ran then, with an event in a state that was made then.
	meter := func(ran, state, made string) string {
		return `INSERT INTO public.usage_meter (meter, sink, since, mark, collected_at) VALUES ('ai_cost', 'stripe', '2026-01-01', '1', '` + ran + `');
		INSERT INTO public.usage_meter_event (call_id, meter, revision, customer, called_at, quantity, created_at, state, reason) VALUES (gen_random_uuid(), 'ai_cost', 1, 'c', '2026-03-01', 1, '` + made + `', '` + state + `', CASE WHEN '` + state + `' IN ('refused', 'unsure') THEN 'too_old' END);`
	}

	// What a writer has decided about the names of calls.
	named := func(models ...string) string {
		return `SELECT public.usage_fold_names(array_agg(timestamptz '2026-03-31Z'), array_agg('openai'::text), array_agg(m), array_agg('app'::text), array_agg(''::text))
		FROM unnest('{` + strings.Join(models, ",") + `}'::text[]) AS m;` + today("1", nobody) + `UPDATE public.api_usage SET folded = 14;`
	}

	for name, c := range map[string]struct {
		rule, data string
		fires      bool
	}{
		"day of the org, 79 %":          {"llm-usage-budget-80", org("day", "10") + today("7.9", nobody), false},
		"day of the org, 81 %":          {"llm-usage-budget-80", org("day", "10") + today("8.1", nobody), true},
		"day of the org, exactly spent": {"llm-usage-budget-100", org("day", "10") + today("10", nobody), true},
		"recorded an hour ago":          {"llm-usage-budget-80", org("day", "10") + today("8.1", nobody) + recorded("80", "2026-03-31 11:00Z", "10") + looked("2026-03-31 11:55Z"), true},
		"recorded, and less since":      {"llm-usage-budget-80", org("day", "9") + today("8.01", nobody) + recorded("95", "2026-03-31 11:00Z", "9") + looked("2026-03-31 11:55Z"), true},
		"recorded two days ago":         {"llm-usage-budget-80", org("month", "10") + today("8.1", nobody) + recorded("80", "2026-03-29 11:00Z", "10") + looked("2026-03-31 11:55Z"), false},
		"the same, and nobody looks":    {"llm-usage-budget-80", strings.ReplaceAll(org("month", "10")+today("8.1", nobody)+recorded("80", "2026-03-29 11:00Z", "10"), "2026-03-31', '2026-03-31'", "2026-03-01', '2026-03-31'"), false},
		"recorded of another amount":    {"llm-usage-budget-80", org("day", "11") + today("8.1", nobody) + recorded("80", "2026-03-31 11:00Z", "10") + looked("2026-03-31 11:55Z"), false},
		"reached, and somebody looks":   {"llm-usage-budget-80", org("day", "10") + today("8.1", nobody) + looked("2026-03-31 11:55Z"), false},
		"reached, and nobody looks now": {"llm-usage-budget-80", org("day", "10") + today("8.1", nobody) + looked("2026-03-31 10:55Z"), true},
		"a model, overspent":            {"llm-usage-budget-100", byModel + today("10.01", nobody), true},
		"a quarter, overspent":          {"llm-usage-budget-100", org("quarter", "20") + daily("1"), true},
		"a week, overspent":             {"llm-usage-budget-100", org("week", "10") + today("10.01", nobody), true},
		"projection of a quarter":       {"llm-usage-projection", org("quarter", "21.1") + daily("1"), true},
		"day of the org, overspent":     {"llm-usage-budget-100", org("day", "10") + today("10.01", nobody), true},
		"month of the org, overspent":   {"llm-usage-budget-100", org("month", "20") + daily("1"), true},
		"month of the org, in budget":   {"llm-usage-budget-100", org("month", "22") + daily("1"), false},
		"a user, overspent":             {"llm-usage-budget-100", byUser + today("10.01", ben), true},
		"a user, 81 %":                  {"llm-usage-budget-80", byUser + today("8.1", ben), true},
		"a service, overspent":          {"llm-usage-budget-100", byService + today("10.01", nobody), true},
		"a user, another one spent":     {"llm-usage-budget-100", byUser + today("10.01", nobody), false},
		"a team, overspent":             {"llm-usage-budget-100", byTeam + today("10.01", ben), true},
		"a team, somebody else spent":   {"llm-usage-budget-100", byTeam + today("10.01", nobody), false},
		"no budget":                     {"llm-usage-budget-100", daily("100"), false},
		"projection above":              {"llm-usage-projection", org("month", "21.2") + daily("1"), true},
		"projection below":              {"llm-usage-projection", org("month", "30") + daily("1"), false},
		"projection, spent already":     {"llm-usage-projection", org("month", "5") + daily("1"), false},
		"projection, with a forecast":   {"llm-usage-projection", org("month", "21.2") + daily("1") + forecast("2026-03-31 01:30Z", "22", "0.7", "21.2"), false},
		"projection, an old forecast":   {"llm-usage-projection", org("month", "21.2") + daily("1") + forecast("2026-03-29 01:30Z", "22", "0.7", "21.2"), true},
		"likely":                        {"llm-usage-likely", org("month", "21.2") + daily("1") + forecast("2026-03-31 01:30Z", "21", "0.51", "21.2"), true},
		"unlikely":                      {"llm-usage-likely", org("month", "21.2") + daily("1") + forecast("2026-03-31 01:30Z", "22", "0.49", "21.2"), false},
		"few days, expected above":      {"llm-usage-likely", org("month", "21.2") + daily("1") + forecast("2026-03-31 01:30Z", "22", "null", "21.2"), true},
		"few days, expected below":      {"llm-usage-likely", org("month", "21.2") + daily("1") + forecast("2026-03-31 01:30Z", "21", "null", "21.2"), false},
		"another limit since":           {"llm-usage-likely", org("month", "30") + daily("1") + forecast("2026-03-31 01:30Z", "22", "0.7", "21.2"), false},
		"an old forecast":               {"llm-usage-likely", org("month", "21.2") + daily("1") + forecast("2026-03-29 01:30Z", "22", "0.7", "21.2"), false},
		"likely, spent already":         {"llm-usage-likely", org("month", "5") + daily("1") + forecast("2026-03-31 01:30Z", "22", "1", "5"), false},
		"a day of 3.1 times":            {"llm-usage-spike", daily("2") + today("6.2", nobody), true},
		"a day of 2.9 times":            {"llm-usage-spike", daily("2") + today("5.8", nobody), false},
		"a first day":                   {"llm-usage-spike", today("500", nobody), false},
		"many times of cents":           {"llm-usage-spike", daily("0.01") + today("0.9", nobody), false},
		"a call of $101":                {"llm-usage-expensive-call", today("101", nobody), true},
		"a call of $99":                 {"llm-usage-expensive-call", today("99", nobody), false},
		"more models than a day has": {
			"llm-usage-names",
			`UPDATE public.usage_name_limit SET names = 1 WHERE kind = 'model';` + named("gpt-4o", "gpt-5"), true,
		},
		"more combinations than a day has": {
			"llm-usage-names",
			`UPDATE public.usage_name_limit SET names = 1 WHERE kind = 'combination';` + named("gpt-4o", "gpt-5"), true,
		},
		"as many models as a day has":          {"llm-usage-names", named("gpt-4o", "gpt-5"), false},
		"silence at a usual hour":              {"llm-usage-silence", weekly, true},
		"calls at a usual hour":                {"llm-usage-silence", weekly + today("0.01", nobody), false},
		"silence of an empty table":            {"llm-usage-silence", "SELECT 1;", false},
		"6 of 102 unpriced":                    {"llm-usage-unpriced", unpriced("6"), true},
		"4 of 100 unpriced":                    {"llm-usage-unpriced", unpriced("4"), false},
		"nothing at all":                       {"llm-usage-unpriced", "SELECT 1;", false},
		"6 % of a bill are not explained":      {"llm-usage-bill-unexplained", bill("6", "unknown", "6"), true},
		"4 % of a bill are not explained":      {"llm-usage-bill-unexplained", bill("4", "unknown", "4"), false},
		"no bill":                              {"llm-usage-bill-unexplained", "SELECT 1;", false},
		"a price that is 2 % of the bill away": {"llm-usage-bill-price", bill("0", "price", "-2"), true},
		"a price that is 0.5 % away":           {"llm-usage-bill-price", bill("0", "price", "0.5"), false},
		"another cause":                        {"llm-usage-bill-price", bill("0", "not_seen", "50"), false},
		"a bill that was imported 3 days ago":  {"llm-usage-bill-stale", imported("2026-03-28 11:00Z"), true},
		"a bill of this morning":               {"llm-usage-bill-stale", imported("2026-03-31 06:00Z"), false},
		"a bill that nobody imports any more":  {"llm-usage-bill-stale", imported("2026-01-31 06:00Z"), false},
		"events that wait for 3 hours":         {"llm-usage-metering-late", meter("2026-03-31 11:59Z", "waiting", "2026-03-31 09:00Z"), true},
		"events that wait for an hour":         {"llm-usage-metering-late", meter("2026-03-31 11:59Z", "waiting", "2026-03-31 11:00Z"), false},
		"a meter that does not run":            {"llm-usage-metering-late", meter("2026-03-31 09:00Z", "accepted", "2026-03-31 09:00Z"), true},
		"a meter that nobody runs any more":    {"llm-usage-metering-late", meter("2026-01-31 09:00Z", "accepted", "2026-01-31 09:00Z"), false},
		"no meter":                             {"llm-usage-metering-late", "SELECT 1;", false},
		"a refused event":                      {"llm-usage-metering-refused", meter("2026-03-31 11:59Z", "refused", "2026-03-31 09:00Z"), true},
		"an event that may be there":           {"llm-usage-metering-refused", meter("2026-03-31 11:59Z", "unsure", "2026-03-31 09:00Z"), true},
		"an event that waits":                  {"llm-usage-metering-refused", meter("2026-03-31 11:59Z", "waiting", "2026-03-31 09:00Z"), false},
		"a parked record": {"llm-usage-parked",
			parked + `'2026-03-31 11:00Z');`, true},
		"a record parked last week": {"llm-usage-parked",
			parked + `'2026-03-21 11:00Z');`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			db.Exec(c.data)
			var rule *boards.Rule
			for i := range boards.Rules {
				if boards.Rules[i].UID == c.rule {
					rule = &boards.Rules[i]
				}
			}
			require.NotNil(t, rule)
			tx := asGrafana(t, db)
			rows, err := tx.Query(t.Context(), nowCall.ReplaceAllString(rule.SQL, "timestamptz '"+nowOfRules.Format(time.RFC3339)+"'"), pgx.QueryExecModeExec)
			require.NoError(t, err)
			fired := []map[string]any{}
			for rows.Next() {
				values, err := rows.Values()
				require.NoError(t, err)
				if values[len(values)-1].(float64) > rule.Above {
					labels := map[string]any{}
					for i, column := range rows.FieldDescriptions() {
						labels[column.Name] = values[i]
					}
					fired = append(fired, labels)
				}
			}
			require.NoError(t, rows.Err())
			require.Equal(t, c.fires, len(fired) > 0)
			for _, labels := range fired {
				assertLinkShowsWhatFired(t, tx, rule, labels)
			}
		})
	}
}

var nowOfRules = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

// assertLinkShowsWhatFired opens the link of an alert as a browser does and looks
// for what fired it in the panel that is seen first.
func assertLinkShowsWhatFired(t *testing.T, tx pgx.Tx, rule *boards.Rule, labels map[string]any) {
	t.Helper()
	annotations := annotationsOfRules(t)[rule.UID]
	for _, name := range []string{"__dashboardUid__", "__panelId__"} {
		assert.NotContains(t, annotations, name, "its link shows one hour, whatever the rule is about")
	}
	var address strings.Builder
	require.NoError(t, template.Must(template.New("").Funcs(template.FuncMap{"externalURL": func() string { return "https://grafana.example/" }}).
		Parse("{{ $labels := . }}"+annotations["dashboard"])).Execute(&address, labels))
	link, err := url.Parse(address.String())
	require.NoError(t, err)
	parameters := link.Query()
	board := boardsOfFiles(t)[strings.TrimPrefix(link.Path, "/d/")+".json"]
	require.NotNil(t, board, link)

	v := macro.Values{From: momentOf(t, parameters.Get("from")), To: momentOf(t, parameters.Get("to")), TimeZone: "UTC", All: map[string]string{}, Vars: map[string][]string{"by": {"model"}, "tag": {"team"}}}
	for _, name := range filterNames {
		if chosen := parameters["var-"+name]; len(chosen) > 0 {
			v.Vars[name] = chosen
		} else {
			v.All[name] = "'__all'"
		}
	}
	probe, known := map[string]struct{ panel, sql string }{
		"llm-usage-budget-80":        {"Cost", `SELECT "Cost" > 8 FROM (%s) AS p ORDER BY "time" DESC LIMIT 1`},
		"llm-usage-budget-100":       {"Cost", `SELECT "Cost" >= 10 FROM (%s) AS p ORDER BY "time" DESC LIMIT 1`},
		"llm-usage-projection":       {"Cost", `SELECT "Cost" > 20 FROM (%s) AS p ORDER BY "time" DESC LIMIT 1`},
		"llm-usage-likely":           {"Cost", `SELECT "Cost" > 20 FROM (%s) AS p ORDER BY "time" DESC LIMIT 1`},
		"llm-usage-expensive-call":   {"Single calls, the most expensive first", `SELECT max("Cost") > 100 FROM (%s) AS p`},
		"llm-usage-spike":            {"Cost over time by API type", `SELECT sum(value) > 6 FROM (%s) AS p WHERE "time" = '2026-03-31Z'`},
		"llm-usage-names":            {"Cost by ${by}", `SELECT bool_or(p::text LIKE '%%(other)%%') FROM (%s) AS p`},
		"llm-usage-silence":          {"Can these numbers be trusted?", `SELECT "since the last call" > 3600 FROM (%s) AS p`},
		"llm-usage-unpriced":         {"Unpriced and estimated calls", `SELECT sum("Calls") = 6 FROM (%s) AS p`},
		"llm-usage-bill-unexplained": {"Not explained", `SELECT sum("Cost") = 6 FROM (%s) AS p`},
		"llm-usage-bill-price":       {"Prices that the bill contradicts", `SELECT sum("Cost") = -2 FROM (%s) AS p`},
		"llm-usage-bill-stale":       {"Imports", `SELECT max("Age") > 172800 FROM (%s) AS p`},
		"llm-usage-metering-late":    {"Charged to customers", `SELECT greatest(max("Waits since"), max("Complete until")) > 7200 FROM (%s) AS p`},
		"llm-usage-metering-refused": {"Charged to customers", `SELECT max("Refused") + max("Unsure") = 1 FROM (%s) AS p`},
		"llm-usage-parked":           {"Can these numbers be trusted?", `SELECT "records refused" = 1 FROM (%s) AS p`},
	}[rule.UID]
	require.True(t, known, "how does one see %s?", rule.UID)
	for _, p := range board.AllPanels() {
		if id := parameters.Get("viewPanel"); p.Title != probe.panel || id != "" && id != strconv.Itoa(p.ID) {
			continue
		}
		sql, err := macro.Expand(p.Targets[0].RawSQL, v)
		require.NoError(t, err)
		var shown bool
		require.NoError(t, tx.QueryRow(t.Context(), fmt.Sprintf(probe.sql, nowCall.ReplaceAllString(sql, "timestamptz '"+nowOfRules.Format(time.RFC3339)+"'")), pgx.QueryExecModeExec).Scan(&shown), sql)
		assert.True(t, shown, "%s\n%s", link, sql)
		return
	}
	t.Errorf("%s shows no panel %q", link, probe.panel)
}

// momentOf is a relative time as Grafana reads it, at nowOfRules and in UTC.
func momentOf(t *testing.T, text string) time.Time {
	t.Helper()
	m := regexp.MustCompile(`^now(?:-(\d+)([hd]))?(?:/([dM]))?$`).FindStringSubmatch(text)
	require.NotNil(t, m, text)
	at := nowOfRules
	if m[1] != "" {
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		at = at.Add(-time.Duration(n) * map[string]time.Duration{"h": time.Hour, "d": 24 * time.Hour}[m[2]])
	}
	switch m[3] {
	case "d":
		at = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	case "M":
		at = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return at
}
