package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// tagDays selects the UTC days that the period overlaps: sums by tag are kept by UTC day.
const tagDays = `bucket >= date_trunc('day', ` + from + `, 'UTC') AND bucket < ` + to

// chosenTag is the selected tag. A quote in a name would arrive as \".
const chosenTag = `replace((ARRAY[${tag:sqlstring}]::text[])[1], '\"', '"')`

// taggedBy selects sums by UTC day and value of a tag, with the calls that do not have it as
// (none), so that they add up to the total.
func taggedBy(tag string) string {
	return `SELECT bucket AS at, tag_value AS value, calls, unpriced_calls, tokens, usage_dollars
FROM usage_report.day_tag
WHERE tag_name = ` + tag + ` AND ` + tagDays + `
UNION ALL
SELECT bucket, '(none)', sum(calls), sum(unpriced_calls), sum(tokens), sum(usage_dollars)
FROM (
SELECT bucket, calls, unpriced_calls, tokens, usage_dollars
FROM usage_report.day_type
WHERE ` + tagDays + `
UNION ALL
SELECT bucket, -calls, -unpriced_calls, -tokens, -usage_dollars
FROM usage_report.day_tag
WHERE tag_name = ` + tag + ` AND ` + tagDays + `
) AS rest
GROUP BY bucket
HAVING sum(calls) <> 0`
}

// tagNames lists the tags of the period. It always returns a row, because Grafana marks a
// variable as failed whose query returns none.
const tagNames = `SELECT unnest(coalesce(array_agg(DISTINCT tag_name), ARRAY['(no tags)'])) AS tag
FROM usage_report.day_tag
WHERE ` + tagDays + `
ORDER BY 1`

// noTags is shown in a panel of tags when there is no call.
const noTags = "no calls in this period; how tags are turned on: docs/attribution.md"

// tagsBoard returns the board that breaks the cost down by a tag.
func tagsBoard() *grafana.Dashboard {
	b := newBoard(tagsUID, "AI API usage: tags",
		"What each team, tenant or feature costs: the values of a tag that genai_usage records (docs/attribution.md). Sums by tag are kept by UTC day, so the period is extended to whole UTC days.")
	b.Templating.List = []grafana.Variable{
		{
			Name: "tag", Label: "Tag", Description: "A tag of the key `tags` of genai_usage.", Type: "query", DataSource: &source, Query: tagNames, Definition: tagNames,
			Refresh: 2, Sort: 1, Current: m{}, Options: []grafana.Option{},
		},
		sourceVariable("postgres", "PostgreSQL with the usage database"),
	}
	l := grafana.NewLayout(b)
	daily := byRank(amount(bars("Cost over time by ${tag}", "The eight largest values, all others and the total, by UTC day. (none) stands for calls without the tag, (other) for the values beyond the limit of a day.", cents,
		series(overTime(taggedBy(chosenTag), "at", "value")))))
	daily.FieldConfig.Defaults.NoValue = noTags
	l.Row(12, daily)
	values := tagValues("Cost by ${tag}", "The 100 values with the highest cost, preceded by one row for all others if there are more. The rows add up to the total of the UTC days.", chosenTag)
	values.FieldConfig.Defaults.NoValue = noTags
	l.Row(14, values)
	agents := tagValues("Cost by agent", "The 100 agents with the highest cost: the values of the tag agent, whichever tag is chosen above. It needs agent: [gen_ai.agent.name, gen_ai.agent.id] among the tags of genai_usage (docs/attribution.md); without it every call is (none).", "'agent'")
	agents.FieldConfig.Defaults.NoValue = noTags
	l.Row(14, agents)
	return b
}

// tagValues returns the table of the values of a tag, an SQL expression.
func tagValues(title, description, tag string) grafana.Panel {
	return rows(title, description, `WITH sums AS (
SELECT value, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(tokens) AS tokens, sum(usage_dollars) AS cost
FROM (
`+taggedBy(tag)+`
) AS t
GROUP BY value
), ranks AS (
SELECT *, row_number() OVER (ORDER BY cost DESC, calls DESC, value) <= 100 AS listed
FROM sums
)
SELECT CASE WHEN listed THEN value ELSE 'all others' END AS "Name",
       `+known("sum(cost)")+`::float8 AS "Cost",
       sum(calls)::float8 AS "Calls",
       nullif(sum(unpriced_calls), 0)::float8 AS "Unpriced",
       sum(tokens)::float8 AS "Tokens",
       (sum(cost) / nullif(sum(calls) - sum(unpriced_calls), 0))::float8 AS "Cost per call"
FROM ranks
GROUP BY listed, 1
ORDER BY listed, sum(cost) DESC, 1`,
		names("Name"), money("Cost", width(110)), unit("Calls", count, width(90)), unit("Unpriced", count, width(90)), unit("Tokens", count, width(90)), perUnit("Cost per call", width(120)))
}
