// Package genai reads one OTLP payload, written in any dialect of GenAI
// telemetry, and says which billable AI API calls it reports: who was asked,
// which model answered, what it consumed, for whom. It knows no prices, keeps
// no records and writes nothing.
//
// The way of one span, each step in a file of its own:
//
//	reader.go      the loop over the spans, and what is remembered between them
//	span.go        the way of one span; units.go: seconds, characters, images, costs
//	names.go       the table of known attribute names; one look at each attribute
//	layout.go      the same for a span whose names came before in this order
//	gate.go        the look at the names that is all other spans cost
//	dialect.go     which dialect is this? dialect_*.go are they
//	operation.go   is it a leaf, a call to a provider, or a wrapper that repeats its children?
//	provider.go    who hosts the model; model.go: what the model's name says
//	count.go       what is a number; json.go and answer.go: numbers in JSON attributes
//	facts.go       the numbers of a span as they stand there
//	tokens.go      from those to disjoint quantities, or a reason
//	tree.go        what the ancestors of a span know: user, session, model, tags
//	memory.go      the same, when the ancestor came in an earlier payload
//	duplicates.go  one call that two instrumentations report is one call; package once has the rule
//	logs.go        the coding agents that report calls as log events
//
// A dialect is added with one file dialect_<name>.go, its line in [dialects] and
// one folder testdata/cases/<name>, which needs no Go. A capture of a library
// with its truth goes to testdata/corpus; docs/compatibility.md is made of those.
package genai
