package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestCashStandsBesideAPIEquivalent follows plans from nothing to dollars: a subscription in
// euros with a seat that is used, one that is not and one that nobody has, hardware of one's
// own, and a call that tells that the API is paid beside the seat.
func TestCashStandsBesideAPIEquivalent(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ada := usage.UserID("ada").String()
	db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ($1, 'ada')`, ada)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, service, user_id, payer, pricing_status) VALUES
		('2026-01-05Z', 70.000000000001, 'text', 'claude', 'anthropic', 'claude-code', $1, NULL, 'priced'),
		('2026-01-06Z', 0, 'text', 'claude', 'anthropic', 'claude-code', $1, NULL, 'unpriced'),
		('2026-01-07Z', 3, 'text', 'claude', 'anthropic', 'claude-code', $1, 'api', 'priced'),
		('2026-01-08Z', 5, 'text', 'claude', 'anthropic', 'shop', $1, NULL, 'priced'),
		('2026-01-09Z', 7, 'text', 'llama', 'vllm', 'shop', NULL, NULL, 'priced'),
		('2026-01-10Z', 11, 'text', 'claude', 'anthropic', 'shop', NULL, 'plan', 'priced'),
		('2026-02-01Z', 13, 'text', 'claude', 'anthropic', 'claude-code', $1, NULL, 'priced')`, ada)
	do := func(args ...string) string {
		t.Helper()
		out, err := on(t, db.DSN, append([]string{"plans"}, args...)...)
		require.NoError(t, err, out)
		return out
	}
	assert.Contains(t, do("list"), "there are no plans")
	do("set", "team", "--since=2026-01-01", "--price=15.50", "--currency=EUR", "--seats=3", "--provider=anthropic", "--service=claude-*")
	do("set", "team", "--since=2026-01-11", "--price=31", "--currency=EUR", "--seats=3", "--provider=anthropic", "--service=claude-*")
	do("set", "gpu", "--since=2026-01-02", "--payer=own", "--everyone", "--price=310", "--provider=vllm")
	do("set", "later", "--since=2026-03-01", "--price=1")
	do("assign", "team", "ada", "--since=2026-01-01", "--until=2026-02-01")
	file := filepath.Join(t.TempDir(), "seats.csv")
	require.NoError(t, os.WriteFile(file, []byte("plan,user,since,until\nteam,eve,2026-01-01,\n"), 0o600))
	assert.Contains(t, do("import", file), "1 seat, 1 of them new or different")
	assert.Contains(t, do("import", file), "1 seat, 0 of them")
	out := do("list")
	assert.Regexp(t, `team +2026-01-01 +2026-01-11 +plan +15\.5 EUR a month +at least 3 +provider=anthropic service=claude-\*`, out)
	assert.Regexp(t, `gpu +2026-01-02 +open +own +310 USD a month +everyone +provider=vllm`, out)
	assert.Regexp(t, `team +ada +2026-01-01 +2026-02-01`, out)

	status := func() (a report.PlansAnswer) {
		t.Helper()
		require.NoError(t, json.Unmarshal([]byte(do("status", "--start=2026-01-01", "--end=2026-01-31", "--json")), &a))
		return a
	}
	a := status()
	require.Len(t, a.Plans, 2, "the third one begins later")
	assert.Equal(t, "no exchange rate for EUR on 2026-01-01", *a.Plans[1].CashCostUnknown)
	assert.Nil(t, a.Plans[1].Difference)
	assert.Zero(t, a.Plans[1].Calls, "it is not applied yet")
	assert.True(t, *a.Pending)
	rates := filepath.Join(t.TempDir(), "rates.csv")
	require.NoError(t, os.WriteFile(rates, []byte("currency,valid_from,rate,source\nEUR,2026-01-01,0.5,a test\n"), 0o600))
	_, err := on(t, db.DSN, "rates", "import", rates)
	require.NoError(t, err)

	assert.Contains(t, do("apply", "--dry-run"), "dry run: would change 4 of")
	out = do("apply")
	assert.Regexp(t, `(?s)changed 4 of 7 calls.*plan +0\.000000 +70\.000000.*own +0\.000000 +7\.000000.*\(unknown\) +77\.000000 +0\.000000`, out)
	assert.Contains(t, do("apply", "--days=3"), "changed 0 of 0 calls")

	a = status()
	gpu, team := a.Plans[0], a.Plans[1]
	texts := func(sums ...*usage.Sum) string {
		list := make([]string, len(sums))
		for i, s := range sums {
			list[i] = "?"
			if s != nil {
				list[i] = s.String()
			}
		}
		return strings.Join(list, " ")
	}
	// Ten days of half a euro and 21 of one, for three seats; a euro is two dollars.
	euros := team.CashCost["EUR"]
	assert.Equal(t, "78 156 70.000000000001 -85.999999999999 104 3", texts(&euros, team.CashCostUSD, team.APIEquivalent, team.Difference, team.UnusedCost, &team.PaidBeside))
	assert.EqualValues(t, []int64{3, 2, 2, 1, 1}, []int64{team.Seats, team.UnusedSeats, team.Calls, team.UnpricedCalls, team.PaidBesideCalls})
	assert.Equal(t, "300 7 -293 0", texts(gpu.CashCostUSD, gpu.APIEquivalent, gpu.Difference, gpu.UnusedCost), "30 of 31 days")
	assert.Equal(t, "5 11", texts(&a.UnknownPayerCost, &a.PlanCostWithoutSeat))
	assert.False(t, *a.Pending)
	out = do("status", "--start=2026-01-01", "--end=2026-01-31")
	for _, line := range []string{
		`team +plan +3 +156\.000000 +70\.000000 +-86\.000000 +2 +104\.000000 +3\.000000`, `paid in EUR: 78\.000000`, `1 call without a known cost`,
		`ada +31 +52\.000000 +2 +70\.000000 +3\.000000`, `eve +31 +52\.000000 +0`, `\(nobody\) +31 +52\.000000`,
		`5\.000000 USD: of calls whose payer nothing tells`, `11\.000000 USD: API-equivalent of calls that tell that a plan pays`,
	} {
		assert.Regexp(t, line, out)
	}

	explained := func(dollars, want string) {
		t.Helper()
		out, err := on(t, db.DSN, "explain", db.Text(`SELECT id::text FROM public.api_usage WHERE usage_dollars = $1::text::numeric`, dollars))
		require.NoError(t, err)
		assert.Contains(t, out, "payer: "+want)
	}
	explained("70.000000000001", "plan, by plan team, because the call does not tell")
	explained("3", "api, as the call tells; plan team covers it")
	explained("11", "plan, as the call tells")
	explained("5", "not known: the call does not tell")

	do("end", "team", "eve", "--on=2026-01-11", "--yes")
	do("delete", "gpu", "--since=2026-01-02", "--yes")
	do("apply")
	a = status()
	require.Len(t, a.Plans, 1)
	assert.Equal(t, "156 12", texts(a.Plans[0].CashCostUSD, &a.UnknownPayerCost), "the seat is paid, whoever has it")
	do("end", "team", "--on=2026-01-16", "--yes")
	assert.Equal(t, "60", texts(status().Plans[0].CashCostUSD))
}

func TestWrongPlansAreRefusedWithWhatIsAllowed(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		`--since: found "", must be a date`:                  {"set", "p"},
		`--until: found 2026-01-01, must be after --since`:   {"set", "p", "--since=2026-01-01", "--until=2026-01-01"},
		`--payer: found "me", must be plan`:                  {"set", "p", "--since=2026-01-01", "--payer=me"},
		`--price: found "1e3", must be a decimal number`:     {"set", "p", "--since=2026-01-01", "--price=1e3"},
		`--currency: found "euro"`:                           {"set", "p", "--since=2026-01-01", "--price=1", "--currency=euro"},
		`--period: found "moon", must be day`:                {"set", "p", "--since=2026-01-01", "--price=1", "--period=moon"},
		`--api-type: found "smell", must be of text`:         {"set", "p", "--since=2026-01-01", "--api-type=smell"},
		`--timezone: found "Mars"`:                           {"set", "p", "--since=2026-01-01", "--timezone=Mars"},
		`--seats: found -1`:                                  {"set", "p", "--since=2026-01-01", "--seats=-1"},
		`PLAN: found ""`:                                     {"set", "", "--since=2026-01-01"},
		`user: found "00000000-0000-0000-0000-000000000000"`: {"assign", "p", "00000000-0000-0000-0000-000000000000", "--since=2026-01-01"},
		`--on: found "tomorrow", must be a date`:             {"end", "p", "--on=tomorrow"},
		`--days: found -1`:                                   {"apply", "--days=-1"},
		`if any flags in the group [days from] are set`:      {"apply", "--days=1", "--from=2026-01-01"},
	} {
		_, err := run(t, append([]string{"plans", "--dsn=postgres://127.0.0.1:1/x"}, args...)...)
		assert.ErrorContains(t, err, says, args)
	}
	for text, says := range map[string]string{
		"plan,user\n":                                                   "must be the header plan,user,since,until",
		"plan,user,since,until\n":                                       "has no seats",
		"plan,user,since,until\np,ada,x,\n":                             `f.csv:2: since: found "x"`,
		"plan,user,since,until\np,,2026-01-01,\n":                       `f.csv:2: user: found ""`,
		"plan,user,since,until\np,ada,2026-01-01,\np,ada,2026-01-01,\n": "f.csv:3: the seat of ada since 2026-01-01 is in line 2 already",
	} {
		_, err := readSeats("f.csv", strings.NewReader(text))
		assert.ErrorContains(t, err, says)
	}
}
