package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// maxAmount bounds a cost and a quantity: what the columns hold.
var maxAmount = decimal.New(1, 24)

// count reads a quantity, which is never negative.
func count(what, text string) (decimal.Decimal, error) {
	n, err := bill.ParseDecimal(what, text)
	if err == nil && (n.IsNegative() || n.Cmp(maxAmount) >= 0) {
		err = fmt.Errorf("%s: found %s, must be 0 or more", what, text)
	}
	return n, err
}

// slackOfText is how far a decimal that was written as text may be off: half of
// its last digit, at most a thousandth of it.
func slackOfText(d decimal.Decimal) decimal.Decimal {
	half := decimal.New(5, d.Exponent()-1)
	return decimal.Min(half, d.Abs().Shift(-3))
}

// slackOfNumber is how far a binary JSON number may be off: it is the shortest
// text of a double, and a sum of many.
func slackOfNumber(d decimal.Decimal) decimal.Decimal { return d.Abs().Shift(-12) }

// currency reads a code of ISO 4217 in letters of either case.
func currency(text string) (string, error) {
	code := strings.ToUpper(strings.TrimSpace(text))
	if len(code) != 3 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "", fmt.Errorf("currency: found %q, must be three letters of ISO 4217", usage.CleanText(text, 20))
	}
	return code, nil
}

const day = 24 * time.Hour
