package pricing

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// row is a row of a book with everything that may change its prices, and the plans built
// from it so far.
type row struct {
	layer      Layer
	provider   string
	src        *book.Row
	file       string
	order      int              // of the file; later files take precedence
	adjustment *book.Adjustment // nil when no contract changes the price
	id         string

	// assumable is the set that mayAssume returns, valid when knownAssumable is set.
	assumable atomic.Uint32

	thresholds []threshold
	// plans holds one plan for each possible selection, built when the first call needs it.
	plans []atomic.Pointer[plan]
}

// threshold is a number of input tokens at which prices change.
type threshold struct {
	min   int64
	label string
}

// selection says which parts of a row apply to a call: 0 is the row itself, n the n-th
// block.
type selection struct {
	variant, tier, hours, region, context int
}

// newRow prepares a row; its plans are built on demand.
func newRow(provider string, f part, src *book.Row) *row {
	r := &row{layer: f.layer, provider: provider, src: src, file: f.Name, order: f.order}
	r.id = f.idPrefix + provider + "/" + src.Model
	if !src.Span.From.IsZero() {
		r.id += "@" + book.FormatTime(src.Span.From)
	}
	r.collectThresholds(src.Tiers)
	for _, list := range [][]book.Named{src.Variants, src.ServiceTiers, src.Regions} {
		for _, n := range list {
			r.collectThresholds(n.Tiers)
		}
	}
	for _, h := range src.Hours {
		r.collectThresholds(h.Tiers)
	}
	slices.SortFunc(r.thresholds, func(a, b threshold) int {
		if a.min < b.min {
			return -1
		}
		return 1
	})
	r.plans = make([]atomic.Pointer[plan], r.planCount())
	return r
}

// adjusted returns the row under a contract.
func (r *row) adjusted(a *book.Adjustment) *row {
	return &row{
		layer: r.layer, provider: r.provider, src: r.src, file: r.file, order: r.order, id: r.id, thresholds: r.thresholds,
		adjustment: a, plans: make([]atomic.Pointer[plan], len(r.plans)),
	}
}

func (r *row) collectThresholds(tiers []book.Tier) {
	for _, t := range tiers {
		if !slices.ContainsFunc(r.thresholds, func(have threshold) bool { return have.min == t.Min }) {
			r.thresholds = append(r.thresholds, threshold{t.Min, t.Label()})
		}
	}
}

func (r *row) planCount() int {
	return (1 + len(r.src.Variants)) * (1 + len(r.src.ServiceTiers)) * (1 + len(r.src.Hours)) *
		(1 + len(r.src.Regions)) * r.contexts()
}

// contexts returns the number of plans that differ by the length of the input. A graduated
// row needs only one, which knows all its tiers.
func (r *row) contexts() int {
	if r.src.Graduated {
		return 1
	}
	return 1 + len(r.thresholds)
}

func (r *row) plan(s selection) *plan {
	i := s.variant
	i = i*(1+len(r.src.ServiceTiers)) + s.tier
	i = i*(1+len(r.src.Hours)) + s.hours
	i = i*(1+len(r.src.Regions)) + s.region
	i = i*r.contexts() + s.context
	slot := &r.plans[i]
	if p := slot.Load(); p != nil {
		return p
	}
	// Two goroutines may both build it; the results are equal.
	p := newPlan(r, s)
	slot.Store(p)
	return p
}

// choose selects the parts of the row that apply to a call. The reason says what had to be
// guessed: a tier, region or variant that the row does not know.
func (r *row) choose(c *Call, regionInName string) (s selection, guessed usage.Reason) {
	if len(r.src.Variants) > 0 && c.Variant != "" {
		if s.variant = chooseVariant(r.src.Variants, c.Variant); s.variant == 0 {
			guessed = usage.ReasonPriceFallback
		}
	}
	region := c.Region
	if regionInName != "" {
		region = regionInName // an inference profile fixes the region, wherever it is called from
	}
	if len(r.src.Regions) > 0 && region != "" {
		s.region = chooseRegion(r.src.Regions, region, regionsAreClouds(r.provider))
	}
	if regionInName != "" && regionInName != catalog.Global && s.region == 0 {
		// The name asks for a region whose price the book does not know.
		guessed = usage.ReasonPriceFallback
	}
	if !isStandard(c.ServiceTier) {
		if s.tier = chooseTier(r.src.ServiceTiers, c.ServiceTier, r.provider); s.tier == 0 {
			guessed = usage.ReasonTierFallback
		}
	}
	if len(r.src.Hours) > 0 {
		for i := range r.src.Hours {
			if r.src.Hours[i].Contains(c.At) {
				s.hours = i + 1
			}
		}
	}
	// A threshold applies to a single request; the sum of several requests says nothing
	// about it.
	if len(r.thresholds) > 0 && !r.src.Graduated && !c.Unreported.Has(usage.AssumedContextLength) {
		input := c.Quantities.InputTokens()
		for s.context < len(r.thresholds) && input >= r.thresholds[s.context].min {
			s.context++
		}
	}
	return s, guessed
}

// differs reports whether two rows have different prices for any item.
func (r *row) differs(o *row) bool {
	if r.src == o.src {
		return false
	}
	for _, p := range r.src.Prices {
		other, ok := book.Find(o.src.Prices, p.Item)
		if !ok || p.Item.IsFee() || p.IsSame() || other.IsSame() {
			continue
		}
		a, b := decimal.NewFromInt(other.Unit.Size()), decimal.NewFromInt(p.Unit.Size())
		if !p.Amount.Mul(a).Equal(other.Amount.Mul(b)) {
			return true
		}
	}
	return false
}

// standardTiers are the names of the default service tier.
var standardTiers = []string{"standard", "default", "auto", "on_demand", "on-demand", "standard_only"}

func isStandard(tier string) bool {
	return tier == "" || slices.ContainsFunc(standardTiers, func(s string) bool { return strings.EqualFold(s, tier) })
}

// tierSynonyms maps names under which a provider sold the same tier at different times.
// Only OpenAI's fast tier is its former priority tier: Anthropic's priority is capacity
// paid for in advance, and its fast mode has a price of its own.
var tierSynonyms = map[string]string{"fast": "priority", "priority": "fast", "batches": "batch"}

func chooseTier(tiers []book.Named, name, provider string) int {
	for i := range tiers {
		if strings.EqualFold(tiers[i].Name, name) {
			return i + 1
		}
	}
	if other, ok := tierSynonyms[strings.ToLower(name)]; ok && (other == "batch" || provider != catalog.Anthropic) {
		for i := range tiers {
			if tiers[i].Name == other {
				return i + 1
			}
		}
	}
	return 0
}

// regionsAreClouds reports whether the regions of a host are cloud regions, where
// "us-east-1" lies in "us". Elsewhere a region is a promise about where a call is
// processed, and the region in which an app runs is no such promise.
func regionsAreClouds(provider string) bool {
	switch provider {
	case catalog.OpenAI, catalog.Anthropic, catalog.AzureOpenAI, catalog.AzureAI:
		return false
	}
	return true
}

// chooseRegion returns the exact region, or at a cloud the longest name that is a
// dash-separated prefix of it: "eu" applies in eu-west-1.
func chooseRegion(regions []book.Named, region string, cloud bool) int {
	best := 0
	for i := range regions {
		name := regions[i].Name
		if len(region) < len(name) || !strings.EqualFold(region[:len(name)], name) {
			continue
		}
		if len(region) > len(name) && (!cloud || region[len(name)] != '-') {
			continue
		}
		if !strings.EqualFold(name, region) && isGovernment(region) != isGovernment(name) {
			continue // us-gov-west-1 is not part of us
		}
		if best == 0 || len(name) > len(regions[best-1].Name) {
			best = i + 1
		}
	}
	return best
}

// isGovernment reports whether a region belongs to a government partition.
func isGovernment(region string) bool {
	return len(region) >= 6 && strings.EqualFold(region[:6], "us-gov")
}

// chooseVariant returns the name all of whose parts occur in the variant, preferring the
// one with the most parts: "1024x1792/hd" matches "hd/1024x1792" before "hd".
func chooseVariant(variants []book.Named, variant string) int {
	best, bestParts := 0, 0
	for i := range variants {
		parts := 0
		for part := range strings.SplitSeq(variants[i].Name, "/") {
			if !hasPart(variant, part) {
				parts = 0
				break
			}
			parts++
		}
		if parts > bestParts {
			best, bestParts = i+1, parts
		}
	}
	return best
}

func hasPart(variant, part string) bool {
	for have := range strings.SplitSeq(variant, "/") {
		if strings.EqualFold(have, part) {
			return true
		}
	}
	return false
}

// planID names the row and the modifiers applied: "openai/gpt-5.4+priority+above-272000".
func (r *row) planID(s selection) string {
	id := r.id
	if s.variant > 0 {
		id += "+" + r.src.Variants[s.variant-1].Name
	}
	if s.tier > 0 {
		id += "+" + r.src.ServiceTiers[s.tier-1].Name
	}
	if s.hours > 0 {
		id += "+hours-" + r.src.Hours[s.hours-1].Label()
	}
	if s.region > 0 {
		id += "+region-" + r.src.Regions[s.region-1].Name
	}
	if s.context > 0 {
		id += "+" + r.thresholds[s.context-1].label
	}
	if a := r.adjustment; a != nil {
		for _, part := range []struct {
			name  string
			value interface {
				IsZero() bool
				String() string
			}
		}{{"+discount-", a.Discount}, {"+margin-", a.Margin}, {"+per-request-", a.PerCall}} {
			if !part.value.IsZero() {
				id += part.name + part.value.String()
			}
		}
	}
	return id
}
