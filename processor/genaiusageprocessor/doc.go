// Package genaiusageprocessor is the traces processor genai_usage: it finds
// the billable AI API calls in a payload, works out what each consumed and
// cost, and puts the usage record on the span.
//
// It owns the joining of three decisions made elsewhere: what happened
// (internal/genai), what that costs (internal/pricing), and how it stands on
// the span (internal/usageattr). What a record becomes when one of them is
// unsure is decided in record.go; begin there.
//
// It holds no connection to anything: a payload that comes in goes out, with
// attributes added, whatever is in it.
package genaiusageprocessor

//go:generate go tool -modfile=../../tools/mdatagen.mod mdatagen metadata.yaml
