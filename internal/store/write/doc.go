// Package write stores records in public.api_usage exactly once ([Writer]).
//
// It owns how a record becomes a row: the columns (column.go) in both formats that are sent
// (copy.go, insert.go), the user the row belongs to (user.go), what happens to a refused
// row (park.go), and who updates the sums (mode.go). It changes a stored call only to apply
// what package once calls a correction (correct.go), or to assign a user to a call without
// one (attribute.go). Reading calls is not its task.
package write
