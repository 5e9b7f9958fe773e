package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// breakdownBoard returns the board that breaks the cost down, to single calls.
func breakdownBoard() *grafana.Dashboard {
	b := sqlBoard(breakdownUID, "AI API usage: breakdown",
		"Where the cost comes from: by model, provider, API type, service, environment or user, down to single calls. Choose the dimension with By; click a name to filter by it.")
	b.Templating.List = append([]grafana.Variable{dimension()}, b.Templating.List...)
	l := grafana.NewLayout(b)
	l.Row(4,
		cost(),
		neutral("Calls", "Calls, with and without a price.", count, sumOf("calls", refined)),
		neutral("Tokens", "Input and output tokens.", count, sumOf("tokens", refined)),
		cacheShare(),
	)
	perCall := change("Cost per call", "Average over the calls that have a price.", cents, costPerCall)
	perCall.FieldConfig.Defaults.Decimals = ptr(6)
	saved := cacheSavings()
	saved.GridPos.W = 12
	l.Row(4,
		perCall,
		amount(change("Cost per 1M tokens", "Average over all tokens that have a price, of every kind. It changes when prices change and when the mix of models changes.", cents, costPerMillion)),
		saved,
	)
	l.Row(14, breakdownTable())
	l.Row(12, byRank(amount(bars("Cost over time by ${by}", "The eight largest, all others and the total, in the same bars as on the board summary. Not available by user.", cents,
		series(overTime(measured("true"), bucket("at"), nameOfBy))))))
	l.Row(10, lastHours())
	l.Row(tall(named+1),
		ranking("Who uses it", "The users behind the selection above. With a filter by model, provider, service or environment, users come from the newest 100,000 calls, and older calls are one row.", keyedByUser, "user"),
		costByKind(),
	)
	l.Row(3, covered())
	l.Row(tall(named+1), uncertain(), assumed())
	l.Row(tall(named+1), distribution(), reported())
	l.Row(tall(4), currencies())
	l.Row(14, callTable())
	l.Row(14, sessionTable())
	return b
}

// nameOfBy is the key of charts over time.
const nameOfBy = `coalesce(` + keyOfBy + `, 'all users')`

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

// listPrice joins sums by model with the list price of a kind on their day.
func listPrice(kind string) string {
	return `LEFT JOIN usage_report.list_price AS ` + kind + `
  ON ` + kind + `.provider = s.provider AND ` + kind + `.model = s.model AND ` + kind + `.kind = '` + kind + `'
  AND ` + kind + `.valid_from <= s.day AND (` + kind + `.valid_until IS NULL OR ` + kind + `.valid_until > s.day)`
}

// byModelAndDay selects the sums that are compared with list prices.
var byModelAndDay = `SELECT day, provider, model, sum(usage_dollars) AS cost, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cache_read_tokens) AS cache_read_tokens, sum(cache_write_tokens) AS cache_write_tokens
FROM ` + spend(from, to, utc, "true") + `
GROUP BY day, provider, model
HAVING sum(calls) <> 0`

// cacheSavings returns the panel of cache savings. It needs list prices, because the store
// has the cost of a call but not what it would have cost without the cache.
func cacheSavings() grafana.Panel {
	sql := `SELECT sum(s.cache_read_tokens * (input_text.dollars_per_million - cache_read.dollars_per_million) / 1000000)::float8 AS "saved",
       (sum(s.cache_read_tokens) FILTER (WHERE input_text.dollars_per_million - cache_read.dollars_per_million IS NOT NULL) / nullif(sum(s.cache_read_tokens), 0))::float8 AS "of cached tokens have a list price"
FROM (
` + byModelAndDay + `
) AS s
` + listPrice("input_text") + `
` + listPrice("cache_read")
	p := amount(stat("Saved by caching", "How much more the input read from caches would have cost as plain input, at the list price of the day, and for how many of these tokens a list price is known (usagectl prices publish). The extra cost of writing to the cache is not subtracted.", cents, table(sql)))
	p.Options["textMode"] = "value_and_name"
	p.FieldConfig.Defaults.NoValue = "–"
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, unit("of cached tokens have a list price", percent, decimals(0)))
	return p
}

func breakdownTable() grafana.Panel {
	sql := keyed.ranked(100, true, `sum(tokens)::float8 AS "Tokens",
       sum(input_tokens)::float8 AS "Input tokens",
       sum(output_tokens)::float8 AS "Output tokens",
       (sum(cache_read_tokens)::numeric / nullif(sum(input_tokens), 0))::float8 AS "Cache share",
       `+perCall+`,
       `+perMillion)
	return rows("Cost by ${by}", "The 100 largest, preceded by one row for all others if there are more. The rows add up to the cost above. Kinds of tokens are not available by user. Click a name to filter by it.", sql,
		append(rankingColumns("${by}"),
			unit("Tokens", count, width(90)), unit("Input tokens", count, width(110)), unit("Output tokens", count, width(110)), unit("Cache share", percent, decimals(1), width(100)),
			perUnit("Cost per call", width(120)), money("Cost per 1M tokens", width(150)))...)
}

// lastHours returns a chart by quarter hour, the finest sums there are, to show when
// something began.
func lastHours() grafana.Panel {
	since := "greatest(" + from + ", " + to + " - interval '24 hours')"
	p := byRank(bars("The last 24 hours by ${by}", "Cost of each quarter hour in the last 24 hours of the chosen period. The eight largest, all others and the total.", cents,
		series(overTime(quarters(since, to, "true", "true"), quarter("at"), nameOfBy))))
	p.TimeFrom = "24h"
	return p
}

// costByKind returns the panel that splits the cost into kinds of tokens, where list prices
// explain it, because a row of the store has a single cost. Where they do not explain it to
// within a hundredth (other tiers, discounts, audio, fees, unpriced calls among the
// tokens), the cost is not split.
func costByKind() grafana.Panel {
	price := func(tokens, kind string) string {
		return "CASE WHEN " + tokens + " = 0 THEN 0 ELSE (" + tokens + ") * " + kind + ".dollars_per_million / 1000000 END"
	}
	sql := `WITH sums AS MATERIALIZED (
` + byModelAndDay + `
), parts AS MATERIALIZED (
SELECT s.*,
       ` + price("s.input_tokens - s.cache_read_tokens - s.cache_write_tokens", "input_text") + ` AS input,
       ` + price("s.cache_read_tokens", "cache_read") + ` AS cache_read,
       ` + price("s.cache_write_tokens", "cache_write_5m") + ` AS cache_write,
       ` + price("s.output_tokens", "output_text") + ` AS output
FROM sums AS s
` + listPrice("input_text") + `
` + listPrice("cache_read") + `
` + listPrice("cache_write_5m") + `
` + listPrice("output_text") + `
), explained AS MATERIALIZED (
SELECT p.*, coalesce(input + cache_read + cache_write + output > 0 AND abs(input + cache_read + cache_write + output - cost) <= cost / 100, false) AS fits
FROM parts AS p
)
SELECT k.kind AS "Name",
       sum(k.cost)::float8 AS "Cost",
       (sum(k.cost) / nullif(sum(sum(k.cost)) OVER (), 0))::float8 AS "Share",
       sum(k.tokens)::float8 AS "Tokens"
FROM explained AS e
CROSS JOIN LATERAL (VALUES
  (1, 'input', CASE WHEN fits THEN input END, CASE WHEN fits THEN input_tokens - cache_read_tokens - cache_write_tokens END),
  (2, 'cache read', CASE WHEN fits THEN cache_read END, CASE WHEN fits THEN cache_read_tokens END),
  (3, 'cache write', CASE WHEN fits THEN cache_write END, CASE WHEN fits THEN cache_write_tokens END),
  (4, 'output', CASE WHEN fits THEN output END, CASE WHEN fits THEN output_tokens END),
  (5, 'not parted', CASE WHEN fits THEN e.cost - input - cache_read - cache_write - output ELSE e.cost END, CASE WHEN NOT fits AND calls <> unpriced_calls THEN input_tokens + output_tokens END)
) AS k (place, kind, cost, tokens)
GROUP BY k.place, k.kind
HAVING sum(k.cost) <> 0
ORDER BY k.place`
	return rows("Cost by kind of token", "What input, cache and output cost, at the list price of the day (usagectl prices publish). A call is stored with a single cost: if list prices do not explain the cost of a model's day to within a hundredth (other tiers, discounts, audio, fees), it is not divided. The rows add up to the total.", sql,
		names("Name"), money("Cost", width(110)), gauge("Share", width(110)), unit("Tokens", count, width(90)))
}
