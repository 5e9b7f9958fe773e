// Package grafana defines, as Go types, the part of Grafana's classic dashboard model that
// our boards use.
//
// It owns the JSON format: the fields of settings, and defaults that Grafana gets wrong for
// money. It does not own what a board shows, which is in package boards.
//
// The model is the classic one, schema version 39 (Grafana 10.4). Newer servers convert it;
// older ones may not read it. Field names follow
// https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/.
package grafana
