package usage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Record is one billable AI API call: exactly one row of api_usage.
type Record struct {
	// ID identifies the call, so that a second copy is refused: see [IDFromResponse] and
	// [IDFromSpan].
	ID ID
	// Time is the start of the call in UTC. It selects the prices.
	Time time.Time

	APIType APIType
	// Provider is who hosts the model and bills the call, in OpenTelemetry's spelling of
	// gen_ai.provider.name: "openai", "azure.ai.openai", "aws.bedrock".
	Provider string
	// Model is the model as which the call is priced: the one that answered, otherwise the
	// requested one. Empty when no span names it.
	Model string
	// RequestModel is the requested model, when it differs from Model.
	RequestModel string
	// Service is the service.name of the app that made the call.
	Service string
	// Environment is its deployment.environment.name.
	Environment string

	// UserID is zero when no user is known or users are not tracked.
	UserID ID
	// UserExternalID is the text from which UserID was derived, "" when that was a UUID or
	// does not fit into a row unchanged.
	UserExternalID string
	// SessionID is the conversation or session, as the app names it.
	SessionID string

	// RequestID is the provider's response id, otherwise "<trace id>:<span id>", otherwise
	// what identifies a log event: "<dialect>/<session>/<time>/<counts>".
	RequestID string
	TraceID   [16]byte
	SpanID    [8]byte

	Quantities Quantities
	// QuantityReason says why the quantities are missing or may differ from what the
	// provider billed, whatever they cost; "" when they are the provider's. Reason says
	// what that means for the cost.
	QuantityReason Reason
	// Missing is what the library left out.
	Missing Missing
	// ServiceTier is the tier that served the call: "batch", "flex", "priority"; empty for
	// standard.
	ServiceTier string
	// Region is the provider's region, where the price depends on it.
	Region string
	// Variant is the size and quality of images or the resolution of video, where the price
	// depends on it: "1024x1792/hd".
	Variant string

	// Cost is 0 when Status is [StatusUnpriced]. Readers show such calls beside a sum,
	// never as free calls inside it.
	Cost   Money
	Status PricingStatus
	Reason Reason
	// Assumptions are the defaults that the price took. They are valid when HasAssumptions
	// is set: a cost computed by others, or by a build that did not record assumptions, has
	// none that are known.
	Assumptions    Assumptions
	HasAssumptions bool
	// PriceID names the row of the price book that was used, "" for none.
	PriceID string
	// CostSource says where Cost comes from.
	CostSource CostSource
	// ReportedCost is the cost that the instrumentation or the provider put on the span,
	// valid when HasReportedCost is set.
	ReportedCost    Money
	HasReportedCost bool
	// ReportedIsBill: the provider itself bills this call at ReportedCost.
	ReportedIsBill bool

	// Outcome is the status of the span, "" when there is none.
	Outcome Outcome
	// Payer is who pays for the call, "" when nothing tells.
	Payer Payer

	// Sampled is the share of traces that a sampler kept, such as "0.25", "" when all were
	// kept or nothing tells. The cost is that of this call; a sum over such calls is only
	// that share of the spend.
	Sampled string

	// Dialect names the convention in which the span was written.
	Dialect string
	// Tags are further dimensions that the operator configured.
	Tags []Tag
	// Unread holds what a newer build wrote and this one does not know: fields of the
	// record, and words of closed sets under the name of their field. It is stored and
	// never interpreted.
	Unread []Tag

	// plain: Clean found that no text needs cleaning or escaping.
	plain bool
}

// Tag is one configured dimension of a record.
type Tag struct{ Key, Value string }

// APIType is the kind of API call, the column api_type.
type APIType string

// The API types. The first four are part of the public contract; the others extend it.
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

// APITypes lists all API types in display order.
var APITypes = []APIType{
	APITypeText, APITypeSpeech, APITypeTTS, APITypeTranscription,
	APITypeEmbedding, APITypeImage, APITypeVideo, APITypeRerank,
}

// ParseAPIType returns an error for a text that is not an API type.
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

// The outcomes, from the status of the span.
const (
	OutcomeOK    Outcome = "ok"
	OutcomeError Outcome = "error"
	OutcomeUnset Outcome = "unset" // the span ended without a status, as most successful spans do
)

// Outcomes lists all outcomes.
var Outcomes = []Outcome{OutcomeOK, OutcomeError, OutcomeUnset}

// Payer is who pays for a call, the column payer. Cost is the price at API rates, whoever
// pays; it is money spent only with [PayerAPI].
type Payer string

// The payers.
const (
	PayerAPI    Payer = "api"    // each call is billed by its provider at API prices
	PayerPlan   Payer = "plan"   // a subscription at a flat price
	PayerCredit Payer = "credit" // credits, prepaid or part of a subscription
	PayerOwn    Payer = "own"    // the operator's own hardware
)

// Payers lists all payers.
var Payers = []Payer{PayerAPI, PayerPlan, PayerCredit, PayerOwn}

// PricingStatus says how far Cost can be trusted.
type PricingStatus string

// The statuses.
const (
	// StatusPriced: the quantities are those that the provider billed, and each has a
	// price.
	StatusPriced PricingStatus = "priced"
	// StatusEstimated: there is a cost, but Reason says why it may differ from
	// the bill.
	StatusEstimated PricingStatus = "estimated"
	// StatusReported: Cost arrived with the span.
	StatusReported PricingStatus = "reported"
	// StatusUnpriced: the cost is not known and Reason says why; Cost is 0.
	StatusUnpriced PricingStatus = "unpriced"
)

// PricingStatuses lists all statuses.
var PricingStatuses = []PricingStatus{StatusPriced, StatusEstimated, StatusReported, StatusUnpriced}

// CostSource says where a cost comes from.
type CostSource string

// The sources.
const (
	SourceComputed CostSource = "computed" // our price book
	SourceReported CostSource = "reported" // the span
	SourceNone     CostSource = ""         // no cost
)

// The limits of a row; the table's constraints are the same.
const (
	MaxModelBytes     = 256
	MaxRequestIDBytes = 512
	MaxTextBytes      = 256 // provider, service, user, session, tags
	MaxTags           = 32
	maxWordBytes      = 32 // a word of a closed set: API type, outcome, payer
)

// The range of plausible call times; the table refuses times outside it.
var (
	MinTime = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	MaxTime = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// CleanText makes text from outside fit a column of at most maxBytes bytes: invalid UTF-8
// and NUL become U+FFFD, and text that is too long is cut at a character boundary. It
// returns text itself when there is nothing to do.
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

// Clean brings every text of the record within its limits. Call it again after changing a
// text.
func (r *Record) Clean() {
	if !slices.IsSortedFunc(r.Tags, byKey) {
		// Equal tags are one text then, wherever each came from.
		slices.SortStableFunc(r.Tags, byKey)
	}
	if r.plain = r.allPlain(); r.plain {
		return
	}
	for _, text := range [...]*string{
		&r.Provider, &r.RequestModel, &r.Service, &r.Environment,
		&r.SessionID, &r.ServiceTier, &r.Region, &r.Variant, &r.Sampled, &r.Dialect,
	} {
		if *text != "" {
			*text = CleanText(*text, MaxTextBytes)
		}
	}
	if CleanText(r.UserExternalID, MaxTextBytes) != r.UserExternalID {
		r.UserExternalID = "" // a shortened text would identify another user
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
	for i := range r.Tags {
		r.Tags[i].Key = strings.ReplaceAll(oneLine(r.Tags[i].Key), "=", "_")
		r.Tags[i].Value = oneLine(r.Tags[i].Value)
	}
}

func byKey(a, b Tag) int { return strings.Compare(a.Key, b.Key) }

// oneLine replaces line breaks by spaces: a tag is stored as a line.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", " ") }

// allPlain reports whether every text [IsPlain] and short enough, as in nearly all records,
// and there is nothing unread.
func (r *Record) allPlain() bool {
	if len(r.Unread) > 0 || len(r.Tags) > MaxTags {
		return false
	}
	long := 0
	bad := uint64(0)
	for i := range r.Tags {
		tag := &r.Tags[i]
		long = max(long, len(tag.Key), len(tag.Value))
		bad |= unplain(tag.Key) | unplain(tag.Value)
		if strings.IndexByte(tag.Key, '=') >= 0 {
			return false
		}
	}
	for _, text := range [...]*string{
		&r.Provider, &r.Model, &r.RequestModel, &r.Service, &r.Environment, &r.UserExternalID, &r.SessionID, &r.RequestID,
		&r.ServiceTier, &r.Region, &r.Variant, &r.PriceID, &r.Sampled, &r.Dialect,
	} {
		if *text != "" {
			long = max(long, len(*text))
			bad |= unplain(*text)
		}
	}
	return long <= min(MaxTextBytes, MaxModelBytes, MaxRequestIDBytes) && bad&(0x80*eachByte) == 0
}

// Cleaned reports whether [Record.Clean] found every text to be plain, see [IsPlain], so
// that none needs escaping.
func (r *Record) Cleaned() bool { return r.plain }

// Validate reports everything that the table would refuse, all faults at once.
func (r *Record) Validate() error {
	var errs []error
	if r.ID.IsZero() {
		errs = append(errs, errors.New("id: missing"))
	}
	if r.Time.Before(MinTime) || !r.Time.Before(MaxTime) {
		errs = append(errs, fmt.Errorf("timestamp: %s is outside %s to %s", r.Time.UTC().Format(time.RFC3339), MinTime.Format(time.DateOnly), MaxTime.Format(time.DateOnly)))
	}
	// A newer build may have more words than this one, so only their form is checked.
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

// isWord reports whether text has the form of a word of a closed set.
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
