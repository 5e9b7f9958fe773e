package boards

import (
	"fmt"

	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
)

// Summary is the board to begin with: what was spent, by whom, and whether the
// numbers can be trusted.
func Summary() *grafana.Dashboard {
	b := sqlBoard(summaryUID, "AI API usage: summary",
		"What AI API calls cost, compared with the period before. A period begins at midnight, so its last day is not over yet. Costs are exact in the database and shown rounded.")
	l := grafana.NewLayout(b)
	// Four to a row, with titles of at most twelve letters: they can be read on
	// 800 pixels too.
	l.Row(4,
		change("Total cost", "Cost of all calls that have a price.", dollars, sumOf("usage_dollars", refined)),
		change("Avg per day", "Cost of the period, up to now, by its days.", dollars, dailyAverage),
		projection(),
		neutral("Calls", "Calls, with and without a price.", count, sumOf("calls", refined)),
	)
	l.Row(4,
		neutral("Active users", "Users with at least one call. Not kept by model, provider, service and environment: choose users to see them by such a filter.", count, activeUsers),
		neutral("API types", "Kinds of API that were called: text, speech, tts, transcription and others.", count, apiTypes),
		lastCall(),
		unpriced(),
	)

	perDay := bars("Cost per day by API type", "Days of the viewer's time zone. The dashed line is the period of equal length before, moved by whole days.", dollars,
		[]grafana.Target{target("A", "time_series", costPerDay), target("B", "time_series", previousPerDay)})
	perDay.FieldConfig.Overrides = append(perDay.FieldConfig.Overrides, dashed("previous period", "text"))
	l.Row(10, perDay)
	byType := ranking("Cost by API type", "Share of each kind of API, and its change against the period before. Click a name for its details.", "8", keyedBy("api_type", refined), "api_type")
	byType.GridPos.W = 12
	l.Row(8, byType, estimated(), parked())
	l.Row(12,
		ranking("Top 10 users", "Click a name for the details of this user.", "10", keyedByUser, "user"),
		ranking("Top 10 models", "Click a name for the details of this model.", "10", keyedBy("model", "true"), "model"),
	)
	l.Row(6, budgets())
	l.Row(5, currencies())
	return b
}

// sumOf asks for the sum of a measure of a period.
func sumOf(measure, detail string) func(from, to string) string {
	return func(from, to string) string {
		return "SELECT coalesce(sum(" + measure + "), 0) FROM " + spend(from, to, utc, detail)
	}
}

// activeUsers is NULL, not 0, where users are not kept apart.
func activeUsers(from, to string) string {
	return `SELECT CASE WHEN ` + allUsers + ` AND ` + refined + ` THEN NULL ELSE count(*) END
FROM (
SELECT user_id FROM ` + spendByUser(from, to) + `
  AND user_id NOT IN (` + noUser + `, ` + anyUser + `)
GROUP BY user_id
HAVING sum(calls) > 0
) AS u`
}

func apiTypes(from, to string) string {
	return `SELECT count(*) FROM (
SELECT api_type FROM ` + spend(from, to, utc, refined) + `
GROUP BY api_type
HAVING sum(calls) > 0
) AS t`
}

func dailyAverage(from, to string) string {
	return `SELECT coalesce(sum(usage_dollars) / nullif(greatest(extract(epoch FROM least(` + to + `, now()) - ` + from + `), 0), 0) * 86400, 0)
FROM ` + spend(from, to, utc, refined)
}

// monthNow is where the current month of the viewer begins.
const monthNow = "(date_trunc('month', now() AT TIME ZONE " + viewer + ") AT TIME ZONE " + viewer + ")"

// projection goes on like the last seven days until the end of the month.
func projection() grafana.Panel {
	sql := `SELECT spent::float8 AS "so far",
       (spent + recent * extract(epoch FROM greatest(month_end - now(), interval '0')) / extract(epoch FROM span))::float8 AS "by month's end"
FROM (
  SELECT least(interval '7 days', greatest(interval '1 hour', now() - (SELECT min(bucket) FROM usage_report.quarter_type))) AS span,
         (date_trunc('month', now() AT TIME ZONE ` + viewer + `) + interval '1 month') AT TIME ZONE ` + viewer + ` AS month_end
) AS t,
(SELECT coalesce(sum(usage_dollars), 0) AS spent FROM ` + spend(monthNow, "now()", utc, refined) + `) AS s,
(SELECT coalesce(sum(usage_dollars), 0) AS recent FROM ` + spend("now() - interval '7 days'", "now()", utc, refined) + `) AS r`
	p := stat("This month", "Spent since the first of the viewer's month, and what it will be at its end if the rest goes on like the last seven days. Does not depend on the chosen period.", dollars, table(sql))
	p.Options["textMode"] = "value_and_name"
	return p
}

// lastCall shows whether anything still arrives.
func lastCall() grafana.Panel {
	sql := `SELECT extract(epoch FROM now() - max(timestamp))::float8 AS "Last call"
FROM usage_report.call
WHERE timestamp >= (SELECT max(bucket) FROM usage_report.quarter_type WHERE bucket <= now())
  AND timestamp <= now()`
	p := stat("Last call", "Time since the newest call that is stored, whatever is chosen above. When it grows while apps make calls, look at the collector.", seconds, table(sql))
	p.FieldConfig.Defaults.NoValue = "none yet"
	p.FieldConfig.Defaults.Color = m{"mode": "thresholds"}
	p.FieldConfig.Defaults.Thresholds = steps("green", above(3600, "orange"), above(86400, "red"))
	return p
}

// share gives a stat with a number of calls and its part of all calls.
func share(title, description, measure, detail string, thresholds *grafana.Thresholds) grafana.Panel {
	sql := `SELECT coalesce(sum(` + measure + `), 0)::float8 AS "calls",
       coalesce(sum(` + measure + `) / nullif(sum(calls), 0), 0)::float8 AS "of all"
FROM ` + spend(from, to, utc, detail)
	p := stat(title, description, count, table(sql))
	p.Options["textMode"] = "value_and_name"
	p.FieldConfig.Defaults.Color = m{"mode": "thresholds"}
	p.FieldConfig.Defaults.Thresholds = thresholds
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, unit("of all", percent, decimals(1)))
	// On the value and not on the panel, where its mark would cut the title.
	p.FieldConfig.Defaults.Links = []grafana.Link{{Title: "Which and why", URL: "/d/" + breakdownUID + "?${__url_time_range}&${__all_variables}"}}
	return p
}

func unpriced() grafana.Panel {
	return share("Unpriced", "Calls whose cost is not known. They are not in any sum of costs. The breakdown board says which and why.",
		"unpriced_calls", refined, steps("green", above(0.000001, "red")))
}

func estimated() grafana.Panel {
	return share("Estimated", "Calls whose cost may differ from the bill, because the app's library does not report everything.",
		"estimated_calls", "true", steps("green", above(0.000001, "orange")))
}

func parked() grafana.Panel {
	sql := `SELECT count(*)::float8 AS "records"
FROM usage_report.parked
WHERE parked_at >= ` + from + ` AND parked_at < ` + to
	p := stat("Parked", "Records that the table refused in the period, whatever else is chosen. They are kept aside with the reason: usagectl doctor.", count, table(sql))
	p.FieldConfig.Defaults.Color = m{"mode": "thresholds"}
	p.FieldConfig.Defaults.Thresholds = steps("green", above(1, "red"))
	return p
}

func budgets() grafana.Panel {
	sql := `SELECT budget AS "Budget",
       subject AS "For",
       period AS "Per",
       spent::float8 AS "Spent",
       dollars::float8 AS "Limit",
       (spent / dollars)::float8 AS "Used",
       (projected / dollars)::float8 AS "Projected"
FROM usage_report.budget_status(now())
ORDER BY spent / dollars DESC, budget`
	used := gauge("Used")
	used.Properties = append(used.Properties,
		grafana.Property{ID: "color", Value: m{"mode": "thresholds"}},
		grafana.Property{ID: "thresholds", Value: steps("green", above(0.8, "orange"), above(1, "red"))})
	p := rows("Budgets", "Budgets of public.usage_budgets in their current day or month, whatever is chosen above. Projected: if the rest goes on like the last seven days.", sql,
		text("Budget", minWidth(100)), text("For", minWidth(100)), text("Per", width(65)), unit("Spent", dollars, width(80)), unit("Limit", dollars, width(75)), used, unit("Projected", percent, decimals(0), width(90)))
	p.FieldConfig.Defaults.NoValue = "no budgets yet: rows of public.usage_budgets"
	return p
}

// currencies is a table and no choice for the whole board: sums by user and by
// days of other zones than UTC have lost the UTC day whose rate they need.
func currencies() grafana.Panel {
	const day = "(%s AT TIME ZONE 'UTC')::date"
	first, last := fmt.Sprintf(day, from), fmt.Sprintf(day, "("+to+" - interval '1 microsecond')")
	sql := `SELECT e.currency AS "Currency",
       sum(s.cost)::float8 AS "Cost",
       (sum(s.cost) / nullif(sum(s.usage_dollars), 0))::float8 AS "Average rate",
       sum(s.usage_dollars)::float8 AS "Dollars",
       CASE WHEN e.since > f.first THEN 'no rate before ' || e.since END AS "Missing"
FROM (SELECT currency, min(valid_from) AS since FROM usage_report.exchange_rate GROUP BY currency) AS e
CROSS JOIN (
  SELECT min((bucket AT TIME ZONE 'UTC')::date) AS first
  FROM usage_report.day
  WHERE bucket >= date_trunc('day', ` + from + `, 'UTC') AND bucket < ` + to + `
) AS f
LEFT JOIN LATERAL (
SELECT cost, usage_dollars
FROM usage_report.spend_in(e.currency, CASE WHEN e.since <= f.first THEN ` + first + ` END, ` + last + ` + 1)
WHERE ` + filtered + `
) AS s ON true
WHERE ` + allUsers + `
GROUP BY e.currency, e.since, f.first
ORDER BY e.currency`
	p := rows("Other currencies", "The cost of the UTC days of the period, each at the rate of its day (usagectl rates import). Not for chosen users: GET /api/admin/usage converts those too.", sql,
		text("Currency", width(90)), unit("Cost", "none", decimals(4)), unit("Average rate", "none", decimals(4)), unit("Dollars", dollars), text("Missing"))
	p.FieldConfig.Defaults.NoValue = "no exchange rates, or users are chosen"
	return p
}

// costPerDay has a point for each day and API type.
var costPerDay = `SELECT day AS "time", api_type AS metric, sum(usage_dollars)::float8 AS value
FROM ` + spend(from, to, viewer, refined) + `
GROUP BY day, api_type
HAVING sum(calls) <> 0
ORDER BY day, api_type`

// previousPerDay moves the days of the previous period by as many whole days as
// the period touches, so that they stand where their counterparts do.
var previousPerDay = `SELECT ((day AT TIME ZONE ` + viewer + `) + make_interval(days => ceil(extract(epoch FROM ` + to + ` - ` + from + `) / 86400)::int)) AT TIME ZONE ` + viewer + ` AS "time",
       sum(usage_dollars)::float8 AS "previous period"
FROM ` + spend(before, from, viewer, refined) + `
GROUP BY day
HAVING sum(calls) <> 0
ORDER BY 1`

// ranking is a table of the largest keys with share and change.
func ranking(title, description, rowCount string, sums func(from, to string) string, variable string) grafana.Panel {
	return rows(title, description, rankedSums(rowCount, sums, `sum(calls)::float8 AS "Calls"`),
		hidden("key"), linked("Name", "Break down", breakdownUID, variable), unit("Cost", dollars, width(95)), changed("Change"), gauge("Share", minWidth(70)), unit("Calls", count, width(70)))
}
