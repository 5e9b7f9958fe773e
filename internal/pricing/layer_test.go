package pricing_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// over lays a file of one's own over the built-in book.
func over(t *testing.T, file string) *pricing.Book {
	t.Helper()
	return layered(t, file, "")
}

// layered is a book with a file of one's own and an update, where there are any.
func layered(t *testing.T, contract, update string) *pricing.Book {
	t.Helper()
	folder := t.TempDir()
	cfg := pricing.Config{}
	if contract != "" {
		cfg.Files = []string{filepath.Join(folder, "ours.yaml")}
		require.NoError(t, os.WriteFile(cfg.Files[0], []byte(contract), 0o600))
	}
	if update != "" {
		cfg.Update = filepath.Join(folder, "update.yaml")
		require.NoError(t, os.WriteFile(cfg.Update, []byte(update), 0o600))
	}
	b, err := pricing.Load(cfg)
	require.NoError(t, err)
	return b
}

var november = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// million is what a million tokens of input cost.
func million(b *pricing.Book, provider, model, asked string, at time.Time) string {
	p := b.Price(&pricing.Call{Provider: provider, Model: model, RequestModel: asked, At: at, Quantities: usage.Quantities{usage.InputTextTokens: 1_000_000}})
	if p.Status == usage.StatusUnpriced {
		return string(p.Reason)
	}
	return p.Cost.String()
}

// everything is what a million of each kind of token cost.
func everything(b *pricing.Book, provider, model string) (list []string) {
	for k := range usage.QuantityKindCount {
		if k.Unit() == usage.UnitToken {
			q := usage.Quantities{}
			q[k] = 1_000_000
			list = append(list, b.Price(&pricing.Call{Provider: provider, Model: model, At: november, Quantities: q}).Cost.String())
		}
	}
	return list
}

func TestAPriceOfOnesOwnReachesTheNamesUnderWhichTheModelAnswers(t *testing.T) {
	t.Parallel()
	b := over(t, `
provider: openai
rows:
  - {model: gpt-4.1, per_1m_tokens: {input: 7}}
  - {model: gpt-4o, per_1m_tokens: {input: 8}}
  - {model: gpt-4o-2024-11-20, per_1m_tokens: {input: 9}}
  - {model: gpt-4, per_1m_tokens: {input: 10}}
---
provider: bedrock
rows:
  - {model: claude-sonnet-4-5, per_1m_tokens: {input: 11}}
`)
	for _, c := range []struct{ provider, model, asked, want, why string }{
		{"openai", "gpt-4.1", "", "7", "the name itself"},
		{"openai", "gpt-4.1-2025-04-14", "gpt-4.1", "7", "the snapshot that answers"},
		{"openai", "gpt-4.1-2025-04-14", "", "7", "the snapshot alone"},
		{"openai", "openai/gpt-4.1-2025-04-14", "", "7", "with a prefix"},
		{"openai", "gpt-4.1-mini", "", "0.4", "another model"},
		{"openai", "gpt-4o-2024-08-06", "", "8", "a snapshot at the model's price"},
		{"openai", "gpt-4o-2024-11-20", "gpt-4o", "9", "a snapshot of its own in the file wins over its model"},
		{"openai", "gpt-4o-2024-05-13", "gpt-4o", "8", "priced apart, and asked for by the model's name"},
		{"openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13", "5", "priced apart, and asked for"},
		{"openai", "gpt-4o-2024-05-13", "", "5", "priced apart, and nothing says what was asked for"},
		{"openai", "gpt-4-0613", "", "10", "a build number"},
		{"openai", "gpt-4-0613-preview", "", "unknown_model", "no build number"},
		{"openai", "gpt-4-32k", "", "60", "another model whose name begins so"},
		{"openai", "my-name", "gpt-4.1-2025-04-14", "7", "by what was asked for"},
		{"aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "", "11 price_fallback", "host, region, maker, date and version aside"},
		{"aws.bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "", "11", "a global profile has no region"},
	} {
		got := b.Price(&pricing.Call{Provider: c.provider, Model: c.model, RequestModel: c.asked, At: november, Quantities: usage.Quantities{usage.InputTextTokens: 1_000_000}})
		text := got.Cost.String()
		if got.Status == usage.StatusUnpriced {
			text = ""
		}
		assert.Equal(t, c.want, strings.TrimSpace(text+" "+string(got.Reason)), "%s at %s, asked for %q: %s", c.model, c.provider, c.asked, c.why)
	}
}

// Ten plain rows are what a contract says. A thousand calls under the names of
// snapshots must all get them.
func TestTenRowsReachAThousandCallsThatCarrySnapshots(t *testing.T) {
	t.Parallel()
	models := map[string][]string{
		"gpt-4.1": {"gpt-4.1-2025-04-14"}, "gpt-4.1-mini": {"gpt-4.1-mini-2025-04-14"}, "gpt-4o-mini": {"gpt-4o-mini-2024-07-18"},
		"gpt-4o": {"gpt-4o-2024-08-06", "gpt-4o-2024-11-20"}, "o3": {"o3-2025-04-16"}, "o4-mini": {"o4-mini-2025-04-16"},
		"gpt-5": {"gpt-5-2025-08-07"}, "gpt-5-mini": {"gpt-5-mini-2025-08-07"}, "gpt-5.1": {"gpt-5.1-2025-11-13"}, "gpt-5-nano": {"gpt-5-nano-2025-08-07"},
	}
	file, want := "provider: openai\nrows:\n", map[string]string{}
	price := 100
	for model := range models {
		price++
		want[model] = fmt.Sprint(price)
		file += fmt.Sprintf("  - {model: %s, per_1m_tokens: {input: %d}}\n", model, price)
	}
	b := over(t, file)
	calls := 0
	for calls < 1000 {
		for model, snapshots := range models {
			name := snapshots[calls%len(snapshots)]
			require.Equal(t, want[model], million(b, "openai", name, "", november.Add(-time.Duration(calls)*time.Minute)), name)
			calls++
		}
	}
}

// The same for each model of the book that has snapshots: what the built-in book
// prices apart is not meant by a row for the model, everything else is.
func TestARowForEachModelReachesItsSnapshots(t *testing.T) {
	t.Parallel()
	builtin, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	names := map[string]map[string]bool{}
	for _, row := range builtin.Rows() {
		if names[row.Provider] == nil {
			names[row.Provider] = map[string]bool{}
		}
		names[row.Provider][row.Name] = true
	}
	reached, apart := 0, 0
	for _, provider := range []string{catalog.OpenAI, catalog.Anthropic, catalog.Gemini, catalog.Mistral, catalog.XAI, catalog.AzureOpenAI, catalog.Vertex} {
		snapshots := map[string][]string{}
		for name := range names[provider] {
			for s := range catalog.ContractSpellings(provider, name) {
				if s.Snapshot && names[provider][s.Name] {
					snapshots[s.Name] = append(snapshots[s.Name], name)
				}
			}
		}
		require.NotEmpty(t, snapshots, provider)
		file := "provider: " + provider + "\nrows:\n"
		for model := range snapshots {
			file += fmt.Sprintf("  - {model: %q, per_1m_tokens: {input: 777}}\n", model)
		}
		b := over(t, file)
		for model, list := range snapshots {
			require.Equal(t, "777", million(b, provider, model, "", november), "%s at %s", model, provider)
			for _, name := range list {
				if _, own := snapshots[name]; own {
					continue // a model with snapshots itself
				}
				got := million(b, provider, name, "", november)
				if got == "777" {
					reached++
					continue
				}
				apart++
				assert.NotEqual(t, everything(builtin, provider, model), everything(builtin, provider, name), "%s at %s has the price of %s and is not reached", name, provider, model)
				assert.Equal(t, "777", million(b, provider, name, model, november), "%s at %s, asked for as %s", name, provider, model)
			}
		}
	}
	t.Logf("%d snapshots get the price of their model, %d have one of their own", reached, apart)
	assert.Greater(t, reached, 150)
}

func TestLayersAreAskedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	b := layered(t, `
provider: openai
rows:
  - {model: gpt-4.1, from: 2026-06-01, per_1m_tokens: {input: 7}}
  - {model: gpt-5, inherit: true, times: 0.5}
aliases:
  - {name: our-deployment, model: gpt-4.1}
`, `
provider: openai
rows:
  - {model: gpt-4.1, per_1m_tokens: {input: 1.5}}
  - {model: o3, from: 2026-10-01, per_1m_tokens: {input: 1.25}}
`)
	spring := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		model string
		at    time.Time
		want  string
	}{
		{"gpt-4.1", november, "7"},
		{"gpt-4.1-2025-04-14", november, "7"},
		{"gpt-4.1", spring, "1.5"},
		{"gpt-4.1-2025-04-14", spring, "1.5"},
		{"our-deployment", november, "7"},
		{"our-deployment", spring, "1.5"},
		{"o3", november, "1.25"},
		{"o3-2025-04-16", november, "1.25"},
		{"o3", spring, "2"},
		{"gpt-5", november, "0.625"},
		{"gpt-5-2025-08-07", november, "0.625"},
		{"gpt-4.1-mini", november, "0.4"},
	} {
		assert.Equal(t, c.want, million(b, "openai", c.model, "", c.at), "%s at %s", c.model, c.at.Format(time.DateOnly))
	}
}

// A row without an end holds for all time, whatever the built-in book says of
// later days.
func TestAnOpenRowIsNotCutByLaterRowsBelow(t *testing.T) {
	t.Parallel()
	b := over(t, "provider: openai\nrows:\n  - {model: gpt-4o, per_1m_tokens: {input: 7}}\n")
	for _, day := range []string{"2024-05-14", "2024-10-03", "2026-11-20", "2030-01-01"} {
		at, err := time.Parse(time.DateOnly, day)
		require.NoError(t, err)
		assert.Equal(t, "7", million(b, "openai", "gpt-4o", "", at), day)
	}
}

func TestAnAdjustmentReachesTheSnapshotsOfItsModels(t *testing.T) {
	t.Parallel()
	b := over(t, "provider: openai\nadjustments:\n  - {model: gpt-4o, discount: 0.5}\n  - {model: gpt-4.1-2025-04-14, discount: 0.25}\n")
	assert.Equal(t, "1.25", million(b, "openai", "gpt-4o", "", november))
	assert.Equal(t, "1.25", million(b, "openai", "gpt-4o-2024-08-06", "", november))
	assert.Equal(t, "5", million(b, "openai", "gpt-4o-2024-05-13", "", november), "priced apart")
	assert.Equal(t, "2", million(b, "openai", "gpt-4.1", "", november))
	assert.Equal(t, "1.5", million(b, "openai", "gpt-4.1-2025-04-14", "", november))
}

func TestAnUpdateThatIsNotThereIsNone(t *testing.T) {
	t.Parallel()
	b, err := pricing.Load(pricing.Config{Update: filepath.Join(t.TempDir(), "update.yaml")})
	require.NoError(t, err)
	assert.Equal(t, "2", million(b, "openai", "gpt-4.1", "", november))

	_, err = pricing.Load(pricing.Config{Update: t.TempDir()})
	require.ErrorContains(t, err, "is a folder")
}

func TestAnUpdateIsLoadedWhenItAppears(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "update.yaml")
	source, err := pricing.NewSource(pricing.Config{Update: file}, pricing.SourceOptions{})
	require.NoError(t, err)
	require.False(t, source.Reload())
	require.NoError(t, os.WriteFile(file, []byte("provider: openai\nrows:\n  - {model: gpt-4.1, per_1m_tokens: {input: 1}}\n"), 0o600))
	require.True(t, source.Reload())
	assert.Equal(t, "1", million(source.Current(), "openai", "gpt-4.1", "", november))
}

func TestExplainShowsNamesAndLayers(t *testing.T) {
	t.Parallel()
	b := over(t, "provider: openai\nrows:\n  - {model: gpt-4o, from: 2026-01-01, per_1m_tokens: {input: 7}}\n")
	text := b.Explain(&pricing.Call{Provider: "openai", Model: "gpt-4o-2024-05-13", At: november}).String()
	assert.Contains(t, text, "contract: gpt-4o-2024-05-13 at openai (model): not there\n")
	assert.Contains(t, text, "contract: gpt-4o at openai (model, without date suffix): found gpt-4o, passed over: the built-in book prices the snapshot apart from it\n")
	assert.Contains(t, text, "builtin: gpt-4o-2024-05-13 at openai (model): found gpt-4o-2024-05-13\n")

	text = b.Explain(&pricing.Call{Provider: "openai", Model: "gpt-4o", At: november.AddDate(-1, 0, 0)}).String()
	assert.Contains(t, text, "contract: gpt-4o at openai (model): found gpt-4o, passed over: it has no price at the time of the call\n")
}

func TestRowsOfOnesOwnThatReachNothingAreSaid(t *testing.T) {
	t.Parallel()
	b := over(t, `
provider: openai
rows:
  - {model: gpt-4.1, per_1m_tokens: {input: 7}}
  - {model: gpt-4o, per_1m_tokens: {input: 8}}
  - {model: claude-sonnet-4-5, per_1m_tokens: {input: 9}}
  - {model: our-own-model, per_1m_tokens: {input: 9}}
  - {model: gtp-4.1-mini, per_1m_tokens: {input: 9}}
  - {model: gpt-4.1-min, per_1m_tokens: {input: 9}}
---
provider: our-openai
rows:
  - {model: gpt-5, per_1m_tokens: {input: 1}}
`)
	var all []string
	for _, w := range b.Warnings() {
		if strings.Contains(w.Error(), "ours.yaml") {
			all = append(all, w.Error())
		}
	}
	text := strings.Join(all, "\n")
	for _, part := range []string{
		"model gpt-4o: does not reach calls that asked for gpt-4o-2024-05-13, which the built-in book prices apart",
		"model claude-sonnet-4-5: reaches calls only where openai answers by this name: the built-in book knows it at anthropic",
		"model gtp-4.1-mini: is no model that the built-in book has at openai, which has gpt-4.1-mini: check the spelling",
		"model gpt-4.1-min: is no model that the built-in book has at openai, which has gpt-4.1-mini: check the spelling",
		`model gpt-5: reaches calls only if telemetry calls the provider "our-openai"`,
	} {
		assert.Contains(t, text, part)
	}
	assert.NotContains(t, text, "our-own-model")
	assert.NotContains(t, text, "gpt-4o-2024-11-20", "it was priced apart before it came out")
	assert.NotContains(t, text, "model gpt-4.1:")
}

func TestReachSaysWhetherARowOfOnesOwnHolds(t *testing.T) {
	t.Parallel()
	b := over(t, "provider: openai\nrows:\n  - {model: gpt-4o, per_1m_tokens: {input: 8}}\n")
	call := func(provider, model string) *pricing.Call {
		return &pricing.Call{Provider: provider, Model: model, At: november}
	}
	assert.Equal(t, pricing.Reach{Layer: pricing.LayerContract, Row: "openai/gpt-4o"}, b.Reach(call("openai", "gpt-4o-2024-11-20")))
	assert.Equal(t, pricing.Reach{Layer: pricing.LayerBuiltin, Row: "openai/gpt-4o-2024-05-13", Missed: "gpt-4o: the built-in book prices the snapshot apart from it"}, b.Reach(call("openai", "gpt-4o-2024-05-13")))
	assert.Equal(t, "gpt-4o stands at openai, the call names gpt-4o-2024-08-06 at azure.ai.openai", b.Reach(call("azure.ai.openai", "gpt-4o-2024-08-06")).Missed)
	assert.Equal(t, pricing.Reach{Layer: pricing.LayerBuiltin, Row: "openai/o3"}, b.Reach(call("openai", "o3")))
	assert.Equal(t, pricing.Reach{}, b.Reach(call("openai", "nobody-knows")))
}

// TestContractIsAskedFirstUnderEveryNameOfTheProvider: a name that only the built-in
// book lists leads to one's own file too.
func TestContractIsAskedFirstUnderEveryNameOfTheProvider(t *testing.T) {
	t.Parallel()
	b := over(t, "provider: gcp.gemini\nrows: [{model: gemini-2.5-flash, per_1m_tokens: {input: 7, output: 7}}]")
	for _, name := range []string{"gcp.gemini", "gcp.gen_ai", "google", "gemini"} {
		assert.Equal(t, "7", million(b, name, "gemini-2.5-flash", "", november), name)
	}
}

// TestARowForWhatIsLeftOfANameIsNotOdd: no call says the short name at Bedrock, and the
// row reaches all that say the long one.
func TestARowForWhatIsLeftOfANameIsNotOdd(t *testing.T) {
	t.Parallel()
	b := over(t, "provider: aws.bedrock\nrows:\n  - {model: claude-sonnet-4-5, per_1m_tokens: {input: 1}}\n")
	assert.Empty(t, b.Warnings())
	assert.Equal(t, "1", million(b, "aws.bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "", november))
}
