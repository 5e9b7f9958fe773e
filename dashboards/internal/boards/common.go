package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// UIDs of the boards and of their data source.
const (
	summaryUID    = "llm-usage-summary"
	breakdownUID  = "llm-usage-breakdown"
	trendsUID     = "llm-usage-trends"
	billUID       = "llm-usage-bill"
	tagsUID       = "llm-usage-tags"
	prometheusUID = "llm-usage-prometheus"
	sourceUID     = "llm-usage-postgres"
)

// tag marks our boards for the bar of links.
const tag = "llm-usage"

// quickRanges lists the periods to choose from. A period begins at a midnight of the viewer
// and ends now, and its unfinished last day counts as a day.
var quickRanges = []grafana.TimeRange{
	{Display: "Last 7 days", From: "now-6d/d", To: "now"},
	{Display: "Last 30 days", From: "now-29d/d", To: "now"},
	{Display: "Last 90 days", From: "now-89d/d", To: "now"},
	{Display: "Last 1 year", From: "now-1y/d", To: "now"},
	{Display: "Today", From: "now/d", To: "now"},
	{Display: "This month", From: "now/M", To: "now"},
	{Display: "Last month", From: "now-1M/M", To: "now-1M/M"},
}

// newBoard returns a board with what all boards share.
func newBoard(uid, title, description string) *grafana.Dashboard {
	b := grafana.New(uid, title, description)
	b.Tags = []string{tag}
	b.Time = grafana.TimeRange{From: "now-29d/d", To: "now"}
	b.Timepicker = grafana.Timepicker{RefreshIntervals: []string{"1m", "5m", "15m", "1h"}, QuickRanges: quickRanges}
	b.Links = []grafana.Link{{
		Title: "AI API usage", Type: "dashboards", Tags: []string{tag}, AsDropdown: true, KeepTime: true, IncludeVars: true,
	}}
	b.Annotations.List = []grafana.Annotation{}
	return b
}

// sqlBoard returns a board on the usage database, with the filters that all of these share.
func sqlBoard(uid, title, description string) *grafana.Dashboard {
	b := newBoard(uid, title, description)
	b.Templating.List = []grafana.Variable{
		filter("user", "User", "Whose calls. For chosen users, panels without sums by user read single calls.", usersQuery),
		filter("service", "Service", "service.name of the app.", valuesQuery("service")),
		filter("model", "Model", "The model that answered.", valuesQuery("model")),
		filter("api_type", "API type", "text, speech, tts, transcription, ...", valuesQuery("api_type")),
		filter("provider", "Provider", "Who bills.", valuesQuery("provider")),
		filter("environment", "Environment", "deployment.environment.name of the app.", valuesQuery("environment")),
		sourceVariable("postgres", "PostgreSQL with the usage database"),
	}
	// Without toggles: the filters have to fit into one row.
	b.Annotations.List = []grafana.Annotation{
		{Name: "Price changes", DataSource: source, Enable: true, Hide: true, IconColor: purple, Target: target("Prices", "table", priceChanges)},
		{Name: "Not over yet", DataSource: source, Enable: true, Hide: true, IconColor: gray, Target: target("Unfinished", "table", unfinished)},
	}
	return b
}

func sourceVariable(kind, description string) grafana.Variable {
	v := grafana.Variable{
		Name: "datasource", Label: "Data source", Description: description, Type: "datasource", Query: kind, Refresh: 1,
		Current: m{}, Options: []grafana.Option{},
	}
	if kind == source.Type { // among several data sources, select ours
		v.Current = m{"selected": true, "text": "AI API usage", "value": sourceUID}
	}
	return v
}

func filter(name, label, description, query string) grafana.Variable {
	return grafana.Variable{
		Name: name, Label: label, Description: description, Type: "query", DataSource: &source, Query: query, Definition: query,
		Refresh: 2, Sort: 1, Multi: true, IncludeAll: true, AllValue: allValue,
		Current: m{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}, Options: []grafana.Option{},
	}
}

// dimension is the variable by which a board breaks costs down.
func dimension() grafana.Variable {
	v := grafana.Variable{
		Name: "by", Label: "By", Description: "The dimension by which tables and charts break the cost down.", Type: "custom",
		Query:   "model,provider,api_type,service,environment,user",
		Current: m{"selected": true, "text": "model", "value": "model"},
	}
	for _, name := range dimensions {
		v.Options = append(v.Options, grafana.Option{Text: name, Value: name, Selected: name == dimensions[0]})
	}
	return v
}

var dimensions = []string{"model", "provider", "api_type", "service", "environment", "user"}

// valuesQuery returns a query for the values that occur in the period, rounded to whole UTC
// days. It always returns a row, because Grafana marks a filter as failed whose query
// returns none.
func valuesQuery(column string) string {
	return `SELECT unnest(coalesce(array_agg(DISTINCT ` + column + `), ARRAY['(none)'])) AS ` + column + `
FROM usage_report.day
WHERE bucket >= date_trunc('day', ` + from + `, 'UTC')
  AND bucket < ` + to + `
ORDER BY 1`
}

// usersQuery lists the users of the half months that overlap the period, at most the 5,000
// with the highest cost.
const usersQuery = `SELECT CASE u.user_id WHEN ` + noUser + ` THEN '(no user)' ELSE coalesce(a.name, u.user_id::text) END AS __text,
       u.user_id::text AS __value
FROM (
  SELECT user_id, sum(usage_dollars) AS cost
  FROM usage_report.user_half_month
  WHERE bucket >= date_trunc('month', ` + from + `, 'UTC')
    AND bucket < ` + to + `
  GROUP BY user_id
  UNION ALL
  SELECT ` + noUser + `, -1 -- a filter whose query gives no row is marked as failed
  WHERE NOT EXISTS (SELECT FROM usage_report.user_half_month WHERE bucket >= date_trunc('month', ` + from + `, 'UTC') AND bucket < ` + to + `)
  ORDER BY cost DESC, user_id
  LIMIT 5000
) AS u
LEFT JOIN usage_report.account AS a ON a.user_id = u.user_id
ORDER BY 1, 2`

// priceChanges selects the times at which list prices of a model changed.
var priceChanges = `SELECT valid_from AS time,
       model || ', per million ' || string_agg(replace(kind, '_', ' ') || ': $' || trim_scale(previous_dollars_per_million) || ' to $' || trim_scale(dollars_per_million), ', ' ORDER BY kind) AS text,
       provider AS tags
FROM usage_report.list_price
WHERE valid_from >= ` + from + `
  AND valid_from < ` + to + `
  AND previous_dollars_per_million <> dollars_per_million
  AND ` + isChosen("provider", "provider") + `
  AND ` + isChosen("model", "model") + `
GROUP BY valid_from, provider, model
ORDER BY valid_from, provider, model`
