// Package plan keeps the plans that pay for calls and their seats (table.go), and writes the
// payer into the calls that do not tell it (apply.go), with an audit.
//
// It owns the statements of this work. Which plan covers a call is decided in
// internal/payer, what a plan costs beside what it is worth is read in internal/store/read,
// and who changed a plan is noted by the database.
package plan
