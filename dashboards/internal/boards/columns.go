package boards

import (
	"fmt"

	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
)

// Overrides for columns and series.

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

// minWidth sets the minimum width of a column, which is 150 pixels by default.
func minWidth(pixels int) grafana.Property {
	return grafana.Property{ID: "custom.minWidth", Value: pixels}
}

func decimals(n int) grafana.Property { return grafana.Property{ID: "decimals", Value: n} }

func text(name string, more ...grafana.Property) grafana.Override {
	return unit(name, "string", more...)
}

// lessThanACent shows such amounts as "< $0.01". Rounded they would be $0.00, which is
// reserved for 0.
var lessThanACent = grafana.Mapping{Type: "range", Options: m{"from": 1e-12, "to": 0.004999999999, "result": m{"text": "< $0.01"}}}

// money shows dollars and cents, and an unknown cost as a dash.
func money(name string, more ...grafana.Property) grafana.Override {
	return unit(name, cents, append([]grafana.Property{decimals(2), mapped(lessThanACent)}, more...)...)
}

// perUnit shows small prices with six decimal places.
func perUnit(name string, more ...grafana.Property) grafana.Override {
	return unit(name, cents, append([]grafana.Property{decimals(6)}, more...)...)
}

func mapped(mappings ...grafana.Mapping) grafana.Property {
	return grafana.Property{ID: "mappings", Value: mappings}
}

// gauge shows a share as a bar in its cell.
func gauge(name string, more ...grafana.Property) grafana.Override {
	return unit(name, percent, append([]grafana.Property{
		{ID: "min", Value: 0}, {ID: "max", Value: 1}, decimals(1),
		{ID: "color", Value: fixed(blue)},
		{ID: "custom.cellOptions", Value: m{"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}},
	}, more...)...)
}

// colorText colours the text of a column by its value.
func colorText(thresholds *grafana.Thresholds) []grafana.Property {
	return []grafana.Property{
		{ID: "custom.cellOptions", Value: m{"type": "color-text"}},
		{ID: "color", Value: m{"mode": "thresholds"}},
		{ID: "thresholds", Value: thresholds},
	}
}

// changed colours a change of cost, with an increase in red. NaN means that there was
// nothing before.
func changed(name string) grafana.Override {
	return unit(name, percent, append([]grafana.Property{decimals(1), width(80), mapped(
		grafana.Mapping{Type: "special", Options: m{"match": "nan", "result": m{"text": "new", "color": "text"}}},
		grafana.Mapping{Type: "special", Options: m{"match": "null", "result": m{"text": "–", "color": "text"}}},
	)}, colorText(steps("green", above(0.0001, "red")))...)...)
}

// unpricedCalls shows in amber how many calls of a row have no known cost.
func unpricedCalls(name string) grafana.Override {
	return unit(name, count, append([]grafana.Property{width(90)}, colorText(steps("text", above(1, "orange")))...)...)
}

// filters lists the variables that all SQL boards share.
var filters = []string{"user", "service", "model", "api_type", "provider", "environment", "datasource"}

// linked links the names of a table to a board, filtered by the row's key and otherwise by
// the current filters. In a table by the variable "by", the link keeps only the period: a
// filter that occurs twice in a link would be read as two values. The row of all others is
// grey.
func linked(name, title, board, variable string) grafana.Override {
	url := "/d/" + board + "?${__url_time_range}"
	for _, other := range filters {
		if other != variable && (variable != "${by}" || other == "datasource") {
			url += "&${" + other + ":queryparam}"
		}
	}
	return names(name, grafana.Property{ID: "links", Value: []grafana.Link{{Title: title, URL: url + "&var-" + variable + "=${__data.fields.key:percentencode}"}}})
}

// panelURL returns the URL of a panel of a board, with the same period and filters.
func panelURL(b *grafana.Dashboard, title string) string {
	for _, p := range b.AllPanels() {
		if p.Title == title {
			return fmt.Sprintf("/d/%s?${__url_time_range}&${__all_variables}&viewPanel=%d", b.UID, p.ID)
		}
	}
	panic("board " + b.UID + " has no panel " + title)
}

// names is a column of names. A name that is cut can be opened.
func names(name string, more ...grafana.Property) grafana.Override {
	return text(name, append([]grafana.Property{
		minWidth(140), {ID: "custom.inspect", Value: true},
		{ID: "custom.cellOptions", Value: m{"type": "color-text"}},
		mapped(grafana.Mapping{Type: "regex", Options: m{"pattern": "/^all others/", "result": m{"color": gray}}}),
	}, more...)...)
}

// colored sets the colour of the series that match a regular expression.
func colored(pattern, color string) grafana.Override {
	return grafana.Override{Matcher: grafana.Matcher{ID: "byRegexp", Options: pattern}, Properties: []grafana.Property{{ID: "color", Value: fixed(color)}}}
}

// over draws a series as a line over stacked bars, without stacking it.
func over(name, color string, width int, dash bool) grafana.Override {
	style := m{"fill": "solid"}
	if dash {
		style = m{"fill": "dash", "dash": []int{8, 6}}
	}
	return column(name,
		grafana.Property{ID: "custom.drawStyle", Value: "line"},
		grafana.Property{ID: "custom.lineStyle", Value: style},
		grafana.Property{ID: "custom.lineWidth", Value: width},
		grafana.Property{ID: "custom.fillOpacity", Value: 0},
		grafana.Property{ID: "custom.stacking", Value: m{"mode": "none", "group": "B"}},
		grafana.Property{ID: "color", Value: fixed(color)})
}

// dashed draws one series as a dashed line.
func dashed(name, color string) grafana.Override { return over(name, color, 2, true) }

// total is a line of zero width, shown only in the legend and in the tooltip of stacked
// bars.
var total = over("total", "text", 0, false)
