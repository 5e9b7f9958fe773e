package pricing_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestBookAgreesWithPriceData compares the book with the prices of
// testdata/facts: a model has the same price here, or docs/prices.md says why
// not.
func TestBookAgreesWithPriceData(t *testing.T) {
	t.Parallel()
	current, err := pricing.Builtin("current")
	require.NoError(t, err)
	listed := leftOutNames(t)
	for _, file := range []string{"litellm.tsv", "agreed.tsv"} {
		same, explained := 0, 0
		for _, cells := range factsOf(t, file) {
			provider, name := cells[1], cells[2]
			c := pricing.Call{Provider: provider, Model: name, At: dayOf(t, cells[0])}
			var wrong []string
			for i, kind := range []usage.QuantityKind{usage.InputTextTokens, usage.OutputTextTokens, usage.CacheReadTokens} {
				if want := cells[3+i]; want != "" {
					if got := perMillionTokens(current, c, kind); got != want {
						wrong = append(wrong, kind.String()+" "+got+" instead of "+want)
					}
				}
			}
			switch {
			case len(wrong) == 0:
				same++
			case isListed(listed, provider, name):
				explained++
			default:
				assert.Fail(t, "docs/prices.md does not say why", "%s at %s: %s", name, provider, strings.Join(wrong, ", "))
			}
		}
		t.Logf("%s: %d models have the same price, docs/prices.md says why not for %d", file, same, explained)
		assert.Greater(t, same, 5*explained, "the list of exceptions has grown too long")
	}
}

// dayOf reads the date of a source, "litellm 2026-08-01"; of several, that of
// the last one.
func dayOf(t *testing.T, sources string) time.Time {
	t.Helper()
	day, err := time.Parse(time.DateOnly, sources[len(sources)-len(time.DateOnly):])
	require.NoError(t, err)
	return day.Add(12 * time.Hour)
}

// perMillionTokens is what tokens add to the fee for a call, for a million of
// them; a doubtful price counts, a substituted one does not.
func perMillionTokens(b *pricing.Book, c pricing.Call, kind usage.QuantityKind) string {
	nothing := b.Price(&c)
	c.Quantities[kind] = 1000 // below every context tier
	price := b.Price(&c)
	if price.Status == usage.StatusUnpriced || (price.Status == usage.StatusEstimated && price.Reason != usage.ReasonUnconfirmedPrice) {
		return string(price.Reason)
	}
	return (1000 * (price.Cost - nothing.Cost)).String()
}

// leftOutNames are the models that the list of docs/prices.md speaks of.
func leftOutNames(t *testing.T) map[string]bool {
	t.Helper()
	content, err := os.ReadFile("testdata/left_out.tsv")
	require.NoError(t, err)
	names := map[string]bool{}
	for line := range strings.Lines(string(content)) {
		if cells := strings.Split(line, "\t"); len(cells) == 3 {
			names[cells[0]+"\t"+cells[1]] = true
		}
	}
	return names
}

// isListed looks for the name without the provider and region before it.
func isListed(listed map[string]bool, provider, name string) bool {
	for {
		if listed[provider+"\t"+name] {
			return true
		}
		_, rest, ok := strings.Cut(name, "/")
		if !ok {
			return false
		}
		name = rest
	}
}

// What the book may lack of what a provider lists, in percent.
var mayLack = map[string]int{
	"openai": 3, "anthropic": 3, "gcp.gemini": 3, "x_ai": 3, "deepseek": 3,
	"openrouter": 10, "aws.bedrock": 10, "azure.ai.openai": 10, "gcp.vertex_ai": 10, "github_copilot": 10,
}

// TestBookHasWhatProvidersList holds the book against the models that providers
// sell today. What is missing, and what costs something else here, stands in
// docs/prices.md with its reason.
func TestBookHasWhatProvidersList(t *testing.T) {
	t.Parallel()
	current, err := pricing.Builtin("current")
	require.NoError(t, err)
	listed := leftOutNames(t)
	models, missing := map[string]int{}, map[string]int{}
	for _, cells := range factsOf(t, "listed.tsv") {
		provider, name := cells[1], cells[2]
		c := pricing.Call{Provider: provider, Model: name, At: dayOf(t, cells[0])}
		models[provider]++
		var wrong []string
		for i, kind := range []usage.QuantityKind{usage.InputTextTokens, usage.OutputTextTokens} {
			if want := cells[3+i]; want != "" {
				if got := perMillionTokens(current, c, kind); got != want {
					wrong = append(wrong, kind.String()+" "+got+" instead of "+want)
				}
			}
		}
		c.Quantities[usage.InputTextTokens] = 1
		if current.Price(&c).Status == usage.StatusUnpriced {
			missing[provider]++
		}
		if len(wrong) > 0 && !isListed(listed, provider, name) {
			assert.Fail(t, "docs/prices.md does not say why", "%s at %s: %s", name, provider, strings.Join(wrong, ", "))
		}
	}
	for provider, most := range mayLack {
		assert.NotZero(t, models[provider], provider)
		t.Logf("%s: %d of %d models are missing", provider, missing[provider], models[provider])
		assert.LessOrEqual(t, 100*missing[provider], most*models[provider], "%s lacks more than %d %%", provider, most)
	}
}

// factsOf reads a file of testdata/facts.
func factsOf(t *testing.T, file string) (rows [][]string) {
	t.Helper()
	content, err := os.ReadFile("testdata/facts/" + file)
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		if !strings.HasPrefix(line, "#") {
			cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			require.Len(t, cells, 6, line)
			rows = append(rows, cells)
		}
	}
	return rows
}

// TestNewRowsAreConfirmedOrLow holds that a row which names one origin alone is
// an estimate.
func TestNewRowsAreConfirmedOrLow(t *testing.T) {
	t.Parallel()
	current, err := pricing.Builtin("current")
	require.NoError(t, err)
	rows := 0
	for _, r := range current.Rows() {
		said, _, more := strings.Cut(r.Source, "; ")
		for _, newer := range []string{"pi-ai ", "genai-prices 2026-09-23"} {
			if strings.HasPrefix(said, newer) && !strings.Contains(said, ",") {
				rows++
				assert.True(t, r.Confidence == "low" || more, "%s at %s (%s) has confidence %s", r.Name, r.Provider, r.Source, r.Confidence)
			}
		}
	}
	assert.Greater(t, rows, 500)
}
