package genai

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// truth is what the provider really answered, as the capture recorded it.
type truth struct {
	BillableCalls int `json:"billable_calls"`
	HTTPCalls     int `json:"http_calls"`
	Calls         []struct {
		Provider string          `json:"provider"`
		API      string          `json:"api"`
		Billable bool            `json:"billable"`
		Model    string          `json:"model_requested"`
		Answered string          `json:"model_returned"`
		ID       string          `json:"response_id"`
		Usage    json.RawMessage `json:"usage"`
		// Speech is billed by the characters that were sent; older captures
		// call them input_characters.
		Characters      int64 `json:"characters"`
		InputCharacters int64 `json:"input_characters"`
	} `json:"calls"`
}

// bill is what a provider charges one call by: whose price, and how much of
// what. Totals are inclusive. Equal bills at one time cost the same dollars.
type bill struct {
	id, provider, model                                             string
	input, output, cacheRead, cacheWrite5m, cacheWrite1h, reasoning int64
	inputAudio, outputAudio, seconds, characters                    int64
}

// billOf reads a provider's usage object, by its documentation and
// independently of the code under test.
func billOf(t *testing.T, provider string, raw json.RawMessage) (b bill) {
	t.Helper()
	if len(raw) == 0 {
		return bill{}
	}
	var u map[string]any
	require.NoError(t, json.Unmarshal(raw, &u))
	n := func(path ...string) int64 {
		var at any = u
		for _, key := range path {
			object, _ := at.(map[string]any)
			at = object[key]
		}
		f, _ := at.(float64)
		return int64(f)
	}
	switch provider {
	case "anthropic":
		b = bill{
			input: n("input_tokens"), output: n("output_tokens"), cacheRead: n("cache_read_input_tokens"),
			cacheWrite5m: n("cache_creation", "ephemeral_5m_input_tokens"), cacheWrite1h: n("cache_creation", "ephemeral_1h_input_tokens"),
		}
		b.input += b.cacheRead + b.cacheWrite5m + b.cacheWrite1h
		return b
	case "aws.bedrock":
		if u["cache_creation"] != nil { // Anthropic's API through InvokeModel
			return billOf(t, "anthropic", raw)
		}
		b = bill{input: n("inputTokens"), output: n("outputTokens"), cacheRead: n("cacheReadInputTokens"), cacheWrite5m: n("cacheWriteInputTokens")}
		b.input += b.cacheRead + b.cacheWrite5m
		return b
	case "gcp.gemini", "gcp.vertex_ai":
		return bill{
			input: n("promptTokenCount"), output: n("candidatesTokenCount") + n("thoughtsTokenCount"),
			cacheRead: n("cachedContentTokenCount"), reasoning: n("thoughtsTokenCount"),
		}
	}
	switch provider {
	case "cohere":
		return bill{input: n("billed_units", "input_tokens"), output: n("billed_units", "output_tokens")}
	case "openai", "azure.ai.openai", "openrouter", "together_ai", "groq", "deepseek", "mistral_ai": // OpenAI's API
	case "x_ai":
		defer func() { b.output += b.reasoning }() // reported beside the completion
	default:
		require.Fail(t, "tell this test how that provider bills", provider)
	}
	return bill{
		input: n("prompt_tokens") + n("input_tokens"), output: n("completion_tokens") + n("output_tokens"),
		cacheRead:   n("prompt_tokens_details", "cached_tokens") + n("input_tokens_details", "cached_tokens"),
		reasoning:   n("completion_tokens_details", "reasoning_tokens") + n("output_tokens_details", "reasoning_tokens"),
		inputAudio:  n("prompt_tokens_details", "audio_tokens") + n("input_token_details", "audio_tokens"),
		outputAudio: n("completion_tokens_details", "audio_tokens"),
		seconds:     n("seconds"),
	}
}

func billOfCall(c *Call) bill {
	q := &c.Quantities
	return bill{
		input: q.InputTokens(), output: q.OutputTokens(), cacheRead: q.CacheReadTotal(),
		cacheWrite5m: q[usage.CacheWrite5mTokens], cacheWrite1h: q[usage.CacheWrite1hTokens],
		reasoning: q[usage.OutputReasoningTokens], inputAudio: q[usage.InputAudioTokens] + q[usage.CacheReadAudioTokens],
		outputAudio: q[usage.OutputAudioTokens], seconds: q[usage.AudioSeconds] / usage.NanosPerSecond,
		characters: q[usage.Characters],
	}
}

// verdict is what became of one call of a capture.
type verdict string

const (
	exact         verdict = "exact"
	exactPrice    verdict = "exact price" // reasoning is inside the output, and how much of it is not reported
	noSpan        verdict = "no span"     // the library emitted nothing
	silentlyWrong verdict = "SILENTLY WRONG"
)

// judge compares a call with the bill. Anything else than the bill must carry
// a reason, which is the verdict then.
func judge(c *Call, want bill) verdict {
	got := billOfCall(c)
	got.id, got.provider, got.model = want.id, c.Provider, c.Model
	if inspectModel(want.model).base == inspectModel(c.Model).base {
		got.model = want.model // without its date, where the span names the one asked for only
	}
	// What is not reported must be said to be missing: nothing at all is no bill.
	if c.Quantities.IsZero() && c.Reason != "" {
		return verdict(c.Reason)
	}
	if c.Reason != "" {
		return verdict(c.Reason)
	}
	if got == want {
		return exact
	}
	if got.reasoning == 0 && c.Missing.Has(MissingReasoning) {
		got.reasoning = want.reasoning
		if got == want {
			return exactPrice
		}
	}
	return silentlyWrong
}

type corpusCase struct {
	library, name string
	calls         int
	spans, logs   []verdict
	unreported    Missing
}

// readCorpus judges every capture in testdata/corpus: <library>/<case>.json is
// the OTLP the library sent, <case>.logs.json its logs, <case>.truth.json what
// the provider answered. A new capture needs no change here.
func readCorpus(t *testing.T) []corpusCase {
	t.Helper()
	book, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	files, err := filepath.Glob("testdata/corpus/*/*.truth.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	sort.Strings(files)
	var cases []corpusCase
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var want truth
		require.NoError(t, json.Unmarshal(raw, &want), file)
		if want.HTTPCalls == 0 {
			continue // the app reports numbers of its own; no provider can confirm them
		}
		base := strings.TrimSuffix(file, ".truth.json")
		c := corpusCase{library: filepath.Base(filepath.Dir(file)), name: filepath.Base(base), calls: want.BillableCalls}
		var bills []bill
		for _, call := range want.Calls {
			if call.Billable {
				b := billOf(t, call.Provider, call.Usage)
				b.id, b.provider, b.model = call.ID, call.Provider, cmp.Or(call.Answered, call.Model)
				b.characters = cmp.Or(call.Characters, call.InputCharacters)
				bills = append(bills, b)
			}
		}
		require.Len(t, bills, want.BillableCalls, file)
		calls := []Call{}
		if _, err := os.Stat(base + ".json"); err == nil {
			calls, _ = readAll(t, Config{TrackUsers: true}, loadTraces(t, base+".json"))
			require.Len(t, calls, want.BillableCalls, "%s: the number of calls is wrong", file)
		}
		c.spans = judgeAll(calls, bills)
		c.leavesOut(book, calls)
		if _, err := os.Stat(base + ".logs.json"); err == nil {
			calls = readLogs(t, Config{TrackUsers: true, AgentLogs: true}, loadLogs(t, base+".logs.json"))
			if len(calls) > 0 {
				require.Len(t, calls, want.BillableCalls, "%s: the number of calls in the logs is wrong", file)
				c.logs = judgeAll(calls, bills)
				c.leavesOut(book, calls)
			}
		}
		cases = append(cases, c)
	}
	return cases
}

// leavesOut notes what calls do not report of what the prices of their
// providers depend on.
func (c *corpusCase) leavesOut(b *pricing.Book, calls []Call) {
	for i := range calls {
		c.unreported |= b.Relevant(calls[i].Provider, calls[i].Unreported)
	}
}

// judgeAll compares calls and bills that have the response id in common, and
// the others in the order of time.
func judgeAll(calls []Call, bills []bill) []verdict {
	sort.SliceStable(calls, func(i, j int) bool { return calls[i].Start.Before(calls[j].Start) })
	rank := func(id string) int { return slices.IndexFunc(bills, func(b bill) bool { return b.id == id }) }
	if !slices.ContainsFunc(calls, func(c Call) bool { return c.ResponseID == "" || rank(c.ResponseID) < 0 }) {
		sort.SliceStable(calls, func(i, j int) bool { return rank(calls[i].ResponseID) < rank(calls[j].ResponseID) })
	}
	verdicts := make([]verdict, len(bills))
	for i := range bills {
		verdicts[i] = noSpan
		if i < len(calls) {
			verdicts[i] = judge(&calls[i], bills[i])
		}
	}
	return verdicts
}

func TestNoCallOfTheCorpusIsSilentlyWrong(t *testing.T) {
	t.Parallel()
	for _, c := range readCorpus(t) {
		for _, v := range append(append([]verdict{}, c.spans...), c.logs...) {
			require.NotEqual(t, silentlyWrong, v, "%s/%s", c.library, c.name)
		}
	}
}

func TestEveryCaptureThatCarriesTheNumbersComesOutExact(t *testing.T) {
	t.Parallel()
	var carried, wrong []string
	for _, c := range readCorpus(t) {
		if len(c.spans) == 0 {
			continue
		}
		carried = append(carried, c.library+"/"+c.name)
		for _, v := range c.spans {
			if v != exact && v != exactPrice {
				wrong = append(wrong, c.library+"/"+c.name)
				carried = carried[:len(carried)-1]
				break
			}
		}
	}
	// The rest is lost at the source; docs/compatibility.md says what and why.
	require.GreaterOrEqual(t, len(carried), 426, "captures that were exact before are not any more; not exact are\n%s", strings.Join(wrong, "\n"))
}

const compatibilityFile = "../../docs/compatibility.md"

func TestCompatibilityDocumentIsWhatTheCorpusShows(t *testing.T) {
	t.Parallel()
	golden.Equal(t, compatibilityFile, compatibilityDocument(readCorpus(t), capturedVersions(t)))
}

// capturedVersions reports by dialect which of conventionVersions the spans of
// calls in testdata/corpus show, one bit for each; a dialect without captures is absent.
func capturedVersions(t *testing.T) map[string]uint {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*/*.json")
	require.NoError(t, err)
	shown := map[string]uint{}
	for _, file := range files {
		if strings.HasSuffix(file, ".truth.json") || strings.HasSuffix(file, ".logs.json") {
			continue
		}
		reader, err := NewReader(Config{TrackUsers: true})
		require.NoError(t, err)
		reader.Read(loadTraces(t, file), func(c *Call, span ptrace.Span) {
			shown[c.Dialect] |= 0
			for i, v := range conventionVersions {
				if _, written := span.Attributes().Get(v.name); written {
					shown[c.Dialect] |= 1 << i
				}
			}
		}, func(string, SkipReason) {})
	}
	return shown
}

func TestEveryDialectSaysWhoseNamesItWritesAndHowStableTheyAre(t *testing.T) {
	t.Parallel()
	captured := capturedVersions(t)
	for _, d := range dialects {
		assert.NotEmpty(t, d.follows.names, "%s: set follows", d.name)
		assert.Contains(t, []stability{inDevelopment, experimental, documented, inSourceOnly}, d.follows.stability, d.name)
		if shown, hasCaptures := captured[d.name]; hasCaptures && strings.HasPrefix(d.follows.names, followsConventions.names) {
			assert.NotZero(t, shown, "%s: no capture has a name of the conventions that it is said to follow", d.name)
		}
	}
}

func compatibilityDocument(cases []corpusCase, captured map[string]uint) string {
	var b strings.Builder
	b.WriteString(compatibilityIntroduction)
	fmt.Fprintf(&b, "%s.\n", strings.Join(Unproven(), ", "))
	b.WriteString(conventionsIntroduction)
	for _, d := range dialects {
		shown, hasCaptures := captured[d.name]
		var versions []string
		for i, v := range conventionVersions {
			if shown&(1<<i) != 0 {
				versions = append(versions, v.versions)
			}
		}
		switch {
		case !hasCaptures:
			versions = []string{"no capture"}
		case shown == 0:
			versions = []string{"none of them"}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.name, strings.ReplaceAll(d.follows.names, "*", "\\*"), d.follows.stability, strings.Join(versions, "; "))
	}
	library := ""
	for _, c := range cases {
		if c.library != library {
			library = c.library
			exactCases, all, unreported := 0, 0, Missing(0)
			for _, o := range cases {
				if o.library == library {
					unreported |= o.unreported
				}
				if o.library == library && len(o.spans) > 0 {
					all++
					if summary(o.spans) == string(exact) || summary(o.spans) == string(exactPrice) {
						exactCases++
					}
				}
			}
			fmt.Fprintf(&b, "\n## %s\n\n%d of %d cases exact. Not reported: %s.\n\n| case | calls | from spans | from logs |\n|---|---:|---|---|\n", library, exactCases, all, listOf(unreported))
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", c.name, c.calls, summary(c.spans), summary(c.logs))
	}
	return b.String()
}

// listOf lists what is in a set.
func listOf(m Missing) string {
	if m == 0 {
		return "nothing"
	}
	return strings.ReplaceAll(m.String(), "+", ", ")
}

// summary names each verdict once.
func summary(verdicts []verdict) string {
	var parts []string
	for _, v := range verdicts {
		if len(parts) == 0 || parts[len(parts)-1] != string(v) {
			parts = append(parts, string(v))
		}
	}
	return strings.Join(parts, ", ")
}

const compatibilityIntroduction = `# Compatibility

<!-- Generated from internal/genai/testdata/corpus: UPDATE_GOLDEN=1 go test ./internal/genai -->

What each library reports of its calls, measured: real libraries were run
against a mock provider with known answers, and what they exported is compared
with those answers.

- **exact**: the number of calls, their provider and model, and all their quantities
  are those of the provider, and so are their dollars.
- **exact price**: the same, but the span does not say how many of the output
  tokens were reasoning. Providers that count reasoning inside the output
  charge both alike.
- **no span**: the library exports nothing for this call. No collector can see it.
- any other word is the reason that the record carries, because the library
  leaves out or falsifies something; docs/troubleshooting.md explains each.

**Not reported** lists what some calls of the library do not say although prices of their
providers depend on it (docs/price-files.md explains the words). Where the price of a call depends
on it, the default is taken and pricing_assumptions names it.

A call without a reason is never wrong: the test that writes this page fails
on it.

Unproven, because we know them from their documentation only and have no capture: `

const conventionsIntroduction = `
## Whose names each dialect writes

A dialect is one way of writing GenAI calls; the span attribute usage.record and the
metrics name it. Most of them write the names of the OpenTelemetry GenAI conventions, of one
version or of several at a time. How stable names are:

- **development**: OpenTelemetry's own word for these conventions: a release may rename anything.
- **experimental**: their owner calls them beta or experimental.
- **documented**: their owner documents them, without a promise that they stay.
- **source only**: known from the code or from captures; any release may change them.

Old and new names are read side by side, whatever the dialect. The last column is measured: it
names the versions of the conventions whose names the captured spans carry.

| dialect | names | stability | names of these versions in captures |
|---|---|---|---|
`

// readAll reads one payload with a reader of its own.
func readAll(t testing.TB, config Config, td ptrace.Traces) (calls []Call, skips map[string]int) {
	t.Helper()
	reader, err := NewReader(config)
	require.NoError(t, err)
	return readWith(reader, td)
}

// readWith keeps copies of the calls and counts the skips by "dialect reason".
func readWith(reader *Reader, td ptrace.Traces) (calls []Call, skips map[string]int) {
	skips = map[string]int{}
	reader.Read(td, func(c *Call, _ ptrace.Span) {
		kept := *c
		kept.Tags = append([]usage.Tag(nil), c.Tags...)
		calls = append(calls, kept)
	}, func(dialect string, reason SkipReason) { skips[dialect+" "+string(reason)]++ })
	return calls, skips
}

func readLogs(t testing.TB, config Config, ld plog.Logs) (calls []Call) {
	t.Helper()
	reader, err := NewReader(config)
	require.NoError(t, err)
	reader.ReadLogs(ld, func(c *Call, _ plog.LogRecord) { calls = append(calls, *c) }, func(string, SkipReason) {})
	return calls
}

func loadTraces(t testing.TB, path string) ptrace.Traces {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(raw)
	require.NoError(t, err, path)
	return td
}

func loadLogs(t testing.TB, path string) plog.Logs {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(raw)
	require.NoError(t, err, path)
	return ld
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
