package mockengine

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/shopspring/decimal"
)

// OpenMeter is the API of OpenMeter. Events of an unknown type and of subjects without a
// customer are accepted, as there.
type OpenMeter struct{ Engine }

type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (o *OpenMeter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !o.admit(w, r, problem{"about:blank", "Unauthorized", 401, "key " + r.Header.Get("Authorization")}) {
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/events", o.ingest)
	mux.HandleFunc("GET /api/v1/meters/{slug}", func(w http.ResponseWriter, r *http.Request) {
		slug := r.PathValue("slug")
		if !o.has(slug) {
			answer(w, http.StatusNotFound, problem{"about:blank", "Not Found", 404, "meter"})
			return
		}
		answer(w, http.StatusOK, map[string]any{"slug": slug, "eventType": slug + ".used", "aggregation": "SUM", "valueProperty": "$.value"})
	})
	mux.HandleFunc("GET /api/v1/meters/{slug}/query", func(w http.ResponseWriter, r *http.Request) {
		from, to := r.URL.Query().Get("from"), r.URL.Query().Get("to")
		start, err := time.Parse(time.RFC3339, from)
		end, err2 := time.Parse(time.RFC3339, to)
		if err != nil || err2 != nil || start.Second() != 0 || end.Second() != 0 {
			answer(w, http.StatusBadRequest, problem{"about:blank", "Bad Request", 400, "from and to must be aligned to minutes"})
			return
		}
		subject := r.URL.Query().Get("subject")
		answer(w, http.StatusOK, map[string]any{"from": from, "to": to, "data": []any{
			map[string]any{"value": double(o.sum(r.PathValue("slug")+".used", subject, start, end)), "windowStart": from, "windowEnd": to, "subject": subject, "groupBy": map[string]string{}},
		}})
	})
	mux.ServeHTTP(w, r)
}

func (o *OpenMeter) ingest(w http.ResponseWriter, r *http.Request) {
	var list []struct {
		SpecVersion, ID, Source, Type, Subject string
		Time                                   time.Time
		ContentType                            string `json:"datacontenttype"`
		Data                                   struct{ Value string }
	}
	err := json.NewDecoder(r.Body).Decode(&list)
	var events []Event
	bad := err != nil || r.Header.Get("Content-Type") != "application/cloudevents-batch+json"
	for _, e := range list {
		quantity, err := decimal.NewFromString(e.Data.Value)
		if err != nil || e.SpecVersion != "1.0" || e.ID == "" || e.Source == "" || e.Type == "" || e.Subject == "" || e.ContentType != "application/json" ||
			o.Customers != nil && !o.Customers[e.Subject] {
			bad = true
		}
		events = append(events, Event{ID: e.Source + " " + e.ID, Code: e.Type, Customer: e.Subject, At: e.Time, Quantity: quantity})
	}
	store := func() {
		for _, e := range events {
			if !o.known(e.ID) {
				o.keep(e)
			}
		}
	}
	if bad {
		store = func() {}
	}
	if o.trouble(w, r, problem{"about:blank", "Trouble", 500, "try again"}, store) {
		return
	}
	if bad {
		answer(w, http.StatusBadRequest, problem{"about:blank", "Bad Request", 400, "an event is not valid"})
		return
	}
	store()
	w.WriteHeader(http.StatusNoContent)
}
