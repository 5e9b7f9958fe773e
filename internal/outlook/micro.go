package outlook

import (
	"math"
	"math/bits"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// micro is an amount in microdollars, the resolution of a forecast.
type micro = int64

// mostPerDay caps the amount of one day at a billion dollars, so that no sum over a period
// or a history overflows.
const mostPerDay micro = 1e9 * 1e6

// perMillion is the scale of ratios.
const perMillion = 1_000_000

// microOf rounds to the nearest microdollar, half to even.
func microOf(s usage.Sum) micro {
	m := s.Decimal().Shift(6).RoundBank(0)
	if m.Cmp(decimal.NewFromInt(mostPerDay)) > 0 {
		return mostPerDay
	}
	return max(m.IntPart(), 0)
}

// sumOf is the inverse of [microOf].
func sumOf(m micro) usage.Sum { return sumOfDecimal(decimal.New(m, -6)) }

// sumOfDecimal converts an amount in dollars.
func sumOfDecimal(d decimal.Decimal) usage.Sum {
	s, err := usage.ParseSum(d.String())
	if err != nil {
		return usage.Sum{} // cannot happen: decimal text always parses
	}
	return s
}

// scale returns value × by ÷ of, rounded down, for values of at least 0. It returns the
// maximum int64 on overflow or when of is 0.
func scale(value, by, of int64) int64 {
	if value <= 0 || by <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(value), uint64(by))
	if of <= 0 || high >= uint64(of) {
		return math.MaxInt64
	}
	quotient, _ := bits.Div64(high, low, uint64(of))
	return int64(min(quotient, math.MaxInt64))
}

// plus adds amounts of at least 0. It returns the maximum int64 on overflow.
func plus(a, b micro) micro {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
