// Package macro turns the SQL of a panel into the SQL that Grafana's PostgreSQL
// data source sends, so that tests can run every panel on a database without a
// Grafana.
//
// It owns the rules of macros and variables as measured on Grafana 12.4 (source:
// pkg/tsdb/grafana-postgresql-datasource/macros.go in grafana/grafana, and the
// variable formats of https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/):
//
//   - Variables come first. $name, ${name} and [[name]] of one value are that
//     value as it is; of several values they are quoted and joined by commas.
//     ${name:sqlstring} quotes always. Quoting doubles single quotes and writes
//     a double quote as \", which PostgreSQL takes for two characters. "All" of
//     a variable with an allValue is that text, never quoted, in every format.
//   - $__timeFrom() and $__timeTo() are UTC literals in quotes, to the
//     millisecond at most, without a type.
//   - $__timeFilter(column) is column BETWEEN from AND to, both ends included.
//   - $__timeGroup(column, '1d') cuts the Unix time into equal pieces, which are
//     UTC days and no others; $__timeGroupAlias names it "time".
//   - Anything else that looks like a macro is an error, as it is in Grafana.
//     Arguments of macros cannot contain parentheses.
package macro
