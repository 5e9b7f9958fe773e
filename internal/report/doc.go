// Package report turns a question about usage (which days, in which time zone,
// about whom) into what the store has to add up, and the sums into the answer
// document that the query API and usagectl give.
//
// It owns the calendar (period.go) and the shape of the answer (answer.go,
// which is the public JSON). It does not know HTTP, nor who may ask
// (internal/access), nor SQL (internal/store).
package report
