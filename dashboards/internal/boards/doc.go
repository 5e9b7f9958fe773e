// Package boards says what our Grafana dashboards and alert rules show.
//
// It owns every query of theirs: sql.go has each snippet once, panels.go how
// kinds of panels look, and one file per board what stands on it. The JSON form
// belongs to package grafana, the sums to the schema usage_report of
// migrations. Files gives everything as the files that Grafana loads.
package boards
