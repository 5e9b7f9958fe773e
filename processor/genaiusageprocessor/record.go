package genaiusageprocessor

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// recorder turns calls into records by the prices of one book.
type recorder struct {
	book   *pricing.Book
	policy ReportedCostPolicy
	now    func() time.Time
	// priced and record are reused from call to call.
	priced pricing.Call
	record usage.Record
	users  map[string]knownUser
}

// make fills r.record with what is known of the call.
func (r *recorder) make(call *genai.Call) *usage.Record {
	rec := &r.record
	*rec = usage.Record{
		Time:            call.Start.UTC(),
		APIType:         call.APIType,
		Provider:        call.Provider,
		Model:           call.Model,
		RequestModel:    call.RequestModel,
		Service:         call.Service,
		Environment:     call.Environment,
		SessionID:       call.SessionID,
		TraceID:         call.TraceID,
		SpanID:          call.SpanID,
		Quantities:      call.Quantities,
		ServiceTier:     call.ServiceTier,
		Region:          call.Region,
		Variant:         call.Variant,
		ReportedCost:    call.ReportedCost,
		HasReportedCost: call.HasReportedCost,
		Dialect:         call.Dialect,
		Tags:            call.Tags,
	}
	if rec.RequestModel == rec.Model {
		rec.RequestModel = ""
	}
	r.identify(rec, call)

	timeRepaired := rec.Time.Before(usage.MinTime) || !rec.Time.Before(usage.MaxTime)
	if timeRepaired {
		rec.Time = r.now().UTC()
	}
	r.price(rec, call)
	if timeRepaired {
		qualify(rec, usage.ReasonTimeOutOfRange)
	}
	r.applyReported(rec)
	rec.Clean()
	return rec
}

// identify sets the ids of the call and of the user.
func (r *recorder) identify(rec *usage.Record, call *genai.Call) {
	rec.RequestID = call.ResponseID
	if call.Key != "" {
		rec.ID = usage.IDFromResponse(call.KeySpace, call.Key)
	} else {
		rec.ID = usage.IDFromSpan(call.TraceID, call.SpanID)
	}
	if rec.RequestID == "" {
		rec.RequestID = spanRequestID(call)
	}
	if call.User != "" {
		user, known := r.users[call.User]
		if !known {
			user = r.meet(call.User)
		}
		rec.UserID, rec.UserExternalID = user.id, user.externalID
	}
}

// knownUser is what a text that names a user leads to.
type knownUser struct {
	id         usage.ID
	externalID string
}

// maxKnownUsers bounds what foreign names can take of memory.
const maxKnownUsers = 4096

// meet works out the id of a user and remembers it: few users make many calls,
// and an id is a hash.
func (r *recorder) meet(name string) knownUser {
	if len(r.users) >= maxKnownUsers {
		clear(r.users)
	}
	name = strings.Clone(name) // not the whole payload
	user := knownUser{id: usage.UserID(name)}
	if _, isID := usage.ParseID(name); !isID {
		user.externalID = name
	}
	if len(name) <= usage.MaxTextBytes {
		r.users[name] = user
	}
	return user
}

// spanRequestID is "<trace id>:<span id>".
func spanRequestID(call *genai.Call) string {
	var b [49]byte
	hex.Encode(b[:32], call.TraceID[:])
	b[32] = ':'
	hex.Encode(b[33:], call.SpanID[:])
	return string(b[:])
}

// price sets cost, status and reason from the quantities.
func (r *recorder) price(rec *usage.Record, call *genai.Call) {
	rec.Status, rec.Reason = usage.StatusUnpriced, call.Reason
	switch call.Reason {
	case usage.ReasonNoUsage, usage.ReasonZeroUsageStream, usage.ReasonInvalidQuantity, usage.ReasonNoModel, usage.ReasonCallFailed:
		return
	}
	if rec.Model == "" {
		rec.Reason = usage.ReasonNoModel
		return
	}
	p := &r.priced
	*p = pricing.Call{
		Provider: rec.Provider, Model: rec.Model, RequestModel: rec.RequestModel, At: rec.Time,
		ServiceTier: rec.ServiceTier, Region: rec.Region, Variant: rec.Variant, Quantities: rec.Quantities,
	}
	price := r.book.Price(p)
	rec.Cost, rec.Status, rec.Reason, rec.PriceID = price.Cost, price.Status, price.Reason, price.PriceID
	if rec.Status == usage.StatusUnpriced {
		rec.Cost = 0
		return
	}
	rec.CostSource = usage.SourceComputed
	if reason := r.doubt(call, p, price.Cost); reason != "" {
		qualify(rec, reason)
	}
}

// details are what libraries leave out, and what the tokens that hide it are
// counted as instead.
var details = []struct {
	missing       genai.Missing
	reason        usage.Reason
	shown, hidden usage.QuantityKind
}{
	{genai.MissingCache, usage.ReasonCacheNotReported, usage.InputTextTokens, usage.CacheReadTokens},
	{genai.MissingAudio, usage.ReasonAudioNotReported, usage.InputTextTokens, usage.InputAudioTokens},
	{genai.MissingAudio, usage.ReasonAudioNotReported, usage.InputAudioTokens, usage.InputTextTokens},
	{genai.MissingAudio, usage.ReasonAudioNotReported, usage.OutputTextTokens, usage.OutputAudioTokens},
	{genai.MissingCacheTTL, usage.ReasonCacheTTLNotReported, usage.CacheWrite5mTokens, usage.CacheWrite1hTokens},
	{genai.MissingReasoning, usage.ReasonReasoningNotReported, usage.OutputTextTokens, usage.OutputReasoningTokens},
}

// doubt gives the reason for which the cost may differ from the bill, "" when
// there is none. What a library leaves out is a doubt only where it changes the
// price: how much of the input came from the cache is of no matter where cached
// input costs what other input costs.
func (r *recorder) doubt(call *genai.Call, p *pricing.Call, cost usage.Money) usage.Reason {
	switch call.Reason {
	case "", usage.ReasonCacheNotReported, usage.ReasonAudioNotReported, usage.ReasonCacheTTLNotReported:
	default:
		return call.Reason // tokens are wrong or gone, not only counted as others
	}
	if call.Missing.Has(genai.MissingInput) {
		return call.Reason // cached tokens are not there at all, under no name
	}
	for _, d := range details {
		amount := p.Quantities[d.shown]
		if call.Missing&d.missing == 0 || amount == 0 {
			continue
		}
		p.Quantities[d.shown], p.Quantities[d.hidden] = 0, p.Quantities[d.hidden]+amount
		other := r.book.Price(p).Cost
		p.Quantities[d.shown], p.Quantities[d.hidden] = amount, p.Quantities[d.hidden]-amount
		if other != cost {
			return d.reason
		}
	}
	return ""
}

// qualify turns a priced record into an estimate. A reason that is there
// already stays: it came first and is the graver one.
func qualify(rec *usage.Record, reason usage.Reason) {
	if rec.Status == usage.StatusPriced {
		rec.Status, rec.Reason = usage.StatusEstimated, reason
	}
}

// applyReported decides between the computed cost and one that came with the
// span.
func (r *recorder) applyReported(rec *usage.Record) {
	if !rec.HasReportedCost {
		return
	}
	if r.policy == ComputedOnly || rec.ReportedCost < 0 || rec.ReportedCost > usage.MaxCallCost {
		rec.ReportedCost, rec.HasReportedCost = 0, false
		return
	}
	take := r.policy == PreferReported || rec.Status == usage.StatusUnpriced && rec.ReportedCost != 0
	if take {
		rec.Cost, rec.Status, rec.CostSource = rec.ReportedCost, usage.StatusReported, usage.SourceReported
		rec.PriceID = ""
	}
}
