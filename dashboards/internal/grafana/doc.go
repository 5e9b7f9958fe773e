// Package grafana holds the part of Grafana's classic dashboard model that our
// boards use, as Go types.
//
// It owns the JSON form: which field a setting lives in, and defaults that
// Grafana gets wrong for money. What a board shows belongs to package boards.
//
// The model is the classic one, schema version 39 (Grafana 10.4): newer servers
// read it and turn it into theirs, older ones are the risk. Field names follow
// https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/.
package grafana
