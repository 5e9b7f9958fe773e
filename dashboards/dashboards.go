// Package dashboards holds what Grafana and Prometheus load to show AI API
// usage: boards, provisioning, alert rules.
//
// It owns the files. Boards and the SQL alert rules are generated from
// dashboards/internal/boards, the rest is written by hand; README.md says how
// to use them. Tests run every query in them on a real PostgreSQL.
package dashboards

import "embed"

//go:generate go run ./generate

// Files are all of them, by their path in this folder.
//
//go:embed grafana provisioning prometheus
var Files embed.FS
