// Package store is the ground that the rooms of the database share: the pool
// and its errors, who keeps the rollups, the retention mark.
//
//   - write stores records exactly once;
//   - read answers questions with the rights of who asks;
//   - upkeep looks after what is stored: it verifies, reprices, retains,
//     partitions, and reports the state of the store.
//
// They own the statements, each those of its own work, and do not import one
// another. The tables are package migrations; what is in a column is said there.
// Which sums are kept, and which answers what, is package sums.
package store
