// Package usage holds the words of the domain: what one billable AI API call
// is ([Record]), what it consumed ([Quantities]), what it cost ([Money]) and
// how sure we are of that ([PricingStatus], [Reason]).
//
// It owns no input, no output and no decision: recognising calls is
// internal/genai, pricing them internal/pricing, carrying them on a span
// internal/usageattr, storing them internal/store. It imports the standard
// library and the decimal package alone, so every other package may import it.
//
// Start with record.go.
package usage
