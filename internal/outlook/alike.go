package outlook

import "github.com/otelcol-usage/otelcol-usage/internal/usage"

// Alike are calls that differ by nothing that a price depends on but their
// quantities, which are added up: the ground that advice stands on.
type Alike struct {
	Provider, Model, Service string
	APIType                  usage.APIType
	Tier, Region, Variant    string
	Missing                  usage.Missing
	// Waste says why the calls were for nothing, "" where they were not.
	Waste Waste
	// Unattended: none of the calls has a user, a session, or another call in its trace.
	Unattended bool
	// Cached: each of them read from the provider's cache or wrote to it.
	Cached bool
	// Input is the fewest input tokens that one of them can have: none of them reaches
	// a threshold of the price book above it.
	Input int64

	Calls      int64
	Cost       usage.Sum // as stored
	Quantities usage.Quantities

	// Of calls that are not Cached: Long is the input of those with at least
	// [CacheableTokens]; Repeated is what of it was the whole input of the call before in
	// the same conversation, at most five minutes earlier.
	Long, Repeated int64
	// Rewritten is what calls wrote for five minutes that an hour's cache would still have
	// had: five minutes to an hour after the call before in the same conversation, which had
	// it there. ReadLate is what calls read more than five minutes after the one before, or
	// without one: who wrote it, and when, is not known.
	Rewritten, ReadLate int64
}

// CacheableTokens is the longest minimum that a model has for a prompt that it caches.
const CacheableTokens = 4096

// Waste is why a call was for nothing.
type Waste string

// What is waste.
const (
	WasteFailed   Waste = "failed"    // its span ended with an error, and it costs something
	WasteRepeated Waste = "repeated"  // the same input in the same conversation a few minutes before
	WasteNoOutput Waste = "no_output" // a text model that answered nothing
)

// LeftOut are calls that advice does not look at.
type LeftOut struct {
	Reason string    `json:"reason"`
	Calls  int64     `json:"calls"`
	Cost   usage.Sum `json:"cost"`
}

// Why calls are left out.
const (
	LeftOutUnpriced  = "unpriced"  // no cost is known
	LeftOutEstimated = "estimated" // the cost may differ from the bill
	LeftOutReported  = "reported"  // the cost arrived with the call
	LeftOutPayer     = "payer"     // a plan, credits or hardware of one's own pay for it
	LeftOutForeign   = "foreign"   // stored by others than the collector, or by a newer one
	LeftOutSmall     = "small"     // of a day that has too many different ones
	LeftOutNoPrice   = "no_price"  // the book has no certain price for it today
)

// Rhythm is in how many hours a service called a model.
type Rhythm struct {
	Provider, Model, Service string
	Hours, Calls             int64
}

// Advice is one thing to change, and what that saves.
type Advice struct {
	// ID names it as long as its ground is the same.
	ID   string `json:"id"`
	Rule string `json:"rule"`
	// Change is what to change, in a few words: "tier batch", "model gpt-4o".
	Change string `json:"change"`
	// SavesPerMonth is for 30 days like the last 30, at the prices of today and after
	// all advice before it in the list.
	SavesPerMonth usage.Sum `json:"savesPerMonth"`
	Assumption    string    `json:"assumption"`
	Rows          Rows      `json:"rows"`
}

// Rows are the calls that advice rests on.
type Rows struct {
	Calls int64 `json:"calls"`
	// Cost is what they cost in 30 days at the prices of today, after all advice before.
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
	// Dollars is what it saved a month when it was dismissed.
	Dollars usage.Sum
}

// AdviceList is what there is to save.
type AdviceList struct {
	// From and To are the days, To excluded, of the calls that it rests on.
	From string `json:"from"`
	To   string `json:"to"`
	// Calls and Cost are all that were looked at, at the prices of today; LeftOut, those
	// that were not.
	Calls   int64     `json:"calls"`
	Cost    usage.Sum `json:"cost"`
	LeftOut []LeftOut `json:"leftOut,omitempty"`
	// Advice stands in the order in which it was applied; its savings add up.
	Advice []Advice `json:"advice"`
	// Dismissed is what is not advised again, each as if it came first.
	Dismissed []Advice `json:"dismissed,omitempty"`
	// More is how many further pieces of advice there are, with smaller savings.
	More int `json:"more,omitempty"`
}
