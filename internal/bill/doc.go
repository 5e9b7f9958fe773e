// Package bill reads what a provider says it charges, and explains how that
// differs from the calls that are stored: every cent of the difference has a
// cause, and the causes add up to it to the last digit.
//
// line.go has the form into which every report is brought, read.go the envelopes
// in which reports come (a document, an array of pages, JSON lines, CSV),
// openai.go, anthropic.go and focus.go the reports themselves, words.go what the
// words of a bill mean. explain.go matches quantities and divides the
// difference, answer.go is the document that people get, propose.go what it
// advises.
//
// It owns no SQL, no network and no clock: internal/store keeps the lines and
// sums the calls up, internal/bill/fetch asks the providers.
package bill
