// Package sums declares the sums that are kept of the calls: the levels they
// are kept at, the keys of each level, and the measures. It is the only place
// that says them. What keeps, repairs and reads the sums is made of it:
//
//   - the tables, the trigger functions, the grants, the reporting views and
//     the functions behind the boards, as text between markers in the files of
//     migrations/ (files_test.go compares; `make golden PKG=./internal/sums`
//     writes it again);
//   - the statement that stores and folds where no trigger can, what forgets a
//     user, what reprices, and what verifies (fold.go);
//   - which level answers a question, and how a period is cut into pieces
//     of levels (plan.go).
//
// A measure is added by one line of the table of measures, and a level by one
// entry of Levels; then `make golden` and what an answer shall call it.
//
// It owns no statement of its own and knows no database: internal/store runs
// what is made here.
package sums
