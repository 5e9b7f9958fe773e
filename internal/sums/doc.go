// Package sums declares the sums that are kept of the calls: the levels, the keys of
// each level, and the measures. It is the only place that does. Everything that keeps,
// repairs and reads the sums is generated from it:
//
//   - the tables, trigger functions, grants, reporting views and the functions behind
//     the boards, as text between markers in the files of migrations/ (files_test.go
//     compares them; `make golden PKG=./internal/sums` writes them);
//   - the statements that store calls where no trigger keeps the sums, that remove a
//     user, that reprice, and that verify (fold.go);
//   - which level answers a question, and how a period is cut into pieces of levels
//     (plan.go).
//
// A new measure is one line in the table of measures, and a new level is one entry of
// Levels. Then run `make golden`, and name the measure in the answers that show it.
//
// It owns what is summed, and the SQL for it. It does not own a connection:
// internal/store runs what is built here.
package sums
