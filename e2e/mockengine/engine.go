// Package mockengine answers as billing engines do, on loopback: the documented shapes,
// limits and refusals of OpenMeter, Lago and Stripe meter events, with faults that a test
// orders. It keeps what it accepted, so that a test can compare it with the outbox.
//
// It owns no judgement: it knows nothing of calls, rows and meters of ours.
package mockengine

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/shopspring/decimal"
)

// Fault is what happens to a request with events.
type Fault uint8

// The faults.
const (
	None        Fault = iota
	Busy              // 429, nothing is stored
	Broken            // 500, nothing is stored
	BrokenAfter       // all is stored, then 500
	LostAfter         // all is stored, then the connection breaks
	SilentAfter       // all is stored, and no answer comes
)

// Engine is what the three share. Its fields are set before the first request.
type Engine struct {
	// Key is the only one that is let in.
	Key string
	// Meters are the codes that exist.
	Meters []string
	// Customers are those that exist; nil: all do.
	Customers map[string]bool
	// Forgets: an id that came before is not recognised.
	Forgets bool
	// Fault says what happens to the n-th request with events, from 0; nil: nothing.
	Fault func(n int) Fault
	// Now is the engine's clock; nil is the real one.
	Now func() time.Time

	mu       sync.Mutex
	requests int
	byID     map[string]bool
	events   []Event
	twice    int
	hidden   map[string]bool // meters that are not there for the time being
}

// Event is what an engine accepted.
type Event struct {
	ID, Code, Customer string
	At                 time.Time
	Quantity           decimal.Decimal
	Cents              string // of Lago
}

// Events are all that were accepted, in their order.
func (e *Engine) Events() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Event(nil), e.events...)
}

// Accepted is how many those are.
func (e *Engine) Accepted() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.events)
}

// Repeated is how often an id came that the engine had already.
func (e *Engine) Repeated() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.twice
}

// Requests is how many requests with events came.
func (e *Engine) Requests() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requests
}

// Sum adds up what a customer is charged of a meter; of all customers where it is empty.
func (e *Engine) Sum(code, customer string) (sum decimal.Decimal) {
	return e.sum(code, customer, time.Time{}, time.Now().AddDate(100, 0, 0))
}

func (e *Engine) sum(code, customer string, from, to time.Time) (sum decimal.Decimal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.events {
		if one.Code == code && (customer == "" || one.Customer == customer) && !one.At.Before(from) && one.At.Before(to) {
			sum = sum.Add(one.Quantity)
		}
	}
	return sum
}

// Hide makes a meter unknown, or known again.
func (e *Engine) Hide(code string, hidden bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hidden == nil {
		e.hidden = map[string]bool{}
	}
	e.hidden[code] = hidden
}

func (e *Engine) has(code string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.Meters {
		if m == code && !e.hidden[m] {
			return true
		}
	}
	return false
}

func (e *Engine) now() time.Time {
	if e.Now != nil {
		return e.Now()
	}
	return time.Now()
}

// known reports whether an id came before.
func (e *Engine) known(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID[id] {
		e.twice++
	}
	return e.byID[id] && !e.Forgets
}

func (e *Engine) keep(events ...Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID == nil {
		e.byID = map[string]bool{}
	}
	for _, one := range events {
		e.byID[one.ID] = true
	}
	e.events = append(e.events, events...)
}

// admit refuses a wrong key.
func (e *Engine) admit(w http.ResponseWriter, r *http.Request, body any) bool {
	if r.Header.Get("Authorization") == "Bearer "+e.Key {
		return true
	}
	answer(w, http.StatusUnauthorized, body)
	return false
}

// trouble makes the fault of a request. store stores its events; true: the answer is given.
func (e *Engine) trouble(w http.ResponseWriter, r *http.Request, body any, store func()) bool {
	e.mu.Lock()
	n := e.requests
	e.requests++
	e.mu.Unlock()
	fault := None
	if e.Fault != nil {
		fault = e.Fault(n)
	}
	switch fault {
	case Busy:
		w.Header().Set("Retry-After", "0")
		answer(w, http.StatusTooManyRequests, body)
	case Broken:
		answer(w, http.StatusInternalServerError, body)
	case BrokenAfter:
		store()
		answer(w, http.StatusInternalServerError, body)
	case LostAfter:
		store()
		panic(http.ErrAbortHandler)
	case SilentAfter:
		store()
		<-r.Context().Done()
	default:
		return false
	}
	return true
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

// double is a number as an engine of double precision writes it.
func double(d decimal.Decimal) json.Number {
	f, _ := d.Float64()
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
}
