package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// source is the PostgreSQL data source that the viewer selected.
var source = grafana.DataSource{Type: "postgres", UID: "${datasource}"}

// Units in Grafana's notation.
const (
	// cents has separators and a fixed number of decimals, as in $3,594.53, for amounts
	// that people compare with bills. It needs Grafana 12.1.
	cents   = "currency:financial:$"
	dollars = "currencyUSD" // abbreviated: $3.59K
	count   = "short"
	percent = "percentunit" // 1 is 100 %
	seconds = "s"
)

type m = map[string]any

func ptr[T any](v T) *T { return &v }

// fixed gives every value the same colour. Grafana's default turns red from 80 on, whatever
// the value means.
func fixed(color string) m { return m{"mode": "fixed", "fixedColor": color} }

// steps returns thresholds: a base colour, and the steps above it.
func steps(base string, more ...grafana.Step) *grafana.Thresholds {
	return &grafana.Thresholds{Mode: "absolute", Steps: append([]grafana.Step{{Color: base}}, more...)}
}

func above(value float64, color string) grafana.Step {
	return grafana.Step{Color: color, Value: &value}
}

// table and series return queries in Grafana's two formats.
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

// noCalls is shown in an empty panel, with the first step to take if nothing ever arrived.
const noCalls = "no calls in this period; if there have never been any: docs/troubleshooting.md, No data"

// stat returns a panel with one number, or several side by side.
func stat(title, description, unit string, targets []grafana.Target) grafana.Panel {
	return panel("stat", title, description, targets,
		grafana.Field{Unit: unit, NoValue: "0", Color: fixed("text"), Thresholds: steps("text")},
		m{
			"reduceOptions": m{"calcs": []string{"last"}, "fields": "", "values": false},
			"graphMode":     "none", "colorMode": "value", "textMode": "auto", "justifyMode": "auto", "orientation": "auto", "wideLayout": true,
		})
}

// whatBefore is the part of descriptions that says what a change compares with.
const whatBefore = " The change compares with the same hours of the preceding period (from a week on, whole weeks earlier); none if that was not recorded."

// change returns a number with its change from the previous period. Rising costs are red.
func change(title, description, unit string, query func(from, to string) string) grafana.Panel {
	p := stat(title, description+whatBefore, unit, series(compared(title, query)))
	p.FieldConfig.Defaults.NoValue = "–"
	p.Options["showPercentChange"] = true
	p.Options["percentChangeColorMode"] = "inverted"
	return p
}

// neutral is like change, for a number that may rise without harm.
func neutral(title, description, unit string, query func(from, to string) string) grafana.Panel {
	p := change(title, description, unit, query)
	p.Options["percentChangeColorMode"] = "same_as_value"
	return p
}

// amount shows dollars and cents, and an amount below half a cent as "< $0.01".
func amount(p grafana.Panel) grafana.Panel {
	p.FieldConfig.Defaults.Decimals = ptr(2)
	p.FieldConfig.Defaults.Mappings = append(p.FieldConfig.Defaults.Mappings, lessThanACent)
	return p
}

// bars returns a panel of stacked bars over time.
func bars(title, description, unit string, targets []grafana.Target) grafana.Panel {
	return panel("timeseries", title, description, targets,
		grafana.Field{
			// Set Min, because bars do not start at 0 by default.
			Unit: unit, Min: ptr(0.0), NoValue: noCalls, Color: fixed(gray),
			Custom: m{
				"drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "barAlignment": 1, "barWidthFactor": 0.8, "showPoints": "never",
				"stacking": m{"mode": "normal", "group": "A"}, "axisBorderShow": false, "axisSoftMin": 0,
			},
		},
		m{
			"legend":  m{"displayMode": "table", "placement": "right", "showLegend": true, "calcs": []string{"sum"}, "sortBy": "Total", "sortDesc": true},
			"tooltip": m{"mode": "multi", "sort": "none", "hideZeros": true},
		})
}

// columns returns a panel of bars over texts, such as hours of the day, instead of time.
func columns(title, description, unit string, sql string) grafana.Panel {
	return panel("barchart", title, description, table(sql),
		grafana.Field{Unit: unit, Min: ptr(0.0), NoValue: noCalls, Color: fixed(blue), Custom: m{"fillOpacity": 80, "lineWidth": 0, "axisBorderShow": false}},
		m{
			"orientation": "auto", "stacking": "none", "showValue": "never", "groupWidth": 0.8, "barWidth": 0.9, "xTickLabelRotation": 0,
			"legend":  m{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
			"tooltip": m{"mode": "multi", "sort": "none"},
		})
}

// lines returns a panel of lines over time that are not stacked.
func lines(title, description, unit string, targets []grafana.Target) grafana.Panel {
	p := bars(title, description, unit, targets)
	p.FieldConfig.Defaults.Custom = m{
		"drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "lineInterpolation": "linear", "showPoints": "auto", "pointSize": 4,
		"spanNulls": false, "stacking": m{"mode": "none", "group": "A"}, "axisBorderShow": false, "axisSoftMin": 0,
	}
	p.Options["legend"] = m{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}}
	return p
}

// rows returns a table panel.
func rows(title, description, sql string, overrides ...grafana.Override) grafana.Panel {
	p := panel("table", title, description, table(sql),
		grafana.Field{Unit: count, NoValue: noCalls, Color: fixed("text"), Thresholds: steps("text"), Custom: m{"align": "auto", "cellOptions": m{"type": "auto"}, "filterable": false}},
		m{"showHeader": true, "cellHeight": "sm"})
	// NoValue is for an empty table; an empty cell needs no text.
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, grafana.Override{
		Matcher: grafana.Matcher{ID: "byRegexp", Options: "/.*/"}, Properties: []grafana.Property{{ID: "noValue", Value: "–"}},
	})
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, overrides...)
	return p
}

// tall returns the height of a table, in grid units, that shows the given number of rows
// without scrolling. Each row and the header take 36 pixels, and the frame takes 52. A unit
// of height is 38 pixels, with 8 less for the gap.
func tall(rows int) int { return (36*rows + 36 + 52 + 8 + 37) / 38 }
