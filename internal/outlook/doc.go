// Package outlook computes estimates: what a period will cost, with its uncertainty and the
// error of past forecasts ([Of]), and what calls would have cost under other conditions
// ([Change], [WhatIf]). It has the types of advice ([AdviceList]), which package savings
// computes.
//
// It owns the arithmetic over daily sums and calls. It knows no SQL and has no clock: the
// caller divides time into days of the user's time zone and says which day is running.
// Package read provides the sums, and package report the periods.
//
// A forecast is an estimate, so it uses whole microdollars throughout, in multiplication
// and division too. What has been spent stays exact.
package outlook
