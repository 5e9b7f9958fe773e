// Package migrations holds the schema of the usage store as plain SQL files
// that psql can run too. It owns what is stored; internal/dbmigrate applies it,
// internal/store reads and writes.
//
// A file is named NNNN_verb_object.up.sql and has a .down.sql beside it. A
// released file is never edited: a database remembers the checksum of what it
// ran and refuses another one. What all of them make together stands in
// internal/dbmigrate/testdata/schema.golden.txt.
package migrations

import "embed"

// Files holds all migrations.
//
//go:embed *.sql
var Files embed.FS

// Optional holds files that an operator chooses, after all migrations: who
// keeps the rollups, and the distribution over a Citus cluster. They leave no
// mark in the log of migrations.
//
//go:embed optional/*.sql
var Optional embed.FS

// PartitionByMonth is the opt-in that partitions public.api_usage. It is no
// part of the numbered files: the schema is complete without it.
//
//go:embed optional/partition_by_month.sql
var PartitionByMonth string
