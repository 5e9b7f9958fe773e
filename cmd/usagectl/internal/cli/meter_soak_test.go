package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/e2e/mockengine"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

const meterKey = "sk_of_the_test"

// billing is a mock of an engine, and a meter for it.
type billing struct {
	kind    string
	handler http.Handler
	*mockengine.Engine
	code   string // as the engine stores it
	meter  string
	scaled string // what a call is charged, in SQL
	window string // of calls that the engine takes, in SQL
}

func billings() []billing {
	now := time.Now().UTC().Truncate(24 * time.Hour)
	o, l, s := &mockengine.OpenMeter{}, &mockengine.Lago{From: now.AddDate(0, 0, -20), To: now.AddDate(0, 0, 20)}, &mockengine.Stripe{}
	list := []billing{
		{"openmeter", o, &o.Engine, "ai_cost.used", "rules: [{factor: 1.15, decimals: 9, rounding: half_even}]", "", "true"},
		{"lago", l, &l.Engine, "ai_cost", "rules: [{factor: 1.15, decimals: 18}]", "usage_dollars * 1.15", "true"},
		{"stripe", s, &s.Engine, "ai_cost", "unit: 0.000001, rules: [{decimals: 0}]", "round(usage_dollars * 1000000)", "timestamp > now() - interval '839 hours'"},
	}
	// PostgreSQL has no rounding to the even digit: nothing of these costs is half of one.
	list[0].scaled = "round(usage_dollars * 1.15, 9)"
	for _, b := range list {
		b.Key, b.Meters = meterKey, []string{"ai_cost"}
	}
	return list
}

// configure writes the configuration of a mock and gives its path.
func (b *billing) configure(t *testing.T, address string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "key"), []byte(meterKey+"\n"), 0o600))
	text := fmt.Sprintf(`
engines:
  billing: {engine: %s, endpoint: "%s", key_file: %s/key, repeats_within: 23h}
meters:
  ai_cost: {engine: billing, measure: cost, since: 2026-01-01, customer: {by: user}, %s}
`, b.kind, address, folder, b.meter)
	path := filepath.Join(folder, "metering.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// insertCalls stores calls of 40 users in the last 30 days, and a few before.
func insertCalls(db *pgtest.DB, first, last int) {
	db.Exec(`INSERT INTO auth.users (id, external_id) SELECT md5('user' || n)::uuid, 'customer_' || n FROM generate_series(0, 39) AS n ON CONFLICT DO NOTHING`)
	db.Exec(`INSERT INTO public.api_usage (id, user_id, timestamp, usage_dollars, api_type, model, provider, service, tokens_used, input_tokens, output_tokens, request_id)
		SELECT md5('call' || n)::uuid, md5('user' || n % 40)::uuid, now() - (n % 30) * interval '1 day' - CASE n % 5000 WHEN 7 THEN interval '60 days' ELSE '0' END - interval '1 hour', 0.000001 * (n % 4999 + 1) + 0.0000000012, 'text', 'gpt-4o', 'openai', 'chat', 100, 90, 10, 'call' || n
		FROM generate_series($1::int, $2::int) AS n`, first, last)
}

// TestEveryEventReachesTheEngineOnce sends calls through each engine by the real program,
// which is killed ten times, while the engine fails in every way and calls are corrected
// and repriced. METER_EVENTS is how many; make meter-soak sends 200,000.
func TestEveryEventReachesTheEngineOnce(t *testing.T) {
	t.Parallel()
	calls := 1500
	if text := os.Getenv("METER_EVENTS"); text != "" {
		var err error
		calls, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	usagectl := filepath.Join(t.TempDir(), "usagectl")
	out, err := exec.Command("go", "build", "-o", usagectl, "../../").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, b := range billings() {
		t.Run(b.kind, func(t *testing.T) {
			if calls < 10_000 {
				t.Parallel() // a soak has the machine for each
			}
			soak(t, usagectl, &b, calls)
		})
	}
}

func soak(t *testing.T, usagectl string, b *billing, calls int) {
	requests := calls // of Stripe
	switch b.kind {
	case "openmeter":
		requests = calls / 500
	case "lago":
		requests = calls / 100
	}
	faults := min(calls/200, 24, max(requests/2, 4))
	step := max(requests/faults, 1)
	kinds := []mockengine.Fault{mockengine.LostAfter, mockengine.Busy, mockengine.BrokenAfter, mockengine.Broken}
	b.Fault = func(n int) mockengine.Fault {
		if n%step == step-1 && n/step < faults {
			return kinds[n/step%len(kinds)]
		}
		return mockengine.None
	}
	server := httptest.NewServer(b.handler)
	defer server.Close()
	config := b.configure(t, server.URL)
	db := pgtest.New(t)
	insertCalls(db, 1, calls)
	start := func() (*exec.Cmd, *strings.Builder) {
		cmd, out := exec.CommandContext(t.Context(), usagectl, "meter", "run", "--config", config), &strings.Builder{}
		cmd.Env = append(os.Environ(), "DATABASE_URL="+db.DSN)
		cmd.Stdout, cmd.Stderr = out, out
		require.NoError(t, cmd.Start())
		return cmd, out
	}
	began := time.Now()

	// A meter that the engine does not have: nothing is sent, and nothing is lost.
	b.Hide("ai_cost", true)
	cmd, said := start()
	require.Error(t, cmd.Wait())
	require.Contains(t, said.String(), "ai_cost", said)
	require.Zero(t, b.Requests())
	b.Hide("ai_cost", false)

	kills := 0
	for ; kills < 10; kills++ {
		changeCalls(db, kills, calls)
		goal := b.Accepted() + max(calls/14, 1)
		cmd, said := start()
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for b.Accepted() < goal && len(ended) == 0 {
			time.Sleep(time.Millisecond)
		}
		_ = cmd.Process.Kill()
		if err := <-ended; err == nil {
			t.Logf("%s: run %d ended by itself: %s", b.kind, kills, said)
		}
	}

	// The rest, and what transactions of other tests held back.
	charged := `SELECT coalesce(trim_scale(sum(quantity)), 0) FROM public.usage_meter_event WHERE state <> 'replaced'`
	owed := `SELECT trim_scale(sum(` + b.scaled + `)) FROM public.api_usage WHERE user_id IS NOT NULL`
	require.Eventually(t, func() bool {
		cmd, said := start()
		if err := cmd.Wait(); err != nil {
			t.Log(err, said)
			return false
		}
		return db.Text(charged) == db.Text(owed)
	}, 10*time.Minute, 100*time.Millisecond)
	t.Logf("%s: %s; %d events, %d requests, %d ids came again, refused %s, in %s", b.kind, said, b.Accepted(), b.Requests(), b.Repeated(),
		db.Text(`SELECT count(*) FROM public.usage_meter_event WHERE state = 'refused'`), time.Since(began).Round(time.Second))

	assert.NotZero(t, b.Repeated(), "an answer was lost, so an id came again")
	ids := map[string]bool{}
	for _, e := range b.Events() {
		assert.False(t, ids[e.ID], "%s twice", e.ID)
		ids[e.ID] = true
	}
	assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.usage_meter_event WHERE state NOT IN ('accepted', 'refused', 'replaced')`))
	assert.Equal(t, strconv.Itoa(b.Accepted()), db.Text(`SELECT count(*) FROM public.usage_meter_event WHERE state = 'accepted'`))
	assert.Equal(t, fmt.Sprint(b.kind == "stripe"), db.Text(`SELECT count(*) > 0 FROM public.usage_meter_event WHERE state = 'refused' AND reason LIKE 'too_old%'`))
	for n := range 40 {
		customer := "customer_" + strconv.Itoa(n)
		want := db.Text(`SELECT trim_scale(coalesce(sum(`+b.scaled+`), 0)) FROM public.api_usage WHERE user_id = (SELECT id FROM auth.users WHERE external_id = $1) AND `+b.window, customer)
		assert.Equal(t, want, b.Sum(b.code, customer).String(), customer)
	}
	out, err := on(t, db.DSN, "meter", "check", "--config", config, "--from", time.Now().AddDate(0, 0, -100).Format(time.DateOnly))
	require.NoError(t, err, out)
	assert.Equal(t, 40, strings.Count(out, "  equal  "), out)
}

// changeCalls corrects, reprices and attributes some calls, and adds late ones.
func changeCalls(db *pgtest.DB, round, calls int) {
	db.Exec(`UPDATE public.api_usage SET usage_dollars = usage_dollars + 0.000002 WHERE request_id IN (SELECT 'call' || n FROM generate_series($1::int, $2::int, 101) AS n)`, round+1, calls)
	db.Exec(`UPDATE public.api_usage SET usage_dollars = usage_dollars / 4 WHERE request_id IN (SELECT 'call' || n FROM generate_series($1::int, $2::int, 211) AS n)`, round+3, calls)
	db.Exec(`UPDATE public.api_usage SET user_id = md5('user' || $1::int)::uuid WHERE request_id IN (SELECT 'call' || n FROM generate_series($2::int, $3::int, 307) AS n)`, round%40, round+5, calls)
	db.Exec(`UPDATE public.api_usage SET user_id = CASE WHEN user_id IS NULL THEN md5('user1')::uuid END WHERE request_id IN (SELECT 'call' || n FROM generate_series(11, $1::int, 503) AS n)`, calls)
	insertCalls(db, calls+round*20+1, calls+round*20+20)
}

func TestWithoutAMeterNothingOfItRuns(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertCalls(db, 1, 10)
	before := db.Text(`SELECT string_agg(xmin::text || written_xid::text, ' ' ORDER BY request_id) FROM public.api_usage`)
	_, err := on(t, db.DSN, "meter", "run")
	require.ErrorContains(t, err, "--config must name a file")
	out, err := on(t, db.DSN, "meter", "status")
	require.NoError(t, err)
	assert.Equal(t, "no meter has run yet: usagectl meter run --config metering.yaml\n", out)
	assert.Equal(t, "0|0|0|0", db.Text(`SELECT (SELECT count(*) FROM public.usage_meter), (SELECT count(*) FROM public.usage_meter_event), (SELECT count(*) FROM public.usage_meter_held), (SELECT count(*) FROM usage_report.metering)`))
	assert.Equal(t, before, db.Text(`SELECT string_agg(xmin::text || written_xid::text, ' ' ORDER BY request_id) FROM public.api_usage`))
	assert.Equal(t, "0", db.Text(`SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%meter%' AND NOT tgisinternal`), "no trigger feeds it")
}

func TestWhatWasRefusedIsShownAndSentAgain(t *testing.T) {
	t.Parallel()
	b := billings()[2]
	b.Customers = map[string]bool{"customer_1": true}
	server := httptest.NewServer(b.handler)
	defer server.Close()
	config := b.configure(t, server.URL)
	db := pgtest.New(t)
	dsn := db.DSN + "&role=usage_meterer"
	insertCalls(db, 1, 3)
	db.Exec(`UPDATE public.api_usage SET user_id = NULL WHERE request_id = 'call3'`)
	out, err := on(t, dsn, "meter", "run", "--config", config, "--collect-only")
	require.NoError(t, err)
	assert.Contains(t, out, "looked at, 2 events made\n")
	require.Zero(t, b.Requests())
	out, err = on(t, dsn, "meter", "run", "--config", config)
	require.NoError(t, err)
	assert.Contains(t, out, "billing: 1 event accepted, 1 refused, 0 unsure\n")
	out, err = on(t, dsn, "meter", "status")
	require.NoError(t, err)
	for _, want := range []string{
		"ai_cost (billing), calls since 2026-01-01T00:00:00Z\n", "accepted         1         2\n",
		"refused          1         3  meter_event_customer_not_found: No such customer: customer_2\n", "not charged      1         4  no_customer\n",
	} {
		assert.Contains(t, out, want)
	}
	_, err = on(t, dsn, "meter", "replay", "--config", config)
	require.ErrorContains(t, err, "give --from, --refused or --unsure")
	_, err = on(t, dsn, "meter", "replay", "--config", config, "--refused", "--accepted")
	require.ErrorContains(t, err, "--accepted is for --unsure")
	_, err = on(t, dsn, "meter", "replay", "--config", config, "--refused", "--meter", "other")
	require.ErrorContains(t, err, `--meter: found "other"`)

	b.Customers["customer_2"] = true
	out, err = on(t, dsn, "meter", "replay", "--config", config, "--refused", "--reason", "meter_event_customer_not_found")
	require.NoError(t, err)
	assert.Equal(t, "ai_cost: 1 event that were refused wait again\n", out)
	_, err = on(t, dsn, "meter", "run", "--config", config)
	require.NoError(t, err)
	assert.True(t, decimal.New(5, 0).Equal(b.Sum("ai_cost", "")), b.Sum("ai_cost", ""))

	// The engine lost one: the check finds it.
	out, err = on(t, dsn, "meter", "check", "--config", config, "--from", "2026-01-01", "--json")
	require.NoError(t, err, out)
	assert.Contains(t, out, `"equal": true`)
	db.Exec(`UPDATE public.usage_meter_event SET quantity = quantity + 1 WHERE customer = 'customer_2'`)
	out, err = on(t, dsn, "meter", "check", "--config", config, "--from", "2026-01-01")
	require.ErrorIs(t, err, errMeterDiffers)
	assert.Contains(t, out, "differs by -1")

	_, err = on(t, db.DSN+"&role=usage_own", "meter", "status")
	require.ErrorContains(t, err, "the user needs the role: GRANT usage_meterer TO <user>")
}
