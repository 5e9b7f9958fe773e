package genaiusageprocessor

import (
	"encoding/hex"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// recorder turns calls into records by the prices of one book.
type recorder struct {
	pricer pricing.Pricer
	now    func() time.Time
	// record is reused from call to call.
	record usage.Record
	users  *lru.Cache[string, knownUser]
}

func newRecorder(pricer pricing.Pricer, now func() time.Time) recorder {
	users, err := lru.New[string, knownUser](maxKnownUsers)
	if err != nil { // the size is above 0
		panic(err)
	}
	return recorder{pricer: pricer, now: now, users: users}
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
		QuantityReason:  call.Reason,
		Missing:         call.Missing | call.Unreported,
		ServiceTier:     call.ServiceTier,
		Region:          call.Region,
		Variant:         call.Variant,
		ReportedCost:    call.ReportedCost,
		HasReportedCost: call.HasReportedCost,
		ReportedIsBill:  call.ReportedIsBill,
		Dialect:         call.Dialect,
		Outcome:         call.Outcome,
		Payer:           call.Payer,
		Sampled:         call.Sampled,
		Tags:            call.Tags,
	}
	if rec.RequestModel == rec.Model {
		rec.RequestModel = ""
	}
	r.identify(rec, call)

	if now := r.now().UTC(); rec.Time.Before(usage.MinTime) || rec.Time.After(now.Add(maxAhead)) {
		rec.Time, rec.Missing = now, rec.Missing|usage.MissingTime
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
func (r *recorder) identify(rec *usage.Record, call *genai.Call) {
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
		user, known := r.users.Get(call.User)
		if !known {
			user = r.learnUser(call.User)
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

// learnUser works out the id of a user and remembers it: few users make many
// calls, and an id is a hash.
func (r *recorder) learnUser(name string) knownUser {
	name = strings.Clone(name) // not the whole payload
	user := knownUser{id: usage.UserID(name)}
	if _, isID := usage.ParseID(name); !isID {
		user.externalID = name
	}
	if len(name) <= usage.MaxTextBytes {
		r.users.Add(name, user)
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
