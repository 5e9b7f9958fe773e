// Package book owns the format of a price file: the rows as people write them ([File],
// [Row]), reading them from YAML ([Decode]), writing them ([Encode]), and checking them for
// prices that no provider would publish.
//
// It does not own arithmetic or lookup: package pricing decides which row prices a call and
// what the call costs. Amounts are decimals from text to text; a price that was a binary
// float once is refused.
//
// Start with file.go for the terms and decode.go for the format.
package book
