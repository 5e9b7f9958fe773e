package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// sessionTable returns the table of sessions. A session is one user's, as in the query API.
// Calls without a session are a row of their own, so that the rows add up.
func sessionTable() grafana.Panel {
	const shown = "100"
	ofMostExpensive := func(column string) string {
		return "(array_agg(" + column + " ORDER BY usage_dollars DESC, timestamp DESC, id) FILTER (WHERE trace_id IS NOT NULL))[1]"
	}
	one := func(expression string) string {
		return "CASE WHEN s.place <= " + shown + " THEN " + expression + " END"
	}
	several := func(name, count string) string {
		return one("min(s." + name + ") || CASE WHEN min(s." + count + ") > 1 THEN ' and ' || min(s." + count + ") - 1 || ' more' ELSE '' END")
	}
	sql := `WITH sessions AS MATERIALIZED (
SELECT session_id, CASE WHEN session_id <> '(none)' THEN user_id END AS user_id,
       count(*) AS calls, count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced_calls, sum(usage_dollars) AS cost, sum(tokens) AS tokens,
       min(timestamp) AS first, max(timestamp) AS last, min(model) AS model, count(DISTINCT model) AS models, min(service) AS service, count(DISTINCT service) AS services,
       count(DISTINCT trace_id) AS traces, ` + ofMostExpensive("trace_id") + ` AS trace_id, ` + ofMostExpensive("span_id") + ` AS span_id
FROM usage_report.recent_session_calls(` + from + `, ` + to + `, ` + usersArgument + `, ` + atMost + `)
WHERE ` + filtered + `
GROUP BY 1, 2
), ranks AS (
SELECT *, CASE WHEN session_id = '(none)' THEN ` + shown + ` + 2
            ELSE least(row_number() OVER (ORDER BY session_id = '(none)', cost DESC, calls DESC, session_id, user_id), ` + shown + ` + 1) END AS place
FROM sessions
)
SELECT CASE s.place WHEN ` + shown + ` + 1 THEN 'all others (' || count(*) || ')' WHEN ` + shown + ` + 2 THEN '(no session)' ELSE min(s.session_id) END AS "Session",
       ` + known("sum(s.cost)") + `::float8 AS "Cost",
       sum(s.calls)::float8 AS "Calls",
       nullif(sum(s.unpriced_calls), 0)::float8 AS "Unpriced",
       sum(s.tokens)::float8 AS "Tokens",
       ` + one("coalesce(min(a.name), '(no user)')") + ` AS "User",
       ` + several("model", "models") + ` AS "Models",
       ` + several("service", "services") + ` AS "Services",
       min(s.first) AS "First call",
       max(s.last) AS "Last call",
       ` + one("min(s.traces)") + `::float8 AS "Traces",
       ` + one("min(s.trace_id)") + ` AS "Trace",
       ` + one("coalesce(replace(replace(min(l.url), '{trace_id}', min(s.trace_id)), '{span_id}', coalesce(min(s.span_id), '')), '"+howToTraces+"')") + ` AS "url"
FROM ranks AS s
LEFT JOIN usage_report.account AS a ON a.user_id = s.user_id
LEFT JOIN usage_report.trace_link AS l ON true
GROUP BY s.place
ORDER BY s.place`
	cut := grafana.Property{ID: "custom.inspect", Value: true}
	search := grafana.Property{ID: "custom.filterable", Value: true}
	return rows("Sessions, the most expensive first", "100 conversations or sessions, one row for all others and one for the calls without one. A session is one user's. The funnel beside a heading searches. The trace is that of the most expensive call; a click opens it, or explains how to configure the trace store."+since, sql,
		names("Session", search), money("Cost", width(110)), unit("Calls", count, width(80)), unpricedCalls("Unpriced"), unit("Tokens", count, width(85)), text("User", minWidth(130), cut, search),
		text("Models", minWidth(150), cut, search), text("Services", minWidth(120), cut, search), unit("First call", "dateTimeAsIso", width(155)), unit("Last call", "dateTimeAsIso", width(155)),
		unit("Traces", count, width(75)), text("Trace", minWidth(150), cut, grafana.Property{ID: "links", Value: []grafana.Link{{Title: "Open the trace", URL: "${__data.fields.url}", TargetBlank: true}}}),
		hidden("url"))
}
