package genai

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The kinds of calls that the steps distinguish.
var (
	kindOpenAI    = callKind{apiType: usage.APITypeText, provider: catalog.OpenAI, model: inspectModel("gpt-5")}
	kindAnthropic = callKind{apiType: usage.APITypeText, provider: catalog.Anthropic, model: inspectModel("claude-sonnet-4-5")}
	kindNova      = callKind{apiType: usage.APITypeText, provider: catalog.Bedrock, model: inspectModel("amazon.nova-pro-v1:0")}
	kindGoogle    = callKind{apiType: usage.APITypeText, provider: catalog.Gemini, model: inspectModel("gemini-2.5-pro")}
	kindEmbed     = callKind{apiType: usage.APITypeEmbedding, provider: catalog.OpenAI, model: inspectModel("text-embedding-3-small")}
)

// reported makes facts of what a span reports.
func reported(n map[fact]count) facts {
	f := noFacts
	for k, c := range n {
		f.n[k] = c
	}
	return f
}

func TestSides(t *testing.T) {
	t.Parallel()
	type sides struct {
		in, out      int64
		inconsistent bool
	}
	for name, c := range map[string]struct {
		kind  callKind
		facts map[fact]count
		want  sides
	}{
		"both":                                 {kindOpenAI, map[fact]count{factInput: 7, factOutput: 3}, sides{in: 7, out: 3}},
		"the total and the input":              {kindOpenAI, map[fact]count{factInput: 7, factTotal: 10}, sides{in: 7, out: 3}},
		"the total and the output":             {kindOpenAI, map[fact]count{factOutput: 3, factTotal: 10}, sides{in: 7, out: 3}},
		"a total below its one side":           {kindOpenAI, map[fact]count{factInput: 7, factTotal: 5}, sides{in: 7}},
		"the total alone":                      {kindOpenAI, map[fact]count{factTotal: 10}, sides{in: 10, inconsistent: true}},
		"the total alone, of an embedding":     {kindEmbed, map[fact]count{factTotal: 10}, sides{in: 10}},
		"one side of a conversation":           {kindOpenAI, map[fact]count{factOutput: 3}, sides{out: 3, inconsistent: true}},
		"one side of an embedding":             {kindEmbed, map[fact]count{factInput: 7}, sides{in: 7}},
		"one side is nothing":                  {kindOpenAI, map[fact]count{factInput: 0}, sides{}},
		"nothing":                              {kindOpenAI, nil, sides{}},
		"an input that is no number":           {kindOpenAI, map[fact]count{factInput: invalid, factOutput: 3}, sides{out: 3, inconsistent: true}},
		"no number beside the total":           {kindOpenAI, map[fact]count{factInput: invalid, factOutput: 3, factTotal: 10}, sides{out: 3}},
		"a total that is no number":            {kindOpenAI, map[fact]count{factInput: 7, factOutput: 3, factTotal: invalid}, sides{in: 7, out: 3}},
		"the total repeats what both sides do": {kindOpenAI, map[fact]count{factInput: 7, factOutput: 3, factTotal: 10}, sides{in: 7, out: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := reported(c.facts)
			s := split{f: &f, kind: c.kind}
			s.sides()
			require.Equal(t, c.want, sides{s.in, s.out, s.inconsistent})
		})
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	type cache struct {
		uncached, read, write, write1h int64
		exclusive, assumed             bool
		cacheMissing, lifetimeMissing  bool
	}
	cached := map[fact]count{factInput: 4000, factOutput: 5, factCacheRead: 1800, factCacheWrite: 200}
	with := func(more map[fact]count) map[fact]count {
		all := map[fact]count{}
		for _, m := range []map[fact]count{cached, more} {
			for k, n := range m {
				all[k] = n
			}
		}
		return all
	}
	for name, c := range map[string]struct {
		kind  callKind
		means inputMeaning
		facts map[fact]count
		want  cache
	}{
		"inside, as the conventions demand":    {kindOpenAI, inputInclusive, cached, cache{uncached: 2000, read: 1800, write: 200}},
		"inside, as OpenAI counts":             {kindOpenAI, inputAsProvider, cached, cache{uncached: 2000, read: 1800, write: 200}},
		"beside, as Anthropic counts":          {kindAnthropic, inputAsProvider, cached, cache{uncached: 4000, read: 1800, write: 200, exclusive: true, lifetimeMissing: true}},
		"beside, as the dialect writes":        {kindOpenAI, inputExclusive, cached, cache{uncached: 4000, read: 1800, write: 200, exclusive: true}},
		"beside, in buckets":                   {kindOpenAI, inputDisjoint, cached, cache{uncached: 4000, read: 1800, write: 200, exclusive: true}},
		"more than the input cannot be inside": {kindOpenAI, inputInclusive, with(map[fact]count{factInput: 1999}), cache{uncached: 1999, read: 1800, write: 200, exclusive: true}},
		"nobody says, and the provider has it inside": {kindOpenAI, inputUnknown, cached,
			cache{uncached: 2000, read: 1800, write: 200}},
		"nobody says, and the provider has it beside": {kindNova, inputUnknown, cached,
			cache{uncached: 2000, read: 1800, write: 200, assumed: true}},
		"nobody says but the total": {kindNova, inputUnknown, with(map[fact]count{factTotal: 6005}),
			cache{uncached: 4000, read: 1800, write: 200, exclusive: true}},
		"lifetimes": {kindAnthropic, inputAsProvider, with(map[fact]count{factCacheWrite5m: 150, factCacheWrite1h: 50}),
			cache{uncached: 4000, read: 1800, write: 200, write1h: 50, exclusive: true}},
		"lifetimes beyond the writes": {kindAnthropic, inputAsProvider, with(map[fact]count{factCacheWrite5m: 250, factCacheWrite1h: 50}),
			cache{uncached: 4000, read: 1800, write: 300, write1h: 50, exclusive: true}},
		"not reported where a cache is likely": {kindOpenAI, inputInclusive, map[fact]count{factInput: minCacheable},
			cache{uncached: minCacheable, cacheMissing: true}},
		"not reported where there can be none": {kindOpenAI, inputInclusive, map[fact]count{factInput: minCacheable - 1},
			cache{uncached: minCacheable - 1}},
		"not reported by who leaves it out of the input": {kindAnthropic, inputAsProvider, map[fact]count{factInput: 3},
			cache{uncached: 3, exclusive: true, cacheMissing: true}},
		"an embedding has no cache": {kindEmbed, inputInclusive, map[fact]count{factInput: 5000}, cache{uncached: 5000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := reported(c.facts)
			f.inputMeans = c.means
			s := split{f: &f, kind: c.kind, in: f.n[factInput].or0(), out: f.n[factOutput].or0()}
			s.cache()
			require.Equal(t, c.want, cache{s.uncached, s.read, s.write, s.write1h, s.exclusive, s.assumed, s.cacheMissing, s.lifetimeMissing})
		})
	}
}

func TestThoughts(t *testing.T) {
	t.Parallel()
	type thoughts struct {
		reasoning               int64
		outside, known, missing bool
	}
	some := map[fact]count{factOutput: 100, factReasoning: 60}
	for name, c := range map[string]struct {
		kind  callKind
		means outputMeaning
		facts map[fact]count
		want  thoughts
	}{
		"inside, as the conventions demand": {kindGoogle, outputInclusive, some, thoughts{60, false, true, false}},
		"inside, as OpenAI counts":          {kindOpenAI, outputAsProvider, some, thoughts{60, false, true, false}},
		"beside, as Google counts":          {kindGoogle, outputAsProvider, some, thoughts{60, true, true, false}},
		"beside, as the dialect writes":     {kindOpenAI, outputExclusive, some, thoughts{60, true, true, false}},
		"beside, in buckets":                {kindOpenAI, outputDisjoint, some, thoughts{60, true, true, false}},
		"more than the output":              {kindOpenAI, outputInclusive, map[fact]count{factOutput: 50, factReasoning: 60}, thoughts{60, true, true, false}},
		"without an output":                 {kindOpenAI, outputInclusive, map[fact]count{factReasoning: 60}, thoughts{60, false, true, false}},
		"not reported, billed inside":       {kindOpenAI, outputUnknown, map[fact]count{factOutput: 50}, thoughts{}},
		"not reported, billed beside":       {kindGoogle, outputUnknown, map[fact]count{factOutput: 50}, thoughts{missing: true}},
		"not reported by Google's own SDK":  {kindGoogle, outputAsProvider, map[fact]count{factOutput: 50}, thoughts{outside: true, missing: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := reported(c.facts)
			f.outputMeans = c.means
			s := split{f: &f, kind: c.kind, out: f.n[factOutput].or0()}
			s.thoughts()
			require.Equal(t, c.want, thoughts{s.reasoning, s.outside, s.reasoningKnown, s.reasoningMissing})
		})
	}
}

func TestTotal(t *testing.T) {
	t.Parallel()
	type total struct {
		read, reasoning                     int64
		outside, cacheMissing, inconsistent bool
	}
	for name, c := range map[string]struct {
		kind  callKind
		means outputMeaning
		start split
		total count
		want  total
	}{
		"all is in the parts":                            {kindOpenAI, outputInclusive, split{reasoning: 60}, 1100, total{reasoning: 60}},
		"reasoning was inside after all":                 {kindGoogle, outputAsProvider, split{reasoning: 60, outside: true}, 1100, total{reasoning: 60}},
		"buckets are beside one another":                 {kindGoogle, outputDisjoint, split{reasoning: 60, outside: true}, 1160, total{reasoning: 60, outside: true}},
		"buckets overlap, says their total":              {kindGoogle, outputDisjoint, split{reasoning: 60, outside: true}, 1100, total{reasoning: 60}},
		"reasoning was beside":                           {kindOpenAI, outputInclusive, split{reasoning: 60}, 1160, total{reasoning: 60, outside: true}},
		"reasoning that was not reported":                {kindGoogle, outputAsProvider, split{reasoningMissing: true}, 1160, total{reasoning: 60, outside: true}},
		"cached tokens that were dropped":                {kindNova, outputInclusive, split{}, 1700, total{read: 600, cacheMissing: true}},
		"more than anybody explains":                     {kindOpenAI, outputInclusive, split{}, 1700, total{inconsistent: true}},
		"more than reasoning beside the output explains": {kindOpenAI, outputExclusive, split{reasoning: 60, outside: true}, 1170, total{reasoning: 60, outside: true, inconsistent: true}},
		"less than reasoning beside the output":          {kindOpenAI, outputExclusive, split{reasoning: 60, outside: true}, 1150, total{reasoning: 60, outside: true, inconsistent: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := reported(map[fact]count{factInput: 1000, factOutput: 100, factTotal: c.total})
			f.outputMeans = c.means
			s := c.start
			s.f, s.kind, s.in, s.uncached, s.out = &f, c.kind, 1000, 1000, 100
			s.total()
			require.False(t, s.reasoningMissing, "the total says whether there was some")
			require.Equal(t, c.want, total{s.read, s.reasoning, s.outside, s.cacheMissing, s.inconsistent})
		})
	}
}

func TestInputParts(t *testing.T) {
	t.Parallel()
	speech, recording := kindOpenAI, kindOpenAI
	speech.apiType, recording.apiType = usage.APITypeSpeech, usage.APITypeTranscription
	for name, c := range map[string]struct {
		kind         callKind
		means        inputMeaning
		facts        map[fact]count
		want         usage.Quantities
		inconsistent bool
		audioMissing bool
	}{
		"text": {kindOpenAI, inputInclusive, nil, usage.Quantities{usage.InputTextTokens: 100, usage.CacheReadTokens: 40}, false, false},
		"audio and images inside": {kindOpenAI, inputInclusive, map[fact]count{factInputAudio: 30, factInputImage: 20, factInputVideo: 10},
			usage.Quantities{usage.InputTextTokens: 40, usage.InputAudioTokens: 30, usage.InputImageTokens: 20, usage.InputVideoTokens: 10, usage.CacheReadTokens: 40}, false, false},
		"beside, in buckets": {kindOpenAI, inputDisjoint, map[fact]count{factInputAudio: 130},
			usage.Quantities{usage.InputTextTokens: 100, usage.InputAudioTokens: 130, usage.CacheReadTokens: 40}, false, false},
		"cached audio": {kindOpenAI, inputInclusive, map[fact]count{factInputAudio: 30, factCacheReadAudio: 25, factCacheReadImage: 5},
			usage.Quantities{usage.InputTextTokens: 95, usage.InputAudioTokens: 5, usage.CacheReadTokens: 10, usage.CacheReadAudioTokens: 25, usage.CacheReadImageTokens: 5}, false, false},
		"more parts than input": {kindOpenAI, inputInclusive, map[fact]count{factInputAudio: 70, factInputImage: 20, factInputVideo: 50},
			usage.Quantities{usage.InputAudioTokens: 70, usage.InputImageTokens: 20, usage.InputVideoTokens: 10, usage.CacheReadTokens: 40}, true, false},
		"speech without a word on audio": {speech, inputInclusive, nil, usage.Quantities{usage.InputTextTokens: 100, usage.CacheReadTokens: 40}, false, true},
		"a recording":                    {recording, inputInclusive, nil, usage.Quantities{usage.InputAudioTokens: 100, usage.CacheReadTokens: 40}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := reported(c.facts)
			f.inputMeans = c.means
			s := split{f: &f, kind: c.kind, in: 140, uncached: 100, read: 40}
			var q usage.Quantities
			s.inputParts(&q)
			require.Equal(t, c.want, q)
			require.Equal(t, c.inconsistent, s.inconsistent)
			require.Equal(t, c.audioMissing, s.audioMissing)
		})
	}
}

func TestOutputParts(t *testing.T) {
	t.Parallel()
	spoken, image := kindOpenAI, kindOpenAI
	spoken.apiType, image.apiType = usage.APITypeTTS, usage.APITypeImage
	for name, c := range map[string]struct {
		kind         callKind
		means        outputMeaning
		outside      bool
		facts        map[fact]count
		want         usage.Quantities
		inconsistent bool
	}{
		"reasoning inside": {kindOpenAI, outputInclusive, false, map[fact]count{factOutputAudio: 20, factOutputImage: 10},
			usage.Quantities{usage.OutputTextTokens: 30, usage.OutputReasoningTokens: 40, usage.OutputAudioTokens: 20, usage.OutputImageTokens: 10}, false},
		"reasoning beside": {kindOpenAI, outputExclusive, true, nil,
			usage.Quantities{usage.OutputTextTokens: 100, usage.OutputReasoningTokens: 40}, false},
		"in buckets": {kindOpenAI, outputDisjoint, true, map[fact]count{factOutputAudio: 120},
			usage.Quantities{usage.OutputTextTokens: 100, usage.OutputReasoningTokens: 40, usage.OutputAudioTokens: 120}, false},
		"more parts than output": {kindOpenAI, outputInclusive, false, map[fact]count{factOutputAudio: 70, factOutputImage: 20},
			usage.Quantities{usage.OutputReasoningTokens: 10, usage.OutputAudioTokens: 70, usage.OutputImageTokens: 20}, true},
		"more parts than output, reasoning beside": {kindOpenAI, outputExclusive, true, map[fact]count{factOutputAudio: 170},
			usage.Quantities{usage.OutputReasoningTokens: 40, usage.OutputAudioTokens: 100}, true},
		"spoken": {spoken, outputInclusive, false, nil, usage.Quantities{usage.OutputReasoningTokens: 40, usage.OutputAudioTokens: 60}, false},
		"drawn":  {image, outputInclusive, false, nil, usage.Quantities{usage.OutputReasoningTokens: 40, usage.OutputImageTokens: 60}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := reported(c.facts)
			f.outputMeans = c.means
			s := split{f: &f, kind: c.kind, out: 100, reasoning: 40, outside: c.outside}
			var q usage.Quantities
			s.outputParts(&q)
			require.Equal(t, c.want, q)
			require.Equal(t, c.inconsistent, s.inconsistent)
		})
	}
}

func TestTheGravestDoubtIsTheReason(t *testing.T) {
	t.Parallel()
	doubts := []struct {
		reason usage.Reason
		have   func(f *facts, s *split)
	}{
		{usage.ReasonInvalidQuantity, func(f *facts, _ *split) { f.n[factPages] = invalid }},
		{usage.ReasonCallsNotReported, func(f *facts, _ *split) { f.callsMissing = true }},
		{usage.ReasonInstrumentationEstimate, func(f *facts, _ *split) { f.estimate = true }},
		{usage.ReasonTokensNotReported, func(f *facts, _ *split) { f.tokensMissing = true }},
		{usage.ReasonInconsistentQuantities, func(_ *facts, s *split) { s.inconsistent = true }},
		{usage.ReasonReasoningNotReported, func(_ *facts, s *split) { s.reasoningMissing = true }},
		{usage.ReasonCacheNotReported, func(_ *facts, s *split) { s.cacheMissing = true }},
		{usage.ReasonAudioNotReported, func(_ *facts, s *split) { s.audioMissing = true }},
		{usage.ReasonCacheTTLNotReported, func(_ *facts, s *split) { s.lifetimeMissing = true }},
		{usage.ReasonUnknownDialect, func(_ *facts, s *split) { s.assumed = true }},
		{"", func(*facts, *split) {}},
	}
	q := usage.Quantities{usage.InputTextTokens: 1}
	for i, doubt := range doubts {
		f := reported(map[fact]count{factInput: 1})
		s := split{f: &f, kind: kindOpenAI}
		for _, lesser := range doubts[i:] {
			lesser.have(&f, &s)
		}
		require.Equal(t, doubt.reason, s.reason(&q))
	}
}

func TestTheDetailsThatAreMissingAreNamed(t *testing.T) {
	t.Parallel()
	f := noFacts
	f.reports = MissingReasoning
	require.Zero(t, (&split{f: &f, kind: kindOpenAI}).missing())
	require.Equal(t, MissingCache, (&split{f: &f, kind: kindOpenAI, cacheMissing: true}).missing())
	require.Equal(t, MissingCache|MissingInput, (&split{f: &f, kind: kindAnthropic, cacheMissing: true, exclusive: true}).missing(),
		"what was not cached is all that is left of the input")
	require.Equal(t, MissingCacheTTL|MissingAudio, (&split{f: &f, kind: kindOpenAI, lifetimeMissing: true, audioMissing: true}).missing())
	f.reports = 0
	require.Equal(t, MissingReasoning, (&split{f: &f, kind: kindOpenAI}).missing(), "the model reasons and nobody says how much")
	require.Zero(t, (&split{f: &f, kind: kindOpenAI, reasoningKnown: true}).missing())
}
