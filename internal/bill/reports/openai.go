package reports

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// formats describes the reports of the providers that have an API for them.
var formats = map[string]format{
	catalog.OpenAI:    {kind: openAIReport, line: openAILine},
	catalog.Anthropic: {kind: anthropicReport, line: anthropicLine, unbucketed: isDeveloperRow, most: 100},
}

// openAIReport recognises "organization.costs.result" and
// "organization.usage.completions.result".
func openAIReport(row []byte) (bill.Report, error) {
	var r struct {
		Object string `json:"object"`
	}
	if err := json.Unmarshal(row, &r); err != nil {
		return "", err
	}
	name, ok := strings.CutSuffix(strings.TrimPrefix(r.Object, "organization."), ".result")
	switch {
	case !ok:
	case name == "costs":
		return bill.OpenAICosts, nil
	case strings.HasPrefix(name, "usage."):
		return bill.OpenAIUsage + bill.Report("/"+strings.TrimPrefix(name, "usage.")), nil
	}
	return "", fmt.Errorf("object: found %q, must be organization.costs.result or organization.usage.….result", usage.CleanText(r.Object, 60))
}

// openAIRow has every field of every result that is read. Numbers stay text.
type openAIRow struct {
	Amount *struct {
		Value    json.Number `json:"value"`
		Currency string      `json:"currency"`
	} `json:"amount"`
	LineItem     *string      `json:"line_item"`
	Quantity     *json.Number `json:"quantity"`
	QuantityUnit *string      `json:"quantity_unit"`

	ProjectID   *string `json:"project_id"`
	UserID      *string `json:"user_id"`
	APIKeyID    *string `json:"api_key_id"`
	Model       *string `json:"model"`
	ServiceTier *string `json:"service_tier"`
	Batch       *bool   `json:"batch"`
}

// openAICounts lists the fields of a usage result that count one kind.
var openAICounts = []struct {
	field string
	kind  usage.QuantityKind
}{
	{"input_audio_tokens", usage.InputAudioTokens},
	{"input_image_tokens", usage.InputImageTokens},
	{"input_cached_audio_tokens", usage.CacheReadAudioTokens},
	{"input_cached_image_tokens", usage.CacheReadImageTokens},
	{"input_cache_write_30m_tokens", usage.CacheWrite30mTokens},
	{"input_cache_write_12h_tokens", usage.CacheWrite12hTokens},
	{"output_audio_tokens", usage.OutputAudioTokens},
	{"output_image_tokens", usage.OutputImageTokens},
	{"images", usage.Images},
	{"characters", usage.Characters},
	{"seconds", usage.AudioSeconds},
	{"num_sessions", usage.CodeSessions},
}

// openAITools maps the reports of tool calls, by the names of their rows, to kinds.
var openAITools = map[bill.Report]usage.QuantityKind{
	bill.OpenAIUsage + "/web_searches": usage.WebSearches, bill.OpenAIUsage + "/file_searches": usage.FileSearches,
}

func openAILine(l *bill.Line, raw []byte, _ Options) error {
	var r openAIRow
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	l.Project, l.User, l.APIKey, l.Model = text(r.ProjectID), text(r.UserID), text(r.APIKeyID), text(r.Model)
	if l.Report == bill.OpenAICosts {
		return openAICost(l, &r)
	}
	l.Tier = strings.ToLower(text(r.ServiceTier))
	switch {
	case r.Batch != nil && *r.Batch:
		l.Tier = "batch"
	case l.Tier == "default":
		l.Tier = bill.StandardTier
	}
	return openAIUsage(l, raw)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// openAICost reads a result of the costs report. Amounts are dollars as a number.
func openAICost(l *bill.Line, r *openAIRow) (err error) {
	if r.Amount == nil {
		return fmt.Errorf("amount: missing")
	}
	if l.Cost, err = bill.ParseDecimal("amount.value", r.Amount.Value.String()); err != nil {
		return err
	}
	if l.Currency, err = currency(r.Amount.Currency); err != nil {
		return fmt.Errorf("amount.%w", err)
	}
	l.HasCost, l.Slack, l.Item = true, slackOfNumber(l.Cost), text(r.LineItem)
	model, words, hasModel := strings.Cut(l.Item, ", ")
	if !hasModel {
		model, words = "", l.Item
	}
	l.Category, l.Kind, l.HasKind = charge(words)
	l.Model, l.Tier = model, tierOf(words)
	if l.Item == "" {
		return nil // costs without grouping: only their total can be compared
	}
	if l.Category == bill.ForCalls && !l.HasKind {
		l.Category = bill.ForOther
	}
	if r.Quantity == nil || !l.HasKind {
		return nil
	}
	n, err := count("quantity", r.Quantity.String())
	if err != nil {
		return err
	}
	factor, known := unitFactor(text(r.QuantityUnit))
	if known {
		l.Add(l.Kind, n.Mul(factor))
	}
	return nil
}

// unitFactor returns how many units of a kind one unit of the bill is.
func unitFactor(unit string) (factor decimal.Decimal, known bool) {
	switch strings.ToLower(unit) {
	case "tokens", "token", "duration_seconds", "seconds", "images", "image", "characters", "requests", "calls", "count", "units", "searches":
		return decimal.New(1, 0), true
	case "1000_tokens", "1k tokens", "1k", "1000 tokens", "ktokens", "1k characters":
		return decimal.New(1000, 0), true
	case "1m tokens", "1m", "1000000 tokens", "million tokens":
		return decimal.New(1_000_000, 0), true
	case "duration_minutes", "minutes", "minute":
		return decimal.New(60, 0), true
	case "duration_hours", "hours", "hour":
		return decimal.New(3600, 0), true
	}
	return decimal.Zero, false
}

// openAIUsage reads a result with quantities. input_tokens includes cache reads and writes
// of every modality.
func openAIUsage(l *bill.Line, raw []byte) error {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	get := func(name string) (decimal.Decimal, bool, error) {
		value, ok := fields[name]
		if !ok || string(value) == "null" {
			return decimal.Zero, false, nil
		}
		n, err := count(name, string(value))
		return n, err == nil, err
	}
	if tool, ok := openAITools[l.Report]; ok {
		n, _, err := get("num_requests")
		l.Add(tool, n)
		return err // the requests of the model that used the tool are in another report
	}
	requests, has, err := get("num_model_requests")
	if err != nil {
		return err
	}
	l.Requests, l.HasRequests = requests.IntPart(), has
	parts := map[string]decimal.Decimal{}
	for _, c := range openAICounts {
		n, has, err := get(c.field)
		if err != nil {
			return err
		}
		if has {
			parts[c.field] = n
			l.Add(c.kind, n)
		}
	}
	input, _, err := get("input_tokens")
	if err != nil {
		return err
	}
	cached, _, err := get("input_cached_tokens")
	if err != nil {
		return err
	}
	written, _, err := get("input_cache_write_tokens")
	if err != nil {
		return err
	}
	output, _, err := get("output_tokens")
	if err != nil {
		return err
	}
	sum := func(names ...string) (s decimal.Decimal) {
		for _, n := range names {
			s = s.Add(parts[n])
		}
		return s
	}
	split := sum("input_cache_write_30m_tokens", "input_cache_write_12h_tokens")
	written = decimal.Max(written, split)
	for _, part := range []struct {
		kind usage.QuantityKind
		n    decimal.Decimal
	}{
		{usage.CacheReadTokens, cached.Sub(sum("input_cached_audio_tokens", "input_cached_image_tokens"))},
		{usage.CacheWrite5mTokens, written.Sub(split)},
		{usage.InputTextTokens, input.Sub(cached).Sub(written).Sub(sum("input_audio_tokens", "input_image_tokens"))},
		{usage.OutputTextTokens, output.Sub(sum("output_audio_tokens", "output_image_tokens"))},
	} {
		if part.n.IsNegative() {
			return fmt.Errorf("the parts of the tokens are more than their total: %s is %s", part.kind, part.n)
		}
		l.Add(part.kind, part.n)
	}
	return nil
}
