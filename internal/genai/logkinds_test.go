package genai

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The tests of this file report one fact in the log event of every agent, under
// the names and with the meaning that the agent has for it, and expect the same
// call of all.

// eventWriting is how an agent reports a call of 3,000 input tokens, 2,000 of them
// from the cache, and 300 output tokens.
type eventWriting struct {
	dialect, model string
	facts          map[string]any
	session        string
}

var eventWritings = map[string]eventWriting{
	"claude_code.api_request": {dialect: "claude-code", model: "claude-sonnet-4-6", session: "session.id",
		facts: map[string]any{"input_tokens": 1000, "cache_read_tokens": 2000, "cache_creation_tokens": 0, "output_tokens": 300}},
	"codex.sse_event": {dialect: "codex", model: "gpt-5.5", session: "conversation.id",
		facts: map[string]any{"event.kind": "response.completed", "input_token_count": 3000, "cached_token_count": 2000, "output_token_count": 300, "reasoning_token_count": 100}},
	"gemini_cli.api_response": {dialect: "gemini-cli", model: "gemini-2.5-pro", session: "session.id",
		facts: map[string]any{"input_token_count": 3000, "cached_content_token_count": 2000, "output_token_count": 200, "thoughts_token_count": 100, "total_token_count": 3300}},
	"qwen-code.api_response": {dialect: "gemini-cli", model: "qwen3-coder-plus", session: "session.id",
		facts: map[string]any{"input_token_count": 3000, "cached_content_token_count": 2000, "output_token_count": 200, "thoughts_token_count": 100, "total_token_count": 3300}},
	"another_code.api_request": {dialect: "claude-code", model: "claude-sonnet-4-6", session: "session.id",
		facts: map[string]any{"input_tokens": 1000, "cache_read_tokens": 2000, "cache_creation_tokens": 0, "output_tokens": 300}},
}

// everyEvent reads the event of each agent with some attributes more.
func everyEvent(t *testing.T, attributes map[string]any, test func(t *testing.T, w eventWriting, call Call)) {
	t.Helper()
	for event, w := range eventWritings {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			ld := plog.NewLogs()
			resource := ld.ResourceLogs().AppendEmpty()
			record := resource.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			record.SetTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 11, 21, 10, 0, 2, 0, time.UTC)))
			all := map[string]any{"event.name": event, "model": w.model, w.session: "session-1", "duration_ms": 2000}
			maps.Copy(all, w.facts)
			maps.Copy(all, attributes)
			require.NoError(t, record.Attributes().FromRaw(all))
			reader, err := NewReader(Config{AgentLogs: true, TrackUsers: true, DuplicateWindow: -1, RootMemory: -1})
			require.NoError(t, err)
			var calls []Call
			reader.ReadLogs(ld, func(c *Call, _ plog.LogRecord) { calls = append(calls, *c) }, func(_ string, reason SkipReason) { t.Error("skipped:", reason) })
			require.Len(t, calls, 1)
			test(t, w, calls[0])
		})
	}
}

func TestTokensAndTimesOfEveryEventAreReadAlike(t *testing.T) {
	t.Parallel()
	everyEvent(t, nil, func(t *testing.T, w eventWriting, call Call) {
		q := &call.Quantities
		require.Equal(t, [...]int64{3000, 2000, 300}, [...]int64{q.InputTokens(), q[usage.CacheReadTokens], q.OutputTokens()})
		require.Equal(t, w.dialect, call.Dialect)
		require.Equal(t, w.model, call.Model)
		require.Equal(t, "session-1", call.SessionID)
		require.Empty(t, call.Reason)
		require.Equal(t, 2*time.Second, call.End.Sub(call.Start))
		require.NotEmpty(t, call.Key)
	})
}

func TestModifiersOfEveryEventAreRead(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"flex": "flex", "priority": "priority", "default": "", "ON_DEMAND_FLEX": "flex"} {
		for _, name := range []string{"service_tier", "gen_ai.response.service_tier", "traffic_type"} {
			everyEvent(t, map[string]any{name: value}, func(t *testing.T, _ eventWriting, call Call) {
				require.Equal(t, want, call.ServiceTier, "%s=%s", name, value)
			})
		}
	}
	everyEvent(t, map[string]any{"inference_geo": "us"}, func(t *testing.T, _ eventWriting, call Call) {
		require.Equal(t, "us", call.Region)
	})
}

func TestWhoPaysAndWhoAskedStandInEveryEvent(t *testing.T) {
	t.Parallel()
	everyEvent(t, map[string]any{"auth_type": "oauth-personal", "user.email": "ada@example.com"}, func(t *testing.T, _ eventWriting, call Call) {
		require.Equal(t, usage.PayerPlan, call.Payer)
		require.Equal(t, "ada@example.com", call.User)
	})
}

func TestNumbersThatAreNoneAreADoubtInEveryEvent(t *testing.T) {
	t.Parallel()
	for _, bad := range []any{-1, 1.5, "many"} {
		everyEvent(t, map[string]any{"input_tokens": bad, "input_token_count": bad}, func(t *testing.T, _ eventWriting, call Call) {
			require.Equal(t, usage.ReasonInvalidQuantity, call.Reason, "%v", bad)
		})
	}
}

func TestASearchIsCountedInEveryEvent(t *testing.T) {
	t.Parallel()
	everyEvent(t, map[string]any{"web_search_requests": 2}, func(t *testing.T, _ eventWriting, call Call) {
		require.Equal(t, int64(2), call.Quantities[usage.WebSearches])
	})
}

// An event without a trace has an id of its own: two calls of one session that differ in
// their time alone are two, the same event sent again is one, in another payload too.
func TestEventsWithoutATraceHaveIDsOfTheirOwn(t *testing.T) {
	t.Parallel()
	for event, w := range eventWritings {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			at := func(second int, session string) plog.Logs {
				ld := plog.NewLogs()
				record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
				record.SetTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 11, 21, 10, 0, second, 0, time.UTC)))
				all := map[string]any{"event.name": event, "model": w.model, w.session: session, "duration_ms": 500}
				maps.Copy(all, w.facts)
				require.NoError(t, record.Attributes().FromRaw(all))
				return ld
			}
			ids := map[usage.ID]int{}
			for _, reader := range []*Reader{eventReader(t), eventReader(t)} {
				for _, ld := range []plog.Logs{at(2, "a"), at(4, "a"), at(2, "b"), at(2, "a")} {
					reader.ReadLogs(ld, func(c *Call, _ plog.LogRecord) {
						require.True(t, c.TraceID.IsEmpty())
						require.NotEmpty(t, c.Key)
						ids[c.ID]++
					}, func(string, SkipReason) {})
				}
			}
			require.Len(t, ids, 3)
		})
	}
}

func eventReader(t *testing.T) *Reader {
	t.Helper()
	reader, err := NewReader(Config{AgentLogs: true, TrackUsers: true})
	require.NoError(t, err)
	return reader
}

// An account and an e-mail address name a person; user.id may name the installation of the
// tool, of which a person has one on each machine.
func TestAnAccountAndAnAddressGoBeforeAnInstallationInEveryEvent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attributes map[string]any
		want       string
	}{
		{map[string]any{"user.id": "machine", "user.email": "ana@example.com", "user.account_id": "acct"}, "acct"},
		{map[string]any{"user.id": "machine", "user.email": "ana@example.com"}, "ana@example.com"},
		{map[string]any{"user.id": "machine"}, "machine"},
	} {
		everyEvent(t, c.attributes, func(t *testing.T, _ eventWriting, call Call) {
			t.Helper()
			require.Equal(t, c.want, call.User)
		})
	}
}
