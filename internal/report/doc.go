// Package report turns a question about usage (which days, in which time zone, about whom)
// into a request to the store, and the resulting sums into the answer document of the query
// API and usagectl.
//
// It owns the calendar (period.go) and the shape of the answer (answer.go, the public
// JSON). It knows nothing of HTTP, of who may ask (internal/access), or of SQL
// (internal/store).
package report
