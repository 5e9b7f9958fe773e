// Package usagepostgresexporter is the traces exporter usage_postgres: it
// takes the usage record off each span that carries one and stores it as one
// row of public.api_usage, exactly once.
//
// It owns what lies between the pipeline and internal/store: records leave
// their spans before the sending queue (request.go), so that neither memory
// nor disk ever holds a prompt there; a queue on disk keeps what it accepted
// through kills and full disks (queuestorage.go); the schema is checked, or
// migrated, in the background (ready.go); an error of the database becomes a
// retry, a status and a metric (exporter.go).
package usagepostgresexporter

//go:generate go tool -modfile=../../tools/mdatagen.mod mdatagen metadata.yaml
