// Package reports reads the reports of providers into lines of a bill.
//
// read.go has the envelopes in which reports of OpenAI and Anthropic come (a
// document, an array of pages, JSON lines), openai.go and anthropic.go their rows,
// focus.go the CSV of FOCUS, words.go what the words of a bill mean, number.go
// numbers and currencies. Every number is read from its text.
//
// It owns what a report means. It does not own where a report comes from (fetch, or
// a file that usagectl opens), nor what becomes of its lines.
package reports
