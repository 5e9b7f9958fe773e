package catalog_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

func TestTheNameOfAModelSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]catalog.Model{
		"":                                {},
		"some-model":                      {},
		"gpt-4o":                          {Vendor: catalog.VendorOpenAI},
		"openai/gpt-5.2":                  {Vendor: catalog.VendorOpenAI, Reasons: true},
		"o3":                              {Vendor: catalog.VendorOpenAI, Reasons: true},
		"openai/o4-mini":                  {Vendor: catalog.VendorOpenAI, Reasons: true},
		"gpt-4o-search-preview":           {Vendor: catalog.VendorOpenAI, Searches: true},
		"gemini-3.1-pro-preview":          {Vendor: catalog.VendorGoogle, Reasons: true},
		"grok-4-fast-non-reasoning":       {Vendor: catalog.VendorXAI},
		"grok-4.5":                        {Vendor: catalog.VendorXAI, Reasons: true},
		"o365":                            {},
		"gpt-oss-120b":                    {},
		"Claude-Sonnet-4-5":               {Vendor: catalog.VendorAnthropic},
		"us.anthropic.claude-3-haiku":     {Vendor: catalog.VendorAnthropic, Bedrock: true},
		"gemini-2.5-flash":                {Vendor: catalog.VendorGoogle, Reasons: true, SearchesByPrompt: true},
		"gemini-2.0-flash":                {Vendor: catalog.VendorGoogle, SearchesByPrompt: true},
		"gemini-2.0-flash-thinking-exp":   {Vendor: catalog.VendorGoogle, Reasons: true, SearchesByPrompt: true},
		"deepseek-r1-distill-llama-70b":   {Vendor: catalog.VendorDeepSeek, Reasons: true},
		"llama-3.3-70b":                   {Vendor: catalog.VendorMeta},
		"gpt-4o-audio-preview-2025-06-03": {Vendor: catalog.VendorOpenAI, Kind: catalog.KindSpeech},
		"gpt-realtime":                    {Vendor: catalog.VendorOpenAI, Kind: catalog.KindSpeech},
		"gpt-4o-transcribe":               {Vendor: catalog.VendorOpenAI, Kind: catalog.KindTranscription, Tokens: true},
		"whisper-large-v3-turbo":          {Vendor: catalog.VendorOpenAI, Kind: catalog.KindTranscription},
		"tts-1-hd":                        {Vendor: catalog.VendorOpenAI, Kind: catalog.KindTTS},
		"gemini-2.5-flash-preview-tts":    {Vendor: catalog.VendorGoogle, Kind: catalog.KindTTS, Tokens: true},
		"text-embedding-3-small":          {Vendor: catalog.VendorOpenAI, Kind: catalog.KindEmbedding},
		"amazon.titan-embed-text-v2:0":    {Vendor: catalog.VendorAmazon, Kind: catalog.KindEmbedding, Bedrock: true},
		"voyage-3":                        {Kind: catalog.KindEmbedding},
		"dall-e-3":                        {Vendor: catalog.VendorOpenAI, Kind: catalog.KindImage, PerImage: true},
		"gpt-image-1":                     {Vendor: catalog.VendorOpenAI, Kind: catalog.KindImage},
		"imagen-4.0-generate-001":         {Vendor: catalog.VendorGoogle, Kind: catalog.KindImage, PerImage: true},
		"sora-2":                          {Vendor: catalog.VendorOpenAI, Kind: catalog.KindVideo},
		"veo-3.0-generate-001":            {Vendor: catalog.VendorGoogle, Kind: catalog.KindVideo},
		"rerank-v3.5":                     {Vendor: catalog.VendorCohere, Kind: catalog.KindRerank},
		"openai.gpt-oss-120b-1:0":         {Bedrock: true},
		"openai.gpt-4o":                   {Vendor: catalog.VendorOpenAI},
		"arn:aws:bedrock:us-east-1:1:application-inference-profile/abc": {Bedrock: true},
	} {
		got := catalog.Inspect(name)
		got.Base = ""
		assert.Equal(t, want, got, name)
	}
}

func TestVendorsSellTheirModelsThemselves(t *testing.T) {
	t.Parallel()
	assert.Equal(t, catalog.Gemini, catalog.VendorGoogle.Host())
	assert.Empty(t, catalog.VendorMeta.Host())
	for _, c := range []struct {
		vendor catalog.Vendor
		model  string
		keeps  bool
	}{
		{catalog.VendorAnthropic, "claude-sonnet-4-5", true},
		{catalog.VendorGoogle, "gemini-2.5-flash", true},
		{catalog.VendorGoogle, "google/gemini-2.5-flash", true},
		{catalog.VendorGoogle, "text-bison", false},
		{catalog.VendorDeepSeek, "deepseek-chat", true},
		{catalog.VendorDeepSeek, "deepseek-chat-v3", false},
		{catalog.VendorMistral, "mistral-large", false},
		{catalog.VendorUnknown, "", false},
	} {
		assert.Equal(t, c.keeps, c.vendor.Keeps(c.model), c.model)
	}
}

func TestBedrockIDsGetTheirMakerBack(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"nova-pro-v1:0": "amazon.nova-pro-v1:0", "llama3-70b-instruct-v1:0": "meta.llama3-70b-instruct-v1:0", "command-r-v1:0": "cohere.command-r-v1:0",
		"mistral-7b-instruct-v0:2": "mistral.mistral-7b-instruct-v0:2", "jamba-1-5": "ai21.jamba-1-5", "claude-3-haiku": "claude-3-haiku",
		"mistral.mistral-large": "mistral.mistral-large", "us.amazon.nova-pro-v1:0": "us.amazon.nova-pro-v1:0", "": "",
	} {
		assert.Equal(t, want, catalog.BedrockID(name), name)
	}
}

func TestTwoNamesOfOneModelHaveOneBase(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"gpt-4o-mini", "gpt-4o-mini-2024-07-18"},
		{"claude-sonnet-4-5", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
		{"claude-sonnet-4-5", "anthropic/claude-sonnet-4-5-20250929"},
		{"claude-sonnet-4-5", "arn:aws:bedrock:us-east-1:1:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0"},
		{"claude-sonnet-4-5[1m]", "claude-sonnet-4-5"},
		{"claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929"},
		{"nova-pro-v1:0", "us.amazon.nova-pro-v1:0"},
		{"gemini-1.5-pro", "models/gemini-1.5-pro-002"},
		{"gpt-4", "GPT-4-0613"},
		{"mistral-large-latest", "mistral-large-2411"},
		{"gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash-preview-09-2025"},
		{"llama3:latest", "llama3"},
		{"claude-sonnet-4.5", "claude-sonnet-4-5"},
		{"anthropic/claude-3.7-sonnet", "claude-3-7-sonnet-20250219"},
	} {
		assert.Equal(t, catalog.Inspect(pair[0]).Base, catalog.Inspect(pair[1]).Base, "%v", pair)
	}
	for _, pair := range [][2]string{
		{"gpt-4o", "gpt-4o-mini"}, {"claude-sonnet-4-5", "claude-sonnet-4"}, {"gemini-2.5-flash", "gemini-2.5-flash-lite"}, {"o3", "o3-mini"}, {"gpt-4", "gpt-4.1"},
		{"ft:gpt-4o-mini:shop::1", "gpt-4o-mini"},
	} {
		assert.NotEqual(t, catalog.Inspect(pair[0]).Base, catalog.Inspect(pair[1]).Base, "%v", pair)
	}
}

// spelled lists the spellings of a name as "name (rules) region".
func spelled(host, name string) (list []string) {
	for s := range catalog.Spellings(host, name) {
		list = append(list, strings.TrimSpace(s.Name+" ("+s.Rules+") "+s.Region))
	}
	return list
}

func TestANameIsSpelledWithFewestCutsFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, name string
		want       []string
	}{
		{"openai", "gpt-4o", []string{"gpt-4o ()"}},
		{"openai", "openai/gpt-4o-2024-08-06", []string{
			"openai/gpt-4o-2024-08-06 ()", "gpt-4o-2024-08-06 (provider prefix)", "openai/gpt-4o (date suffix)", "gpt-4o (provider prefix, date suffix)",
		}},
		{"hyperbolic", "hyperbolic/x", []string{"hyperbolic/x ()", "x (provider prefix)"}},
		{"openrouter", "meta-llama/x", []string{"meta-llama/x ()"}},
		{"openai", "ft:gpt-4o:shop::1", []string{"ft:gpt-4o:shop::1 ()", "ft:gpt-4o (fine-tuning suffix)"}},
		{"anthropic", "claude-sonnet-4.5", []string{"claude-sonnet-4.5 ()", "claude-sonnet-4-5 (dotted version)"}},
		{"openai", "claude[1m]", []string{"claude[1m] ()", "claude (context suffix)"}},
		{"openai", "claude[big]", []string{"claude[big] ()"}},
		{"aws.bedrock", "converse/x", []string{"converse/x ()", "x (route)"}},
		{"azure.ai.openai", "eu/x", []string{"eu/x ()", "x (region path) eu"}},
		{"aws.bedrock", "us-gov-east-1/x", []string{"us-gov-east-1/x ()", "x (region path) us-gov-east-1"}},
		{"aws.bedrock", "global.anthropic.x", []string{"global.anthropic.x ()", "anthropic.x (region prefix) global", "x (region prefix, vendor prefix) global"}},
		{"aws.bedrock", "eu.amazon.nova-v1:0:300k", []string{
			"eu.amazon.nova-v1:0:300k ()", "eu.amazon.nova (version suffix)", "amazon.nova-v1:0:300k (region prefix) eu",
			"amazon.nova (version suffix, region prefix) eu", "nova-v1:0:300k (region prefix, vendor prefix) eu",
			"nova (version suffix, region prefix, vendor prefix) eu",
		}},
		{"gcp.vertex_ai", "projects/p/locations/l/publishers/google/models/x@default", []string{
			"projects/p/locations/l/publishers/google/models/x@default ()", "x@default (resource path)",
			"projects/p/locations/l/publishers/google/models/x (vertex version)", "x (resource path, vertex version)",
		}},
		{"gcp.gemini", "x-001", []string{"x-001 ()", "x (vertex version)"}},
		{"mistral_ai", "x-latest", []string{"x-latest ()", "x (-latest)"}},
		{"ollama", "x:latest", []string{"x:latest ()", "x (-latest)"}},
		{"openai", "x-preview-2411", []string{"x-preview-2411 ()"}},
		{"openai", "-2024-08-06", []string{"-2024-08-06 ()"}},
		{"openai", "", []string{" ()"}},
	} {
		for i := range c.want {
			c.want[i] = strings.TrimSpace(c.want[i])
		}
		assert.Equal(t, c.want, spelled(c.host, c.name), c.name)
	}
}

func TestAPriceOfOnesOwnMeansTheBuildsOfItsModel(t *testing.T) {
	t.Parallel()
	var names []string
	for s := range catalog.ContractSpellings("openai", "openai/gpt-4-0613") {
		names = append(names, s.Name)
		assert.Equal(t, !strings.Contains(s.Name, "0613"), s.Snapshot, s.Name)
	}
	assert.Equal(t, []string{"openai/gpt-4-0613", "gpt-4-0613", "openai/gpt-4", "gpt-4"}, names)
}

func TestARegionInAPathIsKnown(t *testing.T) {
	t.Parallel()
	for _, region := range []string{"us", "eu", "apac", "eu-west-1", "us-gov-east-1"} {
		assert.True(t, catalog.IsRegion(region), region)
	}
	for _, text := range []string{"", "asia", "eu-west", "eu-west-12", "e-west-1", "eu--1", "EU-west-1", "gpt-4"} {
		assert.False(t, catalog.IsRegion(text), text)
	}
}

func TestAPlainNameIsWhatHostsHaveInCommon(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"claude-3-Haiku", "us.anthropic.claude-3-haiku-20240307-v1:0", "anthropic/claude-3-haiku", "claude-3-haiku@20240307", "claude-3-haiku-latest"} {
		assert.Equal(t, "claude-3-haiku", catalog.Plain(name), name)
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "ft:gpt-4o:a::b", "x[1m]", "arn:aws:bedrock:a:b/c", "eu-west-1/x@y", "-v1:0", "20-latest-preview-2024-01-01"} {
		f.Add("openai", name)
	}
	f.Fuzz(func(t *testing.T, host, name string) {
		first := true
		for s := range catalog.Spellings(host, name) {
			require.Equal(t, first, s.Rules == "", "only the name itself is spelled by no rule")
			require.LessOrEqual(t, len(s.Name), len(name))
			if strings.HasPrefix(name, "ft:") {
				require.True(t, strings.HasPrefix(s.Name, "ft:"), "a tuned model is never its base")
			}
			first = false
		}
		if base := catalog.Inspect(name).Base; strings.ToLower(base) == base {
			require.Equal(t, base, catalog.Inspect(base).Base, "a base has no decorations left")
		}
		require.NotPanics(t, func() {
			catalog.At(host)
			catalog.Book(name)
			catalog.BedrockID(name)
			catalog.HostOf(name)
			catalog.Plain(name)
		})
	})
}
