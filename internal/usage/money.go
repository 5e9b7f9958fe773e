package usage

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/shopspring/decimal"
)

// Money is an amount of US dollars in picodollars (1e-12 USD), the scale of the column
// api_usage.usage_dollars. Sums and products with integers are exact. A cost is rounded
// once, when an exact price calculation becomes Money (see [moneyFromDecimal]).
//
// The range is ±9.2 million dollars; one call costs at most [MaxCallCost].
type Money int64

const (
	// MoneyScale is the number of decimal places of Money.
	MoneyScale = 12
	// Dollar is one US dollar.
	Dollar Money = 1_000_000_000_000
	// MaxCallCost is the greatest cost of one call; the table refuses more. The limit
	// catches nonsense such as a token count in the quintillions, not real use.
	MaxCallCost = 1_000_000*Dollar - 1
)

// errMoneyRange is returned for an amount outside the range of Money.
var errMoneyRange = errors.New("amount is outside the range of ±9.2 million dollars")

// moneyFromDecimal rounds an exact amount of dollars to Money, half away from zero as
// PostgreSQL's numeric does. A cost is rounded nowhere else.
func moneyFromDecimal(dollars decimal.Decimal) (Money, error) {
	pico := dollars.Shift(MoneyScale).Round(0).BigInt()
	if !pico.IsInt64() {
		return 0, errMoneyRange
	}
	return Money(pico.Int64()), nil
}

// ParseMoney reads plain decimal text such as "0.00425" (dollars). More than
// twelve decimal places are rounded as in [moneyFromDecimal].
func ParseMoney(text string) (Money, error) {
	if m, ok := parseMoneyFast(text); ok {
		return m, nil
	}
	if len(text) > 64 {
		return 0, fmt.Errorf("%d characters are too many for an amount of money, at most 64 are allowed", len(text))
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a decimal number", text)
	}
	// Arithmetic with an exponent in the millions would be a denial of service.
	if e := d.Exponent(); e > 40 || e < -400 {
		return 0, errMoneyRange
	}
	return moneyFromDecimal(d)
}

// parseMoneyFast reads digits with an optional point and at most twelve places.
func parseMoneyFast(text string) (Money, bool) {
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	var n int64
	places := -1
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '.' && places < 0 && i > 0:
			places = 0
		case c >= '0' && c <= '9':
			if n > (math.MaxInt64-9)/10 {
				return 0, false
			}
			n = n*10 + int64(c-'0')
			if places >= 0 {
				places++
			}
		default:
			return 0, false
		}
	}
	if places < 0 {
		places = 0
	}
	for ; places < MoneyScale; places++ {
		if n > math.MaxInt64/10 {
			return 0, false
		}
		n *= 10
	}
	return Money(n), places == MoneyScale
}

// String returns the amount in dollars with all its digits and no trailing zeros:
// "0.00425", "12", "0".
func (m Money) String() string { return string(m.AppendText(make([]byte, 0, 24))) }

// AppendText appends what [Money.String] returns.
func (m Money) AppendText(b []byte) []byte {
	u := uint64(m)
	if m < 0 {
		b = append(b, '-')
		u = -u
	}
	b = strconv.AppendUint(b, u/uint64(Dollar), 10)
	return appendFraction(b, u%uint64(Dollar), MoneyScale)
}

// appendFraction appends "." and the digits of n/10^places without trailing zeros; it
// appends nothing when n is 0.
func appendFraction(b []byte, n uint64, places int) []byte {
	if n == 0 {
		return b
	}
	b = append(b, '.')
	start := len(b)
	for range places {
		b = append(b, '0')
	}
	end := len(b)
	for i := end - 1; i >= start; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	for b[end-1] == '0' {
		end--
	}
	return b[:end]
}

// Decimal returns the amount in dollars.
func (m Money) Decimal() decimal.Decimal { return decimal.New(int64(m), -MoneyScale) }

// Float64 returns the nearest double, for display and for the attribute that metric
// connectors read. Never calculate with it.
func (m Money) Float64() float64 { return float64(m) / float64(Dollar) }

// MarshalJSON writes a JSON number with all digits.
func (m Money) MarshalJSON() ([]byte, error) { return m.AppendText(nil), nil }
