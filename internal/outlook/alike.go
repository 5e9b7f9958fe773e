package outlook

import "github.com/otelcol-usage/otelcol-usage/internal/usage"

// Alike sums calls that differ in nothing that a price depends on except their quantities.
// Advice is computed from it.
type Alike struct {
	Provider, Model, Service string
	APIType                  usage.APIType
	Tier, Region, Variant    string
	Missing                  usage.Missing
	// Waste says why the calls were wasted; "" if they were not.
	Waste Waste
	// Unattended means that none of the calls has a user, a session, or another call in its
	// trace.
	Unattended bool
	// Cached means that each call read from the provider's cache or wrote to it.
	Cached bool
	// Input is a lower bound for the input tokens of each call. None of the calls reaches a
	// threshold of the price book above it.
	Input int64

	Calls      int64
	Cost       usage.Sum // as stored
	Quantities usage.Quantities

	// For calls that are not Cached, Long is the input of those with at least
	// [CacheableTokens]. Repeated is the part of it that was the whole input of the
	// previous call in the same conversation, at most five minutes earlier.
	Long, Repeated int64
	// Rewritten is what calls wrote to the five-minute cache although a one-hour cache
	// would still have had it: the previous call in the same conversation, five minutes to
	// an hour earlier, had it there. ReadLate is what calls read more than five minutes
	// after the previous call, or without one, so that it is unknown who wrote it and when.
	Rewritten, ReadLate int64
}

// CacheableTokens is the largest of the models' minimum lengths of a prompt that can be
// cached.
const CacheableTokens = 4096

// Waste is the reason why a call was wasted.
type Waste string

// Kinds of waste.
const (
	WasteFailed   Waste = "failed"    // its span ended with an error, but it has a cost
	WasteRepeated Waste = "repeated"  // the same input in the same conversation a few minutes earlier
	WasteNoOutput Waste = "no_output" // a text model without output
)

// LeftOut counts calls that advice ignores.
type LeftOut struct {
	Reason string    `json:"reason"`
	Calls  int64     `json:"calls"`
	Cost   usage.Sum `json:"cost"`
}

// Reasons why calls are left out.
const (
	LeftOutUnpriced  = "unpriced"  // the cost is unknown
	LeftOutEstimated = "estimated" // the cost may differ from the bill
	LeftOutReported  = "reported"  // the cost arrived with the call
	LeftOutPayer     = "payer"     // paid by a plan, credits or own hardware
	LeftOutSeat      = "seat"      // covered by a plan in which the user has a seat, and paid at the API
	LeftOutForeign   = "foreign"   // stored by another program, or by a newer collector
	LeftOutSmall     = "small"     // from a day with too many different groups
	LeftOutNoPrice   = "no_price"  // the book has no certain price today
)

// Why says in words, after the number of calls, why they are left out.
func (l LeftOut) Why() string {
	return map[string]string{
		LeftOutUnpriced:  "without a known cost",
		LeftOutEstimated: "whose cost is an estimate",
		LeftOutReported:  "whose cost arrived with them",
		LeftOutPayer:     "that a plan, credits or hardware of one's own pay for",
		LeftOutSeat:      "that a plan covers while the API is paid for them: see beside_seat",
		LeftOutForeign:   "that others than the collector stored, or a newer one",
		LeftOutSmall:     "of days with too many different ones, those that cost least",
		LeftOutNoPrice:   "that the price book has no certain price for today",
	}[l.Reason]
}

// Seat is what a user's seat of a plan costs in cash, beside what its calls would cost at
// API prices.
type Seat struct {
	Plan string
	// Cash is nil when it is not known.
	Cash *usage.Sum
	// Whole means that the seat was paid on each day of the period.
	Whole bool
	// Calls are those that the plan paid for. Unpriced ones have no part in APICost.
	Calls, Unpriced int64
	APICost         usage.Sum
	// BesideCalls are covered by the plan, while the API was paid for them.
	BesideCalls, BesideUnpriced int64
	BesideCost                  usage.Sum
}

// Rhythm is the number of hours in which a service called a model.
type Rhythm struct {
	Provider, Model, Service string
	Hours, Calls             int64
}

// Advice is a recommended change and its saving.
type Advice struct {
	// ID stays the same while the advice is about the same thing.
	ID   string `json:"id"`
	Rule string `json:"rule"`
	// Change is what to change, in a few words: "tier batch", "model gpt-4o".
	Change string `json:"change"`
	// SavesPerMonth is the saving in 30 days like the last 30, at today's prices, after all
	// advice before it in the list.
	SavesPerMonth usage.Sum `json:"savesPerMonth"`
	Assumption    string    `json:"assumption"`
	Rows          Rows      `json:"rows"`
}

// Rows are the calls that advice is based on.
type Rows struct {
	Calls int64 `json:"calls"`
	// Cost is their cost in 30 days at today's prices, after all advice before it.
	Cost     usage.Sum `json:"cost"`
	Service  string    `json:"service"`
	Provider string    `json:"provider"`
	Model    string    `json:"model"`
	// Link is a path of the query API that lists the calls of the service and model.
	Link string `json:"link"`
}

// Dismissal is advice that somebody decided not to follow.
type Dismissal struct {
	ID string
	// Dollars is the monthly saving at the time of the dismissal.
	Dollars usage.Sum
}

// AdviceList lists all advice.
type AdviceList struct {
	// From and To bound the days of the calls; To is excluded.
	From string `json:"from"`
	To   string `json:"to"`
	// Calls and Cost cover all calls that were examined, at today's prices. LeftOut counts
	// the others.
	Calls   int64     `json:"calls"`
	Cost    usage.Sum `json:"cost"`
	LeftOut []LeftOut `json:"leftOut,omitempty"`
	// Advice is in the order in which it was applied. The savings add up.
	Advice []Advice `json:"advice"`
	// Dismissed lists advice that was dismissed, each with its saving as if it came first.
	Dismissed []Advice `json:"dismissed,omitempty"`
	// More is the number of further pieces of advice, with smaller savings.
	More int `json:"more,omitempty"`
}
