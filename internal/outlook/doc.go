// Package outlook looks ahead: what a period will cost, how sure that is, and how
// wrong it would have been before ([Of]); and what calls would have cost with something
// changed ([Change], [WhatIf]).
//
// It owns the arithmetic over daily sums and calls. It knows no SQL and has no clock: the
// caller cuts the days in the asker's time zone and says which day is running.
// Where the sums come from is package read; which periods there are, package report.
//
// A forecast is an estimate, so it is made of whole microdollars, also where it
// multiplies and divides; what has been spent stays exact.
package outlook
