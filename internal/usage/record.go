package usage

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Record is one billable AI API call: exactly one row of api_usage.
type Record struct {
	// ID refuses the second copy: see [IDFromResponse] and [IDFromSpan].
	ID ID
	// Time is the start of the call, UTC. Prices are those of this moment.
	Time time.Time

	APIType APIType
	// Provider is who hosts and bills the model, in OpenTelemetry's spelling
	// of gen_ai.provider.name: "openai", "azure.ai.openai", "aws.bedrock".
	Provider string
	// Model is the model the call is priced as: the one that answered, else
	// the one that was asked for. Empty when no span says so.
	Model string
	// RequestModel is the model asked for, when it is not Model.
	RequestModel string
	// Service is the service.name of the app that made the call.
	Service string
	// Environment is its deployment.environment.name.
	Environment string

	// UserID is zero when no user is known or users are not tracked.
	UserID ID
	// UserExternalID is the text UserID was made from, "" where that was a UUID or
	// does not fit into a row as it is.
	UserExternalID string
	// SessionID is the conversation or session, as the app names it.
	SessionID string

	// RequestID is the provider's response id, else "<trace id>:<span id>", else
	// what identifies a log event: "<dialect>/<session>/<time>/<counts>".
	RequestID string
	TraceID   [16]byte
	SpanID    [8]byte

	Quantities Quantities
	// QuantityReason says why the quantities are missing or may differ from
	// what the provider billed, whatever they cost; "" when they are the
	// provider's. Reason says what that means for the cost.
	QuantityReason Reason
	// Missing is what the library left out.
	Missing Missing
	// ServiceTier is the tier that served the call ("standard" is empty):
	// "batch", "flex", "priority".
	ServiceTier string
	// Region is the provider's region, where it decides the price.
	Region string
	// Variant is the size and quality of images or the resolution of video,
	// where they decide the price: "1024x1792/hd".
	Variant string

	// Cost is 0 when Status is [StatusUnpriced]; readers show such calls
	// beside the sum, never inside it as if they were free.
	Cost   Money
	Status PricingStatus
	Reason Reason
	// Assumptions are the defaults that the price took, valid when
	// HasAssumptions: a cost of others, or of a build that did not say, has none
	// that are known.
	Assumptions    Assumptions
	HasAssumptions bool
	// PriceID names the row of the price book that won, "" when none did.
	PriceID string
	// CostSource says whose number Cost is.
	CostSource CostSource
	// ReportedCost is the cost that the instrumentation or provider put on
	// the span, valid when HasReportedCost.
	ReportedCost    Money
	HasReportedCost bool
	// ReportedIsBill: the provider itself bills this call by that number.
	ReportedIsBill bool

	// Outcome is the status of the span, "" where nothing has one.
	Outcome Outcome
	// Payer is who pays for the call, "" where nothing says so.
	Payer Payer

	// Sampled is the share of the traces that a sampler kept, such as "0.25", ""
	// where all were kept or nobody says. The cost is right; a sum over such calls
	// is that share of what was spent.
	Sampled string

	// Dialect names the convention the span was written in.
	Dialect string
	// Tags are further dimensions from the operator's allow list.
	Tags []Tag
	// Unread holds what a newer build wrote and this one does not know: fields
	// of the record, and words of closed sets under the name of their field. It
	// is kept and stored, and never interpreted.
	Unread []Tag
}

// Tag is one free dimension of a record.
type Tag struct{ Key, Value string }

// APIType is the kind of API call, the column api_type.
type APIType string

// The API types. The first four are the ones of the public contract; the rest
// extend it.
const (
	APITypeText          APIType = "text"
	APITypeSpeech        APIType = "speech" // spoken conversation: realtime, audio chat
	APITypeTTS           APIType = "tts"
	APITypeTranscription APIType = "transcription"
	APITypeEmbedding     APIType = "embedding"
	APITypeImage         APIType = "image"
	APITypeVideo         APIType = "video"
	APITypeRerank        APIType = "rerank"
)

// APITypes lists all API types, in the order in which people read them.
var APITypes = []APIType{
	APITypeText, APITypeSpeech, APITypeTTS, APITypeTranscription,
	APITypeEmbedding, APITypeImage, APITypeVideo, APITypeRerank,
}

// ParseAPIType refuses what is not an API type.
func ParseAPIType(text string) (APIType, error) {
	for _, t := range APITypes {
		if string(t) == text {
			return t, nil
		}
	}
	names := make([]string, len(APITypes))
	for i, t := range APITypes {
		names[i] = string(t)
	}
	return "", fmt.Errorf("unknown API type %q; known are %s", text, strings.Join(names, ", "))
}

// Outcome is how the span of a call ended, the column outcome.
type Outcome string

// The outcomes, by the status of the span.
const (
	OutcomeOK    Outcome = "ok"
	OutcomeError Outcome = "error"
	OutcomeUnset Outcome = "unset" // the span ended without a status, as most that succeed do
)

// Outcomes lists all outcomes.
var Outcomes = []Outcome{OutcomeOK, OutcomeError, OutcomeUnset}

// Payer is who pays for a call, the column payer. Cost is what the call costs
// at API prices, whoever pays: only [PayerAPI] makes it cash.
type Payer string

// The payers.
const (
	PayerAPI    Payer = "api"    // each call is billed by its provider at API prices
	PayerPlan   Payer = "plan"   // a subscription at a flat price
	PayerCredit Payer = "credit" // credits, prepaid or part of a subscription
	PayerOwn    Payer = "own"    // hardware of one's own
)

// Payers lists all payers.
var Payers = []Payer{PayerAPI, PayerPlan, PayerCredit, PayerOwn}

// PricingStatus says how far Cost can be trusted.
type PricingStatus string

// The statuses.
const (
	// StatusPriced: the quantities are what the provider billed, and every one
	// of them has a price.
	StatusPriced PricingStatus = "priced"
	// StatusEstimated: there is a cost, but Reason says why it may differ from
	// the bill.
	StatusEstimated PricingStatus = "estimated"
	// StatusReported: Cost is the number that arrived with the span.
	StatusReported PricingStatus = "reported"
	// StatusUnpriced: no cost is known, Reason says why; Cost is 0.
	StatusUnpriced PricingStatus = "unpriced"
)

// PricingStatuses lists all statuses.
var PricingStatuses = []PricingStatus{StatusPriced, StatusEstimated, StatusReported, StatusUnpriced}

// CostSource says whose number a cost is.
type CostSource string

// The sources.
const (
	SourceComputed CostSource = "computed" // our price book
	SourceReported CostSource = "reported" // the span
	SourceNone     CostSource = ""         // no cost
)

// The limits of what a row holds; the table's constraints are the same.
const (
	MaxModelBytes     = 256
	MaxRequestIDBytes = 512
	MaxTextBytes      = 256 // provider, service, user, session, tags
	MaxTags           = 32
	maxWordBytes      = 32 // a word of a closed set: API type, outcome, payer
)

// The range of a plausible call time; the table refuses times outside it.
var (
	MinTime = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	MaxTime = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// CleanText makes foreign text fit for a column of at most maxBytes bytes:
// invalid UTF-8 and NUL become U+FFFD, what is too long is cut at a character.
// It returns text itself when there is nothing to do.
func CleanText(text string, maxBytes int) string {
	if len(text) <= maxBytes && IsPlain(text) {
		return text
	}
	if len(text) > maxBytes {
		cut := maxBytes
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) > maxBytes {
		return CleanText(text, maxBytes)
	}
	return text
}

// Clean brings every text of the record within its limits.
func (r *Record) Clean() {
	for _, text := range [...]*string{
		&r.Provider, &r.RequestModel, &r.Service, &r.Environment,
		&r.SessionID, &r.ServiceTier, &r.Region, &r.Variant, &r.Sampled, &r.Dialect,
	} {
		if *text != "" {
			*text = CleanText(*text, MaxTextBytes)
		}
	}
	if CleanText(r.UserExternalID, MaxTextBytes) != r.UserExternalID {
		r.UserExternalID = "" // what is left of it would make another user
	}
	r.Model = CleanText(r.Model, MaxModelBytes)
	r.RequestID = CleanText(r.RequestID, MaxRequestIDBytes)
	r.PriceID = CleanText(r.PriceID, MaxRequestIDBytes)
	if len(r.Tags) > MaxTags {
		r.Tags = r.Tags[:MaxTags]
	}
	if len(r.Unread) > MaxTags {
		r.Unread = r.Unread[:MaxTags]
	}
	for _, list := range [...][]Tag{r.Tags, r.Unread} {
		for i := range list {
			list[i].Key = CleanText(list[i].Key, MaxTextBytes)
			list[i].Value = CleanText(list[i].Value, MaxTextBytes)
		}
	}
}

// Validate says what the table would refuse, all faults at once.
func (r *Record) Validate() error {
	var errs []error
	if r.ID.IsZero() {
		errs = append(errs, errors.New("id: missing"))
	}
	if r.Time.Before(MinTime) || !r.Time.Before(MaxTime) {
		errs = append(errs, fmt.Errorf("timestamp: %s is outside %s to %s", r.Time.UTC().Format(time.RFC3339), MinTime.Format(time.DateOnly), MaxTime.Format(time.DateOnly)))
	}
	// A newer build may have more words than this one: their form is enough.
	for _, word := range [...]struct{ column, text string }{
		{"api_type", string(r.APIType)}, {"outcome", string(r.Outcome)}, {"payer", string(r.Payer)},
	} {
		if !isWord(word.text) && (word.text != "" || word.column == "api_type") {
			errs = append(errs, fmt.Errorf("%s: not a word of 1 to %d lower case letters, digits and underscores", word.column, maxWordBytes))
		}
	}
	if r.Cost < 0 || r.Cost > MaxCallCost {
		errs = append(errs, fmt.Errorf("usage_dollars: %s is outside 0 to %s", r.Cost, MaxCallCost))
	}
	if !validStatus(r.Status) {
		errs = append(errs, fmt.Errorf("pricing_status: unknown status %q", r.Status))
	}
	if r.Status == StatusUnpriced && r.Cost != 0 {
		errs = append(errs, fmt.Errorf("usage_dollars: an unpriced call has cost 0, found %s", r.Cost))
	}
	if r.Status != StatusPriced && r.Reason == "" && r.Status != StatusReported {
		errs = append(errs, fmt.Errorf("pricing_reason: missing for status %q", r.Status))
	}
	for k, n := range r.Quantities {
		if n < 0 {
			errs = append(errs, fmt.Errorf("%s: %d is negative", QuantityKind(k), n))
		}
	}
	return errors.Join(errs...)
}

// isWord reports whether text may be a word of a closed set.
func isWord(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return text != "" && len(text) <= maxWordBytes
}

func validStatus(s PricingStatus) bool {
	for _, known := range PricingStatuses {
		if s == known {
			return true
		}
	}
	return false
}
