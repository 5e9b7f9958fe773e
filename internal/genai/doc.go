// Package genai reads one OTLP payload, written in any dialect of GenAI
// telemetry, and says which billable AI API calls it tells of: who was asked,
// which model answered, what it consumed, for whom. It knows no prices, keeps
// no records and writes nothing.
//
// The way of one span, each step in a file of its own:
//
//	reader.go      the loop; the gate that lets every other span pass in some nanoseconds
//	names.go       the table of known attribute names; one look at each attribute of a span
//	dialect.go     which dialect is this? the dialects stand in dialect_*.go
//	operation.go   is it a leaf, a call to a provider, or a wrapper that repeats its children?
//	provider.go    who hosts the model; model.go: what the model's name tells
//	tokens.go      from the numbers of the span to disjoint quantities, or a reason
//	tree.go        what the ancestors of a span know: user, session, model
//	twice.go       one call that two instrumentations tell of is one call
//	window.go      the same, when the two arrive in different payloads
//	logs.go        the coding agents that report calls as log events
//
// A dialect is added with one file dialect_<name>.go and one folder
// testdata/cases/<name>; see CONTRIBUTING.md.
package genai
