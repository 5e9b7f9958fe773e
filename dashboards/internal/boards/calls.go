package boards

import (
	"fmt"

	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
)

// Panels that read single calls.

// since is the part of descriptions that says which calls are read.
const since = " Covers the newest 100,000 calls of the period; the line above shows where they begin."

// covered returns the panel that says how much of the period the panels of single calls
// read.
func covered() grafana.Panel {
	sql := `SELECT CASE
         WHEN s.since <= usage_report.quarter(` + from + `) THEN 'all ' || r.calls || ' calls of the period'
         ELSE 'the newest ' || r.calls || ' calls, since ' || to_char(s.since AT TIME ZONE ` + viewer + `, 'YYYY-MM-DD HH24:MI') || ', ' || round(r.calls * 100 / t.calls) || ' % of the period'
       END AS "read"
FROM (SELECT ` + callsSince(from, to) + ` AS since OFFSET 0) AS s
CROSS JOIN LATERAL (SELECT sum(calls) AS calls FROM usage_report.spend(s.since, ` + to + `, 'UTC', ` + usersArgument + `, false)) AS r
CROSS JOIN (SELECT sum(calls) AS calls FROM usage_report.spend(` + from + `, ` + to + `, 'UTC', ` + usersArgument + `, false)) AS t
WHERE t.calls <> 0`
	p := stat("What the panels below read", "The newest 100,000 calls of everybody or of the chosen users; reading more would take too long. Other filters select among these calls. With a shorter period they cover more of it.", "string", table(sql))
	p.Options["reduceOptions"] = m{"calcs": []string{"last"}, "fields": "/.*/", "values": false}
	p.Options["text"] = m{"valueSize": 18}
	p.FieldConfig.Defaults.NoValue = "no calls in this period"
	return p
}

// distribution returns the panel of the cost of single calls.
func distribution() grafana.Panel {
	sql := fmt.Sprintf(`WITH calls AS MATERIALIZED (
  SELECT coalesce(%[1]s, a.name, '(no user)') AS key, c.usage_dollars
  FROM (
SELECT user_id, api_type, provider, model, service, environment, usage_dollars
FROM %[2]s
  AND pricing_status <> 'unpriced'
  ) AS c
  LEFT JOIN usage_report.account AS a ON ${by:sqlstring} = 'user' AND a.user_id = c.user_id
), keys AS (
  SELECT key, row_number() OVER (ORDER BY sum(usage_dollars) DESC, key) AS place
  FROM calls
  GROUP BY key
)
SELECT coalesce(k.name, 'all others (' || count(DISTINCT k.key) || ')') AS "Name",
       percentile_disc(0.5) WITHIN GROUP (ORDER BY c.usage_dollars)::float8 AS "P50",
       percentile_disc(0.95) WITHIN GROUP (ORDER BY c.usage_dollars)::float8 AS "P95",
       max(c.usage_dollars)::float8 AS "Highest",
       count(*)::float8 AS "Calls",
       sum(c.usage_dollars)::float8 AS "Cost"
FROM calls AS c
JOIN (SELECT key, CASE WHEN place <= %[3]d THEN key END AS name, least(place, %[3]d + 1) AS place FROM keys) AS k ON k.key = c.key
GROUP BY k.name, k.place
ORDER BY k.place`, keyOfBy, singleCalls(from, to), named)
	return rows("Cost of a call by ${by}", "The cost that half of the calls (median) and 95 of 100 calls do not exceed; calls without a price are left out."+since, sql,
		names("Name"), perUnit("P50", width(105)), perUnit("P95", width(105)), perUnit("Highest", width(105)), unit("Calls", count, width(70)), money("Cost", width(100)))
}

// uncertain returns the panel of the reasons why costs are unknown or estimated.
func uncertain() grafana.Panel {
	sql := fmt.Sprintf(`WITH groups AS (
SELECT pricing_status AS status, coalesce(pricing_reason, '') AS reason, model, service, count(*) AS calls, sum(tokens) AS tokens,
       row_number() OVER (ORDER BY pricing_status = 'unpriced' DESC, count(*) DESC, coalesce(pricing_reason, ''), model, service) AS place
FROM %[1]s
  AND pricing_status IN ('unpriced', 'estimated')
GROUP BY 1, 2, 3, 4
)
SELECT status AS "Status", reason AS "Reason", calls::float8 AS "Calls", model AS "Model", service AS "Service", tokens::float8 AS "Tokens"
FROM (
SELECT place, status, reason, calls, model, service, tokens
FROM groups
WHERE place <= %[2]d
UNION ALL
SELECT %[2]d + 1, string_agg(DISTINCT status, ', ' ORDER BY status), 'all others (' || count(*) || ')', sum(calls), NULL, NULL, sum(tokens)
FROM groups
WHERE place > %[2]d
HAVING count(*) > 0
) AS t
ORDER BY place`, singleCalls(from, to), named)
	p := rows("Unpriced and estimated calls", "Why a cost is unknown or may be wrong; docs/troubleshooting.md explains each reason."+since, sql,
		text("Status", width(90)), names("Reason"), unit("Calls", count, width(70)), text("Model", minWidth(200), grafana.Property{ID: "custom.inspect", Value: true}), text("Service", width(125)), unit("Tokens", count, width(80)))
	p.FieldConfig.Defaults.NoValue = "every cost is known"
	return p
}

// assumed returns the panel of the assumptions that prices made. A call with several is
// listed once, under all of them together.
func assumed() grafana.Panel {
	sql := fmt.Sprintf(`WITH groups AS (
SELECT array_to_string(pricing_assumptions, ', ') AS assumed, model, dialect, count(*) AS calls, sum(usage_dollars) AS cost,
       row_number() OVER (ORDER BY sum(usage_dollars) DESC, count(*) DESC, pricing_assumptions, model, dialect) AS place
FROM %[1]s
  AND pricing_assumptions <> '{}' AND pricing_status <> 'unpriced'
GROUP BY pricing_assumptions, model, dialect
)
SELECT assumed AS "Assumed", cost::float8 AS "Cost", calls::float8 AS "Calls", model AS "Model", dialect AS "Dialect"
FROM (
SELECT place, assumed, cost, calls, model, dialect
FROM groups
WHERE place <= %[2]d
UNION ALL
SELECT %[2]d + 1, 'all others (' || count(*) || ')', sum(cost), sum(calls), NULL, NULL
FROM groups
WHERE place > %[2]d
HAVING count(*) > 0
) AS t
ORDER BY place`, singleCalls(from, to), named)
	p := rows("Costs on assumptions", "What was assumed when a call did not report something that its price depends on; docs/troubleshooting.md explains how to report it."+since, sql,
		names("Assumed"), money("Cost", width(100)), unit("Calls", count, width(70)), text("Model", minWidth(150), grafana.Property{ID: "custom.inspect", Value: true}), text("Dialect", width(130)))
	p.FieldConfig.Defaults.NoValue = "nothing had to be assumed"
	return p
}

// reported returns the panel that compares our costs with those that arrived with the
// calls.
func reported() grafana.Panel {
	sql := fmt.Sprintf(`WITH groups AS (
SELECT provider || ' ' || model AS name, count(*) AS calls, sum(reported_dollars) AS reported, sum(usage_dollars) AS computed,
       row_number() OVER (ORDER BY abs(sum(reported_dollars) - sum(usage_dollars)) DESC, provider, model) AS place
FROM %[1]s
  AND reported_dollars IS NOT NULL AND cost_source = 'computed' AND pricing_status <> 'unpriced'
GROUP BY provider, model
)
SELECT coalesce(g.name, 'all others (' || count(*) || ')') AS "Name",
       sum(reported)::float8 AS "Reported",
       sum(computed)::float8 AS "Computed",
       ((sum(computed) - sum(reported)) / nullif(sum(reported), 0))::float8 AS "Difference",
       sum(calls)::float8 AS "Calls"
FROM (SELECT CASE WHEN place <= %[2]d THEN name END AS name, least(place, %[2]d + 1) AS place, reported, computed, calls FROM groups) AS g
GROUP BY g.name, g.place
ORDER BY g.place`, singleCalls(from, to), named)
	p := rows("Reported against computed cost", "Calls that arrived with a cost and were also priced from the price book, the largest differences first."+since, sql,
		names("Name"), money("Reported", width(105)), money("Computed", width(105)), unit("Difference", percent, decimals(1), width(95)), unit("Calls", count, width(70)))
	p.FieldConfig.Defaults.NoValue = "no call arrived with a cost beside the computed one"
	return p
}

// currencies returns the panel of costs in other currencies. Each UTC day is converted at
// its rate, including the parts of days at the ends of the period.
func currencies() grafana.Panel {
	sql := `WITH days AS (
SELECT day, ` + known("sum(usage_dollars)") + ` AS cost
FROM ` + spend(from, to, utc, refined) + `
GROUP BY day
HAVING sum(calls) <> 0
)
SELECT c.currency AS "Currency",
       CASE WHEN count(*) = count(r.rate) THEN sum(d.cost * r.rate) END::float8 AS "Cost",
       CASE WHEN count(*) = count(r.rate) THEN sum(d.cost * r.rate) / nullif(sum(d.cost), 0) END::float8 AS "Average rate",
       sum(d.cost)::float8 AS "Dollars",
       CASE WHEN count(*) <> count(r.rate) THEN 'no rate before ' || c.since END AS "Missing"
FROM (SELECT currency, min(valid_from) AS since FROM usage_report.exchange_rate GROUP BY currency) AS c
CROSS JOIN days AS d
LEFT JOIN usage_report.exchange_rate AS r
  ON r.currency = c.currency AND r.valid_from <= (d.day AT TIME ZONE 'UTC')::date AND (r.valid_until IS NULL OR (d.day AT TIME ZONE 'UTC')::date < r.valid_until)
GROUP BY c.currency, c.since
ORDER BY c.currency`
	p := rows("Other currencies", "The cost above, converted at the rate of each UTC day (usagectl rates import).", sql,
		text("Currency", minWidth(90)), unit("Cost", "locale", decimals(2), width(120)), unit("Average rate", "none", decimals(4), width(110)), money("Dollars", width(120)), text("Missing", minWidth(120)))
	p.FieldConfig.Defaults.NoValue = "no exchange rates yet: usagectl rates import"
	return p
}

// callTable returns the table of single calls, with the ids by which they can be found
// elsewhere.
func callTable() grafana.Panel {
	const shown = "200"
	sql := `WITH calls AS MATERIALIZED (
SELECT timestamp, user_id, api_type, model, service, usage_dollars, input_tokens, output_tokens, pricing_status, trace_id, span_id, request_id, id
FROM ` + singleCalls(from, to) + `
), first AS MATERIALIZED (
SELECT c.*, row_number() OVER () AS place
FROM (SELECT * FROM calls ORDER BY usage_dollars DESC, timestamp DESC, id LIMIT ` + shown + `) AS c
)
SELECT "Time", "Cost", "User", "Model", "API type", "Service", "Input", "Output", "Status", "Trace", "url", "Request"
FROM (
SELECT 0 AS place, NULL::timestamptz AS "Time",
       CASE WHEN bool_or(pricing_status <> 'unpriced') THEN sum(usage_dollars) END::float8 AS "Cost",
       'all others (' || count(*) || ')' AS "User",
       NULL AS "Model", NULL AS "API type", NULL AS "Service", sum(input_tokens)::float8 AS "Input", sum(output_tokens)::float8 AS "Output",
       NULL AS "Status", NULL AS "Trace", NULL AS "url", NULL AS "Request"
FROM calls
WHERE id NOT IN (SELECT id FROM first)
HAVING count(*) > 0
UNION ALL
SELECT c.place, c.timestamp,
       CASE WHEN c.pricing_status <> 'unpriced' THEN c.usage_dollars END::float8,
       coalesce(a.name, '(no user)'),
       c.model, c.api_type, c.service, c.input_tokens::float8, c.output_tokens::float8, c.pricing_status, c.trace_id,
       coalesce(replace(replace(l.url, '{trace_id}', c.trace_id), '{span_id}', coalesce(c.span_id, '')), '` + howToTraces + `'),
       c.request_id
FROM first AS c
LEFT JOIN usage_report.account AS a ON a.user_id = c.user_id
LEFT JOIN usage_report.trace_link AS l ON true
) AS t
ORDER BY place`
	cut := grafana.Property{ID: "custom.inspect", Value: true}
	return rows("Single calls, the most expensive first", "200 calls, preceded by one row for all others if there are more. A click on a trace id opens the trace, or explains how to configure the trace store."+since, sql,
		unit("Time", "dateTimeAsIso", width(155)), perUnit("Cost", width(110)), names("User"), text("Model", minWidth(210), cut), text("API type", width(100)), text("Service", minWidth(130), cut),
		unit("Input", count, width(75)), unit("Output", count, width(75)), text("Status", width(90)),
		text("Trace", minWidth(150), cut, grafana.Property{ID: "links", Value: []grafana.Link{{Title: "Open the trace", URL: "${__data.fields.url}", TargetBlank: true}}}),
		hidden("url"), text("Request", minWidth(150), cut))
}

// howToTraces is the link of a trace id while no trace URL is configured.
const howToTraces = "https://github.com/otelcol-usage/otelcol-usage/blob/main/dashboards/README.md#from-a-call-to-its-trace"
