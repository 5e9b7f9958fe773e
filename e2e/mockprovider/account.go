package mockprovider

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Account is the side of OpenAI and Anthropic that sends the bill: it adds up what
// it is set to charge, and answers their reports about it in the documented shapes,
// with their pages, limits and refusals.
type Account struct {
	// AdminKey is the only key that may ask.
	AdminKey string
	// Faults by their nature. Each is set before the first question.
	Busy      int  // so many questions are answered with 429 first
	Broken    int  // so many are answered with 500
	MostRows  int  // a page of more rows than this is refused with 400; 0 is no limit
	PageRows  int  // a page ends after so many rows, in the middle of a day; 0 is never
	Forbidden bool // the key is known, and has no right
	Endless   bool // each page leads to itself
	// BeforePage is called with the path and the page of each question that is let
	// in, when not nil.
	BeforePage func(path, page string)

	mu      sync.Mutex
	charges []Charge
}

// Charge is what calls of one day, model and key are charged.
type Charge struct {
	Provider            string
	At                  time.Time
	Model, Key, Project string
	User                string
	Requests            int64
	// WebSearches are calls of a tool, which cost a cent each.
	WebSearches int64
	Bill        Bill
	Rates       Rates
	// Category and Dollars are a charge for something else than calls.
	Category string
	Dollars  string
}

// Rates are dollars for a million tokens, as decimal text; "" is free.
type Rates struct{ Input, CacheRead, CacheWrite5m, CacheWrite1h, Output string }

// Charge adds to the bill.
func (a *Account) Charge(c Charge) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.charges = append(a.charges, c)
}

// Rewrite changes the charges that are there, as a provider does until a month is
// final.
func (a *Account) Rewrite(change func(*Charge)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.charges {
		change(&a.charges[i])
	}
}

// part is one kind of token of a charge.
type part struct {
	item, tokenType string
	tokens          int64
	rate            string
}

func (c *Charge) parts() []part {
	b := c.Bill
	return slices.DeleteFunc([]part{
		{"input_tokens", "uncached_input_tokens", b.Input - b.CacheRead - b.CacheWrite5m - b.CacheWrite1h, c.Rates.Input},
		{"cached input_tokens", "cache_read_input_tokens", b.CacheRead, c.Rates.CacheRead},
		{"cache_write input_tokens", "cache_creation.ephemeral_5m_input_tokens", b.CacheWrite5m, c.Rates.CacheWrite5m},
		{"cache_write 1h input_tokens", "cache_creation.ephemeral_1h_input_tokens", b.CacheWrite1h, c.Rates.CacheWrite1h},
		{"output_tokens", "output_tokens", b.Output, c.Rates.Output},
	}, func(p part) bool { return p.tokens == 0 || p.rate == "" })
}

// dollars is the exact cost, as decimal text.
func (p part) dollars(shift int64) string {
	rate, ok := new(big.Rat).SetString(p.rate)
	if !ok {
		panic("no rate: " + p.rate)
	}
	amount := rate.Mul(rate, big.NewRat(p.tokens*shift, 1_000_000))
	places, _ := amount.FloatPrec()
	return amount.FloatString(places)
}

// ServeHTTP answers the reports.
func (a *Account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	refusal := a.refusal(r)
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if refusal.status != 0 {
		if refusal.status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "1")
		}
		w.WriteHeader(refusal.status)
		_ = json.NewEncoder(w).Encode(object{"type": "error", "error": object{"type": refusal.kind, "message": refusal.message, "code": nil, "param": nil}})
		return
	}
	if a.BeforePage != nil {
		a.BeforePage(r.URL.Path, r.URL.Query().Get("page"))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	page, status := a.page(r)
	if status != http.StatusOK {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(object{"error": object{"type": "invalid_request_error", "message": "the query has too many groups, or cannot be read"}})
		return
	}
	_ = json.NewEncoder(w).Encode(page)
}

type refusal struct {
	status        int
	kind, message string
}

func (a *Account) refusal(r *http.Request) refusal {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if key == "" && r.Header.Get("Anthropic-Version") != "" {
		key = r.Header.Get("X-Api-Key")
	}
	switch {
	case key != a.AdminKey:
		return refusal{http.StatusUnauthorized, "authentication_error", "Incorrect API key provided: " + key}
	case a.Forbidden:
		return refusal{http.StatusForbidden, "permission_error", "You have insufficient permissions for this operation."}
	case a.Busy > 0:
		a.Busy--
		return refusal{http.StatusTooManyRequests, "rate_limit_error", "slow down"}
	case a.Broken > 0:
		a.Broken--
		return refusal{http.StatusInternalServerError, "api_error", "we are sorry"}
	}
	return refusal{}
}

// page makes a page of whole days, or of a part of the last.
func (a *Account) page(r *http.Request) (any, int) {
	q := r.URL.Query()
	from, to, ok := spanOf(q.Get("start_time"), q.Get("end_time"))
	anthropic := strings.HasPrefix(r.URL.Path, "/v1/organizations/")
	if anthropic {
		from, to, ok = spanOf(q.Get("starting_at"), q.Get("ending_at"))
	}
	limit, err := strconv.Atoi(q.Get("limit"))
	rows := a.rowsOf(r.URL.Path)
	if !ok || err != nil || rows == nil || q.Get("bucket_width") != "1d" || len(q["group_by[]"]) == 0 {
		return nil, http.StatusBadRequest
	}
	skip := 0
	if token := q.Get("page"); token != "" {
		if _, err := fmt.Sscanf(token, "page_%d_%d", new(int64), &skip); err != nil {
			return nil, http.StatusBadRequest
		}
		var unix int64
		_, _ = fmt.Sscanf(token, "page_%d_", &unix)
		from = time.Unix(unix, 0).UTC()
	}
	data, n := []any{}, 0
	next := ""
	for at := from; at.Before(to); at = at.AddDate(0, 0, 1) {
		if len(data) == limit {
			next = fmt.Sprintf("page_%d_0", at.Unix())
			break
		}
		results := rows(at)[skip:]
		if a.PageRows > 0 && n+len(results) > a.PageRows {
			results = results[:a.PageRows-n]
			next = fmt.Sprintf("page_%d_%d", at.Unix(), skip+len(results))
		}
		skip = 0
		if n += len(results); a.MostRows > 0 && n > a.MostRows {
			return nil, http.StatusBadRequest
		}
		end := at.AddDate(0, 0, 1)
		if anthropic {
			data = append(data, object{"starting_at": at.Format(time.RFC3339), "ending_at": end.Format(time.RFC3339), "results": results})
		} else {
			data = append(data, object{"object": "bucket", "start_time": at.Unix(), "end_time": end.Unix(), "results": results})
		}
		if next != "" {
			break
		}
	}
	if a.Endless {
		next = fmt.Sprintf("page_%d_0", from.Unix())
	}
	page := object{"object": "page", "data": data, "has_more": next != "", "next_page": nil}
	if next != "" {
		page["next_page"] = next
	}
	return page, http.StatusOK
}

func spanOf(from, to string) (start, end time.Time, ok bool) {
	read := func(text string) (time.Time, bool) {
		if unix, err := strconv.ParseInt(text, 10, 64); err == nil {
			return time.Unix(unix, 0).UTC(), true
		}
		at, err := time.Parse(time.RFC3339, text)
		return at, err == nil
	}
	start, ok1 := read(from)
	end, ok2 := read(to)
	return start.Truncate(24 * time.Hour), end, ok1 && ok2
}

// rowsOf gives the rows of a day of a report, nil for a path that there is not.
func (a *Account) rowsOf(path string) func(time.Time) []any {
	each := func(provider string, row func(*Charge) []any) func(time.Time) []any {
		return func(at time.Time) []any {
			list := []any{}
			for i := range a.charges {
				c := &a.charges[i]
				if c.Provider == provider && c.At.UTC().Truncate(24*time.Hour).Equal(at) {
					list = append(list, row(c)...)
				}
			}
			return list
		}
	}
	switch path {
	case "/v1/organization/costs":
		return each("openai", openAICostRows)
	case "/v1/organization/usage/completions":
		return each("openai", openAIUsageRow)
	case "/v1/organization/usage/web_search_calls":
		return each("openai", openAISearchRow)
	case "/v1/organization/usage/embeddings", "/v1/organization/usage/images", "/v1/organization/usage/audio_speeches", "/v1/organization/usage/audio_transcriptions",
		"/v1/organization/usage/moderations", "/v1/organization/usage/decisions", "/v1/organization/usage/file_search_calls", "/v1/organization/usage/code_interpreter_sessions", "/v1/organization/usage/vector_stores":
		return func(time.Time) []any { return []any{} }
	case "/v1/organizations/cost_report":
		return each("anthropic", anthropicCostRows)
	case "/v1/organizations/usage_report/messages":
		return each("anthropic", anthropicUsageRow)
	}
	return nil
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func openAICostRows(c *Charge) (rows []any) {
	row := func(item, dollars string, quantity, unit any) {
		rows = append(rows, object{
			"object": "organization.costs.result", "amount": object{"value": json.Number(dollars), "currency": "usd"}, "line_item": item,
			"quantity": quantity, "quantity_unit": unit, "project_id": orNull(c.Project), "api_key_id": orNull(c.Key), "user_id": nil, "api_source": nil,
		})
	}
	if c.Category != "" {
		row(c.Category, c.Dollars, nil, nil)
	}
	if c.WebSearches > 0 { // each a cent, and of no model
		row("web search tool calls", part{tokens: c.WebSearches, rate: "10000"}.dollars(1), c.WebSearches, "requests")
	}
	for _, p := range c.parts() {
		row(c.Model+", "+p.item, p.dollars(1), p.tokens, "tokens")
	}
	return rows
}

func openAIUsageRow(c *Charge) []any {
	if c.Requests == 0 {
		return nil
	}
	return []any{object{
		"object": "organization.usage.completions.result", "input_tokens": c.Bill.Input, "input_cached_tokens": c.Bill.CacheRead,
		"input_uncached_tokens": c.Bill.Input - c.Bill.CacheRead, "output_tokens": c.Bill.Output, "num_model_requests": c.Requests, "model": c.Model,
		"batch": false, "service_tier": "default", "project_id": orNull(c.Project), "user_id": orNull(c.User), "api_key_id": orNull(c.Key),
	}}
}

func openAISearchRow(c *Charge) []any {
	if c.WebSearches == 0 {
		return nil
	}
	return []any{object{
		"object": "organization.usage.web_searches.result", "num_model_requests": c.Requests, "num_requests": c.WebSearches, "model": c.Model, "context_level": nil,
		"project_id": orNull(c.Project), "user_id": orNull(c.User), "api_key_id": orNull(c.Key), "api_source": nil,
	}}
}

func anthropicCostRows(c *Charge) (rows []any) {
	row := func(costType, cents string, tokenType, model, tier any) {
		rows = append(rows, object{
			"currency": "USD", "amount": cents, "workspace_id": orNull(c.Project), "description": c.Model + " " + costType, "cost_type": costType,
			"context_window": nil, "model": model, "service_tier": tier, "token_type": tokenType,
		})
	}
	if c.Category != "" {
		row(c.Category, c.Dollars, nil, nil, nil)
	}
	for _, p := range c.parts() {
		row("tokens", p.dollars(100), p.tokenType, c.Model, "standard")
	}
	return rows
}

func anthropicUsageRow(c *Charge) []any {
	if c.Requests == 0 {
		return nil
	}
	b := c.Bill
	return []any{object{
		"uncached_input_tokens": b.Input - b.CacheRead - b.CacheWrite5m - b.CacheWrite1h, "cache_read_input_tokens": b.CacheRead, "output_tokens": b.Output,
		"cache_creation":  object{"ephemeral_1h_input_tokens": b.CacheWrite1h, "ephemeral_5m_input_tokens": b.CacheWrite5m},
		"server_tool_use": object{"web_search_requests": 0}, "api_key_id": orNull(c.Key), "workspace_id": orNull(c.Project), "model": c.Model, "service_tier": "standard",
	}}
}
