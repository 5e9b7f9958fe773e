package mockengine

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
)

// Lago is the API of Lago. A batch with an event at fault is refused as a whole; an
// unknown code is accepted and ignored.
type Lago struct {
	Engine
	// From and To are the current period of every subscription; To is excluded.
	From, To time.Time
}

func lagoError(status int, code string, details any) map[string]any {
	return map[string]any{"status": status, "error": http.StatusText(status), "code": code, "error_details": details}
}

func (l *Lago) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !l.admit(w, r, lagoError(401, "unauthorized", nil)) {
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/events/batch", l.ingest)
	mux.HandleFunc("GET /api/v1/billable_metrics/{code}", func(w http.ResponseWriter, r *http.Request) {
		if !l.has(r.PathValue("code")) {
			answer(w, http.StatusNotFound, lagoError(404, "billable_metric_not_found", nil))
			return
		}
		answer(w, http.StatusOK, map[string]any{"billable_metric": map[string]any{"code": r.PathValue("code"), "aggregation_type": "sum_agg", "field_name": "value"}})
	})
	mux.HandleFunc("GET /api/v1/subscriptions/{id}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, map[string]any{"subscription": map[string]any{"external_id": r.PathValue("id"), "external_customer_id": "of_" + r.PathValue("id")}})
	})
	mux.HandleFunc("GET /api/v1/customers/{id}/current_usage", func(w http.ResponseWriter, r *http.Request) {
		subscription := r.URL.Query().Get("external_subscription_id")
		if r.PathValue("id") != "of_"+subscription {
			answer(w, http.StatusNotFound, lagoError(404, "customer_not_found", nil))
			return
		}
		charges := []any{}
		for _, code := range l.Meters {
			charges = append(charges, map[string]any{"units": l.sum(code, subscription, l.From, l.To).String(), "billable_metric": map[string]any{"code": code}})
		}
		answer(w, http.StatusOK, map[string]any{"customer_usage": map[string]any{
			"from_datetime": l.From.Format(time.RFC3339), "to_datetime": l.To.Add(-time.Second).Format(time.RFC3339), "charges_usage": charges,
		}})
	})
	mux.ServeHTTP(w, r)
}

func (l *Lago) ingest(w http.ResponseWriter, r *http.Request) {
	var batch struct {
		Events []struct {
			Transaction  string `json:"transaction_id"`
			Subscription string `json:"external_subscription_id"`
			Code         string
			Timestamp    string
			Properties   map[string]string
			Cents        string `json:"precise_total_amount_cents"`
		}
	}
	err := json.NewDecoder(r.Body).Decode(&batch)
	faults := map[string]map[string][]string{}
	var events []Event
	for i, e := range batch.Events {
		seconds, err := decimal.NewFromString(e.Timestamp)
		quantity, err2 := decimal.NewFromString(e.Properties["value"])
		switch {
		case err != nil:
			faults[strconv.Itoa(i)] = map[string][]string{"timestamp": {"invalid_format"}}
		case err2 != nil:
			faults[strconv.Itoa(i)] = map[string][]string{"properties": {"value_is_not_valid_number"}}
		case l.Customers != nil && !l.Customers[e.Subscription]:
			faults[strconv.Itoa(i)] = map[string][]string{"external_subscription_id": {"not_found"}}
		case l.known(e.Subscription + " " + e.Transaction):
			faults[strconv.Itoa(i)] = map[string][]string{"transaction_id": {"value_already_exist"}}
		}
		events = append(events, Event{
			ID: e.Subscription + " " + e.Transaction, Code: e.Code, Customer: e.Subscription, At: time.UnixMilli(seconds.Shift(3).IntPart()).UTC(), Quantity: quantity, Cents: e.Cents,
		})
	}
	store := func() {
		if len(faults) > 0 {
			return
		}
		for _, e := range events {
			if l.has(e.Code) {
				l.keep(e)
			}
		}
	}
	if l.trouble(w, r, lagoError(500, "internal_error", nil), store) {
		return
	}
	switch {
	case err != nil:
		answer(w, http.StatusBadRequest, lagoError(400, "bad_request", nil))
	case len(events) > 100:
		answer(w, http.StatusUnprocessableEntity, lagoError(422, "validation_errors", map[string][]string{"events": {"too_many_events"}}))
	case len(faults) > 0:
		answer(w, http.StatusUnprocessableEntity, lagoError(422, "validation_errors", faults))
	default:
		store()
		answer(w, http.StatusOK, map[string]any{"events": []any{}})
	}
}
