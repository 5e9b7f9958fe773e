// Package macro converts the SQL of a panel into the SQL that Grafana's PostgreSQL data
// source sends, so that tests can run every panel on a database without Grafana.
//
// It owns the rules of macros and variables as measured on Grafana 12.4 (source:
// pkg/tsdb/grafana-postgresql-datasource/macros.go in grafana/grafana, and the
// variable formats of https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/):
//
//   - Variables are expanded first. $name, ${name} and [[name]] insert a single value
//     unchanged; several values are quoted and joined by commas. ${name:sqlstring}
//     always quotes. Quoting doubles single quotes and writes a double quote as \",
//     which PostgreSQL reads as two characters. "All" of a variable with an allValue
//     inserts that text, never quoted, in every format.
//   - $__timeFrom() and $__timeTo() are quoted UTC literals without a type, with at
//     most milliseconds.
//   - $__timeFilter(column) is column BETWEEN from AND to, both ends included.
//   - $__timeGroup(column, '1d') divides Unix time into equal pieces, so days are
//     always UTC days; $__timeGroupAlias names the result "time".
//   - Anything else that looks like a macro is an error, as in Grafana.
//     Arguments of macros cannot contain parentheses.
package macro
