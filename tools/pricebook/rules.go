package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/consensus"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// rule is a charge of a host for a family of models that price lists omit or have wrong. It
// is applied over the sources.
type rule struct {
	provider string
	models   *regexp.Regexp
	// apply changes a row and reports whether there was something to change.
	apply func(*book.Row) bool
	// source says where the host, or somebody who was billed, confirms it.
	source string
}

var (
	claudeFrom46  = regexp.MustCompile(`^claude-(?:(?:opus|sonnet|haiku)-4-[6-9]|(?:opus|sonnet|haiku|fable|mythos)-[5-9])`)
	anyClaude     = regexp.MustCompile(`(?:^|[./])claude-`)
	gptWithWrites = regexp.MustCompile(`^gpt-(?:5\.[6-9]|[6-9]|daybreak)`)
	gptFrom54     = regexp.MustCompile(`^gpt-(?:5\.[4-9]|[6-9])`)
)

// What Azure sells in data zones, by the meters of its retail prices on 2026-07-31.
// Every meter of the zones EU and US costs 1.1 times that of Global, every one of
// Asia-Pacific, which began on 2026-06-01 with fewer models, 1.2 times.
var (
	inDataZones = regexp.MustCompile(`^(?:gpt-(?:4o|4\.1|audio|realtime|image|[5-9])|o1|o3|o4-mini|codex-mini|text-embedding-)[^:]*$`)
	inAsia      = regexp.MustCompile(`^(?:gpt-(?:5\.[12](?:-20\d\d-\d\d-\d\d)?|5\.3-codex|5\.4(?:-mini|-nano)?(?:-20\d\d-\d\d-\d\d)?|5\.5(?:-20\d\d-\d\d-\d\d)?)|o4-mini(?:-20\d\d-\d\d-\d\d)?|text-embedding-(?:3-large|3-small|ada.*))$`)
)

const (
	azureMeters = "Azure retail prices API: a data zone of the EU or the US costs a tenth more than Global (theopenco/llmgateway#4144, nikklavzar/azure-genai-prices 2026-07-31)"
	azureAsia   = "that of Asia-Pacific a fifth more"
)

var rules = []rule{
	{
		catalog.Anthropic, claudeFrom46, withRegions(tenthMore, "us"),
		"platform.claude.com, pricing: US-only inference costs 1.1 times from Opus 4.6 and Sonnet 4.6 on (BerriAI/litellm#38369)",
	},
	{
		catalog.OpenAI, gptFrom54, withRegions(tenthMore, "eu", "us"),
		"developers.openai.com, pricing: regional processing costs a tenth more from gpt-5.4 on",
	},
	{catalog.AzureOpenAI, inDataZones, dataZones, azureMeters},
	{catalog.AzureAI, inDataZones, dataZones, azureMeters},
	{catalog.AzureOpenAI, inAsia, withRegions(fifthMore, "apac"), azureAsia},
	{catalog.AzureAI, inAsia, withRegions(fifthMore, "apac"), azureAsia},
	{catalog.Anthropic, anyClaude, hourWrites, "platform.claude.com, pricing: a write for an hour costs twice the input"},
	{catalog.Bedrock, anyClaude, hourWrites, "platform.claude.com, pricing: a write for an hour costs twice the input"},
	{catalog.Vertex, anyClaude, hourWrites, "platform.claude.com, pricing: a write for an hour costs twice the input"},
	{
		catalog.Bedrock, regexp.MustCompile(`(?:^|\.)amazon\.nova-`), freeWrites,
		"aws.amazon.com, Bedrock pricing: writing to the cache costs nothing with Nova",
	},
	{
		catalog.OpenAI, regexp.MustCompile(`^gpt-5[.-]5(?:-20\d\d-\d\d-\d\d)?$`), gpt55Priority,
		"OpenAI lists 12.50 / 1.25 / 75 for priority, 2.5 times (BerriAI/litellm#28447, ccusage/ccusage#1438)",
	},
	{
		catalog.OpenAI, gptWithWrites, halfHourWrites,
		"OpenAI's writes last 30 minutes (openai-go, input_cache_write_30m_tokens); no price for 12 hours is published",
	},
	{
		catalog.AzureOpenAI, gptWithWrites, halfHourWrites,
		"OpenAI's writes last 30 minutes (openai-go, input_cache_write_30m_tokens); no price for 12 hours is published",
	},
	{
		catalog.Gemini, regexp.MustCompile(`^gemini-[3-9]`), fee(usage.WebSearches, "per_1k_calls", "14"),
		"ai.google.dev, pricing: grounding costs 14 dollars for 1,000 queries from Gemini 3 on",
	},
	{
		catalog.Vertex, regexp.MustCompile(`^gemini-[3-9]`), fee(usage.WebSearches, "per_1k_calls", "14"),
		"cloud.google.com, pricing: grounding costs 14 dollars for 1,000 queries from Gemini 3 on",
	},
	{
		catalog.Gemini, regexp.MustCompile(`^gemini-2`), fee(usage.WebSearches, "per_1k_calls", "35"),
		"ai.google.dev, pricing: grounding costs 35 dollars for 1,000 grounded prompts up to Gemini 2.5",
	},
	{
		catalog.Copilot, regexp.MustCompile(`^gpt-`), sameAs(usage.CacheWrite5mTokens, book.Input),
		"GitHub bills a cache write of OpenAI's models as input (kenn-io/agentsview#723, from nano_aiu)",
	},
	{
		catalog.Copilot, regexp.MustCompile(``), from(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)),
		"billed in AI credits of 0.01 dollars since 2026-06-01 (docs.github.com, models and pricing)",
	},
}

// cut is a price that changed on a day that no download shows.
type cut struct {
	provider string
	models   *regexp.Regexp
	was      string // dollars for a million tokens of input before
	from     time.Time
	prices   []book.Price
	tiers    []book.Tier
	source   string
}

var cuts = []cut{{
	catalog.XAI, regexp.MustCompile(`^grok-4\.20`), "2", time.Date(2026, 5, 18, 0, 0, 0, 0, time.UTC),
	perMillionTokens("1.25", "0.20", "2.50"), []book.Tier{{Min: 200_000, Prices: perMillionTokens("2.50", "0.40", "5")}},
	"docs.x.ai/docs/models (BerriAI/litellm#30849, #35503); first seen on this day (2389-research/dippin-lang#37)",
}}

func perMillionTokens(input, cacheRead, output string) []book.Price {
	return []book.Price{
		price(usage.InputTextTokens, "per_1m_tokens", input), price(usage.CacheReadTokens, "per_1m_tokens", cacheRead),
		price(usage.OutputTextTokens, "per_1m_tokens", output),
	}
}

func price(kind usage.QuantityKind, unit, amount string) book.Price {
	return book.Price{Item: book.Item(kind), Same: book.Item(kind), Unit: book.MustUnit(unit), Amount: decimal.RequireFromString(amount)}
}

// applyRules applies the rules to all rows.
func (r *result) applyRules() {
	for _, f := range r.files {
		for _, c := range cuts {
			if c.provider == f.Provider {
				f.Rows = c.apply(f.Rows)
			}
		}
		for i := range f.Rows {
			row := &f.Rows[i]
			before := consensus.Flatten(row)
			for _, rule := range rules {
				if rule.provider == f.Provider && rule.models.MatchString(row.Model) && rule.apply(row) {
					row.Source += "; " + rule.source
				}
			}
			r.noteRounded(f.Provider, row, before)
		}
		sortRows(f)
	}
}

// noteRounded lists the prices of regions that a rule replaced by a factor, where the
// factor gives another number.
func (r *result) noteRounded(provider string, row *book.Row, before map[consensus.Place]book.Price) {
	for _, p := range consensus.Places([]consensus.Vote{{Prices: before}}) {
		zone, isZone := strings.CutPrefix(p.Block, "regions/")
		i := slices.IndexFunc(row.Regions, func(n book.Named) bool { return n.Name == zone })
		base, ok := book.Find(row.Prices, p.Item)
		if !isZone || i < 0 || row.Regions[i].Times == nil || !ok || p.Min > 0 {
			continue
		}
		if now := base.Amount.Mul(*row.Regions[i].Times); !now.Equal(before[p].Amount) {
			r.leftOut = append(r.leftOut, omission{provider, row.Model, fmt.Sprintf("taken as %s of %s in %s by the meter, where sources have %s", now, p.Item, zone, before[p].Amount)})
		}
	}
}

func (c *cut) apply(rows []book.Row) []book.Row {
	for i := range rows {
		input, ok := book.Find(rows[i].Prices, book.Input)
		if !ok || !c.models.MatchString(rows[i].Model) || !rows[i].Span.Until.IsZero() || input.Amount.String() != c.was {
			continue
		}
		next := rows[i]
		// What a source put above a threshold was the new price already.
		rows[i].Tiers, rows[i].Span.Until = nil, c.from
		next.Span.From, next.Prices, next.Tiers = c.from, slices.Clone(next.Prices), c.tiers
		for _, p := range c.prices {
			setPrice(&next.Prices, p)
		}
		next.Source, next.Confidence = c.source, "high"
		rows = append(rows, next)
	}
	return rows
}

func setPrice(list *[]book.Price, p book.Price) {
	i := slices.IndexFunc(*list, func(have book.Price) bool { return have.Item == p.Item })
	if i < 0 {
		*list = append(*list, p)
		return
	}
	(*list)[i] = p
}

func withRegions(times decimal.Decimal, names ...string) func(*book.Row) bool {
	return func(row *book.Row) bool {
		changed := false
		row.Regions = slices.Clone(row.Regions)
		for _, name := range names {
			if !slices.ContainsFunc(row.Regions, func(n book.Named) bool { return n.Name == name }) {
				row.Regions = append(row.Regions, book.Named{Name: name, Block: book.Block{Times: &times}})
				changed = true
			}
		}
		return changed
	}
}

// dataZones gives a row the zones of the EU and the US. A price list that a source has
// for one stays where it says more than 1.1 times, or something else.
func dataZones(row *book.Row) bool {
	if strings.HasSuffix(row.Model, ".ft") {
		return false // the hosting of a tuned model is regional
	}
	changed := false
	row.Regions = slices.Clone(row.Regions)
	for _, zone := range []string{"eu", "us"} {
		i := slices.IndexFunc(row.Regions, func(n book.Named) bool { return n.Name == zone })
		switch {
		case i < 0:
			row.Regions = append(row.Regions, book.Named{Name: zone, Block: book.Block{Times: &tenthMore}})
			changed = true
		case isTenthMore(row, &row.Regions[i].Block):
			row.Regions[i].Block = book.Block{Times: &tenthMore}
			changed = true
		}
	}
	slices.SortFunc(row.Regions, func(a, b book.Named) int { return strings.Compare(a.Name, b.Name) })
	return changed
}

// isTenthMore reports whether a price list is 1.1 times the row's, rounded: sources
// have 1.38 where the meter has 1.375.
func isTenthMore(row *book.Row, zone *book.Block) bool {
	least, most := decimal.RequireFromString("1.05"), decimal.RequireFromString("1.15")
	for _, p := range zone.Prices {
		base, ok := book.Find(row.Prices, p.Item)
		if !ok || p.IsSame() || base.IsSame() || base.Unit != p.Unit || p.Amount.LessThan(base.Amount.Mul(least)) || p.Amount.GreaterThan(base.Amount.Mul(most)) {
			return false
		}
	}
	return zone.Times == nil
}

// hourWrites adds the price of one-hour cache writes where that of five-minute writes is
// known.
func hourWrites(row *book.Row) bool {
	changed := false
	complete := func(list []book.Price) []book.Price {
		input, ok := book.Find(list, book.Input)
		five, short := book.Find(list, book.Item(usage.CacheWrite5mTokens))
		_, long := book.Find(list, book.Item(usage.CacheWrite1hTokens))
		if !ok || !short || long || !five.Amount.Equal(input.Amount.Mul(decimal.RequireFromString("1.25"))) {
			return list
		}
		changed = true
		p := input
		p.Item, p.Same = book.Item(usage.CacheWrite1hTokens), book.Item(usage.CacheWrite1hTokens)
		p.Amount = p.Amount.Mul(decimal.NewFromInt(2))
		return append(slices.Clone(list), p)
	}
	row.Prices, row.Tiers = complete(row.Prices), slices.Clone(row.Tiers)
	for i := range row.Tiers {
		row.Tiers[i].Prices = complete(row.Tiers[i].Prices)
	}
	for _, list := range []*[]book.Named{&row.ServiceTiers, &row.Regions} {
		*list = slices.Clone(*list)
		for i := range *list {
			if n := &(*list)[i]; n.Times == nil {
				n.Prices = complete(n.Prices)
			}
		}
	}
	return changed
}

func gpt55Priority(row *book.Row) bool {
	input, ok := book.Find(row.Prices, book.Input)
	if !ok || input.Amount.String() != "5" {
		return false
	}
	row.ServiceTiers = slices.DeleteFunc(slices.Clone(row.ServiceTiers), func(n book.Named) bool { return n.Name == "priority" || n.Name == "fast" })
	row.ServiceTiers = append(row.ServiceTiers, book.Named{Name: "priority", Block: book.Block{Prices: perMillionTokens("12.50", "1.25", "75")}})
	return true
}

func fee(kind usage.QuantityKind, unit, amount string) func(*book.Row) bool {
	want := price(kind, unit, amount)
	return func(row *book.Row) bool {
		have, ok := book.Find(row.Prices, want.Item)
		if _, tokens := book.Find(row.Prices, book.Output); !tokens || ok && have.Amount.Equal(want.Amount) && have.Unit == want.Unit {
			return false
		}
		row.Prices = slices.Clone(row.Prices)
		setPrice(&row.Prices, want)
		return true
	}
}

// halfHourWrites prices 30-minute cache writes: they are what the lists call a cache write.
func halfHourWrites(row *book.Row) bool {
	if _, write := book.Find(row.Prices, book.Item(usage.CacheWrite5mTokens)); !write {
		return false
	}
	return sameAs(usage.CacheWrite30mTokens, book.Item(usage.CacheWrite5mTokens))(row)
}

// freeWrites makes writing to the cache free where reading it has a price.
func freeWrites(row *book.Row) bool {
	if _, read := book.Find(row.Prices, book.Item(usage.CacheReadTokens)); !read {
		return false
	}
	row.Prices = slices.Clone(row.Prices)
	setPrice(&row.Prices, price(usage.CacheWrite5mTokens, "per_1m_tokens", "0"))
	return true
}

// sameAs bills an item as another one.
func sameAs(kind usage.QuantityKind, other book.Item) func(*book.Row) bool {
	return func(row *book.Row) bool {
		if have, ok := book.Find(row.Prices, book.Item(kind)); ok && have.Same == other {
			return false
		}
		as := func(list []book.Price) []book.Price {
			list = slices.Clone(list)
			setPrice(&list, book.Price{Item: book.Item(kind), Same: other, Unit: book.MustUnit("per_1m_tokens")})
			return list
		}
		row.Prices, row.Tiers = as(row.Prices), slices.Clone(row.Tiers)
		for i := range row.Tiers {
			row.Tiers[i].Prices = as(row.Tiers[i].Prices)
		}
		return true
	}
}

func from(day time.Time) func(*book.Row) bool {
	return func(row *book.Row) bool {
		if !row.Span.From.IsZero() {
			return false
		}
		row.Span.From = day
		return true
	}
}
