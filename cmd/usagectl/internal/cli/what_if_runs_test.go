package cli

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// chat is a call of a recorded run.
type chat struct {
	model                 string
	input, cached, output int64
}

// run is what an app sends in a run: each call in a trace and a payload of its own.
func recordedRun(calls ...chat) (payloads []ptrace.Traces) {
	for i, c := range calls {
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", "shop")
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("opentelemetry.instrumentation.openai_v2")
		span := ss.Spans().AppendEmpty()
		span.SetName("chat " + c.model)
		span.SetKind(ptrace.SpanKindClient)
		span.SetTraceID(pcommon.TraceID{1, byte(i)})
		span.SetSpanID(pcommon.SpanID{1, byte(i)})
		span.SetStartTimestamp(1_767_225_600_000_000_000)
		span.SetEndTimestamp(1_767_225_601_000_000_000)
		a := span.Attributes()
		a.PutStr("gen_ai.operation.name", "chat")
		a.PutStr("gen_ai.provider.name", "openai")
		a.PutStr("gen_ai.request.model", c.model)
		a.PutStr("gen_ai.response.model", c.model)
		a.PutStr("gen_ai.response.id", fmt.Sprintf("chatcmpl-%012d", i))
		a.PutStr("openai.response.service_tier", "default")
		a.PutInt("gen_ai.usage.input_tokens", c.input)
		a.PutInt("gen_ai.usage.cache_read.input_tokens", c.cached)
		a.PutInt("gen_ai.usage.output_tokens", c.output)
		payloads = append(payloads, td)
	}
	return payloads
}

// asLines writes payloads as the file exporter does by default, asProto as with format: proto.
func asLines(t *testing.T, payloads []ptrace.Traces) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "run.jsonl")
	var lines strings.Builder
	for _, td := range payloads {
		line, err := new(ptrace.JSONMarshaler).MarshalTraces(td)
		require.NoError(t, err)
		lines.Write(append(line, '\n'))
	}
	require.NoError(t, os.WriteFile(file, []byte(lines.String()), 0o600))
	return file
}

func asProto(t *testing.T, payloads []ptrace.Traces) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "run.binpb")
	var content []byte
	for _, td := range payloads {
		message, err := new(ptrace.ProtoMarshaler).MarshalTraces(td)
		require.NoError(t, err)
		content = append(binary.BigEndian.AppendUint32(content, uint32(len(message))), message...)
	}
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return file
}

// TestThePriceOfAPullRequest reckons by the prices of the built-in book: gpt-4o costs $2.50 and
// $10 for a million tokens of input and output, $1.25 cached; gpt-4o-mini $0.15 and $0.60.
func TestThePriceOfAPullRequest(t *testing.T) {
	t.Parallel()
	base := recordedRun(chat{"gpt-4o", 100_000, 0, 10_000}, chat{"gpt-4o", 100_000, 0, 10_000})
	head := recordedRun(chat{"gpt-4o", 100_000, 80_000, 10_000}, chat{"gpt-4o", 300_000, 0, 20_000}, chat{"gpt-4o-mini", 100_000, 0, 10_000})
	for _, files := range [][2]string{
		{asLines(t, base), asLines(t, head)}, {asProto(t, base), asProto(t, head)},
		{asLines(t, append(base, base...)), asLines(t, append(head, head[1]))}, // sent again
	} {
		out, err := run(t, "what-if", "--base", files[0], "--traces", files[1], "--at", "2026-01-15", "--json")
		require.NoError(t, err)
		var d outlook.RunDifference
		require.NoError(t, json.Unmarshal([]byte(out), &d))
		assert.Equal(t, "0.7", d.Base.Cost.String(), "two of 0.25 and 0.1")
		assert.Equal(t, "1.221", d.Head.Cost.String(), "0.05 + 0.1 + 0.1, 0.75 + 0.2, and 0.015 + 0.006")
		assert.Equal(t, "0.521", d.Difference.String())
		causes := map[string]string{}
		for _, c := range d.Causes {
			causes[c.Cause] = c.Cost.String()
		}
		assert.Equal(t, map[string]string{"calls": "0.35", "prompt": "0.5", "cache": "-0.1", "output": "0.1", "model": "-0.329"}, causes)
		assert.Nil(t, d.Monthly)
	}

	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, service, pricing_status)
		SELECT now() - n * interval '1 hour', 0.35, 'text', 'gpt-4o', 'openai', CASE WHEN n < 200 THEN 'shop' ELSE 'other' END, 'priced' FROM generate_series(0, 300) AS n`)
	args := []string{"what-if", "--base", asLines(t, base), "--traces", asLines(t, head), "--at", "2026-01-15"}
	out, err := on(t, db.DSN, args...)
	require.NoError(t, err)
	golden.Equal(t, "testdata/what_if_runs.table", out)
	out, err = on(t, db.DSN, append(args, "--markdown")...)
	require.NoError(t, err)
	golden.Equal(t, "testdata/what_if_runs.md", out)
	for limit, says := range map[string]string{
		"0.53": "", "80%": "", "0.5": "the run costs 0.521 USD more, 0.5 are allowed", "50%": "the run costs 0.521 USD more, 0.35 are allowed",
	} {
		_, err := run(t, append(args, "--fail-above", limit)...)
		if says == "" {
			assert.NoError(t, err, limit)
		} else {
			assert.ErrorContains(t, err, says, limit)
		}
	}
}

func TestRunsThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	good := asLines(t, recordedRun(chat{"gpt-4o", 1000, 0, 10}))
	unknown := asLines(t, recordedRun(chat{"never-heard-of", 1000, 0, 10}))
	write := func(content string) string {
		file := filepath.Join(t.TempDir(), "run")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		return file
	}
	nothing := ptrace.NewTraces()
	nothing.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("GET /")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--traces", good}, "base"},
		{[]string{"--traces", good, "--base", "/none"}, "no such file"},
		{[]string{"--traces", good, "--base", write("")}, "found no model call in its 0 spans"},
		{[]string{"--traces", good, "--base", asLines(t, []ptrace.Traces{nothing})}, "found no model call in its 1 span"},
		{[]string{"--traces", good, "--base", write("{\"resourceLogs\":[]}\n")}, "payload 1: it has no resourceSpans"},
		{[]string{"--traces", good, "--base", write("{broken\n")}, "must be traces as the file exporter writes them"},
		{[]string{"--traces", good, "--base", write("\x00\x00\x00\x09abc")}, "the file breaks off"},
		{[]string{"--traces", good, "--base", write("\x00\x00")}, "the file breaks off"},
		{[]string{"--traces", good, "--base", write("\xff\xff\xff\xff")}, "longer than 256 MiB"},
		{[]string{"--traces", good, "--base", good, "--fail-above", "much"}, `--fail-above: found "much"`},
		{[]string{"--traces", good, "--base", good, "--model", "a=b"}, "traces"},
		{[]string{"--traces", unknown, "--base", good, "--fail-above", "1"}, "cannot be judged, the cost of 1 call is not known (never-heard-of)"},
	} {
		_, err := run(t, append([]string{"what-if"}, c.args...)...)
		require.ErrorContains(t, err, c.says, "%v", c.args)
	}
	out, err := run(t, "what-if", "--traces", unknown, "--base", good)
	require.NoError(t, err)
	assert.Contains(t, out, "The head has 1 call without a known cost, in no sum: never-heard-of")
	assert.Contains(t, out, "A month: not known")
}
