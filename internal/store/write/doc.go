// Package write stores records in public.api_usage exactly once ([Writer]).
//
// It owns the way of a record into a row: the columns in both forms that are
// sent (copy.go, insert.go), the user it belongs to (user.go), what becomes of
// a row that is refused (park.go), and who keeps the sums (mode.go). It reads
// nothing back for others, and never changes a call that is stored.
package write
