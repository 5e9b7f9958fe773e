package usageapiextension

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/otelcol-usage/otelcol-usage/internal/access"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

// problem is an error response as in RFC 9457. Its texts contain no SQL, no row and no part
// of the credentials.
type problem struct {
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Parameter string `json:"parameter,omitempty"`
	Found     string `json:"found,omitempty"`
	Allowed   string `json:"allowed,omitempty"`
	RequestID string `json:"requestId,omitempty"`

	retryAfter int // seconds, 0 for none
}

func (p *problem) Error() string { return p.Detail }

func newProblem(status int, detail string) *problem {
	return &problem{Title: http.StatusText(status), Status: status, Detail: detail}
}

// maxFound is how many bytes of an invalid value are repeated.
const maxFound = 100

func paramProblem(name, found, allowed string) *problem {
	p := newProblem(http.StatusBadRequest, "parameter "+name+" is not valid; it must be "+allowed)
	p.Parameter, p.Allowed = name, allowed
	p.Found = strings.ToValidUTF8(found, "\uFFFD")
	if utf8.RuneCountInString(p.Found) > maxFound {
		p.Found = string([]rune(p.Found)[:maxFound]) + "…"
	}
	return p
}

// toProblem converts an error into a problem for the caller.
func toProblem(err error) *problem {
	var p *problem
	var denied *access.Denied
	var param *report.ParamError
	var rate *read.RateError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &denied):
		return newProblem(http.StatusForbidden, denied.Because)
	case errors.As(err, &param):
		allowed := param.Allowed
		if strings.Contains(param.Found, " ") { // an offset such as +01:00, in which the query string decodes + to a space
			allowed += ` (write "+" as %2B in a URL)`
		}
		return paramProblem(param.Param, param.Found, allowed)
	case errors.As(err, &rate):
		return rateProblem(rate)
	}
	return databaseProblem(err)
}

// rateProblem distinguishes a currency without any rates, which is the caller's mistake,
// from a missing rate on some day, which the operator can add.
func rateProblem(err *read.RateError) *problem {
	if err.Day.IsZero() {
		return paramProblem("currency", err.Currency, strings.Join(append([]string{read.Dollar}, err.Known...), ", ")+" (more with: usagectl rates import FILE)")
	}
	p := newProblem(http.StatusConflict, "there is no exchange rate for "+err.Currency+" on "+err.Day.Format(time.DateOnly)+
		", a day with calls in the period or in the one before; ask for later days, or an operator has to run: usagectl rates import FILE")
	p.Parameter, p.Found = "currency", err.Currency
	return p
}

// databaseProblem describes an error of the store without its text.
func databaseProblem(err error) *problem {
	unavailable := func(detail string, retryAfter int) *problem {
		p := newProblem(http.StatusServiceUnavailable, detail)
		p.retryAfter = retryAfter
		return p
	}
	if read.IsTimeout(err) || errors.Is(err, context.DeadlineExceeded) {
		return unavailable("the answer takes longer than the server allows; ask for a shorter period or without filters by model, provider or service, or raise statement_timeout", 30)
	}
	switch store.Classify(err) {
	case store.ClassConnection, store.ClassServer:
		return unavailable("the database does not answer; it is tried again with the next request", 5)
	case store.ClassConflict:
		return unavailable("the database could not answer right now; try again", 1)
	case store.ClassSchema, store.ClassAccess:
		detail := "the tables of the database are missing or too old"
		switch state := store.SQLState(err); {
		case strings.HasPrefix(state, "28"): // authentication failed
			detail = "the database refuses the user of usage_api"
		case store.Classify(err) == store.ClassAccess:
			detail = "the user of usage_api lacks a right in the database"
		}
		return unavailable(detail+"; for the operator: "+cmp.Or(store.Advice(err, "usage_reader, usage_own"), "the collector's log has the cause"), 60)
	}
	return newProblem(http.StatusInternalServerError, "an unexpected error; the collector's log has it under the request id")
}

// write sends the problem.
func (p *problem) write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil { // cannot happen: strings and numbers always marshal
		body = []byte(`{"status":500}`)
	}
	w.Header().Set("Cache-Control", "no-store")
	p.send(w, "application/problem+json", body)
}

// send sends the problem with the given content type.
func (p *problem) send(w http.ResponseWriter, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Del("ETag")
	h.Del("Content-Encoding")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the caller is gone
}
