// Package metering charges calls on to one's own customers: whose a call is, what of
// it is metered, with which markup and rounding, and which events say so to a billing
// engine when a call is new or changes.
//
// It owns the configuration ([Config]), the exact arithmetic ([Meter.Assess]), the
// revisions ([Plan]) and what an engine has to be able to do ([Sink]). Engines are
// packages below it; the outbox is internal/store/outbox. It owns no SQL, no network
// and no clock. "Billing" here is charging customers; the provider's bill is
// internal/bill.
package metering
