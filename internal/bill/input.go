package bill

import (
	"iter"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Covered is a day that a report covers, even if nothing was charged.
type Covered struct {
	Provider   string
	Report     Report
	Day        time.Time
	Until      time.Time
	Incomplete bool
}

// Billed is what all reports contain for one provider and UTC day.
type Billed struct {
	Provider string
	Day      time.Time
	// Lines are the rows of the reports. Rows that differ only in numbers may be merged.
	Lines []Line
	// Cut means that there were too many different lines to keep apart. The owners of the
	// rest are unknown.
	Cut bool
}

// CallSum sums the stored calls of one UTC day that agree in everything that explains a
// difference.
type CallSum struct {
	Provider, Model string
	Day             time.Time
	Tier            string // "" means the standard tier
	Status          usage.PricingStatus
	Reason          usage.Reason
	QuantityReason  usage.Reason
	Assumptions     string // words joined by +; "" for none
	Payer           usage.Payer
	// Late means that the calls were made after the time that the bill covers of the day.
	Late       bool
	Calls      int64
	Cost       decimal.Decimal // dollars
	Quantities []Quantity      // disjoint; time in seconds
}

// ImportedDay is a day whose report was imported.
type ImportedDay struct {
	Covered
	Account    string
	ImportedAt time.Time
}

// Input is everything that an explanation is computed from.
type Input struct {
	From, To time.Time // UTC midnights; To is excluded
	Days     []ImportedDay
	// Charged are the total costs of the reports with costs, by provider and currency. They
	// are known before Bill is read.
	Charged []Charged
	// Bill yields one provider and day at a time, because a year of a bill may not fit into
	// memory. Days without lines may be missing.
	Bill  iter.Seq2[Billed, error]
	Calls []CallSum
	// Rates is how much of a currency one dollar buys, by currency and day. USD needs no
	// rate.
	Rates map[RateKey]decimal.Decimal
	// RetainedFrom is the time before which calls were deleted, so that earlier days cannot
	// be compared. It is zero when none were deleted.
	RetainedFrom time.Time
}

// Charged is what a provider charges in one currency.
type Charged struct {
	Provider, Currency string
	Cost               decimal.Decimal
}

// RateKey identifies an exchange rate.
type RateKey struct {
	Currency string
	Day      time.Time
}
