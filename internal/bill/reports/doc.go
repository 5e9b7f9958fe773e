// Package reports parses the reports of providers into lines of a bill.
//
// read.go parses the envelopes of OpenAI and Anthropic (a document, an array of pages, JSON
// lines), openai.go and anthropic.go their rows, focus.go FOCUS in CSV, words.go the texts
// of line items, and number.go numbers and currencies. Every number is parsed from its
// text.
//
// It owns what a report means. It does not own where a report comes from (fetch, or a file
// that usagectl opens), or what happens to its lines.
package reports
