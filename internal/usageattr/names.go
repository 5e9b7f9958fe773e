package usageattr

// Prefix is the prefix of all names below. Before the processor writes its own attributes,
// it removes what a sender put under these names, so nobody can forge a record; the three
// inputs are read first. Other names with this prefix belong to the sender and stay.
const Prefix = "usage."

// Attributes that the processor writes on every billable span.
const (
	// Record is the whole record as one text, see the package documentation. usage_postgres
	// stores it; the other attributes repeat parts of it for people, trace stores and
	// connectors.
	Record = Prefix + "record"
	// APIType is one of usage.APITypes.
	APIType = Prefix + "api_type"
	// PricingStatus is one of usage.PricingStatuses.
	PricingStatus = Prefix + "pricing_status"
	// PricingReason is one of usage.Reasons, absent when status is "priced".
	PricingReason = Prefix + "pricing_reason"
	// TraceUser names the user of a trace, on a span that is not a call: see
	// [AppendTraceUser]. It is for calls of the trace that were reported before without a
	// user.
	TraceUser = Prefix + "trace_user"
	// SentAgain is true on a span that was sent before, otherwise absent: the store
	// recognises the call by its id; anything that counts spans has to skip it.
	SentAgain = Prefix + "sent_again"
)

// Attributes that the processor writes when its configuration lists them. Each costs an
// allocation per call.
const (
	// CostUSD is the exact cost in US dollars as decimal text, absent when the call is
	// unpriced.
	CostUSD  = Prefix + "cost_usd"
	ID       = Prefix + "id"       // UUID of the record
	Provider = Prefix + "provider" // who bills the call, as gen_ai.provider.name spells it
	Model    = Prefix + "model"    // the model as which the call is priced
	UserID   = Prefix + "user_id"  // UUID of the user, absent when unknown
	PriceID  = Prefix + "price_id" // row of the price book
	Dialect  = Prefix + "dialect"  // convention in which the span was written
	Payer    = Prefix + "payer"    // who pays, one of usage.Payers, absent when unknown
	// Assumptions are the defaults that the price took, such as
	// "service_tier+region"; absent when it took none.
	Assumptions = Prefix + "pricing_assumptions"
	// QuantityPrefix followed by the name of a usage.QuantityKind is the attribute of a
	// quantity, such as usage.quantity.cache_read: an integer, for seconds a double.
	// Configured as "quantities".
	QuantityPrefix = Prefix + "quantity."
)

// The cost for metric connectors, under the names of the open proposal for the GenAI
// semantic conventions (open-telemetry/semantic-conventions-genai#443). CostAmount is a
// double: good enough for a counter, never for accounting.
const (
	CostAmount   = "gen_ai.usage.cost.amount"
	CostCurrency = "gen_ai.usage.cost.currency" // always "USD"
	CostSource   = "gen_ai.usage.cost.source"   // "local" when we computed it, "provider" when it was reported
)

// Attributes that an app may set on its own spans where no convention names what the
// provider bills. They are read, then removed.
const (
	InputAudioSeconds = Prefix + "audio_seconds" // length of the audio, seconds, a number
	InputCharacters   = Prefix + "characters"    // characters of the input text, an integer
	InputImages       = Prefix + "images"        // generated images, an integer
)

// Optional lists the attributes that a configuration can request in addition to those that
// are always written.
var Optional = []string{ID, CostUSD, Provider, Model, UserID, PriceID, Dialect, Payer, Assumptions, Quantities, CostCurrency, CostSource}

// Quantities in a configured list means all attributes under [QuantityPrefix].
const Quantities = Prefix + "quantities"
