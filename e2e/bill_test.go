package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/e2e/mockprovider"
)

const billAdminKey = "sk-admin-of-this-run"

// listPrices are what the provider charges for a million tokens; the book says the
// same but for gpt-4.1, for which this customer pays four fifths.
var listPrices = map[string]mockprovider.Rates{
	"gpt-4o":      {Input: "2.5", CacheRead: "1.25", Output: "10"},
	"gpt-4o-mini": {Input: "0.15", CacheRead: "0.075", Output: "0.6"},
	"gpt-4.1":     {Input: "1.6", CacheRead: "0.4", Output: "6.4"},
}

// billed is an account with what calls were charged, and the causes that were
// planted between it and the rows.
type billed struct {
	account *mockprovider.Account
	planted map[string]decimal.Decimal
	total   decimal.Decimal
}

func newBilled() *billed {
	return &billed{account: &mockprovider.Account{AdminKey: billAdminKey}, planted: map[string]decimal.Decimal{}}
}

// charge puts calls on the bill. cause is what the difference to the rows has to
// be explained by, "" for calls that fit.
func (b *billed) charge(at time.Time, model, key string, requests int64, bill mockprovider.Bill, cause string) {
	name, _, _ := strings.Cut(model, "-20") // without the date
	rates := listPrices[name]
	searches, cost := int64(0), decimal.Zero
	if cause == "not_seen" { // what nobody saw also searched the web
		searches, cost = 2, decimal.New(2, -2)
	}
	b.account.Charge(mockprovider.Charge{Provider: "openai", At: at, Model: model, Key: key, Project: "proj_a", Requests: requests, WebSearches: searches, Bill: bill, Rates: rates})
	for _, part := range []struct {
		rate   string
		tokens int64
	}{{rates.Input, bill.Input - bill.CacheRead}, {rates.CacheRead, bill.CacheRead}, {rates.Output, bill.Output}} {
		cost = cost.Add(decimal.RequireFromString(part.rate).Mul(decimal.New(part.tokens, -6)))
	}
	b.total = b.total.Add(cost)
	switch cause {
	case "":
	case "price": // the rows cost five quarters
		b.planted[cause] = b.planted[cause].Sub(cost.Mul(decimal.RequireFromString("0.25")))
	default:
		b.planted[cause] = b.planted[cause].Add(cost)
	}
}

// session is a charge that no call makes.
func (b *billed) session(at time.Time, dollars string) {
	b.account.Charge(mockprovider.Charge{Provider: "openai", At: at, Project: "proj_a", Category: "vector store storage", Dollars: dollars})
	b.planted["not_in_spans"] = decimal.RequireFromString(dollars)
	b.total = b.total.Add(b.planted["not_in_spans"])
}

// billTool runs usagectl bill against the account.
type billTool struct {
	usagectl, dsn, endpoint, keyFile string
}

func newBillTool(t *testing.T, dsn, endpoint string) *billTool {
	t.Helper()
	tool := &billTool{usagectl: filepath.Join(t.TempDir(), "usagectl"), dsn: dsn, endpoint: endpoint, keyFile: filepath.Join(t.TempDir(), "key")}
	out, err := exec.Command("go", "build", "-o", tool.usagectl, "../cmd/usagectl").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.WriteFile(tool.keyFile, []byte(billAdminKey+"\n"), 0o600))
	return tool
}

func (b *billTool) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.usagectl, append([]string{"bill"}, args...)...)
	cmd.Env = append(os.Environ(), b.dsn)
	return cmd
}

func (b *billTool) importing(ctx context.Context) *exec.Cmd {
	return b.command(ctx, "import", "--provider", "openai", "--endpoint", b.endpoint, "--key-file", b.keyFile)
}

func (b *billTool) run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.NotContains(t, string(out), billAdminKey)
	return string(out)
}

// explained is the document of one provider.
type explained struct {
	BillCost, RowCost, Difference, ExplainedShare json.Number
	Causes                                        []struct {
		Cause   string
		Cost    json.Number
		Details map[string]any
	}
}

func (b *billTool) explain(t *testing.T) explained {
	t.Helper()
	day := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	cmd := b.command(t.Context(), "explain", "--from", day(-35), "--to", day(0), "--provider", "openai", "--json", "--store")
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	var answer struct{ Providers []explained }
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&answer))
	require.Len(t, answer.Providers, 1)
	return answer.Providers[0]
}

// requirePlanted holds that the causes are the planted ones, to the last digit,
// and nothing else.
func (b *billed) requirePlanted(t *testing.T, got explained) {
	t.Helper()
	causes := map[string]decimal.Decimal{}
	for _, c := range got.Causes {
		causes[c.Cause] = causes[c.Cause].Add(decimal.RequireFromString(c.Cost.String()))
	}
	text := func(sums map[string]decimal.Decimal) map[string]string {
		out := map[string]string{}
		for word, cost := range sums {
			out[word] = cost.String()
		}
		return out
	}
	assert.Equal(t, text(b.planted), text(causes), "%+v", got.Causes)
	assert.Equal(t, b.total.String(), decimal.RequireFromString(got.BillCost.String()).String(), "nothing double")
	assert.Equal(t, "1", got.ExplainedShare.String())
}

// TestPlantedCausesComeBackFromTheProvidersBill goes from spans to the explained
// bill through the built binaries: three imports, a crash in the middle of the
// pages, a month that the provider rewrote.
func TestPlantedCausesComeBackFromTheProvidersBill(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	c := start(t, configuration{}.String(), dsn)
	random := rand.New(rand.NewPCG(rand.Uint64(), 0))
	draw := func() mockprovider.Bill {
		b := mockprovider.Bill{Input: 1000 + random.Int64N(9000), Output: 1 + random.Int64N(2000)}
		b.CacheRead = random.Int64N(b.Input)
		return b
	}
	w := newBilled()
	payload := ptrace.NewTraces()
	spans := payload.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	n := 0
	call := func(at time.Time, model string, bill mockprovider.Bill, withUsage bool) {
		span := chatSpan(spans.AppendEmpty(), 77, byte(n))
		n++
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(at))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(at.Add(time.Second)))
		for _, key := range []string{"gen_ai.request.model", "gen_ai.response.model"} {
			span.Attributes().PutStr(key, model)
		}
		span.Attributes().PutInt("gen_ai.usage.input_tokens", bill.Input)
		span.Attributes().PutInt("gen_ai.usage.cache_read.input_tokens", bill.CacheRead)
		span.Attributes().PutInt("gen_ai.usage.output_tokens", bill.Output)
		if !withUsage {
			for _, key := range []string{"gen_ai.usage.input_tokens", "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.output_tokens"} {
				span.Attributes().Remove(key)
			}
		}
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for back := range 3 {
		at := today.AddDate(0, 0, -1-back).Add(9 * time.Hour)
		for range 2 {
			bill := draw()
			w.charge(at, "gpt-4o-2024-08-06", "key_web", 1, bill, "")
			call(at, "gpt-4o-2024-08-06", bill, true)
			bill = draw()
			w.charge(at, "gpt-4.1-2025-04-14", "key_web", 1, bill, "price")
			call(at, "gpt-4.1-2025-04-14", bill, true)
			bill = draw()
			w.charge(at, "gpt-4o-mini-2024-07-18", "key_web", 1, bill, "unpriced")
			call(at, "gpt-4o-mini-2024-07-18", bill, false)
		}
		w.charge(at, "gpt-4o-2024-08-06", "key_cron", 5+int64(back), draw(), "not_seen")
	}
	w.session(today.AddDate(0, 0, -2).Add(time.Hour), "1.25")
	require.NoError(t, c.sendHTTP(payload))
	waitForRows(t, pool, int64(n))

	w.account.PageRows = 5
	var stall atomic.Bool
	stalled := make(chan struct{}, 1)
	w.account.BeforePage = func(path, page string) {
		if stall.Load() && path == "/v1/organization/costs" && page != "" && strings.HasPrefix(page, fmt.Sprintf("page_%d_", today.AddDate(0, 0, -2).Unix())) {
			select {
			case stalled <- struct{}{}:
			default:
			}
			time.Sleep(time.Second)
		}
	}
	server := httptest.NewServer(w.account)
	defer server.Close()
	tool := newBillTool(t, dsn, server.URL)

	stall.Store(true) // a crash in the middle of the pages
	crashing := tool.importing(t.Context())
	require.NoError(t, crashing.Start())
	<-stalled
	require.NoError(t, crashing.Process.Kill())
	_ = crashing.Wait()
	stall.Store(false)
	out := tool.run(t, tool.importing(t.Context()))
	assert.Contains(t, out, "costs: continuing from")
	w.requirePlanted(t, tool.explain(t))
	for range 2 {
		tool.run(t, tool.importing(t.Context()))
	}
	w.requirePlanted(t, tool.explain(t))

	// The provider takes a third off what was not seen, and adds a day.
	was := w.planted["not_seen"]
	w.account.Rewrite(func(c *mockprovider.Charge) {
		if c.Key == "key_cron" {
			c.Bill.Input, c.Bill.CacheRead = c.Bill.Input-c.Bill.CacheRead, 0
		}
	})
	tool.run(t, tool.importing(t.Context()))
	got := tool.explain(t)
	now := decimal.Zero
	for _, cause := range got.Causes {
		if cause.Cause == "not_seen" {
			assert.Equal(t, "key_cron", cause.Details["apiKey"])
			now = now.Add(decimal.RequireFromString(cause.Cost.String()))
		}
	}
	w.total = w.total.Sub(was).Add(now)
	w.planted["not_seen"] = now
	assert.True(t, now.LessThan(was), "%s was %s", now, was)
	w.requirePlanted(t, got)
	requireStoredExplanation(t, pool, got)

	refused, err := tool.command(t.Context(), "import", "--provider", "openai", "--endpoint", server.URL, "--key-file", writeKey(t, "key-of-a-project")).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(refused), "it must be an admin key of the organization")
	assert.NotContains(t, string(refused), "key-of-a-project")
}

func writeKey(t *testing.T, key string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(key), 0o600))
	return file
}

// requireStoredExplanation holds that the board sees what was printed.
func requireStoredExplanation(t *testing.T, pool *pgxpool.Pool, got explained) {
	t.Helper()
	var bill, rows, causes string
	require.NoError(t, pool.QueryRow(t.Context(), `
SELECT trim_scale(sum(bill_cost))::text, trim_scale(sum(row_cost))::text, (SELECT trim_scale(sum(cost))::text FROM usage_report.bill_cause)
FROM usage_report.bill_day`).Scan(&bill, &rows, &causes))
	assert.Equal(t, []string{got.BillCost.String(), got.RowCost.String(), got.Difference.String()}, []string{bill, rows, causes})
}

// TestRealClientsAreReconciledWithTheBill lets a real library call: with
// instrumentation, with streams that carry no usage, and without instrumentation.
func TestRealClientsAreReconciledWithTheBill(t *testing.T) {
	if os.Getenv("E2E_CLIENTS") == "" {
		t.Skip("skipped: real clients need npm and its registry; run make e2e-clients")
	}
	npm := newNPM(t)
	folder := npm.install(t, filepath.Join(clientsDir, "otel-openai"))
	pool, dsn := newDatabase(t)
	c := start(t, configuration{}.String(), dsn)
	provider := mockprovider.New(rand.Uint64())
	calls := httptest.NewServer(provider)
	defer calls.Close()
	for _, part := range []string{"web", "cron"} {
		cmd := exec.CommandContext(t.Context(), npm.node, "bill.mjs")
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "PROVIDER_URL="+calls.URL, "BILL_PART="+part, "OTEL_SERVICE_NAME="+part, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+c.http,
			"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "NODE_OPTIONS=--no-warnings", "NO_PROXY=127.0.0.1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	w := newBilled()
	_, answered := provider.Log()
	require.Len(t, answered, 14)
	rows := int64(0)
	for _, call := range answered {
		cause := map[string]string{"unseen": "not_seen", "streams": "unpriced", "cheaper": "price"}[call.Case]
		if cause != "not_seen" {
			rows++
		}
		w.charge(call.Arrived, call.Model, call.APIKey, 1, call.Bill, cause)
	}
	waitForRows(t, pool, rows)
	server := httptest.NewServer(w.account)
	defer server.Close()
	tool := newBillTool(t, dsn, server.URL)
	for range 3 {
		tool.run(t, tool.importing(t.Context()))
	}
	w.requirePlanted(t, tool.explain(t))
}
