package metering

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Meter says what of which calls is charged to whom.
type Meter struct {
	Name   string
	Engine string // name of an [Engine]
	// Code is how the engine calls it.
	Code string
	// Field is the property of an event that holds the quantity.
	Field   string
	Measure Measure
	Since   time.Time
	// By is what a customer is found by: user, team, tag, service or environment.
	By string

	tag string // whose value names the customer

	unitPlaces int32               // the unit is ten to the power of it
	customers  map[string]string   // by subject; nil: the subject is the customer
	only       map[string][]string // values that a column must have one of
	charge     []string            // pricing statuses that have a cost to charge
	rules      []Rule              // in the order of time
}

// Measure is what is counted of a call.
type Measure string

// The measures. Tokens of a kind are as the columns of a call: input_tokens holds
// those of the cache too, uncached_input_tokens does not.
const (
	Cost                Measure = "cost" // dollars
	Calls               Measure = "calls"
	Tokens              Measure = "tokens"
	InputTokens         Measure = "input_tokens"
	UncachedInputTokens Measure = "uncached_input_tokens"
	CacheReadTokens     Measure = "cache_read_tokens"
	CacheWriteTokens    Measure = "cache_write_tokens"
	OutputTokens        Measure = "output_tokens"
	ReasoningTokens     Measure = "reasoning_tokens"
	Images              Measure = "images"
	Characters          Measure = "characters"
	AudioSeconds        Measure = "audio_seconds"
)

// Measures lists all.
var Measures = []Measure{
	Cost, Calls, Tokens, InputTokens, UncachedInputTokens, CacheReadTokens, CacheWriteTokens, OutputTokens, ReasoningTokens, Images, Characters, AudioSeconds,
}

// What a customer is found by, and by which columns calls are chosen.
var (
	subjects      = []string{"user", "team", "tag", "service", "environment"}
	filters       = []string{"api_type", "environment", "model", "payer", "provider", "service"}
	defaultCharge = []string{string(usage.StatusPriced), string(usage.StatusEstimated), string(usage.StatusReported)}
)

// defaultDecimals are those of the column usage_dollars.
const defaultDecimals = 12

// Rule is how calls of a time are charged.
type Rule struct {
	From   time.Time // zero: always
	Factor decimal.Decimal
	// Decimals are kept of a quantity, in units of the meter.
	Decimals int32
	Rounding Rounding
}

// Rounding says which way the digits after [Rule.Decimals] go.
type Rounding string

// The roundings. Quantities of calls are never negative.
const (
	HalfUp   Rounding = "half_up"
	HalfEven Rounding = "half_even"
	Up       Rounding = "up"
	Down     Rounding = "down"
)

// Roundings lists all.
var Roundings = []Rounding{HalfUp, HalfEven, Up, Down}

// round rounds a quantity that is not negative.
func (r Rounding) round(d decimal.Decimal, places int32) decimal.Decimal {
	switch r {
	case HalfEven:
		return d.RoundBank(places)
	case Up:
		return d.RoundCeil(places)
	case Down:
		return d.RoundFloor(places)
	}
	return d.Round(places)
}

// Call is what a meter has to know of a call. Numbers are nil where the call does not
// know them.
type Call struct {
	ID usage.ID
	At time.Time
	// Withdrawn: it was the sum of calls, was deleted when one of them was stored, and so
	// is charged no more.
	Withdrawn bool

	User  string   // the text that the user was made from, else their UUID; empty: none
	Teams []string // of the user
	Tags  map[string]string

	APIType, Provider, Model, Service, Environment, Payer string

	Status  usage.PricingStatus
	Reason  usage.Reason
	Dollars decimal.Decimal

	Tokens, Input, Output, CacheRead, CacheWrite5m, CacheWrite1h, Reasoning, Images, Characters *int64

	AudioSeconds *decimal.Decimal
}

// Why nobody is charged for a call that a meter covers, where it is not the reason why
// the call has no cost or quantity.
const (
	NoCustomer   = "no_customer"   // no user, team … is known, or the file of customers does not name them
	SeveralTeams = "several_teams" // the user is in more than one team
	NotCharged   = "not_charged"   // the status of its cost is not in charge
	NoRule       = "no_rule"       // it was made before the first rule
	OutOfRange   = "out_of_range"  // the quantity is nonsense: 10^24 units or more
)

// tooMuch is what no call has, and the outbox does not take.
var tooMuch = decimal.New(1, 24)

// maxReasonBytes is the limit of a reason in the outbox.
const maxReasonBytes = 64

// Assessment is what a meter says of a call. The zero value: nothing is charged, and
// nothing is missing.
type Assessment struct {
	// Customer pays for Quantity, which is in units of the meter and more than 0;
	// empty: nobody.
	Customer string
	Quantity decimal.Decimal
	// Held says why nobody is charged; empty: nothing is held. Then Quantity is what
	// would be charged, where HasQuantity says that it is known.
	Held        string
	Subject     string
	HasQuantity bool
}

// Assess says what is charged for a call, exactly.
func (m *Meter) Assess(c *Call) (a Assessment) {
	if c.Withdrawn || c.At.Before(m.Since) || !m.covers(c) {
		return a
	}
	amount, missing := m.amount(c)
	if missing != "" {
		a.Subject, _ = m.subject(c)
		a.Held = missing
		return a
	}
	rule, found := m.rule(c.At)
	if !found {
		a.Subject, _ = m.subject(c)
		a.Held = NoRule
		return a
	}
	a.Quantity, a.HasQuantity = rule.Rounding.round(amount.Mul(rule.Factor).Shift(-m.unitPlaces), rule.Decimals), true
	if a.Quantity.IsZero() {
		return Assessment{}
	}
	if a.Quantity.GreaterThanOrEqual(tooMuch) {
		return Assessment{Held: OutOfRange}
	}
	subject, fault := m.subject(c)
	a.Subject = subject
	switch customer := m.customer(subject); {
	case fault != "":
		a.Held = fault
	case m.Measure == Cost && !slices.Contains(m.charge, string(c.Status)):
		a.Held = NotCharged
	case customer == "":
		a.Held = NoCustomer
	default:
		a.Customer = customer
	}
	return a
}

// Dollars is a quantity of a meter of costs in dollars.
func (m *Meter) Dollars(quantity decimal.Decimal) decimal.Decimal {
	return quantity.Shift(m.unitPlaces)
}

// covers reports whether the meter is for such calls.
func (m *Meter) covers(c *Call) bool {
	for column, values := range m.only {
		var value string
		switch column {
		case "api_type":
			value = c.APIType
		case "environment":
			value = c.Environment
		case "model":
			value = c.Model
		case "payer":
			value = c.Payer
		case "provider":
			value = c.Provider
		case "service":
			value = c.Service
		}
		if !slices.Contains(values, value) {
			return false
		}
	}
	return true
}

func (m *Meter) rule(at time.Time) (r Rule, found bool) {
	for _, rule := range slices.Backward(m.rules) {
		if !at.Before(rule.From) {
			return rule, true
		}
	}
	return r, false
}

// subject is what the customer is found by, or why there is none.
func (m *Meter) subject(c *Call) (subject, fault string) {
	switch m.By {
	case "user":
		return c.User, ""
	case "team":
		switch len(c.Teams) {
		case 0:
			return "", ""
		case 1:
			return c.Teams[0], ""
		}
		return c.User, SeveralTeams
	case "tag":
		return c.Tags[m.tag], ""
	case "service":
		return c.Service, ""
	}
	return c.Environment, ""
}

// customer of a subject, empty for none.
func (m *Meter) customer(subject string) string {
	if m.customers == nil {
		return subject
	}
	return m.customers[subject]
}

// amount is what is counted of a call, in dollars, calls, tokens …, or why it is not
// known: unknown is not zero.
func (m *Meter) amount(c *Call) (amount decimal.Decimal, missing string) {
	var count *int64
	switch m.Measure {
	case Cost:
		if c.Status == usage.StatusUnpriced {
			return amount, reasonOf(c)
		}
		return c.Dollars, ""
	case Calls:
		return decimal.New(1, 0), ""
	case AudioSeconds:
		if c.AudioSeconds != nil {
			return *c.AudioSeconds, ""
		}
	case Tokens:
		count = c.Tokens
	case InputTokens:
		count = c.Input
	case UncachedInputTokens:
		if c.Input != nil {
			rest := max(*c.Input-value(c.CacheRead)-value(c.CacheWrite5m)-value(c.CacheWrite1h), 0)
			count = &rest
		}
	case CacheReadTokens:
		count = c.CacheRead
	case CacheWriteTokens:
		if c.CacheWrite5m != nil || c.CacheWrite1h != nil {
			both := value(c.CacheWrite5m) + value(c.CacheWrite1h)
			count = &both
		}
	case OutputTokens:
		count = c.Output
	case ReasoningTokens:
		count = c.Reasoning
	case Images:
		count = c.Images
	case Characters:
		count = c.Characters
	}
	switch {
	case count != nil:
		return decimal.New(*count, 0), ""
	// A kind that is not there is none of it, unless reading the span found that counts
	// are missing.
	case c.Reason.OfReading():
		return amount, reasonOf(c)
	}
	return amount, ""
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

func reasonOf(c *Call) string {
	if c.Reason == "" {
		return string(usage.StatusUnpriced)
	}
	// Rows that others wrote may have any text there.
	return usage.CleanText(string(c.Reason), maxReasonBytes)
}
