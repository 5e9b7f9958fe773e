// Package usageapiextension answers questions about usage over HTTP: what AI
// calls cost, by type, by user and by day, for administrators and for each
// user's own usage.
//
// It owns HTTP: the server (extension.go), the routes (routes.go), parameters
// (params.go), problems (problem.go), and which documents the pages of the
// dashboard are made of (pages.go). Who may see what is internal/access, what the
// answers hold internal/report, what a page looks like internal/page, the SQL
// internal/store.
//
//go:generate go tool -modfile=../../tools/mdatagen.mod mdatagen metadata.yaml
package usageapiextension
