package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// maxAmount is the limit of costs and quantities, given by the columns of the table.
var maxAmount = decimal.New(1, 24)

// count parses a quantity, which must not be negative.
func count(what, text string) (decimal.Decimal, error) {
	n, err := bill.ParseDecimal(what, text)
	if err == nil && (n.IsNegative() || n.Cmp(maxAmount) >= 0) {
		err = fmt.Errorf("%s: found %s, must be 0 or more", what, text)
	}
	return n, err
}

// slackOfText returns the rounding error of a decimal that was written as text: half of its
// last digit, but at most a thousandth of its value.
func slackOfText(d decimal.Decimal) decimal.Decimal {
	half := decimal.New(5, d.Exponent()-1)
	return decimal.Min(half, d.Abs().Shift(-3))
}

// slackOfNumber returns the rounding error of a JSON number, which is the shortest text of
// a float64 and the sum of many.
func slackOfNumber(d decimal.Decimal) decimal.Decimal { return d.Abs().Shift(-12) }

// currency parses an ISO 4217 code in either case.
func currency(text string) (string, error) {
	code := strings.ToUpper(strings.TrimSpace(text))
	if len(code) != 3 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "", fmt.Errorf("currency: found %q, must be three letters of ISO 4217", usage.CleanText(text, 20))
	}
	return code, nil
}

const day = 24 * time.Hour
