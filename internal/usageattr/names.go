package usageattr

// Prefix is how all names below begin. Whatever a sender puts under one of them
// is removed by the processor before it writes its own, so nobody can fake a
// record; the three inputs are read first. Other names that begin so are the
// sender's and stay.
const Prefix = "usage."

// Attributes that the processor writes on every billable span.
const (
	// Record is the whole record as one text, see the package documentation.
	// It is what usage_postgres stores; the others repeat parts of it for
	// people, trace stores and connectors.
	Record = Prefix + "record"
	// CostUSD is the exact cost in US dollars as decimal text, absent when the
	// call is unpriced.
	CostUSD = Prefix + "cost_usd"
	// APIType is one of usage.APITypes.
	APIType = Prefix + "api_type"
	// PricingStatus is one of usage.PricingStatuses.
	PricingStatus = Prefix + "pricing_status"
	// PricingReason is one of usage.Reasons, absent when status is "priced".
	PricingReason = Prefix + "pricing_reason"
	// TraceUser names the user of a trace on a span that is no call, as one text:
	// see [AppendTraceUser]. It is for calls of the trace that were reported
	// before without a user.
	TraceUser = Prefix + "trace_user"
	// SentAgain is true on a span that came before, and absent otherwise: the
	// store knows the call by its id, whoever counts spans leaves it out.
	SentAgain = Prefix + "sent_again"
)

// Attributes that the processor writes when its configuration lists them:
// each costs an allocation on the hot path.
const (
	ID       = Prefix + "id"       // UUID of the record
	Provider = Prefix + "provider" // who bills, as gen_ai.provider.name spells it
	Model    = Prefix + "model"    // the model the call is priced as
	UserID   = Prefix + "user_id"  // UUID of the user, absent when none is known
	PriceID  = Prefix + "price_id" // row of the price book
	Dialect  = Prefix + "dialect"  // convention the span was written in
	Payer    = Prefix + "payer"    // who pays, one of usage.Payers, absent when nothing says so
	// Assumptions are the defaults that the price took, such as
	// "service_tier+region"; absent when it took none.
	Assumptions = Prefix + "pricing_assumptions"
	// QuantityPrefix and the name of a usage.QuantityKind give the attributes
	// of the quantities, such as usage.quantity.cache_read; whole numbers,
	// seconds as double. Listed in the configuration as "quantities".
	QuantityPrefix = Prefix + "quantity."
)

// The cost as metric connectors read it, in the names that the open proposal
// for the GenAI semantic conventions uses
// (open-telemetry/semantic-conventions-genai#443). CostAmount is a double:
// good for a counter, never for accounting.
const (
	CostAmount   = "gen_ai.usage.cost.amount"
	CostCurrency = "gen_ai.usage.cost.currency" // always "USD"
	CostSource   = "gen_ai.usage.cost.source"   // "local" when we computed it, "provider" when it was reported
)

// Attributes that an app may set on its own spans where no convention has a
// name for what the provider bills. They are read, then removed.
const (
	InputAudioSeconds = Prefix + "audio_seconds" // length of the audio, seconds, a number
	InputCharacters   = Prefix + "characters"    // characters of the input text, a whole number
	InputImages       = Prefix + "images"        // generated images, a whole number
)

// Optional lists the attributes that a configuration can ask for beyond the
// ones that are always written.
var Optional = []string{ID, Provider, Model, UserID, PriceID, Dialect, Payer, Assumptions, Quantities, CostCurrency, CostSource}

// Quantities in a configured list stands for all attributes under
// [QuantityPrefix].
const Quantities = Prefix + "quantities"
