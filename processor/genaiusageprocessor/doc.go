// Package genaiusageprocessor is the processor genai_usage: it finds the billable AI API
// calls in a payload, determines what each consumed and cost, and puts the usage record on
// the span.
//
// It owns the joining of decisions made elsewhere: what happened (internal/genai), what
// goes into the record (internal/recorder), what it costs (internal/pricing) and how it is
// written on the span (internal/usageattr). It does not own any connection: a payload that
// comes in goes out with attributes added, whatever is in it.
package genaiusageprocessor

//go:generate go tool -modfile=../../tools/mdatagen.mod mdatagen metadata.yaml
