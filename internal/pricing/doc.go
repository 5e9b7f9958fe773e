// Package pricing says what one AI API call cost at the moment it was made.
//
// A [Book] holds dated prices by hosting provider and model. [Book.Price]
// finds the row (lookup.go), lets service tier, region, variant,
// hour and length of the input change it (resolve.go) and multiplies disjoint
// quantities by unit prices (plan.go), exactly: prices are decimals from text,
// the sum is a whole number over one denominator, and one rounding to
// picodollars, half away from zero, ends the calculation. [Book.Explain]
// shows each step of it to people.
//
// It owns no telemetry and no storage. The form of price files is the package
// book below it; reading the price data of other projects is the package
// foreign. Unknown is never zero: a call without a price comes back unpriced,
// with its reason.
//
// Start with book.go.
package pricing
