package genai

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// A dependency that a dialect has not declared would be taken for known.
func TestEveryDialectSaysWhatItReportsOfWhatPricesDependOn(t *testing.T) {
	t.Parallel()
	b, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	walked := map[string]bool{}
	for _, row := range b.Rows() {
		for _, d := range row.Depends.Each() {
			if walked[d.Name] || d.Assumed == 0 {
				continue // every call reports it
			}
			walked[d.Name] = true
			missing, unknown := usage.ParseMissing(d.Name)
			require.Empty(t, unknown, "%s of %s: what a call leaves out has no word for it", d.Name, row.PriceID)
			for _, dialect := range dialects {
				declared := 0
				for _, set := range []Missing{dialect.knows.always, dialect.knows.sometimes, dialect.knows.never} {
					if set.Has(missing) {
						declared++
					}
				}
				assert.Equal(t, 1, declared, "%s: say in knows whether it reports %s always, sometimes or never; the price %s depends on it", dialect.name, d.Name, row.PriceID)
			}
		}
	}
	assert.Greater(t, len(walked), 8, "%v", walked)
	for _, d := range dialects {
		all := d.knows.always | d.knows.sometimes | d.knows.never
		assert.True(t, all.Has(usage.MissingDependencies|MissingCacheTTL), "%s leaves out %s", d.name, (usage.MissingDependencies|MissingCacheTTL)&^all)
	}
}

// What a capture reports is declared.
func TestNoCaptureReportsWhatItsDialectSaysItNeverDoes(t *testing.T) {
	t.Parallel()
	knows := map[string]knowledge{}
	for _, d := range dialects {
		knows[d.name] = d.knows
	}
	files, err := filepath.Glob("testdata/corpus/*/*.json")
	require.NoError(t, err)
	checked := 0
	for _, file := range files {
		base, isTruth := strings.CutSuffix(file, ".truth.json")
		if !isTruth {
			continue
		}
		if _, err := os.Stat(base + ".json"); err != nil {
			continue
		}
		calls, _ := readAll(t, Config{TrackUsers: true}, loadTraces(t, base+".json"))
		for i := range calls {
			if t := calls[i].APIType; t != usage.APITypeText && t != usage.APITypeSpeech {
				continue // no price of theirs depends on some of it
			}
			never := knows[calls[i].Dialect].never &^ MissingVariant
			reported := usage.MissingDependencies & never &^ calls[i].Unreported
			assert.Empty(t, reported.String(), "%s: %s reports it all the same", file, calls[i].Dialect)
			checked++
		}
	}
	assert.Greater(t, checked, 500)
}

func TestWhatACallReportsIsKnown(t *testing.T) {
	t.Parallel()
	everything := usage.MissingDependencies &^ (MissingContextLength | MissingVariant)
	for name, c := range map[string]struct {
		change func(*facts, *Call)
		known  Missing // beside what is always
		extra  Missing
	}{
		"nothing":                       {func(*facts, *Call) {}, 0, 0},
		"a tier that served":            {func(f *facts, _ *Call) { f.modifiers[modServed] = "default" }, MissingServiceTier, 0},
		"a tier that was asked for":     {func(f *facts, _ *Call) { f.modifiers[modAsked] = "flex" }, MissingServiceTier, 0},
		"a tier that may be any":        {func(f *facts, _ *Call) { f.modifiers[modAsked] = "auto" }, 0, 0},
		"a speed":                       {func(f *facts, _ *Call) { f.modifiers[modSpeed] = "standard" }, MissingSpeed, 0},
		"a country":                     {func(f *facts, _ *Call) { f.modifiers[modGeo] = "global" }, MissingInferenceGeo, 0},
		"a country not available":       {func(f *facts, _ *Call) { f.modifiers[modGeo] = "not_available" }, 0, 0},
		"a region":                      {func(_ *facts, c *Call) { c.Region = "eu-west-1" }, MissingRegion, 0},
		"a global deployment":           {func(f *facts, _ *Call) { f.modifiers[modDeployment] = "GlobalStandard" }, MissingDeployment, 0},
		"a data zone":                   {func(f *facts, _ *Call) { f.modifiers[modDeployment] = "DataZoneStandard" }, 0, 0},
		"several requests":              {func(f *facts, _ *Call) { f.several = true }, 0, MissingContextLength},
		"audio tokens":                  {func(f *facts, _ *Call) { f.n[factInputAudio] = 0 }, MissingModality, 0},
		"searches":                      {func(f *facts, _ *Call) { f.n[factWebSearches] = 0 }, MissingTools, 0},
		"an answer with its items":      {func(f *facts, _ *Call) { f.listed = true }, MissingTools, 0},
		"an answer of chat completions": {func(_ *facts, c *Call) { c.ResponseID = "chatcmpl-9aBcD" }, MissingTools, 0},
		"an answer of responses":        {func(_ *facts, c *Call) { c.ResponseID = "resp_9aBcD" }, 0, 0},
		"code in a container":           {func(f *facts, _ *Call) { f.n[factWebSearches], f.containers = 0, true }, 0, 0},
		"an image":                      {func(_ *facts, c *Call) { c.APIType = usage.APITypeImage }, MissingTools | MissingSearchSize, MissingVariant},
		"an image and its size":         {func(_ *facts, c *Call) { c.APIType, c.Variant = usage.APITypeImage, "1024x1024" }, MissingTools | MissingSearchSize, 0},
		"an embedding":                  {func(_ *facts, c *Call) { c.APIType = usage.APITypeEmbedding }, MissingTools | MissingSearchSize, 0},
		"what the dialect always says":  {func(f *facts, _ *Call) { f.always = MissingServiceTier | MissingTools }, MissingServiceTier | MissingTools, 0},
	} {
		f, call := noFacts, &Call{Provider: catalog.OpenAI, APIType: usage.APITypeText}
		c.change(&f, call)
		assert.Equal(t, (everything&^c.known | c.extra).String(), f.unreported(call, false).String(), name)
	}
	f := noFacts
	assert.False(t, f.unreported(&Call{Provider: catalog.OpenAI}, true).Has(MissingRegion), "the host of the provider says where")
	var r reading
	model := inspectModel("gpt-5")
	assert.True(t, r.host(hostKey{"openai", "api.openai.com", "gpt-5"}, &model).own)
	assert.False(t, r.host(hostKey{"openai", "gateway.example.com", "gpt-5"}, &model).own)
	assert.False(t, r.host(hostKey{"openai", "", "gpt-5"}, &model).own)
}
