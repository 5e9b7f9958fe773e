package usage

// Reason is one stable word that says why a call is not simply "priced". It is stored in
// the column pricing_reason and is a label of the processor's metrics, so the set is
// closed; docs/troubleshooting.md explains each.
type Reason string

// Reasons why a call has no cost.
const (
	ReasonNoUsage         Reason = "no_usage"          // the span reports a billable call without a quantity
	ReasonZeroUsageStream Reason = "zero_usage_stream" // a stream whose instrumentation wrote 0 where it should have written nothing
	ReasonCallFailed      Reason = "call_failed"       // the provider answered with an error and no usage
	ReasonNoModel         Reason = "no_model"          // no span says which model answered
	ReasonUnknownModel    Reason = "unknown_model"     // no price book knows the model at this provider
	ReasonNoPriceAtTime   Reason = "no_price_at_time"  // the model is known, but no price held when the call was made
	ReasonNoPriceForUnit  Reason = "no_price_for_unit" // the model is known, but not the price of a quantity the call used
	ReasonInvalidQuantity Reason = "invalid_quantity"  // a token count that is negative, not a number or absurdly large
	ReasonCostOutOfRange  Reason = "cost_out_of_range" // the cost is a million dollars or more, or a reported one is above the limit
)

// Reasons why a cost is an estimate.
const (
	ReasonInstrumentationEstimate Reason = "instrumentation_estimate" // the library counted tokens itself
	ReasonCacheNotReported        Reason = "cache_not_reported"       // the library drops how much came from the cache
	ReasonCacheTTLNotReported     Reason = "cache_ttl_not_reported"   // the library drops the lifetime of cache writes
	ReasonReasoningNotReported    Reason = "reasoning_not_reported"   // the library drops reasoning tokens that are billed on top
	ReasonAudioNotReported        Reason = "audio_not_reported"       // the library drops which tokens were audio
	ReasonTokensNotReported       Reason = "tokens_not_reported"      // the model is billed by tokens, and only seconds, characters or images are known
	ReasonCallsNotReported        Reason = "calls_not_reported"       // the library made several calls, and reports the usage of one
	ReasonPriceFallback           Reason = "price_fallback"           // a quantity has no price of its own and was priced as its parent
	ReasonTierFallback            Reason = "tier_fallback"            // the service tier has no price of its own
	ReasonUnconfirmedPrice        Reason = "unconfirmed_price"        // only one source gives the price
	ReasonInconsistentQuantities  Reason = "inconsistent_quantities"  // parts add up to more than their total
	ReasonUnknownQuantity         Reason = "unknown_quantity"         // a count under an unknown name; it was read by the words in the name, or not at all
	ReasonCostDiffers             Reason = "cost_differs"             // the cost that arrived with the span is far from ours
	ReasonTimeOutOfRange          Reason = "time_out_of_range"        // the span's start time was implausible; the arrival time was used
	ReasonUnknownDialect          Reason = "unknown_dialect"          // read by the general conventions, meaning of input assumed
	ReasonIDReused                Reason = "id_reused"                // another call has the id; this one has a row of its own
	ReasonNewerRecord             Reason = "newer_record"             // a newer collector gave the call a status that this one does not know
)

// Properties of a reason.
const (
	noCost     = 1 << iota // a call with it has no cost; with any other reason it has one that may be wrong
	ofReading              // found when the span is read, whatever the price book says
	ofBook                 // a row in the price book corrects it
	onlyHidden             // all tokens are known, some of them under another kind
)

var properties = []struct {
	reason Reason
	is     int
}{
	{ReasonNoUsage, noCost | ofReading},
	{ReasonZeroUsageStream, noCost | ofReading},
	{ReasonCallFailed, noCost | ofReading},
	{ReasonNoModel, noCost | ofReading},
	{ReasonUnknownModel, noCost | ofBook},
	{ReasonNoPriceAtTime, noCost | ofBook},
	{ReasonNoPriceForUnit, noCost | ofBook},
	{ReasonInvalidQuantity, noCost | ofReading},
	{ReasonCostOutOfRange, noCost},
	{ReasonInstrumentationEstimate, ofReading},
	{ReasonCacheNotReported, ofReading | onlyHidden},
	{ReasonCacheTTLNotReported, ofReading | onlyHidden},
	{ReasonReasoningNotReported, ofReading},
	{ReasonAudioNotReported, ofReading | onlyHidden},
	{ReasonTokensNotReported, ofReading},
	{ReasonCallsNotReported, ofReading},
	{ReasonPriceFallback, 0},
	{ReasonTierFallback, 0},
	{ReasonUnconfirmedPrice, 0},
	{ReasonInconsistentQuantities, ofReading},
	{ReasonUnknownQuantity, ofReading},
	{ReasonCostDiffers, 0},
	{ReasonTimeOutOfRange, 0},
	{ReasonUnknownDialect, ofReading},
	{ReasonIDReused, ofReading},
	{ReasonNewerRecord, 0},
}

// Reasons lists every reason.
var Reasons = reasonsThatAre(0)

// ReasonsOfBook lists the reasons that a row in the price book corrects.
var ReasonsOfBook = reasonsThatAre(ofBook)

// PreventsCost reports whether so little could be read that no price helps.
func (r Reason) PreventsCost() bool { return r.is(noCost | ofReading) }

// OfReading reports whether the reason comes from reading the span, not from the price
// book.
func (r Reason) OfReading() bool { return r.is(ofReading) }

// OfBook reports whether a row in the price book corrects it.
func (r Reason) OfBook() bool { return r.is(ofBook) }

// OnlyHidden reports whether all tokens are known and some are only counted as another
// kind, which matters where the kinds have different prices.
func (r Reason) OnlyHidden() bool { return r.is(onlyHidden) }

func (r Reason) is(what int) bool {
	if r == "" {
		return false
	}
	for _, p := range properties {
		if p.reason == r {
			return p.is&what == what
		}
	}
	return false
}

func reasonsThatAre(what int) (list []Reason) {
	for _, p := range properties {
		if p.is&what == what {
			list = append(list, p.reason)
		}
	}
	return list
}
