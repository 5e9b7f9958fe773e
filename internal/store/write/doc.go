// Package write stores records in public.api_usage exactly once ([Writer]).
//
// It owns the way of a record into a row: the columns (column.go) in both forms that
// are sent (copy.go, insert.go), the user it belongs to (user.go), what becomes of
// a row that is refused (park.go), and who keeps the sums (mode.go). Of a call that
// is stored it changes what package once calls a correction (correct.go), and gives
// it a user where it has none (attribute.go). It reads nothing back for others.
package write
