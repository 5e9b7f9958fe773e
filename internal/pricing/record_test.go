package pricing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// recordBook has a model whose cached input is cheaper and one where it is not.
const recordBook = `
provider: acme
rows:
  - model: discounts
    per_1m_tokens: {input: 10, cache_read: 1, output: 20}
    source: test
  - model: plain
    per_1m_tokens: {input: 10, cache_read: 10, output: 20}
    source: test
`

func TestARecordGetsItsCostFromAllTheRestOfIt(t *testing.T) {
	t.Parallel()
	book, err := pricing.Parse("acme.yaml", []byte(recordBook))
	require.NoError(t, err)
	base := usage.Record{
		Provider: "acme", Model: "discounts", Time: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
		Quantities: usage.Quantities{usage.InputTextTokens: 1000, usage.OutputTextTokens: 100},
	}
	const computed, reported = 12_000_000_000, 5_000_000_000 // 0.012 and 0.005 dollars
	for name, c := range map[string]struct {
		policy pricing.ReportedCostPolicy
		change func(*usage.Record)
		cost   usage.Money
		status usage.PricingStatus
		reason usage.Reason
		source usage.CostSource
	}{
		"priced": {"", func(*usage.Record) {}, computed, usage.StatusPriced, "", usage.SourceComputed},
		"the cache is left out and would be cheaper": {
			"", func(r *usage.Record) { r.Missing = usage.MissingCache },
			computed, usage.StatusEstimated, usage.ReasonCacheNotReported, usage.SourceComputed,
		},
		"the cache is left out and costs the same": {
			"", func(r *usage.Record) { r.Missing, r.Model = usage.MissingCache, "plain" },
			computed, usage.StatusPriced, "", usage.SourceComputed,
		},
		"the library counted itself": {
			"", func(r *usage.Record) { r.QuantityReason = usage.ReasonInstrumentationEstimate },
			computed, usage.StatusEstimated, usage.ReasonInstrumentationEstimate, usage.SourceComputed,
		},
		"no start time": {
			"", func(r *usage.Record) { r.Missing = usage.MissingTime },
			computed, usage.StatusEstimated, usage.ReasonTimeOutOfRange, usage.SourceComputed,
		},
		"no usage":      {"", func(r *usage.Record) { r.QuantityReason = usage.ReasonNoUsage }, 0, usage.StatusUnpriced, usage.ReasonNoUsage, ""},
		"no model":      {"", func(r *usage.Record) { r.Model = "" }, 0, usage.StatusUnpriced, usage.ReasonNoModel, ""},
		"unknown model": {"", func(r *usage.Record) { r.Model = "other" }, 0, usage.StatusUnpriced, usage.ReasonUnknownModel, ""},
		"reported, computed preferred": {
			pricing.PreferComputed, func(r *usage.Record) { r.ReportedCost, r.HasReportedCost = reported, true },
			computed, usage.StatusEstimated, usage.ReasonCostDiffers, usage.SourceComputed,
		},
		"reported, not far from ours": {
			pricing.PreferComputed, func(r *usage.Record) { r.ReportedCost, r.HasReportedCost = computed+computed/3, true },
			computed, usage.StatusPriced, "", usage.SourceComputed,
		},
		"the provider's bill": {
			pricing.PreferComputed, func(r *usage.Record) { r.ReportedCost, r.HasReportedCost, r.ReportedIsBill = reported, true, true },
			reported, usage.StatusReported, "", usage.SourceReported,
		},
		"the provider's bill is ours": {
			pricing.PreferComputed, func(r *usage.Record) { r.ReportedCost, r.HasReportedCost, r.ReportedIsBill = computed, true, true },
			computed, usage.StatusPriced, "", usage.SourceComputed,
		},
		"reported, no price": {
			pricing.PreferComputed, func(r *usage.Record) { r.ReportedCost, r.HasReportedCost, r.Model = reported, true, "other" },
			reported, usage.StatusReported, usage.ReasonUnknownModel, usage.SourceReported,
		},
		"reported, above what is believed, no price": {
			pricing.PreferComputed, func(r *usage.Record) {
				r.ReportedCost, r.HasReportedCost, r.Model = pricing.DefaultMaxReported+1, true, "other"
			},
			0, usage.StatusUnpriced, usage.ReasonCostOutOfRange, "",
		},
		"reported, as much as is believed": {
			pricing.PreferComputed, func(r *usage.Record) {
				r.ReportedCost, r.HasReportedCost, r.Model = pricing.DefaultMaxReported, true, "other"
			},
			pricing.DefaultMaxReported, usage.StatusReported, usage.ReasonUnknownModel, usage.SourceReported,
		},
		"reported preferred, above what is believed": {
			pricing.PreferReported, func(r *usage.Record) { r.ReportedCost, r.HasReportedCost = pricing.DefaultMaxReported+1, true },
			computed, usage.StatusPriced, "", usage.SourceComputed,
		},
		"reported preferred": {
			pricing.PreferReported, func(r *usage.Record) { r.ReportedCost, r.HasReportedCost = reported, true },
			reported, usage.StatusReported, "", usage.SourceReported,
		},
		"reported ignored": {
			pricing.ComputedOnly, func(r *usage.Record) { r.ReportedCost, r.HasReportedCost, r.Model = reported, true, "other" },
			0, usage.StatusUnpriced, usage.ReasonUnknownModel, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := base
			c.change(&r)
			p := pricing.Pricer{Book: book, Reported: c.policy}
			for range 2 { // what an earlier book said does not matter
				p.Price(&r)
				assert.Equal(t, []any{c.cost, c.status, c.reason, c.source}, []any{r.Cost, r.Status, r.Reason, r.CostSource})
				r.Cost, r.Status, r.Reason, r.PriceID, r.CostSource = 1, usage.StatusEstimated, usage.ReasonTierFallback, "x", usage.SourceReported
			}
		})
	}
}

func TestARouterIsPaidBesideTheModelThatItChose(t *testing.T) {
	t.Parallel()
	b, err := load(t, `
provider: azure.ai.openai
rows:
  - {model: small, per_1m_tokens: {input: 1, output: 2}, source: s}
  - {model: model-router, per_1m_tokens: {input: 0.5}, source: s}
`)
	require.NoError(t, err)
	for _, c := range []struct {
		model, request, cost, id string
		status                   usage.PricingStatus
	}{
		{"small", "small", "0.0012", "a.yaml:azure.ai.openai/small", usage.StatusPriced},
		{"small", "model-router", "0.0017", "a.yaml:azure.ai.openai/small+router", usage.StatusPriced},
		{"small", "model-router-2", "0.0012", "a.yaml:azure.ai.openai/small", usage.StatusEstimated}, // of no known price
	} {
		r := usage.Record{Time: november, APIType: usage.APITypeText, Provider: "azure.ai.openai", Model: c.model, RequestModel: c.request,
			Quantities: usage.Quantities{usage.InputTextTokens: 1000, usage.OutputTextTokens: 100}}
		p := pricing.Pricer{Book: b}
		p.Price(&r)
		require.Equal(t, c.cost, r.Cost.String(), c.request)
		require.Equal(t, c.id, r.PriceID)
		require.Equal(t, c.status, r.Status)
	}
}

// TestAPricerForgetsTheNamesOfAnotherBook prices the same names by two books in turns:
// what a Pricer remembers of the names of one must not price a call by the other.
func TestAPricerForgetsTheNamesOfAnotherBook(t *testing.T) {
	t.Parallel()
	parse := func(yaml string) *pricing.Book {
		book, err := pricing.Parse("acme.yaml", []byte(yaml))
		require.NoError(t, err)
		return book
	}
	books := []*pricing.Book{parse(recordBook), parse(strings.ReplaceAll(recordBook, "input: 10", "input: 30")), parse(strings.ReplaceAll(recordBook, "discounts", "gone"))}
	var p pricing.Pricer
	for range 3 {
		for _, book := range books {
			p.Book = book
			for _, model := range []string{"discounts", "plain", "ACME/plain", "nobody's", ""} {
				for range 2 { // met for the first time, and known
					r := usage.Record{
						Provider: "acme", Model: model, Time: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
						Quantities: usage.Quantities{usage.InputTextTokens: 1000}, Missing: usage.MissingDependencies | usage.MissingCache,
					}
					p.Price(&r)
					alone := pricing.Pricer{Book: book}
					want := r
					alone.Price(&want)
					require.Equal(t, want, r)
					require.Equal(t, book.Relevant(r.Provider, r.Missing), p.Relevant(&r))
				}
			}
		}
	}
	r := usage.Record{Provider: "acme", Model: "plain", Time: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Quantities: usage.Quantities{usage.InputTextTokens: 1000}}
	p.Book = books[1]
	p.Price(&r)
	require.Equal(t, usage.Money(30_000_000_000), r.Cost)
}
