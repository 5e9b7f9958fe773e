package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestATeamsBudgetReachesAWebhookOnceAtEachThreshold is the way from the calls of an app with
// tags and sessions, beside people who use Claude Code by subscription and by the API, to
// two messages.
func TestATeamsBudgetReachesAWebhookOnceAtEachThreshold(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c := start(t, configuration{processor: "    tags: {team: [team]}\n"}.String(), "DATABASE_URL="+db.DSN)
	hook, messages := webhookOfTeam(t)
	usagectl := asBudgeter(t, db)
	usagectl("budgets", "set", "search", "--tag", "team:search", "--amount", "0.0045", "--period", "year")
	notify := func() []string {
		t.Helper()
		usagectl("budgets", "notify", "--webhook-url-file", hook)
		return messages()
	}
	assert.Empty(t, notify())

	sent := 0
	send := func(n int, team string) {
		t.Helper()
		for range n {
			td := honest(sent)
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("team", team)
			td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("session.id", "of "+team)
			require.NoError(t, c.sendGRPC(td))
			sent++
		}
		waitForRows(t, db.Pool, int64(sent))
	}
	send(7, "search") // 0.00045 dollars each, a tenth of the budget
	send(9, "shop")
	assert.Empty(t, notify(), "70 %")
	send(1, "search")
	assert.Equal(t, []string{"search 80: Most of it: model gpt-4o-mini 100 %, service honest 100 %, user unattributed 100 %"}, notify())
	assert.Empty(t, notify())

	// The collector is killed, and the app sends everything a second time.
	c.kill()
	c.start()
	again := sent
	sent = 0
	for range again {
		require.NoError(t, c.sendGRPC(honest(sent)))
		sent++
	}
	send(1, "search")
	assert.Empty(t, notify(), "90 %")
	send(1, "search")
	assert.Equal(t, []string{"search 100: Most of it: model gpt-4o-mini 100 %, service honest 100 %, user unattributed 100 %"}, notify())
	send(5, "search")
	assert.Empty(t, notify())

	sendClaudeCode(t, c, "max", 1)
	sendClaudeCode(t, c, "api", 2)
	waitForRows(t, db.Pool, int64(sent+4))
	assert.Equal(t, "api|2, plan|2", db.Text(`SELECT string_agg(p, ', ' ORDER BY p) FROM (SELECT payer || '|' || count(*) AS p FROM public.api_usage WHERE payer IS NOT NULL GROUP BY payer, user_id) AS s`), "one user each")
	status, answer := c.get("/api/admin/budgets", "")
	require.Equal(t, http.StatusOK, status)
	text, err := json.Marshal(answer)
	require.NoError(t, err)
	for _, part := range []string{`"spent":0.00675`, `"percent":150`, `"name":"search"`, `"tag":"team"`} {
		assert.Contains(t, string(text), part)
	}
	assert.Equal(t, 2, strings.Count(string(text), `"reached":true`))
	status, answer = c.get("/api/admin/sessions?search=of%20search", "")
	require.Equal(t, http.StatusOK, status)
	sessions, err := json.Marshal(answer["sessions"])
	require.NoError(t, err)
	assert.Contains(t, string(sessions), `"cost":0.00675`, "the session of the team's app")
}

// webhookOfTeam returns the file with a webhook's address, and what gives the messages that
// came since it was last asked.
func webhookOfTeam(t *testing.T) (file string, messages func() []string) {
	t.Helper()
	var mu sync.Mutex
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct {
			Text, Budget string
			Threshold    int
		}
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&m))
		_, cause, _ := strings.Cut(m.Text, ". ")
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf("%s %d: %s", m.Budget, m.Threshold, cause))
	}))
	t.Cleanup(server.Close)
	file = filepath.Join(t.TempDir(), "webhook-url")
	require.NoError(t, os.WriteFile(file, []byte(server.URL+"/hook\n"), 0o600))
	return file, func() []string {
		mu.Lock()
		defer mu.Unlock()
		list := got
		got = nil
		return list
	}
}

// asBudgeter builds usagectl and returns what runs it as a login with the rights that the
// documentation names and no others.
func asBudgeter(t *testing.T, db *pgtest.DB) func(args ...string) {
	t.Helper()
	name := "budgets_" + db.Name
	db.Exec(`CREATE ROLE ` + name + ` LOGIN PASSWORD 'x'`)
	db.Exec(`GRANT usage_budgeter, usage_reader TO ` + name)
	t.Cleanup(func() {
		for _, sql := range []string{`DROP OWNED BY ` + name, `DROP ROLE ` + name} {
			_, err := db.Pool.Exec(context.Background(), sql)
			assert.NoError(t, err)
		}
	})
	dsn, err := url.Parse(db.DSN)
	require.NoError(t, err)
	dsn.User = url.UserPassword(name, "x")
	usagectl := filepath.Join(t.TempDir(), "usagectl")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", usagectl, "../cmd/usagectl").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), usagectl, args...)
		cmd.Env = append(os.Environ(), "DATABASE_URL="+dsn.String())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

// sendClaudeCode sends two calls as Claude Code exported them, of a user who is logged in
// with a kind of subscription.
func sendClaudeCode(t *testing.T, c *collector, subscription string, user byte) {
	t.Helper()
	capture, err := os.ReadFile("../internal/genai/testdata/corpus/claude-code-2.1.330/print_prompt.json")
	require.NoError(t, err)
	text := strings.ReplaceAll(string(capture), "req_mock", fmt.Sprintf("req_%d_", user))
	request := ptraceotlp.NewExportRequest()
	require.NoError(t, request.UnmarshalJSON([]byte(text)))
	for _, r := range request.Traces().ResourceSpans().All() {
		for _, s := range r.ScopeSpans().All() {
			for _, span := range s.Spans().All() {
				changeUser(span, subscription, user)
			}
		}
	}
	require.NoError(t, c.sendGRPC(request.Traces()))
}

func changeUser(span ptrace.Span, subscription string, user byte) {
	trace := span.TraceID()
	trace[0] = user
	span.SetTraceID(trace)
	span.Attributes().PutStr("user.id", fmt.Sprintf("claude-%d", user))
	span.Attributes().PutStr("session.id", fmt.Sprintf("claude-%d", user))
	span.Attributes().PutStr("gen_ai.conversation.id", fmt.Sprintf("claude-%d", user))
	span.Attributes().PutStr("subscription.type", subscription)
}
