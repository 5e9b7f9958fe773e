package usageapiextension

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// recordsDocument is one page of single calls.
type recordsDocument struct {
	Records []recordDocument `json:"records"`
	// Next is the cursor of the next page, null on the last page.
	Next *string `json:"next"`
}

// recordDocument is one call.
type recordDocument struct {
	ID          string    `json:"id"`
	Timestamp   time.Time `json:"timestamp"`
	UserID      *string   `json:"userId"`
	APIType     string    `json:"apiType"`
	Provider    string    `json:"provider"`
	Model       *string   `json:"model"`
	Service     string    `json:"service"`
	Environment string    `json:"environment"`
	// Team and CostCentre are the user's on the day of the call, or one of teams.Nobodys.
	// Exports alone have them, where there are teams.
	Team       string `json:"team,omitempty"`
	CostCentre string `json:"costCentre,omitempty"`
	// Cost is null when unknown, which is not 0.
	Cost          *usage.Sum `json:"cost"`
	PricingStatus string     `json:"pricingStatus"`
	PricingReason *string    `json:"pricingReason"`
	// Assumptions lists the assumptions of the price. It is empty for none and null when
	// unknown.
	Assumptions  []string        `json:"assumptions"`
	PriceID      *string         `json:"priceId"`
	CostSource   *string         `json:"costSource"`
	ReportedCost *usage.Sum      `json:"reportedCost"`
	Tokens       recordTokens    `json:"tokens"`
	AudioSeconds *json.Number    `json:"audioSeconds"`
	Characters   *int64          `json:"characters"`
	Images       *int64          `json:"images"`
	Others       json.RawMessage `json:"otherQuantities"`
	RequestID    *string         `json:"requestId"`
	TraceID      *string         `json:"traceId"`
	SpanID       *string         `json:"spanId"`
	SessionID    *string         `json:"sessionId"`
	Outcome      *string         `json:"outcome"`
	// Payer is api, plan, credit or own, and null when unknown. Cost is at API prices,
	// whoever pays.
	Payer *string `json:"payer"`
	// PayerPlan is the plan that covers the call, null for none. PayerSource says whose
	// word Payer is: call or plan; null without a payer.
	PayerPlan   *string         `json:"payerPlan"`
	PayerSource *string         `json:"payerSource"`
	Metadata    json.RawMessage `json:"metadata"`
	StoredAt    time.Time       `json:"storedAt"`
}

// recordTokens include their parts, as OpenTelemetry counts tokens. null means none or
// unknown.
type recordTokens struct {
	Total        *int64 `json:"total"`
	Input        *int64 `json:"input"`
	Output       *int64 `json:"output"`
	CacheRead    *int64 `json:"cacheRead"`
	CacheWrite5m *int64 `json:"cacheWrite5m"`
	CacheWrite1h *int64 `json:"cacheWrite1h"`
	Reasoning    *int64 `json:"reasoning"`
}

// newRecord converts a call to the API's format.
func newRecord(c *read.Call) recordDocument {
	d := recordDocument{
		ID: c.ID.String(), Timestamp: c.Time, APIType: c.APIType, Provider: c.Provider, Model: c.Model,
		Service: c.Service, Environment: c.Environment,
		PricingStatus: string(c.Status), PricingReason: c.Reason, PriceID: c.PriceID, CostSource: c.CostSource, ReportedCost: c.ReportedCost,
		Assumptions: c.Assumptions, TraceID: c.TraceID, SessionID: c.SessionID, Outcome: c.Outcome, Payer: c.Payer, PayerPlan: c.PayerPlan,
		Tokens:     recordTokens{c.Tokens, c.InputTokens, c.OutputTokens, c.CacheReadTokens, c.CacheWrite5mTokens, c.CacheWrite1hTokens, c.ReasoningTokens},
		Characters: c.Characters, Images: c.Images, Others: c.OtherQuantities,
		RequestID: c.RequestID, Metadata: c.Metadata, StoredAt: c.StoredAt,
	}
	if !c.UserID.IsZero() {
		id := c.UserID.String()
		d.UserID = &id
	}
	if c.Payer != nil {
		source := "call"
		if c.PayerFilled {
			source = "plan"
		}
		d.PayerSource = &source
	}
	if c.Status != usage.StatusUnpriced {
		d.Cost = &c.Cost
	}
	if c.AudioSeconds != nil {
		n := json.Number(*c.AudioSeconds)
		d.AudioSeconds = &n
	}
	// The metadata of rows that other programs wrote may contain anything. A value that is
	// not text is not an id.
	var metadata map[string]any
	if json.Unmarshal(c.Metadata, &metadata) == nil {
		d.SpanID = textIn(metadata, "span_id")
	}
	return d
}

func textIn(object map[string]any, key string) *string {
	if text, ok := object[key].(string); ok {
		return &text
	}
	return nil
}

// recordCursor is the position at which a page of calls ended.
type recordCursor struct {
	Time time.Time `json:"t"`
	ID   string    `json:"i"`
}

// recordParams are the parameters that select calls.
var recordParams = []string{"userId", "traceId", "requestId", "sessionId", "status"}

// records answers /api/admin/usage/records and /api/usage/records.
func (a *api) records(q *question) (*answer, error) {
	ask, err := a.callsQuestion(q)
	if err != nil {
		return nil, err
	}
	if ask.Limit, err = q.params.number("limit", defaultLimit, 1, maxLimit); err != nil {
		return nil, err
	}
	if text, ok := q.params["cursor"]; ok {
		var c recordCursor
		if err := decodeCursor(text, &c); err != nil {
			return nil, err
		}
		id, ok := usage.ParseID(c.ID)
		if !ok || c.Time.Before(ask.From) || c.Time.After(ask.To) {
			return nil, badCursor(text)
		}
		ask.After = &read.CallPlace{Time: c.Time, ID: id}
	}
	page, more, err := a.reader.Calls(q, ask)
	if err != nil {
		return nil, err
	}
	document := recordsDocument{Records: make([]recordDocument, len(page))}
	for i := range page {
		document.Records[i] = newRecord(&page[i])
	}
	if more {
		last := page[len(page)-1]
		next := encodeCursor(recordCursor{Time: last.Time, ID: last.ID.String()})
		document.Next = &next
	}
	answer, err := jsonAnswer(document, len(page))
	if err == nil {
		answer.calls, answer.next = page, textOf(document.Next)
	}
	return answer, err
}

// callsQuestion parses the parameters that select calls.
func (a *api) callsQuestion(q *question) (read.CallsQuestion, error) {
	now := a.now()
	span, err := report.ParseSpan(q.params["startDate"], q.params["endDate"], q.params["timezone"], now)
	if err != nil {
		return read.CallsQuestion{}, err
	}
	filter, err := a.filter(q)
	if err != nil {
		return read.CallsQuestion{}, err
	}
	ask := read.CallsQuestion{
		Viewer: q.viewer, Filter: filter, From: span.Current.From, To: span.Current.To, Now: now,
		TraceID: strings.ToLower(q.params["traceId"]), RequestID: q.params["requestId"], SessionID: q.params["sessionId"],
	}
	if _, err := hex.DecodeString(ask.TraceID); err != nil || ask.TraceID != "" && len(ask.TraceID) != 32 {
		return read.CallsQuestion{}, paramProblem("traceId", q.params["traceId"], "32 hexadecimal digits")
	}
	if _, ok := q.params["status"]; ok {
		statuses := make([]string, len(usage.PricingStatuses))
		for i, s := range usage.PricingStatuses {
			statuses[i] = string(s)
		}
		if ask.Status, err = q.params.choice("status", statuses...); err != nil {
			return read.CallsQuestion{}, err
		}
	}
	return ask, nil
}
