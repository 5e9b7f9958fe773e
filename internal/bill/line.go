package bill

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Report is one kind of report of a provider; together with provider, account
// and UTC day it is what an import replaces.
type Report string

// The reports.
const (
	OpenAICosts         Report = "costs"                 // dollars, by line item
	OpenAIUsage         Report = "usage"                 // quantities; the endpoint follows: usage/completions
	AnthropicCosts      Report = "cost_report"           // cents, by description
	AnthropicUsage      Report = "usage_report/messages" // quantities
	AnthropicDevelopers Report = "usage_report/claude_code"
	FOCUS               Report = "focus" // dollars and quantities of any provider
)

// HasCosts reports whether the amounts of the report are what is charged. Those
// of the developer report are the provider's estimate.
func (r Report) HasCosts() bool { return r == OpenAICosts || r == AnthropicCosts || r == FOCUS }

// HasQuantities reports whether the report counts what was consumed, for the
// reports beside it to be compared with.
func (r Report) HasQuantities() bool {
	return strings.HasPrefix(string(r), string(OpenAIUsage)+"/") || r == AnthropicUsage
}

// Category is what a charge is for when it is not for calls to a model.
type Category string

// The categories.
const (
	ForCalls      Category = ""
	ForSessions   Category = "session_runtime" // agents that the provider runs
	ForCode       Category = "code_execution"
	ForStorage    Category = "storage"
	ForFineTuning Category = "fine_tuning"
	ForSeats      Category = "seats"
	ForOther      Category = "other" // tax, credit, support
)

// Quantity is an amount of one kind. Kinds are those of calls; reasoning is
// counted as text output, as every bill does.
type Quantity struct {
	Kind   usage.QuantityKind
	Amount decimal.Decimal
}

// Line is one row of a report.
type Line struct {
	Provider string    // who bills, as calls name it
	Report   Report    //
	Day      time.Time // start of the UTC day
	// Until is the end of what the report covers of the day, at most its end.
	Until time.Time
	// Incomplete: the report lists no more than so many groups of the day, and
	// leaves the rest out without saying so.
	Incomplete bool

	// Cost is in whole units of Currency (dollars, never cents); HasCost is false
	// for a row of quantities alone.
	Cost     decimal.Decimal
	HasCost  bool
	Currency string // ISO 4217, capital letters; "" without a cost
	// Slack is how far the cost may be off by the digits that the report writes.
	Slack decimal.Decimal

	Category Category
	// Kind is what Cost is for, when HasKind.
	Kind    usage.QuantityKind
	HasKind bool

	Model string // as the report writes it
	// Tier is the service tier: "" when the report does not say, else "standard",
	// "batch", "flex", "priority" ...
	Tier                  string
	Project, APIKey, User string
	Item                  string      // the words of the report
	Payer                 usage.Payer // who pays, where the report says it
	Requests              int64
	HasRequests           bool
	Quantities            []Quantity

	// Raw is the row as it came, compact JSON.
	Raw []byte
}

// Clean brings the texts of a line within what a row holds.
func (l *Line) Clean() {
	for _, text := range []*string{&l.Model, &l.Tier, &l.Project, &l.APIKey, &l.User, &l.Item} {
		*text = usage.CleanText(strings.TrimSpace(*text), usage.MaxTextBytes)
	}
}

// Add notes a quantity that is not 0.
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

// Folded is the kind under which a bill counts what calls distinguish.
func Folded(kind usage.QuantityKind) usage.QuantityKind {
	if kind == usage.OutputReasoningTokens {
		return usage.OutputTextTokens
	}
	return kind
}

// Digest identifies a row among all of an account; copies is how many equal rows
// of the day came before it.
func (l *Line) Digest(copies uint32) [16]byte {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n%s\n%s\n%d\n", l.Provider, l.Report, l.Day.Format(time.DateOnly), copies)
	_, _ = h.Write(l.Raw)
	return [16]byte(h.Sum(nil))
}

// ParseDecimal reads a number from its text, never through a double. An exponent
// of millions would make the arithmetic itself a denial of service.
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

// SetSpan says which UTC day a row is for, and how much of it is covered. A
// bucket of a report lies inside one UTC day, or is one.
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

// StandardTier is what a report calls the tier that calls leave empty.
const StandardTier = "standard"
