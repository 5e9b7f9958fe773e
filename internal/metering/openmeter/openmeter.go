// Package openmeter sends events to OpenMeter as batches of CloudEvents 1.0 and asks for
// its sums. It owns that API and nothing else.
//
// OpenMeter recognises an event by source and id, where its deduplication is on, and takes
// events of any age. What it does not take is refused as a whole batch without a name, so
// a refused batch is halved until the event is found.
package openmeter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/metering/post"
)

const (
	// batch has no documented limit.
	batch = 500
	// digits of its sums, which are JSON numbers of double precision.
	digits = 15
)

// Sink is an OpenMeter namespace.
type Sink struct {
	Client post.Client
	Source string // of all events

	types map[string]string // of events, by slug of their meter
}

// Batch is how many events one request has.
func (*Sink) Batch() int { return batch }

// Ready reads the meter and checks that it adds up the property that is sent.
func (s *Sink) Ready(ctx context.Context, m *metering.Meter) error {
	a, err := s.Client.Do(ctx, post.Request{Method: http.MethodGet, Path: "/api/v1/meters/" + url.PathEscape(m.Code)})
	if err != nil {
		return err
	}
	var meter struct {
		EventType     string `json:"eventType"`
		Aggregation   string `json:"aggregation"`
		ValueProperty string `json:"valueProperty"`
	}
	switch {
	case a.Status == http.StatusNotFound:
		return fmt.Errorf("%w: OpenMeter has no meter %q: create it there, or correct code", metering.ErrMeter, m.Code)
	case a.Status != http.StatusOK || json.Unmarshal(a.Body, &meter) != nil:
		return fmt.Errorf("%w: meter %q: status %d: %s", metering.ErrMeter, m.Code, a.Status, s.Client.Said(a.Body))
	case !strings.EqualFold(meter.Aggregation, "SUM") || meter.ValueProperty != "$."+m.Field:
		return fmt.Errorf("%w: meter %q has aggregation %s of %s, must be SUM of $.%s", metering.ErrMeter, m.Code, meter.Aggregation, meter.ValueProperty, m.Field)
	}
	if s.types == nil {
		s.types = map[string]string{}
	}
	s.types[m.Code] = meter.EventType
	return nil
}

// event is a CloudEvent. Quantities are text, which keeps their digits.
type event struct {
	SpecVersion string            `json:"specversion"`
	ID          string            `json:"id"`
	Source      string            `json:"source"`
	Type        string            `json:"type"`
	Subject     string            `json:"subject"`
	Time        string            `json:"time"`
	ContentType string            `json:"datacontenttype"`
	Data        map[string]string `json:"data"`
}

// Send sends a batch.
func (s *Sink) Send(ctx context.Context, m *metering.Meter, events []metering.Event) ([]metering.Outcome, error) {
	list := make([]event, len(events))
	for i, e := range events {
		list[i] = event{
			SpecVersion: "1.0", ID: e.ID, Source: s.Source, Type: s.types[m.Code], Subject: e.Customer, Time: e.At.Format(time.RFC3339Nano),
			ContentType: "application/json", Data: map[string]string{m.Field: e.Quantity.String()},
		}
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	all := func(o metering.Outcome) []metering.Outcome { return slices.Repeat([]metering.Outcome{o}, len(events)) }
	a, err := s.Client.Do(ctx, post.Request{Method: http.MethodPost, Path: "/api/v1/events", ContentType: "application/cloudevents-batch+json", Body: body})
	switch {
	case err != nil:
		return all(metering.Outcome{State: a.State}), err
	case a.Status < 300:
		return all(metering.Outcome{State: metering.Accepted}), nil
	case len(events) == 1:
		return all(metering.Outcome{State: metering.Refused, Reason: s.reason(a)}), nil
	}
	half := len(events) / 2
	first, err := s.Send(ctx, m, events[:half])
	if err != nil {
		return append(first, slices.Repeat([]metering.Outcome{{State: metering.NotTaken}}, len(events)-half)...), err
	}
	second, err := s.Send(ctx, m, events[half:])
	return append(first, second...), err
}

// reason reads a problem document.
func (s *Sink) reason(a post.Answer) string {
	var problem struct{ Title, Detail string }
	if json.Unmarshal(a.Body, &problem) == nil && problem.Title != "" {
		return s.Client.Said([]byte(problem.Title + ": " + problem.Detail))
	}
	return fmt.Sprintf("status %d: %s", a.Status, s.Client.Said(a.Body))
}

// Total asks for the sum of a customer.
func (s *Sink) Total(ctx context.Context, m *metering.Meter, customer string, from, to time.Time) (t metering.Total, err error) {
	q := url.Values{"subject": {customer}, "from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}}
	a, err := s.Client.Do(ctx, post.Request{Method: http.MethodGet, Path: "/api/v1/meters/" + url.PathEscape(m.Code) + "/query?" + q.Encode()})
	if err != nil {
		return t, err
	}
	var answer struct {
		Data []struct{ Value json.Number }
	}
	decoder := json.NewDecoder(bytes.NewReader(a.Body))
	decoder.UseNumber()
	if a.Status != http.StatusOK || decoder.Decode(&answer) != nil {
		return t, fmt.Errorf("sum of %s: status %d: %s", customer, a.Status, s.Client.Said(a.Body))
	}
	t = metering.Total{Digits: digits, From: from, To: to}
	for _, row := range answer.Data {
		value, err := decimal.NewFromString(row.Value.String())
		if err != nil {
			return t, fmt.Errorf("sum of %s: %w", customer, err)
		}
		t.Quantity = t.Quantity.Add(value)
	}
	return t, nil
}
