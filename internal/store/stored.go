package store

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// selected lists the columns that are read back from a row: what its price depends on, the
// keys of its rollups, and what distinguishes one call from another.
var selected = []Selected[scanned]{
	{"id", func(s *scanned) any { return &s.id }},
	{"timestamp", func(s *scanned) any { return &s.Time }},
	{"user_id", func(s *scanned) any { return &s.user }},
	{"api_type", func(s *scanned) any { return &s.apiType }},
	{"coalesce(model, '')", func(s *scanned) any { return &s.Model }},
	{"coalesce(tokens_used, 0)", func(s *scanned) any { return &s.Tokens }},
	{"provider", func(s *scanned) any { return &s.Provider }},
	{"service", func(s *scanned) any { return &s.Service }},
	{"environment", func(s *scanned) any { return &s.Environment }},
	{"usage_dollars::text", func(s *scanned) any { return &s.dollars }},
	{"pricing_status", func(s *scanned) any { return &s.status }},
	{"coalesce(pricing_reason, '')", func(s *scanned) any { return &s.reason }},
	{"coalesce(price_id, '')", func(s *scanned) any { return &s.PriceID }},
	{"coalesce(cost_source, '')", func(s *scanned) any { return &s.source }},
	{"reported_dollars::text", func(s *scanned) any { return &s.reported }},
	{"coalesce(input_tokens, 0)", func(s *scanned) any { return &s.counts.Input }},
	{"coalesce(output_tokens, 0)", func(s *scanned) any { return &s.counts.Output }},
	{"coalesce(cache_read_tokens, 0)", func(s *scanned) any { return &s.counts.Read }},
	{"coalesce(cache_write_5m_tokens, 0)", func(s *scanned) any { return &s.counts.Write5m }},
	{"coalesce(cache_write_1h_tokens, 0)", func(s *scanned) any { return &s.counts.Write1h }},
	{"coalesce(reasoning_tokens, 0)", func(s *scanned) any { return &s.counts.Reasoning }},
	{"coalesce(audio_seconds, 0)::text", func(s *scanned) any { return &s.counts.Audio }},
	{"coalesce(characters, 0)", func(s *scanned) any { return &s.counts.Characters }},
	{"coalesce(images, 0)", func(s *scanned) any { return &s.counts.Images }},
	{"other_quantities::text", func(s *scanned) any { return &s.counts.Others }},
	{"coalesce(metadata ->> 'request_model', '')", func(s *scanned) any { return &s.RequestModel }},
	{"coalesce(metadata ->> 'service_tier', '')", func(s *scanned) any { return &s.ServiceTier }},
	{"coalesce(metadata ->> 'region', '')", func(s *scanned) any { return &s.Region }},
	{"coalesce(metadata ->> 'variant', '')", func(s *scanned) any { return &s.Variant }},
	{"coalesce(metadata ->> 'quantity_reason', '')", func(s *scanned) any { return &s.quantityReason }},
	{"coalesce(metadata ->> 'missing', '')", func(s *scanned) any { return &s.missing }},
	{"array_to_string(pricing_assumptions, '+')", func(s *scanned) any { return &s.assumed }},
	{"coalesce(payer, '')", func(s *scanned) any { return &s.payer }},
	{"coalesce(payer_plan, '')", func(s *scanned) any { return &s.PayerPlan }},
	{"coalesce(payer_filled, false)", func(s *scanned) any { return &s.PayerFilled }},
	{"metadata ? 'unread'", func(s *scanned) any { return &s.unread }},
	{"coalesce(metadata ->> 'reported_by' = 'provider', false)", func(s *scanned) any { return &s.ReportedIsBill }},
	{"coalesce(metadata ->> 'dialect', '')", func(s *scanned) any { return &s.Dialect }},
	{"coalesce(trace_id, '')", func(s *scanned) any { return &s.trace }},
	{"coalesce(metadata ->> 'span_id', '')", func(s *scanned) any { return &s.span }},
	{"written_xid::text", func(s *scanned) any { return &s.Mark }},
}

// scanned holds the columns of [SelectCalls] as the server returns them.
type scanned struct {
	Stored
	id                      [16]byte
	user                    *[16]byte
	apiType, payer          string
	trace, span             string
	dollars                 string
	reported, assumed       *string
	status, reason, source  string
	quantityReason, missing string
	counts                  QuantityColumns
	unread                  bool
}

// SelectCalls selects rows for [ReadCalls], which turns them back into the records that
// package write stored.
var SelectCalls = "\nSELECT " + SelectList(selected) + "\nFROM public.api_usage"

// Reasons why a row cannot be priced again.
var (
	// ErrNoQuantities: the row has a cost but no quantities, so another program wrote it
	// and there is nothing to multiply.
	ErrNoQuantities = errors.New("the row stores no quantities")
	// ErrQuantities: the parts exceed their totals, or a kind is unknown to this build.
	ErrQuantities = errors.New("the quantities of the row do not add up")
	// ErrNewerRecord: a newer build wrote the row and used words that this build does not
	// know (metadata.unread). Its price may depend on them.
	ErrNewerRecord = errors.New("the row was written by a newer build; reprice with that one")
)

// Stored is a row of public.api_usage that was read back.
type Stored struct {
	usage.Record
	Tokens int64
	// Fault says why the call cannot be priced again. If it is not nil, only the cost is
	// reliable.
	Fault error
	// PayerPlan is the plan that covers the call, "" for none. PayerFilled means that the
	// payer is the plan's, because the call does not tell.
	PayerPlan   string
	PayerFilled bool
	// Mark identifies the transaction that last wrote the row.
	Mark string
}

// ReadCalls calls each for every row of [SelectCalls]. The *Stored is reused between calls.
func ReadCalls(rows pgx.Rows, each func(*Stored) error) error {
	var s scanned
	_, err := pgx.ForEachRow(rows, Targets(selected, &s), func() (err error) {
		s.ID, s.Time, s.APIType = s.id, s.Time.UTC(), usage.APIType(s.apiType)
		s.UserID, s.Fault, s.Quantities = usage.ID{}, nil, usage.Quantities{}
		if s.user != nil {
			s.UserID = *s.user
		}
		s.Status, s.Reason, s.CostSource = usage.PricingStatus(s.status), usage.Reason(s.reason), usage.CostSource(s.source)
		if s.Cost, err = usage.ParseMoney(s.dollars); err != nil {
			return fmt.Errorf("usage_dollars of %s: %w", s.ID, err)
		}
		s.ReportedCost, s.HasReportedCost = 0, s.reported != nil
		if s.reported != nil {
			if s.ReportedCost, err = usage.ParseMoney(*s.reported); err != nil {
				return fmt.Errorf("reported_dollars of %s: %w", s.ID, err)
			}
		}
		s.QuantityReason = usage.Reason(s.quantityReason)
		s.Missing, _ = usage.ParseMissing(s.missing)
		s.Payer = usage.Payer(s.payer)
		// Rows that other programs wrote may contain text that is not an id.
		s.TraceID, s.SpanID = [16]byte{}, [8]byte{}
		if id, err := hex.DecodeString(s.trace); err == nil && len(id) == len(s.TraceID) {
			s.TraceID = [16]byte(id)
		}
		if id, err := hex.DecodeString(s.span); err == nil && len(id) == len(s.SpanID) {
			s.SpanID = [8]byte(id)
		}
		s.Assumptions, s.HasAssumptions = 0, s.assumed != nil
		if s.assumed != nil {
			s.Assumptions, _ = usage.ParseAssumptions(*s.assumed)
		}
		if s.quantityReason == "" && s.missing == "" && s.Reason.OfReading() {
			s.QuantityReason = s.Reason // another program wrote the row
		}
		if s.unread {
			s.Fault = ErrNewerRecord
		}
		s.Restore(s.counts)
		return each(&s.Stored)
	})
	return err
}

// QuantityColumns holds the quantity columns of a row, with 0 for NULL.
type QuantityColumns struct {
	Input, Output, Read, Write5m, Write1h, Reasoning, Characters, Images int64
	Audio                                                                string // seconds
	Others                                                               *string
}

// Restore splits the totals and their parts into disjoint quantities. It sets s.Fault when
// they do not add up.
func (s *Stored) Restore(c QuantityColumns) {
	q := &s.Quantities
	if c.Others != nil && !restoreOthers(q, *c.Others) {
		s.Fault = ErrQuantities
	}
	q[usage.CacheWrite5mTokens] = c.Write5m - q[usage.CacheWrite30mTokens] - q[usage.CacheWrite12hTokens]
	q[usage.CacheWrite1hTokens], q[usage.OutputReasoningTokens] = c.Write1h, c.Reasoning
	q[usage.Characters], q[usage.Images] = c.Characters, c.Images
	var err error
	if q[usage.AudioSeconds], err = usage.ParseQuantity(usage.AudioSeconds, c.Audio); err != nil {
		s.Fault = ErrQuantities
	}
	q[usage.CacheReadTokens] = c.Read - q[usage.CacheReadAudioTokens] - q[usage.CacheReadImageTokens]
	q[usage.InputTextTokens] = c.Input - q.InputTokens()
	q[usage.OutputTextTokens] = c.Output - q.OutputTokens()
	switch {
	case q[usage.CacheWrite5mTokens] < 0 || q[usage.CacheReadTokens] < 0 || q[usage.InputTextTokens] < 0 || q[usage.OutputTextTokens] < 0 || q.TotalTokens() != s.Tokens:
		s.Fault = ErrQuantities
	case q.IsZero() && s.QuantityReason == "":
		s.Fault = ErrNoQuantities
	}
}

// restoreOthers parses the column other_quantities. It reports whether every kind and
// number in it is valid.
func restoreOthers(q *usage.Quantities, text string) bool {
	var others map[string]json.Number
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	if decoder.Decode(&others) != nil {
		return false
	}
	for name, number := range others {
		k, err := usage.ParseQuantityKind(name)
		if err != nil || !slices.Contains(OtherKinds, k) {
			return false
		}
		if q[k], err = usage.ParseQuantity(k, number.String()); err != nil {
			return false
		}
	}
	return true
}
