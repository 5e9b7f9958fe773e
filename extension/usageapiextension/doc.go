// Package usageapiextension answers questions about usage over HTTP: what AI calls cost,
// by type, user and day, for administrators and for each user's own usage.
//
// It owns HTTP: the server (extension.go), the routes (routes.go), parameters (params.go),
// problems (problem.go), and which documents make up the pages of the dashboard (pages.go).
// It does not own who may see what (internal/access), the content of answers
// (internal/report), the look of a page (internal/page) or SQL (internal/store).
//
//go:generate go tool -modfile=../../tools/mdatagen.mod mdatagen metadata.yaml
package usageapiextension
