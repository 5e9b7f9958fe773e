package boards

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
)

// prometheusSource is the Prometheus data source that the viewer selected.
var prometheusSource = grafana.DataSource{Type: "prometheus", UID: "${datasource}"}

// matching filters the counters that examples/prometheus.yaml creates.
const matching = `{model=~"$model", service=~"$service"}`

// prometheusBoard returns a board on the counters of examples/prometheus.yaml and the
// collector's own metrics, for teams that use Prometheus. Exact money is in PostgreSQL;
// counters are for rates and alerts.
func prometheusBoard() *grafana.Dashboard {
	b := newBoard(prometheusUID, "AI API usage: Prometheus",
		"Rates of cost and tokens from the collector's counters, and the health of the collector itself. For rates and alerts; the boards on PostgreSQL have the exact sums.")
	b.Time = grafana.TimeRange{From: "now-24h", To: "now"}
	b.Tags = append(b.Tags, "prometheus")
	b.Templating.List = []grafana.Variable{
		sourceVariable("prometheus", "Prometheus that scrapes the collector"),
		labelFilter("model", "Model", "The model that answered."),
		labelFilter("service", "Service", "service.name of the app."),
	}
	l := grafana.NewLayout(b)
	l.Heading("Usage")
	l.Row(4,
		promCost(),
		promStat("Calls", "Growth of the call counter over the period.", count, "sum("+grown("llm_usage_calls_total"+matching, "$__range")+")"),
		promStat("Tokens", "Growth of the token counters over the period.", count, "sum("+grown("llm_usage_tokens_total"+matching, "$__range")+")"),
		watched(promStat("Unpriced", "Calls of the period without a known cost.", count, "sum("+grown(`llm_usage_calls_total{pricing_status="unpriced", model=~"$model", service=~"$service"}`, "$__range")+") or vector(0)"), 0.5, 0),
	)
	l.Row(9,
		promAreas("Cost per hour by model", "Growth of the cost counter, per hour.", dollars, perHour("model"), "{{model}}"),
		promAreas("Cost per hour by service", "Growth of the cost counter, per hour.", dollars, perHour("service"), "{{service}}"),
	)
	l.Row(9,
		inKinds(promAreas("Tokens per second by kind", "The kinds do not overlap and add up to all tokens.", count, perSecond("kind", "llm_usage_tokens_total"+matching), "{{kind}}")),
		byName(promAreas("Calls per second by pricing status", "By how well the cost is known: priced, estimated, reported or unpriced.", "reqps", perSecond("pricing_status", "llm_usage_calls_total"+matching), "{{pricing_status}}"), statuses),
	)

	l.Heading("Pipeline: from the span to the row")
	l.Row(4,
		watched(promStat("Queue", "The fullest sending queue of usage_postgres. When it is full, senders have to keep their spans.", percent, "max("+queueInUse+")"), 0.5, 1),
		watched(promStat("Delay", "In 95 of 100 batches of the period, no call was older than this when it was stored.", seconds, quantile("otelcol_usage_postgres_delay", "le", "", "$__range")), 900, 1),
		watched(promStat("Parked", "Records of the period that the table refused. They wait in public.usage_dead_letter.", count, "sum("+grown("otelcol_usage_postgres_parked", "$__range")+") or vector(0)"), 0.5, 0),
		watched(promStat("Refused", "Spans of the period that the receivers refused: senders have to keep them.", count, "sum("+grown("otelcol_receiver_refused_spans", "$__range")+") or vector(0)"), 0.5, 0),
		watched(promStat("Age of the prices", "Age of the newest public prices in the oldest price book in use; usagectl prices update brings newer ones.", seconds, "max(otelcol_genai_usage_price_book_as_of_age)"), 45*86400, 0),
	)
	l.Row(8,
		promLines("Spans, records and rows per second", "Spans received, records that genai_usage put on them, rows stored in public.api_usage, and duplicates of stored calls.", count,
			"sum(rate(otelcol_receiver_accepted_spans[$__rate_interval]))", "spans",
			"sum(rate(otelcol_genai_usage_records[$__rate_interval]))", "records",
			"sum(rate(otelcol_usage_postgres_rows[$__rate_interval]))", "rows",
			"sum(rate(otelcol_usage_postgres_duplicates[$__rate_interval])) or vector(0)", "duplicates"),
		promLines("Time to store a batch", "The time within which 95 of 100 batches are stored, and the age of the oldest call in them.", seconds,
			quantile("otelcol_usage_postgres_batch_duration", "le", "", "$__rate_interval"), "batch",
			quantile("otelcol_usage_postgres_delay", "le", "", "$__rate_interval"), "age of the oldest call"),
	)
	l.Row(8,
		whole(promLines("Queues in use", "How full each sending queue is.", percent, queueInUse, "{{exporter}}")),
		saying("no batch was tried again", promLines("Batches tried again", "Batches that could not be stored at the first attempt, by kind of error.", count,
			"sum by (class) ("+grown("otelcol_usage_postgres_retries", "$__rate_interval")+") > 0", "{{class}}")),
		saying("every cost is known", promAreas("Uncertain by reason", "Records whose cost is unknown or an estimate; docs/troubleshooting.md explains each reason.", count,
			"sum by (reason) ("+grown("otelcol_genai_usage_uncertain", "$__rate_interval")+") > 0", "{{reason}}")),
	)

	l.Heading("Query API")
	l.Row(8,
		saying("no requests", promAreas("Requests by status", "Answers per second. 503: the database is down, slow or lacks a right; broke_off: an export that ended early.", "reqps",
			"sum by (status) (rate(otelcol_usage_api_request_duration_count[$__rate_interval]))", "{{status}}")),
		saying("no requests", promLines("Time to answer", "The time within which 95 of 100 requests of each path are answered; for exports, with the whole file.", seconds,
			quantile("otelcol_usage_api_request_duration", "route, le", `{status="200"}`, "$__rate_interval"), "{{route}}")),
	)
	return b
}

// promCost returns the panel of the cost. It has no value when no call of the period has a
// price.
func promCost() grafana.Panel {
	priced := "sum(" + grown(`llm_usage_calls_total{pricing_status!="unpriced", model=~"$model", service=~"$service"}`, "$__range") + ") > 0"
	p := promStat("Cost", "Growth of the cost counter over the period, extrapolated by Prometheus to its borders. Calls without a price are not included: see Unpriced.", dollars,
		"sum("+grown("llm_usage_cost_usd_total"+matching, "$__range")+") and ("+priced+")")
	p.FieldConfig.Defaults.NoValue = "–"
	return p
}

// inKinds colours kinds of tokens as on the PostgreSQL boards, which have fewer kinds.
func inKinds(p grafana.Panel) grafana.Panel {
	for _, kind := range tokenKinds {
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, colored("/^"+strings.ReplaceAll(kind.name, " ", "_")+"(_|$)/", kind.color))
	}
	return p
}

// queueInUse is how full each queue is, as a share. The size is in bytes, or whatever sizer
// is set to.
const queueInUse = `max by (exporter) (otelcol_exporter_queue_size{exporter=~"usage_postgres.*"} / otelcol_exporter_queue_capacity{exporter=~"usage_postgres.*"})`

// grown is the increase of each series of a counter in a window. Unlike increase(), it
// includes the first value of a new series, which is the only one for a rare model or
// error.
func grown(counter, window string) string {
	return "increase(" + counter + "[" + window + `]) or label_replace(min_over_time(` + counter + "[" + window + "]) unless " + counter + " offset " + window + `, "begins", "here", "", "")`
}

// quantile is the 95th percentile of a histogram.
func quantile(histogram, by, where, window string) string {
	return "histogram_quantile(0.95, sum by (" + by + ") (rate(" + histogram + "_bucket" + where + "[" + window + "])))"
}

func perSecond(by, counter string) string {
	return "sum by (" + by + ") (" + grown(counter, "$__rate_interval") + ") / ($__rate_interval_ms / 1000)"
}

func perHour(by string) string {
	return perSecond(by, "llm_usage_cost_usd_total"+matching) + " * 3600"
}

func labelFilter(name, label, description string) grafana.Variable {
	v := filter(name, label, description, "label_values(llm_usage_calls_total, "+name+")")
	v.DataSource, v.AllValue = &prometheusSource, ".*"
	return v
}

// promTargets returns targets for pairs of expression and legend.
func promTargets(pairs ...string) (targets []grafana.Target) {
	for i := 0; i+1 < len(pairs); i += 2 {
		targets = append(targets, grafana.Target{
			RefID: string(rune('A' + i/2)), DataSource: prometheusSource, EditorMode: "code", Expr: pairs[i], LegendFormat: pairs[i+1],
		})
	}
	return targets
}

func promStat(title, description, unit, expr string) grafana.Panel {
	targets := promTargets(expr, title)
	targets[0].Instant = true
	p := stat(title, description, unit, targets)
	p.DataSource = &prometheusSource
	p.Options["reduceOptions"] = m{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}
	return p
}

func promLines(title, description, unit string, pairs ...string) grafana.Panel {
	p := lines(title, description, unit, promTargets(pairs...))
	// Models and services have no fixed order that a colour could follow.
	p.FieldConfig.Defaults.Color = m{"mode": "palette-classic"}
	p.DataSource = &prometheusSource
	return p
}

// promAreas returns a panel of stacked lines.
func promAreas(title, description, unit string, pairs ...string) grafana.Panel {
	p := promLines(title, description, unit, pairs...)
	custom := p.FieldConfig.Defaults.Custom
	custom["lineWidth"], custom["fillOpacity"], custom["showPoints"] = 1, 50, "never"
	custom["stacking"] = m{"mode": "normal", "group": "A"}
	return p
}

// watched colours a number green up to the limit.
func watched(p grafana.Panel, limit float64, decimals int) grafana.Panel {
	p.FieldConfig.Defaults.Color = m{"mode": "thresholds"}
	p.FieldConfig.Defaults.Thresholds = steps("green", above(limit, "orange"))
	p.FieldConfig.Defaults.Decimals = ptr(decimals)
	return p
}

// whole sets the maximum of the axis to 100 %.
func whole(p grafana.Panel) grafana.Panel {
	p.FieldConfig.Defaults.Max = ptr(1.0)
	return p
}

func saying(nothing string, p grafana.Panel) grafana.Panel {
	p.FieldConfig.Defaults.NoValue = nothing
	return p
}
