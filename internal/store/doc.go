// Package store holds every SQL statement on the tables of the usage store.
//
// Writing: [Writer] stores records exactly once (writer.go and its
// neighbours); [Connect] makes the pool that writers and readers share.
//
// It owns the statements. The tables themselves are package migrations; what is
// in a column is said there.
package store
