// Package read answers questions about usage ([Reader]): sums of a period, single calls,
// users, models. Each answer comes from one snapshot, read under a database role that sees
// no more than the caller may see.
//
// It owns the statements of these questions. Package sums decides which sums cover a
// period, package report what the days of a period are and how an answer looks, and package
// access who may ask. It changes nothing.
package read
