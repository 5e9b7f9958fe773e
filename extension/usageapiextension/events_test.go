package usageapiextension

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestEveryBreakdownAddsUpWhateverHappensToCalls lets calls be corrected, priced again,
// deleted, removed by retention and stored late, and after each holds every breakdown of a
// period of UTC days against its total, and the total against what was ever counted.
func TestEveryBreakdownAddsUpWhateverHappensToCalls(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	db := pgtest.New(t)
	now := time.Date(2026, 4, 2, 11, 7, 0, 0, time.UTC)
	api := newTestAPI(t, db.DSN, now)
	// What fillAtRandom does not make.
	const more = `UPDATE public.api_usage SET session_id = 's' || ascii(id::text) % 7, payer = (ARRAY['api', 'plan', 'credit', 'own', NULL])[1 + ascii(right(id::text, 1)) % 5],
		pricing_assumptions = CASE WHEN ascii(left(id::text, 1)) % 3 = 0 AND pricing_status <> 'unpriced' THEN ARRAY['service_tier'] ELSE '{}' END`
	// What retention removed stays in the total.
	removed, removedOfSessions, count := usage.Sum{}, usage.Sum{}, 0
	fillAtRandom(t, db, r, 800)
	db.Exec(more + `; CREATE TABLE public.late AS SELECT * FROM public.api_usage WHERE random() < 0.3; DELETE FROM public.api_usage WHERE id IN (SELECT id FROM public.late)`)
	for _, event := range []struct{ name, sql string }{
		{"stored", `SELECT`},
		{"corrected", `UPDATE public.api_usage SET output_tokens = output_tokens + 7, tokens_used = tokens_used + 7, usage_dollars = usage_dollars + 0.000000000003 WHERE random() < 0.2 AND pricing_status <> 'unpriced'`},
		{"priced again", `UPDATE public.api_usage SET usage_dollars = usage_dollars * 2, pricing_status = CASE pricing_status WHEN 'estimated' THEN 'priced' ELSE 'estimated' END, pricing_reason = CASE pricing_status WHEN 'estimated' THEN NULL ELSE 'price_fallback' END WHERE random() < 0.3 AND pricing_status <> 'unpriced'`},
		{"deleted", `DELETE FROM public.api_usage WHERE random() < 0.1`},
		{"a user deleted", `DELETE FROM auth.users WHERE id = '` + usage.UserID("eve").String() + `'`},
		{"moved to another payer", `UPDATE public.api_usage SET payer = CASE payer WHEN 'api' THEN 'plan' ELSE 'api' END WHERE random() < 0.2`},
		{"removed by retention", `
			INSERT INTO public.usage_setting (name, value) VALUES ('retained_from', '2026-01-20T00:00:00Z');
			BEGIN; SET LOCAL usage.keep_rollup = 'on'; DELETE FROM public.api_usage WHERE timestamp < '2026-01-20Z'; COMMIT`},
		{"stored late", `INSERT INTO public.api_usage SELECT * FROM public.late WHERE timestamp >= '2026-01-20Z' AND (user_id IS NULL OR user_id IN (SELECT id FROM auth.users))`},
	} {
		old, oldOfSessions := sumOfCalls(t, db, "timestamp < '2026-01-20Z'"), sumOfCalls(t, db, "timestamp < '2026-01-20Z' AND session_id <> ''")
		if event.name == "removed by retention" {
			keepSessions(t, db) // as upkeep.Retain does
			removed, removedOfSessions = old, oldOfSessions
		}
		db.Exec(event.sql)
		count++
		total := sumOfCalls(t, db, "true").Plus(removed)
		for _, query := range []url.Values{{}, {"top": {"0"}}, {"top": {"2"}}} {
			query.Set("startDate", "2025-12-01")
			query.Set("endDate", "2026-04-02")
			w := api.get(t, "admin", "/api/admin/usage?"+query.Encode())
			require.Equal(t, 200, w.Code, "%s", w.Body)
			var got report.Answer
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
			u := got.Current
			require.Equal(t, total.String(), u.TotalCost.String(), event.name)
			for name, part := range map[string]report.Costs{
				"type": u.UsageByType, "user": u.UsageByUser, "model": u.UsageByModel, "provider": u.UsageByProvider, "service": u.UsageByService, "payer": u.CostByPayer,
			} {
				require.Equal(t, total.String(), addUp(part).String(), "%s: by %s", event.name, name)
			}
			require.NotEmpty(t, u.UsageByTag)
			for _, tag := range u.UsageByTag {
				require.Equal(t, total.String(), addUp(tag.Values).String(), "%s: by tag %s", event.name, tag.Name)
			}
			days := u.NotInDays
			for _, d := range u.DailyUsage {
				days = days.Plus(d.Cost)
			}
			require.Equal(t, total.String(), days.String(), "%s: by day", event.name)
			for name, doubt := range map[string]struct {
				all  usage.Sum
				part report.Parts
			}{"estimated": {u.EstimatedCost, u.Estimated}, "assumed": {u.AssumedCost, u.Assumed}} {
				require.NotNil(t, doubt.part.Users)
				for _, part := range []report.Costs{doubt.part.Types, doubt.part.Models, doubt.part.Providers, doubt.part.Services, *doubt.part.Users} {
					require.Equal(t, doubt.all.String(), addUp(part).String(), "%s: %s", event.name, name)
				}
			}
		}
		// What is kept of sessions is out of date after the event, then new.
		checkUsersAndSessions(t, db, api, event.name, removedOfSessions)
		keepSessions(t, db)
		require.Equal(t, db.Text(`SELECT count(DISTINCT bucket) FROM public.usage_day_type`), db.Text(`SELECT count(*) FROM public.usage_session_days`), event.name)
		checkUsersAndSessions(t, db, api, event.name+", kept", removedOfSessions)
	}
	require.Equal(t, 8, count)
}

// keepSessions keeps each day with calls that is not as it was when it was kept.
func keepSessions(t *testing.T, db *pgtest.DB) {
	t.Helper()
	db.Exec(`SELECT public.usage_keep_session_day(bucket) FROM public.usage_day_type
		WHERE bucket >= coalesce((SELECT value::timestamptz FROM public.usage_setting WHERE name = 'retained_from'), '-infinity') AND bucket NOT IN (SELECT bucket FROM public.usage_session_days)
		GROUP BY bucket`)
}

func sumOfCalls(t *testing.T, db *pgtest.DB, where string) usage.Sum {
	t.Helper()
	sum, err := usage.ParseSum(db.Text(`SELECT coalesce(sum(usage_dollars), 0)::text FROM public.api_usage WHERE ` + where))
	require.NoError(t, err)
	return sum
}

// checkUsersAndSessions holds the list of users against the sums of their calls, and the list
// of sessions against the calls that are stored and those that retention removed.
func checkUsersAndSessions(t *testing.T, db *pgtest.DB, api *testAPI, event string, removed usage.Sum) {
	t.Helper()
	var users usersDocument
	w := api.get(t, "admin", "/api/admin/users?limit=1000")
	require.Equal(t, 200, w.Code, "%s", w.Body)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &users))
	var cost, estimated, assumed usage.Sum
	for _, u := range users.Users {
		cost, estimated, assumed = cost.Plus(u.TotalCost), estimated.Plus(*u.EstimatedCost), assumed.Plus(*u.AssumedCost)
	}
	for name, is := range map[string]usage.Sum{"usage_dollars": cost, "estimated_dollars": estimated, "assumed_dollars": assumed} {
		rest, err := usage.ParseSum(db.Text(`SELECT ((SELECT sum(` + name + `) FROM public.usage_day) - coalesce((SELECT sum(` + name + `) FROM public.usage_day_user WHERE user_id = '00000000-0000-0000-0000-000000000000'), 0))::text`))
		require.NoError(t, err)
		require.Equal(t, rest.String(), is.String(), "%s: %s of users", event, name)
	}
	var sessions struct {
		Sessions []struct {
			Cost *usage.Sum `json:"cost"`
		} `json:"sessions"`
		Next *string `json:"next"`
	}
	w = api.get(t, "admin", "/api/admin/sessions?startDate=2025-12-01&endDate=2026-04-02&limit=1000")
	require.Equal(t, 200, w.Code, "%s", w.Body)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &sessions))
	require.Nil(t, sessions.Next)
	var all usage.Sum
	for _, s := range sessions.Sessions {
		if s.Cost != nil {
			all = all.Plus(*s.Cost)
		}
	}
	require.Equal(t, sumOfCalls(t, db, "session_id <> ''").Plus(removed).String(), all.String(), "%s: sessions", event)
}
