package boards

import (
	"fmt"

	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
)

// A ranking lists the largest keys of a period, and all others as one row, so that its rows
// add up to the total.

// keyOfBy selects the dimension that the variable "by" names, from a row with every
// dimension except the user.
const keyOfBy = `CASE ${by:sqlstring}
         WHEN 'model' THEN model
         WHEN 'provider' THEN provider
         WHEN 'api_type' THEN api_type
         WHEN 'service' THEN service
         WHEN 'environment' THEN environment
       END`

// sums is a query for partial sums of a period by key, with the columns key, user_id and
// the measures. Kinds of tokens are NULL for users, because no rollup keeps them by user.
type sums struct {
	of func(from, to string) string
	// comparable is the condition under which the previous period has the same sums.
	comparable string
}

// keyed sums by the dimension that the variable "by" names.
var keyed = sums{
	comparable: "NOT (${by:sqlstring} = 'user' AND " + usersFromCalls + ")",
	of: func(from, to string) string {
		return byColumn(keyOfBy, "true", "${by:sqlstring} <> 'user'")(from, to) + "\nUNION ALL\n" + byUser("${by:sqlstring} = 'user'")(from, to)
	},
}

// keyedBy sums by one dimension other than the user.
func keyedBy(column, detail string) sums {
	return sums{of: byColumn(column, detail, "true"), comparable: "true"}
}

// keyedByUser sums by user.
var keyedByUser = sums{of: byUser("true"), comparable: "NOT " + usersFromCalls}

func byColumn(column, detail, where string) func(from, to string) string {
	return func(from, to string) string {
		return `SELECT ` + column + ` AS key,
       NULL::uuid AS user_id, calls, unpriced_calls, tokens, unpriced_tokens,
       input_tokens, output_tokens, cache_read_tokens, usage_dollars
FROM ` + spend(from, to, utc, detail) + `
  AND ` + where
	}
}

// byUser returns a query for sums by user. If a filter is set that the sums by user lack,
// it reads the newest single calls instead; older calls are then one row without a user.
func byUser(where string) func(from, to string) string {
	return func(from, to string) string {
		return `SELECT user_id::text AS key, user_id, calls, unpriced_calls, tokens, 0::bigint AS unpriced_tokens,
       NULL::bigint AS input_tokens, NULL::bigint AS output_tokens, NULL::bigint AS cache_read_tokens, usage_dollars
FROM ` + spendByUser(from, to) + `
  AND NOT ` + usersFromCalls + ` AND ` + where + `
UNION ALL
SELECT coalesce(user_id, ` + noUser + `)::text, coalesce(user_id, ` + noUser + `), 1, (pricing_status = 'unpriced')::int, tokens,
       CASE WHEN pricing_status = 'unpriced' THEN tokens ELSE 0 END, input_tokens, output_tokens, cache_read_tokens, usage_dollars
FROM ` + singleCalls(from, to) + `
  AND ` + usersFromCalls + ` AND ` + where + `
UNION ALL
SELECT ` + anyUser + `, ` + anyUser + `, calls, unpriced_calls, tokens, unpriced_tokens, input_tokens, output_tokens, cache_read_tokens, usage_dollars
FROM (SELECT ` + callsSince(from, to) + ` AS since OFFSET 0) AS newest
CROSS JOIN LATERAL usage_report.spend(` + from + `, newest.since, 'UTC', ARRAY['__all'], true) AS earlier
WHERE ` + filtered + `
  AND ` + usersFromCalls + ` AND ` + where
	}
}

// nameOf is the display name of a key; the view account is joined as a.
const nameOf = `CASE s.user_id
         WHEN ` + noUser + ` THEN '(no user)'
         WHEN ` + anyUser + ` THEN '(earlier calls, users not kept)'
         ELSE coalesce(a.name, s.key)
       END`

// bothPeriods returns CTEs with the sums by key: current and previous for the two periods,
// and s with both side by side.
func (s sums) bothPeriods() string {
	measures := `sum(usage_dollars) AS cost, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls,
       sum(tokens) AS tokens, sum(unpriced_tokens) AS unpriced_tokens,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cache_read_tokens) AS cache_read_tokens`
	return `current AS (
SELECT key, user_id, ` + measures + `
FROM (
` + s.of(from, to) + `
) AS c
GROUP BY key, user_id
HAVING sum(calls) <> 0
), previous AS (
SELECT key, user_id, sum(usage_dollars) AS cost, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls
FROM (
` + s.of(beforeFrom, beforeTo) + `
) AS p
WHERE ` + recorded + ` AND ` + s.comparable + `
GROUP BY key, user_id
HAVING sum(calls) <> 0
), s AS (
SELECT coalesce(c.key, p.key) AS key, coalesce(c.user_id, p.user_id) AS user_id,
       c.cost, c.calls, c.unpriced_calls, c.tokens, c.unpriced_tokens, c.input_tokens, c.output_tokens, c.cache_read_tokens,
       p.cost AS previous_cost, p.calls AS previous_calls, p.unpriced_calls AS previous_unpriced
FROM current AS c
FULL JOIN previous AS p ON p.key = c.key
)`
}

// changeOf is the change of a sum over rows of s. It is NaN, shown as "new", when there
// were no calls before. It is NULL when a cost is unknown or nothing was recorded then.
func (s sums) changeOf() string {
	return `CASE
         WHEN NOT coalesce(` + recorded + `, false) OR NOT ` + s.comparable + ` OR sum(calls) = sum(unpriced_calls) THEN NULL
         WHEN sum(previous_calls) IS NULL THEN 'NaN'
         ELSE (coalesce(sum(cost), 0) - sum(previous_cost)) / nullif(sum(previous_cost), 0)
       END::float8`
}

// ranked returns a query for the largest keys of a period with cost, share and change. One
// more row sums all others, including keys that only the previous period has. The key of
// that row, '$__all', resets a filter in a link. columns adds columns over the sums of each
// row. restFirst puts the row of all others first, where it is visible in a long table.
func (s sums) ranked(rows int, restFirst bool, columns string) string {
	if columns != "" {
		columns = ",\n       " + columns
	}
	order := "rank"
	if restFirst {
		order = fmt.Sprintf("rank <= %d, rank", rows)
	}
	return fmt.Sprintf(`WITH %[1]s, ranks AS (
SELECT s.*, row_number() OVER (ORDER BY s.cost DESC NULLS LAST, s.calls DESC NULLS LAST, s.key) AS place
FROM s
), rows AS (
SELECT CASE WHEN s.place <= %[2]d AND s.calls IS NOT NULL AND s.user_id IS DISTINCT FROM %[3]s THEN s.key ELSE '$' || '__all' END AS key,
       CASE WHEN s.place <= %[2]d AND s.calls IS NOT NULL THEN %[4]s ELSE 'all others' END AS name,
       CASE WHEN s.place <= %[2]d AND s.calls IS NOT NULL THEN s.place ELSE %[2]d + 1 END AS rank,
       s.cost, s.calls, s.unpriced_calls, s.tokens, s.unpriced_tokens, s.input_tokens, s.output_tokens, s.cache_read_tokens, s.previous_cost, s.previous_calls
FROM ranks AS s
LEFT JOIN usage_report.account AS a ON a.user_id = s.user_id
)
SELECT key AS "key",
       name || CASE WHEN rank > %[2]d THEN ' (' || count(calls) || ')' ELSE '' END AS "Name",
       CASE WHEN sum(calls) <> sum(unpriced_calls) THEN sum(cost) END::float8 AS "Cost",
       %[5]s AS "Change",
       (CASE WHEN sum(calls) <> sum(unpriced_calls) THEN sum(cost) END / nullif(sum(sum(cost)) OVER (), 0))::float8 AS "Share",
       sum(calls)::float8 AS "Calls",
       nullif(sum(unpriced_calls), 0)::float8 AS "Unpriced"%[6]s
FROM rows
GROUP BY key, name, rank
HAVING sum(calls) <> 0
ORDER BY %[7]s`, s.bothPeriods(), rows, anyUser, nameOf, s.changeOf(), columns, order)
}

// perCall and perMillion exclude calls without a price, because unknown is not free.
const (
	perCall    = `(sum(cost) / nullif(sum(calls) - sum(unpriced_calls), 0))::float8 AS "Cost per call"`
	perMillion = `(CASE WHEN sum(calls) <> sum(unpriced_calls) THEN sum(cost) * 1000000 / nullif(sum(tokens) - sum(unpriced_tokens), 0) END)::float8 AS "Cost per 1M tokens"`
)

// named is how many keys of a ranking have rows of their own, in addition to the row of all
// others.
const named = 8

// ranking returns a table of the largest keys with share and change.
func ranking(title, description string, s sums, variable string) grafana.Panel {
	return rows(title, description+" The last row is all others; the rows add up to the total.", s.ranked(named, false, ""),
		rankingColumns(variable)...)
}

func rankingColumns(variable string) []grafana.Override {
	return []grafana.Override{
		hidden("key"), linked("Name", "Break down", breakdownUID, variable), money("Cost", width(110)), changed("Change"), gauge("Share", width(110)),
		unit("Calls", count, width(80)), unpricedCalls("Unpriced"),
	}
}

// movers returns a query for the keys whose cost changed most, including those that
// disappeared. If all calls of either period are unpriced, the difference is NULL.
func (s sums) movers() string {
	return fmt.Sprintf(`WITH %[1]s, ranks AS (
SELECT s.key, s.user_id, coalesce(s.cost, 0) AS cost, coalesce(s.previous_cost, 0) AS previous_cost, s.calls, s.unpriced_calls, s.previous_calls, s.previous_unpriced,
       row_number() OVER (ORDER BY abs(coalesce(s.cost, 0) - coalesce(s.previous_cost, 0)) DESC, s.key) AS place
FROM s
WHERE %[2]s AND %[3]s
), rows AS (
SELECT CASE WHEN s.place <= %[4]d AND s.cost <> s.previous_cost THEN s.key ELSE '$' || '__all' END AS key,
       CASE WHEN s.place <= %[4]d AND s.cost <> s.previous_cost THEN %[5]s ELSE 'all others' END AS name,
       CASE WHEN s.cost <> s.previous_cost THEN least(s.place, %[4]d + 1) ELSE %[4]d + 1 END AS rank,
       s.cost, s.previous_cost, s.calls, s.unpriced_calls, s.previous_calls, s.previous_unpriced
FROM ranks AS s
LEFT JOIN usage_report.account AS a ON a.user_id = s.user_id
)
SELECT key AS "key",
       name || CASE WHEN rank > %[4]d THEN ' (' || count(*) || ')' ELSE '' END AS "Name",
       CASE WHEN (sum(calls) = sum(unpriced_calls)) IS NOT TRUE AND (sum(previous_calls) = sum(previous_unpriced)) IS NOT TRUE THEN sum(cost) - sum(previous_cost) END::float8 AS "Difference",
       CASE WHEN (sum(calls) = sum(unpriced_calls)) IS TRUE THEN NULL
            WHEN sum(previous_calls) IS NULL THEN 'NaN'
            ELSE (sum(cost) - sum(previous_cost)) / nullif(sum(previous_cost), 0) END::float8 AS "Change",
       CASE WHEN sum(calls) IS NULL OR sum(calls) <> sum(unpriced_calls) THEN sum(cost) END::float8 AS "Now",
       CASE WHEN sum(previous_calls) IS NULL OR sum(previous_calls) <> sum(previous_unpriced) THEN sum(previous_cost) END::float8 AS "Before"
FROM rows
GROUP BY key, name, rank
ORDER BY rank`, s.bothPeriods(), recorded, s.comparable, named, nameOf)
}

// overTime returns a query with a point per bar for each of the largest keys, for all
// others and for the total. Names are prefixed with "1. " to "8. " so that the largest is
// at the bottom. at is the start of a bar. Keys without any price have no points.
func overTime(parts, at, key string) string {
	return fmt.Sprintf(`WITH parts AS (
SELECT %[2]s AS at, key,
       sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(usage_dollars) AS cost
FROM (
%[1]s
) AS m
GROUP BY 1, 2
HAVING sum(calls) <> 0
), keys AS (
SELECT key, row_number() OVER (ORDER BY sum(cost) DESC, key) AS place
FROM parts
GROUP BY key
HAVING sum(calls) <> sum(unpriced_calls)
)
SELECT p.at AS "time",
       CASE WHEN k.place <= %[3]d THEN k.place || '. ' || p.key ELSE 'all others' END AS metric,
       sum(p.cost)::float8 AS value
FROM parts AS p
JOIN keys AS k ON k.key = p.key
GROUP BY 1, 2
HAVING sum(p.calls) <> sum(p.unpriced_calls)
UNION ALL
SELECT at, 'total', sum(cost)::float8
FROM parts
GROUP BY at
HAVING sum(calls) <> sum(unpriced_calls)
ORDER BY 1, 2`, perMoment(parts, key, "calls", "unpriced_calls", "usage_dollars"), at, named)
}
