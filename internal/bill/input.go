package bill

import (
	"iter"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Covered is a day that a report covers, even if that was "nothing".
type Covered struct {
	Provider   string
	Report     Report
	Day        time.Time
	Until      time.Time
	Incomplete bool
}

// Billed is what all reports say of one provider and UTC day.
type Billed struct {
	Provider string
	Day      time.Time
	// Lines are the rows of the reports; those that are alike in all but numbers may
	// be one.
	Lines []Line
	// Cut: there are more lines than are distinguished. Of the rest nothing says whose
	// they are.
	Cut bool
}

// CallSum is stored calls of one UTC day, added up by what explains a
// difference.
type CallSum struct {
	Provider, Model string
	Day             time.Time
	Tier            string // "" is the standard tier
	Status          usage.PricingStatus
	Reason          usage.Reason
	QuantityReason  usage.Reason
	Assumptions     string // words joined by +, "" for none
	Payer           usage.Payer
	// Late: the calls are later than what the bill of the day covers.
	Late       bool
	Calls      int64
	Cost       decimal.Decimal // dollars
	Quantities []Quantity      // disjoint; seconds as seconds
}

// ImportedDay is a day that was imported.
type ImportedDay struct {
	Covered
	Account    string
	ImportedAt time.Time
}

// Input is all that an explanation is made of.
type Input struct {
	From, To time.Time // UTC midnights, To is excluded
	Days     []ImportedDay
	// Charged are the costs of the reports that have them, before anything else is
	// known of them.
	Charged []Charged
	// Bill gives one provider and day after the other, because a year of a bill may
	// not fit into memory. Days without lines may be left out.
	Bill  iter.Seq2[Billed, error]
	Calls []CallSum
	// Rates are how much of a currency a dollar buys, by currency and day; USD
	// needs none.
	Rates map[RateKey]decimal.Decimal
	// RetainedFrom: the calls before it were deleted, so those days cannot be
	// compared. Zero: none were.
	RetainedFrom time.Time
}

// Charged is what a provider charges in one currency.
type Charged struct {
	Provider, Currency string
	Cost               decimal.Decimal
}

// RateKey names an exchange rate.
type RateKey struct {
	Currency string
	Day      time.Time
}
