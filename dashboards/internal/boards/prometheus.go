package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// prometheusSource is the Prometheus data source that the viewer has chosen.
var prometheusSource = grafana.DataSource{Type: "prometheus", UID: "${datasource}"}

// matching is the filter of the counters that examples/prometheus.yaml makes.
const matching = `{model=~"$model", service=~"$service"}`

// Prometheus is a board on the counters of examples/prometheus.yaml and the
// collector's own metrics, for teams that watch there. Money is exact in
// PostgreSQL; counters are for rates and alerts.
func Prometheus() *grafana.Dashboard {
	b := newBoard(prometheusUID, "AI API usage: Prometheus",
		"Rates of cost and tokens from the collector's counters, and the health of the collector itself. For rates and alerts: exact sums stand in the boards on PostgreSQL.")
	b.Time = grafana.TimeRange{From: "now-24h", To: "now"}
	b.Tags = append(b.Tags, "prometheus")
	b.Templating.List = []grafana.Variable{
		sourceVariable("prometheus", "Prometheus that scrapes the collector"),
		labelFilter("model", "Model", "The model that answered."),
		labelFilter("service", "Service", "service.name of the app."),
	}
	l := grafana.NewLayout(b)
	l.Row(5,
		promStat("Cost", "Increase of the cost counter over the period, extrapolated by Prometheus.", dollars, "sum(increase(llm_usage_cost_usd_total"+matching+"[$__range]))"),
		promStat("Calls", "Increase of the call counter over the period.", count, "sum(increase(llm_usage_calls_total"+matching+"[$__range]))"),
		promStat("Unpriced calls", "Calls of the period whose cost is not known.", count, `sum(increase(llm_usage_calls_total{pricing_status="unpriced", model=~"$model", service=~"$service"}[$__range])) or vector(0)`),
		promStat("Waiting records", "Records in the sending queues of usage_postgres.", count, `sum(otelcol_exporter_queue_size{exporter=~"usage_postgres.*"})`),
		promStat("Parked records", "Records of the period that the table refused.", count, "sum(increase(otelcol_usage_postgres_parked_total[$__range])) or vector(0)"),
	)
	l.Row(10,
		promLines("Cost per hour by model", "Rate of the cost counter, per hour.", dollars, "sum by (model) (rate(llm_usage_cost_usd_total"+matching+"[$__rate_interval])) * 3600", "{{model}}"),
		promLines("Cost per hour by service", "Rate of the cost counter, per hour.", dollars, "sum by (service) (rate(llm_usage_cost_usd_total"+matching+"[$__rate_interval])) * 3600", "{{service}}"),
	)
	l.Row(10,
		promLines("Tokens per second by kind", "Input with cached input in it, and output with reasoning in it.", count, "sum by (kind) (rate(llm_usage_tokens_total"+matching+"[$__rate_interval]))", "{{kind}}"),
		promLines("Calls per second by how their cost is known", "priced, estimated, reported or unpriced.", "reqps", "sum by (pricing_status) (rate(llm_usage_calls_total"+matching+"[$__rate_interval]))", "{{pricing_status}}"),
	)
	l.Row(10,
		promLines("Rows written and duplicates refused", "Rows per second that went into public.api_usage, and copies of calls that were there already.", "rowsps",
			"sum(rate(otelcol_usage_postgres_rows_total[$__rate_interval]))", "written",
			"sum(rate(otelcol_usage_postgres_duplicates_total[$__rate_interval]))", "duplicates"),
		promLines("Time to store a batch", "95 of 100 batches are stored within this time; and the age of the oldest call in them.", seconds,
			"histogram_quantile(0.95, sum by (le) (rate(otelcol_usage_postgres_batch_duration_seconds_bucket[$__rate_interval])))", "batch",
			"histogram_quantile(0.95, sum by (le) (rate(otelcol_usage_postgres_delay_seconds_bucket[$__rate_interval])))", "age of the oldest call"),
		promLines("Queue and retries", "Records that wait, and batches that had to be tried again, by the kind of error.", count,
			`sum(otelcol_exporter_queue_size{exporter=~"usage_postgres.*"})`, "waiting",
			"sum by (class) (increase(otelcol_usage_postgres_retries_total[$__rate_interval]))", "retries: {{class}}"),
	)
	return b
}

func labelFilter(name, label, description string) grafana.Variable {
	v := filter(name, label, description, "label_values(llm_usage_calls_total, "+name+")")
	v.DataSource, v.AllValue = &prometheusSource, ".*"
	return v
}

// promTargets takes pairs of expression and legend.
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
	p.DataSource = &prometheusSource
	return p
}
