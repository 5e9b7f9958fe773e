package boards

import "strings"

// Every table and function is written with its schema, every time is cast, and
// days are those of a named time zone: a viewer's session settings stay in the
// data source's connections and must change nothing for the next viewer.
//
// Macros and variables in the snippets are Grafana's; package macro documents
// them.

// Moments of the chosen period. A period and the one before it share their
// border and no call.
const (
	from = "$__timeFrom()::timestamptz"
	to   = "$__timeTo()::timestamptz"
	// before is where the previous period, of equal length, begins.
	before = "($__timeFrom()::timestamptz - ($__timeTo()::timestamptz - $__timeFrom()::timestamptz))"
)

// Time zones.
const (
	viewer = "'${__timezone}'" // the viewer's
	utc    = "'UTC'"           // sums by period need no days, and UTC days are the cheapest
)

// allValue is what "All" inserts. A list of all values would lose nothing now
// that '(none)' stands for unknown ones, but grow to thousands of items.
const allValue = "'__all'"

// chosen is what a filter has, as an array of text.
func chosen(variable string) string { return "ARRAY[${" + variable + ":sqlstring}]::text[]" }

// isAll is true when a filter leaves nothing out: All, or a filter that the
// viewer has cleared, which Grafana inserts as nothing or as an empty text.
func isAll(variable string) string {
	return "ARRAY['__all', ''] @> " + chosen(variable)
}

// allUsers is true when no user is chosen.
var allUsers = isAll("user")

// usersArgument is the chosen users as functions of usage_report take them.
var usersArgument = "CASE WHEN " + allUsers + " THEN ARRAY['__all'] ELSE " + chosen("user") + " END"

// IDs of usage_report.spend_by_user that are no user's.
const (
	noUser  = "'00000000-0000-0000-0000-000000000000'" // calls without a user
	anyUser = "'ffffffff-ffff-ffff-ffff-ffffffffffff'" // the sum of all, where no rollup keeps users apart
)

// isChosen is the condition that a column has one of the chosen values. Grafana
// writes a double quote in a value as \", so that the column is compared in that
// form.
func isChosen(variable, column string) string {
	return "(" + isAll(variable) + ` OR replace(` + column + `, '"', '\"') = ANY (` + chosen(variable) + "))"
}

// filtered is the condition of all filters but the users.
var filtered = strings.Join([]string{
	isChosen("api_type", "api_type"), isChosen("provider", "provider"), isChosen("model", "model"),
	isChosen("service", "service"), isChosen("environment", "environment"),
}, "\n  AND ")

// refined is true when a filter is set that the rollups of users lack.
var refined = "NOT (" + isAll("provider") + " AND " + isAll("model") + " AND " + isAll("service") + " AND " + isAll("environment") + ")"

// byType is true when API types are chosen.
var byType = "NOT " + isAll("api_type")

// spend are the sums of a period under all filters. detail tells whether more
// than cost, calls and tokens by API type is needed: "true", or refined.
func spend(from, to, zone, detail string) string {
	return "usage_report.spend(" + from + ", " + to + ", " + zone + ", " + usersArgument + ", " + detail + ")\nWHERE " + filtered
}

// spendByUser are the sums of a period by user under all filters.
func spendByUser(from, to string) string {
	return "usage_report.spend_by_user(" + from + ", " + to + ", " + usersArgument + ", " + byType + ", " + refined + ")\nWHERE " + filtered
}

// atMost bounds how many single calls a panel reads. 100,000 of 2,000,000 took
// half a second for everybody, one and a half for one user.
const atMost = "100000"

// callsSince is where the calls begin that panels of single calls read.
var callsSince = "usage_report.calls_since(" + from + ", " + to + ", " + usersArgument + ", " + atMost + ")"

// singleCalls are the newest calls of the period under all filters.
var singleCalls = "usage_report.recent_calls(" + from + ", " + to + ", " + usersArgument + ", " + atMost + ")\nWHERE " + filtered

// compared is a series of two points, the sum of the previous period at its
// end and the sum of this one: a stat panel compares first and last point, and
// so shows the true change. query gives one number for a period; without one for
// this period there are no points, because the panel would show the other sum.
func compared(name string, query func(from, to string) string) string {
	return "WITH sums AS MATERIALIZED (\nSELECT (\n" + query(before, from) + "\n)::float8 AS previous, (\n" + query(from, to) + `
)::float8 AS current
)
SELECT p.at AS "time", p.value AS "` + name + `"
FROM sums
CROSS JOIN LATERAL (VALUES (` + from + `, sums.previous), (` + to + `, sums.current)) AS p (at, value)
WHERE sums.current IS NOT NULL
ORDER BY 1`
}

// keyed are the sums of a period by the dimension that the variable "by" names:
// columns key, user_id and the measures, still to be added up. All kinds of
// tokens are NULL for users, for whom no rollup keeps them.
func keyed(from, to string) string {
	return `SELECT CASE ${by:sqlstring}
         WHEN 'model' THEN model
         WHEN 'provider' THEN provider
         WHEN 'api_type' THEN api_type
         WHEN 'service' THEN service
         WHEN 'environment' THEN environment
       END AS key,
       NULL::uuid AS user_id, calls, unpriced_calls, tokens, unpriced_tokens,
       input_tokens, output_tokens, cache_read_tokens, usage_dollars
FROM ` + spend(from, to, utc, "true") + `
  AND ${by:sqlstring} <> 'user'
UNION ALL
SELECT user_id::text, user_id, calls, unpriced_calls, tokens, 0,
       NULL, NULL, NULL, usage_dollars
FROM ` + spendByUser(from, to) + `
  AND ${by:sqlstring} = 'user'`
}

// keyedBy are the sums of a period by one dimension other than the user, with
// the columns of keyed.
func keyedBy(column, detail string) func(from, to string) string {
	return func(from, to string) string {
		return "SELECT " + column + ` AS key,
       NULL::uuid AS user_id, calls, unpriced_calls, tokens, unpriced_tokens,
       NULL::bigint AS input_tokens, NULL::bigint AS output_tokens, NULL::bigint AS cache_read_tokens, usage_dollars
FROM ` + spend(from, to, utc, detail)
	}
}

// keyedByUser are the sums of a period by user, with the columns of keyed.
func keyedByUser(from, to string) string {
	return `SELECT user_id::text AS key,
       user_id, calls, unpriced_calls, tokens, 0 AS unpriced_tokens,
       NULL::bigint AS input_tokens, NULL::bigint AS output_tokens, NULL::bigint AS cache_read_tokens, usage_dollars
FROM ` + spendByUser(from, to)
}

// nameOf is how people read a key; account is joined as a.
const nameOf = `CASE s.user_id
         WHEN ` + noUser + ` THEN '(no user)'
         WHEN ` + anyUser + ` THEN '(all users: choose some to see them by this filter)'
         ELSE coalesce(a.name, s.key)
       END`

// rankedSums are the largest keys of a period with cost, share and change, and
// the rest as one row, so that the rows add up to the total. The key of that
// row, '$__all', is what resets a filter in a link. columns are further columns
// over the sums of each row.
func rankedSums(rows string, sums func(from, to string) string, columns string) string {
	if columns != "" {
		columns = ",\n       " + columns
	}
	return `WITH current AS (
SELECT key, user_id, sum(usage_dollars) AS cost, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls,
       sum(tokens) AS tokens, sum(unpriced_tokens) AS unpriced_tokens,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cache_read_tokens) AS cache_read_tokens,
       row_number() OVER (ORDER BY sum(usage_dollars) DESC, key) AS rank
FROM (
` + sums(from, to) + `
) AS c
GROUP BY key, user_id
HAVING sum(calls) <> 0
), previous AS (
SELECT key, sum(usage_dollars) AS cost
FROM (
` + sums(before, from) + `
) AS p
GROUP BY key
), rows AS (
SELECT CASE WHEN s.rank <= ` + rows + ` THEN s.key ELSE '$' || '__all' END AS key,
       CASE WHEN s.rank <= ` + rows + ` THEN ` + nameOf + ` ELSE 'all others' END AS name,
       least(s.rank, ` + rows + ` + 1) AS rank,
       s.cost, s.calls, s.unpriced_calls, s.tokens, s.unpriced_tokens, s.input_tokens, s.output_tokens, s.cache_read_tokens,
       p.cost AS previous
FROM current AS s
LEFT JOIN previous AS p ON p.key = s.key
LEFT JOIN usage_report.account AS a ON a.user_id = s.user_id
)
SELECT key AS "key",
       name AS "Name",
       sum(cost)::float8 AS "Cost",
       ((sum(cost) - sum(previous)) / nullif(sum(previous), 0))::float8 AS "Change",
       (sum(cost) / nullif(sum(sum(cost)) OVER (), 0))::float8 AS "Share"` + columns + `
FROM rows
GROUP BY key, name, rank
ORDER BY rank`
}

// perCall and perMillion leave out what has no price: unknown is not free.
const (
	perCall    = `(sum(cost) / nullif(sum(calls) - sum(unpriced_calls), 0))::float8 AS "Cost per call"`
	perMillion = `(sum(cost) * 1000000 / nullif(sum(tokens) - sum(unpriced_tokens), 0))::float8 AS "Cost per 1M tokens"`
)

// localDays are the days of the period in the viewer's zone, as a subquery with
// the column day; extra days are put before it.
func localDays(extra string) string {
	return `(SELECT d AT TIME ZONE ` + viewer + ` AS day
FROM generate_series(
  date_trunc('day', ` + from + ` AT TIME ZONE ` + viewer + `) - interval '` + extra + `',
  date_trunc('day', (` + to + ` - interval '1 microsecond') AT TIME ZONE ` + viewer + `),
  interval '1 day') AS d)`
}

// localMidnight is the midnight in the viewer's zone before a moment, moved by
// whole days.
func localMidnight(at, back string) string {
	return "((date_trunc('day', " + at + " AT TIME ZONE " + viewer + ") - interval '" + back + "') AT TIME ZONE " + viewer + ")"
}
