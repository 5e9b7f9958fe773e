package genai

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// truth is what the provider really answered, as the capture recorded it.
type truth struct {
	BillableCalls int `json:"billable_calls"`
	Calls         []struct {
		Provider      string          `json:"provider"`
		API           string          `json:"api"`
		Billable      bool            `json:"billable"`
		ModelRequest  string          `json:"model_requested"`
		ModelReturned string          `json:"model_returned"`
		ResponseID    string          `json:"response_id"`
		Usage         json.RawMessage `json:"usage"`
	} `json:"calls"`
}

// bill is what a provider charges one call by.
type bill struct {
	input, output, cacheRead, cacheWrite5m, cacheWrite1h, reasoning int64
	inputAudio, outputAudio, seconds                                int64
}

func billOf(t *testing.T, provider string, raw json.RawMessage) bill {
	t.Helper()
	var u struct {
		PromptTokens, CompletionTokens int64 `json:"-"`

		Prompt       int64                         `json:"prompt_tokens"`
		Completion   int64                         `json:"completion_tokens"`
		PromptD      struct{ Cached, Audio int64 } `json:"-"`
		PromptDetail struct {
			Cached int64 `json:"cached_tokens"`
			Audio  int64 `json:"audio_tokens"`
		} `json:"prompt_tokens_details"`
		CompletionDetail struct {
			Reasoning int64 `json:"reasoning_tokens"`
			Audio     int64 `json:"audio_tokens"`
		} `json:"completion_tokens_details"`

		Input       int64 `json:"input_tokens"`
		Output      int64 `json:"output_tokens"`
		InputDetail struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"input_tokens_details"`
		InputParts struct {
			Audio int64 `json:"audio_tokens"`
		} `json:"input_token_details"`
		OutputDetail struct {
			Reasoning int64 `json:"reasoning_tokens"`
		} `json:"output_tokens_details"`
		Write struct {
			FiveMinutes int64 `json:"ephemeral_5m_input_tokens"`
			OneHour     int64 `json:"ephemeral_1h_input_tokens"`
		} `json:"cache_creation"`
		Read    int64 `json:"cache_read_input_tokens"`
		Seconds int64 `json:"seconds"`

		GeminiPrompt     int64 `json:"promptTokenCount"`
		GeminiCandidates int64 `json:"candidatesTokenCount"`
		GeminiThoughts   int64 `json:"thoughtsTokenCount"`
		GeminiCached     int64 `json:"cachedContentTokenCount"`

		BedrockInput  int64 `json:"inputTokens"`
		BedrockOutput int64 `json:"outputTokens"`
		BedrockRead   int64 `json:"cacheReadInputTokens"`
		BedrockWrite  int64 `json:"cacheWriteInputTokens"`
	}
	if len(raw) > 0 && string(raw) != "null" {
		require.NoError(t, json.Unmarshal(raw, &u))
	}
	b := bill{
		input:      u.Prompt + u.Input + u.GeminiPrompt + u.BedrockInput + u.BedrockRead + u.BedrockWrite,
		output:     u.Completion + u.Output + u.GeminiCandidates + u.GeminiThoughts + u.BedrockOutput,
		cacheRead:  u.PromptDetail.Cached + u.InputDetail.Cached + u.Read + u.GeminiCached + u.BedrockRead,
		reasoning:  u.CompletionDetail.Reasoning + u.OutputDetail.Reasoning + u.GeminiThoughts,
		inputAudio: u.PromptDetail.Audio + u.InputParts.Audio, outputAudio: u.CompletionDetail.Audio,
		cacheWrite5m: u.Write.FiveMinutes + u.BedrockWrite, cacheWrite1h: u.Write.OneHour,
		seconds: u.Seconds,
	}
	if provider == "anthropic" {
		b.input += u.Read + u.Write.FiveMinutes + u.Write.OneHour
	}
	return b
}

func billOfCall(c *Call) bill {
	q := &c.Quantities
	return bill{
		input: q.InputTokens(), output: q.OutputTokens(), cacheRead: q.CacheReadTotal(),
		cacheWrite5m: q[usage.CacheWrite5mTokens], cacheWrite1h: q[usage.CacheWrite1hTokens],
		reasoning: q[usage.OutputReasoningTokens], inputAudio: q[usage.InputAudioTokens] + q[usage.CacheReadAudioTokens],
		outputAudio: q[usage.OutputAudioTokens], seconds: q[usage.AudioSeconds] / usage.NanosPerSecond,
	}
}

// readAll reads one payload with a reader of its own.
func readAll(t testing.TB, config Config, td ptrace.Traces) (calls []Call, skips map[string]int) {
	t.Helper()
	reader, err := NewReader(config)
	require.NoError(t, err)
	return readWith(reader, td)
}

func readWith(reader *Reader, td ptrace.Traces) (calls []Call, skips map[string]int) {
	skips = map[string]int{}
	reader.Read(td, func(c *Call, _ ptrace.Span, _ pcommon.Resource) {
		kept := *c
		kept.Tags = append([]usage.Tag(nil), c.Tags...)
		calls = append(calls, kept)
	}, func(dialect string, reason SkipReason) { skips[dialect+" "+string(reason)]++ })
	return calls, skips
}

func loadTraces(t testing.TB, path string) ptrace.Traces {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(raw)
	require.NoError(t, err)
	return td
}

func TestTheOfficialOpenAIInstrumentationIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	calls, skips := readAll(t, Config{TrackUsers: true}, loadTraces(t, "testdata/corpus/otel-instrumentation-openai-0.22.0/tool_loop.json"))
	require.Len(t, calls, 2)
	require.Empty(t, skips)
	first := calls[0]
	require.Equal(t, "otel", first.Dialect)
	require.Equal(t, "openai", first.Provider)
	require.Equal(t, "gpt-4o-2024-08-06", first.Model)
	require.Equal(t, "gpt-4o", first.RequestModel)
	require.Equal(t, "chat-api", first.Service)
	require.Equal(t, "staging", first.Environment)
	require.Equal(t, usage.APITypeText, first.APIType)
	require.Equal(t, bill{input: 1306, output: 287}, billOfCall(&first))
	require.Equal(t, usage.ReasonCacheNotReported, first.Reason, "this library drops cached tokens, and 1306 tokens may have been cached")
	require.Equal(t, bill{input: 1316, output: 288}, billOfCall(&calls[1]))
}
