package boards

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
)

// noBill is shown in a panel of the bill when there is no bill.
const noBill = "no bill was explained for this period: docs/bill.md"

// billPeriod selects the UTC days of the period, and bills in dollars, because other
// currencies cannot be summed with them.
const billPeriod = `day >= (` + from + ` AT TIME ZONE 'UTC')::date AND day <= ((` + to + ` - interval '1 microsecond') AT TIME ZONE 'UTC')::date AND currency = 'USD'`

// billBoard returns the board that explains why the provider's bill differs from the sum of
// the calls.
func billBoard() *grafana.Dashboard {
	b := newBoard(billUID, "AI API usage: the bill",
		"Why the provider's bill differs from the calls, by UTC day, as usagectl bill explain --store recorded it. In dollars; usagectl alone explains bills in other currencies.")
	b.Templating.List = []grafana.Variable{sourceVariable("postgres", "PostgreSQL with the usage database")}
	l := grafana.NewLayout(b)
	l.Row(4,
		amount(billStat("Bill", "What the providers charge for those days of the period that were imported and explained.", cents, `sum(bill_cost)`)),
		amount(billStat("Calls", "What the stored calls of the same days cost.", cents, `sum(row_cost)`)),
		amount(billStat("Difference", "Bill minus calls. Its causes below add up to it.", cents, `sum(bill_cost - row_cost)`)),
		billStat("Explained", "The part of the bill that is neither unknown nor unseen without a project, key or user.", percent,
			`CASE WHEN sum(bill_cost) > 0 THEN greatest(1 - sum(unexplained) / sum(bill_cost), 0) END`),
	)
	daily := amount(lines("Bill and calls by day", "What each provider charges, and what its calls cost, by UTC day.", cents, series(billDaily)))
	daily.FieldConfig.Defaults.NoValue = noBill
	causes := amount(bars("Difference by cause", "The causes of each UTC day's difference. Above zero the bill is higher than the calls, below zero it is lower.", cents, series(billCauses)))
	causes.FieldConfig.Defaults.NoValue, causes.FieldConfig.Defaults.Min = noBill, nil
	l.Row(10, daily, byName(causes, billWords))
	l.Row(tall(12),
		billRows("Causes", "The causes of the period's difference, with details. docs/bill.md explains each and what to do about it.", billTable("cause <> ''", `cause AS "Cause",
       reason AS "About",
       model AS "Model"`, "cause, reason, model")),
	)
	l.Row(tall(8),
		billRows("Not instrumented", "Keys and projects that are charged for calls without a row.", billTable("cause = 'not_seen'", `project AS "Project",
       api_key AS "Key",
       model AS "Model"`, "project, api_key, model")),
		billRows("Prices that the bill contradicts", "Models with equal quantities and different dollars. usagectl bill propose drafts the price file.", billTable("cause = 'price'", `provider AS "Provider",
       model AS "Model"`, "provider, model")),
	)
	l.Row(tall(6),
		billRows("Not explained", "Differences without a cause, and usage without a known project, key or user.", billTable("(cause = 'unknown' OR cause = 'not_seen' AND project = '(none)' AND api_key = '(none)')", `to_char(day, 'YYYY-MM-DD') AS "Day (UTC)",
       provider AS "Provider",
       model AS "Model"`, "day, provider, model")),
		billImports(),
	)
	l.Row(tall(4), metering())
	l.Row(tall(6), plans())
	return b
}

// plans returns the panel of what plans cost beside what they are worth.
func plans() grafana.Panel {
	p := rows("Plans: cash beside API-equivalent", "What each plan of usagectl plans costs on the UTC days of the period, and beside it what the calls that it pays for would cost at API prices. The two are not to be added. Unused: the cash of seats without a call, and of seats that nobody has. Paid beside: calls that the plan covers and that another payer pays for. docs/payer.md.", `SELECT plan AS "Plan",
       CASE WHEN NOT bool_or(dollars IS NULL) THEN sum(dollars) END::float8 AS "Cash",
       CASE WHEN sum(calls) = 0 OR sum(calls) > sum(unpriced_calls) THEN sum(api_dollars) END::float8 AS "API-equivalent",
       CASE WHEN NOT bool_or(dollars IS NULL) AND (sum(calls) = 0 OR sum(calls) > sum(unpriced_calls)) THEN sum(api_dollars) - sum(dollars) END::float8 AS "Difference",
       CASE WHEN NOT bool_or(dollars IS NULL AND calls = 0) THEN coalesce(sum(dollars) FILTER (WHERE calls = 0), 0) END::float8 AS "Unused",
       sum(beside_dollars)::float8 AS "Paid beside",
       nullif(sum(unpriced_calls), 0)::float8 AS "Unpriced",
       CASE WHEN bool_or(no_price) THEN 'no price' WHEN min(no_rate_on) IS NOT NULL THEN 'no exchange rate for ' || min(no_rate_for) || ' on ' || min(no_rate_on) END AS "Not known"
FROM usage_report.plan_user((`+from+` AT TIME ZONE 'UTC')::date, ((`+to+` - interval '1 microsecond') AT TIME ZONE 'UTC')::date + 1, 'UTC')
GROUP BY plan
ORDER BY plan`, names("Plan"), money("Cash", width(110)), money("API-equivalent", width(120)), money("Difference", width(110)), money("Unused", width(110)), money("Paid beside", width(110)),
		unpricedCalls("Unpriced"), text("Not known", width(260)))
	p.FieldConfig.Defaults.NoValue = "no plans: docs/payer.md"
	return p
}

// billWords lists the causes with their colours.
var billWords = []struct{ name, color string }{
	{"not_seen", purple}, {"not_on_bill", sky}, {"unpriced", "red"}, {"estimated", "orange"}, {"assumption", amber},
	{"price", blue}, {"not_in_spans", brown}, {"not_final", navy}, {"rounding", gray}, {"unknown", lilac},
}

func billStat(title, description, unit, expression string) grafana.Panel {
	p := stat(title, description, unit, table(`SELECT (`+expression+`)::float8 AS "`+title+`"
FROM usage_report.bill_day
WHERE `+billPeriod))
	p.FieldConfig.Defaults.NoValue = "–"
	return p
}

const billDaily = `SELECT day::timestamp AT TIME ZONE 'UTC' AS "time",
       provider || v.what AS metric,
       sum(v.cost)::float8 AS "value"
FROM usage_report.bill_day
CROSS JOIN LATERAL (VALUES (': bill', bill_cost), (': calls', row_cost)) AS v (what, cost)
WHERE ` + billPeriod + `
GROUP BY 1, 2
ORDER BY 1, 2`

const billCauses = `SELECT day::timestamp AT TIME ZONE 'UTC' AS "time",
       cause AS metric,
       sum(cost)::float8 AS "value"
FROM usage_report.bill_cause
WHERE ` + billPeriod + `
GROUP BY 1, 2
ORDER BY 1, 2`

// billTable returns a query that sums causes by columns.
func billTable(where, columns, keys string) string {
	return `SELECT ` + columns + `,
       sum(cost)::float8 AS "Cost",
       sum(quantity)::float8 AS "Quantity",
       min(unit) AS "Unit"
FROM usage_report.bill_cause
WHERE ` + billPeriod + `
  AND ` + where + `
GROUP BY ` + keys + `
ORDER BY abs(sum(cost)) DESC, ` + keys
}

func billRows(title, description, sql string) grafana.Panel {
	overrides := []grafana.Override{money("Cost", width(110)), unit("Quantity", count, width(90)), text("Unit", width(70))}
	for _, name := range []string{"Cause", "About", "Model", "Project", "Key", "Provider", "Day (UTC)"} {
		if strings.Contains(sql, `"`+name+`"`) {
			overrides = append(overrides, names(name))
		}
	}
	p := rows(title, description, sql, overrides...)
	p.FieldConfig.Defaults.NoValue = noBill
	return p
}

// billImports returns the panel that shows how recent the bills are.
func billImports() grafana.Panel {
	p := rows("Imports", "The newest day of each report, and when it was imported. Ignores the filters above.", `SELECT provider AS "Provider",
       account AS "Account",
       report AS "Report",
       to_char(max(day), 'YYYY-MM-DD') AS "Until day (UTC)",
       extract(epoch FROM now() - max(imported_at))::float8 AS "Age"
FROM usage_report.bill_import
GROUP BY provider, account, report
ORDER BY provider, account, report`, names("Provider"), names("Account"), names("Report"), text("Until day (UTC)", width(120)), unit("Age", seconds, width(90)))
	p.FieldConfig.Defaults.NoValue = "no bill was imported: docs/bill.md"
	return p
}

// metering returns the panel of what is charged to customers: how far each meter is.
func metering() grafana.Panel {
	p := rows("Charged to customers", "The meters of usagectl meter: what waits for the billing engine, what it refused, and calls that nobody is charged for. Ignores the filters above.", `SELECT meter AS "Meter",
       sink AS "Engine",
       waiting_events AS "Waiting",
       extract(epoch FROM now() - waiting_since)::float8 AS "Waits since",
       refused_events AS "Refused",
       unsure_events AS "Unsure",
       held_calls AS "Not charged",
       extract(epoch FROM now() - collected_at)::float8 AS "Complete until",
       problem AS "Problem"
FROM usage_report.metering
ORDER BY meter`, names("Meter"), names("Engine"), unit("Waiting", count, width(90)), unit("Waits since", seconds, width(100)), unit("Refused", count, width(90)),
		unit("Unsure", count, width(90)), unit("Not charged", count, width(100)), unit("Complete until", seconds, width(110)), text("Problem", width(300)))
	p.FieldConfig.Defaults.NoValue = "no meter runs: docs/billing.md"
	return p
}
