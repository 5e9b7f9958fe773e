package boards

import (
	"fmt"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
)

// Trends says where the cost goes.
func Trends() *grafana.Dashboard {
	b := sqlBoard(trendsUID, "AI API usage: trends",
		"Where the cost goes: day by day, against the budget, what grew, when calls are made. Days are those of the viewer's time zone.")
	b.Templating.List = append([]grafana.Variable{b.Templating.List[0], dimension()}, b.Templating.List[1:]...)
	l := grafana.NewLayout(b)

	daily := bars("Cost per day", "The line is the average of the day and the six before.", dollars, series(dailyAverages))
	daily.FieldConfig.Overrides = append(daily.FieldConfig.Overrides, colored("cost", "blue"), solid("7-day average", "orange"))
	daily.Options["legend"] = m{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}}
	cumulative := lines("Month to date against budget", "Cost since the first of each month. The dashed lines are the monthly budgets of the whole organisation in public.usage_budgets; they do not follow the filters.", dollars,
		[]grafana.Target{target("A", "time_series", monthToDate), target("B", "time_series", monthlyBudgets)})
	cumulative.FieldConfig.Overrides = append(cumulative.FieldConfig.Overrides,
		column("month to date", grafana.Property{ID: "custom.fillOpacity", Value: 15}, grafana.Property{ID: "color", Value: fixed("blue")}),
		grafana.Override{Matcher: grafana.Matcher{ID: "byRegexp", Options: "/^budget/"}, Properties: dashed("", "red").Properties})
	l.Row(11, daily, cumulative)

	l.Row(11, movers(),
		bars("Tokens per day by kind", "Input that was not cached, input read from and written to caches, output, and reasoning. Together they are all tokens.", count, series(tokensByKind)))
	unpricedPerDay := bars("Calls per day by how their cost is known", "Priced: exact. Estimated: may differ from the bill. Unpriced: not in any cost.", count, series(callsByStatus))
	unpricedPerDay.FieldConfig.Overrides = append(unpricedPerDay.FieldConfig.Overrides, colored("priced", "green"), colored("estimated", "orange"), colored("unpriced", "red"))
	perMillion := lines("Cost per 1M tokens by model", "The five models of the highest cost. Moves when a price changes, and when the mix of input, cached input and output does. Purple marks are changes of list prices.", dollars, series(pricePerMillion))
	perMillion.FieldConfig.Defaults.Custom["spanNulls"] = true // a price does not end on a day without calls
	l.Row(10, perMillion, unpricedPerDay)
	l.Row(10, heatmap())
	return b
}

// dailyAverages has every day of the period, also those without a call.
var dailyAverages = `SELECT day AS "time", cost::float8 AS "cost", average::float8 AS "7-day average"
FROM (
  SELECT d.day, coalesce(s.cost, 0) AS cost,
         avg(coalesce(s.cost, 0)) OVER (ORDER BY d.day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS average
  FROM ` + localDays("6 days") + ` AS d
  LEFT JOIN (
SELECT day, sum(usage_dollars) AS cost
FROM ` + spend(localMidnight(from, "6 days"), to, viewer, refined) + `
GROUP BY day
  ) AS s ON s.day = d.day
) AS w
WHERE day >= ` + localMidnight(from, "0 days") + `
ORDER BY 1`

// monthToDate begins to add up at the first of the month in which the period
// begins.
var monthToDate = `SELECT day AS "time", cost::float8 AS "month to date"
FROM (
  SELECT d.day,
         sum(coalesce(s.cost, 0)) OVER (PARTITION BY date_trunc('month', d.day AT TIME ZONE ` + viewer + `) ORDER BY d.day) AS cost
  FROM (
    SELECT d AT TIME ZONE ` + viewer + ` AS day
    FROM generate_series(
      date_trunc('month', ` + from + ` AT TIME ZONE ` + viewer + `),
      date_trunc('day', (` + to + ` - interval '1 microsecond') AT TIME ZONE ` + viewer + `),
      interval '1 day') AS d
  ) AS d
  LEFT JOIN (
SELECT day, sum(usage_dollars) AS cost
FROM ` + spend("(date_trunc('month', "+from+" AT TIME ZONE "+viewer+") AT TIME ZONE "+viewer+")", to, viewer, refined) + `
GROUP BY day
  ) AS s ON s.day = d.day
) AS w
WHERE day >= ` + localMidnight(from, "0 days") + `
ORDER BY 1`

var monthlyBudgets = `SELECT d.day AS "time", 'budget ' || b.name AS metric, b.dollars::float8 AS value
FROM usage_report.budget AS b
CROSS JOIN ` + localDays("0 days") + ` AS d
WHERE b.scope = 'org' AND b.period = 'month'
ORDER BY 1, 2`

// movers are the keys whose cost changed most, those that went away too.
func movers() grafana.Panel {
	sql := `SELECT s.key AS "key",
       ` + nameOf + ` AS "Name",
       (s.cost - s.previous)::float8 AS "Difference",
       ((s.cost - s.previous) / nullif(s.previous, 0))::float8 AS "Change",
       s.cost::float8 AS "Now",
       s.previous::float8 AS "Before"
FROM (
  SELECT key, user_id, sum(cost) AS cost, sum(previous) AS previous
  FROM (
    SELECT key, user_id, usage_dollars AS cost, 0 AS previous FROM (
` + keyed(from, to) + `
    ) AS c
    UNION ALL
    SELECT key, user_id, 0, usage_dollars FROM (
` + keyed(before, from) + `
    ) AS p
  ) AS u
  GROUP BY key, user_id
) AS s
LEFT JOIN usage_report.account AS a ON a.user_id = s.user_id
WHERE s.cost <> s.previous
ORDER BY abs(s.cost - s.previous) DESC, s.key
LIMIT 20`
	return rows("Largest movers by ${by}", "Whose cost changed most against the period of equal length just before.", sql,
		hidden("key"), linked("Name", "Break down", breakdownUID, "${by}"),
		unit("Before", dollars, width(90)), unit("Now", dollars, width(90)),
		unit("Difference", dollars, width(100),
			grafana.Property{ID: "custom.cellOptions", Value: m{"type": "color-text"}},
			grafana.Property{ID: "color", Value: m{"mode": "thresholds"}},
			grafana.Property{ID: "thresholds", Value: steps("green", above(0, "red"))}),
		changed("Change"))
}

// tokensByKind parts all tokens into kinds that do not overlap.
var tokensByKind = `SELECT day AS "time",
       sum(input_tokens - cache_read_tokens - cache_write_tokens)::float8 AS "input",
       sum(cache_read_tokens)::float8 AS "cache read",
       sum(cache_write_tokens)::float8 AS "cache write",
       sum(output_tokens - reasoning_tokens)::float8 AS "output",
       sum(reasoning_tokens)::float8 AS "reasoning"
FROM ` + spend(from, to, viewer, "true") + `
GROUP BY day
HAVING sum(calls) <> 0
ORDER BY 1`

var callsByStatus = `SELECT day AS "time",
       (sum(calls) - sum(unpriced_calls) - sum(estimated_calls))::float8 AS "priced",
       sum(estimated_calls)::float8 AS "estimated",
       sum(unpriced_calls)::float8 AS "unpriced"
FROM ` + spend(from, to, viewer, "true") + `
GROUP BY day
HAVING sum(calls) <> 0
ORDER BY 1`

// pricePerMillion has NULL for a day without calls: Grafana draws a missing row
// as 0.
var pricePerMillion = `WITH days AS (
  SELECT day, model, sum(usage_dollars) AS cost, sum(tokens) - sum(unpriced_tokens) AS tokens
  FROM ` + spend(from, to, viewer, "true") + `
  GROUP BY day, model
), models AS (
  SELECT model, row_number() OVER (ORDER BY sum(cost) DESC, model) AS rank
  FROM days
  WHERE tokens > 0
  GROUP BY model
)
SELECT a.day AS "time", k.model AS metric, (d.cost * 1000000 / d.tokens)::float8 AS value
FROM (SELECT DISTINCT day FROM days) AS a
JOIN models AS k ON k.rank <= 5
LEFT JOIN days AS d ON d.day = a.day AND d.model = k.model AND d.tokens > 0
ORDER BY 1, 2`

// heatmap is a week of hours. A table, because Grafana's heat map has time on
// one axis.
func heatmap() grafana.Panel {
	since := "greatest(" + from + ", " + to + " - interval '90 days')"
	columns := make([]string, 24)
	for hour := range columns {
		columns[hour] = fmt.Sprintf(`       coalesce(sum(h.cost) FILTER (WHERE h.hour = %d), 0)::float8 AS "%02d"`, hour, hour)
	}
	sql := `SELECT w.name AS "Day",
` + strings.Join(columns, ",\n") + `
FROM (VALUES (1, 'Monday'), (2, 'Tuesday'), (3, 'Wednesday'), (4, 'Thursday'), (5, 'Friday'), (6, 'Saturday'), (7, 'Sunday')) AS w (day, name)
LEFT JOIN (
  SELECT extract(isodow FROM at AT TIME ZONE ` + viewer + `) AS day, extract(hour FROM at AT TIME ZONE ` + viewer + `) AS hour, sum(cost) AS cost
  FROM (
    SELECT bucket AS at, sum(usage_dollars) AS cost
    FROM usage_report.quarter_hour
    WHERE ` + allUsers + `
      AND bucket >= usage_report.quarter(` + since + `) AND bucket < usage_report.quarter(` + to + `)
      AND ` + filtered + `
    GROUP BY bucket
    UNION ALL
    SELECT timestamp, usage_dollars
    FROM usage_report.calls(` + since + `, ` + to + `, ` + usersArgument + `)
    WHERE NOT ` + allUsers + `
      AND ` + filtered + `
  ) AS q
  GROUP BY 1, 2
) AS h ON h.day = w.day
GROUP BY w.day, w.name
ORDER BY w.day`
	p := rows("Cost by weekday and hour", "Sums over the period, at most its last 90 days, in the viewer's time zone.", sql, text("Day"))
	p.FieldConfig.Defaults.Unit = dollars
	p.FieldConfig.Defaults.Color = m{"mode": "continuous-blues"}
	p.FieldConfig.Defaults.Decimals = ptr(2)
	p.FieldConfig.Defaults.Min = ptr(0.0)
	p.FieldConfig.Defaults.Custom["cellOptions"] = m{"type": "color-background", "mode": "basic"}
	p.FieldConfig.Defaults.Custom["minWidth"] = 50
	days := &p.FieldConfig.Overrides[len(p.FieldConfig.Overrides)-1]
	days.Properties = append(days.Properties, width(100), grafana.Property{ID: "custom.cellOptions", Value: m{"type": "auto"}})
	return p
}

// solid draws one series as a line over the bars.
func solid(name, color string) grafana.Override {
	o := dashed(name, color)
	for i := range o.Properties {
		if o.Properties[i].ID == "custom.lineStyle" {
			o.Properties[i].Value = m{"fill": "solid"}
		}
	}
	return o
}
