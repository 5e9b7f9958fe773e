package genai

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// rowKind is what a price row looks like to a reader: rows of one kind differ in amounts
// alone.
type rowKind struct {
	provider string
	depends  usage.Assumptions
	model    modelInfo
}

// Each kind of price row of the built-in book is asked for by a bare span of each dialect,
// which has the numbers alone. Whatever the price depends on is then either declared as
// always reported, or named as an assumption, or in this list.
func TestWhatABareSpanDoesNotReportIsAnAssumptionInEveryDialect(t *testing.T) {
	t.Parallel()
	// knownAnyway says why a price takes no default although the dialect does not always
	// report what it depends on.
	knownAnyway := map[string]func(d *dialect, call *Call) bool{
		"service_tier":  func(_ *dialect, call *Call) bool { return call.ServiceTier != "" }, // the name of the model says it
		"region":        func(_ *dialect, call *Call) bool { return call.Region != "" },      // the name of the model says it
		"inference_geo": func(_ *dialect, call *Call) bool { return call.Region != "" },
		"deployment":    func(_ *dialect, call *Call) bool { return call.Region != "" },
		"modality":      func(d *dialect, _ *Call) bool { return d.reports.Has(MissingAudio) }, // absent means none
		"tools": func(_ *dialect, call *Call) bool {
			return !isConversation(call) || call.Quantities[usage.WebSearches] > 0
		},
		"search_size": func(_ *dialect, call *Call) bool { return !isConversation(call) },
		"variant": func(_ *dialect, call *Call) bool {
			return call.APIType != usage.APITypeImage && call.APIType != usage.APITypeVideo
		},
		// A span that sums up several requests says so; see the next test.
		"context_length": func(*dialect, *Call) bool { return true },
	}
	asked := 0
	eachRowAndDialect(t, map[string]any{}, func(d *dialect, call *Call, row *pricing.Row, price *pricing.Price) {
		asked++
		for _, dep := range row.Depends.Each() {
			if dep.Assumed == 0 || dep.Assumed == usage.AssumedModelVersion {
				continue // every call reports it, or the name of the model
			}
			missing, unknown := usage.ParseMissing(dep.Name)
			require.Empty(t, unknown, "%s: what a call leaves out has no word for it", dep.Name)
			named := price.Assumptions.Has(dep.Assumed)
			anyway := knownAnyway[dep.Name]
			switch {
			case d.knows.always.Has(missing):
				assert.False(t, named, "%s always reports %s, and %s of %s assumes it", d.name, dep.Name, row.PriceID, row.Provider)
			case anyway != nil && anyway(d, call):
			default:
				assert.True(t, named, "%s: the price of %s depends on %s; a span without it is priced by a default and nothing says so", d.name, row.PriceID, dep.Name)
			}
		}
	})
	assert.Greater(t, asked, 2000)
}

// The same for spans that stand for several requests, whose lengths nothing reports.
func TestTheLengthOfSeveralRequestsIsAnAssumptionInEveryDialect(t *testing.T) {
	t.Parallel()
	asked := 0
	eachRowAndDialect(t, map[string]any{"gen_ai.usage.requests": 3}, func(d *dialect, _ *Call, row *pricing.Row, price *pricing.Price) {
		for _, dep := range row.Depends.Each() {
			if dep.Assumed == usage.AssumedContextLength {
				asked++
				assert.True(t, price.Assumptions.Has(dep.Assumed), "%s: %s has prices by the length of a request", d.name, row.PriceID)
			}
		}
	})
	assert.Greater(t, asked, 200)
}

func isConversation(call *Call) bool {
	return call.APIType == usage.APITypeText || call.APIType == usage.APITypeSpeech
}

// eachRowAndDialect reads a long call with a cache write from a span of each dialect for
// each kind of price row, and prices it.
func eachRowAndDialect(t *testing.T, attributes map[string]any, test func(d *dialect, call *Call, row *pricing.Row, price *pricing.Price)) {
	t.Helper()
	b, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	kinds := map[rowKind]bool{}
	of := map[string]int{}
	for _, row := range b.Rows() {
		kind := rowKind{row.Provider, row.Depends.Assumable(), inspectModel(row.Name)}
		kind.model.base = 0
		if kinds[kind] || row.Depends.Assumable() == 0 || strings.ContainsAny(row.Name, "*?") {
			continue
		}
		kinds[kind] = true
		at := row.Span.From
		if at.IsZero() {
			at = row.Span.Until.Add(-time.Second)
		}
		if row.Span.Until.IsZero() && row.Span.From.IsZero() {
			at = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
		}
		for _, d := range dialects {
			facts := map[fact]int64{factInput: 900_000, factOutput: 1000, factCacheRead: 0, factCacheWrite: 5000}
			calls, _ := readWith(forgetful(), written(d, row.Provider, row.Name, facts, attributes))
			if len(calls) != 1 || calls[0].Provider != row.Provider || calls[0].Model != row.Name {
				continue // cannot be of this host
			}
			call := &calls[0]
			price := b.Price(&pricing.Call{Provider: call.Provider, Model: call.Model, RequestModel: call.RequestModel, At: at, ServiceTier: call.ServiceTier,
				Region: call.Region, Variant: call.Variant, Quantities: call.Quantities, Unreported: (call.Missing | call.Unreported).Unreported()})
			if price.Status == usage.StatusUnpriced || !strings.HasPrefix(price.PriceID, row.PriceID) {
				continue // a unit that the span does not have
			}
			of[d.name]++
			test(d, call, &row, &price)
		}
	}
	for _, d := range dialects {
		assert.NotZero(t, of[d.name], "%s: no price row can be asked for", d.name)
	}
	assert.Greater(t, len(kinds), 100, fmt.Sprint(len(kinds)))
}
