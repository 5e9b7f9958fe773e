package genai

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func TestFactsBecomeDisjointQuantities(t *testing.T) {
	t.Parallel()
	openAI := callKind{apiType: usage.APITypeText, provider: catalog.OpenAI, model: inspectModel("gpt-5")}
	anthropic := callKind{apiType: usage.APITypeText, provider: catalog.Anthropic, model: inspectModel("claude-sonnet-4-5")}
	bedrock := callKind{apiType: usage.APITypeText, provider: catalog.Bedrock, model: inspectModel("amazon.nova-pro-v1:0")}
	gemini := callKind{apiType: usage.APITypeText, provider: catalog.Gemini, model: inspectModel("gemini-2.5-pro")}
	speech := callKind{apiType: usage.APITypeSpeech, provider: catalog.OpenAI, model: inspectModel("gpt-4o-audio-preview")}
	all := MissingCache | MissingReasoning | MissingAudio

	for name, c := range map[string]struct {
		kind   callKind
		facts  func(f *facts)
		want   usage.Quantities
		reason usage.Reason
	}{
		"inclusive, reasoning inside": {openAI, func(f *facts) {
			f.n[factInput], f.n[factCacheRead], f.n[factOutput], f.n[factReasoning] = 2006, 1792, 412, 320
		}, usage.Quantities{usage.InputTextTokens: 214, usage.CacheReadTokens: 1792, usage.OutputTextTokens: 92, usage.OutputReasoningTokens: 320}, ""},
		"the provider's own number is exclusive": {anthropic, func(f *facts) {
			f.inputMeans, f.n[factInput], f.n[factCacheRead], f.n[factCacheWrite], f.n[factCacheWrite5m], f.n[factCacheWrite1h], f.n[factOutput] = inputAsProvider, 4000, 1800, 248, 148, 100, 503
		}, usage.Quantities{usage.InputTextTokens: 4000, usage.CacheReadTokens: 1800, usage.CacheWrite5mTokens: 148, usage.CacheWrite1hTokens: 100, usage.OutputTextTokens: 503}, ""},
		"a dialect that claims to be inclusive and cannot be": {anthropic, func(f *facts) {
			f.n[factInput], f.n[factCacheRead], f.n[factCacheWrite], f.n[factCacheWrite1h], f.n[factOutput] = 41, 1800, 248, 248, 503
		}, usage.Quantities{usage.InputTextTokens: 41, usage.CacheReadTokens: 1800, usage.CacheWrite1hTokens: 248, usage.OutputTextTokens: 503}, ""},
		"everything cached": {openAI, func(f *facts) {
			f.n[factInput], f.n[factCacheRead], f.n[factOutput] = 1024, 1024, 5
		}, usage.Quantities{usage.CacheReadTokens: 1024, usage.OutputTextTokens: 5}, ""},
		"a lifetime larger than the sum of writes": {anthropic, func(f *facts) {
			f.n[factInput], f.n[factCacheRead], f.n[factCacheWrite], f.n[factCacheWrite5m], f.n[factOutput] = 5000, 0, 100, 300, 5
		}, usage.Quantities{usage.InputTextTokens: 4700, usage.CacheWrite5mTokens: 300, usage.OutputTextTokens: 5}, ""},
		"only the parts of the writes are reported": {anthropic, func(f *facts) {
			f.n[factInput], f.n[factCacheRead], f.n[factCacheWrite5m], f.n[factCacheWrite1h], f.n[factOutput] = 5000, 0, 148, 100, 5
		}, usage.Quantities{usage.InputTextTokens: 4752, usage.CacheWrite5mTokens: 148, usage.CacheWrite1hTokens: 100, usage.OutputTextTokens: 5}, ""},
		"Gemini's thoughts are beside the candidates": {gemini, func(f *facts) {
			f.outputMeans, f.n[factInput], f.n[factCacheRead], f.n[factOutput], f.n[factReasoning], f.n[factTotal] = outputAsProvider, 904, 512, 77, 133, 1114
		}, usage.Quantities{usage.InputTextTokens: 392, usage.CacheReadTokens: 512, usage.OutputTextTokens: 77, usage.OutputReasoningTokens: 133}, ""},
		"the total says that thoughts are inside": {gemini, func(f *facts) {
			f.outputMeans, f.n[factInput], f.n[factCacheRead], f.n[factOutput], f.n[factReasoning], f.n[factTotal] = outputAsProvider, 904, 512, 210, 133, 1114
		}, usage.Quantities{usage.InputTextTokens: 392, usage.CacheReadTokens: 512, usage.OutputTextTokens: 77, usage.OutputReasoningTokens: 133}, ""},
		"the total of Bedrock shows dropped cached tokens": {bedrock, func(f *facts) {
			f.inputMeans, f.n[factInput], f.n[factOutput], f.n[factTotal] = inputAsProvider, 30, 628, 2358
		}, usage.Quantities{usage.InputTextTokens: 30, usage.CacheReadTokens: 1700, usage.OutputTextTokens: 628}, usage.ReasonCacheNotReported},
		"audio is taken out of text on both sides": {speech, func(f *facts) {
			f.n[factInput], f.n[factInputAudio], f.n[factOutput], f.n[factOutputAudio] = 1306, 210, 287, 140
		}, usage.Quantities{usage.InputTextTokens: 1096, usage.InputAudioTokens: 210, usage.OutputTextTokens: 147, usage.OutputAudioTokens: 140}, ""},
		"cached audio is cached and audio": {speech, func(f *facts) {
			f.n[factInput], f.n[factCacheRead], f.n[factCacheReadAudio], f.n[factInputAudio], f.n[factOutput], f.n[factOutputAudio] = 1000, 600, 200, 300, 50, 50
		}, usage.Quantities{usage.InputTextTokens: 300, usage.CacheReadTokens: 400, usage.CacheReadAudioTokens: 200, usage.InputAudioTokens: 100, usage.OutputAudioTokens: 50}, ""},
		"more audio than input": {speech, func(f *facts) {
			f.n[factInput], f.n[factInputAudio], f.n[factOutput], f.n[factOutputAudio] = 100, 210, 50, 0
		}, usage.Quantities{usage.InputAudioTokens: 100, usage.OutputTextTokens: 50}, usage.ReasonInconsistentQuantities},
		"more tokens in the total than anywhere": {openAI, func(f *facts) {
			f.n[factInput], f.n[factOutput], f.n[factTotal] = 100, 50, 500
		}, usage.Quantities{usage.InputTextTokens: 100, usage.OutputTextTokens: 50}, usage.ReasonInconsistentQuantities},
		"the total and the output give the input": {openAI, func(f *facts) {
			f.n[factOutput], f.n[factTotal] = 50, 500
		}, usage.Quantities{usage.InputTextTokens: 450, usage.OutputTextTokens: 50}, ""},
		"only one side is known": {openAI, func(f *facts) {
			f.n[factOutput] = 50
		}, usage.Quantities{usage.OutputTextTokens: 50}, usage.ReasonInconsistentQuantities},
		"buckets do not overlap": {openAI, func(f *facts) {
			f.inputMeans, f.outputMeans = inputDisjoint, outputDisjoint
			f.n[factInput], f.n[factCacheRead], f.n[factInputAudio], f.n[factOutput], f.n[factReasoning], f.n[factTotal] = 282, 1024, 5, 95, 192, 1598
		}, usage.Quantities{usage.InputTextTokens: 282, usage.CacheReadTokens: 1024, usage.InputAudioTokens: 5, usage.OutputTextTokens: 95, usage.OutputReasoningTokens: 192}, ""},
		"nothing reported":  {openAI, func(*facts) {}, usage.Quantities{}, usage.ReasonNoUsage},
		"zeros reported":    {openAI, func(f *facts) { f.n[factInput], f.n[factOutput] = 0, 0 }, usage.Quantities{}, usage.ReasonZeroUsageStream},
		"nonsense reported": {openAI, func(f *facts) { f.n[factInput], f.n[factOutput] = invalid, 7 }, usage.Quantities{usage.OutputTextTokens: 7}, usage.ReasonInvalidQuantity},
		"the greatest counts do not overflow": {openAI, func(f *facts) {
			f.n[factInput], f.n[factOutput], f.n[factCacheRead], f.n[factCacheWrite], f.n[factReasoning] = maxCount, maxCount, maxCount, maxCount, maxCount
		}, usage.Quantities{usage.InputTextTokens: maxCount, usage.CacheReadTokens: maxCount, usage.CacheWrite5mTokens: maxCount, usage.OutputReasoningTokens: maxCount}, usage.ReasonInconsistentQuantities},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := noFacts
			f.reports = all
			c.facts(&f)
			var got usage.Quantities
			reason, _ := f.quantities(&got, c.kind)
			require.Equal(t, c.want, got)
			require.Equal(t, c.reason, reason)
		})
	}
}

func TestTheHostFollowsFromTheStrongestSign(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ named, address, model, want string }{
		{"openai", "", "gpt-4o", "openai"},
		{"openai", "api.openai.com", "gpt-4o", "openai"},
		{"openai", "shop.openai.azure.com", "gpt-4o", "azure.ai.openai"},
		{"openai", "api.groq.com", "llama-3.3-70b-versatile", "groq"},
		{"openai", "127.0.0.1", "gpt-4o", "openai"},
		{"openai.responses", "", "gpt-5", "openai"},
		{"az.ai.openai", "api.openai.com", "gpt-4o", "azure.ai.openai"},
		{"anthropic", "", "claude-sonnet-4-5", "anthropic"},
		{"anthropic", "", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock"},
		{"anthropic", "us-east5-aiplatform.googleapis.com", "claude-sonnet-4-5@20250929", "gcp.vertex_ai"},
		{"AWS", "", "amazon.nova-pro-v1:0", "aws.bedrock"},
		{"strands-agents", "", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock"},
		{"strands-agents", "", "gpt-4o-mini", "openai"},
		{"gcp.vertex.agent", "", "gemini-2.5-flash", "gcp.gemini"},
		{"gcp.gen_ai", "generativelanguage.googleapis.com", "gemini-2.5-flash", "gcp.gemini"},
		{"gcp.gen_ai", "europe-west4-aiplatform.googleapis.com", "gemini-2.5-flash", "gcp.vertex_ai"},
		{"github", "", "claude-sonnet-4.5", "anthropic"},
		{"github", "", "grok-code-fast-1", "x_ai"},
		{"", "", "o4-mini", "openai"},
		{"", "", "azure/gpt-4o", "azure.ai.openai"},
		{"litellm", "", "bedrock/anthropic.claude-3-haiku-20240307-v1:0", "aws.bedrock"},
		{"xai", "", "grok-4", "x_ai"},
		{"mistral", "", "codestral-latest", "mistral_ai"},
		{"my-own-cluster", "", "llama-3", "my-own-cluster"},
		{"", "", "some-model", ""},
		{"langchain", "", "some-model", "langchain"},
		{"openai", "", "openai.gpt-oss-120b-1:0", "aws.bedrock"},
	} {
		require.Equal(t, c.want, providerOf(c.named, c.address, c.model, inspectModel(c.model)), "%+v", c)
	}
}

func TestTheModelDecidesTheTypeOfACall(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]usage.APIType{
		"gpt-4o": usage.APITypeText, "": usage.APITypeText, "gpt-realtime": usage.APITypeSpeech, "whisper-1": usage.APITypeTranscription,
		"tts-1-hd": usage.APITypeTTS, "voyage-3": usage.APITypeEmbedding, "dall-e-3": usage.APITypeImage, "sora-2": usage.APITypeVideo,
		"rerank-v3.5": usage.APITypeRerank,
	} {
		require.Equal(t, want, opChat.apiType(inspectModel(model).kind), model)
	}
}
