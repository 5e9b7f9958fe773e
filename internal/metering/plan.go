package metering

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// EventID is the id that an engine knows an event by, at most 88 bytes.
func EventID(call usage.ID, meter string, revision int32) string {
	return call.String() + "." + meter + "." + strconv.Itoa(int(revision))
}

// Charged is what the outbox says a customer is charged for a call by a meter.
type Charged struct {
	Customer string
	// Live is the sum of the events that are accepted or may yet be; Refused of those
	// that are not.
	Live, Refused decimal.Decimal
}

// Change is a new event.
type Change struct {
	Customer string
	Quantity decimal.Decimal // not 0
}

// Plan says which events make what is charged what an assessment wants, in their order,
// what is taken back first. replace says that the refused events of the call are
// replaced by them, so that they must not be sent again. A call that is as the outbox
// has it, refused events included, needs none.
func Plan(charged []Charged, a Assessment) (changes []Change, replace bool) {
	want := decimal.Zero
	if a.Held == "" {
		want = a.Quantity
	}
	same, known := true, false
	for _, c := range charged {
		expected := decimal.Zero
		if c.Customer == a.Customer {
			expected, known = want, true
		}
		same = same && c.Live.Add(c.Refused).Equal(expected)
	}
	if same && (known || want.IsZero()) {
		return nil, false
	}
	add := func(customer string, difference decimal.Decimal) {
		if !difference.IsZero() {
			changes = append(changes, Change{customer, difference})
		}
	}
	for _, c := range charged {
		replace = replace || !c.Refused.IsZero()
		if c.Customer == a.Customer {
			add(c.Customer, want.Sub(c.Live))
		} else {
			add(c.Customer, c.Live.Neg())
		}
	}
	if !known {
		add(a.Customer, want)
	}
	slices.SortStableFunc(changes, func(x, y Change) int {
		return cmp.Or(x.Quantity.Cmp(y.Quantity), cmp.Compare(x.Customer, y.Customer))
	})
	return changes, replace
}
