package genaiusageprocessor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestAReportedCostIsWorthWhatThePolicySays goes through the spellings of a cost
// on a span, as a double and as text, for a model the book knows (a token costs
// a dollar) and one it does not.
func TestAReportedCostIsWorthWhatThePolicySays(t *testing.T) {
	t.Parallel()
	for _, spelling := range []string{"gen_ai.usage.cost.amount", "gen_ai.usage.cost", "llm.cost.total", "operation.cost", "_signoz.gen_ai.total_cost"} {
		for _, c := range []struct {
			policy pricing.ReportedCostPolicy
			model  string
			cost   string
			status usage.PricingStatus
			source usage.CostSource
		}{
			{pricing.PreferComputed, "m", "1", usage.StatusEstimated, usage.SourceComputed},
			{pricing.PreferComputed, "unknown", "0.1", usage.StatusReported, usage.SourceReported},
			{pricing.PreferReported, "m", "0.1", usage.StatusReported, usage.SourceReported},
			{pricing.PreferReported, "unknown", "0.1", usage.StatusReported, usage.SourceReported},
			{pricing.ComputedOnly, "m", "1", usage.StatusEstimated, usage.SourceComputed},
			{pricing.ComputedOnly, "unknown", "0", usage.StatusUnpriced, usage.SourceNone},
		} {
			for _, asText := range []bool{false, true} {
				td := oneTokenCall()
				a := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
				a.PutStr("gen_ai.request.model", c.model)
				if asText {
					a.PutStr(spelling, "0.1")
				} else {
					a.PutDouble(spelling, 0.1)
				}
				cfg := createDefaultConfig().(*Config)
				cfg.Prices = PricesConfig{Builtin: pricing.NoBuiltin, Files: []string{"testdata/one_dollar.yaml"}}
				cfg.ReportedCost = c.policy
				r, ok := recordOf(t, process(t, cfg, td)[0])
				require.True(t, ok)
				what := []any{"%s, %s, model %s", spelling, c.policy, c.model}
				assert.Equal(t, c.cost, r.Cost.String(), what...)
				assert.Equal(t, c.status, r.Status, what...)
				assert.Equal(t, c.source, r.CostSource, what...)
				if c.policy == pricing.ComputedOnly {
					assert.False(t, r.HasReportedCost, what...)
					continue
				}
				assert.True(t, r.HasReportedCost, what...)
				assert.Equal(t, "0.1", r.ReportedCost.String(), what...)
			}
		}
	}
}
