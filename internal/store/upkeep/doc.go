// Package upkeep looks after what is stored, for an operator: it compares the
// sums with the calls and repairs them (verify.go), prices calls again with an
// audit (reprice.go), deletes old calls and keeps their sums (retain.go), adds
// partitions, keeps exchange rates and list prices, lists missing prices, and
// says how the store is (health.go).
//
// It owns these statements. It stores no new call and answers no question of the
// API.
package upkeep
