package boards

import (
	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
)

// trendsBoard returns the board that shows where the cost is heading.
func trendsBoard() *grafana.Dashboard {
	b := sqlBoard(trendsUID, "AI API usage: trends",
		"How the cost develops: by day and month, against the budget, what grew, and when calls are made. Days are those of the viewer's time zone.")
	b.Templating.List = append([]grafana.Variable{dimension()}, b.Templating.List...)
	l := grafana.NewLayout(b)

	daily := amount(bars("Cost over time", "The same bars as on the board summary. If they are days, the line is the average of each complete day and the six days before it.", cents, series(dailyAverages)))
	daily.FieldConfig.Overrides = append(daily.FieldConfig.Overrides, colored("/^cost$/", blue), over("7-day average", orange, 2, false))
	daily.Options["legend"] = m{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}}
	cumulative := amount(lines("Month to date against budget", "Cost since the first of each month. The dashed lines are the monthly budgets of the whole organisation; they are shown while no filter is set.", cents,
		[]grafana.Target{target("A", "time_series", monthToDate), target("B", "time_series", monthlyBudgets)}))
	cumulative.FieldConfig.Overrides = append(cumulative.FieldConfig.Overrides,
		column("month to date", grafana.Property{ID: "custom.fillOpacity", Value: 15}, grafana.Property{ID: "color", Value: fixed(blue)}),
		grafana.Override{Matcher: grafana.Matcher{ID: "byRegexp", Options: "/^budget/"}, Properties: dashed("", purple).Properties})
	l.Row(11, daily, cumulative)
	l.Row(tall(13), months())
	l.Row(tall(8), budgetTable("Budgets", "All budgets in their current periods, whatever is chosen above, in dollars; used is in the budget's own currency. Projected: "+howForecast+".", `SELECT budget AS "Budget",
       subject AS "For",
       period AS "Per",
       spent::float8 AS "Spent",
       amount::float8 AS "Limit",
       used::float8 AS "Used",
       will_be_used::float8 AS "Projected",
       nullif(unpriced, 0)::float8 AS "Unpriced"
FROM (
`+budgets+`
) AS b
ORDER BY used DESC NULLS LAST, budget`))
	l.Row(tall(10), forecasts())
	l.Row(tall(10), advice())
	l.Row(tall(named+1), movers(),
		byName(bars("Tokens by kind", "Uncached input, input read from and written to caches, output, and reasoning. They add up to all tokens.", count, series(tokensByKind)), tokenKinds))
	perMillion := amount(lines("Cost per 1M tokens by model", "The five models with the highest cost. It changes when a price changes, and when the mix of input, cached input and output changes. Purple marks are changes of list prices.", cents, series(pricePerMillion)))
	for i, color := range palette[:5] {
		perMillion.FieldConfig.Overrides = append(perMillion.FieldConfig.Overrides, colored("/^"+string(rune('1'+i))+"\\. /", color))
	}
	perMillion.FieldConfig.Defaults.Custom["spanNulls"] = true // the price line continues over days without calls
	l.Row(10, perMillion,
		byName(bars("Calls by how their cost is known", "Priced: computed from the price book. Reported: taken as the call reports it. Estimated: may differ from the bill. Unpriced: not included in any cost.", count, series(callsByStatus)), statuses))
	l.Row(10,
		amount(columns("Average cost of a weekday", "The average cost of a Monday, a Tuesday and so on, over the complete, recorded hours of the period (at most its last 90 days), in the viewer's time zone.", cents, byWeekday)),
		hourOfDay(),
	)
	return b
}

// dailyAverages selects every day of the period, including those without calls. Where bars
// are longer than days, it has only their sums.
var dailyAverages = `SELECT ` + bucket("day") + ` AS "time", sum(cost)::float8 AS "cost",
       (CASE WHEN ` + dayCount + ` <= 120 THEN max(average) END)::float8 AS "7-day average"
FROM (
  SELECT d.day, CASE WHEN s.day IS NULL THEN 0 ELSE s.cost END AS cost,
         sum(s.calls) OVER () <> sum(s.unpriced_calls) OVER () AS known,
         CASE WHEN (d.day AT TIME ZONE ` + viewer + ` + interval '1 day') AT TIME ZONE ` + viewer + ` <= now()
           AND ` + firstCall + ` < (d.day AT TIME ZONE ` + viewer + ` - interval '6 days') AT TIME ZONE ` + viewer + `
           AND (sum(s.calls) OVER seven = sum(s.unpriced_calls) OVER seven) IS NOT TRUE
         THEN avg(coalesce(s.cost, 0)) OVER seven END AS average
  FROM ` + localDays("6 days") + ` AS d
  LEFT JOIN (
SELECT day, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, ` + known("sum(usage_dollars)") + ` AS cost
FROM ` + spend(localMidnight(from, "6 days"), to, viewer, refined) + `
GROUP BY day
HAVING sum(calls) <> 0
  ) AS s ON s.day = d.day
  WINDOW seven AS (ORDER BY d.day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)
) AS w
WHERE known AND day >= ` + localMidnight(from, "0 days") + `
  AND (day AT TIME ZONE ` + viewer + ` + interval '1 day') AT TIME ZONE ` + viewer + ` > ` + firstCall + `
GROUP BY 1
ORDER BY 1`

// monthToDate selects running sums that start on the first of the month in which the period
// begins. NULL between two months ends the line.
var monthToDate = `WITH days AS (
  SELECT d AT TIME ZONE ` + viewer + ` AS day
  FROM generate_series(
    date_trunc('month', ` + from + ` AT TIME ZONE ` + viewer + `),
    date_trunc('day', (` + to + ` - interval '1 microsecond') AT TIME ZONE ` + viewer + `),
    interval '1 day') AS d
)
SELECT day AS "time", cost::float8 AS "month to date"
FROM (
  SELECT d.day,
         CASE WHEN (sum(s.calls) OVER so_far = sum(s.unpriced_calls) OVER so_far) IS NOT TRUE THEN sum(coalesce(s.cost, 0)) OVER so_far END AS cost,
         sum(s.calls) OVER () <> sum(s.unpriced_calls) OVER () AS known
  FROM days AS d
  LEFT JOIN (
SELECT day, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(usage_dollars) AS cost
FROM ` + spend("(date_trunc('month', "+from+" AT TIME ZONE "+viewer+") AT TIME ZONE "+viewer+")", to, viewer, refined) + `
GROUP BY day
HAVING sum(calls) <> 0
  ) AS s ON s.day = d.day
  WINDOW so_far AS (PARTITION BY date_trunc('month', d.day AT TIME ZONE ` + viewer + `) ORDER BY d.day)
  UNION ALL
  SELECT d.day - interval '1 second', NULL, true
  FROM days AS d
  WHERE extract(day FROM d.day AT TIME ZONE ` + viewer + `) = 1
) AS w
WHERE known AND day >= ` + localMidnight(from, "0 days") + `
  AND ` + firstCall + ` < ` + to + `
ORDER BY 1`

var monthlyBudgets = `SELECT d.day AS "time", 'budget ' || b.name AS metric, b.dollars::float8 AS value
FROM usage_report.budget AS b
CROSS JOIN ` + localDays("0 days") + ` AS d
WHERE b.scope = 'org' AND b.period = 'month' AND ` + unfiltered + `
ORDER BY 1, 2`

// months returns the panel of the last twelve months and the current one, which is compared
// with the same part of the month before.
func months() grafana.Panel {
	monthsAgo := func(n string) string {
		return "((date_trunc('month', now() AT TIME ZONE " + viewer + ") - interval '" + n + " months') AT TIME ZONE " + viewer + ")"
	}
	sql := `WITH months AS (
SELECT date_trunc('month', day AT TIME ZONE ` + viewer + `) AS month, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, ` + known("sum(usage_dollars)") + ` AS cost
FROM ` + spend(monthsAgo("13"), "now()", viewer, refined) + `
GROUP BY 1
HAVING sum(calls) <> 0
), same_part AS (
SELECT ` + known("coalesce(sum(usage_dollars), 0)") + ` AS cost
FROM ` + spend(monthsAgo("1"), "((now() AT TIME ZONE "+viewer+" - interval '1 month') AT TIME ZONE "+viewer+")", utc, refined) + `
), compared AS (
SELECT m.*, m.month AT TIME ZONE ` + viewer + ` AS begins,
       m.month = date_trunc('month', now() AT TIME ZONE ` + viewer + `) AS running,
       CASE WHEN ` + firstCall + ` < (m.month - interval '1 month') AT TIME ZONE ` + viewer + ` THEN
         CASE WHEN m.month = date_trunc('month', now() AT TIME ZONE ` + viewer + `) THEN (SELECT cost FROM same_part) ELSE p.cost END
       END AS before
FROM months AS m
LEFT JOIN months AS p ON p.month = m.month - interval '1 month'
)
SELECT to_char(month, 'YYYY-MM') || CASE WHEN running THEN ', until now' WHEN ` + firstCall + ` > begins THEN ', from ' || to_char(` + firstCall + ` AT TIME ZONE ` + viewer + `, 'MM-DD') ELSE '' END AS "Month",
       cost::float8 AS "Cost",
       before::float8 AS "Month before",
       ((cost - before) / nullif(before, 0))::float8 AS "Change",
       (cost / (extract(epoch FROM least(now(), (month + interval '1 month') AT TIME ZONE ` + viewer + `) - greatest(begins, ` + firstCall + `)) / 86400))::float8 AS "Per day",
       calls::float8 AS "Calls",
       nullif(unpriced_calls, 0)::float8 AS "Unpriced"
FROM compared
WHERE begins >= ` + monthsAgo("12") + `
ORDER BY month DESC`
	p := rows("Cost by month", "The last twelve months and the current one, whatever period is chosen. The current month is compared with the same part of the month before. Months are those of the viewer's time zone.", sql,
		text("Month", minWidth(150)), money("Cost", width(120)), money("Month before", width(120)), changed("Change"), money("Per day", width(110)), unit("Calls", count, width(90)), unpricedCalls("Unpriced"))
	p.FieldConfig.Defaults.NoValue = noCalls
	return p
}

// movers returns the panel of the keys whose cost changed most, including those that
// disappeared.
func movers() grafana.Panel {
	p := rows("What changed most by ${by}", "The largest changes of cost, and all others."+whatBefore, keyed.movers(),
		hidden("key"), linked("Name", "Break down", breakdownUID, "${by}"),
		money("Before", width(105)), money("Now", width(105)),
		money("Difference", append([]grafana.Property{width(110), mapped()}, colorText(steps("green", above(0.000001, "red")))...)...),
		changed("Change"))
	p.FieldConfig.Defaults.NoValue = "nothing was recorded in the period before"
	return p
}

// tokensByKind splits all tokens into disjoint kinds.
var tokensByKind = `SELECT ` + bucket("at") + ` AS "time",
       sum(input_tokens - cache_read_tokens - cache_write_tokens)::float8 AS "input",
       sum(cache_read_tokens)::float8 AS "cache read",
       sum(cache_write_tokens)::float8 AS "cache write",
       sum(output_tokens - reasoning_tokens)::float8 AS "output",
       sum(reasoning_tokens)::float8 AS "reasoning"
FROM (
` + perMoment(measured("true"), "1", "calls", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens") + `
) AS m
GROUP BY 1
HAVING sum(calls) <> 0
ORDER BY 1`

var callsByStatus = `SELECT ` + bucket("at") + ` AS "time",
       (sum(calls) - sum(unpriced_calls) - sum(estimated_calls) - sum(reported_calls))::float8 AS "priced",
       sum(reported_calls)::float8 AS "reported",
       sum(estimated_calls)::float8 AS "estimated",
       sum(unpriced_calls)::float8 AS "unpriced"
FROM (
` + perMoment(measured("true"), "1", "calls", "unpriced_calls", "estimated_calls", "reported_calls") + `
) AS m
GROUP BY 1
HAVING sum(calls) <> 0
ORDER BY 1`

// pricePerMillion has NULL for a bar without calls, because Grafana draws a missing row as
// 0.
var pricePerMillion = `WITH parts AS (
  SELECT ` + bucket("at") + ` AS at, key AS model, sum(usage_dollars) AS cost, sum(tokens) - sum(unpriced_tokens) AS tokens
  FROM (
` + perMoment(measured("true"), "model", "usage_dollars", "tokens", "unpriced_tokens") + `
  ) AS m
  GROUP BY 1, 2
), models AS (
  SELECT model, row_number() OVER (ORDER BY sum(cost) DESC, model) AS place
  FROM parts
  WHERE tokens > 0
  GROUP BY model
)
SELECT a.at AS "time", k.place || '. ' || k.model AS metric, (p.cost * 1000000 / p.tokens)::float8 AS value
FROM (SELECT DISTINCT at FROM parts) AS a
JOIN models AS k ON k.place <= 5
LEFT JOIN parts AS p ON p.at = a.at AND p.model = k.model AND p.tokens > 0
ORDER BY 1, 2`

// slots selects the hours that averages are computed from, each with its number of
// occurrences and its cost: whole hours in the viewer's time zone that are over and lie
// after recording began.
var slots = func() string {
	since := "greatest(" + from + ", (" + to + " AT TIME ZONE " + viewer + " - interval '90 days') AT TIME ZONE " + viewer + ")"
	// The bounds are a table of one row so that they are computed once and can use an
	// index.
	const begins, ends = "(SELECT begins FROM bounds)", "(SELECT ends FROM bounds)"
	return `WITH bounds AS MATERIALIZED (
SELECT date_trunc('hour', greatest(` + since + `, ` + firstCall + `) + interval '59 minutes 59.999999 seconds', ` + viewer + `) AS begins,
       date_trunc('hour', least(` + to + `, now()), ` + viewer + `) AS ends
), hours AS (
SELECT extract(isodow FROM h AT TIME ZONE ` + viewer + `)::int AS day, extract(hour FROM h AT TIME ZONE ` + viewer + `)::int AS hour, count(*) AS times
FROM bounds
CROSS JOIN generate_series(begins, ends - interval '1 hour', interval '1 hour') AS h
GROUP BY 1, 2
), costs AS (
SELECT extract(isodow FROM at AT TIME ZONE ` + viewer + `)::int AS day, extract(hour FROM at AT TIME ZONE ` + viewer + `)::int AS hour,
       sum(usage_dollars) AS cost, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls
FROM (
` + perMoment(`SELECT `+quarter("at")+` AS at, calls, unpriced_calls, usage_dollars
FROM (
`+quarters(since, to, "true", refined)+`
) AS q
WHERE at >= `+begins+` AND at < `+ends, "1", "calls", "unpriced_calls", "usage_dollars") + `
) AS q
GROUP BY 1, 2
), slots AS (
SELECT h.day, h.hour, h.times, coalesce(c.cost, 0) AS cost, coalesce(c.calls, 0) AS calls, coalesce(c.unpriced_calls, 0) AS unpriced_calls
FROM hours AS h
LEFT JOIN costs AS c ON c.day = h.day AND c.hour = h.hour
WHERE (SELECT sum(calls) <> sum(unpriced_calls) FROM costs)
)`
}()

// byWeekday sums the averages of the hours, so that unequal numbers of weekdays and
// unfinished days do not distort the result.
var byWeekday = slots + `
SELECT (ARRAY['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])[day] AS "Day", ` + known("sum(cost / times)") + `::float8 AS "average cost"
FROM slots
GROUP BY day
ORDER BY day`

var byHour = slots + `
SELECT to_char(hour, 'FM00') AS "Hour",
       (max(average) FILTER (WHERE NOT weekend))::float8 AS "Monday to Friday",
       (max(average) FILTER (WHERE weekend))::float8 AS "weekend"
FROM (
SELECT hour, day > 5 AS weekend, ` + known("sum(cost) / sum(times)") + ` AS average
FROM slots
GROUP BY hour, day > 5
) AS h
GROUP BY hour
ORDER BY hour`

func hourOfDay() grafana.Panel {
	p := amount(columns("Average cost of an hour", "The average cost of each hour of the day, on weekdays and on weekends, over the same hours as the panel next to it.", cents, byHour))
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, colored("/^Monday to Friday$/", blue), colored("/^weekend$/", sky))
	return p
}
