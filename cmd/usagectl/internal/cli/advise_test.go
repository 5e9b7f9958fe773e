package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/outlook/savings"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// called is rows of public.api_usage for a test of advice: calls of three days ago, a
// second apart, each in a session of its own, as the collector prices them. What stands in
// set is laid over it.
func called(service string, calls int, set string) string {
	row := map[string]string{
		"timestamp": "date_trunc('day', now(), 'UTC') - interval '60 hours' + n * interval '1 second'",
		"service":   "'" + service + "'", "provider": "'openai'", "model": "'gpt-4o'", "api_type": "'text'", "usage_dollars": "1", "cost_source": "'computed'",
		"session_id": "'of its own ' || n", "input_tokens": "100000", "output_tokens": "1000",
	}
	for line := range strings.SplitSeq(set, ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			row[name] = value
		}
	}
	row["tokens_used"] = row["input_tokens"] + " + " + row["output_tokens"]
	names := slices.Sorted(maps.Keys(row))
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = row[name]
	}
	return fmt.Sprintf("INSERT INTO public.api_usage (%s) SELECT %s FROM generate_series(1, %d) AS n", strings.Join(names, ", "), strings.Join(values, ", "), calls)
}

// adviceIn gives what usagectl advise says of a database.
func adviceIn(t *testing.T, dsn string) (list outlook.AdviceList) {
	t.Helper()
	out, err := on(t, dsn, "advise", "--json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(out), &list), out)
	return list
}

// saidOf is the advice about one service.
func saidOf(list outlook.AdviceList, service string) string {
	lines := []string{}
	for _, a := range list.Advice {
		if a.Rows.Service == service {
			lines = append(lines, fmt.Sprintf("%s, %s: %s of %s for %d", a.Rule, a.Change, a.SavesPerMonth, a.Rows.Cost, a.Rows.Calls))
		}
	}
	return strings.Join(lines, "\n")
}

const (
	// minutes is when calls of a session are made that are so many minutes apart.
	minutes = "timestamp=date_trunc('day', now(), 'UTC') - interval '60 hours' + n * interval '%d minutes'; session_id='one'; "
	sonnet  = "provider='anthropic'; model='claude-sonnet-4-5'; "
	job     = "session_id=NULL; "
)

// TestEachRuleOnRowsMadeForIt reckons by the built-in book, dollars for a million tokens:
// gpt-4o 2.50 input and 10 output, batch at half, priority 4.25 and 17;
// gpt-4o-2024-05-13 5 and 15; gpt-4o-mini 0.15 and 0.60; o3 2 and 8, flex at half;
// gpt-oss-120b 0.35 and 0.75 at Cerebras, 0.15 and 0.60 at Fireworks;
// claude-sonnet-4-5 3 input, 0.30 cached, 3.75 and 6 written for five minutes and an hour,
// 15 output, above 200,000 tokens twice as much and 22.50; claude-sonnet-4-6 the same, 1.1
// times in us.
func TestEachRuleOnRowsMadeForIt(t *testing.T) {
	t.Parallel()
	at := func(apart int) string { return fmt.Sprintf(minutes, apart) }
	cases := []struct {
		name  string
		calls int
		set   string
		want  string
	}{
		{"a job", 20, job, "batch, tier batch: 2.6 of 5.2 for 20"},
		{"a job that runs all day", 720, job + "timestamp=date_trunc('day', now(), 'UTC') - interval '61 hours' - n * interval '40 minutes'; input_tokens=1000", ""},
		{"a few calls at night", 9, job, ""},
		{"calls of users", 20, "", ""},
		{"a job of traces with several calls", 20, job + "trace_id=repeat('0', 32); input_tokens=100000 - n", ""},
		{"a job without a batch price", 20, job + "provider='groq'; model='llama-3.1-8b-instant'; input_tokens=10000000", ""},
		{"a job with flex", 20, job + "model='o3'", "batch, tier batch: 2.08 of 4.16 for 20"},
		{"a hurry", 1, `metadata='{"service_tier": "priority"}'`, "priority, tier standard: 0.182 of 0.442 for 1"},
		{"a conversation", 3, at(1) + sonnet + "input_tokens=8000 + 2000 * n; output_tokens=500", "prompt_caching, cache on: 0.0489 of 0.1305 for 3"},
		{"a conversation of short prompts", 40, at(1) + sonnet + "input_tokens=10 + 90 * n; output_tokens=10", ""},
		{"a slow conversation", 3, at(6) + sonnet + "input_tokens=8000 + 2000 * n; output_tokens=500", ""},
		{"other prompts each time", 3, at(1) + sonnet + "input_tokens=20000 - 2000 * n; output_tokens=500", ""},
		{"prompts a little longer than before", 3, at(1) + sonnet + "input_tokens=20000 + n", ""},
		{"a library that hides the cache", 3, at(1) + sonnet + `input_tokens=8000 + 2000 * n; output_tokens=500; metadata='{"missing": "cache"}'`, ""},
		{"writes that nobody reads", 10, sonnet + "input_tokens=10000; output_tokens=10; cache_write_5m_tokens=10000", "cache_off, cache off: 0.075 of 0.3765 for 10"},
		{"a cache that pays", 6, at(1) + sonnet + "input_tokens=10000 + n; output_tokens=10; cache_write_5m_tokens=CASE n WHEN 1 THEN 10000 END; cache_read_tokens=CASE WHEN n > 1 THEN 10000 END", ""},
		{"writes every twenty minutes", 4, at(20) + sonnet + "input_tokens=10000 + n; output_tokens=10; cache_write_5m_tokens=10000", "cache_1h, cache writes for an hour: 0.081 of 0.15063 for 4"},
		{"an hour that is not needed", 5, at(1) + sonnet + "input_tokens=10000 + n; output_tokens=10; cache_write_1h_tokens=CASE n WHEN 1 THEN 10000 END; cache_read_tokens=CASE WHEN n > 1 THEN 10000 END",
			"cache_5m, cache writes for five minutes: 0.0225 of 0.072795 for 5"},
		{"an hour that is needed", 5, at(20) + sonnet + "input_tokens=10000 + n; output_tokens=10; cache_write_1h_tokens=CASE n WHEN 1 THEN 10000 END; cache_read_tokens=CASE WHEN n > 1 THEN 10000 END", ""},
		{"an hour for conversations of one call", 5, sonnet + "input_tokens=10000 + n; output_tokens=10; cache_write_1h_tokens=CASE n WHEN 1 THEN 10000 END; cache_read_tokens=CASE WHEN n > 1 THEN 10000 END", ""},
		{"a little too long", 1, sonnet + "input_tokens=210000", "long_context, shorter input: 0.6675 of 1.2825 for 1"},
		{"far too long", 1, sonnet + "input_tokens=300000", ""},
		{"long where it costs no more", 1, "input_tokens=210000", ""},
		{"in one country", 1, `provider='anthropic'; model='claude-sonnet-4-6'; metadata='{"region": "us"}'`, "region, any region: 0.0315 of 0.3465 for 1"},
		{"in a region of the same price", 1, `metadata='{"region": "nowhere"}'`, ""},
		{"an error that costs", 1, "outcome='error'", "failed_calls, no such calls: 0.26 of 0.26 for 1"},
		{"asked twice", 2, at(1), "repeated_calls, no such calls: 0.26 of 0.26 for 1"},
		{"asked again later", 2, at(6), ""},
		{"asked again after an error", 2, at(1) + "outcome=CASE n WHEN 1 THEN 'error' END", "failed_calls, no such calls: 0.26 of 0.26 for 1"},
		{"no answer", 1, "output_tokens=0", "empty_answers, no such calls: 0.25 of 0.25 for 1"},
		{"no answer but a warm cache", 1, sonnet + "input_tokens=10; output_tokens=0; cache_write_5m_tokens=10", ""},
		{"embeddings have no output", 1, "api_type='embedding'; model='text-embedding-3-small'; input_tokens=10000000; output_tokens=0", ""},
		{"an old snapshot", 1, "model='gpt-4o-2024-05-13'", "newer_snapshot, model gpt-4o: 0.255 of 0.515 for 1"},
		{"a snapshot that costs no more", 1, "model='gpt-4o-2024-11-20'", ""},
		{"two hosts of a model", 2, "provider=(ARRAY['cerebras', 'fireworks_ai'])[n]; model='gpt-oss-120b'", "other_host, provider fireworks_ai: 0.02015 of 0.03575 for 1"},
		{"two models", 2, "model=(ARRAY['gpt-4o', 'gpt-4o-mini'])[n]", "other_model, model gpt-4o-mini: 0.2444 of 0.26 for 1"},
		{"two models for two things", 2, "model=(ARRAY['gpt-4o', 'text-embedding-3-small'])[n]; api_type=(ARRAY['text', 'embedding'])[n]; output_tokens=(ARRAY[1000, 0])[n]", ""},
		{"a cent is the least", 1, job + "input_tokens=700; output_tokens=0", ""},
		{"before the last 30 days", 1, "output_tokens=0; timestamp=now() - interval '32 days'", ""},
		{"today", 1, "output_tokens=0; timestamp=now()", ""},
		{"on a plan", 1, "output_tokens=0; payer='plan'", ""},
		{"an estimate", 1, "output_tokens=0; pricing_status='estimated'; pricing_reason='price_fallback'", ""},
		{"stored by others", 1, "output_tokens=0; cost_source=NULL", ""},
		{"a model that nobody knows", 1, "output_tokens=0; model='never-heard-of'; usage_dollars=7", ""},
	}
	db := pgtest.New(t)
	for _, c := range cases {
		db.Exec(called(c.name, c.calls, c.set))
	}
	list := adviceIn(t, db.DSN)
	for _, c := range cases {
		assert.Equal(t, c.want, saidOf(list, c.name), c.name)
	}
	leftOut := map[string]string{}
	for _, l := range list.LeftOut {
		leftOut[l.Reason] = fmt.Sprintf("%d %s", l.Calls, l.Cost)
	}
	assert.Equal(t, map[string]string{"payer": "1 1", "estimated": "1 1", "foreign": "1 1", "no_price": "1 7"}, leftOut)
}

// TestFlexIsAdvisedWhereAHostSellsNoBatch needs a book of its own: in the built-in one,
// every model with flex has batch at the same price, and batch is named first.
func TestFlexIsAdvisedWhereAHostSellsNoBatch(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ours.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
provider: openai
rows:
  - model: quick-1
    per_1m_tokens: {input: 2, output: 8}
    service_tiers: {flex: {times: 0.5}}
  - model: quick-2
    per_1m_tokens: {input: 2, output: 8}
`), 0o600))
	db := pgtest.New(t)
	for _, model := range []string{"quick-1", "quick-2"} {
		db.Exec(called("a job of "+model, 20, job+"model='"+model+"'"))
	}
	out, err := on(t, db.DSN, "advise", "--json", "--file", file)
	require.NoError(t, err)
	var list outlook.AdviceList
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	assert.Equal(t, "flex, tier flex: 2.08 of 4.16 for 20", saidOf(list, "a job of quick-1"))
	assert.Empty(t, saidOf(list, "a job of quick-2"))
}

// TestTheDocumentationOfAdvice writes docs/advice.md.
func TestTheDocumentationOfAdvice(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, sql := range []string{
		called("reports", 400, job+"timestamp='2026-01-20T02:00Z'::timestamptz + n * interval '5 seconds'"),
		called("assistant", 300, sonnet+"timestamp='2026-01-21T09:00Z'::timestamptz + n * interval '1 minute'; session_id='chat ' || n / 6; input_tokens=8000 + 2000 * (n % 6); output_tokens=500"),
		called("search", 50, "model=(ARRAY['gpt-4o', 'gpt-4o-mini'])[1 + n % 2]; timestamp='2026-01-22T09:00Z'::timestamptz + n * interval '1 minute'; outcome=CASE n % 10 WHEN 0 THEN 'error' END"),
		called("editors", 10, "payer='plan'; timestamp='2026-01-22T09:00Z'::timestamptz + n * interval '1 minute'"),
	} {
		db.Exec(sql)
	}
	b, err := pricing.Load(pricing.Config{})
	require.NoError(t, err)
	pool, err := pgxpool.New(t.Context(), db.DSN)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	o := adviseOptions{timeout: time.Minute}
	list, err := o.advise(t.Context(), pool, b, time.Date(2026, 2, 1, 6, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	var example, page bytes.Buffer
	require.NoError(t, printAdvice(&example, list))
	text, err := os.ReadFile("testdata/advice.md.tmpl")
	require.NoError(t, err)
	require.NoError(t, template.Must(template.New("").Parse(string(text))).Execute(&page, map[string]any{"Example": example.String(), "Rules": savings.Rules}))
	golden.Equal(t, "../../../../docs/advice.md", page.String())
}

// TestAnotherHostOfTheSameModel has calls at two hosts, of which one asks more for the model.
func TestAnotherHostOfTheSameModel(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called("shop", 1, "provider='aws.bedrock'; model='us.anthropic.claude-sonnet-4-5-20250929-v1:0'"))
	db.Exec(called("shop", 1, "provider='groq'; model='llama-3.3-70b-versatile'"))
	first := adviceIn(t, db.DSN)
	assert.Equal(t, "region, any region: 0.0315 of 0.3465 for 1", saidOf(first, "shop"))
	db.Exec(called("search", 1, sonnet))
	assert.Equal(t, "region, any region: 0.0315 of 0.3465 for 1", saidOf(adviceIn(t, db.DSN), "shop"), "at the same price nothing is said")
}

// TestDismissedAdviceStaysDismissed until it would save more than twice as much.
func TestDismissedAdviceStaysDismissed(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called("shop", 2, "outcome='error'"))
	db.Exec(called("search", 1, "output_tokens=0"))
	shown := func() string {
		return db.Text(`SELECT coalesce(string_agg(place || ' ' || rule || ' ' || service || ' ' || saves_per_month, ', ' ORDER BY place), '') FROM usage_report.advice`)
	}
	assert.Empty(t, shown(), "nothing is published by itself")
	list := adviceIn(t, db.DSN)
	assert.Equal(t, "failed_calls, no such calls: 0.52 of 0.52 for 2", saidOf(list, "shop"))
	assert.Empty(t, shown())
	_, err := on(t, db.DSN, "advise", "--publish")
	require.NoError(t, err)
	assert.Equal(t, "1 failed_calls shop 0.52, 2 empty_answers search 0.25", shown())

	for says, args := range map[string][]string{
		"--dismiss and --reason belong together":              {"--dismiss", "failed_calls"},
		`--dismiss: no advice has the id or the rule "batch"`: {"--dismiss", "batch", "--reason", "no"},
		`--restore: no advice "0" is dismissed`:               {"--restore", "0"},
	} {
		_, err := on(t, db.DSN, append([]string{"advise"}, args...)...)
		require.ErrorContains(t, err, says)
	}
	out, err := on(t, db.DSN, "advise", "--dismiss", "failed_calls", "--reason", "the provider's fault")
	require.NoError(t, err)
	id := list.Advice[0].ID
	assert.Contains(t, out, "Dismissed:\n  "+id+" failed_calls, no such calls: 0.520000 USD")
	assert.Equal(t, "1 empty_answers search 0.25", shown())
	assert.Equal(t, id+" failed_calls shop openai gpt-4o 0.52 the provider's fault", db.Text(`SELECT concat_ws(' ', id, rule, service, provider, model, dollars, reason) FROM public.usage_advice_dismissal`))

	db.Exec(called("shop", 2, "outcome='error'; session_id='again ' || n"))
	assert.Empty(t, saidOf(adviceIn(t, db.DSN), "shop"), "twice as much")
	db.Exec(called("shop", 1, "outcome='error'; session_id='and again'"))
	assert.Equal(t, "failed_calls, no such calls: 1.3 of 1.3 for 5", saidOf(adviceIn(t, db.DSN), "shop"), "more than that")
	_, err = on(t, db.DSN, "advise", "--dismiss", id, "--reason", "still not ours")
	require.NoError(t, err)
	assert.Empty(t, saidOf(adviceIn(t, db.DSN), "shop"))
	_, err = on(t, db.DSN, "advise", "--restore", id)
	require.NoError(t, err)
	assert.Equal(t, "1 failed_calls shop 1.3, 2 empty_answers search 0.25", shown())
}

// TestTheRoleOfAdvice: readers may look, the pricer may store and dismiss, and nobody writes
// in whose name that was.
func TestTheRoleOfAdvice(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called("shop", 2, "outcome='error'"))
	login := stranger(t, db, "x")
	db.Exec("GRANT usage_reader TO " + roleOf(db))
	_, err := on(t, login, "advise")
	require.NoError(t, err)
	for _, args := range [][]string{{"advise", "--publish"}, {"advise", "--dismiss", "failed_calls", "--reason", "no"}, {"forecast", "--publish"}} {
		_, err := on(t, login, args...)
		require.ErrorContains(t, err, "GRANT usage_pricer TO <user>")
	}
	db.Exec("GRANT usage_pricer TO " + roleOf(db))
	for _, args := range [][]string{{"advise", "--publish"}, {"advise", "--dismiss", "failed_calls", "--reason", "no"}, {"forecast", "--publish"}} {
		_, err := on(t, login, args...)
		require.NoError(t, err)
	}
}

// TestSeatsThatDoNotPay has 30 days of a plan of three dollars a day and seat: one seat that
// pays, one that would cost less at the API, two without calls, one of which nobody has,
// and a user who pays the API beside their seat; and plans of which nothing can be said.
func TestSeatsThatDoNotPay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	plans := func(args ...string) {
		t.Helper()
		out, err := on(t, db.DSN, append([]string{"plans"}, args...)...)
		require.NoError(t, err, out)
	}
	for name, set := range map[string][]string{
		"team":   {"--price=3", "--period=day", "--seats=6", "--service=agents"},
		"silent": {"--price=3", "--period=day", "--service=elsewhere"},
		"free":   {"--service=unpriced"},
		"rate":   {"--price=3", "--period=day", "--currency=EUR", "--service=euros"},
	} {
		plans(append([]string{"set", name, "--since=2025-01-01"}, set...)...)
		plans("assign", name, "ada", "eve", "--since=2025-01-01")
	}
	plans("assign", "team", "bob", "cyd", "--since=2025-01-01")
	plans("assign", "team", "new", "--since="+time.Now().UTC().AddDate(0, 0, -9).Format(time.DateOnly))
	for user, set := range map[string]string{
		"ada": "usage_dollars=100", "eve": "usage_dollars=20.5", "bob": "usage_dollars=7; payer='api'; outcome='error'",
	} {
		id := usage.UserID(user).String()
		db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ($1, $2)`, id, user)
		db.Exec(called("agents", 1, set+"; user_id='"+id+"'"))
		db.Exec(called("euros", 1, "user_id='"+id+"'"))
	}
	seats := func() string {
		lines := []string{}
		for _, a := range adviceIn(t, db.DSN).Advice {
			if strings.HasSuffix(a.Rule, "_seat") {
				lines = append(lines, fmt.Sprintf("%s, %s: %s of %s for %d", a.Rule, a.Change, a.SavesPerMonth, a.Rows.Cost, a.Rows.Calls))
				assert.Contains(t, a.Rows.Link, "/api/admin/plans?")
			}
		}
		return strings.Join(lines, "\n")
	}
	assert.Empty(t, seats(), "plans that are not applied")
	plans("apply")
	// Cyd alone: how many seats nobody had changed within the 30 days.
	assert.Equal(t, strings.Join([]string{
		"idle_seat, end unused seats of team: 90 of 0 for 0",
		"underused_seat, pay at the API instead of some seats of team: 69.5 of 20.5 for 1",
		"beside_seat, log in with the seats of team: 7 of 7 for 1",
	}, "\n"), seats())
	assert.Empty(t, saidOf(adviceIn(t, db.DSN), "agents"), "no dollar is saved twice")
	assert.Contains(t, fmt.Sprint(adviceIn(t, db.DSN).LeftOut), "{seat 1 7}")
	_, err := on(t, db.DSN, "advise", "--dismiss", "idle_seat", "--reason", "they are on leave")
	require.NoError(t, err)
	assert.NotContains(t, seats(), "idle_seat")
	plans("set", "team", "--since=2026-01-01", "--price=4", "--period=day", "--service=agents")
	assert.Empty(t, seats(), "plans that are changed and not applied")
}
