package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// SelectCalls reads back from rows what their price depends on, what the rollups
// are keyed by, and what tells one call from another; [ReadCalls] takes it. It is
// the inverse of what package write sends.
const SelectCalls = `
SELECT id, timestamp, user_id, api_type, coalesce(model, ''), coalesce(tokens_used, 0), provider, service, environment,
  usage_dollars::text, pricing_status, coalesce(pricing_reason, ''), coalesce(price_id, ''), coalesce(cost_source, ''), reported_dollars::text,
  coalesce(input_tokens, 0), coalesce(output_tokens, 0), coalesce(cache_read_tokens, 0), coalesce(cache_write_5m_tokens, 0),
  coalesce(cache_write_1h_tokens, 0), coalesce(reasoning_tokens, 0), coalesce(audio_seconds, 0)::text, coalesce(characters, 0), coalesce(images, 0),
  other_quantities::text,
  coalesce(metadata ->> 'request_model', ''), coalesce(metadata ->> 'service_tier', ''), coalesce(metadata ->> 'region', ''),
  coalesce(metadata ->> 'variant', ''), coalesce(metadata ->> 'quantity_reason', ''), coalesce(metadata ->> 'missing', ''),
  array_to_string(pricing_assumptions, '+'), coalesce(payer, ''), metadata ? 'unread', coalesce(metadata ->> 'reported_by' = 'provider', false),
  coalesce(metadata ->> 'dialect', ''), written_xid::text
FROM public.api_usage`

// The faults of a row that cannot be priced again.
var (
	// ErrNoQuantities: the row has a cost and no quantities, so somebody else
	// wrote it, and nothing is there to multiply.
	ErrNoQuantities = errors.New("the row stores no quantities")
	// ErrQuantities: the parts are more than their totals, or of a kind that
	// is not known here.
	ErrQuantities = errors.New("the quantities of the row do not add up")
	// ErrNewerRecord: the row has words of a newer build (metadata.unread), so
	// its price may depend on something that is not known here.
	ErrNewerRecord = errors.New("the row was written by a newer build; reprice with that one")
)

// Stored is a row that was read back.
type Stored struct {
	usage.Record
	Tokens int64
	// Fault says why the call cannot be priced again; then only the cost can be
	// trusted.
	Fault error
	// Mark is the transaction that wrote the row last.
	Mark string
}

// ReadCalls reads all rows of [SelectCalls].
func ReadCalls(rows pgx.Rows, each func(*Stored) error) error {
	var (
		s                                                Stored
		user                                             *[16]byte
		dollars, missing                                 string
		reported, others                                 *string
		status, reason, source, quantityReason, audio    string
		input, output, read, write5m, write1h, reasoning int64
		characters, images                               int64
		apiType, payer                                   string
		assumed                                          *string
		unread                                           bool
		id                                               [16]byte
	)
	_, err := pgx.ForEachRow(rows, []any{
		&id, &s.Time, &user, &apiType, &s.Model, &s.Tokens, &s.Provider, &s.Service, &s.Environment,
		&dollars, &status, &reason, &s.PriceID, &source, &reported,
		&input, &output, &read, &write5m, &write1h, &reasoning, &audio, &characters, &images, &others,
		&s.RequestModel, &s.ServiceTier, &s.Region, &s.Variant, &quantityReason, &missing,
		&assumed, &payer, &unread, &s.ReportedIsBill, &s.Dialect, &s.Mark,
	}, func() (err error) {
		s.ID, s.Time, s.APIType = id, s.Time.UTC(), usage.APIType(apiType)
		s.UserID, s.Fault, s.Quantities = usage.ID{}, nil, usage.Quantities{}
		if user != nil {
			s.UserID = *user
		}
		s.Status, s.Reason, s.CostSource = usage.PricingStatus(status), usage.Reason(reason), usage.CostSource(source)
		if s.Cost, err = usage.ParseMoney(dollars); err != nil {
			return fmt.Errorf("usage_dollars of %s: %w", s.ID, err)
		}
		s.ReportedCost, s.HasReportedCost = 0, reported != nil
		if reported != nil {
			if s.ReportedCost, err = usage.ParseMoney(*reported); err != nil {
				return fmt.Errorf("reported_dollars of %s: %w", s.ID, err)
			}
		}
		s.QuantityReason = usage.Reason(quantityReason)
		s.Missing, _ = usage.ParseMissing(missing)
		s.Payer = usage.Payer(payer)
		s.Assumptions, s.HasAssumptions = 0, assumed != nil
		if assumed != nil {
			s.Assumptions, _ = usage.ParseAssumptions(*assumed)
		}
		if quantityReason == "" && missing == "" && s.Reason.OfReading() {
			s.QuantityReason = s.Reason // a row that somebody else wrote
		}
		if unread {
			s.Fault = ErrNewerRecord
		}
		s.Restore(QuantityColumns{input, output, read, write5m, write1h, reasoning, characters, images, audio, others})
		return each(&s)
	})
	return err
}

// QuantityColumns are the columns of the quantities, 0 for NULL.
type QuantityColumns struct {
	Input, Output, Read, Write5m, Write1h, Reasoning, Characters, Images int64
	Audio                                                                string // seconds
	Others                                                               *string
}

// Restore makes disjoint quantities of the totals and their parts.
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

// restoreOthers reads the column other_quantities.
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
