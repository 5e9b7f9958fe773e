// Package store holds what the packages of the database share: the connection pool,
// the classes of errors, who keeps the rollups, and the retention mark.
//
//   - write stores records exactly once;
//   - read answers questions with the rights of the caller;
//   - upkeep maintains what is stored: it verifies, reprices, applies retention,
//     partitions, and reports the state of the store;
//   - outbox keeps the events by which usagectl meter charges customers.
//
// Each owns the SQL statements of its own work, and none imports another. Package
// migrations creates the tables and documents their columns. Package sums defines
// which sums are kept and which answer a question.
package store
