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
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestCostCentresAddUpToTheTotalAndNameWhatIsNobodys moves a user between cost centres,
// and leaves a user, calls without a user and a centre without a price.
func TestCostCentresAddUpToTheTotalAndNameWhatIsNobodys(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, user := range []string{"ada", "eve", "bob", "new"} {
		db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ($1::text::uuid, $2)`, usage.UserID(user).String(), user)
	}
	for _, c := range []struct{ at, user, dollars, tags string }{
		{"2026-11-01T00:00Z", "ada", "1.000000000001", "team=search"}, {"2026-11-14T23:59Z", "ada", "2", "team=search"}, {"2026-11-15T00:00Z", "ada", "4", "team=shop"},
		{"2026-11-10T12:00Z", "eve", "8", "team==1+1"}, {"2026-11-10T12:00Z", "", "16", ""}, {"2026-11-10T12:00Z", "bob", "32", ""},
		{"2026-10-31T23:59Z", "ada", "1000", "team=search"}, {"2026-12-01T00:00Z", "ada", "1000", "team=search"},
	} {
		var user any
		if c.user != "" {
			user = usage.UserID(c.user).String()
		}
		db.Exec(`INSERT INTO public.api_usage (timestamp, user_id, usage_dollars, api_type, tokens_used, tags) VALUES ($1::text::timestamptz, $2::text::uuid, $3::text::numeric, 'text', 10, nullif($4, ''))`, c.at, user, c.dollars, c.tags)
	}
	db.Exec(`INSERT INTO public.api_usage (timestamp, user_id, usage_dollars, api_type, pricing_status, pricing_reason) VALUES ('2026-11-10T12:00Z', $1::text::uuid, 0, 'text', 'unpriced', 'unknown_model')`, usage.UserID("new").String())
	file := filepath.Join(t.TempDir(), "centres.csv")
	require.NoError(t, os.WriteFile(file, []byte("cost_centre,user,since,until\nSearch,ada,,2026-11-15\nShop,ada,2026-11-15,\nShop,eve,2026-01-01,2027-01-01\nLabs,"+usage.UserID("new").String()+",,\n"), 0o600))
	period := []string{"showback", "--start", "2026-11-01", "--end", "2026-11-30"}

	out, err := on(t, db.DSN, append(period, "--members", file, "-o", "json")...)
	require.NoError(t, err)
	type document struct {
		CostCentre string
		Calls      int64
		Cost       *usage.Sum
	}
	var s struct {
		CostCentres []document
		Total       document
	}
	require.NoError(t, json.Unmarshal([]byte(out), &s))
	var text []string
	var sum usage.Sum
	for _, r := range s.CostCentres {
		if r.Cost == nil {
			text = append(text, r.CostCentre+" unknown")
			continue
		}
		text, sum = append(text, r.CostCentre+" "+r.Cost.String()), sum.Plus(*r.Cost)
	}
	assert.Equal(t, []string{"Shop 12", "Search 3.000000000001", "Labs unknown", "(unassigned) 32", "(no user) 16"}, text)
	assert.Equal(t, []any{"63.000000000001", "63.000000000001", int64(7)}, []any{sum.String(), s.Total.Cost.String(), s.Total.Calls})
	assert.Contains(t, strings.Join(strings.Fields(out), " "), `"costCentre": "Labs", "calls": 1, "unpricedCalls": 1, "tokens": 0, "cost": null, "costByPayer": null, "planCash": 0`)

	out, err = on(t, db.DSN, append(period, "--tag", "team", "-o", "csv")...)
	require.NoError(t, err)
	assert.Equal(t, `BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,ServiceCategory,x_CostCenter,x_Calls,x_UnpricedCalls,x_Tokens,x_CostBilledByAPI,x_CostWithinPlans,x_CostFromCredit,x_CostOnOwnHardware,x_CostPayerUnknown,x_PlanCash
USD,Usage,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,8,AI and Machine Learning,'=1+1,1,0,10,0,0,0,0,8,0
USD,Usage,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,4,AI and Machine Learning,shop,1,0,10,0,0,0,0,4,0
USD,Usage,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,3.000000000001,AI and Machine Learning,search,2,0,20,0,0,0,0,3.000000000001,0
USD,Usage,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,48,AI and Machine Learning,(unassigned),3,1,20,0,0,0,0,48,0
`, out)
	out, err = on(t, db.DSN, append(period, "--tag", "team")...)
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^total +63\.000000 +7 +1 +60$`, out)
	assert.NotContains(t, out, "BILLED", "nothing is known of who pays")

	// Who pays, and what seats cost: ada's moves with her from Search to Shop.
	db.Exec(`UPDATE public.api_usage SET payer = CASE WHEN usage_dollars = 8 THEN 'api' WHEN usage_dollars = 16 THEN 'own' ELSE 'plan' END WHERE usage_dollars IN (2, 4, 8, 16)`)
	db.Exec(`INSERT INTO public.usage_plans (name, since, price, currency, period) VALUES ('seat', '2026-01-01', 1, 'USD', 'day')`)
	db.Exec(`INSERT INTO public.usage_plan_seats (plan, user_id, since) VALUES ('seat', $1::text::uuid, '2026-01-01'), ('seat', $2::text::uuid, '2026-11-29')`, usage.UserID("ada").String(), usage.UserID("idle").String())
	out, err = on(t, db.DSN, append(period, "--members", file, "-o", "csv")...)
	require.NoError(t, err)
	var parts []string
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), ",")
		parts = append(parts, strings.Join(append([]string{f[6], f[4]}, f[10:]...), " "))
	}
	assert.Equal(t, []string{
		"x_CostCenter EffectiveCost x_CostBilledByAPI x_CostWithinPlans x_CostFromCredit x_CostOnOwnHardware x_CostPayerUnknown x_PlanCash",
		"Shop 12 8 4 0 0 0 16", "Search 3.000000000001 0 2 0 0 1.000000000001 14", "Labs       0", "(unassigned) 32 0 0 0 0 32 2", "(no user) 16 0 0 0 16 0 0",
	}, parts)
	out, err = on(t, db.DSN, append(period, "--members", file)...)
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^total +8\.000000 +6\.000000 +0\.000000 +16\.000000 +33\.000000 +32\.000000$`, out)
	db.Exec(`UPDATE public.usage_plans SET price = NULL, currency = NULL, period = NULL`)
	out, err = on(t, db.DSN, append(period, "--tag", "team", "-o", "json")...)
	require.NoError(t, err)
	compact := strings.Join(strings.Fields(out), " ")
	assert.Contains(t, compact, `"costCentre": "search", "calls": 2, "unpricedCalls": 0, "tokens": 20, "cost": 3.000000000001, "costByPayer": { "api": 0, "plan": 2, "credit": 0, "own": 0, "(unknown)": 1.000000000001 }, "planCash": 0 }`)
	assert.Contains(t, compact, `"costCentre": "(unassigned)", "calls": 3, "unpricedCalls": 1, "tokens": 20, "cost": 48, "costByPayer": { "api": 0, "plan": 0, "credit": 0, "own": 16, "(unknown)": 32 }, "planCash": null }`)

	_, err = on(t, db.DSN, "showback", "--start", "2026-11-01T12:00:00Z", "--end", "2026-11-30", "--tag", "team")
	require.ErrorContains(t, err, "must be days of UTC")
	_, err = on(t, db.DSN, period...)
	require.ErrorContains(t, err, "members tag")
}

func TestAFileOfCostCentresWithAFaultIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, says string }{
		{"", "must be the header cost_centre,user,since,until"},
		{"cost_centre,user,since,until\n,ada,,", `f.csv:2: cost_centre: found ""`},
		{"cost_centre,user,since,until\n(unassigned),ada,,", "cost_centre: found"},
		{"cost_centre,user,since,until\nShop,,,", `f.csv:2: user: found ""`},
		{"cost_centre,user,since,until\nShop,00000000-0000-0000-0000-000000000000,,", "stands for calls without a user"},
		{"cost_centre,user,since,until\nShop,ada,1.1.2026,", `since: found "1.1.2026"`},
		{"cost_centre,user,since,until\nShop,ada,2026-01-01,2026-01-01", "must be after since"},
		{"cost_centre,user,since,until\nShop,ada,,2026-01-02\nLabs,ada,2026-01-01,", `f.csv:3: the user belongs to "Shop" on some of these days already`},
		{"cost_centre,user,since,until\nShop,ada,2026-01-01,\nLabs,ada,,2026-01-02", `belongs to "Shop"`},
		{"cost_centre,user,since,until\nShop,ada", "wrong number of fields"},
	} {
		_, err := readMemberships("f.csv", strings.NewReader(c.text))
		require.ErrorContains(t, err, c.says, c.text)
	}
	m, err := readMemberships("f.csv", strings.NewReader("cost_centre,user,since,until\nShop,ada,2026-01-01,2026-02-01\nLabs,ada,2026-02-01,\n"))
	require.NoError(t, err)
	assert.NotEmpty(t, m)
}
