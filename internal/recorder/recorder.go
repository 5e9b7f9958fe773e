// Package recorder makes the record of a call: what was read, whose call it is, and what it
// costs by a book.
//
// It owns which parts of a reported call go into its record. It does not own reading
// (genai), pricing (pricing) or the format of the record on a span (usageattr).
package recorder

import (
	"hash/maphash"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Recorder turns calls into records with the prices of one book. It is not safe for
// concurrent use.
type Recorder struct {
	pricer pricing.Pricer
	now    time.Time // when the current payload arrived, UTC
	// record is reused from call to call.
	record usage.Record
	users  []knownUsers
	// replaced counts the users that were remembered, each in the place of another.
	replaced uint8
}

// knownUsers are texts that name users, by hash, with the ids derived from them.
type knownUsers struct {
	hashes [usersOfHash]uint64
	users  [usersOfHash]knownUser
}

type knownUser struct {
	text string
	id   usage.ID
}

const usersOfHash = 8

// New returns a recorder that prices with pricer. [Recorder.Begin] sets the book.
func New(pricer pricing.Pricer) Recorder {
	return Recorder{pricer: pricer, users: make([]knownUsers, maxKnownUsers/usersOfHash)}
}

// Begin starts a payload that arrived at now and is priced from a book.
func (r *Recorder) Begin(book *pricing.Book, now time.Time) { r.pricer.Book, r.now = book, now.UTC() }

// Make returns the record of the call. It is valid until the next call of Make.
func (r *Recorder) Make(call *genai.Call) *usage.Record {
	rec := &r.record
	*rec = usage.Record{} // a literal with fields would be copied
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
	rec.Missing = r.pricer.Relevant(rec)
	if tooMuch && rec.Status == usage.StatusUnpriced {
		rec.Reason = usage.ReasonCostOutOfRange // more than the column reported_dollars can hold
	}
	rec.Clean()
	return rec
}

// maxAhead is how far in the future of its arrival a call may be, because of a clock in
// another time zone or a wrong one. A call further ahead would be missing from today's
// reports, so the time of arrival is used.
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

// maxKnownUsers bounds the memory that outside names can take.
const maxKnownUsers = 4096

// user returns the ids of a user. A text that is not an id is hashed into one, and the
// result is remembered, because few users make many calls. A new one replaces another.
func (r *Recorder) user(text string) (id usage.ID, externalID string) {
	if id, isID := usage.ParseID(text); isID {
		return id, ""
	}
	hash := maphash.String(usersSeed, text)
	known := &r.users[hash%uint64(len(r.users))]
	for i := range known.hashes {
		if known.hashes[i] == hash && known.users[i].text == text {
			return known.users[i].id, text
		}
	}
	id = usage.UserID(text)
	if len(text) <= usage.MaxTextBytes {
		i := r.replaced % usersOfHash
		r.replaced++
		known.hashes[i], known.users[i] = hash, knownUser{strings.Clone(text), id} // clone, so that the payload is not kept in memory
	}
	return id, text
}

// usersSeed makes it unpredictable which user replaces which.
var usersSeed = maphash.MakeSeed()

// spanRequestID returns "<trace id>:<span id>".
func spanRequestID(call *genai.Call) string {
	b := usage.AppendHex(make([]byte, 0, 49), call.TraceID[:])
	return string(usage.AppendHex(append(b, ':'), call.SpanID[:]))
}
