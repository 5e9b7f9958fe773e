package boards

import (
	"fmt"

	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
)

// A ranking lists the largest keys of a period and the rest as one row, so that
// its rows add up to the total.

// keyOfBy is the dimension that the variable "by" names, of a row that has all
// but the user.
const keyOfBy = `CASE ${by:sqlstring}
         WHEN 'model' THEN model
         WHEN 'provider' THEN provider
         WHEN 'api_type' THEN api_type
         WHEN 'service' THEN service
         WHEN 'environment' THEN environment
       END`

// sums are the sums of a period by keys, still to be added up: columns key,
// user_id and the measures. All kinds of tokens are NULL for users, for whom no
// rollup keeps them.
type sums struct {
	of func(from, to string) string
	// comparable is the condition that the period before has the same sums.
	comparable string
}

// keyed are the sums by what the variable "by" names.
var keyed = sums{
	comparable: "NOT (${by:sqlstring} = 'user' AND " + usersFromCalls + ")",
	of: func(from, to string) string {
		return byColumn(keyOfBy, "true", "${by:sqlstring} <> 'user'")(from, to) + "\nUNION ALL\n" + byUser("${by:sqlstring} = 'user'")(from, to)
	},
}

// keyedBy are the sums by one dimension other than the user.
func keyedBy(column, detail string) sums {
	return sums{of: byColumn(column, detail, "true"), comparable: "true"}
}

// keyedByUser are the sums by user.
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

// byUser reads users from their sums, or from single calls where a filter is set
// that the sums lack. What lies before the newest calls that can be read is then
// one row without user.
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

// nameOf is how people read a key; account is joined as a.
const nameOf = `CASE s.user_id
         WHEN ` + noUser + ` THEN '(no user)'
         WHEN ` + anyUser + ` THEN '(earlier calls, users not kept)'
         ELSE coalesce(a.name, s.key)
       END`

// bothPeriods are the sums of this period and of the one before by key, as the
// common table expressions current and previous, and both side by side as s.
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

// changeOf is the change of a sum of rows of s: NaN, shown as "new", where there
// were no calls before, NULL where a cost is not known or nothing was recorded.
func (s sums) changeOf() string {
	return `CASE
         WHEN NOT coalesce(` + recorded + `, false) OR NOT ` + s.comparable + ` OR sum(calls) = sum(unpriced_calls) THEN NULL
         WHEN sum(previous_calls) IS NULL THEN 'NaN'
         ELSE (coalesce(sum(cost), 0) - sum(previous_cost)) / nullif(sum(previous_cost), 0)
       END::float8`
}

// ranked are the largest keys of a period with cost, share and change, and the
// rest, with what was there only before, as one row. The key of that row,
// '$__all', is what resets a filter in a link. columns are further columns over
// the sums of each row. restFirst puts the rest where a long table shows it.
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

// perCall and perMillion leave out what has no price: unknown is not free.
const (
	perCall    = `(sum(cost) / nullif(sum(calls) - sum(unpriced_calls), 0))::float8 AS "Cost per call"`
	perMillion = `(CASE WHEN sum(calls) <> sum(unpriced_calls) THEN sum(cost) * 1000000 / nullif(sum(tokens) - sum(unpriced_tokens), 0) END)::float8 AS "Cost per 1M tokens"`
)

// named are the keys of a ranking that are rows of their own; one more row is the
// rest.
const named = 8

// ranking is a table of the largest keys with share and change.
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

// movers lists whose cost changed most, those that went away too. Where all calls
// of one of the two periods are unpriced, there is no difference.
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

// overTime has a point for each bar and each of the largest keys, "1. " to "8. "
// before their names so that the largest is at the bottom, one for all others and
// one for the total. at is the begin of a bar. What has no price at all has no
// points.
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
