// Package upkeep maintains what is stored, on behalf of an operator. It compares the sums
// with the calls and repairs them (verify.go), reprices calls with an audit (reprice.go),
// deletes old calls and keeps their sums (retain.go), adds partitions, stores exchange
// rates and list prices, lists missing prices, and reports the state of the store
// (health.go).
//
// It owns the statements of this work. It stores no new calls and answers no questions of
// the API.
package upkeep
