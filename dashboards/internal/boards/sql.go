package boards

import "strings"

// Every table and function is qualified with its schema, every time is cast, and days
// belong to a named time zone. Otherwise settings that a viewer makes in a session, which
// the data source's connections keep, would affect the next viewer.
//
// Macros and variables in the snippets are Grafana's; package macro documents them.

// allValue is the value of "All". A list of all values would be correct too, since '(none)'
// stands for unknown ones, but could have thousands of items.
const allValue = "'__all'"

// chosen is the value of a filter as an array of text.
func chosen(variable string) string { return "ARRAY[${" + variable + ":sqlstring}]::text[]" }

// isAll is true when a filter excludes nothing: "All", or a filter that the viewer has
// cleared, which Grafana inserts as nothing or as an empty text.
func isAll(variable string) string {
	return "ARRAY['__all', ''] @> " + chosen(variable)
}

// allUsers is true when no user is selected.
var allUsers = isAll("user")

// usersArgument is the selected users as an argument of the functions of usage_report.
var usersArgument = "CASE WHEN " + allUsers + " THEN ARRAY['__all'] ELSE " + chosen("user") + " END"

// Ids in the result of usage_report.spend_by_user that are not users.
const (
	noUser  = "'00000000-0000-0000-0000-000000000000'" // calls without a user
	anyUser = "'ffffffff-ffff-ffff-ffff-ffffffffffff'" // the sum of all users, where no rollup keeps them separately
)

// isChosen is the condition that a column has one of the selected values. Grafana writes a
// double quote in a value as \", which is undone once per value and not once per row.
func isChosen(variable, column string) string {
	return "(" + isAll(variable) + " OR " + column + ` = ANY (ARRAY(SELECT replace(value, '\"', '"') FROM unnest(` + chosen(variable) + `) AS value)))`
}

// filtered is the condition of all filters except the users.
var filtered = strings.Join([]string{
	isChosen("api_type", "api_type"), isChosen("provider", "provider"), isChosen("model", "model"),
	isChosen("service", "service"), isChosen("environment", "environment"),
}, "\n  AND ")

// refined is true when a filter is set that the rollups by user lack.
var refined = "NOT (" + isAll("provider") + " AND " + isAll("model") + " AND " + isAll("service") + " AND " + isAll("environment") + ")"

// byType is true when API types are selected.
var byType = "NOT " + isAll("api_type")

// unfiltered is true when no filter is set.
var unfiltered = "(" + allUsers + " AND NOT " + refined + " AND NOT " + byType + ")"

// usersFromCalls is true when users can be distinguished only call by call: no user is
// selected, and a filter is set that the sums by user lack.
var usersFromCalls = "(" + allUsers + " AND " + refined + ")"

// spend selects the sums of a period with all filters. detail is the condition under which
// more is needed than cost, calls and tokens by API type: "true", or refined.
func spend(from, to, zone, detail string) string {
	return "usage_report.spend(" + from + ", " + to + ", " + zone + ", " + usersArgument + ", " + detail + ")\nWHERE " + filtered
}

// spendByUser selects the sums of a period by user with all filters.
func spendByUser(from, to string) string {
	return "usage_report.spend_by_user(" + from + ", " + to + ", " + usersArgument + ", " + byType + ", " + refined + ")\nWHERE " + filtered
}

// atMost limits how many single calls a panel reads. Reading 100,000 of 2,000,000 took half
// a second for everybody, and one and a half seconds for one user.
const atMost = "100000"

// callsSince is the time from which panels of single calls read.
func callsSince(from, to string) string {
	return "usage_report.calls_since(" + from + ", " + to + ", " + usersArgument + ", " + atMost + ")"
}

// singleCalls selects the newest calls of a period with all filters.
func singleCalls(from, to string) string {
	return "usage_report.recent_calls(" + from + ", " + to + ", " + usersArgument + ", " + atMost + ")\nWHERE " + filtered
}

// charted lists the measures of charts over time, in the order of the columns of quarters
// and measured. ofCall computes the measure from a row of usage_report.calls. If byType is
// false, the sums by API type alone lack the measure.
var charted = []struct {
	name, ofCall string
	byType       bool
}{
	{"calls", "1", true},
	{"unpriced_calls", "(pricing_status = 'unpriced')::int", true},
	{"estimated_calls", "(pricing_status = 'estimated')::int", true},
	{"reported_calls", "(pricing_status = 'reported')::int", false},
	{"tokens", "tokens", true},
	{"unpriced_tokens", "CASE WHEN pricing_status = 'unpriced' THEN tokens ELSE 0 END", true},
	{"input_tokens", "input_tokens", false},
	{"output_tokens", "output_tokens", false},
	{"cache_read_tokens", "cache_read_tokens", false},
	{"cache_write_tokens", "cache_write_tokens", false},
	{"reasoning_tokens", "reasoning_tokens", false},
	{"usage_dollars", "usage_dollars", true},
}

// Column lists of quarters and measured: measures are the plain columns, signed those of r
// with the sign of s, typed and signedOfTypes the same for sums by API type, and ofCalls
// those of single calls.
var measures, signed, typed, signedOfTypes, ofCalls = func() (all, signed, typed, signedOfTypes, ofCalls string) {
	var lists [5][]string
	for _, m := range charted {
		columns := [5]string{m.name, "s.sign * r." + m.name, m.name, "s.sign * r." + m.name, m.ofCall}
		if !m.byType {
			columns[2], columns[3] = "NULL::bigint AS "+m.name, "NULL"
		}
		for i, column := range columns {
			lists[i] = append(lists[i], column)
		}
	}
	text := func(i int) string { return strings.Join(lists[i], ", ") }
	return text(0), text(1), text(2), text(3), text(4)
}()

// quarters selects sums by quarter hour or, for selected users, single calls, with all
// filters: "at" and the measures. detail is as for spend.
func quarters(from, to, where, detail string) string {
	inPeriod := `  AND bucket >= usage_report.quarter(` + from + `) AND bucket < usage_report.quarter(` + to + `)
`
	return `SELECT bucket AS at, api_type, NULL::text AS provider, NULL::text AS model, NULL::text AS service, NULL::text AS environment,
       ` + typed + `
FROM usage_report.quarter_type
WHERE ` + allUsers + ` AND ` + where + ` AND NOT (` + detail + `)
` + inPeriod + `  AND ` + isChosen("api_type", "api_type") + `
UNION ALL
SELECT bucket AS at, api_type, provider, model, service, environment,
       ` + measures + `
FROM usage_report.quarter_hour
WHERE ` + allUsers + ` AND ` + where + ` AND (` + detail + `)
` + inPeriod + `  AND ` + filtered + `
UNION ALL
SELECT timestamp, api_type, provider, model, service, environment,
       ` + ofCalls + `
FROM usage_report.calls(` + from + `, ` + to + `, ` + usersArgument + `)
WHERE NOT ` + allUsers + ` AND ` + where + `
  AND ` + filtered
}

// measured selects the sums of the period for a chart with the bars of bucket.
// measuredBefore does the same for the previous period, without moving the times.
func measured(detail string) string { return inBars(from, to, "interval '0 days'", detail) }

func measuredBefore(detail string) string { return inBars(beforeFrom, beforeTo, shift, detail) }

// inBars selects the sums of a period that precedes the selected one by back. Bars longer
// than a day are summed from UTC days, and quarter hours are moved only at the borders of
// bars instead of at every midnight.
func inBars(from, to, back, detail string) string {
	coarse := "(" + allUsers + " AND " + dayCount + " > 120)"
	// A UTC day counts towards the bar that contains its noon.
	noon := func(day string) string {
		return "least(greatest(" + day + " + interval '12 hours', " + from + "), " + to + " - interval '1 microsecond')"
	}
	atBorders := func(view, keys, measures, where string) string {
		return `SELECT CASE s.sign WHEN 1 THEN b.own ELSE b.counted END, api_type, ` + keys + `,
       ` + measures + `
FROM (
  SELECT CASE WHEN counted >= border THEN border - interval '1 microsecond' ELSE border END AS own, counted,
         greatest(CASE WHEN counted >= border THEN utc_day ELSE border END, usage_report.quarter(` + from + `)) AS since,
         least(CASE WHEN counted >= border THEN border ELSE utc_day + interval '24 hours' END, usage_report.quarter(` + to + `)) AS until
  FROM (
    SELECT border, utc_day, ` + noon("utc_day") + ` AS counted
    FROM (SELECT border, date_trunc('day', border, 'UTC') AS utc_day
          FROM (SELECT (begins - ` + back + `) AT TIME ZONE ` + viewer + ` AS border FROM ` + laterBars + ` AS begins) AS bars) AS borders
  ) AS days
) AS b
CROSS JOIN LATERAL (SELECT q.* FROM usage_report.` + view + ` AS q WHERE q.bucket >= b.since AND q.bucket < b.until OFFSET 0) AS r
CROSS JOIN (VALUES (1), (-1)) AS s (sign)
WHERE ` + coarse + ` AND ` + where
	}
	return `SELECT day AS at, api_type, provider, model, service, environment,
       ` + measures + `
FROM ` + spend(from, to, viewer, detail) + `
  AND NOT ` + hourly + ` AND NOT ` + coarse + `
UNION ALL
SELECT ` + noon("day") + `, api_type, provider, model, service, environment,
       ` + measures + `
FROM ` + spend(from, to, utc, detail) + `
  AND ` + coarse + `
UNION ALL
` + atBorders("quarter_hour", "provider, model, service, environment", signed, "("+detail+")\n  AND "+filtered) + `
UNION ALL
` + atBorders("quarter_type", "NULL, NULL, NULL, NULL", signedOfTypes, "NOT ("+detail+")\n  AND "+isChosen("api_type", "api_type")) + `
UNION ALL
` + quarters(from, to, hourly, detail)
}

// perMoment sums measures of measured or quarters by time and key. Computing the bar of a
// time takes longer than adding, and there are far fewer distinct times than calls.
func perMoment(parts, key string, measures ...string) string {
	sums := make([]string, len(measures))
	for i, m := range measures {
		sums[i] = "sum(" + m + ") AS " + m
	}
	return `SELECT at, ` + key + ` AS key, ` + strings.Join(sums, ", ") + `
FROM (
` + parts + `
) AS p
GROUP BY 1, 2`
}

// known is an amount that is NULL when no call of the sum has a price, because the cost is
// then unknown and not 0.
func known(amount string) string {
	return "CASE WHEN sum(calls) <> sum(unpriced_calls) OR coalesce(sum(calls), 0) = 0 THEN " + amount + " END"
}

// compared returns a series of two points: the sums of the previous and of the selected
// period. A stat panel compares the first and last point, so it shows the change. query
// returns one number for a period. Without a number for the selected period there are no
// points, because the panel would show the other sum. Without one for the previous period
// there is a single point and no change. A change of less than a thousandth counts as none,
// because a stat shows all its digits.
func compared(name string, query func(from, to string) string) string {
	return `WITH sums AS MATERIALIZED (
SELECT CASE WHEN ` + recorded + ` THEN (
` + query(beforeFrom, beforeTo) + `
) END::float8 AS previous, (
` + query(from, to) + `
)::float8 AS current
)
SELECT p.at AS "time", p.value AS "` + name + `"
FROM sums
CROSS JOIN LATERAL (VALUES
  (` + from + `, CASE WHEN abs(sums.current - sums.previous) < sums.previous / 1000 THEN sums.current ELSE sums.previous END, sums.previous > 0),
  (` + to + `, sums.current, true)
) AS p (at, value, shown)
WHERE sums.current IS NOT NULL AND p.shown
ORDER BY 1`
}

// sumOf returns a query for the sum of a measure.
func sumOf(measure, detail string) func(from, to string) string {
	return func(from, to string) string {
		return "SELECT coalesce(sum(" + measure + "), 0) FROM " + spend(from, to, utc, detail)
	}
}

// costOf returns a query for the cost of a period.
func costOf(from, to string) string {
	return "SELECT " + known("coalesce(sum(usage_dollars), 0)") + " FROM " + spend(from, to, utc, refined)
}
