package bill

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Covered is a day of which a report told something, even if that was "nothing".
type Covered struct {
	Provider   string
	Report     Report
	Day        time.Time
	Until      time.Time
	Incomplete bool
}

// LineSum is lines of one report, account and day that are alike in all but
// numbers, added up.
type LineSum struct {
	Line
	Account string
	Lines   int64
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
	Lines      int64
}

// Input is all that an explanation is made of.
type Input struct {
	From, To time.Time // UTC midnights, To is excluded
	Days     []ImportedDay
	Bill     []LineSum
	Calls    []CallSum
	// Rates are how much of a currency a dollar buys, by currency and day; USD
	// needs none.
	Rates map[RateKey]decimal.Decimal
	// RetainedFrom: the calls before it were deleted, so those days cannot be
	// compared. Zero: none were.
	RetainedFrom time.Time
}

// RateKey names an exchange rate.
type RateKey struct {
	Currency string
	Day      time.Time
}
