package book

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/shopspring/decimal"
)

// The number of digits that an amount may have. Published prices have at most eight; the
// limits keep arithmetic small.
const (
	maxWholeDigits    = 12
	maxFractionDigits = 20
)

// ParseAmount reads a plain decimal number of at least 0, such as "2.50". It refuses
// exponents, signs and digits that only a binary float produces: 0.7499999999 is a 0.75
// that was a float once.
func ParseAmount(text string) (decimal.Decimal, error) {
	whole, fraction, hasPoint := strings.Cut(text, ".")
	switch {
	case text == "":
		return decimal.Decimal{}, errors.New("the price is missing; write 0 only for what is free")
	case !digits(whole) || (hasPoint && !digits(fraction)):
		return decimal.Decimal{}, fmt.Errorf("%q is not a plain decimal number of at least 0, such as 2.50", text)
	case len(whole) > maxWholeDigits || len(fraction) > maxFractionDigits:
		return decimal.Decimal{}, fmt.Errorf("%q has too many digits: %d before and %d after the point are allowed", text, maxWholeDigits, maxFractionDigits)
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return decimal.Decimal{}, fmt.Errorf("%q is not a decimal number", text)
	}
	if near, noisy := FloatNoise(d); noisy {
		return decimal.Decimal{}, fmt.Errorf("%s looks like a number that went through a binary float; %s is probably meant", text, near)
	}
	return d, nil
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// floatTail matches a run of nines or zeros followed by a few digits, or a run of nines at
// the end: 7499999999, 30000000004.
var floatTail = regexp.MustCompile(`^(\d+?)(9{6,}\d{0,3}|0{6,}[1-9]\d{0,2})$`)

// shortestNoise is the length of the shortest text that floatTail matches.
const shortestNoise = 7

// FloatNoise reports whether an amount looks like the exact expansion of a binary float,
// and returns the number that was probably meant.
func FloatNoise(d decimal.Decimal) (meant decimal.Decimal, noisy bool) {
	if d.NumDigits() < shortestNoise {
		return d, false // as many digits as a price list has
	}
	coefficient := strings.TrimRight(d.Coefficient().String(), "0")
	m := floatTail.FindStringSubmatch(coefficient)
	if m == nil || d.Exponent() >= 0 {
		return d, false
	}
	// Round to the kept digits; the trimmed zeros do not shift the point.
	trimmed := int32(len(d.Coefficient().String()) - len(coefficient))
	meant = d.Round(-(d.Exponent() + trimmed + int32(len(m[2]))))
	return meant, true
}

// parseFactor reads a multiplier, "1.1", or a percentage, "5%".
func parseFactor(text string) (decimal.Decimal, error) {
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		d, err := ParseAmount(strings.TrimSpace(percent))
		return d.Shift(-2), err
	}
	return ParseAmount(text)
}
