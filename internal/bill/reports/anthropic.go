package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// anthropicReport recognises each of the three reports by a field that only it has.
func anthropicReport(row []byte) (bill.Report, error) {
	var r struct {
		Amount   json.RawMessage `json:"amount"`
		Uncached json.RawMessage `json:"uncached_input_tokens"`
		Actor    json.RawMessage `json:"actor"`
	}
	if err := json.Unmarshal(row, &r); err != nil {
		return "", err
	}
	switch {
	case r.Amount != nil:
		return bill.AnthropicCosts, nil
	case r.Uncached != nil:
		return bill.AnthropicUsage, nil
	case r.Actor != nil:
		return bill.AnthropicDevelopers, nil
	}
	return "", errors.New("found a row with none of amount, uncached_input_tokens and actor: no known report has such rows")
}

func isDeveloperRow(row []byte) bool {
	report, err := anthropicReport(row)
	return err == nil && report == bill.AnthropicDevelopers
}

// tokenTypes maps token types of the cost report to kinds.
var tokenTypes = map[string]usage.QuantityKind{
	"uncached_input_tokens":                    usage.InputTextTokens,
	"output_tokens":                            usage.OutputTextTokens,
	"cache_read_input_tokens":                  usage.CacheReadTokens,
	"cache_creation.ephemeral_5m_input_tokens": usage.CacheWrite5mTokens,
	"cache_creation.ephemeral_1h_input_tokens": usage.CacheWrite1hTokens,
}

// costTypes maps the other charges to categories. A charge that is not listed keeps its
// text.
var costTypes = map[string]bill.Category{
	"code_execution": bill.ForCode,
	"session_usage":  bill.ForSessions,
}

func anthropicLine(l *bill.Line, raw []byte, o Options) error {
	switch l.Report {
	case bill.AnthropicCosts:
		return anthropicCost(l, raw)
	case bill.AnthropicUsage:
		return anthropicUsage(l, raw)
	}
	return developerLine(l, raw, o)
}

// anthropicCost reads a result of the cost report. Amounts are cents as decimal text.
func anthropicCost(l *bill.Line, raw []byte) (err error) {
	var r struct {
		Amount      json.RawMessage `json:"amount"`
		Currency    string          `json:"currency"`
		CostType    *string         `json:"cost_type"`
		TokenType   *string         `json:"token_type"`
		Model       *string         `json:"model"`
		ServiceTier *string         `json:"service_tier"`
		Description *string         `json:"description"`
		WorkspaceID *string         `json:"workspace_id"`
	}
	if err = json.Unmarshal(raw, &r); err != nil {
		return err
	}
	var cents string
	if json.Unmarshal(r.Amount, &cents) != nil {
		return fmt.Errorf("amount: found %s, must be the text of a number of cents, such as \"123.45\"", usage.CleanText(string(r.Amount), 60))
	}
	amount, err := bill.ParseDecimal("amount", cents)
	if err != nil {
		return err
	}
	if l.Currency, err = currency(r.Currency); err != nil {
		return err
	}
	l.Cost, l.HasCost, l.Slack = amount.Shift(-2), true, slackOfText(amount).Shift(-2)
	l.Model, l.Project, l.Item = text(r.Model), text(r.WorkspaceID), text(r.Description)
	l.Tier = strings.ToLower(text(r.ServiceTier))
	switch costType := text(r.CostType); {
	case costTypes[costType] != "":
		l.Category = costTypes[costType]
	case costType == "web_search":
		l.Kind, l.HasKind = usage.WebSearches, true
	case costType == "tokens":
		l.Kind, l.HasKind = tokenTypes[text(r.TokenType)]
	case costType != "":
		l.Category = bill.ForOther
	}
	if l.Item == "" {
		l.Item = text(r.CostType)
	}
	return nil
}

func anthropicUsage(l *bill.Line, raw []byte) error {
	var r struct {
		Uncached      json.Number `json:"uncached_input_tokens"`
		CacheRead     json.Number `json:"cache_read_input_tokens"`
		Output        json.Number `json:"output_tokens"`
		CacheCreation struct {
			OneHour    json.Number `json:"ephemeral_1h_input_tokens"`
			FiveMinute json.Number `json:"ephemeral_5m_input_tokens"`
		} `json:"cache_creation"`
		Tools struct {
			WebSearches json.Number `json:"web_search_requests"`
		} `json:"server_tool_use"`
		APIKeyID    *string `json:"api_key_id"`
		WorkspaceID *string `json:"workspace_id"`
		Model       *string `json:"model"`
		ServiceTier *string `json:"service_tier"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	l.APIKey, l.Project, l.Model, l.Tier = text(r.APIKeyID), text(r.WorkspaceID), text(r.Model), strings.ToLower(text(r.ServiceTier))
	for _, part := range []struct {
		name string
		kind usage.QuantityKind
		n    json.Number
	}{
		{"uncached_input_tokens", usage.InputTextTokens, r.Uncached},
		{"cache_read_input_tokens", usage.CacheReadTokens, r.CacheRead},
		{"cache_creation.ephemeral_5m_input_tokens", usage.CacheWrite5mTokens, r.CacheCreation.FiveMinute},
		{"cache_creation.ephemeral_1h_input_tokens", usage.CacheWrite1hTokens, r.CacheCreation.OneHour},
		{"output_tokens", usage.OutputTextTokens, r.Output},
		{"server_tool_use.web_search_requests", usage.WebSearches, r.Tools.WebSearches},
	} {
		if part.n == "" {
			continue // null or missing
		}
		n, err := count(part.name, part.n.String())
		if err != nil {
			return err
		}
		l.Add(part.kind, n)
	}
	return nil
}

// developerLine reads a row of the Claude Code report, one developer's day. It is the
// provider's only information on who pays: API or subscription.
func developerLine(l *bill.Line, raw []byte, o Options) error {
	var r struct {
		Date  string `json:"date"`
		Actor struct {
			APIKeyName *string `json:"api_key_name"`
			Email      *string `json:"email_address"`
		} `json:"actor"`
		CustomerType string `json:"customer_type"`
		Models       []struct {
			Model  string `json:"model"`
			Tokens struct {
				Input         json.Number `json:"input"`
				Output        json.Number `json:"output"`
				CacheRead     json.Number `json:"cache_read"`
				CacheCreation json.Number `json:"cache_creation"`
			} `json:"tokens"`
		} `json:"model_breakdown"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, r.Date)
	if err != nil {
		if at, err = time.Parse(time.DateOnly, r.Date); err != nil {
			return fmt.Errorf("date: found %q, must be a day such as 2026-01-31", usage.CleanText(r.Date, 40))
		}
	}
	start := at.UTC().Truncate(day)
	if err := l.SetSpan(start, start.AddDate(0, 0, 1)); err != nil {
		return err
	}
	l.APIKey = text(r.Actor.APIKeyName)
	if o.KeepEmails {
		l.User = text(r.Actor.Email)
	} else if l.Raw, err = withoutEmail(raw); err != nil {
		return err
	}
	switch r.CustomerType {
	case "api":
		l.Payer = usage.PayerAPI
	case "subscription":
		l.Payer = usage.PayerPlan
	default:
		return fmt.Errorf("customer_type: found %q, must be api or subscription", usage.CleanText(r.CustomerType, 40))
	}
	// The row keeps the breakdown by model; only the sums are compared.
	for _, m := range r.Models {
		for _, part := range []struct {
			kind usage.QuantityKind
			n    json.Number
		}{
			{usage.InputTextTokens, m.Tokens.Input}, {usage.OutputTextTokens, m.Tokens.Output},
			{usage.CacheReadTokens, m.Tokens.CacheRead}, {usage.CacheWrite5mTokens, m.Tokens.CacheCreation},
		} {
			n := decimal.Zero
			if part.n != "" {
				if n, err = count(part.kind.String(), part.n.String()); err != nil {
					return err
				}
			}
			l.Add(part.kind, n)
		}
	}
	if len(r.Models) == 1 {
		l.Model = r.Models[0].Model
	}
	return nil
}

// withoutEmail returns the row without the email address of its actor.
func withoutEmail(raw []byte) ([]byte, error) {
	row := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &row); err != nil {
		return nil, err
	}
	actor := map[string]json.RawMessage{}
	if err := json.Unmarshal(row["actor"], &actor); err != nil {
		return nil, fmt.Errorf("actor: %w", err)
	}
	delete(actor, "email_address")
	clean, err := json.Marshal(actor)
	if err != nil {
		return nil, err
	}
	row["actor"] = clean
	return json.Marshal(row)
}
