package usage

import (
	"fmt"

	"github.com/shopspring/decimal"
)

// Sum is an exact amount of US dollars without the upper limit of [Money]: the cost of many
// calls. The zero value is 0.
type Sum struct{ dollars decimal.Decimal }

// SumOf converts one amount to a Sum.
func SumOf(m Money) Sum { return Sum{m.Decimal()} }

// ParseSum reads the text of PostgreSQL's numeric, such as "0.004250000000".
func ParseSum(text string) (Sum, error) {
	if len(text) > 64 {
		return Sum{}, fmt.Errorf("%d characters are too many for a sum of money, at most 64 are allowed", len(text))
	}
	d, err := decimal.NewFromString(text)
	if err != nil || d.Exponent() > 40 {
		return Sum{}, fmt.Errorf("%q is not a sum of money", text)
	}
	return Sum{d}, nil
}

// Plus adds exactly.
func (s Sum) Plus(t Sum) Sum { return Sum{s.dollars.Add(t.dollars)} }

// Minus subtracts exactly.
func (s Sum) Minus(t Sum) Sum { return Sum{s.dollars.Sub(t.dollars)} }

// Cmp returns -1, 0 or 1 when s is less than, equal to or greater than t.
func (s Sum) Cmp(t Sum) int { return s.dollars.Cmp(t.dollars) }

// IsZero reports whether the sum is 0.
func (s Sum) IsZero() bool { return s.dollars.IsZero() }

// Decimal returns the amount in dollars.
func (s Sum) Decimal() decimal.Decimal { return s.dollars }

// String returns the amount in dollars with all its digits and no trailing zeros, as
// [Money.String] does.
func (s Sum) String() string { return s.dollars.String() }

// MarshalJSON writes a JSON number with all digits.
func (s Sum) MarshalJSON() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads a JSON number from its text, without going through a double.
func (s *Sum) UnmarshalJSON(text []byte) error {
	parsed, err := ParseSum(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}
