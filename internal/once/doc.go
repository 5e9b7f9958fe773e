// Package once decides whether two reports are one call. A call is often
// reported more than once: by the provider's own SDK and by an instrumentation
// of it, by a framework and by the client it uses, by a sender that got no
// answer and repeats itself.
//
// It owns the rule, [Same], and two indexes over it: [Table] for the reports of
// one payload, [Window] for those of the payloads before. It does not read
// telemetry, and it does not say which of two reports is the better one.
package once
