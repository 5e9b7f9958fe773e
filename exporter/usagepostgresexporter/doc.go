// Package usagepostgresexporter is the exporter usage_postgres: it takes the usage record
// from each span and log record that carries one and stores it as one row of
// public.api_usage, exactly once.
//
// It owns the path from the pipeline to internal/store: records are taken from their spans
// before the sending queue (request.go), so that neither memory nor disk ever holds a
// prompt there; a queue on disk keeps what it accepted through kills and full disks
// (queuestorage.go); the schema is checked, or migrated, in the background (ready.go); a
// database error becomes a retry, a status and a metric (exporter.go). It does not own the
// statements, which are internal/store's.
package usagepostgresexporter

//go:generate go tool -modfile=../../tools/mdatagen.mod mdatagen metadata.yaml
