package genai

import (
	"strings"

	"github.com/shopspring/decimal"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// shippedCosts are the attributes in which libraries and gateways have reported
// the cost of a call in US dollars, in the order of precedence.
//
// Sources: those of [shippedNames]; litellm, tensorzero, agentgateway, Portkey,
// Helicone, SigNoz, Logfire.
var shippedCosts = names("gen_ai.usage.cost.amount", "gen_ai.usage.cost", "gen_ai.cost.total_cost", "gen_ai.usage.total_cost", "gen_ai.usage.cost_usd", "operation.cost",
	"llm.cost.total", "_signoz.gen_ai.total_cost",
	"gen_ai.usage.cost.total", "gen_ai.usage.cost.total_usd", "gen_ai.usage.cost.usd", "gen_ai.usage.total_cost_usd", "gen_ai.usage.cost_total", "gen_ai.cost.usd",
	"gen_ai.cost.total", "gen_ai.cost.total_usd", "gen_ai.cost.amount", "gen_ai.cost", "gen_ai.cost_usd", "gen_ai.total_cost", "gen_ai.response.cost", "gen_ai.response.cost_usd",
	"gen_ai.client.operation.cost", "gen_ai.usage.details.cost", "gen_ai.usage.estimated_cost", "gen_ai.usage.estimated_cost_usd",
	"llm.usage.cost", "llm.usage.total_cost", "llm.usage.cost_usd", "llm.cost", "llm.cost_usd", "llm.total_cost", "llm.response_cost", "llm.cost.total_cost", "llm.cost.total_usd",
	"ai.usage.cost", "litellm.cost.total", "litellm.response_cost", "litellm.cost", "metadata.response_cost", "hidden_params.response_cost", "response_cost",
	"tensorzero.cost_usd", "tensorzero.cost", "agw.ai.usage.cost.total", "ai.proxy.usage.cost", "portkey.cost", "helicone.cost", "helicone.cost_usd", "langwatch.cost", "mlflow.cost", "opik.cost",
	"lmnr.cost", "traceloop.cost", "usage.cost", "usage.total_cost", "total_cost_usd", "cost_usd", "total_cost",
	"gen_ai.client.estimated_cost", "gen_ai.usage.cost_details", "cost_details", "llm.usage.cost_details", "http.response.header.x-litellm-response-cost",
	"gen_ai.response.header.x-litellm-response-cost", "cost", "llm.cost.amount", "gen_ai.cost.total_usd_cost", "ag.metrics.unit.costs.total")

// Attributes in which the provider itself reports what it bills.
var (
	shippedBills = names("openrouter.cost", "openrouter.usage.cost", "openrouter.total_cost", "gen_ai.openrouter.cost", "trace.metadata.openrouter.cost",
		"trace.metadata.openrouter.total_cost", "vercel.ai.gateway.cost", "ai.gateway.cost", "perplexity.usage.cost.total_cost", "perplexity.cost.total_cost")
	// xAI's tick is 1e-10 dollars, GitHub's nano AIU 1e-11.
	billTicks = names("x_ai.usage.cost_in_usd_ticks", "xai.usage.cost_in_usd_ticks", "gen_ai.usage.cost_in_usd_ticks", "gen_ai.usage.details.cost_in_usd_ticks")
	billNano  = names("github.copilot.nano_aiu", "copilot_chat.copilot_usage_nano_aiu", "github.copilot.usage.nano_aiu", "copilot.usage.nano_aiu", "github.copilot.total_nano_aiu",
		"copilot_chat.nano_aiu", "copilot.nano_aiu", "gen_ai.usage.nano_aiu")
	// GitHub's credits are cents.
	billCredits = names("github.copilot.ai_credits", "copilot_chat.ai_credits", "github.copilot.usage.ai_credits")

	// Costs that are not a bill, in cents and in millionths of a dollar.
	costCents  = names("gen_ai.usage.cost_cents", "gen_ai.cost.cents", "cost_cents", "llm.cost_cents")
	costMicros = names("cost_usd_micros", "gen_ai.usage.cost_usd_micros", "gen_ai.usage.cost_micros", "gen_ai.usage.cost_micro_usd", "cost_micro_usd", "cost_micros")

	billNames = func() nameSet {
		var set nameSet
		for _, list := range [][]nameID{shippedBills, billTicks, billNano, billCredits} {
			for _, id := range list {
				set.put(id)
			}
		}
		return set
	}()
)

// What a cost counts, where it does not count dollars.
var (
	namesCostCurrency = names("gen_ai.usage.cost.currency", "gen_ai.usage.cost_currency", "gen_ai.cost.currency", "gen_ai.usage.currency", "gen_ai.currency",
		"llm.cost.currency", "llm.usage.cost.currency", "cost.currency", "cost_currency", "usage.cost.currency")
	namesCostUnit = names("gen_ai.usage.cost.unit", "gen_ai.usage.cost_unit", "gen_ai.cost.unit", "llm.cost.unit", "cost.unit", "cost_unit")

	dollarWords = map[string]bool{"usd": true, "$": true, "us$": true, "dollar": true, "dollars": true, "us dollar": true, "us dollars": true}
	// costUnits are parts of a dollar, as shifts of the decimal point.
	costUnits = map[string]int32{
		"cent": -2, "cents": -2, "usd_cents": -2, "usd cents": -2, "millicents": -5, "microcents": -8,
		"micros": -6, "micro_usd": -6, "microdollars": -6, "usd_micros": -6, "micro-usd": -6, "nanos": -9, "nano_usd": -9, "nanodollars": -9,
	}
)

// reportShifted reads the first cost that is there, in a part of a dollar.
func (s *spanReader) reportShifted(ids []nameID, shift int32) {
	for _, id := range ids {
		if !s.a.has(id) {
			continue
		}
		if n, err := decimal.NewFromString(textOf(s.a.values[id])); err == nil && n.Exponent() > -40 && n.Exponent() < 20 {
			s.call.reportCostText(n.Shift(shift).String())
			return
		}
	}
}

// The costs of the two sides, for spans without a total.
var costSides = [...]struct{ input, output []nameID }{
	{names("gen_ai.usage.input_cost"), names("gen_ai.usage.output_cost")},
	{names("gen_ai.usage.cost.input"), names("gen_ai.usage.cost.output")},
	{names("gen_ai.usage.cost.input_usd"), names("gen_ai.usage.cost.output_usd")},
	{names("gen_ai.cost.input_cost", "gen_ai.cost.input"), names("gen_ai.cost.output_cost", "gen_ai.cost.output")},
	{names("llm.cost.prompt"), names("llm.cost.completion")},
	{names("gen_ai.usage.prompt_cost"), names("gen_ai.usage.completion_cost")},
	{names("llm.usage.prompt_cost"), names("llm.usage.completion_cost")},
}

var (
	sideCostNames = func() (set nameSet) {
		for _, sides := range costSides {
			for _, id := range sides.input {
				set.put(id)
			}
		}
		for _, list := range [][]nameID{costCents, costMicros} {
			for _, id := range list {
				set.put(id)
			}
		}
		return set
	}()
	// costNames are all names of a cost: most spans have none. Each vocabulary adds its
	// own.
	costNames = sideCostNames
)

// readCostBySides adds up the costs of the two sides, and reads costs in units other than
// dollars.
func (s *spanReader) readCostBySides() {
	if !s.a.present.meets(&sideCostNames) {
		return
	}
	if s.reportShifted(costCents, -2); s.call.HasReportedCost {
		return
	}
	if s.reportShifted(costMicros, -6); s.call.HasReportedCost {
		return
	}
	for _, sides := range costSides {
		var one, other Call
		one.reportFirst(s.a, sides.input)
		other.reportFirst(s.a, sides.output)
		if one.HasReportedCost && other.HasReportedCost && one.ReportedCost+other.ReportedCost <= usage.MaxCallCost {
			s.call.ReportedCost, s.call.HasReportedCost = one.ReportedCost+other.ReportedCost, true
			return
		}
	}
}

func (c *Call) reportFirst(a *attributes, ids []nameID) {
	for _, id := range ids {
		if a.has(id) {
			c.reportCost(a.values[id])
			return
		}
	}
}

// readBill reads what the provider itself says it bills, which takes precedence over any
// other cost.
func (s *spanReader) readBill() {
	a := s.a
	if !a.some(isBill) {
		return
	}
	for _, unit := range [...]struct {
		ids   []nameID
		shift int32 // of the decimal point, to get dollars
		payer usage.Payer
	}{{billNano, -11, usage.PayerCredit}, {billCredits, -2, usage.PayerCredit}, {billTicks, -10, ""}, {shippedBills, 0, ""}} {
		for _, id := range unit.ids {
			if a.has(id) && s.call.bill(textOf(a.values[id]), unit.shift) {
				if s.call.Payer == "" {
					s.call.Payer = unit.payer
				}
				return
			}
		}
	}
}

// bill sets a number of the provider's as the cost.
func (c *Call) bill(text string, shift int32) bool {
	if text == "" || len(text) > 32 {
		return false
	}
	n, err := decimal.NewFromString(text)
	if err != nil || n.Exponent() > 40 || n.Exponent() < -60 {
		return false
	}
	m, err := usage.ParseMoney(n.Shift(shift).String())
	if err != nil || m <= 0 || m > usage.MaxCallCost {
		return false
	}
	c.ReportedCost, c.HasReportedCost, c.ReportedIsBill = m, true, true
	return true
}

// textOf returns a number as text, whatever its type.
func textOf(v pcommon.Value) string {
	switch v.Type() {
	case pcommon.ValueTypeInt, pcommon.ValueTypeDouble, pcommon.ValueTypeStr:
		return strings.TrimSpace(v.AsString())
	}
	return ""
}

// bills reports whether the cost in the usage object of an answer is what the provider bills: these route a call to whom they like, or bill by a
// number that they report.
func bills(provider string) bool {
	switch provider {
	case catalog.OpenRouter, catalog.Perplexity:
		return true
	}
	return false
}

// readBilled reads the cost in a provider's usage object: the "cost" of OpenRouter and
// Perplexity, xAI's ticks. It returns false for any other member.
func (f *facts) readBilled(key string, j *jsonText) bool {
	switch key {
	case "cost":
		switch c := j.peek(); {
		case c == '{': // Perplexity's
			j.members(func(key string) bool {
				if key == "total_cost" {
					f.cost = j.number()
				}
				return true
			})
		case c >= '0' && c <= '9':
			f.cost = j.number()
		}
	case "total_cost", "response_cost":
		if text := j.amount(); f.cost == "" {
			f.cost = text
		}
	case "cost_in_usd_ticks":
		if n, err := decimal.NewFromString(j.number()); err == nil && n.Exponent() <= 12 && n.Exponent() >= -12 {
			f.cost, f.billed = n.Shift(-10).String(), true
		}
	case "cost_details":
		j.members(func(key string) bool {
			if key == "upstream_inference_cost" && j.peek() >= '0' && j.peek() <= '9' {
				f.upstream = j.number()
			}
			return true
		})
	case "is_byok":
		f.byok = j.peek() == 't'
		return false
	default:
		return false
	}
	return true
}

// namesCostAside are objects in which a framework keeps what the provider reported beside its
// usage. Source: pydantic/pydantic-ai (provider_details).
var namesCostAside = names("gen_ai.provider.details", "gen_ai.provider_details", "provider_details", "gen_ai.response.provider_details")

// readCostAside reads the cost from such an object when the usage object has none.
func (f *facts) readCostAside(a *attributes) {
	if f.cost != "" || !a.some(isCostAside) {
		return
	}
	for _, id := range namesCostAside {
		if text := jsonOf(a, id); strings.Contains(text, `cost`) {
			j := newJSON(jsonOfPython(text))
			j.members(func(key string) bool {
				if key == "upstream_inference_cost" {
					f.upstream = j.number()
				} else {
					f.readBilled(key, &j)
				}
				return true
			})
		}
	}
}

// readCostOfAnswer sets the cost from the provider's usage object. When callers use their
// own key, OpenRouter bills a fee and the upstream provider the rest.
func (s *spanReader) readCostOfAnswer(f *facts) {
	c := s.call
	if f.cost == "" || c.ReportedIsBill {
		return
	}
	provider := catalog.Canonical(s.provider)
	if at := catalog.At(s.address); at != "" {
		provider = at
	}
	text := f.cost
	if f.byok && f.upstream != "" {
		fee, err1 := decimal.NewFromString(f.cost)
		rest, err2 := decimal.NewFromString(f.upstream)
		if err1 == nil && err2 == nil && fee.Exponent() > -60 && rest.Exponent() > -60 && fee.Exponent() < 12 && rest.Exponent() < 12 {
			text = fee.Add(rest).String()
		}
	}
	if f.billed || bills(provider) {
		c.bill(text, 0)
	} else if !c.HasReportedCost {
		c.reportCostText(text)
	}
}
