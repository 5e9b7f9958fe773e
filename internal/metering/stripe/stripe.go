// Package stripe sends meter events to Stripe's v1 API, one a request, and asks for
// summaries of them. It owns that API and nothing else.
//
// Stripe recognises an identifier for at least 24 hours and refuses it then with status
// 400, which means that it has the event. It takes events of the last 35 days; negative
// values take back.
package stripe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/metering/post"
)

const (
	// batch is how many events are settled together, parallel how many requests are made
	// at once: below the 1,000 a second that Stripe allows.
	batch    = 100
	parallel = 8
	// digits of its sums, which are JSON numbers of double precision.
	digits = 15
	// pages limits the list of meters.
	pages = 100
)

// Sink is a Stripe account.
type Sink struct {
	Client post.Client

	meters map[string]string // ids of meters, by event name
}

// Batch is how many events one call of Send takes.
func (*Sink) Batch() int { return batch }

// fault is an error of the API.
type fault struct {
	Error struct{ Code, Message string }
}

// Ready looks for an active meter that adds up the value of the event.
func (s *Sink) Ready(ctx context.Context, m *metering.Meter) error {
	q := url.Values{"status": {"active"}, "limit": {"100"}}
	for range pages {
		a, err := s.Client.Do(ctx, post.Request{Method: http.MethodGet, Path: "/v1/billing/meters?" + q.Encode()})
		if err != nil {
			return err
		}
		var list struct {
			Data []struct {
				ID          string
				EventName   string                   `json:"event_name"`
				Aggregation struct{ Formula string } `json:"default_aggregation"`
				Customer    struct {
					EventPayloadKey string `json:"event_payload_key"`
				} `json:"customer_mapping"`
				Value struct {
					EventPayloadKey string `json:"event_payload_key"`
				} `json:"value_settings"`
			}
			More bool `json:"has_more"`
		}
		if a.Status != http.StatusOK || json.Unmarshal(a.Body, &list) != nil {
			return fmt.Errorf("%w: list of meters: status %d: %s", metering.ErrMeter, a.Status, s.Client.Said(a.Body))
		}
		for _, meter := range list.Data {
			if meter.EventName != m.Code {
				continue
			}
			if meter.Aggregation.Formula != "sum" || meter.Customer.EventPayloadKey != customerKey || meter.Value.EventPayloadKey != m.Field {
				return fmt.Errorf("%w: the meter of event %q has %s of %q by %q, must be sum of %q by %q", metering.ErrMeter, m.Code,
					meter.Aggregation.Formula, meter.Value.EventPayloadKey, meter.Customer.EventPayloadKey, m.Field, customerKey)
			}
			if s.meters == nil {
				s.meters = map[string]string{}
			}
			s.meters[m.Code] = meter.ID
			return nil
		}
		if !list.More || len(list.Data) == 0 {
			break
		}
		q.Set("starting_after", list.Data[len(list.Data)-1].ID)
	}
	return fmt.Errorf("%w: Stripe has no active meter for the event %q: create it there, or correct code", metering.ErrMeter, m.Code)
}

const customerKey = "stripe_customer_id"

// Send sends events, some at once. A busy engine keeps the rest from being sent.
func (s *Sink) Send(ctx context.Context, m *metering.Meter, events []metering.Event) ([]metering.Outcome, error) {
	outcomes := make([]metering.Outcome, len(events))
	for i := range outcomes {
		outcomes[i].State = metering.NotTaken // until it is sent
	}
	var (
		workers sync.WaitGroup
		lock    sync.Mutex
		failed  error
		next    int
	)
	for range min(parallel, len(events)) {
		workers.Go(func() {
			for {
				lock.Lock()
				i := next
				next++
				stop := failed != nil || i >= len(events)
				lock.Unlock()
				if stop {
					return
				}
				outcome, err := s.one(ctx, m, &events[i])
				lock.Lock()
				outcomes[i] = outcome
				if err != nil && failed == nil {
					failed = err
				}
				lock.Unlock()
			}
		})
	}
	workers.Wait()
	return outcomes, failed
}

// one sends an event. It has no Idempotency-Key: under one, Stripe would repeat the answer
// of the first attempt, a failure too, for a day. The identifier is enough.
func (s *Sink) one(ctx context.Context, m *metering.Meter, e *metering.Event) (metering.Outcome, error) {
	form := url.Values{
		"event_name": {m.Code}, "identifier": {e.ID}, "timestamp": {strconv.FormatInt(e.At.Unix(), 10)},
		"payload[" + customerKey + "]": {e.Customer}, "payload[" + m.Field + "]": {e.Quantity.String()},
	}
	a, err := s.Client.Do(ctx, post.Request{
		Method: http.MethodPost, Path: "/v1/billing/meter_events", ContentType: "application/x-www-form-urlencoded", Body: []byte(form.Encode()),
	})
	if err != nil {
		return metering.Outcome{State: a.State}, err
	}
	if a.Status == http.StatusOK {
		return metering.Outcome{State: metering.Accepted}, nil
	}
	var f fault
	if json.Unmarshal(a.Body, &f) != nil || f.Error.Message == "" {
		return metering.Outcome{State: metering.Refused, Reason: fmt.Sprintf("status %d: %s", a.Status, s.Client.Said(a.Body))}, nil
	}
	// The code is not always there.
	if f.Error.Code == "duplicate_meter_event" || strings.Contains(f.Error.Message, "event already exists with identifier") {
		return metering.Outcome{State: metering.Accepted}, nil
	}
	return metering.Outcome{State: metering.Refused, Reason: s.Client.Said([]byte(strings.TrimPrefix(f.Error.Code+": "+f.Error.Message, ": ")))}, nil
}

// Total asks for the sum of a customer. From and to are whole minutes.
func (s *Sink) Total(ctx context.Context, m *metering.Meter, customer string, from, to time.Time) (t metering.Total, err error) {
	if s.meters[m.Code] == "" {
		if err := s.Ready(ctx, m); err != nil {
			return t, err
		}
	}
	t = metering.Total{Digits: digits, From: from, To: to}
	q := url.Values{
		"customer": {customer}, "start_time": {strconv.FormatInt(from.Unix(), 10)}, "end_time": {strconv.FormatInt(to.Unix(), 10)}, "limit": {"100"},
	}
	for range pages {
		a, err := s.Client.Do(ctx, post.Request{Method: http.MethodGet, Path: "/v1/billing/meters/" + url.PathEscape(s.meters[m.Code]) + "/event_summaries?" + q.Encode()})
		if err != nil {
			return t, err
		}
		var list struct {
			Data []struct {
				ID    string
				Value json.Number `json:"aggregated_value"`
			}
			More bool `json:"has_more"`
		}
		decoder := json.NewDecoder(bytes.NewReader(a.Body))
		decoder.UseNumber()
		if a.Status != http.StatusOK || decoder.Decode(&list) != nil {
			return t, fmt.Errorf("sum of %s: status %d: %s", customer, a.Status, s.Client.Said(a.Body))
		}
		for _, row := range list.Data {
			value, err := decimal.NewFromString(row.Value.String())
			if err != nil {
				return t, fmt.Errorf("sum of %s: %w", customer, err)
			}
			t.Quantity = t.Quantity.Add(value)
		}
		if !list.More || len(list.Data) == 0 {
			return t, nil
		}
		q.Set("starting_after", list.Data[len(list.Data)-1].ID)
	}
	return t, fmt.Errorf("sum of %s: more than %d pages", customer, pages)
}
