package usage

// Reason says in one stable word why a call is not simply "priced". It is the
// column pricing_reason and a label of the processor's metrics, so the set is
// closed; docs/troubleshooting.md explains each.
type Reason string

// Reasons for which a call has no cost.
const (
	ReasonNoUsage         Reason = "no_usage"          // the span tells of a billable call and carries no quantity
	ReasonZeroUsageStream Reason = "zero_usage_stream" // a stream whose instrumentation wrote 0 where it should have written nothing
	ReasonCallFailed      Reason = "call_failed"       // the provider answered with an error and no usage
	ReasonNoModel         Reason = "no_model"          // no span told which model answered
	ReasonUnknownModel    Reason = "unknown_model"     // no price book knows the model at this provider
	ReasonNoPriceAtTime   Reason = "no_price_at_time"  // the model is known, but no price held when the call was made
	ReasonNoPriceForUnit  Reason = "no_price_for_unit" // the model is known, but not the price of a quantity the call used
	ReasonInvalidQuantity Reason = "invalid_quantity"  // a token count that is negative, not a number or absurdly large
	ReasonCostOutOfRange  Reason = "cost_out_of_range" // the cost is a million dollars or more
)

// Reasons for which a cost is an estimate.
const (
	ReasonInstrumentationEstimate Reason = "instrumentation_estimate" // the library counted tokens itself
	ReasonCacheNotReported        Reason = "cache_not_reported"       // the library drops how much came from the cache
	ReasonCacheTTLNotReported     Reason = "cache_ttl_not_reported"   // the library drops the lifetime of cache writes
	ReasonReasoningNotReported    Reason = "reasoning_not_reported"   // the library drops reasoning tokens that are billed on top
	ReasonAudioNotReported        Reason = "audio_not_reported"       // the library drops which tokens were audio
	ReasonTokensNotReported       Reason = "tokens_not_reported"      // the model is billed by tokens, and only seconds, characters or images are known
	ReasonCallsNotReported        Reason = "calls_not_reported"       // the library made several calls, and tells the usage of one
	ReasonPriceFallback           Reason = "price_fallback"           // a quantity has no price of its own and was priced as its parent
	ReasonTierFallback            Reason = "tier_fallback"            // the service tier has no price of its own
	ReasonUnconfirmedPrice        Reason = "unconfirmed_price"        // the price is the word of one source alone
	ReasonInconsistentQuantities  Reason = "inconsistent_quantities"  // parts add up to more than their total
	ReasonTimeOutOfRange          Reason = "time_out_of_range"        // the span's start time was implausible; the arrival time was used
	ReasonUnknownDialect          Reason = "unknown_dialect"          // read by the general conventions, meaning of input assumed
)

// Reasons lists every reason, for documentation and tests.
var Reasons = []Reason{
	ReasonNoUsage, ReasonZeroUsageStream, ReasonCallFailed, ReasonNoModel, ReasonUnknownModel,
	ReasonNoPriceAtTime, ReasonNoPriceForUnit, ReasonInvalidQuantity, ReasonCostOutOfRange,
	ReasonInstrumentationEstimate, ReasonCacheNotReported, ReasonCacheTTLNotReported,
	ReasonReasoningNotReported, ReasonAudioNotReported, ReasonTokensNotReported, ReasonCallsNotReported, ReasonPriceFallback, ReasonTierFallback,
	ReasonUnconfirmedPrice, ReasonInconsistentQuantities, ReasonTimeOutOfRange, ReasonUnknownDialect,
}
