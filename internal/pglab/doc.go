// Package pglab puts PostgreSQL servers into the situations that tests and chaos
// runs need: behind a pgbouncer, with a standby that can be promoted, read-only,
// as a cluster of Citus; and it measures what a server costs.
//
// It owns those situations; the servers themselves are internal/pgserver. No
// program that users run links it.
package pglab
