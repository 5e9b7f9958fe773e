package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// summaryBoard returns the board to start with: what was spent, how reliable the numbers
// are, who spent it and on what.
func summaryBoard() *grafana.Dashboard {
	b := sqlBoard(summaryUID, "AI API usage: summary",
		"What AI API calls cost, compared with the period before and with the budget, and whether the numbers can be trusted. The last day of a period is incomplete. Costs are exact in the database and shown rounded.")
	l := grafana.NewLayout(b)
	month := thisMonth()
	month.GridPos.W = 9
	l.Row(5,
		cost(),
		month,
		neutral("Calls", "Calls, with and without a price.", count, sumOf("calls", refined)),
		neutral("Users", "Users with at least one call. With a filter by model, provider, service or environment, users come from single calls, as far as the newest 100,000 calls cover the period.", count, activeUsers),
	)
	l.Row(tall(4), overBudget())
	perDay := byRank(amount(bars("Cost over time by API type",
		"Bars are days of the viewer's time zone; hours for up to two days, weeks from the first day on above 120 days, months above 400. Grey bars are incomplete. The dashed line is the period before."+whatBefore+" Calls without a price are in no bar: see Cost by API type.",
		cents, []grafana.Target{target("A", "time_series", overTime(measured(refined), bucket("at"), "api_type")), target("B", "time_series", previousOverTime)})))
	perDay.FieldConfig.Overrides = append(perDay.FieldConfig.Overrides, dashed("previous period", "text"))
	l.Row(10, perDay)
	l.Row(4, trust())
	l.Row(tall(named+1),
		ranking("Top users", "Click a name for the details of this user.", keyedByUser, "user"),
		ranking("Top models", "Click a name for the details of this model.", keyedBy("model", "true"), "model"),
	)
	l.Row(tall(named+1),
		ranking("Cost by API type", "Click a name for the details of this kind of API.", keyedBy("api_type", refined), "api_type"),
		ranking("Cost by service", "Click a name for the details of this service.", keyedBy("service", "true"), "service"),
	)
	return b
}

// cost returns the number that people compare with bills.
func cost() grafana.Panel {
	p := amount(change("Cost", "Cost of all calls that have a price; the others are counted as \"without a price\".", cents, costOf))
	p.FieldConfig.Defaults.NoValue = "no price"
	return p
}

// activeUsers is NULL, not 0, where users cannot be distinguished.
func activeUsers(from, to string) string {
	return `SELECT CASE WHEN ` + usersFromCalls + ` AND ` + callsSince(from, to) + ` > usage_report.quarter(` + from + `) THEN NULL ELSE count(*) END
FROM (
SELECT user_id FROM (
` + byUser("true")(from, to) + `
) AS s
WHERE user_id NOT IN (` + noUser + `, ` + anyUser + `)
GROUP BY user_id
HAVING sum(calls) > 0
) AS u`
}

// Months in the viewer's time zone.
const (
	monthNow  = "(date_trunc('month', now() AT TIME ZONE " + viewer + ") AT TIME ZONE " + viewer + ")"
	monthNext = "((date_trunc('month', now() AT TIME ZONE " + viewer + ") + interval '1 month') AT TIME ZONE " + viewer + ")"
)

// thisMonth returns the panel of the month so far and of what is expected at its end. The
// forecast and the budget are the organisation's, so they are not shown when a filter
// is set.
func thisMonth() grafana.Panel {
	sql := `SELECT s.spent::float8 AS "so far",
       CASE WHEN s.spent IS NULL OR f.expected IS NULL THEN s.spent + r.recent * extract(epoch FROM ` + monthNext + ` - now()) / extract(epoch FROM t.span) ELSE greatest(f.expected, s.spent) END::float8 AS "expected",
       CASE WHEN s.spent IS NOT NULL THEN b.used END::float8 AS "of the budget"
FROM (SELECT least(interval '7 days', greatest(interval '1 hour', now() - ` + firstCall + `)) AS span) AS t,
(SELECT ` + known("coalesce(sum(usage_dollars), 0)") + ` AS spent FROM ` + spend(monthNow, "now()", utc, refined) + `) AS s,
(SELECT ` + known("coalesce(sum(usage_dollars), 0)") + ` AS recent FROM ` + spend("now() - interval '7 days'", "now()", utc, refined) + `) AS r,
(SELECT max(spent / amount) AS used FROM usage_report.budget_state(now()) WHERE scope = 'org' AND period = 'month' AND ` + unfiltered + `) AS b,
(` + forecastOfMonth + ` AND ` + unfiltered + `) AS f`
	p := amount(stat("This month", "Spent since the first of the viewer's month; the expected total, "+howForecast+" or if a filter is set; and how much of the organisation's monthly budget is used, if there is one and no filter is set. Ignores the chosen period.", cents, table(sql)))
	p.Options["textMode"] = "value_and_name"
	p.FieldConfig.Defaults.NoValue = "–"
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, unit("of the budget", percent, decimals(0),
		grafana.Property{ID: "color", Value: m{"mode": "thresholds"}},
		grafana.Property{ID: "thresholds", Value: steps("text", above(0.8, "orange"), above(1, "red"))}))
	return p
}

const trustTitle = "Can these numbers be trusted?"

// trust returns the panel that shows how reliable the sums are, as a strip of numbers of
// equal size.
func trust() grafana.Panel {
	sql := `SELECT s.unpriced::float8 AS "calls without a price",
       (s.unpriced / nullif(s.calls, 0))::float8 AS "of calls without a price",
       (s.estimated / nullif(s.cost, 0))::float8 AS "of cost estimated",
       (s.assumed / nullif(s.cost, 0))::float8 AS "of cost on assumptions",
       p.records::float8 AS "records refused",
       l.age::float8 AS "since the last call"
FROM (
SELECT sum(calls)::numeric AS calls, sum(unpriced_calls)::numeric AS unpriced, sum(estimated_dollars) AS estimated,
       sum(assumed_dollars) AS assumed, sum(usage_dollars) AS cost
FROM ` + spend(from, to, utc, "true") + `
) AS s,
(SELECT count(*) AS records FROM usage_report.parked WHERE parked_at >= ` + from + ` AND parked_at < ` + to + `) AS p,
(SELECT extract(epoch FROM now() - max(timestamp)) AS age
 FROM usage_report.call
 WHERE timestamp >= (SELECT max(bucket) FROM usage_report.quarter_type WHERE bucket <= now())
   AND timestamp <= now()) AS l`
	p := stat(trustTitle, "Calls without a price are not included in any cost. An estimated cost may differ from the bill, because the app's library does not report everything. A cost with assumptions is exact if the assumed default is right (the board breakdown shows why). A refused record could not be stored and waits with its reason (usagectl doctor). The last call shows whether calls still arrive. Records and the last call ignore the filters.", count, table(sql))
	p.Options["textMode"] = "value_and_name"
	p.FieldConfig.Defaults.NoValue = "–"
	p.FieldConfig.Defaults.Color = m{"mode": "thresholds"}
	p.FieldConfig.Defaults.Links = []grafana.Link{{Title: "Which and why", URL: panelURL(breakdownBoard(), "Unpriced and estimated calls")}}
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides,
		unit("calls without a price", count, watch(steps("text", above(1, "orange")))),
		unit("of calls without a price", percent, decimals(1), watch(steps("text", above(0.05, "red")))),
		unit("of cost estimated", percent, decimals(1), watch(steps("text", above(0.05, "orange")))),
		unit("of cost on assumptions", percent, decimals(1), watch(steps("text", above(0.25, "orange")))),
		unit("records refused", count, watch(steps("text", above(1, "red")))),
		unit("since the last call", seconds, decimals(0), watch(steps("text", above(3600, "orange"), above(86400, "red"))),
			grafana.Property{ID: "noValue", Value: "no call yet: docs/troubleshooting.md"}))
	return p
}

func watch(thresholds *grafana.Thresholds) grafana.Property {
	return grafana.Property{ID: "thresholds", Value: thresholds}
}

// overBudget returns the panel of the budgets that need attention, with the others in one
// row.
func overBudget() grafana.Panel {
	return budgetTable("Budgets to look at", "Budgets that are more than 80 % used, will be exceeded, or limit calls without any price; the others in one row, with the highest of them. They are for their current periods, whatever is chosen above, and in dollars; used is in the budget's own currency. The board trends lists all of them. Projected: "+howForecast+".", budgetsToLookAt)
}

// budgets selects the current state of all budgets. Spent and limit are in dollars, at the
// latest exchange rate where the limit is in another currency; used and will_be_used are
// shares in the budget's own. What is not known is NULL, and not 0; unpriced counts the
// calls without a price.
const budgets = `SELECT s.budget, s.subject, s.period, l.amount, s.unpriced_calls AS unpriced,
       CASE WHEN s.spent IS NOT NULL OR s.calls <> s.unpriced_calls THEN s.dollars END AS spent,
       s.spent / s.amount AS used,
       CASE WHEN s.spent IS NULL THEN NULL WHEN f.expected IS NOT NULL THEN greatest(f.expected, s.dollars) / l.amount ELSE s.projected / s.amount END AS will_be_used
FROM usage_report.budget_state(now()) AS s
CROSS JOIN LATERAL (
  SELECT CASE s.currency WHEN 'USD' THEN s.amount ELSE s.amount / (SELECT r.rate FROM usage_report.exchange_rate AS r WHERE r.currency = s.currency AND r.valid_until IS NULL) END AS amount
) AS l
LEFT ` + forecastOfBudget + `
WHERE s.period_end > now() AND s.period_start <= now()`

// budgetsToLookAt returns at most three rows, and one for the rest.
var budgetsToLookAt = `WITH budgets AS (
` + budgets + `
), b AS (
SELECT s.*, row_number() OVER (ORDER BY greatest(used, will_be_used) DESC NULLS LAST, budget) AS place
FROM budgets AS s
), rows AS (
SELECT b.*, place <= 3 AND (spent IS NULL OR used > 0.8 OR coalesce(will_be_used, 0) > 1) AS shown
FROM b
)
SELECT budget AS "Budget", subject AS "For", period AS "Per", spent::float8 AS "Spent", amount::float8 AS "Limit", used::float8 AS "Used", will_be_used::float8 AS "Projected", nullif(unpriced, 0)::float8 AS "Unpriced"
FROM (
  SELECT place, budget, subject, period, spent, amount, used, will_be_used, unpriced
  FROM rows
  WHERE shown
  UNION ALL
  SELECT 1000, 'all others (' || count(*) || ')', NULL, NULL, NULL, NULL, max(used), max(will_be_used), NULL
  FROM rows
  WHERE NOT shown
  HAVING count(*) > 0
) AS t
ORDER BY place`

func budgetTable(title, description, sql string) grafana.Panel {
	used := gauge("Used", width(150))
	used.Properties = append(used.Properties,
		grafana.Property{ID: "color", Value: m{"mode": "thresholds"}},
		grafana.Property{ID: "thresholds", Value: steps(blue, above(0.8, "orange"), above(1, "red"))})
	p := rows(title, description, sql,
		names("Budget"), text("For", minWidth(100)), text("Per", width(70)), money("Spent", width(110)), money("Limit", width(110)), used,
		unit("Projected", percent, append([]grafana.Property{decimals(0), width(95)}, colorText(steps("text", above(1, "orange")))...)...), unpricedCalls("Unpriced"))
	p.FieldConfig.Defaults.NoValue = "no budgets yet: usagectl budgets set"
	return p
}

// previousOverTime selects the previous period, moved to the selected one.
var previousOverTime = `SELECT ` + bucket(moved("at")) + ` AS "time",
       sum(usage_dollars)::float8 AS "previous period"
FROM (
` + measuredBefore(refined) + `
) AS m
WHERE ` + recorded + `
GROUP BY 1
HAVING sum(calls) <> sum(unpriced_calls)
ORDER BY 1`
