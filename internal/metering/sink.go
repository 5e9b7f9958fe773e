package metering

import (
	"context"
	"errors"
	"time"

	"github.com/shopspring/decimal"
)

// Event is what an engine is sent.
type Event struct {
	ID       string // of [EventID]
	Meter    *Meter
	Customer string
	At       time.Time
	// Quantity is in units of the meter; negative: takes back.
	Quantity decimal.Decimal
}

// Outcome says what became of an event.
type Outcome struct {
	State  OutcomeState
	Reason string // of what is refused: what the engine said
}

// OutcomeState is one of the three.
type OutcomeState uint8

// The states. The zero value is an event of which nothing is known.
const (
	Unknown  OutcomeState = iota // send it again, with the same id
	Accepted                     // the engine has it, by this attempt or an earlier one
	Refused                      // sending it again as it is would be refused again
	NotTaken                     // send it again: the engine said that it did not take it
)

// Busy is an engine that could not be asked, or asks to be left alone.
type Busy struct {
	Why   string
	After time.Duration // as long as the engine said, 0: it did not say
}

func (b *Busy) Error() string { return b.Why }

var (
	// ErrKey is a key that the engine does not accept.
	ErrKey = errors.New("the engine does not accept the key")
	// ErrMeter is a meter that the engine does not have, or has otherwise.
	ErrMeter = errors.New("the engine has no such meter")
)

// Total is what an engine says that a customer used.
type Total struct {
	Quantity decimal.Decimal
	// Digits is how many significant digits the engine's answer carries; 0: all.
	Digits int32
	// From and To bound what was added up; To is excluded.
	From, To time.Time
}

// Sink is a billing engine. It repeats nothing by itself and waits for nothing.
type Sink interface {
	// Batch is how many events one call of Send takes.
	Batch() int
	// Ready asks whether the engine has the meter as it is needed. The error is
	// [ErrMeter] where it has not.
	Ready(context.Context, *Meter) error
	// Send sends events of one meter and says what became of each. An error, a [Busy]
	// or [ErrKey], says why outcomes are unknown or not taken.
	Send(context.Context, *Meter, []Event) ([]Outcome, error)
	// Total asks what the engine counts for a customer of a period, or of its own
	// period that holds to, where it knows no other.
	Total(ctx context.Context, m *Meter, customer string, from, to time.Time) (Total, error)
}

// Equals reports whether the engine's sum is a quantity, to the last digit that its answer
// carries.
func (t Total) Equals(quantity decimal.Decimal) bool {
	if t.Digits == 0 {
		return t.Quantity.Equal(quantity)
	}
	// Half a unit in the last digit that is carried.
	last := int32(quantity.NumDigits()) + quantity.Exponent() - t.Digits //nolint:gosec // a few dozen digits
	return t.Quantity.Sub(quantity).Abs().LessThanOrEqual(decimal.New(5, last-1))
}
