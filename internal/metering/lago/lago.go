// Package lago sends events to Lago in batches and asks for current usage. It owns that
// API and nothing else.
//
// Lago refuses a batch as a whole if one event of it is invalid and names the events at
// fault by their place; one of them is an id that it has already. An unknown code it
// accepts and ignores, so the metric is asked for before anything is sent.
package lago

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/metering/post"
)

// batch is the documented limit.
const batch = 100

// Sink is a Lago organization. A customer of the configuration is the external id of a
// subscription.
type Sink struct{ Client post.Client }

// Batch is how many events one request has.
func (*Sink) Batch() int { return batch }

// Ready reads the billable metric and checks that it adds up the property that is sent.
func (s *Sink) Ready(ctx context.Context, m *metering.Meter) error {
	a, err := s.Client.Do(ctx, post.Request{Method: http.MethodGet, Path: "/api/v1/billable_metrics/" + url.PathEscape(m.Code)})
	if err != nil {
		return err
	}
	var answer struct {
		Metric struct {
			Aggregation string `json:"aggregation_type"`
			Field       string `json:"field_name"`
		} `json:"billable_metric"`
	}
	switch {
	case a.Status == http.StatusNotFound:
		return fmt.Errorf("%w: Lago has no billable metric %q, and would ignore its events: create it there, or correct code", metering.ErrMeter, m.Code)
	case a.Status != http.StatusOK || json.Unmarshal(a.Body, &answer) != nil:
		return fmt.Errorf("%w: billable metric %q: status %d: %s", metering.ErrMeter, m.Code, a.Status, s.Client.Said(a.Body))
	case answer.Metric.Aggregation != "sum_agg" || answer.Metric.Field != m.Field:
		return fmt.Errorf("%w: billable metric %q has aggregation %s of %q, must be sum_agg of %q", metering.ErrMeter, m.Code, answer.Metric.Aggregation, answer.Metric.Field, m.Field)
	}
	return nil
}

type event struct {
	Transaction  string            `json:"transaction_id"`
	Subscription string            `json:"external_subscription_id"`
	Code         string            `json:"code"`
	Timestamp    string            `json:"timestamp"` // Unix seconds with milliseconds
	Properties   map[string]string `json:"properties"`
	Cents        string            `json:"precise_total_amount_cents,omitempty"`
}

// Send sends a batch. After events of it were refused, the others are sent again.
func (s *Sink) Send(ctx context.Context, m *metering.Meter, events []metering.Event) ([]metering.Outcome, error) {
	outcomes := make([]metering.Outcome, len(events))
	places := make([]int, len(events)) // of those that are sent, in events
	for i := range events {
		places[i] = i
	}
	for len(places) > 0 {
		list := make([]event, len(places))
		for i, place := range places {
			list[i] = of(m, &events[place])
		}
		body, err := json.Marshal(map[string][]event{"events": list})
		if err != nil {
			return outcomes, err
		}
		a, err := s.Client.Do(ctx, post.Request{Method: http.MethodPost, Path: "/api/v1/events/batch", ContentType: "application/json", Body: body})
		switch {
		case err != nil:
			for _, place := range places {
				outcomes[place].State = a.State
			}
			return outcomes, err
		case a.Status < 300:
			for _, place := range places {
				outcomes[place].State = metering.Accepted
			}
			return outcomes, nil
		}
		settled := s.faults(a, len(places))
		if len(settled) == 0 {
			// Nothing says which of them: each is asked for alone.
			if len(places) > 1 {
				return s.singly(ctx, m, events, places, outcomes)
			}
			settled = map[int]metering.Outcome{0: {State: metering.Refused, Reason: fmt.Sprintf("status %d: %s", a.Status, s.Client.Said(a.Body))}}
		}
		var rest []int
		for i, place := range places {
			if o, is := settled[i]; is {
				outcomes[place] = o
			} else {
				rest = append(rest, place)
			}
		}
		places = rest
	}
	return outcomes, nil
}

// singly sends each event alone.
func (s *Sink) singly(ctx context.Context, m *metering.Meter, events []metering.Event, places []int, outcomes []metering.Outcome) ([]metering.Outcome, error) {
	for i, place := range places {
		one, err := s.Send(ctx, m, events[place:place+1])
		outcomes[place] = one[0]
		if err != nil {
			for _, later := range places[i+1:] {
				outcomes[later].State = metering.NotTaken
			}
			return outcomes, err
		}
	}
	return outcomes, nil
}

func of(m *metering.Meter, e *metering.Event) event {
	one := event{
		Transaction: e.ID, Subscription: e.Customer, Code: m.Code, Timestamp: decimal.New(e.At.UnixMilli(), -3).StringFixed(3),
		Properties: map[string]string{m.Field: e.Quantity.String()},
	}
	if m.Measure == metering.Cost {
		one.Cents = m.Dollars(e.Quantity).Shift(2).String()
	}
	return one
}

// faults reads which events of a batch are at fault. An id that Lago has already is an
// event that it accepted before.
func (s *Sink) faults(a post.Answer, n int) map[int]metering.Outcome {
	var answer struct {
		Details map[string]map[string][]string `json:"error_details"`
	}
	if a.Status != http.StatusUnprocessableEntity || json.Unmarshal(a.Body, &answer) != nil {
		return nil
	}
	outcomes := map[int]metering.Outcome{}
	for place, fields := range answer.Details {
		i, err := strconv.Atoi(place)
		if err != nil || i < 0 || i >= n {
			continue
		}
		var reasons []string
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			for _, fault := range fields[field] {
				reasons = append(reasons, field+": "+fault)
			}
		}
		outcomes[i] = metering.Outcome{State: metering.Refused, Reason: s.Client.Said([]byte(strings.Join(reasons, "; ")))}
		if slices.Equal(reasons, []string{"transaction_id: value_already_exist"}) {
			outcomes[i] = metering.Outcome{State: metering.Accepted}
		}
	}
	return outcomes
}

// Total asks for the usage of the subscription's current period, whatever from and to are.
func (s *Sink) Total(ctx context.Context, m *metering.Meter, subscription string, _, _ time.Time) (t metering.Total, err error) {
	var found struct {
		Subscription struct {
			Customer string `json:"external_customer_id"`
		} `json:"subscription"`
	}
	if err := s.read(ctx, "/api/v1/subscriptions/"+url.PathEscape(subscription), &found); err != nil {
		return t, fmt.Errorf("subscription %s: %w", subscription, err)
	}
	var usage struct {
		Usage struct {
			From    time.Time `json:"from_datetime"`
			To      time.Time `json:"to_datetime"`
			Charges []struct {
				Units  string `json:"units"`
				Metric struct {
					Code string `json:"code"`
				} `json:"billable_metric"`
			} `json:"charges_usage"`
		} `json:"customer_usage"`
	}
	path := "/api/v1/customers/" + url.PathEscape(found.Subscription.Customer) + "/current_usage?external_subscription_id=" + url.QueryEscape(subscription)
	if err := s.read(ctx, path, &usage); err != nil {
		return t, fmt.Errorf("usage of subscription %s: %w", subscription, err)
	}
	// The period ends with its last second.
	t.From, t.To = usage.Usage.From, usage.Usage.To.Truncate(time.Second).Add(time.Second)
	charged := false
	for _, c := range usage.Usage.Charges {
		if c.Metric.Code != m.Code {
			continue
		}
		units, err := decimal.NewFromString(c.Units)
		if err != nil {
			return t, fmt.Errorf("usage of subscription %s: units: found %q", subscription, c.Units)
		}
		charged, t.Quantity = true, t.Quantity.Add(units)
	}
	if !charged {
		return t, fmt.Errorf("subscription %s: its plan has no charge for the metric %q", subscription, m.Code)
	}
	return t, nil
}

func (s *Sink) read(ctx context.Context, path string, into any) error {
	a, err := s.Client.Do(ctx, post.Request{Method: http.MethodGet, Path: path})
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(a.Body))
	if a.Status != http.StatusOK || decoder.Decode(into) != nil {
		return fmt.Errorf("status %d: %s", a.Status, s.Client.Said(a.Body))
	}
	return nil
}
