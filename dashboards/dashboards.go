// Package dashboards contains what Grafana and Prometheus load to show AI API usage:
// dashboards, provisioning and alert rules.
//
// It owns the files. Dashboards and SQL alert rules are generated from
// dashboards/internal/boards; the other files are written by hand. README.md explains how
// to use them. Tests run every query on a real PostgreSQL.
package dashboards

import "embed"

//go:generate go run ./generate

// Files are all of them, by their path in this folder.
//
//go:embed grafana provisioning prometheus
var Files embed.FS
