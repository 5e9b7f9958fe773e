package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/budgets"
	"github.com/otelcol-usage/otelcol-usage/internal/webhook"
)

func TestBudgetsAreSetListedAndRemoved(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ('0b4da084-af81-5329-a785-ad10945607d0', 'eve');
		INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES ('EUR', '2026-01-01', 0.8, 'test')`)
	file := filepath.Join(t.TempDir(), "budgets.csv")
	write := func(text string) string {
		require.NoError(t, os.WriteFile(file, []byte("name,scope,value,period,amount,currency,thresholds,timezone,first_day,last_day\n"+text), 0o600))
		return file
	}
	for _, c := range []struct {
		args      []string
		out, fail string
	}{
		{[]string{"list"}, "there are no budgets yet: usagectl budgets set everything --amount 5000\n", ""},
		{[]string{"set", "all", "--amount", "5000", "--timezone", "Europe/Berlin"}, "1 budget set, 1 of them new or different\n", ""},
		{[]string{"set", "all", "--amount", "5000.00", "--timezone", "Europe/Berlin"}, "1 budget set, 0 of them new or different\n", ""},
		{[]string{"set", "eve", "--amount", "8", "--currency", "EUR", "--user", "eve", "--period", "week", "--thresholds", "100,50"}, "1 budget set, 1 of them new or different\n", ""},
		{[]string{"set", "launch", "--amount", "3", "--tag", "feature:launch", "--first-day", "2026-03-01", "--last-day", "2026-04-15"}, "1 budget set, 1 of them new or different\n", ""},
		{[]string{"set", "x"}, "", `--amount: found "", must be a number above 0`},
		{[]string{"set", "x", "--amount", "1e3"}, "", `--amount: found "1e3", must be a number above 0 such as 800 or 99.50, with at most six places`},
		{[]string{"set", "x", "--amount", "100000000"}, "", `--amount: found 100000000, must be below 100000000 dollars`},
		{[]string{"set", "x", "--amount", "1", "--currency", "euro"}, "", `--currency: found "euro", must be three capital letters`},
		{[]string{"set", "x", "--amount", "1", "--currency", "CHF"}, "", `budget "x": no exchange rate is stored for CHF; import one: usagectl rates import FILE.csv`},
		{[]string{"set", "x", "--amount", "1", "--user", "nobody"}, "", `no such user has called yet; a user is known by the id that the app sends`},
		{[]string{"set", "x", "--amount", "1", "--team", "a", "--service", "b"}, "", `none of the others can be`},
		{[]string{"set", "x", "--amount", "1", "--tag", "launch"}, "", `--tag: found "launch", must be a tag and its value such as feature:launch`},
		{[]string{"set", "x", "--amount", "1", "--tag", "a:b", "--timezone", "Asia/Tokyo"}, "", `--timezone: found "Asia/Tokyo", must be UTC for a tag`},
		{[]string{"set", "x", "--amount", "1", "--api-type", "txt"}, "", `--api-type: `},
		{[]string{"set", "x", "--amount", "1", "--period", "decade"}, "", `--period: found "decade", must be one of day, week`},
		{[]string{"set", "x", "--amount", "1", "--period", "month", "--first-day", "2026-01-01"}, "", `--period: found "month", must be dates`},
		{[]string{"set", "x", "--amount", "1", "--first-day", "2026-01-02", "--last-day", "2026-01-01"}, "", `--last-day: found 2026-01-01, must be 0 to 3660 days after 2026-01-02`},
		{[]string{"set", "x", "--amount", "1", "--timezone", "Local"}, "", `--timezone: found "Local", must be an IANA name`},
		{[]string{"set", "x", "--amount", "1", "--thresholds", "50,50"}, "", `--thresholds: found "50,50", must be 1 to 10 different whole numbers of 1 to 1000 percent`},
		{[]string{"set", "", "--amount", "1"}, "", `name: found "", must be text of 1 to 256 bytes`},
		{[]string{"import", write("a,model,gpt-4o,,10,,,,,\nb,org,x,,10,,,,,\nc,,,,,,,,,\n")}, "", `budgets.csv:3: value: found "x", must be empty for the scope org`},
		{[]string{"list"}, `NAME    OF                                         PERIOD                    AMOUNT  CURRENCY  THRESHOLDS  TIME ZONE
all     everything                                 month                       5000  USD       80 100 %    Europe/Berlin
eve     user 0b4da084-af81-5329-a785-ad10945607d0  week                           8  EUR       50 100 %    UTC
launch  tag feature:launch                         2026-03-01 to 2026-04-15       3  USD       80 100 %    UTC
`, ""},
		{[]string{"remove", "eve", "evil", "--yes"}, "", `there is no budget "evil", and nothing was removed`},
		{[]string{"remove", "eve", "launch", "--yes"}, "2 budgets removed\n", ""},
	} {
		if c.args[0] == "import" {
			write("a,model,gpt-4o,,10,,,,,\nb,org,x,,10,,,,,\nc,,,,,,,,,\n")
		}
		out, err := on(t, db.DSN, append([]string{"budgets"}, c.args...)...)
		if c.fail != "" {
			require.ErrorContains(t, err, c.fail, c.args)
			continue
		}
		require.NoError(t, err, c.args)
		assert.Equal(t, c.out, out, c.args)
	}
	out, err := on(t, db.DSN, "budgets", "import", write("a,model,gpt-4o,quarter,10,EUR,25 75,,,\nall,,,day,7,,,,,\n"))
	require.NoError(t, err)
	assert.Equal(t, "2 budgets set, 2 of them new or different\n", out)
	assert.Equal(t, "a model gpt-4o quarter 12.5 10 EUR {25,75}; all org - day 7 - - {80,100}", db.Text(`SELECT string_agg(concat_ws(' ', name, scope, coalesce(value, '-'), period, trim_scale(dollars), coalesce(trim_scale(amount)::text, '-'), coalesce(currency, '-'), thresholds), '; ' ORDER BY name) FROM public.usage_budgets`))
}

// hookServer is a webhook that keeps what it accepts.
type hookServer struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []budgets.Crossing
}

func newHookServer(t *testing.T) (*hookServer, *webhook.Hook) {
	t.Helper()
	s := &hookServer{status: http.StatusOK}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var c budgets.Crossing
		if err != nil || json.Unmarshal(text, &c) != nil || r.Header.Get("Idempotency-Key") != c.ID {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.status == http.StatusOK {
			s.got = append(s.got, c)
		}
		w.WriteHeader(s.status)
	}))
	t.Cleanup(s.Close)
	hook, err := webhook.New(s.URL + "/services/secret-key\n")
	require.NoError(t, err)
	return s, hook
}

// taken returns what came since the last call, as "name threshold".
func (s *hookServer) taken() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.got {
		list = append(list, fmt.Sprintf("%s %s %d", c.Budget, c.FirstDay, c.Threshold))
	}
	s.got = nil
	return list
}

const addCall = `INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, service) VALUES ($1, $2, 'text', 'gpt-4o', 'shop')`

// TestAThresholdIsReportedOncePerPeriod spends, corrects, deletes and spends again, over
// the end of a month, as notifiers that remember nothing.
func TestAThresholdIsReportedOncePerPeriod(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.usage_budgets (name, scope, period, dollars, created_at) VALUES ('all', 'org', 'month', 100, '2026-01-01');
		INSERT INTO public.usage_budgets (name, scope, value, period, dollars, thresholds, created_at) VALUES ('other', 'model', 'none', 'month', 1, '{1}', '2026-01-01')`)
	server, hook := newHookServer(t)
	day := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, "2026-"+text)
		require.NoError(t, err)
		return at
	}
	notify := func(at string) []string {
		t.Helper()
		require.NoError(t, notifyBudgets(t.Context(), quiet(), db.Pool, hook, day(at)))
		return server.taken()
	}
	assert.Empty(t, notify("01-10T00:00:00Z"))
	db.Exec(addCall, day("01-10T01:00:00Z"), 79.999999)
	assert.Empty(t, notify("01-10T02:00:00Z"))
	db.Exec(addCall, day("01-10T01:00:00Z"), 0.000001)
	assert.Equal(t, []string{"all 2026-01-01 80"}, notify("01-10T02:05:00Z"))
	assert.Empty(t, notify("01-10T02:10:00Z"), "after a restart")
	db.Exec(`UPDATE public.api_usage SET usage_dollars = usage_dollars / 2`)
	assert.Empty(t, notify("01-11T00:00:00Z"), "after a correction")
	db.Exec(`UPDATE public.api_usage SET usage_dollars = usage_dollars * 2`)
	assert.Empty(t, notify("01-11T00:05:00Z"), "and back")
	db.Exec(`DELETE FROM public.api_usage`)
	assert.Empty(t, notify("01-12T00:00:00Z"), "after a deletion")
	db.Exec(addCall, day("01-31T23:59:00Z"), 100)
	assert.Equal(t, []string{"all 2026-01-01 100"}, notify("02-01T00:01:00Z"), "reached between the last run of the period and its end")
	assert.Empty(t, notify("02-01T00:06:00Z"))
	db.Exec(addCall, day("02-01T00:00:00Z"), 170)
	assert.Equal(t, []string{"all 2026-02-01 80", "all 2026-02-01 100"}, notify("02-01T00:10:00Z"), "another period, both at once")
	db.Exec(addCall, day("01-31T23:59:00Z"), 1000)
	assert.Empty(t, notify("02-01T00:15:00Z"), "a late row")
	db.Exec(`UPDATE public.usage_budgets SET dollars = 200, thresholds = '{80,100,120}' WHERE name = 'all'`)
	assert.Equal(t, []string{"all 2026-01-01 80", "all 2026-01-01 100", "all 2026-01-01 120", "all 2026-02-01 80"}, notify("02-01T00:20:00Z"), "another amount is another limit")
	db.Exec(`INSERT INTO public.usage_budgets (name, scope, period, dollars, created_at) VALUES ('new', 'org', 'month', 100, '2026-02-01 00:21Z')`)
	assert.Equal(t, []string{"new 2026-02-01 80", "new 2026-02-01 100"}, notify("02-01T00:25:00Z"), "nothing of a period before it was made")
	db.Exec(`UPDATE public.usage_budgets SET dollars = 300 WHERE name = 'all'`)
	assert.Empty(t, notify("02-04T00:00:00Z"), "a period that ended two days ago is not watched any more")
	assert.Equal(t, "2026-02-04 00:00:00+00", db.Text(`SELECT watched_at::text FROM usage_report.budget_watch`))
}

// TestAMessageSaysWhatCostMost looks at a whole message.
func TestAMessageSaysWhatCostMost(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ('0b4da084-af81-5329-a785-ad10945607d0', 'eve'), ('bdb4dbb1-694b-595e-9bc2-9afae83c8cd1', 'ada');
		INSERT INTO public.usage_team_members (team, user_id) SELECT 'core', id FROM auth.users;
		INSERT INTO public.usage_budgets (name, scope, team, period, dollars, time_zone, created_at) VALUES ('core', 'team', 'core', 'week', 10, 'Europe/Berlin', '2026-01-01');
		INSERT INTO public.usage_budgets (name, scope, value, period, dollars, created_at, thresholds) VALUES ('4o', 'model', 'gpt-4o', 'week', 6, '2026-01-01', '{100}');
		INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, service, user_id) VALUES
		  ('2026-01-14 10:00Z', 2, 'text', 'gpt-4o', 'shop', '0b4da084-af81-5329-a785-ad10945607d0'),
		  ('2026-01-21 10:00Z', 6, 'text', 'gpt-4o', 'shop', '0b4da084-af81-5329-a785-ad10945607d0'),
		  ('2026-01-21 10:00Z', 2.25, 'text', 'gpt-5', '', 'bdb4dbb1-694b-595e-9bc2-9afae83c8cd1'), ('2026-01-21 10:00Z', 50, 'text', 'gpt-5', 'shop', NULL)`)
	server, hook := newHookServer(t)
	require.NoError(t, notifyBudgets(t.Context(), quiet(), db.Pool, hook, time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)))
	require.Len(t, server.got, 2)
	for i := range server.got {
		server.got[i].ID, server.got[i].CrossedAt = "", time.Time{}
	}
	text, err := json.Marshal(server.got)
	require.NoError(t, err)
	assert.JSONEq(t, `[{"id": "", "crossedAt": "0001-01-01T00:00:00Z", "budget": "4o", "scope": "model", "key": "gpt-4o", "period": "week", "firstDay": "2026-01-19", "lastDay": "2026-01-25", "timezone": "UTC",
		"threshold": 100, "spent": 6, "amount": 6, "currency": "USD",
		"text": "Budget 4o: 100 % of 6 USD is spent, from 2026-01-19 to 2026-01-25. Most of it: model gpt-4o 100 %, service shop 100 %, user eve 100 %",
		"causes": [{"dimension": "model", "key": "gpt-4o", "dollars": 6, "before": 0, "percent": 100}, {"dimension": "service", "key": "shop", "dollars": 6, "before": 0, "percent": 100},
			{"dimension": "user", "key": "0b4da084-af81-5329-a785-ad10945607d0", "name": "eve", "dollars": 6, "before": 0, "percent": 100}]},
		{"id": "", "crossedAt": "0001-01-01T00:00:00Z", "budget": "core", "scope": "team", "key": "core", "period": "week", "firstDay": "2026-01-19", "lastDay": "2026-01-25", "timezone": "Europe/Berlin",
		"threshold": 80, "spent": 8.25, "amount": 10, "currency": "USD",
		"text": "Budget core: 80 % of 10 USD is spent, from 2026-01-19 to 2026-01-25. Most of it: model gpt-4o 73 %, service shop 73 %, user eve 73 %",
		"causes": [{"dimension": "model", "key": "gpt-4o", "dollars": 6, "before": 0, "percent": 73}, {"dimension": "service", "key": "shop", "dollars": 6, "before": 0, "percent": 73},
			{"dimension": "user", "key": "0b4da084-af81-5329-a785-ad10945607d0", "name": "eve", "dollars": 6, "before": 0, "percent": 73}]}]`, string(text))
}

// TestAMessageIsNotLostAndNotSentTwice stops a notifier between sending and recording, lets
// the webhook fail and refuse, and runs several at once.
func TestAMessageIsNotLostAndNotSentTwice(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.usage_budgets (name, scope, period, dollars, created_at) SELECT 'b' || n, 'org', 'month', n, '2026-01-01' FROM generate_series(1, 5) AS n`)
	now := time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC)
	db.Exec(addCall, now.Add(-time.Minute), 5)
	server, hook := newHookServer(t)
	server.status = http.StatusBadRequest
	err := notifyBudgets(t.Context(), quiet(), db.Pool, hook, now)
	require.ErrorContains(t, err, "the webhook refused it: status 400")
	assert.NotContains(t, err.Error(), "secret-key")
	assert.Equal(t, "10 1", db.Text(`SELECT count(*) || ' ' || max(attempts) FROM public.usage_budget_crossing WHERE delivery = 'waiting'`), "each was tried once")
	out, err := on(t, db.DSN, "budgets", "status")
	require.NoError(t, err)
	assert.Contains(t, out, "not delivered: b1, 80 %, after 1 attempt: the webhook refused it: status 400")

	// Sent, and stopped before that was recorded.
	server.status = http.StatusOK
	ctx, kill := context.WithCancel(t.Context())
	var killed string
	_, _, err = budgets.Deliver(ctx, db.Pool, func(ctx context.Context, c *budgets.Crossing) error {
		document, err := json.Marshal(c)
		require.NoError(t, err)
		require.NoError(t, hook.Send(ctx, c.ID, document))
		killed = c.ID
		kill()
		return nil
	}, func(error) bool { return true })
	require.Error(t, err)
	require.Len(t, server.taken(), 1)

	// Three at once send the ten, the killed one again with the same id, none twice.
	var all sync.WaitGroup
	failed := make([]error, 3)
	for i := range failed {
		all.Go(func() { failed[i] = notifyBudgets(t.Context(), quiet(), db.Pool, hook, now) })
	}
	all.Wait()
	require.NoError(t, errors.Join(failed...))
	ids := map[string]int{}
	for _, c := range server.got {
		ids[c.ID]++
	}
	assert.Len(t, server.got, 10)
	assert.Len(t, ids, 10)
	assert.Equal(t, 1, ids[killed])
	assert.Equal(t, "0", db.Text(`SELECT count(*)::text FROM public.usage_budget_crossing WHERE delivery <> 'delivered' OR problem IS NOT NULL`))

	// One that recorded without a webhook has nothing to send.
	db.Exec(`UPDATE public.usage_budgets SET dollars = dollars + 0.5`)
	require.NoError(t, notifyBudgets(t.Context(), quiet(), db.Pool, nil, now))
	server.taken()
	require.NoError(t, notifyBudgets(t.Context(), quiet(), db.Pool, hook, now))
	assert.Empty(t, server.taken())
}

// quiet is a command whose output nobody reads.
func quiet() *cobra.Command {
	cmd := &cobra.Command{}
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	return cmd
}

// TestThePageAboutBudgetsShowsAFileAndAMessage as they are.
func TestThePageAboutBudgetsShowsAFileAndAMessage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../../docs/budgets.md")
	require.NoError(t, err)
	block := func(kind string) string {
		_, text, found := strings.Cut(string(page), "```"+kind+"\n")
		require.True(t, found, kind)
		text, _, _ = strings.Cut(text, "```")
		return text
	}
	list, err := readBudgets("budgets.csv", strings.NewReader(block("csv")))
	require.NoError(t, err)
	assert.Len(t, list, 3)
	d := json.NewDecoder(strings.NewReader(block("json")))
	d.DisallowUnknownFields()
	var shown budgets.Crossing
	require.NoError(t, d.Decode(&shown))
	whole, err := json.Marshal(shown)
	require.NoError(t, err)
	assert.JSONEq(t, block("json"), string(whole))
}
