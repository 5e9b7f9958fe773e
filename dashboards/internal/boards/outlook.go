package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// noOutlook is shown in a panel of forecasts or advice when none is published.
const noOutlook = "nothing was published in the last two days: usagectl forecast --publish, usagectl advise --publish"

// fresh selects what was published recently enough to be shown.
const fresh = "published_at > now() - interval '48 hours'"

// forecastOfBudget joins the published forecast of a budget s. It has none where nothing
// recent was published for this period.
const forecastOfBudget = `JOIN usage_report.forecast AS f
  ON f.scope = 'budget' AND f.key = s.budget AND f.period = s.period AND f.` + fresh + `
  AND f.first_day = (s.period_start AT TIME ZONE f.time_zone)::date`

// forecastOfMonth selects the published forecast of everything in the viewer's month.
const forecastOfMonth = `SELECT max(expected) AS expected FROM usage_report.forecast
 WHERE scope = 'org' AND period = 'month' AND ` + fresh + ` AND first_day = date_trunc('month', now() AT TIME ZONE ` + viewer + `)::date`

// howForecast is the part of descriptions that says where a number of the future comes from.
const howForecast = "from a forecast of the last two days (usagectl forecast --publish), otherwise from the pace of the last seven days"

// forecasts returns the table of all published forecasts, with how wrong such forecasts were.
func forecasts() grafana.Panel {
	p := rows("Forecasts", "As usagectl forecast --publish last computed them, ignoring the filters and the period above. Eight of ten outcomes lie between low and high. Error is that of past forecasts of the same kind, next to that of a straight line; a dash means too few days to tell. See docs/forecast.md.", `SELECT CASE scope WHEN 'org' THEN subject ELSE scope || ' ' || subject END AS "Of",
       period AS "Per",
       (CASE WHEN spent > 0 OR unpriced_calls = 0 THEN spent END)::float8 AS "Spent",
       (CASE WHEN expected > 0 OR unpriced_calls = 0 THEN expected END)::float8 AS "Expected",
       low_80::float8 AS "Low",
       high_80::float8 AS "High",
       past_error::float8 AS "Error",
       line_error::float8 AS "Line's error",
       nullif(unpriced_calls, 0)::float8 AS "Unpriced"
FROM usage_report.forecast
WHERE `+fresh+` AND last_day >= (now() AT TIME ZONE time_zone)::date
ORDER BY scope <> 'org', scope <> 'budget', scope, expected DESC, key, first_day DESC`,
		names("Of"), text("Per", width(70)), money("Spent", width(110)), money("Expected", width(110)), money("Low", width(110)), money("High", width(110)),
		unit("Error", percent, decimals(1), width(80)), unit("Line's error", percent, decimals(1), width(100)), unpricedCalls("Unpriced"))
	p.FieldConfig.Defaults.NoValue = noOutlook
	return p
}

// advice returns the table of what would save money.
func advice() grafana.Panel {
	p := rows("What would save money", "As usagectl advise --publish last computed it, in dollars a month at the prices of that day, ignoring the filters and the period above. Each number is what is saved after all advice above it, so the numbers add up. It is right if its assumption is; usagectl advise --dismiss hides advice that you do not follow. See docs/advice.md.", `SELECT rule AS "Rule",
       change AS "Change",
       service AS "Service",
       model AS "Model",
       saves_per_month::float8 AS "Saves a month",
       calls::float8 AS "Calls",
       assumption AS "If",
       id AS "Id"
FROM usage_report.advice
WHERE `+fresh+`
ORDER BY place`,
		names("Rule"), text("Change", minWidth(140)), names("Service"), names("Model"), money("Saves a month", width(120)), unit("Calls", count, width(80)), text("If", minWidth(200), grafana.Property{ID: "custom.inspect", Value: true}), text("Id", width(90)))
	p.FieldConfig.Defaults.NoValue = noOutlook
	return p
}
