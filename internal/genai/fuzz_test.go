package genai

import (
	"os"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// checkCall holds for every call, whatever the input.
func checkCall(t *testing.T, c *Call) {
	t.Helper()
	for k, n := range c.Quantities {
		if n < 0 {
			t.Fatalf("%s is %d", usage.QuantityKind(k), n)
		}
		if n > 1<<62 {
			t.Fatalf("%s is absurd: %d", usage.QuantityKind(k), n)
		}
	}
	if c.Quantities.IsZero() && c.Reason == "" {
		t.Fatalf("a call without quantities has no reason: %+v", c)
	}
	if c.ReportedCost < 0 || c.HasReportedCost != (c.ReportedCost > 0) {
		t.Fatalf("reported cost %s, has %t", c.ReportedCost, c.HasReportedCost)
	}
	if c.Dialect == "" {
		t.Fatal("no dialect")
	}
	if _, err := usage.ParseAPIType(string(c.APIType)); err != nil {
		t.Fatal(err)
	}
}

func addSeeds(f *testing.F, pattern string) {
	f.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		// Small seeds make fast rounds. Protobuf is what mutates best.
		if td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(raw); err == nil && td.SpanCount() > 0 {
			if raw, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(td); err != nil {
				f.Fatal(err)
			}
		}
		if len(raw) < 6_000 {
			f.Add(raw)
		}
	}
}

// FuzzRead reads arbitrary OTLP JSON and protobuf with one reader, so that
// what one payload leaves behind meets the next.
func FuzzRead(f *testing.F) {
	addSeeds(f, "testdata/cases/*/*/input.json")
	reader, err := NewReader(Config{
		TrackUsers: true, Tags: []Tag{{"team", []string{"team"}}}, DuplicateCalls: 64, RootMemory: 16,
		InputAudioSeconds: "usage.audio_seconds", InputCharacters: "usage.characters", InputImages: "usage.images",
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(raw)
		if err != nil {
			if td, err = (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(raw); err != nil {
				return
			}
		}
		calls, skips := 0, 0
		reader.Read(td, func(c *Call, span ptrace.Span) {
			calls++
			checkCall(t, c)
			span.Attributes().PutStr("usage.id", "written by the processor")
		}, func(string, SkipReason) { skips++ })
		if calls+skips > td.SpanCount() {
			t.Fatalf("%d calls and %d skips of %d spans", calls, skips, td.SpanCount())
		}
	})
}

func FuzzReadLogs(f *testing.F) {
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"claude_code.api_request"},"attributes":[
		{"key":"event.name","value":{"stringValue":"api_request"}},{"key":"input_tokens","value":{"stringValue":"41"}},
		{"key":"duration_ms","value":{"intValue":"67"}},{"key":"cost_usd_micros","value":{"intValue":"9363"}}]}]}]}]}`))
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"event.name","value":{"stringValue":"codex.sse_event"}},
		{"key":"event.kind","value":{"stringValue":"response.completed"}},{"key":"input_token_count","value":{"intValue":"2016"}}]}]}]}]}`))
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"event.name","value":{"stringValue":"gemini_cli.api_response"}},
		{"key":"thoughts_token_count","value":{"intValue":"133"}},{"key":"event.timestamp","value":{"stringValue":"2026-11-23T14:05:10.154Z"}}]}]}]}]}`))
	reader, err := NewReader(Config{TrackUsers: true, AgentLogs: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(raw)
		if err != nil {
			return
		}
		reader.ReadLogs(ld, func(c *Call, _ plog.LogRecord) { checkCall(t, c) }, func(string, SkipReason) {})
	})
}

// FuzzAnswer feeds the JSON reader, which trusts nothing it reads.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"id":"chatcmpl-1","model":"gpt-4o","usage":{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":5}}}`,
		`[{"usageMetadata":{"promptTokenCount":904,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":4}]}}]`,
		`{"generations":[[{"message":{"kwargs":{"id":"x","response_metadata":{"usage":{"input_tokens":1e3}}}}}]]}`,
		`{"a":{"b":[[[[{"usage":{"input_tokens":"7"}}]]]]},"usage":{"cache_creation":{"ephemeral_1h_input_tokens":-1}}}`,
		`{"id":"\"\\`, `{`, `[[[[`, `{"a"`, `{"usage":{"seconds":73.5}}`, "{\"usage\"\x00:",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a := readAnswer(text)
		var q usage.Quantities
		a.usage.quantities(&q, callKind{apiType: usage.APITypeText})
		for k, n := range q {
			if n < 0 {
				t.Fatalf("%s is %d", usage.QuantityKind(k), n)
			}
		}
		f := noFacts
		f.readBuckets(text)
		q = usage.Quantities{}
		f.quantities(&q, callKind{apiType: usage.APITypeText})
		for k, n := range q {
			if n < 0 {
				t.Fatalf("%s is %d", usage.QuantityKind(k), n)
			}
		}
		_ = jsonMember(text, "user", "id")
	})
}
