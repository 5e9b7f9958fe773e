// Package boards defines our Grafana dashboards and alert rules.
//
// It owns their queries: sql.go has each snippet once, panels.go defines how kinds of
// panels look, and each board has a file. It does not own the JSON format, which package
// grafana defines, or the sums, which are in the schema usage_report of migrations. Files
// returns everything as files that Grafana loads.
package boards
