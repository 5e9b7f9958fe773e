package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// Breakdown says where the cost comes from, down to single calls.
func Breakdown() *grafana.Dashboard {
	b := sqlBoard(breakdownUID, "AI API usage: breakdown",
		"Where the cost comes from: by model, provider, API type, service, environment or user, down to single calls. Choose the dimension with By, click a name to see it alone.")
	b.Templating.List = append([]grafana.Variable{b.Templating.List[0], dimension()}, b.Templating.List[1:]...)
	l := grafana.NewLayout(b)
	l.Row(4,
		change("Cost", "Cost of all calls that have a price.", dollars, sumOf("usage_dollars", refined)),
		neutral("Calls", "Calls, with and without a price.", count, sumOf("calls", refined)),
		neutral("Tokens", "Input and output tokens.", count, sumOf("tokens", refined)),
		cacheSavings(),
	)
	l.Row(4,
		change("Cost per call", "Average over the calls that have a price.", dollars, costPerCall),
		change("Cost per 1M tokens", "Average over the tokens that have a price, of all kinds: it moves when prices change and when the mix of models does.", dollars, costPerMillion),
		cacheShare(),
	)
	l.Row(12, breakdownTable())
	perDay := bars("Cost per day by ${by}", "The nine largest and all others, by days of the viewer's time zone. Days are not kept by user.", dollars, series(costPerDayBy))
	perDay.GridPos.W = 16
	l.Row(12, perDay, ranked())
	l.Row(4, covered())
	l.Row(10, distribution(), uncertain())
	l.Row(12, callTable())
	return b
}

func costPerCall(from, to string) string {
	return "SELECT sum(usage_dollars) / nullif(sum(calls) - sum(unpriced_calls), 0) FROM " + spend(from, to, utc, refined)
}

func costPerMillion(from, to string) string {
	return "SELECT sum(usage_dollars) * 1000000 / nullif(sum(tokens) - sum(unpriced_tokens), 0) FROM " + spend(from, to, utc, "true")
}

func cacheShare() grafana.Panel {
	p := change("Cache share", "Part of the input tokens that the providers served from their cache.", percent, func(from, to string) string {
		return "SELECT sum(cache_read_tokens)::numeric / nullif(sum(input_tokens), 0) FROM " + spend(from, to, utc, "true")
	})
	p.Options["percentChangeColorMode"] = "standard" // more is better
	p.FieldConfig.Defaults.Decimals = ptr(1)
	return p
}

// cacheSavings needs list prices: the store keeps what a call cost, not what it
// would have cost.
func cacheSavings() grafana.Panel {
	sql := `SELECT sum(s.cache_read_tokens * (full_price.dollars_per_million - cached.dollars_per_million) / 1000000)::float8 AS "Savings"
FROM (
SELECT day, provider, model, sum(cache_read_tokens) AS cache_read_tokens
FROM ` + spend(from, to, utc, "true") + `
GROUP BY day, provider, model
) AS s
JOIN usage_report.list_price AS full_price
  ON full_price.provider = s.provider AND full_price.model = s.model AND full_price.kind = 'input_text'
  AND full_price.valid_from <= s.day AND (full_price.valid_until IS NULL OR full_price.valid_until > s.day)
JOIN usage_report.list_price AS cached
  ON cached.provider = s.provider AND cached.model = s.model AND cached.kind = 'cache_read'
  AND cached.valid_from <= s.day AND (cached.valid_until IS NULL OR cached.valid_until > s.day)`
	p := stat("Savings", "What the input read from caches would have cost more at the list price of its day. Only for models with prices in public.usage_list_prices; what writing to the cache cost extra is not taken off.", dollars, table(sql))
	p.FieldConfig.Defaults.NoValue = "no list prices"
	return p
}

func breakdownTable() grafana.Panel {
	sql := rankedSums("100", keyed, `sum(calls)::float8 AS "Calls",
       sum(tokens)::float8 AS "Tokens",
       sum(input_tokens)::float8 AS "Input tokens",
       sum(output_tokens)::float8 AS "Output tokens",
       (sum(cache_read_tokens)::numeric / nullif(sum(input_tokens), 0))::float8 AS "Cache share",
       `+perCall+`,
       `+perMillion+`,
       sum(unpriced_calls)::float8 AS "Unpriced calls"`)
	return rows("By ${by}", "The 100 largest and all others; the rows add up to the cost above. Kinds of tokens are not kept by user. Click a name to see it alone.", sql,
		hidden("key"), linked("Name", "Only this", breakdownUID, "${by}"),
		unit("Cost", dollars, width(95)), changed("Change"), gauge("Share", minWidth(110)), unit("Cache share", percent, decimals(1), width(100)),
		unit("Calls", count, width(80)), unit("Tokens", count, width(90)), unit("Input tokens", count, width(110)), unit("Output tokens", count, width(110)),
		unit("Cost per call", dollars, width(110)), unit("Cost per 1M tokens", dollars, width(150)),
		unit("Unpriced calls", count, width(115),
			grafana.Property{ID: "custom.cellOptions", Value: m{"type": "color-text"}},
			grafana.Property{ID: "color", Value: m{"mode": "thresholds"}},
			grafana.Property{ID: "thresholds", Value: steps("text", above(1, "red"))}))
}

// dayKey is the dimension "by" of a row of usage_report.spend.
const dayKey = `CASE ${by:sqlstring}
           WHEN 'model' THEN model
           WHEN 'provider' THEN provider
           WHEN 'api_type' THEN api_type
           WHEN 'service' THEN service
           WHEN 'environment' THEN environment
           ELSE 'all users'
         END`

// costPerDayBy has a point for each day and each of the nine largest keys.
var costPerDayBy = `WITH days AS (
  SELECT day, ` + dayKey + ` AS key,
         sum(usage_dollars) AS cost
  FROM ` + spend(from, to, viewer, "true") + `
  GROUP BY 1, 2
  HAVING sum(calls) <> 0
), keys AS (
  SELECT key, row_number() OVER (ORDER BY sum(cost) DESC, key) AS rank
  FROM days
  GROUP BY key
)
SELECT d.day AS "time",
       CASE WHEN k.rank < 10 THEN d.key ELSE 'all others' END AS metric,
       sum(d.cost)::float8 AS value
FROM days AS d
JOIN keys AS k ON k.key = d.key
GROUP BY 1, 2
ORDER BY 1, 2`

// ranked draws the ten largest as horizontal bars, their names above them: beside
// them long names of models would be cut.
func ranked() grafana.Panel {
	return panel("bargauge", "Top 10 by ${by}", "The ten largest and all others.",
		table(`SELECT "Name", "Cost"
FROM (
`+rankedSums("10", keyed, "")+`
) AS r`),
		grafana.Field{Unit: dollars, Min: ptr(0.0), NoValue: "no calls in this period", Color: fixed("blue"), Thresholds: steps("blue")},
		m{
			"orientation": "horizontal", "displayMode": "basic", "valueMode": "text", "namePlacement": "top", "showUnfilled": true, "sizing": "manual", "minVizHeight": 16, "maxVizHeight": 26, "minVizWidth": 8, "text": m{"titleSize": 12, "valueSize": 12},
			"reduceOptions": m{"calcs": []string{"lastNotNull"}, "fields": "/^Cost$/", "values": true, "limit": 11},
			"legend":        m{"displayMode": "list", "placement": "bottom", "showLegend": false, "calcs": []string{}},
		})
}

// since tells in descriptions which calls are read.
const since = " Of the newest 100,000 calls of the period; the panel Single calls says where they begin."

// covered says how much of the period the panels of single calls read.
func covered() grafana.Panel {
	sql := `SELECT extract(epoch FROM s.since)::float8 * 1000 AS "since",
       coalesce(r.calls::numeric / nullif(t.calls, 0), 1)::float8 AS "of all calls"
FROM (SELECT ` + callsSince + ` AS since) AS s
CROSS JOIN LATERAL (SELECT sum(calls) AS calls FROM usage_report.spend(s.since, ` + to + `, 'UTC', ` + usersArgument + `, false)) AS r
CROSS JOIN (SELECT sum(calls) AS calls FROM usage_report.spend(` + from + `, ` + to + `, 'UTC', ` + usersArgument + `, false)) AS t`
	p := stat("Single calls", "What the panels below read: the newest 100,000 calls of everybody or of the chosen users, because more cannot be read while somebody waits. Other filters choose among these. A shorter period reaches further back.", percent, table(sql))
	p.Options["textMode"] = "value_and_name"
	p.Options["wideLayout"] = false
	p.FieldConfig.Defaults.Decimals = ptr(0)
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, unit("since", "dateTimeAsIso"))
	return p
}

// distribution says what single calls cost.
func distribution() grafana.Panel {
	sql := `SELECT k.key AS "Name",
       percentile_disc(0.5) WITHIN GROUP (ORDER BY k.usage_dollars)::float8 AS "P50",
       percentile_disc(0.95) WITHIN GROUP (ORDER BY k.usage_dollars)::float8 AS "P95",
       max(k.usage_dollars)::float8 AS "Highest",
       count(*)::float8 AS "Calls"
FROM (
  SELECT CASE ${by:sqlstring}
           WHEN 'model' THEN c.model
           WHEN 'provider' THEN c.provider
           WHEN 'api_type' THEN c.api_type
           WHEN 'service' THEN c.service
           WHEN 'environment' THEN c.environment
           ELSE coalesce(a.name, '(no user)')
         END AS key, c.usage_dollars
  FROM (
SELECT user_id, api_type, provider, model, service, environment, usage_dollars
FROM ` + singleCalls + `
  AND pricing_status <> 'unpriced'
  ) AS c
  LEFT JOIN usage_report.account AS a ON ${by:sqlstring} = 'user' AND a.user_id = c.user_id
) AS k
GROUP BY k.key
ORDER BY sum(k.usage_dollars) DESC, k.key
LIMIT 50`
	return rows("Cost of a call by ${by}", "What half of the calls and 95 of 100 stay at or below."+since, sql,
		text("Name", minWidth(140)), unit("P50", dollars, width(95)), unit("P95", dollars, width(95)), unit("Highest", dollars, width(95)), unit("Calls", count, width(70)))
}

// uncertain lists why costs are not known or may be wrong.
func uncertain() grafana.Panel {
	sql := `SELECT pricing_status AS "Status",
       coalesce(pricing_reason, '') AS "Reason",
       count(*)::float8 AS "Calls",
       model AS "Model",
       service AS "Service",
       sum(tokens)::float8 AS "Tokens"
FROM ` + singleCalls + `
  AND pricing_status IN ('unpriced', 'estimated')
GROUP BY 1, 2, 4, 5
ORDER BY (pricing_status = 'unpriced') DESC, count(*) DESC, 2, 4, 5
LIMIT 100`
	return rows("Unpriced and estimated calls", "Why a cost is not known or may be wrong; docs/troubleshooting.md explains each reason."+since, sql,
		text("Status", width(85)), text("Reason", width(165)), unit("Calls", count, width(65)), text("Model", minWidth(200)), text("Service", width(125)), unit("Tokens", count, width(75)))
}

// callTable are single calls with what it takes to find them elsewhere.
func callTable() grafana.Panel {
	sql := `SELECT c.timestamp AS "Time",
       c.usage_dollars::float8 AS "Cost",
       coalesce(a.name, '(no user)') AS "User",
       c.model AS "Model",
       c.api_type AS "API type",
       c.service AS "Service",
       c.input_tokens::float8 AS "Input",
       c.output_tokens::float8 AS "Output",
       c.pricing_status AS "Status",
       c.trace_id AS "Trace",
       CASE WHEN l.url IS NOT NULL AND c.trace_id IS NOT NULL THEN 'open' END AS "Open",
       replace(replace(l.url, '{trace_id}', c.trace_id), '{span_id}', coalesce(c.span_id, '')) AS "url",
       c.request_id AS "Request"
FROM (
SELECT timestamp, user_id, api_type, model, service, usage_dollars, input_tokens, output_tokens, pricing_status, trace_id, span_id, request_id, id
FROM ` + singleCalls + `
ORDER BY usage_dollars DESC, timestamp DESC, id
LIMIT 200
) AS c
LEFT JOIN usage_report.account AS a ON a.user_id = c.user_id
LEFT JOIN usage_report.trace_link AS l ON true
ORDER BY c.usage_dollars DESC, c.timestamp DESC, c.id`
	return rows("Single calls, the most expensive first", "200 calls with their tokens and trace id; Open leads to the trace once the setting trace_url says where traces are (dashboards/README.md)."+since, sql,
		unit("Time", "dateTimeAsIso", width(155)), unit("Cost", dollars, width(90)), text("User", minWidth(165)), text("Model", minWidth(205)), text("API type", width(100)), text("Service", width(120)),
		unit("Input", count, width(75)), unit("Output", count, width(75)),
		text("Status", width(85)), text("Trace", width(275)),
		text("Open", width(60), grafana.Property{ID: "noValue", Value: ""},
			grafana.Property{ID: "links", Value: []grafana.Link{{Title: "Open the trace", URL: "${__data.fields.url}", TargetBlank: true}}}),
		hidden("url"), text("Request", width(150)))
}
