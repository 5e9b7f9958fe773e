package bill

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Report is a kind of report of a provider. An import replaces the days of one provider,
// account and report.
type Report string

// Kinds of reports.
const (
	OpenAICosts         Report = "costs"                 // dollars by line item
	OpenAIUsage         Report = "usage"                 // quantities; the endpoint follows: usage/completions
	AnthropicCosts      Report = "cost_report"           // cents by description
	AnthropicUsage      Report = "usage_report/messages" // quantities
	AnthropicDevelopers Report = "usage_report/claude_code"
	FOCUS               Report = "focus" // dollars and quantities of any provider
)

// HasCosts reports whether the amounts of the report are charged. Those of the developer
// report are only the provider's estimate.
func (r Report) HasCosts() bool { return r == OpenAICosts || r == AnthropicCosts || r == FOCUS }

// HasQuantities reports whether the report counts what was consumed, in addition to the
// reports that only have costs.
func (r Report) HasQuantities() bool {
	return strings.HasPrefix(string(r), string(OpenAIUsage)+"/") || r == AnthropicUsage
}

// Category is the purpose of a charge.
type Category string

// Categories.
const (
	ForCalls      Category = ""
	ForSessions   Category = "session_runtime" // agents that the provider runs
	ForCode       Category = "code_execution"
	ForStorage    Category = "storage"
	ForFineTuning Category = "fine_tuning"
	ForSeats      Category = "seats"
	ForOther      Category = "other" // tax, credit, support
)

// Quantity is an amount of one kind. Kinds are those of calls, except that reasoning counts
// as text output, as on every bill.
type Quantity struct {
	Kind   usage.QuantityKind
	Amount decimal.Decimal
}

// Line is one row of a report.
type Line struct {
	Provider string    // who bills, under the name that calls use
	Report   Report    //
	Day      time.Time // start of the UTC day
	// Until is the end of the part of the day that the report covers.
	Until time.Time
	// Incomplete means that the report has a limit of groups per day and silently omits the
	// rest.
	Incomplete bool

	// Cost is in whole units of Currency (dollars, never cents). HasCost is false for a row
	// that has only quantities.
	Cost     decimal.Decimal
	HasCost  bool
	Currency string // ISO 4217, upper case; "" without a cost
	// Slack is the rounding error of Cost, given the digits that the report writes.
	Slack decimal.Decimal

	Category Category
	// Kind is the kind of quantity that Cost pays for, if HasKind is true.
	Kind    usage.QuantityKind
	HasKind bool

	Model string // as written in the report
	// Tier is the service tier: "standard", "batch", "flex", "priority" and so on, or ""
	// when the report does not say.
	Tier                  string
	Project, APIKey, User string
	Item                  string      // text of the report
	Payer                 usage.Payer // "" when the report does not say
	Requests              int64
	HasRequests           bool
	Quantities            []Quantity

	// Raw is the original row as compact JSON.
	Raw []byte
}

// Clean makes the texts of a line valid and short enough for the table.
func (l *Line) Clean() {
	for _, text := range []*string{&l.Model, &l.Tier, &l.Project, &l.APIKey, &l.User, &l.Item} {
		*text = usage.CleanText(strings.TrimSpace(*text), usage.MaxTextBytes)
	}
}

// Add adds a quantity unless it is 0.
func (l *Line) Add(kind usage.QuantityKind, n decimal.Decimal) {
	if n.IsZero() {
		return
	}
	kind = Folded(kind)
	for i := range l.Quantities {
		if l.Quantities[i].Kind == kind {
			l.Quantities[i].Amount = l.Quantities[i].Amount.Add(n)
			return
		}
	}
	l.Quantities = append(l.Quantities, Quantity{kind, n})
}

// Folded returns the kind under which a bill counts a kind of calls.
func Folded(kind usage.QuantityKind) usage.QuantityKind {
	if kind == usage.OutputReasoningTokens {
		return usage.OutputTextTokens
	}
	return kind
}

// Digest identifies a row among all rows of an account. copies is the number of equal rows
// of the day before it.
func (l *Line) Digest(copies uint32) [16]byte {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n%s\n%s\n%d\n", l.Provider, l.Report, l.Day.Format(time.DateOnly), copies)
	_, _ = h.Write(l.Raw)
	return [16]byte(h.Sum(nil))
}

// ParseDecimal parses a number from text, never through a float. It limits the exponent,
// because arithmetic with an exponent in the millions would itself be a denial of service.
func ParseDecimal(what, text string) (decimal.Decimal, error) {
	if text == "" || len(text) > 64 {
		return decimal.Zero, fmt.Errorf("%s: found %q, must be a decimal number of at most 64 characters", what, usage.CleanText(text, 80))
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return decimal.Zero, fmt.Errorf("%s: found %q, must be a decimal number", what, text)
	}
	if e := d.Exponent(); e > 20 || e < -40 || d.NumDigits() > 60 {
		return decimal.Zero, fmt.Errorf("%s: %q is out of range", what, text)
	}
	return d, nil
}

// SetSpan sets the UTC day of a row and how much of it is covered. It returns an error
// unless the bucket lies within one UTC day.
func (l *Line) SetSpan(from, to time.Time) error {
	from, to = from.UTC(), to.UTC()
	l.Day = from.Truncate(24 * time.Hour)
	if from.Before(usage.MinTime) || !from.Before(usage.MaxTime) {
		return fmt.Errorf("the bucket begins at %s, which is outside %s to %s", from.Format(time.RFC3339), usage.MinTime.Format(time.DateOnly), usage.MaxTime.Format(time.DateOnly))
	}
	end := l.Day.AddDate(0, 0, 1)
	switch {
	case !to.After(from):
		return fmt.Errorf("the bucket from %s ends at %s, which is not later", from.Format(time.RFC3339), to.Format(time.RFC3339))
	case to.After(end):
		return fmt.Errorf("the bucket from %s to %s is longer than a UTC day; ask for buckets of a day or less", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	l.Until = to
	return nil
}

// StandardTier is the name in reports of the tier that calls leave empty.
const StandardTier = "standard"
