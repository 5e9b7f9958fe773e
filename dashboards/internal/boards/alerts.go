package boards

import "fmt"

// Rule is an alert rule on the usage database. Its query returns a row for each thing that
// it watches: text columns become the labels of that alert, and the single number is
// compared with the threshold.
type Rule struct {
	UID, Title  string
	Summary     string // a Grafana template with $labels and $values
	Description string
	SQL         string
	Above       float64 // fires when the number is greater
	For         string  // how long the condition must hold
	Severity    string
	// Link is where the notification leads. Grafana's own link shows the hour before the
	// alert, in which a panel that follows the period would be empty.
	Link Link
}

// Link leads to a panel, or to a board if it has no title, over a period that includes what
// fired the rule.
type Link struct {
	Board, Panel string
	From         string // in Grafana's notation, such as "now-24h"; may be a template
	Filter       string // additional URL parameters; may be a template
}

// URL returns the URL as a Grafana template. panels maps titles to panel ids. externalURL
// ends with a slash.
func (l Link) URL(panels map[string]int) (string, error) {
	url := "{{ externalURL }}d/" + l.Board + "?from=" + l.From + "&to=now"
	if l.Panel != "" {
		id, found := panels[l.Panel]
		if !found {
			return "", fmt.Errorf("board %s has no panel %q", l.Board, l.Panel)
		}
		url += fmt.Sprintf("&viewPanel=%d", id)
	}
	return url + l.Filter, nil
}

// ofBudget links to the breakdown of what a budget limits, over its period so far. A team or
// a tag is no variable of that board.
var ofBudget = Link{
	Board: breakdownUID,
	From: `now{{ if eq $labels.period "day" }}/d{{ else if eq $labels.period "week" }}-7d/d{{ else if eq $labels.period "month" }}/M` +
		`{{ else if eq $labels.period "year" }}-366d/d{{ else }}-92d/d{{ end }}`,
	Filter: `{{ if not (or (eq $labels.scope "org") (eq $labels.scope "team") (eq $labels.scope "tag")) }}&var-{{ $labels.scope }}={{ urlquery $labels.filter }}{{ end }}`,
}

// thresholdsReached returns a query for the thresholds that usagectl budgets notify recorded
// in the last day, each with labels that stay the same. While nobody has run it for an hour,
// it returns what is reached now instead.
func thresholdsReached(condition string) string {
	return `SELECT c.budget,
       b.scope,
       coalesce(b.team, b.service, b.tag || ': ' || b.value, b.value, a.name, 'everyone') AS subject,
       b.period,
       coalesce(b.service, b.value, b.user_id::text, 'all') AS filter,
       c.first_day::text AS since,
       c.threshold::text AS threshold,
       coalesce((SELECT string_agg(concat_ws(' ', d.cause ->> 'dimension', coalesce(d.cause ->> 'name', d.cause ->> 'key'), d.cause ->> 'percent', '%'), ', ' ORDER BY d.place)
                 FROM jsonb_array_elements(c.cause) WITH ORDINALITY AS d (cause, place)), 'nothing known') AS cause,
       (c.spent * 100 / c.amount)::float8 AS value
FROM usage_report.budget_crossing AS c
JOIN usage_report.budget AS b ON b.name = c.budget
LEFT JOIN usage_report.account AS a ON a.user_id = b.user_id
WHERE c.threshold ` + condition + ` AND c.crossed_at > now() - interval '24 hours' AND c.amount = b.amount AND c.currency = b.currency
UNION ALL
SELECT s.budget, s.scope, s.subject, s.period, coalesce(nullif(s.key, ''), 'all'), (s.period_start AT TIME ZONE s.time_zone)::date::text, t.threshold::text,
       'not recorded: usagectl budgets notify does not run', (s.spent * 100 / s.amount)::float8
FROM usage_report.budget_state(now()) AS s
CROSS JOIN LATERAL unnest(s.thresholds) AS t (threshold)
WHERE NOT EXISTS (SELECT FROM usage_report.budget_watch AS w WHERE w.watched_at > now() - interval '1 hour')
  AND t.threshold ` + condition + ` AND s.spent * 100 >= s.amount * t.threshold AND s.period_end > now()
  AND NOT s.reached @> jsonb_build_array(jsonb_build_object('threshold', t.threshold))
ORDER BY budget, since, threshold`
}

// ofEachBudget begins a query for a value of each budget in its current period.
func ofEachBudget(value string) string {
	return `SELECT s.budget,
       s.scope,
       s.subject,
       s.period,
       coalesce(nullif(s.key, ''), 'all') AS filter,
       ` + value + ` AS value
FROM usage_report.budget_state(now()) AS s`
}

// Rules are the alert rules. Limits are stored in public.usage_budgets and not in the
// files, because Grafana takes queries from files unchanged.
//
// Every rule counts in UTC, because alerts have no viewer. Budgets have a time zone of
// their own.
var Rules = []Rule{
	{
		UID: "llm-usage-budget-80", Title: "AI API budget: a threshold is reached", Severity: "warning", For: "0s", Above: 0, Link: ofBudget,
		Summary:     "{{ $labels.budget }}: {{ $labels.threshold }} % of the {{ $labels.period }}'s budget of {{ $labels.subject }} is spent ({{ printf \"%.0f\" $values.A.Value }} %); most of it: {{ $labels.cause }}",
		Description: "A threshold below 100 % of a budget was reached. It fires once for each threshold and period, for 24 hours from when usagectl budgets notify recorded it; where that does not run, as long as it is reached.",
		SQL:         thresholdsReached("< 100"),
	},
	{
		UID: "llm-usage-budget-100", Title: "AI API budget is used up", Severity: "critical", For: "0s", Above: 0, Link: ofBudget,
		Summary:     "{{ $labels.budget }}: {{ $labels.threshold }} % of the {{ $labels.period }}'s budget of {{ $labels.subject }} is spent ({{ printf \"%.0f\" $values.A.Value }} %); most of it: {{ $labels.cause }}",
		Description: "A threshold of 100 % of a budget, or one above, was reached. It fires once for each threshold and period, for 24 hours from when usagectl budgets notify recorded it; where that does not run, as long as it is reached.",
		SQL:         thresholdsReached(">= 100"),
	},
	{
		UID: "llm-usage-projection", Title: "AI API budget will be exceeded", Severity: "warning", For: "1h", Above: 100, Link: ofBudget,
		Summary:     "{{ $labels.budget }}: at the pace of the last seven days, {{ printf \"%.0f\" $values.A.Value }} % of the {{ $labels.period }}'s budget of {{ $labels.subject }} will be used",
		Description: "A budget of more than a day is not exceeded yet, but will be if the rest of its period goes on like the last seven days. Where a forecast of it was published in the last two days, the rule llm-usage-likely watches it instead.",
		SQL: ofEachBudget(`(s.projected * 100 / s.amount)::float8`) + `
LEFT ` + forecastOfBudget + `
WHERE s.spent <= s.amount AND f.key IS NULL AND s.period <> 'day' AND s.period_start <= now() AND s.period_end > now()
ORDER BY s.budget`,
	},
	{
		UID: "llm-usage-likely", Title: "AI API budget will likely be exceeded", Severity: "warning", For: "1h", Above: 50, Link: ofBudget,
		Summary:     "{{ $labels.budget }}: the {{ $labels.period }}'s budget of {{ $labels.subject }} will be exceeded with a probability of {{ printf \"%.0f\" $values.A.Value }} %",
		Description: "A budget of more than a day is not exceeded yet, but is more likely to be than not, as usagectl forecast --publish forecast it in the last two days. With too few days for a probability it is 100 % where the expected cost is above the limit.",
		SQL: ofEachBudget(`(coalesce(CASE WHEN s.currency <> 'USD' OR f.budget = s.amount THEN f.exceeds END, (f.expected > CASE s.currency WHEN 'USD' THEN s.amount ELSE f.budget END)::int) * 100)::float8`) + `
` + forecastOfBudget + `
WHERE s.spent <= s.amount AND s.period <> 'day'
ORDER BY s.budget`,
	},
	{
		UID: "llm-usage-spike", Title: "AI API cost of a day is unusual", Severity: "warning", For: "0s", Above: 3, Link: Link{Board: summaryUID, Panel: "Cost over time by API type", From: "now-14d/d"},
		Summary:     "AI APIs cost {{ printf \"%.1f\" $values.A.Value }} times the usual today",
		Description: "Today (UTC) has cost more than three times the median of the 14 days before, and more than one dollar. Silent until seven of those days had calls.",
		SQL: `SELECT 'everyone' AS subject,
       CASE WHEN today.cost > 1 AND usual.days >= 7 THEN today.cost / nullif(usual.cost, 0) ELSE 0 END::float8 AS value
FROM (
  SELECT coalesce(sum(usage_dollars), 0) AS cost
  FROM usage_report.day
  WHERE bucket = date_trunc('day', now(), 'UTC')
) AS today
CROSS JOIN (
  SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY coalesce(s.cost, 0)::float8)::numeric AS cost, count(s.cost) AS days
  FROM generate_series(1, 14) AS d (ago)
  LEFT JOIN (
    SELECT bucket, sum(usage_dollars) AS cost
    FROM usage_report.day
    WHERE bucket >= date_trunc('day', now(), 'UTC') - interval '336 hours' AND bucket < date_trunc('day', now(), 'UTC')
    GROUP BY bucket
  ) AS s ON s.bucket = date_trunc('day', now(), 'UTC') - d.ago * interval '24 hours'
) AS usual`,
	},
	{
		UID: "llm-usage-expensive-call", Title: "A single AI API call is very expensive", Severity: "warning", For: "0s", Above: 100, Link: Link{Board: breakdownUID, Panel: "Single calls, the most expensive first", From: "now-1h"},
		Summary:     "A single AI API call of service {{ $labels.subject }} cost ${{ printf \"%.2f\" $values.A.Value }}",
		Description: "A single call of the last hour cost more than $100. Few are real; a quantity that was read wrong, or a cost that a span reported and nobody charges, spoils every sum it is in.",
		SQL: `SELECT service AS subject,
       max(usage_dollars)::float8 AS value
FROM usage_report.call
WHERE timestamp >= now() - interval '1 hour' AND timestamp < now()
GROUP BY service`,
	},
	{
		UID: "llm-usage-names", Title: "More names than have sums of their own", Severity: "warning", For: "0s", Above: 0, Link: Link{Board: breakdownUID, Panel: "Cost by ${by}", From: "now-24h"},
		Summary:     "More names of the kind {{ $labels.subject }} came on a day than have sums of their own; the rest is (other) on boards and in answers",
		Description: "A sender that invents names would fill the tables of sums. The calls keep their names; public.usage_name_limit says how many of a day, and how many combinations of them, have sums of their own.",
		SQL: `SELECT kind AS subject,
       count(*)::float8 AS value
FROM usage_report.full_day
WHERE closed_at >= now() - interval '24 hours'
GROUP BY kind`,
	},
	{
		UID: "llm-usage-silence", Title: "No AI API calls are stored", Severity: "critical", For: "0s", Above: 0, Link: Link{Board: summaryUID, Panel: trustTitle, From: "now-24h"},
		Summary:     "No AI API call of the last hour is stored, though there are calls at this time of day in other weeks",
		Description: "Nothing of the last full hour is stored, though the same hour of the week had calls in each of the last two weeks. The database cannot see spans: where Prometheus reads the collector, use the rule UsageNotStored, which can.",
		SQL: `SELECT 'everyone' AS subject,
       (count(*) FILTER (WHERE weeks = 1 AND calls > 0) = 1 AND count(*) FILTER (WHERE weeks = 2 AND calls > 0) = 1
        AND count(*) FILTER (WHERE weeks = 0 AND calls > 0) = 0)::int::float8 AS value
FROM (
  SELECT w.weeks, sum(t.calls) AS calls
  FROM generate_series(0, 2) AS w (weeks)
  LEFT JOIN usage_report.quarter_type AS t
    ON t.bucket >= usage_report.quarter(now() - interval '75 minutes') - w.weeks * interval '168 hours'
    AND t.bucket < now() - w.weeks * interval '168 hours'
  GROUP BY w.weeks
) AS h`,
	},
	{
		UID: "llm-usage-unpriced", Title: "AI API calls without a price", Severity: "warning", For: "15m", Above: 5, Link: Link{Board: breakdownUID, Panel: "Unpriced and estimated calls", From: "now-24h"},
		Summary:     "{{ printf \"%.1f\" $values.A.Value }} % of the AI API calls of the last 24 hours have no price",
		Description: "More than 5 % of the calls of the last 24 hours have no price, so every sum of costs is too low. The breakdown board says which and why.",
		SQL: `SELECT 'everyone' AS subject,
       coalesce(sum(unpriced_calls) * 100 / nullif(sum(calls), 0), 0)::float8 AS value
FROM usage_report.quarter_type
WHERE bucket >= now() - interval '24 hours' AND bucket < now()`,
	},
	{
		UID: "llm-usage-bill-unexplained", Title: "Part of an AI API bill is not explained", Severity: "warning", For: "0s", Above: 5, Link: Link{Board: billUID, Panel: "Not explained", From: "now-30d"},
		Summary:     "{{ printf \"%.1f\" $values.A.Value }} % of the bill of {{ $labels.subject }} is not explained by the calls",
		Description: "More than 5 % of what a provider charged in the last 30 days is unknown, or was not seen and nobody is known to have used it, as it was explained last.",
		SQL: `SELECT provider AS subject,
       coalesce(sum(unexplained) * 100 / nullif(sum(bill_cost), 0), 0)::float8 AS value
FROM usage_report.bill_day
WHERE day >= (now() AT TIME ZONE 'UTC')::date - 30
GROUP BY provider`,
	},
	{
		UID: "llm-usage-bill-price", Title: "An AI API bill contradicts a price", Severity: "warning", For: "0s", Above: 1, Link: Link{Board: billUID, Panel: "Prices that the bill contradicts", From: "now-7d"},
		Summary:     "The bill of {{ $labels.provider }} and the price book differ for {{ $labels.subject }}: by {{ printf \"%.1f\" $values.A.Value }} % of the bill",
		Description: "For the same quantities of a model a provider charged other dollars than the calls cost, by more than 1 % of its bill of the last 7 days.",
		SQL: `SELECT c.provider,
       c.model AS subject,
       coalesce(abs(sum(c.cost)) * 100 / nullif((SELECT sum(d.bill_cost) FROM usage_report.bill_day AS d
         WHERE d.provider = c.provider AND d.day >= (now() AT TIME ZONE 'UTC')::date - 7), 0), 0)::float8 AS value
FROM usage_report.bill_cause AS c
WHERE c.cause = 'price' AND c.day >= (now() AT TIME ZONE 'UTC')::date - 7
GROUP BY c.provider, c.model`,
	},
	{
		UID: "llm-usage-bill-stale", Title: "AI API bills are not imported any more", Severity: "warning", For: "0s", Above: 48, Link: Link{Board: billUID, Panel: "Imports", From: "now-30d"},
		Summary:     "The bill of {{ $labels.subject }} was imported {{ printf \"%.0f\" $values.A.Value }} hours ago",
		Description: "A report that was imported in the last 35 days has not been for more than two days. Without any import it is silent.",
		SQL: `SELECT provider || ' ' || report AS subject,
       (extract(epoch FROM now() - max(imported_at)) / 3600)::float8 AS value
FROM usage_report.bill_import
GROUP BY provider, report
HAVING max(imported_at) >= now() - interval '35 days'`,
	},
	{
		UID: "llm-usage-metering-late", Title: "Calls are not charged to customers any more", Severity: "warning", For: "0s", Above: 2, Link: Link{Board: billUID, Panel: "Charged to customers", From: "now-7d"},
		Summary:     "Meter {{ $labels.subject }} is {{ printf \"%.0f\" $values.A.Value }} hours late",
		Description: "Events wait for the billing engine for more than two hours, or calls of that time are not in the outbox yet. Without any run in the last 35 days it is silent.",
		SQL: `SELECT meter AS subject,
       (extract(epoch FROM now() - least(waiting_since, collected_at)) / 3600)::float8 AS value
FROM usage_report.metering
WHERE coalesce(collected_at, waiting_since) >= now() - interval '35 days'`,
	},
	{
		UID: "llm-usage-metering-refused", Title: "A billing engine refused events", Severity: "warning", For: "0s", Above: 0, Link: Link{Board: billUID, Panel: "Charged to customers", From: "now-7d"},
		Summary:     "Events of meter {{ $labels.subject }} that customers are not charged for: {{ printf \"%.0f\" $values.A.Value }}",
		Description: "A billing engine refused them, or it is not known whether it has them. usagectl meter status says why.",
		SQL: `SELECT meter AS subject,
       (refused_events + unsure_events)::float8 AS value
FROM usage_report.metering`,
	},
	{
		UID: "llm-usage-parked", Title: "AI API usage records were refused", Severity: "warning", For: "0s", Above: 0, Link: Link{Board: summaryUID, Panel: trustTitle, From: "now-24h"},
		Summary:     "Usage records that could not be stored in the last 24 hours: {{ printf \"%.0f\" $values.A.Value }}. They wait in public.usage_dead_letter",
		Description: "Records that the table refused are kept with the reason; usagectl doctor says more.",
		SQL: `SELECT 'everyone' AS subject,
       count(*)::float8 AS value
FROM usage_report.parked
WHERE parked_at >= now() - interval '24 hours'`,
	},
}
