package outbox

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// selected are the columns of a call that can be metered, those of the view that the role
// usage_meterer may read.
var selected = []store.Selected[scanned]{
	{SQL: "id", Into: func(s *scanned) any { return &s.id }},
	{SQL: "timestamp", Into: func(s *scanned) any { return &s.at }},
	{SQL: "user_id", Into: func(s *scanned) any { return &s.user }},
	{SQL: "usage_dollars::text", Into: func(s *scanned) any { return &s.dollars }},
	{SQL: "api_type", Into: func(s *scanned) any { return &s.APIType }},
	{SQL: "coalesce(model, '')", Into: func(s *scanned) any { return &s.Model }},
	{SQL: "provider", Into: func(s *scanned) any { return &s.Provider }},
	{SQL: "service", Into: func(s *scanned) any { return &s.Service }},
	{SQL: "environment", Into: func(s *scanned) any { return &s.Environment }},
	{SQL: "coalesce(payer, '')", Into: func(s *scanned) any { return &s.Payer }},
	{SQL: "pricing_status", Into: func(s *scanned) any { return &s.status }},
	{SQL: "coalesce(pricing_reason, '')", Into: func(s *scanned) any { return &s.reason }},
	{SQL: "tokens_used::bigint", Into: func(s *scanned) any { return &s.Tokens }},
	{SQL: "input_tokens", Into: func(s *scanned) any { return &s.Input }},
	{SQL: "output_tokens", Into: func(s *scanned) any { return &s.Output }},
	{SQL: "cache_read_tokens", Into: func(s *scanned) any { return &s.CacheRead }},
	{SQL: "cache_write_5m_tokens", Into: func(s *scanned) any { return &s.CacheWrite5m }},
	{SQL: "cache_write_1h_tokens", Into: func(s *scanned) any { return &s.CacheWrite1h }},
	{SQL: "reasoning_tokens", Into: func(s *scanned) any { return &s.Reasoning }},
	{SQL: "images", Into: func(s *scanned) any { return &s.Images }},
	{SQL: "characters", Into: func(s *scanned) any { return &s.Characters }},
	{SQL: "tags::text", Into: func(s *scanned) any { return &s.tags }},
	{SQL: "audio_seconds::text", Into: func(s *scanned) any { return &s.seconds }},
}

var selectCalls = "SELECT " + store.SelectList(selected) + " FROM public.usage_metered_call"

// scanned is a row as it comes from the server.
type scanned struct {
	metering.Call
	id             [16]byte
	user           *[16]byte
	at             time.Time
	dollars        string
	status, reason string
	seconds, tags  *string
}

// call is a row that was read; userID is zero where it has none.
type call struct {
	metering.Call
	userID [16]byte
}

// call takes a copy. Its counts are its own: pgx makes a new number for each row.
func (s *scanned) call() (c call, err error) {
	c.Call = s.Call
	c.ID, c.At, c.Status, c.Reason = usage.ID(s.id), s.at.UTC(), usage.PricingStatus(s.status), usage.Reason(s.reason)
	if s.user != nil {
		c.userID = *s.user
	}
	if c.Dollars, err = decimal.NewFromString(s.dollars); err != nil {
		return c, fmt.Errorf("usage_dollars of %s: %w", c.ID, err)
	}
	c.AudioSeconds, c.Tags = nil, nil
	if s.tags != nil {
		c.Tags = textsOf(*s.tags)
	}
	if s.seconds != nil {
		d, err := decimal.NewFromString(*s.seconds)
		if err != nil {
			return c, fmt.Errorf("audio_seconds of %s: %w", c.ID, err)
		}
		c.AudioSeconds = &d
	}
	return c, nil
}

// textsOf reads tags. What else somebody wrote there names no customer.
func textsOf(object string) map[string]string {
	var all map[string]any
	if json.Unmarshal([]byte(object), &all) != nil {
		return nil
	}
	texts := make(map[string]string, len(all))
	for name, value := range all {
		if text, is := value.(string); is {
			texts[name] = text
		}
	}
	return texts
}
