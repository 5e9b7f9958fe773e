package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/e2e/mockprovider"
)

// clientsDir has a folder for each client: its packages with their versions,
// and its calls in *.scenario.mjs. Nothing of it stands in this file.
const clientsDir = "clients"

// installDir is where npm installs them, once for each lock file; out of sight
// of go and git.
const installDir = "../.build/clients"

// TestRealClients runs real libraries against a mock provider and compares the
// rows with what the provider billed.
func TestRealClients(t *testing.T) {
	if os.Getenv("E2E_CLIENTS") == "" {
		t.Skip("skipped: real clients need npm and its registry; run make e2e-clients")
	}
	scenarios, err := filepath.Glob(clientsDir + "/*/*.scenario.mjs")
	require.NoError(t, err)
	require.NotEmpty(t, scenarios)
	seed := rand.Uint64()
	if text := os.Getenv("E2E_CLIENTS_SEED"); text != "" {
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "E2E_CLIENTS_SEED")
	}
	t.Logf("the numbers of this run: E2E_CLIENTS_SEED=%d", seed)
	npm := newNPM(t)
	pool, dsn := newDatabase(t)
	c := start(t, configuration{processor: "    agent_logs: true\n" + tagsOfThePage(t), logs: true}.String(), dsn)
	t.Run("clients", func(t *testing.T) {
		for i, scenario := range scenarios {
			client := filepath.Base(filepath.Dir(scenario)) + "/" + strings.TrimSuffix(filepath.Base(scenario), ".scenario.mjs")
			t.Run(client, func(t *testing.T) {
				t.Parallel()
				folder := npm.install(t, filepath.Dir(scenario))
				run := &clientRun{provider: mockprovider.New(seed + uint64(i)), name: client, user: fmt.Sprintf("user-%d-%d", i, seed)}
				run.exec(t, npm.node, folder, scenario, c)
				run.compare(t, pool)
			})
		}
	})
	requireRollupsEqualRows(t, pool)
}

// tagsOfThePage returns the key `tags` that docs/attribution.md recommends for the libraries.
func tagsOfThePage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/attribution.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "## By framework\n")
	require.True(t, found)
	_, rest, found = strings.Cut(rest, "    tags:\n")
	require.True(t, found)
	tags, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	return "    tags:\n" + tags
}

// clientRun is one scenario on its way.
type clientRun struct {
	provider   *mockprovider.Provider
	name, user string
}

// exec runs the scenario to its end.
func (r *clientRun) exec(t *testing.T, node, folder, scenario string, c *collector) {
	t.Helper()
	server := httptest.NewServer(r.provider)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, filepath.Base(scenario))
	cmd.Dir = folder
	cmd.Env = append(os.Environ(),
		"PROVIDER_URL="+server.URL, "CLIENT_USER="+r.user, "OTEL_SERVICE_NAME="+r.name, "OTEL_RESOURCE_ATTRIBUTES=team=search",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://"+c.http, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"NODE_OPTIONS=--no-warnings", "NO_PROXY=127.0.0.1",
	)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	if os.Getenv("E2E_CLIENTS_VERBOSE") != "" && len(out) > 0 {
		t.Logf("%s", out)
	}
}

// clientRow is a row of api_usage.
type clientRow struct {
	Timestamp              time.Time
	Provider, Model        string
	User                   string
	Status, Reason         string
	Dollars                string
	Input, Output          int64
	CacheRead              int64
	CacheWrite5m           int64
	CacheWrite1h           int64
	Reasoning              int64
	InputAudio             int64
	OutputAudio            int64
	Seconds                int64
	Characters, Images     int64
	RequestID, DialectName string
	Tags                   map[string]string
	Session                string
}

func readClientRows(t *testing.T, pool *pgxpool.Pool, service string) []clientRow {
	t.Helper()
	rows, err := pool.Query(t.Context(), `
		SELECT timestamp, provider, coalesce(model, ''), coalesce(users.external_id, ''), pricing_status, coalesce(pricing_reason, ''), usage_dollars::text,
		       coalesce(input_tokens, 0), coalesce(output_tokens, 0), coalesce(cache_read_tokens, 0), coalesce(cache_write_5m_tokens, 0),
		       coalesce(cache_write_1h_tokens, 0), coalesce(reasoning_tokens, 0),
		       coalesce((other_quantities->>'input_audio')::bigint, 0) + coalesce((other_quantities->>'cache_read_audio')::bigint, 0),
		       coalesce((other_quantities->>'output_audio')::bigint, 0),
		       coalesce(audio_seconds, 0)::bigint, coalesce(characters, 0), coalesce(images, 0), coalesce(request_id, ''), coalesce(metadata->>'dialect', ''),
		       coalesce((SELECT jsonb_object_agg(split_part(line, '=', 1), split_part(line, '=', 2)) FROM unnest(string_to_array(tags, E'\n')) AS line), '{}'), coalesce(session_id, '')
		FROM public.api_usage LEFT JOIN auth.users ON users.id = user_id
		WHERE service = $1 ORDER BY timestamp`, service)
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[clientRow])
	require.NoError(t, err)
	return all
}

// Words of a scenario's expect that are no reason of a record.
const (
	expectExact      = "exact"       // every quantity
	expectReported   = "reported"    // every quantity, and the cost that the provider says it bills
	expectExactPrice = "exact price" // but for the part of the output that was reasoning
	expectNoSpan     = "no span"     // the library exports nothing
)

// compare finds the row of each call. A scenario calls one after the other, so
// a row belongs to the call whose request arrived first after the row's start:
// none may be lost, none may come twice.
func (r *clientRun) compare(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	cases, calls := r.provider.Log()
	want, byCase := 0, map[string]mockprovider.Case{}
	expected := make([]string, len(calls))
	for _, c := range cases {
		byCase[c.Name] = c
		n := 0
		for i := range calls {
			if calls[i].Case == c.Name {
				require.True(t, len(c.Expect) == 1 || n < len(c.Expect), "%s: more calls than words in expect", c.Name)
				expected[i] = c.Expect[min(n, len(c.Expect)-1)]
				n++
			}
		}
		require.Positive(t, n, "%s: made no call", c.Name)
	}
	for _, word := range expected {
		if word != expectNoSpan {
			want++
		}
	}
	var rows []clientRow
	deadline := time.Now().Add(time.Minute)
	for rows = readClientRows(t, pool, r.name); len(rows) < want && time.Now().Before(deadline); rows = readClientRows(t, pool, r.name) {
		time.Sleep(50 * time.Millisecond)
	}
	found := make([][]clientRow, len(calls))
	for _, row := range rows {
		i := slices.IndexFunc(calls, func(c mockprovider.Call) bool { return !row.Timestamp.After(c.Arrived) })
		if assert.NotEqual(t, -1, i, "a row after the last call: %+v", row) {
			found[i] = append(found[i], row)
		}
	}
	for i, call := range calls {
		name := fmt.Sprintf("%s, call %d (%s %s)", call.Case, i+1, call.API, call.RequestModel)
		if expected[i] == expectNoSpan {
			assert.Empty(t, found[i], "%s: expected no span", name)
			continue
		}
		if !assert.Len(t, found[i], 1, "%s: rows", name) {
			continue
		}
		row := found[i][0]
		assert.Equal(t, call.Provider, row.Provider, "%s: provider", name)
		assert.Contains(t, []string{call.Model, call.RequestModel}, row.Model, "%s: model", name)
		assert.Equal(t, byCase[call.Case].User, row.User, "%s: user", name)
		if _, said := byCase[call.Case].Tags["team"]; !said {
			assert.Equal(t, "search", row.Tags["team"], "%s: the tag of the resource", name)
		}
		for tag, value := range byCase[call.Case].Tags {
			assert.Equal(t, value, row.Tags[tag], "%s: the tag %s, of %v", name, tag, row.Tags)
		}
		if session := byCase[call.Case].Session; session != "" {
			assert.Equal(t, session, row.Session, "%s: session", name)
		}
		compareBill(t, name, expected[i], call.Bill, row)
	}
}

// compareBill holds a row against what the provider billed. Where the library
// loses something the row must say so, and be right in all that is left.
func compareBill(t *testing.T, name, expect string, want mockprovider.Bill, row clientRow) {
	t.Helper()
	got := mockprovider.Bill{
		Input: row.Input, CacheRead: row.CacheRead, CacheWrite5m: row.CacheWrite5m, CacheWrite1h: row.CacheWrite1h,
		Output: row.Output, Reasoning: row.Reasoning, InputAudio: row.InputAudio, OutputAudio: row.OutputAudio,
		Seconds: row.Seconds, Characters: row.Characters, Images: row.Images,
	}
	if expect != expectExact && expect != expectExactPrice && expect != expectReported {
		assert.Equal(t, expect, row.Reason, "%s: reason (%s, billed %+v, stored %+v)", name, row.Status, want, got)
	}
	switch expect {
	case expectExact:
		assert.Equal(t, "priced", row.Status, "%s: %s", name, row.Reason)
		assert.NotEqual(t, "0", strings.TrimRight(row.Dollars, ".0"), "%s: dollars", name)
	case expectExactPrice:
		assert.Equal(t, "priced", row.Status, "%s: %s", name, row.Reason)
		assert.Zero(t, got.Reasoning, "%s: reasoning is reported after all: expect %q", name, expectExact)
		got.Reasoning = want.Reasoning
	case expectReported:
		assert.Equal(t, "reported", row.Status, "%s: %s", name, row.Reason)
		assert.Equal(t, mockprovider.BilledDollars, strings.TrimRight(row.Dollars, "0"), "%s: dollars", name)
	case "unconfirmed_price":
		assert.Equal(t, "estimated", row.Status, name)
	case "no_usage", "zero_usage_stream":
		assert.Equal(t, "unpriced", row.Status, name)
		assert.Equal(t, mockprovider.Bill{}, got, "%s: quantities out of nothing", name)
		return
	case "cache_ttl_not_reported":
		assert.Equal(t, "estimated", row.Status, name)
		got.CacheWrite5m += got.CacheWrite1h
		want.CacheWrite5m += want.CacheWrite1h
		got.CacheWrite1h, want.CacheWrite1h = 0, 0
	case "cache_not_reported":
		assert.Equal(t, "estimated", row.Status, name)
		if row.Provider == "openai" { // elsewhere the input is known without the cache only
			assert.Equal(t, want.Input, got.Input, "%s: input", name)
		}
		assert.Equal(t, want.Output, got.Output, "%s: output", name)
		return
	case "audio_not_reported":
		assert.Equal(t, "estimated", row.Status, name)
		got.InputAudio, got.OutputAudio = want.InputAudio, want.OutputAudio
	default: // the numbers are the library's own, or none
		assert.Contains(t, []string{"estimated", "unpriced"}, row.Status, name)
		return
	}
	if want.Reasoning == 0 || expect == expectExact || got.Reasoning != 0 {
		assert.Equal(t, want, got, "%s: billed and stored", name)
		return
	}
	got.Reasoning = want.Reasoning
	assert.Equal(t, want, got, "%s: billed and stored", name)
}

// npm installs the packages of clients.
type npm struct {
	node    string
	slots   chan struct{} // installations at a time
	folders sync.Map      // *sync.Mutex by folder: its scenarios share one installation
}

// oldestNode is the major version of Node.js that every client runs on.
const oldestNode = 24

// requireNPM skips the test, and says so, where npm or its registry is missing.
func requireNPM(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		skipClients(t, "npm is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "npm", "ping", "--fetch-retries=0").CombinedOutput(); err != nil {
		skipClients(t, "the npm registry does not answer: "+strings.TrimSpace(string(out)))
	}
}

// newNPM finds a Node.js that is new enough, which it installs otherwise.
func newNPM(t *testing.T) *npm {
	t.Helper()
	requireNPM(t)
	n := &npm{node: "node", slots: make(chan struct{}, 2)}
	out, err := exec.Command("node", "--version").Output()
	major, _, _ := strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
	if version, _ := strconv.Atoi(major); err != nil || version < oldestNode {
		n.node, err = filepath.Abs(filepath.Join(n.install(t, filepath.Join(clientsDir, "node")), "node_modules", ".bin", "node"))
		require.NoError(t, err)
	}
	return n
}

// skipClients says aloud that nothing was tested.
func skipClients(t *testing.T, because string) {
	t.Helper()
	fmt.Fprintln(os.Stderr, "SKIPPED: real clients were not tested:", because)
	t.Skip(because)
}

// install installs the packages of a client's folder as its lock file says and
// copies its scenarios beside them, where Node.js looks for packages.
func (n *npm) install(t *testing.T, folder string) string {
	t.Helper()
	folderLock, _ := n.folders.LoadOrStore(folder, &sync.Mutex{})
	folderLock.(*sync.Mutex).Lock()
	defer folderLock.(*sync.Mutex).Unlock()
	n.slots <- struct{}{}
	defer func() { <-n.slots }()
	target, err := filepath.Abs(filepath.Join(installDir, filepath.Base(folder)))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(target, 0o755))
	lock, err := os.ReadFile(filepath.Join(folder, "package-lock.json"))
	require.NoError(t, err, "run npm install --package-lock-only in e2e/%s", folder)
	sum := sha256.Sum256(lock)
	stamp, done := filepath.Join(target, "installed"), hex.EncodeToString(sum[:])
	files, err := filepath.Glob(folder + "/*.mjs")
	require.NoError(t, err)
	for _, file := range append(files, folder+"/package.json", folder+"/package-lock.json", clientsDir+"/harness.mjs", clientsDir+"/.npmrc") {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		copied := filepath.Join(target, filepath.Base(file))
		if was, err := os.ReadFile(copied); err == nil && bytes.Equal(was, content) {
			continue // another scenario of the folder may be reading it
		}
		require.NoError(t, os.WriteFile(copied, content, 0o644))
	}
	if was, _ := os.ReadFile(stamp); string(was) == done {
		return target
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = target
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "npm ci in %s: %s", target, out)
	require.NoError(t, os.WriteFile(stamp, []byte(done), 0o644))
	t.Logf("installed in %s", time.Since(begin).Round(time.Second))
	return target
}
