// Package e2e holds the end-to-end tests: the built otelcol-usage binary, real
// OTLP over gRPC and HTTP, a real PostgreSQL, and the answers of the query API
// compared with what the provider really billed.
//
// It owns no product code. harness_test.go starts things; the other files ask
// one question each.
package e2e
