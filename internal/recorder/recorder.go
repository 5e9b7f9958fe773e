// Package recorder makes the record of a call: what was read of it, whose it is, and
// what it costs by a book.
//
// It owns which of what a call reports goes into its record. Where the call was read is
// genai, its price pricing, the form of the record on a span usageattr.
package recorder

import (
	"encoding/hex"
	"hash/maphash"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Recorder turns calls into records by the prices of one book. It is for one goroutine at
// a time.
type Recorder struct {
	pricer pricing.Pricer
	now    time.Time // when the current payload arrived, UTC
	// record is reused from call to call.
	record usage.Record
	users  []knownUsers
}

// knownUsers are texts that name users and have one hash, and the ids they became.
type knownUsers struct {
	hashes [4]uint64
	texts  [4]string
	ids    [4]usage.ID
	next   uint8 // whose place a new one takes
}

// New makes a recorder that prices as pricer does. [Recorder.Begin] names the book.
func New(pricer pricing.Pricer) Recorder {
	return Recorder{pricer: pricer, users: make([]knownUsers, maxKnownUsers/4)}
}

// Begin starts a payload that arrived at now and is priced by a book.
func (r *Recorder) Begin(book *pricing.Book, now time.Time) { r.pricer.Book, r.now = book, now.UTC() }

// Make gives the record with what is known of the call. It is valid until the next.
func (r *Recorder) Make(call *genai.Call) *usage.Record {
	rec := &r.record
	*rec = usage.Record{} // field by field: a literal would be copied
	rec.Time, rec.APIType = call.Start.UTC(), call.APIType
	rec.Provider, rec.Model = call.Provider, call.Model
	if call.RequestModel != call.Model {
		rec.RequestModel = call.RequestModel
	}
	rec.Service, rec.Environment = call.Service, call.Environment
	rec.SessionID, rec.TraceID, rec.SpanID = call.SessionID, call.TraceID, call.SpanID
	rec.Quantities, rec.QuantityReason, rec.Missing = call.Quantities, call.Reason, call.Missing|call.Unreported
	rec.ServiceTier, rec.Region, rec.Variant = call.ServiceTier, call.Region, call.Variant
	rec.ReportedCost, rec.HasReportedCost, rec.ReportedIsBill = call.ReportedCost, call.HasReportedCost, call.ReportedIsBill
	rec.Dialect, rec.Outcome, rec.Payer = call.Dialect, call.Outcome, call.Payer
	rec.Sampled, rec.Tags = call.Sampled, call.Tags
	r.identify(rec, call)

	if rec.Time.Before(usage.MinTime) || rec.Time.After(r.now.Add(maxAhead)) {
		rec.Time, rec.Missing = r.now, rec.Missing|usage.MissingTime
	}
	tooMuch := rec.HasReportedCost && r.pricer.Reported != pricing.ComputedOnly && rec.ReportedCost > usage.MaxCallCost
	if r.pricer.Reported == pricing.ComputedOnly || rec.ReportedCost < 0 || tooMuch {
		rec.ReportedCost, rec.HasReportedCost, rec.ReportedIsBill = 0, false, false
	}
	r.pricer.Price(rec)
	rec.Missing = r.pricer.Book.Relevant(rec.Provider, rec.Missing)
	if tooMuch && rec.Status == usage.StatusUnpriced {
		rec.Reason = usage.ReasonCostOutOfRange // more than the column reported_dollars holds
	}
	rec.Clean()
	return rec
}

// maxAhead is how far ahead of its arrival a call may be: a clock in another
// time zone, or a wrong one. What is further ahead would be in no report of
// today's, so the time of arrival counts.
const maxAhead = 24 * time.Hour

// identify sets the ids of the call and of the user.
func (r *Recorder) identify(rec *usage.Record, call *genai.Call) {
	rec.RequestID = call.ResponseID
	rec.ID = call.ID
	switch {
	case rec.RequestID != "":
	case call.TraceID.IsEmpty() && call.Key != "": // an event
		rec.RequestID = call.KeySpace + "/" + call.Key
	default:
		rec.RequestID = spanRequestID(call)
	}
	if call.User != "" {
		rec.UserID, rec.UserExternalID = r.user(call.User)
	}
}

// maxKnownUsers bounds what foreign names can take of memory.
const maxKnownUsers = 4096

// user gives the ids of a user. A text that is no id becomes one by a hash, which
// is remembered: few users make many calls. A new one takes the place of another.
func (r *Recorder) user(text string) (id usage.ID, externalID string) {
	if id, isID := usage.ParseID(text); isID {
		return id, ""
	}
	hash := maphash.String(usersSeed, text)
	known := &r.users[hash%uint64(len(r.users))]
	for i := range known.hashes {
		if known.hashes[i] == hash && known.texts[i] == text {
			return known.ids[i], text
		}
	}
	id = usage.UserID(text)
	if len(text) <= usage.MaxTextBytes {
		i := known.next % 4
		known.hashes[i], known.texts[i], known.ids[i] = hash, strings.Clone(text), id // not the whole payload
		known.next++
	}
	return id, text
}

// usersSeed makes it unpredictable who takes whose place.
var usersSeed = maphash.MakeSeed()

// spanRequestID is "<trace id>:<span id>".
func spanRequestID(call *genai.Call) string {
	var b [49]byte
	hex.Encode(b[:32], call.TraceID[:])
	b[32] = ':'
	hex.Encode(b[33:], call.SpanID[:])
	return string(b[:])
}
