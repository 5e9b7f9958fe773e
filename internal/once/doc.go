// Package once decides whether two reports are about one call. A call is often reported
// more than once: by the provider's own SDK and by an instrumentation of it, by a framework
// and by the client it uses, or by a sender that got no answer and sends again.
//
// It owns the rule, [Same], and two indexes that use it: [Table] for the reports of one
// payload, [Window] for those of earlier payloads. It does not own the reading of
// telemetry, nor which of two reports is the better one.
package once
