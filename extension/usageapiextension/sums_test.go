package usageapiextension

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestEveryBreakdownAddsUpToWhatTheRowsSay asks random questions about random
// rows and compares each number with a plain SQL sum over the calls.
func TestEveryBreakdownAddsUpToWhatTheRowsSay(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	db := pgtest.NewEither(t)
	fillAtRandom(t, db, r, 1500)
	fillRates(t, db, r)
	keepUserDetail(t, db, 20)
	require.NotEqual(t, "0", db.Text(`SELECT count(*) FROM public.usage_user_detail`))
	db.Distribute()
	now := time.Date(2026, 4, 2, 11, 7, 0, 0, time.UTC)
	api := newTestAPI(t, db.DSN, now)
	for range 80 {
		checkSums(t, db, api, r, now)
	}
}

var (
	randomUsers  = []string{"ada", "eve", "bob", "6f9619ff-8b86-4d11-b42d-00c04fc964ff", "zoë", ""}
	randomModels = []string{"gpt-4o", "gpt-4o-mini", "", "others", "(none)", "claude-sonnet-4-5"}
	// The columns tags and sumTags.
	randomTags = []string{
		",", ",", "team=search,", "\"team=search\ntenant=a:b\",", "\"team=shop\ntenant=others\nx=1\",", "\"team=rare\ntenant=c\",\"team=(other)\ntenant=c\"",
		"x,=", "\"team=\ntenant=\",",
	}
	randomZones = []string{"UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "Pacific/Apia", "Europe/Berlin", "Australia/Lord_Howe"}
)

// fillAtRandom spreads calls over four months, many of them on the borders of
// rollups and days, with costs of all sizes.
func fillAtRandom(t testing.TB, db *pgtest.DB, r *rand.Rand, n int) {
	t.Helper()
	start := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	var b strings.Builder
	b.WriteString("time,user,dollars,type,model,provider,service,environment,status,reason,input,output,cacheRead,cacheWrite5m,reasoning,tags,sumTags\n")
	for range n {
		at := start.Add(time.Duration(r.Int64N(int64(122 * 24 * time.Hour))))
		switch r.IntN(4) {
		case 0: // on the border of a quarter hour
			at = at.Truncate(15 * time.Minute)
		case 1: // just before the border of a day somewhere
			at = at.Truncate(24 * time.Hour).Add(time.Duration(r.IntN(96))*15*time.Minute - time.Microsecond)
		}
		cost, status, reason := usage.Money(r.Int64N(int64(usage.Dollar))>>r.IntN(40)), "priced", ""
		switch r.IntN(10) {
		case 0:
			cost, status, reason = 0, "unpriced", "unknown_model"
		case 1:
			status, reason = "estimated", "price_fallback"
		}
		pick := func(of []string) string { return of[r.IntN(len(of))] }
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%d,%d,%d,%d,%d,%s\n", at.Format(time.RFC3339Nano), pick(randomUsers), cost,
			pick([]string{"text", "tts", "embedding"}), pick(randomModels), pick([]string{"openai", "anthropic", ""}), pick([]string{"shop", "search", ""}),
			pick([]string{"prod", ""}), status, reason, r.IntN(1000), r.IntN(500), r.IntN(50), r.IntN(50), r.IntN(50), pick(randomTags))
	}
	insertRows(t, db, []byte(b.String()))
}

// fillRates gives each currency rates from before the first call on: EUR every
// few days with all digits a rate can have, JPY once.
func fillRates(t testing.TB, db *pgtest.DB, r *rand.Rand) {
	t.Helper()
	db.Exec(`INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES ('JPY', '2024-01-01', 150.25, 'test')`)
	for day := 0; day < 220; day += 1 + r.IntN(9) {
		rate := fmt.Sprintf("%d.%012d", r.IntN(3), 1+r.Int64N(999_999_999_999))
		db.Exec(`INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES ('EUR', '2025-09-01'::date + $1::int, $2::text::numeric, 'test')`, day, rate)
	}
}

// rateOf is the rate of a call's day, from the table of rates alone.
var rateOf = map[string]string{"": "1", "USD": "1", "EUR": rateOfCall("EUR"), "JPY": rateOfCall("JPY")}

func rateOfCall(currency string) string {
	return "(SELECT rate FROM public.usage_exchange_rates WHERE currency = '" + currency + "' AND valid_from <= (timestamp AT TIME ZONE 'UTC')::date ORDER BY valid_from DESC LIMIT 1)"
}

// checkSums asks one question.
func checkSums(t *testing.T, db *pgtest.DB, api *testAPI, r *rand.Rand, now time.Time) {
	t.Helper()
	query := url.Values{"timezone": {randomZones[r.IntN(len(randomZones))]}, "top": {[]string{"0", "1", "3", "1000"}[r.IntN(4)]}}
	switch r.IntN(3) {
	case 0: // whole days
		from := time.Date(2025, 12, 20+r.IntN(60), 0, 0, 0, 0, time.UTC)
		query.Set("startDate", from.Format(time.DateOnly))
		query.Set("endDate", from.AddDate(0, 0, r.IntN(70)).Format(time.DateOnly))
	case 1: // any instants
		from := time.Date(2025, 12, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(int64(60 * 24 * time.Hour))))
		query.Set("startDate", from.Format(time.RFC3339Nano))
		query.Set("endDate", from.Add(time.Duration(1000+r.Int64N(int64(1000*time.Hour)))).Format(time.RFC3339Nano))
	}
	if r.IntN(2) == 0 {
		query.Set("currency", []string{"EUR", "JPY", "USD"}[r.IntN(3)])
	}
	conditions := []string{"true"}
	users, narrowed, withoutTags := []string{"__all"}, false, false // as the boards ask for them
	caller, path := "admin", "/api/admin/usage"
	if r.IntN(4) == 0 {
		caller, path = "ada", "/api/usage"
		conditions = append(conditions, "user_id = '"+usage.UserID("ada").String()+"'")
		users = []string{usage.UserID("ada").String()}
	} else if r.IntN(3) == 0 {
		if user := randomUsers[r.IntN(len(randomUsers))]; user == "" {
			query.Set("userId", "unattributed")
			conditions = append(conditions, "user_id IS NULL")
			users = []string{usage.ID{}.String()}
		} else {
			users = []string{usage.UserID(user).String()}
			query.Set("userId", user)
			conditions = append(conditions, "user_id = '"+usage.UserID(user).String()+"'")
		}
	}
	for name, column := range map[string]string{"apiType": "api_type", "model": "coalesce(model, '')", "provider": "provider", "service": "service", "environment": "environment"} {
		if r.IntN(8) != 0 {
			continue
		}
		value := map[string]string{"apiType": "tts", "model": "gpt-4o", "provider": "openai", "service": "(none)", "environment": "prod"}[name]
		query.Set(name, value)
		narrowed, withoutTags = true, withoutTags || name != "apiType"
		conditions = append(conditions, column+" = '"+report.KeyText(value)+"'")
	}
	if r.IntN(4) == 0 {
		value := []string{"search", "shop", "(none)"}[r.IntN(3)]
		query.Set("tag", "team:"+value)
		narrowed = true
		conditions = append(conditions, "coalesce(substring(E'\\n' || tags FROM E'\\nteam=([^\\n]*)'), '') = '"+report.KeyText(value)+"'")
	}
	target := path + "?" + query.Encode()
	w := api.get(t, caller, target)
	require.Equal(t, 200, w.Code, "%s: %s", target, w.Body)
	var got report.Answer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))

	span, err := report.ParseSpan(query.Get("startDate"), query.Get("endDate"), query.Get("timezone"), now)
	require.NoError(t, err)
	for _, c := range []struct {
		period report.Period
		got    report.Usage
	}{{span.Current, got.Current}, {span.Previous, got.Previous}} {
		where := strings.Join(conditions, " AND ")
		sum := func(more string, args ...any) usage.Sum {
			var text string
			db.Scan("WITH calls AS MATERIALIZED (SELECT * FROM public.api_usage WHERE timestamp >= $1 AND timestamp < $2 AND "+where+more+
				") SELECT coalesce(sum(usage_dollars * "+rateOf[query.Get("currency")]+"), 0)::text FROM calls",
				append([]any{c.period.From, c.period.To}, args...), &text)
			s, err := usage.ParseSum(text)
			require.NoError(t, err)
			return s
		}
		same := func(what string, want, is usage.Sum) {
			t.Helper()
			require.Equal(t, want.String(), is.String(), "%s: %s", target, what)
		}
		total := sum("")
		same("totalCost", total, c.got.TotalCost)
		for what, breakdown := range map[string]report.Costs{
			"usageByType": c.got.UsageByType, "usageByUser": c.got.UsageByUser, "usageByModel": c.got.UsageByModel,
			"usageByProvider": c.got.UsageByProvider, "usageByService": c.got.UsageByService,
		} {
			same(what, total, addUp(breakdown))
		}
		for _, by := range c.got.UsageByType {
			same("usageByType "+by.Key, sum(" AND api_type = $3", by.Key), by.Cost)
		}
		answered := !withoutTags || len(users) == 1 && users[0] != "__all" || query.Has("tag")
		require.Equal(t, answered, c.got.UsageByTag != nil, "%s: usageByTag", target)
		for _, tag := range c.got.UsageByTag {
			same("usageByTag "+tag.Name, total, addUp(tag.Values))
			for _, by := range tag.Values {
				if by.Key == "search" || by.Key == "a:b" || by.Key == report.NoName {
					same("usageByTag "+tag.Name+" "+by.Key, sum(" AND coalesce(substring(E'\\n' || tags FROM E'\\n' || $3::text || '=([^\\n]*)'), '') = $4", tag.Name, report.KeyText(by.Key)), by.Cost)
				}
			}
		}
		for _, by := range c.got.UsageByUser {
			if id, ok := usage.ParseID(by.Key); ok {
				same("usageByUser "+by.Key, sum(" AND user_id = $3", [16]byte(id)), by.Cost)
			}
		}
		for what, column := range map[string]string{"model": "coalesce(model, '')", "provider": "provider", "service": "service"} {
			for _, by := range map[string]report.Costs{"model": c.got.UsageByModel, "provider": c.got.UsageByProvider, "service": c.got.UsageByService}[what] {
				// Some have names that answers use themselves.
				if !strings.Contains(by.Key, report.Others) && !strings.Contains(by.Key, report.NoName) {
					same("usage by "+what+" "+by.Key, sum(" AND "+column+" = $3", by.Key), by.Cost)
				}
			}
		}
		require.Len(t, c.got.DailyUsage, len(c.period.Days), target)
		var days usage.Sum
		for i, d := range c.got.DailyUsage {
			require.Equal(t, c.period.Days[i].Date, d.Date)
			same("dailyUsage "+d.Date, sum(" AND timestamp >= $3 AND timestamp < $4", c.period.Days[i].From, c.period.Days[i].To), d.Cost)
			days = days.Plus(d.Cost)
		}
		same("dailyUsage", total, days)
		if !narrowed && rateOf[query.Get("currency")] == "1" {
			checkBoards(t, db, c.period, span.Zone, users, c.got.DailyUsage, target)
		}

		counts := db.Text(`SELECT count(*), count(*) FILTER (WHERE pricing_status = 'unpriced'), count(*) FILTER (WHERE pricing_status = 'estimated'), count(DISTINCT user_id),
			coalesce(sum(tokens_used), 0)::bigint, coalesce(sum(tokens_used) FILTER (WHERE pricing_status = 'unpriced'), 0)::bigint, coalesce(sum(input_tokens), 0)::bigint, coalesce(sum(output_tokens), 0)::bigint,
			coalesce(sum(cache_read_tokens), 0)::bigint, coalesce(sum(cache_write_5m_tokens), 0)::bigint, coalesce(sum(reasoning_tokens), 0)::bigint
			FROM public.api_usage WHERE timestamp >= $1 AND timestamp < $2 AND `+where, c.period.From, c.period.To)
		u := c.got
		require.Equal(t, counts, fmt.Sprintf("%d|%d|%d|%d|%d|%d|%d|%d|%d|%d|%d", u.Calls, u.Unpriced.Calls, u.EstimatedCalls, u.ActiveUsers,
			u.Tokens.Total, u.Unpriced.Tokens, u.Tokens.Input, u.Tokens.Output, u.Tokens.CacheRead, u.Tokens.CacheWrite, u.Tokens.Reasoning), target)
	}
}

// checkBoards holds that the boards, which plan a period in SQL, give the days that
// the API planned in Go. They cover the quarter hours that begin in a period.
func checkBoards(t *testing.T, db *pgtest.DB, p report.Period, zone *time.Location, users []string, days []report.DayCost, target string) {
	t.Helper()
	if !p.From.Equal(p.From.Truncate(15*time.Minute)) || !p.To.Equal(p.To.Truncate(15*time.Minute)) {
		return
	}
	want := map[string]string{}
	for _, d := range days {
		if d.Cost.String() != "0" {
			want[d.Date] = d.Cost.String()
		}
	}
	for _, detail := range []bool{false, true} {
		rows, err := db.Pool.Query(t.Context(), `SELECT to_char(day AT TIME ZONE $3, 'YYYY-MM-DD'), sum(usage_dollars)::text
			FROM usage_report.spend($1::timestamptz, $2::timestamptz, $3, $4::text[], $5::boolean) GROUP BY 1 HAVING sum(usage_dollars) <> 0`,
			p.From, p.To, zone.String(), users, detail)
		require.NoError(t, err)
		is := map[string]string{}
		var date, dollars string
		_, err = pgx.ForEachRow(rows, []any{&date, &dollars}, func() error {
			sum, err := usage.ParseSum(dollars)
			is[date] = sum.String()
			return err
		})
		require.NoError(t, err)
		require.Equal(t, want, is, "%s: the days of the boards, detail %v, users %v", target, detail, users)
	}
}

func addUp(costs report.Costs) usage.Sum {
	var s usage.Sum
	for _, c := range costs {
		s = s.Plus(c.Cost)
	}
	return s
}
