package mockengine

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
)

// Stripe is the API of Stripe's meter events, v1.
type Stripe struct{ Engine }

func stripeError(code, message string) map[string]any {
	e := map[string]any{"type": "invalid_request_error", "message": message}
	if code != "" {
		e["code"] = code
	}
	return map[string]any{"error": e}
}

func (s *Stripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, r, stripeError("", "Invalid API Key provided: "+r.Header.Get("Authorization"))) {
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/billing/meter_events", s.ingest)
	mux.HandleFunc("GET /v1/billing/meters", s.list)
	mux.HandleFunc("GET /v1/billing/meters/{id}/event_summaries", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		from, err := strconv.ParseInt(q.Get("start_time"), 10, 64)
		to, err2 := strconv.ParseInt(q.Get("end_time"), 10, 64)
		if err != nil || err2 != nil || from%60 != 0 || to%60 != 0 {
			answer(w, http.StatusBadRequest, stripeError("parameter_invalid", "start_time and end_time must be aligned with minute boundaries"))
			return
		}
		value := double(s.sum(r.PathValue("id")[4:], q.Get("customer"), time.Unix(from, 0), time.Unix(to, 0)))
		answer(w, http.StatusOK, map[string]any{"object": "list", "has_more": false, "data": []any{map[string]any{"id": "mtrusg_1", "aggregated_value": value, "start_time": from, "end_time": to}}})
	})
	mux.ServeHTTP(w, r)
}

// list answers one meter a page.
func (s *Stripe) list(w http.ResponseWriter, r *http.Request) {
	meters := slices.DeleteFunc(slices.Clone(s.Meters), func(code string) bool { return !s.has(code) })
	i := slices.IndexFunc(meters, func(code string) bool { return "mtr_"+code == r.URL.Query().Get("starting_after") }) + 1
	page := []any{}
	if i < len(meters) {
		page = append(page, map[string]any{
			"id": "mtr_" + meters[i], "event_name": meters[i], "status": "active", "default_aggregation": map[string]string{"formula": "sum"},
			"customer_mapping": map[string]string{"event_payload_key": "stripe_customer_id", "type": "by_id"}, "value_settings": map[string]string{"event_payload_key": "value"},
		})
	}
	answer(w, http.StatusOK, map[string]any{"object": "list", "data": page, "has_more": i+1 < len(meters)})
}

func (s *Stripe) ingest(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f := r.PostForm
	seconds, _ := strconv.ParseInt(f.Get("timestamp"), 10, 64)
	at := time.Unix(seconds, 0).UTC()
	quantity, err := decimal.NewFromString(f.Get("payload[value]"))
	e := Event{ID: f.Get("identifier"), Code: f.Get("event_name"), Customer: f.Get("payload[stripe_customer_id]"), At: at, Quantity: quantity}
	code, message := "", ""
	switch {
	case !s.has(e.Code):
		code, message = "no_meter", "No active meter found for event name "+e.Code
	case s.Customers != nil && !s.Customers[e.Customer]:
		code, message = "meter_event_customer_not_found", "No such customer: "+e.Customer
	case err != nil || len(quantity.Coefficient().String()) > 15:
		code, message = "meter_event_value_too_many_digits", "The value has too many digits"
	case len(e.ID) > 100:
		code, message = "parameter_invalid", "identifier"
	case at.Before(s.now().AddDate(0, 0, -35)):
		code, message = "timestamp_too_far_in_past", "The timestamp is more than 35 days ago"
	case at.After(s.now().Add(5 * time.Minute)):
		code, message = "timestamp_in_future", "The timestamp is in the future"
	}
	stored := false
	store := func() {
		if message == "" && !stored {
			stored = true
			if s.known(e.ID) {
				message = "An event already exists with identifier " + e.ID + "."
				return
			}
			s.keep(e)
		}
	}
	if s.trouble(w, r, stripeError("", "try again"), store) {
		return
	}
	store()
	if message != "" {
		answer(w, http.StatusBadRequest, stripeError(code, message))
		return
	}
	answer(w, http.StatusOK, map[string]any{"object": "billing.meter_event", "event_name": e.Code, "identifier": e.ID})
}
