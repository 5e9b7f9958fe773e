package genai

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The tests of this file report one fact in every dialect, under the names that
// the dialect has for it, and expect the same call of all.

// writing is what makes a span of a dialect a call, where its first scope and
// gen_ai.operation.name do not.
type writing struct {
	scope, version, span string
	marks                map[string]string
	// answer puts the provider's answer where the dialect attaches it.
	answer func(json string) (name, text string)
}

var writings = map[string]writing{
	"openinference": {scope: "openinference.instrumentation.openai", marks: map[string]string{"openinference.span.kind": "LLM"},
		answer: func(json string) (string, string) { return "output.value", json }},
	"langfuse":  {marks: map[string]string{"langfuse.observation.type": "generation"}},
	"langsmith": {marks: map[string]string{"langsmith.span.kind": "llm"}},
	"genkit": {marks: map[string]string{"genkit:type": "action", "genkit:metadata:subtype": "model"},
		answer: func(json string) (string, string) { return "genkit:output", `{"raw":` + json + `}` }},
	"google-adk": {span: "call_llm", answer: func(json string) (string, string) { return "gcp.vertex.agent.llm_response", json }},
	"mastra":     {marks: map[string]string{"mastra.span.type": "model_inference"}},
	"vercel-ai":  {marks: map[string]string{"ai.operationId": "ai.generateText.doGenerate"}},
	"traceloop":  {scope: "@traceloop/instrumentation-openai", version: "0.27.0", marks: map[string]string{"llm.is_streaming": "false"}},
	"openllmetry": {scope: "opentelemetry.instrumentation.openai.v1",
		marks: map[string]string{"llm.request.type": "chat"}},
	"openlit":     {scope: "openlit.instrumentation.openai"},
	"strands":     {marks: map[string]string{"gen_ai.event.start_time": "2026-11-21T10:00:00Z"}},
	"voltagent":   {marks: map[string]string{"llm.operation": "generateText"}},
	"claude-code": {marks: map[string]string{"span.type": "llm_request"}},
	"codex":       {span: "handle_responses"},
	"haystack": {marks: map[string]string{"haystack.component.type": "OpenAIChatGenerator"},
		answer: func(json string) (string, string) {
			return "haystack.component.output", `{"replies":["x"],"meta":[` + json + `]}`
		}},
	"sentry": {marks: map[string]string{"sentry.op": "gen_ai.chat"}},
}

// written makes a payload with one span of a dialect.
func written(d *dialect, provider, model string, facts map[fact]int64, attributes map[string]any) ptrace.Traces {
	w := writings[d.name]
	scope := w.scope
	if scope == "" && len(d.scopes) > 0 {
		scope = strings.TrimSuffix(d.scopes[0], "*")
	}
	td := ptrace.NewTraces()
	ss := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	ss.Scope().SetName(scope)
	ss.Scope().SetVersion(w.version)
	span := ss.Spans().AppendEmpty()
	span.SetName("chat")
	if w.span != "" {
		span.SetName(w.span)
	}
	if d == &claudePlatform {
		span.SetKind(ptrace.SpanKindServer)
	}
	span.SetTraceID(pcommon.TraceID{1})
	span.SetSpanID(pcommon.SpanID{2})
	start := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(time.Second)))
	a := span.Attributes()
	if d.name != "codex" && d.name != "voltagent" && d.name != "google-adk" {
		a.PutStr("gen_ai.operation.name", "chat")
	}
	for name, text := range w.marks {
		a.PutStr(name, text)
	}
	text := func(ids []nameID) string { return builtinNames.names[ids[0]] }
	a.PutStr(text(d.words.provider), provider)
	a.PutStr(text(d.words.requestModel), model)
	a.PutStr(text(d.words.model), model)
	if d.name == "genkit" {
		a.PutStr("genkit:name", provider+"/"+model)
	}
	for f, n := range facts {
		a.PutInt(text(d.words.counts[f]), n)
	}
	for name, value := range attributes {
		if err := a.PutEmpty(name).FromRaw(value); err != nil {
			panic(err)
		}
	}
	return td
}

// everyDialect runs a test for each dialect.
func everyDialect(t *testing.T, test func(t *testing.T, d *dialect)) {
	t.Helper()
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}

// forgetful remembers nothing, so that all tests can share it.
var forgetful = sync.OnceValue(func() *Reader {
	reader, err := NewReader(Config{DuplicateWindow: -1, RootMemory: -1})
	if err != nil {
		panic(err)
	}
	return reader
})

func onlyCall(t *testing.T, td ptrace.Traces) Call {
	t.Helper()
	calls, skips := readWith(forgetful(), td)
	require.Len(t, calls, 1, "skipped: %v", skips)
	return calls[0]
}

// roads are the places where a member of a provider's answer can stand.
func roads(d *dialect, member, value string) map[string]map[string]any {
	object := `{"` + member + `":"` + value + `"}`
	all := map[string]map[string]any{
		"usage object as text": {"gen_ai.usage.raw": object},
		"usage object as map":  {"gen_ai.usage.raw": map[string]any{member: value}},
		"answer as text":       {"gen_ai.response.raw": `{"usage":` + object + `}`},
	}
	if answer := writings[d.name].answer; answer != nil {
		name, text := answer(`{"model":"m","usage":` + object + `}`)
		all["its own answer"] = map[string]any{name: text}
	}
	if d == &vercel {
		all["its own answer"] = map[string]any{"ai.response.providerMetadata": `{"vendor":` + object + `}`}
	}
	return all
}

var twoSides = map[fact]int64{factInput: 1000, factOutput: 100}

func TestTheTierThatServedIsReadInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for value, want := range map[string]string{
			"flex": "flex", "priority": "priority", "batch": "batch", "default": "", "auto": "", "PROVISIONED_THROUGHPUT": "provisioned_throughput",
			"ON_DEMAND": "", "ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority",
		} {
			for _, id := range namesServedTier {
				name := builtinNames.names[id]
				call := onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{name: value}))
				require.Equal(t, want, call.ServiceTier, "%s: %s", name, value)
			}
			for _, member := range []string{"service_tier", "trafficType"} {
				for road, attributes := range roads(d, member, value) {
					call := onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, attributes))
					require.Equal(t, want, call.ServiceTier, "%s of the %s: %s", member, road, value)
				}
			}
		}
	})
}

func TestTheTierThatServedCountsBeforeTheOneAskedFor(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		asked := map[string]any{"gen_ai.request.service_tier": "priority"}
		require.Equal(t, "priority", onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, asked)).ServiceTier)
		asked["gen_ai.usage.raw"] = `{"service_tier":"default"}`
		require.Empty(t, onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, asked)).ServiceTier)
	})
}

func TestSpeedAndGeographyAreReadInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for _, c := range []struct{ member, value, tier, region string }{
			{"speed", "fast", "fast", ""}, {"speed", "standard", "", ""},
			{"inference_geo", "us", "", "us"}, {"inference_geo", "global", "", "global"}, {"inference_geo", "not_available", "", ""},
		} {
			all := roads(d, c.member, c.value)
			all["attribute"] = map[string]any{"anthropic.response." + c.member: c.value}
			for road, attributes := range all {
				call := onlyCall(t, written(d, "anthropic", "claude-opus-4-8", twoSides, attributes))
				require.Equal(t, c.tier, call.ServiceTier, "%s=%s, %s", c.member, c.value, road)
				require.Equal(t, c.region, call.Region, "%s=%s, %s", c.member, c.value, road)
			}
		}
	})
}

func TestARegionalHostIsARegionInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for _, c := range []struct{ provider, model, address, cloud, region string }{
			{"openai", "gpt-5.5", "eu.api.openai.com", "", "eu"},
			{"openai", "gpt-5.5", "api.openai.com", "", ""},
			{"openai", "gpt-5.5", "api.openai.com", "us-east-1", ""}, // where the app runs
			{"gcp.vertex_ai", "gemini-2.5-pro", "europe-west4-aiplatform.googleapis.com", "", "europe-west4"},
			{"aws.bedrock", "anthropic.claude-sonnet-4-6", "bedrock-runtime.us-east-1.amazonaws.com", "", "us-east-1"},
			{"aws.bedrock", "anthropic.claude-sonnet-4-6", "", "us-east-1", "us-east-1"},
			// What libraries write in the place of a host.
			{"openai", "gpt-5.5", "https://eu.api.openai.com/v1", "", "eu"},
			{"openai", "gpt-5.5", "https://eu.api.openai.com/v1/chat/completions?x=1", "", "eu"},
			{"openai", "gpt-5.5", "EU.api.openai.com:443", "", "eu"},
			{"openai", "gpt-5.5", "https://api.openai.com/v1", "", ""},
			{"aws.bedrock", "anthropic.claude-sonnet-4-6", "https://bedrock-runtime.us-east-1.amazonaws.com:443", "", "us-east-1"},
		} {
			attributes := map[string]any{}
			if c.address != "" {
				attributes[builtinNames.names[d.words.address[0]]] = c.address
			}
			if c.cloud != "" {
				attributes["cloud.region"] = c.cloud
			}
			if d == &claudeCode && c.provider == "aws.bedrock" {
				attributes["anthropic.provider"] = "bedrock"
			} else if d == &claudeCode {
				continue // Claude alone
			}
			call := onlyCall(t, written(d, c.provider, c.model, twoSides, attributes))
			require.Equal(t, c.region, call.Region, "%+v", c)
		}
	})
}

func TestTokensBesideTheSidesAreAddedOnceInEveryDialect(t *testing.T) {
	t.Parallel()
	const iterations = `{"input_tokens":23000,"output_tokens":1000,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"iterations":[
		{"type":"compaction","input_tokens":180000,"output_tokens":3500,"cache_creation_input_tokens":0,"cache_read_input_tokens":0},
		{"type":"message","input_tokens":23000,"output_tokens":1000,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}]}`
	top, sum := map[fact]int64{factInput: 23000, factOutput: 1000}, map[fact]int64{factInput: 203000, factOutput: 4500}
	everyDialect(t, func(t *testing.T, d *dialect) {
		for name, c := range map[string]struct {
			facts      map[fact]int64
			attributes map[string]any
		}{
			"iterations beside the last turn": {top, map[string]any{"gen_ai.usage.raw": iterations}},
			"iterations beside their sum":     {sum, map[string]any{"gen_ai.usage.raw": iterations}},
			"iterations alone":                {nil, map[string]any{"gen_ai.usage.raw": iterations}},
			"attributes of the SDK": {top, map[string]any{
				"anthropic.usage.compaction.input_tokens": 180000, "anthropic.usage.compaction.output_tokens": 3500}},
		} {
			if d == &codex && c.facts == nil {
				continue // has usage or is no call
			}
			call := onlyCall(t, written(d, "anthropic", "claude-opus-4-8", c.facts, c.attributes))
			require.Equal(t, int64(203000), call.Quantities.InputTokens(), name)
			require.Equal(t, int64(4500), call.Quantities.OutputTokens(), name)
		}
	})
}

func TestResultsOfToolsAreInputInEveryDialect(t *testing.T) {
	t.Parallel()
	const raw = `{"promptTokenCount":151,"candidatesTokenCount":1089,"toolUsePromptTokenCount":18329,"thoughtsTokenCount":1120`
	everyDialect(t, func(t *testing.T, d *dialect) {
		if d == &codex || d == &claudeCode {
			return // never Google's
		}
		for name, c := range map[string]struct {
			facts map[fact]int64
			raw   string
		}{
			"alone, with a total":  {nil, raw + `,"totalTokenCount":20689}`},
			"alone, without":       {nil, raw + `}`},
			"beside the prompt":    {map[fact]int64{factInput: 151, factOutput: 2209, factReasoning: 1120, factTotal: 20689}, raw + `,"totalTokenCount":20689}`},
			"inside the input":     {map[fact]int64{factInput: 18480, factOutput: 2209, factReasoning: 1120, factTotal: 20689}, raw + `,"totalTokenCount":20689}`},
			"in names of its own":  {map[fact]int64{factInput: 151, factOutput: 2209, factReasoning: 1120, factTotal: 20689, factToolPrompt: 18329}, `{}`},
			"in names, and inside": {map[fact]int64{factInput: 18480, factOutput: 2209, factReasoning: 1120, factTotal: 20689, factToolPrompt: 18329}, `{}`},
		} {
			call := onlyCall(t, written(d, "gcp.gemini", "gemini-3-flash-preview", c.facts, map[string]any{"gen_ai.usage.raw": c.raw}))
			require.Equal(t, int64(18480), call.Quantities.InputTokens(), name)
			require.Equal(t, int64(2209), call.Quantities.OutputTokens(), name)
			require.Equal(t, int64(1120), call.Quantities[usage.OutputReasoningTokens], name)
		}
	})
}

func TestSizeOfSearchAndTypeOfDeploymentAreReadInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		all := roads(d, "search_context_size", "high")
		all["attribute"] = map[string]any{"gen_ai.request.web_search_options.search_context_size": "high"}
		for road, attributes := range all {
			require.Equal(t, "high", onlyCall(t, written(d, "perplexity", "sonar", twoSides, attributes)).Variant, road)
		}
		for value, want := range map[string][2]string{
			"GlobalStandard": {"global", ""}, "data_zone_standard": {"us", ""}, "DataZoneStandard": {"us", ""}, "Standard": {"", ""},
			"GlobalBatch": {"global", "batch"}, "DataZoneProvisionedManaged": {"us", "provisioned"},
		} {
			call := onlyCall(t, written(d, "azure.ai.openai", "gpt-5.5", twoSides, map[string]any{"azure.deployment.type": value}))
			require.Equal(t, want, [2]string{call.Region, call.ServiceTier}, value)
		}
		call := onlyCall(t, written(d, "azure.ai.openai", "gpt-5.5", twoSides, map[string]any{"azure.deployment.type": "DataZoneStandard", "cloud.region": "swedencentral"}))
		require.Equal(t, "eu", call.Region)
	})
}

func TestLifetimesOfCacheWritesAreReadInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		facts := map[fact]int64{factInput: 3000, factOutput: 100, factCacheWrite: 2000}
		if d == &claudeCode {
			return // Claude alone
		}
		call := onlyCall(t, written(d, "openai", "gpt-5.6-sol", facts, map[string]any{
			"gen_ai.usage.raw": `{"input_tokens":3000,"output_tokens":100,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":2000,"cache_write_tokens_details":{"ttl_30m_tokens":1500,"ttl_12h_tokens":500}}}`}))
		q := call.Quantities
		require.Equal(t, [...]int64{0, 1500, 500}, [...]int64{q[usage.CacheWrite5mTokens], q[usage.CacheWrite30mTokens], q[usage.CacheWrite12hTokens]})
		require.Equal(t, int64(3000), q.InputTokens())
	})
}

func TestASumOverSeveralRequestsSaysSoInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for name, c := range map[string]struct {
			attributes map[string]any
			several    bool
		}{
			"nothing said":     {nil, false},
			"one":              {map[string]any{"gen_ai.usage.requests": 1}, false},
			"three":            {map[string]any{"gen_ai.usage.requests": 3}, true},
			"turns":            {map[string]any{"num_turns": 2}, true},
			"one iteration":    {map[string]any{"gen_ai.usage.raw": `{"input_tokens":1000,"output_tokens":100,"iterations":[{"type":"message","input_tokens":1000,"output_tokens":100}]}`}, false},
			"three iterations": {map[string]any{"gen_ai.usage.raw": `{"input_tokens":1000,"output_tokens":100,"iterations":[{"type":"message","input_tokens":300,"output_tokens":40},{"type":"message","input_tokens":700,"output_tokens":60}]}`}, true},
		} {
			call := onlyCall(t, written(d, "anthropic", "claude-opus-4-8", twoSides, c.attributes))
			require.Equal(t, c.several, call.Missing.Has(usage.MissingContextLength), name)
			require.Equal(t, int64(1100), call.Quantities.TotalTokens(), name)
		}
	})
}

func TestAnAdvisorIsAnotherCallInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		call := onlyCall(t, written(d, "anthropic", "claude-opus-4-8", twoSides, map[string]any{"gen_ai.usage.raw": `{"input_tokens":1000,"output_tokens":100,
			"iterations":[{"type":"message","input_tokens":1000,"output_tokens":100},{"type":"advisor_message","model":"claude-fable-5","input_tokens":900,"output_tokens":80}]}`}))
		require.Equal(t, usage.ReasonCallsNotReported, call.Reason)
		require.Equal(t, int64(1100), call.Quantities.TotalTokens())
	})
}

func TestSearchesAreCountedInEveryDialect(t *testing.T) {
	t.Parallel()
	const (
		openAI = `{"id":"resp_1","output":[{"type":"web_search_call","status":"completed","action":{"type":"search"}},{"type":"web_search_call","status":"completed","action":{"type":"open_page"}},
			{"type":"web_search_call","status":"completed","action":{"type":"search"}},{"type":"web_search_call","status":"failed","action":{"type":"search"}},
			{"type":"file_search_call","status":"completed"},{"type":"code_interpreter_call","container_id":"cntr_1"},{"type":"code_interpreter_call","container_id":"cntr_1"},
			{"type":"message","content":[{"type":"output_text","text":"{\"type\":\"web_search_call\"}"}]}]}`
		anthropic = `{"content":[{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search"},{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result"}]},
			{"type":"web_search_tool_result","content":{"type":"web_search_tool_result_error","error_code":"max_uses_exceeded"}},
			{"type":"web_search_tool_result","content":[]},{"type":"text","text":"ok"}]}`
		counter = `{"content":[{"type":"web_search_tool_result","content":[]}],"usage":{"server_tool_use":{"web_search_requests":2}}}`
		// as the conventions have messages
		messages = `[{"role":"assistant","parts":[{"type":"tool_call","id":"srvtoolu_1","name":"web_search","arguments":{}},{"type":"tool_call_response","id":"srvtoolu_1","response":[{}]},
			{"type":"tool_call","id":"srvtoolu_2","name":"web_search"},{"type":"tool_call_response","id":"srvtoolu_2","response":{"error_code":"max_uses_exceeded"}},
			{"type":"tool_call","id":"srvtoolu_3","name":"bash_code_execution"},{"type":"tool_call_response","id":"srvtoolu_3","response":[{}]}]}]`
		google = `{"candidates":[{"content":{"parts":[{"text":"ok"}]},"groundingMetadata":{"webSearchQueries":["a","b"]}}]}`
	)
	everyDialect(t, func(t *testing.T, d *dialect) {
		for _, c := range []struct {
			provider, model, answer string
			web, files, code        int64
		}{
			{"openai", "gpt-5.5", openAI, 2, 1, 1},
			{"anthropic", "claude-opus-4-8", anthropic, 2, 0, 0},
			{"anthropic", "claude-opus-4-8", counter, 2, 0, 0},
			{"anthropic", "claude-opus-4-8", messages, 1, 0, 0},
			{"gcp.gemini", "gemini-3.1-pro-preview", google, 2, 0, 0},
			{"gcp.gemini", "gemini-2.5-pro", google, 1, 0, 0},
			{"openai", "gpt-4o-search-preview", `{}`, 1, 0, 0},
		} {
			attributes := map[string]any{"gen_ai.response.raw": c.answer}
			if answer := writings[d.name].answer; answer != nil {
				name, text := answer(c.answer)
				attributes[name] = text
			}
			call := onlyCall(t, written(d, c.provider, c.model, twoSides, attributes))
			q := call.Quantities
			require.Equal(t, [...]int64{c.web, c.files, c.code}, [...]int64{q[usage.WebSearches], q[usage.FileSearches], q[usage.CodeSessions]}, c.model)
		}
	})
}

func TestNumbersThatContradictEachOtherAreADoubtInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for name, facts := range map[string]map[fact]int64{
			"an answer to nothing": {factInput: 0, factOutput: 100},
			"a total below a side": {factInput: 1000, factOutput: 100, factTotal: 900, factCacheRead: 0},
			"a total beyond parts": {factInput: 1000, factOutput: 100, factTotal: 1500, factCacheRead: 0, factReasoning: 0},
		} {
			call := onlyCall(t, written(d, "openai", "gpt-5.5", facts, nil))
			require.NotEmpty(t, call.Reason, name)
		}
		if d.outputMeans() == outputInclusive {
			call := onlyCall(t, written(d, "openai", "gpt-5.5", map[fact]int64{factInput: 100, factOutput: 50, factReasoning: 60, factCacheRead: 0}, nil))
			require.NotEmpty(t, call.Reason, "reasoning above the output that includes it")
		}
	})
}

func TestUnitsAreReadUnderAnyNameOfUsage(t *testing.T) {
	t.Parallel()
	var read atomic.Int32
	t.Cleanup(func() { assert.Greater(t, read.Load(), int32(60), "dialects times units") })
	everyDialect(t, func(t *testing.T, d *dialect) {
		for _, c := range []struct {
			operation, model, name string
			value                  any
			kind                   usage.QuantityKind
			want                   int64
		}{
			{"transcription", "whisper-1", "gen_ai.usage.audio_duration_ms", 90000, usage.AudioSeconds, 90e9},
			{"transcription", "whisper-1", "gen_ai.usage.speech_minutes", "1.5", usage.AudioSeconds, 90e9},
			{"transcription", "whisper-1", "gen_ai.usage.audio_seconds", 90, usage.AudioSeconds, 90e9},
			{"transcription", "whisper-1", "gen_ai.usage.latency_ms", 900, usage.AudioSeconds, 0},
			{"tts", "tts-1", "gen_ai.usage.num_chars", 1000, usage.Characters, 1000},
			{"image_generation", "dall-e-3", "gen_ai.usage.images", 2, usage.Images, 2},
			{"image_generation", "dall-e-3", "gen_ai.request.choice.count", 2, usage.Images, 2},
			{"video_generation", "sora-2", "gen_ai.usage.video_seconds", 8, usage.VideoSeconds, 8e9},
			{"ocr", "mistral-ocr-latest", "gen_ai.usage.pages_processed", 29, usage.Pages, 29},
		} {
			td := written(d, "openai", c.model, nil, map[string]any{c.name: c.value})
			firstSpan(td).Attributes().PutStr("gen_ai.operation.name", c.operation)
			if calls, _ := readWith(forgetful(), td); len(calls) == 1 && calls[0].Operation == c.operation { // others say in their own way what they do
				require.Equal(t, c.want, calls[0].Quantities[c.kind], c.name)
				read.Add(1)
			}
		}
	})
}

func TestAnAnswerFromTheCacheOfAGatewayIsNoCallInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for _, id := range namesFromCache {
			name := builtinNames.names[id]
			for _, value := range []any{true, "True", "HIT", []any{"hit"}} {
				calls, skips := readWith(forgetful(), written(d, "openai", "gpt-5.5", twoSides, map[string]any{name: value}))
				require.Empty(t, calls, "%s=%v", name, value)
				require.Contains(t, slices.Collect(maps.Keys(skips))[0], string(SkipFromCache), "%s=%v", name, value)
			}
			for _, value := range []any{false, "MISS", "", []any{}} {
				onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{name: value}))
			}
		}
	})
}

func TestTheCloudThatServesClaudeIsToldByTheAnswerInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		if d == &claudeCode || d == &codex || d == &googleADK || d == &genkit || d == &awsSDK {
			return // say themselves whom they called
		}
		for _, c := range []struct{ asked, answered, id, provider, model string }{
			{"claude-haiku-4-5", "claude-haiku-4-5-20251001", "msg_01abcdefghijklmnop", "anthropic", "claude-haiku-4-5-20251001"},
			{"claude-haiku-4-5", "claude-haiku-4-5-20251001", "msg_bdrk_01abcdefghijklmnop", "aws.bedrock", "claude-haiku-4-5-20251001"},
			{"global.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001", "", "aws.bedrock", "global.anthropic.claude-haiku-4-5-20251001-v1:0"},
			{"claude-haiku-4-5@20251001", "claude-haiku-4-5-20251001", "", "gcp.vertex_ai", "claude-haiku-4-5-20251001"},
			{"claude-haiku-4-5", "claude-haiku-4-5-20251001", "msg_vrtx_01abcdefghijklmnop", "gcp.vertex_ai", "claude-haiku-4-5-20251001"},
		} {
			td := written(d, "anthropic", c.asked, twoSides, map[string]any{
				builtinNames.names[d.words.model[0]]: c.answered, builtinNames.names[d.words.responseID[0]]: c.id})
			call := onlyCall(t, td)
			if d != &conventions && call.RequestModel != c.asked || call.Model == c.asked && c.model != c.asked {
				continue // has one name for both
			}
			require.Equal(t, [2]string{c.provider, c.model}, [2]string{call.Provider, call.Model}, "%+v", c)
		}
	})
}

func TestSearchesAreCountedByTheWordsOfAName(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for name, kind := range map[string]usage.QuantityKind{
			"gen_ai.usage.web_search_calls": usage.WebSearches, "gen_ai.usage.grounding_queries": usage.WebSearches,
			"gen_ai.usage.num_file_search_requests": usage.FileSearches, "gen_ai.usage.search_units": usage.SearchUnits,
		} {
			call := onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{name: 3}))
			require.Equal(t, int64(3), call.Quantities[kind], name)
			require.NotEmpty(t, call.Reason, name)
		}
	})
}

func TestABatchIsToldByItsIDInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for _, id := range namesBatchID {
			name := builtinNames.names[id]
			require.Equal(t, "batch", onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{name: "batch_6f0a"})).ServiceTier, name)
		}
	})
}

func TestACostInAnotherCurrencyOrUnitIsNoNumberOfDollarsInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for word, want := range map[string]string{"EUR": "", "usd": "2.000000000000", "USD": "2.000000000000"} {
			for _, id := range namesCostCurrency {
				name := builtinNames.names[id]
				call := onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{"gen_ai.usage.cost": 2, name: word}))
				require.Equal(t, want != "", call.HasReportedCost, "%s=%s", name, word)
			}
		}
		for word, want := range map[string]usage.Money{"cents": 2e10, "USD": 2e12, "microdollars": 2e6, "credits": 0} {
			for _, id := range namesCostUnit {
				name := builtinNames.names[id]
				call := onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{"gen_ai.usage.cost": 2, name: word}))
				require.Equal(t, want, call.ReportedCost, "%s=%s", name, word)
			}
		}
	})
}

func TestAUsageObjectMayNestTheNamesOfTheConventionsInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		if d == &codex || d == &claudeCode {
			return // their own events and names alone
		}
		call := onlyCall(t, written(d, "openai", "gpt-5.5", nil, map[string]any{"gen_ai.usage": map[string]any{
			"input_tokens": 5000, "output_tokens": 100, "cache_read": map[string]any{"input_tokens": 3000}, "reasoning": map[string]any{"output_tokens": 40}}}))
		q := call.Quantities
		require.Equal(t, [...]int64{5000, 3000, 100, 40}, [...]int64{q.InputTokens(), q[usage.CacheReadTokens], q.OutputTokens(), q[usage.OutputReasoningTokens]})
	})
}

func (d *dialect) outputMeans() outputMeaning { return d.output }
