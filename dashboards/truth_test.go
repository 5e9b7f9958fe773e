package dashboards_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// What boards say has to be true at first sight. Each test is about something
// that was seen to be false on a real Grafana.

// TestAFilterOfAnyNameFindsItsCalls: a click on a row of a table chooses its key,
// and leads to the cost that the row had.
func TestAFilterOfAnyNameFindsItsCalls(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for i, name := range []string{`x "y" z`, `O'Hare & Sons "x"`, `back\slash`, `\"`, "50 %", "<b>", "日本", "plain"} {
		db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, service, environment)
			VALUES ('2026-03-09 10:00Z', $1, 'text', $2, $2, $2, $2)`, i+1, name)
	}
	now := inZone(t, "UTC", "2026-03-10 12:00")
	for _, by := range []string{"model", "provider", "service", "environment"} {
		all := look(t, db, now, 7)
		all.Vars["by"] = []string{by}
		rows := all.see(breakdown, "Cost by ${by}")
		require.Len(t, rows, 8)
		for _, r := range rows {
			assert.Equal(t, r["Cost"], look(t, db, now, 7).choose(by, r["key"].(string)).number(summary, "Cost"), "%s %v", by, r["key"])
		}
	}
}

// TestWhatHasNoPriceIsNeverZeroDollars looks at every panel when all that is chosen
// has no price, and at the tables when some has.
func TestWhatHasNoPriceIsNeverZeroDollars(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called(every("4 hours", "2026-01-01Z", "2026-03-31 12:00Z"), "0", "'gpt-image-1'", "image", "unpriced"))
	db.Exec(called(every("6 hours", "2026-01-01Z", "2026-03-31 12:00Z"), "1", "'gpt-4o'", "text", "priced"))
	db.Exec(called(every("12 hours", "2026-03-20Z", "2026-03-31 12:00Z"), "0", "'gpt-4o'", "text", "unpriced"))
	now := inZone(t, "UTC", "2026-03-31 12:00")
	for _, p := range sqlPanels(t) {
		for _, by := range []string{"model", "service", "user"} {
			v := look(t, db, now, 7).choose("api_type", "image")
			v.Vars["by"] = []string{by}
			for _, r := range v.see(p.board, p.Title) {
				for column, value := range r {
					if isMoney(t, p.Panel, column) {
						assert.NotEqual(t, 0.0, value, "%s, %s: %v", p.board, p.Title, r)
					}
				}
			}
		}
	}
	v := look(t, db, now, 7)
	for _, r := range v.see(summary, "Cost by API type") {
		switch r["Name"] {
		case "image":
			assert.Equal(t, []any{nil, nil, nil, 39.0, 39.0}, []any{r["Cost"], r["Change"], r["Share"], r["Calls"], r["Unpriced"]}, "a dash with its count, and not new: it was called before")
		case "text":
			assert.Equal(t, []any{26.0, 13.0}, []any{r["Cost"], r["Unpriced"]}, "some are missing, and counted")
		}
	}
	for _, r := range v.see(summary, "Cost over time by API type") {
		assert.NotContains(t, fmt.Sprint(r["metric"]), "image", "its legend would say $0.00")
	}
	assert.Nil(t, look(t, db, now, 7).choose("api_type", "image").number(summary, "Cost"))
	assert.Equal(t, "no price", panelOf(t, summary, "Cost").FieldConfig.Defaults.NoValue)
}

// TestNothingWithoutAPriceIsZero: no sum of money, no share of a budget and no
// change is 0 where no call has a price, whatever is chosen.
func TestNothingWithoutAPriceIsZero(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called(every("4 hours", "2026-01-01Z", "2026-03-31 12:00Z"), "0", "'gpt-image-1'", "image", "unpriced"))
	db.Exec(`INSERT INTO auth.users (id) VALUES ('11111111-1111-1111-1111-111111111111');
		UPDATE public.api_usage SET user_id = '11111111-1111-1111-1111-111111111111', pricing_assumptions = '{region}';
		INSERT INTO public.usage_team_members (team, user_id) VALUES ('search', '11111111-1111-1111-1111-111111111111');
		INSERT INTO public.usage_budgets (name, scope, team, user_id, service, period, dollars) VALUES
		  ('all', 'org', NULL, NULL, NULL, 'month', 5), ('ours', 'team', 'search', NULL, NULL, 'month', 5),
		  ('one', 'user', NULL, '11111111-1111-1111-1111-111111111111', NULL, 'day', 1), ('shop', 'service', NULL, NULL, 'chat', 'month', 5);
		INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES ('EUR', '2026-01-01', 0.9, 'x')`)
	now := inZone(t, "UTC", "2026-03-31 12:00")
	// These are parts of tokens, which are known.
	known := map[string]bool{"Cache share": true, "of cached tokens have a list price": true}
	for _, p := range sqlPanels(t) {
		for _, days := range []int{7, 90} {
			for _, r := range look(t, db, now, days).see(p.board, p.Title) {
				for column, value := range r {
					unit, _ := settings(t, p.Panel, column, "unit").(string)
					if (strings.HasPrefix(unit, "currency") || unit == "percentunit") && !known[column] {
						assert.NotEqual(t, 0.0, value, "%s, %s, %s: %v", p.board, p.Title, column, r)
					}
				}
			}
		}
	}
	for _, r := range look(t, db, now, 7).see(trends, "Budgets") {
		assert.Equal(t, []any{nil, nil, nil}, []any{r["Spent"], r["Used"], r["Projected"]}, r["Budget"])
		assert.NotZero(t, r["Unpriced"], r["Budget"])
	}

	db.Exec(called(every("1 hour", "2026-03-10Z", "2026-03-11Z"), "1", "'gpt-4o'", "text", "priced"))
	for _, r := range look(t, db, now, 7).see(trends, "Budgets") {
		if r["Budget"] == "all" {
			assert.Equal(t, 24.0, r["Spent"])
			assert.Nil(t, r["Projected"], "no price in the last seven days, so no pace")
		}
	}
}

// TestAPartWithoutAPriceIsNoZeroBesideOthers: a model that has lost its price, a
// weekday, an hour and the beginning of a month without any.
func TestAPartWithoutAPriceIsNoZeroBesideOthers(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called(every("1 hour", "2026-03-01Z", "2026-03-31 12:00Z"), "1", "'steady'", "text", "priced"))
	db.Exec(called(every("1 hour", "2026-03-18Z", "2026-03-25Z"), "1", "'lost'", "text", "priced"))
	db.Exec(called(every("1 hour", "2026-03-25Z", "2026-03-31 12:00Z"), "0", "'lost'", "text", "unpriced"))
	db.Exec(`DELETE FROM public.api_usage WHERE model = 'steady' AND (timestamp < '2026-03-11' OR extract(isodow FROM timestamp AT TIME ZONE 'UTC') = 7 OR extract(hour FROM timestamp AT TIME ZONE 'UTC') = 3)`)
	db.Exec(called(every("1 hour", "2026-03-01Z", "2026-03-11Z"), "0", "'dark'", "text", "unpriced"))
	now := inZone(t, "UTC", "2026-03-31 12:00")
	v := look(t, db, now, 7)
	for _, r := range v.see(trends, "What changed most by ${by}") {
		if r["Name"] == "lost" {
			assert.Equal(t, []any{156.0, nil, nil, nil}, []any{r["Before"], r["Now"], r["Difference"], r["Change"]}, "unknown, not saved")
		}
	}
	require.Contains(t, names(v.see(trends, "What changed most by ${by}"), "Name"), "lost")
	for _, r := range look(t, db, now, 6).see(trends, "Average cost of a weekday") {
		assert.Equal(t, r["Day"] == "Sun", r["average cost"] == nil, "%v", r)
	}
	for _, r := range look(t, db, now, 6).see(trends, "Average cost of an hour") {
		assert.Equal(t, r["Hour"] == "03", r["Monday to Friday"] == nil, "%v", r)
	}
	nulls := 0
	for _, r := range look(t, db, now, 31).see(trends, "Month to date against budget") {
		assert.NotEqual(t, 0.0, r["month to date"])
		if r["month to date"] == nil {
			nulls++
		}
	}
	assert.Equal(t, 10, nulls, "ten days without a price begin the month")
	for _, r := range look(t, db, now, 31).see(trends, "Cost over time") {
		assert.NotEqual(t, 0.0, r["7-day average"])
	}
}

// TestAChangeNeedsAPeriodThatWasRecorded: without one a card has one point, a row
// has no change and nothing is new.
func TestAChangeNeedsAPeriodThatWasRecorded(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called(every("1 hour", "2026-03-01Z", "2026-03-31 12:00Z"), "1", "'old'", "text", "priced"))
	db.Exec(called(every("1 hour", "2026-03-28Z", "2026-03-31 12:00Z"), "1", "'newer'", "text", "priced"))
	now := inZone(t, "UTC", "2026-03-31 12:00")

	v := look(t, db, now, 30)
	for _, card := range []string{"Cost", "Calls", "Users"} {
		assert.Len(t, v.see(summary, card), 1, card)
	}
	for _, r := range v.see(summary, "Top models") {
		assert.Nil(t, r["Change"], r)
	}
	assert.Empty(t, v.see(trends, "What changed most by ${by}"))
	assert.Empty(t, timesOf(v.see(summary, "Cost over time by API type"), "previous period"))

	v = look(t, db, now, 7)
	assert.Len(t, v.see(summary, "Cost"), 2)
	changes := map[any]any{}
	for _, r := range v.see(summary, "Top models") {
		changes[r["Name"]] = r["Change"]
	}
	assert.Equal(t, 0.0, changes["old"])
	assert.True(t, math.IsNaN(changes["newer"].(float64)), "NaN is shown as new")
	assert.Contains(t, jsonText(t, settings(t, panelOf(t, summary, "Top models"), "Change", "mappings")), `"match":"nan","result":{"color":"text","text":"new"}`)

	db.Exec(called(every("1 hour", "2026-03-01Z", "2026-03-01 01:00Z"), "0.01", "'tiny'", "text", "priced"))
	cost := look(t, db, now, 7).see(summary, "Cost")
	assert.Len(t, cost, 2)
}

// TestAChangeBelowAThousandthIsNone: a card shows all digits of a change, 0.0912 %.
func TestAChangeBelowAThousandthIsNone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for at, dollars := range map[string]string{"2026-03-01": "1", "2026-03-23": "1000", "2026-03-30": "1000.9"} {
		db.Exec(called(every("1 day", at+" 00:00Z", at+" 01:00Z"), dollars, "'m'", "text", "priced"))
	}
	v := look(t, db, inZone(t, "UTC", "2026-03-31 12:00"), 7)
	points := func() (values []any) {
		for _, r := range v.see(summary, "Cost") {
			values = append(values, r["Cost"])
		}
		return values
	}
	assert.Equal(t, []any{1000.9, 1000.9}, points())
	db.Exec(called(every("1 day", "2026-03-30 02:00Z", "2026-03-30 03:00Z"), "0.2", "'m'", "text", "priced"))
	assert.Equal(t, []any{1000.0, 1001.1}, points())
}

// TestThePeriodBeforeIsTheSameHoursOfWholeDaysEarlier at half past one at night in
// Kolkata, when the day has just begun.
func TestThePeriodBeforeIsTheSameHoursOfWholeDaysEarlier(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called(every("15 minutes", "2026-02-01Z", "2026-03-31 20:00Z"), "0.25", "'m'", "text", "priced"))
	now := inZone(t, "Asia/Kolkata", "2026-04-01 01:30")
	for days, earlier := range map[int]int{1: 1, 3: 3, 7: 7, 10: 14} {
		v := look(t, db, now, days)
		cost := v.see(summary, "Cost")
		want := float64(days-1)*24 + 1.5 // a dollar an hour
		require.Len(t, cost, 2, days)
		assert.Equal(t, []any{want, want}, []any{cost[0]["Cost"], cost[1]["Cost"]}, days)

		chart := v.see(summary, "Cost over time by API type")
		assert.Equal(t, timesOf(chart, "1. text"), timesOf(chart, "previous period"), "%d days, compared with %d earlier: bar stands on bar", days, earlier)
		for _, r := range chart {
			if at := r["time"].(time.Time).In(now.Location()); days > 2 {
				assert.Equal(t, "00:00", at.Format("15:04"))
			}
		}
	}
	assert.Len(t, timesOf(look(t, db, now, 1).see(summary, "Cost over time by API type"), "1. text"), 2, "today is seen by the hour")
}

// TestAveragesOfAWeekdayDivideByHowOftenItWas: thirty days hold five of some
// weekdays and four of the others; even traffic has to look even.
func TestAveragesOfAWeekdayDivideByHowOftenItWas(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called(every("15 minutes", "2026-02-01Z", "2026-04-01 09:00Z"), "0.25", "'m'", "text", "priced"))
	for _, now := range []time.Time{inZone(t, "UTC", "2026-03-31 12:20"), inZone(t, "Asia/Kolkata", "2026-03-31 12:20")} {
		v := look(t, db, now, 30)
		days := v.see(trends, "Average cost of a weekday")
		require.Len(t, days, 7)
		for _, r := range days {
			assert.InDelta(t, 24, r["average cost"], 1e-9, "%v", r)
		}
		hours := v.see(trends, "Average cost of an hour")
		require.Len(t, hours, 24)
		for _, r := range hours {
			assert.InDelta(t, 1, r["Monday to Friday"], 1e-9, "%v", r)
			assert.InDelta(t, 1, r["weekend"], 1e-9, "%v", r)
		}
	}
}

// TestAveragesEndWithTheLastDayThatIsOver, and a month does not run into the next.
func TestAveragesEndWithTheLastDayThatIsOver(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called(every("1 hour", "2026-02-01Z", "2026-04-02 06:00Z"), "1", "'m'", "text", "priced"))
	v := look(t, db, inZone(t, "UTC", "2026-04-02 06:00"), 7)
	for _, r := range v.see(trends, "Cost over time") {
		if at := r["time"].(time.Time); at.Equal(inZone(t, "UTC", "2026-04-02 00:00")) {
			assert.Equal(t, []any{6.0, nil}, []any{r["cost"], r["7-day average"]}, "it would fall every morning")
		} else {
			assert.Equal(t, []any{24.0, 24.0}, []any{r["cost"], r["7-day average"]}, at)
		}
	}
	var line []string
	for _, r := range v.see(trends, "Month to date against budget") {
		line = append(line, fmt.Sprint(r["time"].(time.Time).UTC().Format("01-02 15:04:05 "), r["month to date"]))
	}
	assert.Equal(t, []string{"03-31 00:00:00 744", "03-31 23:59:59 <nil>", "04-01 00:00:00 24", "04-02 00:00:00 30"}, line[4:], "NULL ends the line")
	marks := v.query(annotation(t, "Not over yet"))
	require.Len(t, marks, 1)
	assert.Equal(t, "2026-04-02 00:00", marks[0]["time"].(time.Time).UTC().Format("2006-01-02 15:04"))
	v.To = inZone(t, "UTC", "2026-04-01 00:00")
	assert.Empty(t, v.query(annotation(t, "Not over yet")), "all days of that period are over")
}

// TestAMonthStandsBesideTheSamePartOfTheMonthBefore.
func TestAMonthStandsBesideTheSamePartOfTheMonthBefore(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called(every("1 hour", "2026-01-10Z", "2026-03-01Z"), "1", "'m'", "text", "priced"))
	db.Exec(called(every("1 hour", "2026-03-01Z", "2026-03-10 12:00Z"), "2", "'m'", "text", "priced"))
	rows := look(t, db, inZone(t, "UTC", "2026-03-10 12:00"), 7).see(trends, "Cost by month")
	require.Len(t, rows, 3)
	assert.Equal(t, []any{"2026-03, until now", 456.0, 228.0, 1.0, 48.0}, []any{rows[0]["Month"], rows[0]["Cost"], rows[0]["Month before"], rows[0]["Change"], rows[0]["Per day"]})
	assert.Equal(t, []any{"2026-02", 672.0, nil, nil}, []any{rows[1]["Month"], rows[1]["Cost"], rows[1]["Month before"], rows[1]["Change"]}, "January was not recorded from its first")
	assert.Equal(t, []any{"2026-01, from 01-10", 528.0, 24.0}, []any{rows[2]["Month"], rows[2]["Cost"], rows[2]["Per day"]})
}

// TestTheCostOfEachKindOfTokenAddsUp: what list prices explain is parted, the rest
// said.
func TestTheCostOfEachKindOfTokenAddsUp(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.usage_list_prices (provider, model, kind, valid_from, dollars_per_million) VALUES
		('openai', 'a', 'input_text', '2026-01-01', 2), ('openai', 'a', 'cache_read', '2026-01-01', 1), ('openai', 'a', 'output_text', '2026-01-01', 8),
		('openai', 'b', 'input_text', '2026-01-01', 2), ('openai', 'b', 'output_text', '2026-01-01', 8)`)
	insert := `INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, tokens_used, input_tokens, output_tokens, cache_read_tokens, pricing_status, pricing_reason) VALUES
		('2026-03-09 10:00Z', %s, 'text', '%s', 'openai', 3000000, 2000000, 1000000, %s, '%s', %s)`
	db.Exec(fmt.Sprintf(insert, "11", "a", "1000000", "priced", "NULL"))              // 1 * 2 + 1 * 1 + 8
	db.Exec(fmt.Sprintf(insert, "6", "b", "NULL", "priced", "NULL"))                  // half price: batch
	db.Exec(fmt.Sprintf(insert, "3", "c", "NULL", "priced", "NULL"))                  // no list price
	db.Exec(fmt.Sprintf(insert, "0", "d", "NULL", "unpriced", "'no_price_for_unit'")) // in no cost
	v := look(t, db, inZone(t, "UTC", "2026-03-10 12:00"), 7)
	costs := map[any]any{}
	for _, r := range v.see(breakdown, "Cost by kind of token") {
		costs[r["Name"]] = r["Cost"]
	}
	assert.Equal(t, map[any]any{"input": 2.0, "cache read": 1.0, "output": 8.0, "not parted": 9.0}, costs)

	saved := v.see(breakdown, "Saved by caching")[0]
	assert.Equal(t, []any{1.0, 1.0}, []any{saved["saved"], saved["of cached tokens have a list price"]})
	db.Exec("DELETE FROM public.usage_list_prices WHERE kind = 'cache_read'")
	saved = look(t, db, inZone(t, "UTC", "2026-03-10 12:00"), 7).see(breakdown, "Saved by caching")[0]
	assert.Equal(t, []any{nil, nil}, []any{saved["saved"], saved["of cached tokens have a list price"]}, "not known, and not nothing")
}

// TestWhoUsesAModelIsSeen: no sum is kept by user and model, so that users come
// from single calls, and what is older than those is one row.
func TestWhoUsesAModelIsSeen(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(fill)
	v := look(t, db, inZone(t, "UTC", "2026-03-31 00:00"), 30).choose("model", "gpt-4o")
	rows := v.see(breakdown, "Who uses it")
	var total float64
	for _, r := range rows {
		total += r["Cost"].(float64)
	}
	assert.Equal(t, []string{"O'Reilly"}, names(rows, "Name"))
	assert.InDelta(t, v.number(summary, "Cost"), total, 1e-9)
	assert.Equal(t, 1.0, toFloat(v.number(summary, "Users")))

	// With room for few calls the rest is said, and still adds up.
	sql := strings.ReplaceAll(panelOf(t, breakdown, "Who uses it").Targets[0].RawSQL, "100000", "50")
	total = 0
	rows = v.query(sql)
	for _, r := range rows {
		total += r["Cost"].(float64)
	}
	assert.ElementsMatch(t, []string{"O'Reilly", "(earlier calls, users not kept)"}, names(rows, "Name"))
	assert.InDelta(t, v.number(summary, "Cost"), total, 1e-9)
}

func toFloat(v any) float64 {
	switch n := v.(type) {
	case int64:
		return float64(n)
	case float64:
		return n
	}
	return math.NaN()
}

// TestTheLastHoursShowWhenItBegan by quarter hours.
func TestTheLastHoursShowWhenItBegan(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called(every("15 minutes", "2026-03-30Z", "2026-03-31 12:00Z"), "0.01", "'usual'", "text", "priced"))
	db.Exec(called(every("1 minute", "2026-03-31 10:40Z", "2026-03-31 12:00Z"), "1", "'loop'", "text", "priced"))
	v := look(t, db, inZone(t, "UTC", "2026-03-31 12:00"), 30)
	rows := v.see(breakdown, "The last 24 hours by ${by}")
	assert.Len(t, timesOf(rows, "2. usual"), 96)
	assert.Equal(t, inZone(t, "UTC", "2026-03-31 10:30"), timesOf(rows, "1. loop")[0].UTC())
	assert.Equal(t, "24h", panelOf(t, breakdown, "The last 24 hours by ${by}").TimeFrom)
}

// TestReportedCostsStandBesideComputedOnes.
func TestReportedCostsStandBesideComputedOnes(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, reported_dollars, cost_source, api_type, model, provider, pricing_status) VALUES
		('2026-03-09 10:00Z', 3, 2, 'computed', 'text', 'a', 'openrouter', 'priced'), ('2026-03-09 10:00Z', 1, 2, 'computed', 'text', 'a', 'openrouter', 'priced'),
		('2026-03-09 10:00Z', 5, NULL, 'computed', 'text', 'a', 'openrouter', 'priced'), ('2026-03-09 10:00Z', 7, 7, 'reported', 'text', 'b', 'openrouter', 'reported')`)
	rows := look(t, db, inZone(t, "UTC", "2026-03-10 12:00"), 7).see(breakdown, "Reported against computed cost")
	require.Len(t, rows, 1, "what was taken as reported has no computed cost")
	assert.Equal(t, row{"Name": "openrouter a", "Reported": 4.0, "Computed": 4.0, "Difference": 0.0, "Calls": 2.0}, rows[0])
}

// TestTheStripSaysWhatTheSumsRestOn, for everybody and for a chosen user.
func TestTheStripSaysWhatTheSumsRestOn(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	const ada = "11111111-1111-1111-1111-111111111111"
	db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ('` + ada + `', 'ada')`)
	db.Exec(`INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type, model, provider, pricing_status, pricing_reason, pricing_assumptions, cost_source) VALUES
		('` + ada + `', '2026-03-09 10:00Z', 6, 'text', 'a', 'openai', 'priced', NULL, '{}', 'computed'),
		('` + ada + `', '2026-03-09 11:00Z', 2, 'text', 'a', 'openai', 'priced', NULL, '{service_tier,region}', 'computed'),
		(NULL, '2026-03-09 12:00Z', 1, 'text', 'b', 'openai', 'estimated', 'partial_usage', NULL, 'computed'),
		(NULL, '2026-03-09 12:00Z', 1, 'text', 'b', 'openai', 'reported', NULL, NULL, 'reported'),
		(NULL, '2026-03-09 13:00Z', 0, 'text', 'c', 'openai', 'unpriced', 'unknown_model', NULL, NULL)`)
	now := inZone(t, "UTC", "2026-03-10 13:00")
	const strip = "Can these numbers be trusted?"
	assert.Equal(t, row{
		"calls without a price": 1.0, "of calls without a price": 0.2, "of cost estimated": 0.1, "of cost on assumptions": 0.2, "records refused": 0.0, "since the last call": 86400.0,
	}, look(t, db, now, 7).see(summary, strip)[0])
	user := look(t, db, now, 7).choose("user", ada).see(summary, strip)[0]
	assert.Equal(t, []any{0.0, 0.25}, []any{user["calls without a price"], user["of cost on assumptions"]})

	rows := look(t, db, now, 7).see(breakdown, "Costs on assumptions")
	require.Len(t, rows, 1)
	assert.Equal(t, []any{"service_tier, region", 2.0, 1.0}, []any{rows[0]["Assumed"], rows[0]["Cost"], rows[0]["Calls"]})
	sums := row{}
	for _, r := range look(t, db, now, 7).see(trends, "Calls by how their cost is known") {
		sums = r
	}
	delete(sums, "time")
	assert.Equal(t, row{"priced": 2.0, "reported": 1.0, "estimated": 1.0, "unpriced": 1.0}, sums)
}

// TestLongBarsHoldTheirCalls: bars of weeks and months are made of days of UTC, and
// quarter hours at their borders; the calls say what they have to be.
func TestLongBarsHoldTheirCalls(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider)
		SELECT timestamptz '2023-11-01 00:07Z' + i * interval '97 minutes', 0.01 + i % 17 * 0.001, (ARRAY['text', 'tts'])[1 + i % 2], 'm' || i % 3, 'p'
		FROM generate_series(0, 13000) AS i`)
	for _, zone := range []string{"UTC", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati", "Australia/Lord_Howe"} {
		for _, days := range []int{121, 366, 401, 800} {
			v := look(t, db, inZone(t, zone, "2026-03-20 13:30"), days)
			for _, chart := range []struct{ board, title, key string }{{summary, "Cost over time by API type", "api_type"}, {breakdown, "Cost over time by ${by}", "model"}} {
				found := map[string]float64{}
				for _, r := range v.see(chart.board, chart.title) {
					if name, _ := r["metric"].(string); name != "" && name != "total" {
						found[r["time"].(time.Time).UTC().Format(time.RFC3339)+name[2:]] += r["value"].(float64)
					}
				}
				begins := "date_trunc('month', at)"
				if days <= 400 {
					begins = "first + (at::date - first::date) / 7 * interval '7 days'"
				}
				want := map[string]float64{}
				for _, r := range v.query(`SELECT (` + begins + `) AT TIME ZONE '${__timezone}' AS bar, key, sum(cost)::float8 AS cost
					FROM (SELECT timestamp AT TIME ZONE '${__timezone}' AS at, $__timeFrom()::timestamptz AT TIME ZONE '${__timezone}' AS first, ` + chart.key + ` AS key, usage_dollars AS cost
					      FROM usage_report.call WHERE timestamp >= $__timeFrom()::timestamptz AND timestamp < $__timeTo()::timestamptz) AS c GROUP BY 1, 2`) {
					want[r["bar"].(time.Time).UTC().Format(time.RFC3339)+" "+r["key"].(string)] = r["cost"].(float64)
				}
				require.Equal(t, len(want), len(found), "%s, %d days, %s", zone, days, chart.title)
				for k := range want {
					assert.InDelta(t, want[k], found[k], 1e-9, "%s, %d days: %s", zone, days, k)
				}
			}
		}
	}
	// The period before stands in the same bars.
	v := look(t, db, inZone(t, "Asia/Kolkata", "2026-03-20 13:30"), 366)
	var line float64
	for _, r := range v.see(summary, "Cost over time by API type") {
		if n, ok := r["previous period"].(float64); ok {
			line += n
		}
	}
	assert.InDelta(t, v.see(summary, "Cost")[0]["Cost"], line, 1e-9)
}
