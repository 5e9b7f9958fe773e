package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// source is the PostgreSQL data source that the viewer has chosen.
var source = grafana.DataSource{Type: "postgres", UID: "${datasource}"}

// Units, as Grafana names them.
const (
	dollars = "currencyUSD"
	count   = "short"
	percent = "percentunit" // 1 is 100 %
	seconds = "s"
)

type m = map[string]any

func ptr[T any](v T) *T { return &v }

// fixed colours a value the same whatever it is: Grafana's default turns red at
// 80 of anything.
func fixed(color string) m { return m{"mode": "fixed", "fixedColor": color} }

// steps are thresholds from a base colour upwards.
func steps(base string, more ...grafana.Step) *grafana.Thresholds {
	return &grafana.Thresholds{Mode: "absolute", Steps: append([]grafana.Step{{Color: base}}, more...)}
}

func above(value float64, color string) grafana.Step {
	return grafana.Step{Color: color, Value: &value}
}

// table and series are queries of the two formats.
func table(sql string) []grafana.Target  { return []grafana.Target{target("A", "table", sql)} }
func series(sql string) []grafana.Target { return []grafana.Target{target("A", "time_series", sql)} }

func target(ref, format, sql string) grafana.Target {
	return grafana.Target{RefID: ref, DataSource: source, Format: format, RawQuery: true, EditorMode: "code", RawSQL: sql}
}

func panel(kind, title, description string, targets []grafana.Target, field grafana.Field, options m) grafana.Panel {
	return grafana.Panel{
		Type: kind, Title: title, Description: description, DataSource: &source, Targets: targets,
		FieldConfig: &grafana.FieldConfig{Defaults: field, Overrides: []grafana.Override{}}, Options: options,
	}
}

// stat is one number, or several side by side.
func stat(title, description, unit string, targets []grafana.Target) grafana.Panel {
	return panel("stat", title, description, targets,
		grafana.Field{Unit: unit, NoValue: "0", Color: fixed("text"), Thresholds: steps("text")},
		m{
			"reduceOptions": m{"calcs": []string{"last"}, "fields": "", "values": false},
			"graphMode":     "none", "colorMode": "value", "textMode": "auto", "justifyMode": "auto", "orientation": "auto", "wideLayout": true,
		})
}

// change is a number with its change against the previous period. Costs that
// rise are red.
func change(title, description, unit string, query func(from, to string) string) grafana.Panel {
	p := stat(title, description+" The percentage compares with the period of equal length just before.", unit, series(compared(title, query)))
	p.FieldConfig.Defaults.NoValue = "–"
	p.Options["showPercentChange"] = true
	p.Options["percentChangeColorMode"] = "inverted"
	return p
}

// neutral is change for a number that may rise without harm.
func neutral(title, description, unit string, query func(from, to string) string) grafana.Panel {
	p := change(title, description, unit, query)
	p.Options["percentChangeColorMode"] = "same_as_value"
	return p
}

// bars are sums per day, stacked.
func bars(title, description, unit string, targets []grafana.Target) grafana.Panel {
	return panel("timeseries", title, description, targets,
		grafana.Field{
			// Bars do not begin at 0 by themselves.
			Unit: unit, Min: ptr(0.0), NoValue: "no calls in this period", Color: m{"mode": "palette-classic"},
			Custom: m{
				"drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "barAlignment": 1, "barWidthFactor": 0.8, "showPoints": "never",
				"stacking": m{"mode": "normal", "group": "A"}, "axisBorderShow": false, "axisSoftMin": 0,
			},
		},
		m{
			"legend":  m{"displayMode": "table", "placement": "right", "showLegend": true, "calcs": []string{"sum"}, "sortBy": "Total", "sortDesc": true},
			"tooltip": m{"mode": "multi", "sort": "desc", "hideZeros": true},
		})
}

// lines are values per day, each for itself.
func lines(title, description, unit string, targets []grafana.Target) grafana.Panel {
	p := bars(title, description, unit, targets)
	p.FieldConfig.Defaults.Custom = m{
		"drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "lineInterpolation": "linear", "showPoints": "auto", "pointSize": 4,
		"spanNulls": false, "stacking": m{"mode": "none", "group": "A"}, "axisBorderShow": false, "axisSoftMin": 0,
	}
	p.Options["legend"] = m{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}}
	return p
}

// rows is a table.
func rows(title, description, sql string, overrides ...grafana.Override) grafana.Panel {
	p := panel("table", title, description, table(sql),
		grafana.Field{Unit: count, NoValue: "no calls in this period", Color: fixed("text"), Thresholds: steps("text"), Custom: m{"align": "auto", "cellOptions": m{"type": "auto"}, "filterable": false}},
		m{"showHeader": true, "cellHeight": "sm", "footer": m{"show": false, "reducer": []string{"sum"}, "countRows": false, "fields": ""}})
	// An empty table says so, an empty cell needs no words.
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, grafana.Override{
		Matcher: grafana.Matcher{ID: "byRegexp", Options: "/.*/"}, Properties: []grafana.Property{{ID: "noValue", Value: "–"}},
	})
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, overrides...)
	return p
}

// Overrides of columns.

func column(name string, properties ...grafana.Property) grafana.Override {
	return grafana.Override{Matcher: grafana.Matcher{ID: "byName", Options: name}, Properties: properties}
}

func unit(name, unit string, more ...grafana.Property) grafana.Override {
	return column(name, append([]grafana.Property{{ID: "unit", Value: unit}}, more...)...)
}

func hidden(name string) grafana.Override {
	return column(name, grafana.Property{ID: "custom.hidden", Value: true})
}

func width(pixels int) grafana.Property { return grafana.Property{ID: "custom.width", Value: pixels} }

// minWidth lets a column without a width of its own shrink below Grafana's 150
// pixels, or keeps it above.
func minWidth(pixels int) grafana.Property {
	return grafana.Property{ID: "custom.minWidth", Value: pixels}
}

func decimals(n int) grafana.Property { return grafana.Property{ID: "decimals", Value: n} }

func text(name string, more ...grafana.Property) grafana.Override {
	return unit(name, "string", more...)
}

// gauge draws a share as a bar in its cell.
func gauge(name string, more ...grafana.Property) grafana.Override {
	return unit(name, percent, append([]grafana.Property{
		{ID: "min", Value: 0}, {ID: "max", Value: 1}, decimals(1),
		{ID: "color", Value: fixed("blue")},
		{ID: "custom.cellOptions", Value: m{"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}},
	}, more...)...)
}

// colored gives one series its colour.
func colored(name, color string) grafana.Override {
	return column(name, grafana.Property{ID: "color", Value: fixed(color)})
}

// changed colours a change of cost: more is red.
func changed(name string) grafana.Override {
	return unit(name, percent, decimals(1), width(75),
		grafana.Property{ID: "noValue", Value: "new"},
		grafana.Property{ID: "custom.cellOptions", Value: m{"type": "color-text"}},
		grafana.Property{ID: "color", Value: m{"mode": "thresholds"}},
		grafana.Property{ID: "thresholds", Value: steps("green", above(0.0001, "red"))})
}

// filters are the variables that all SQL boards share.
var filters = []string{"datasource", "user", "api_type", "provider", "model", "service", "environment"}

// linked makes the names of a table lead to a board, filtered by the row's key
// and otherwise as here. A table by the variable "by" keeps only the period: a
// filter that stands in a link twice would be read as two values.
func linked(name, title, board, variable string) grafana.Override {
	url := "/d/" + board + "?${__url_time_range}"
	for _, other := range filters {
		if other != variable && (variable != "${by}" || other == "datasource") {
			url += "&${" + other + ":queryparam}"
		}
	}
	return column(name,
		grafana.Property{ID: "links", Value: []grafana.Link{{Title: title, URL: url + "&var-" + variable + "=${__data.fields.key:percentencode}"}}},
		minWidth(140), grafana.Property{ID: "unit", Value: "string"})
}

// dashed draws one series as a dashed line over the bars.
func dashed(name, color string) grafana.Override {
	return column(name,
		grafana.Property{ID: "custom.drawStyle", Value: "line"},
		grafana.Property{ID: "custom.lineStyle", Value: m{"fill": "dash", "dash": []int{8, 6}}},
		grafana.Property{ID: "custom.lineWidth", Value: 2},
		grafana.Property{ID: "custom.fillOpacity", Value: 0},
		grafana.Property{ID: "custom.stacking", Value: m{"mode": "none", "group": "B"}},
		grafana.Property{ID: "color", Value: fixed(color)})
}
