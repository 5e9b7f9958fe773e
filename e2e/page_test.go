package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// hostileUsers are names that would do harm where a name is not text.
var hostileUsers = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `O'Hare & Sons "x" #?%`, "\u202eright to left שלום", "🦄👩‍👩‍👧", strings.Repeat("w", 256),
}

// TestPageInABrowser looks at the dashboard of the built binary with Chromium, as
// people do: signed in, by links and keys, in all sizes, light and dark.
func TestPageInABrowser(t *testing.T) {
	if os.Getenv("E2E_PAGE") == "" {
		t.Skip("skipped: looking at the page needs Chromium and npm; run make e2e-page")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		skipPage(t, "chromium is not installed")
	}
	axe := axeScript(t)
	pool, dsn := newDatabase(t)
	issuer := newIssuer(t)
	oidcAddress := freeAddress(t)
	c := start(t, configuration{
		processor: "    prices: {builtin: openai-2024}",
		extensions: `
  basicauth: {htpasswd: {inline: "boss:secret1\nada:secret2"}}
  oidc: {providers: [{issuer_url: '` + issuerOfTokens + `', audience: ` + audienceOfTokens + `, groups_claim: groups, public_keys_file: '` + issuer.keysFile + `'}]}
  usage_api/oidc: {dsn: "${env:DATABASE_URL}", page: true, access: {subject: claims.sub, admin: {attribute: membership, values: [usage-admins]}}, http: {endpoint: '` + oidcAddress + `', auth: {authenticator: oidc}}}`,
		extNames: ", basicauth, oidc, usage_api/oidc",
		api:      "    page: true\n    access: {admin_subjects: [boss]}\n",
		apiHTTP:  "      auth: {authenticator: basicauth}\n",
	}.String(), dsn)
	b := newBrowser(t, chromium, axe)
	require.Eventually(t, func() bool {
		status, _ := c.get("/api/admin/usage", "boss:secret1")
		return status == 200
	}, time.Minute, 100*time.Millisecond, "until the tables are there")

	boss := b.tab(t, "http://boss:secret1@"+c.api, c.api)
	boss.open("/")
	assert.Contains(t, boss.text("main"), "No call is stored yet")
	boss.judge("empty")

	sendPageCalls(t, c)
	waitForRows(t, pool, int64(2*len(hostileUsers)+6))
	fillPage(t, pool)

	t.Run("numbers", func(t *testing.T) { boss.within(t).checkNumbers(c) })
	t.Run("links and keys", func(t *testing.T) { boss.within(t).checkLinks() })
	t.Run("hostile names", func(t *testing.T) {
		for _, name := range hostileUsers {
			tab := boss.within(t)
			tab.open("/?" + url.Values{"userId": {name}}.Encode())
			assert.Contains(t, tab.text(".filters"), strings.Join(strings.Fields(name), " "))
			assert.Equal(t, "2", tab.value(`[data-name=calls] .value data`))
		}
	})
	t.Run("own usage", func(t *testing.T) {
		ada := b.tab(t, "http://ada:secret2@"+c.api, c.api)
		ada.open("/")
		assert.Equal(t, "3", ada.value(`[data-name=calls] .value data`))
		assert.Contains(t, ada.text("header"), "signed in as ada")
		assert.NotContains(t, ada.text("body"), "grace")
		assert.Equal(t, 1, ada.count("#budgets tbody tr"))
		assert.Contains(t, ada.text("#budgets"), "ada’s budget")
		ada.judge("own")
		ada.open("/calls")
		assert.Equal(t, 3, ada.count("#calls tbody tr"))
		ada.refused(403, "/?userId=grace", "this is your own usage only")
		ada.refused(403, "/calls?userId=grace", "this is your own usage only")
		ada.open("/sessions")
		assert.Equal(t, 1, ada.count("#sessions tbody tr"))
		assert.NotContains(t, ada.text("main"), "conversation", "of others")
		ada.open("/outlook")
		assert.NotContains(t, ada.text("body"), "advice")
		ada.judge("own-outlook")
		ada.refused(403, "/sessions?userId=grace", "this is your own usage only")
		ada.refused(400, "/outlook?scope=user", "org, which is all that you use")
		ada.refused(403, "/bill", "")
		ada.refused(400, "/?timezone=Mars", "Europe/Berlin")
	})
	t.Run("nobody", func(t *testing.T) {
		nobody := b.tab(t, "http://"+c.api, c.api)
		nobody.allowed400 = true
		ctx, cancel := context.WithTimeout(nobody.ctx, time.Minute)
		defer cancel()
		_, err := chromedp.RunResponse(ctx, chromedp.Navigate("http://"+c.api+"/"))
		require.ErrorContains(t, err, "ERR_INVALID_AUTH_CREDENTIALS", "the browser asks for name and password, and nobody gives them")
		stranger := b.tab(t, "http://"+oidcAddress, oidcAddress)
		stranger.refused(401, "/", "credentials are missing")
	})
	t.Run("OpenID Connect by a proxy", func(t *testing.T) {
		// What oauth2-proxy does with pass_authorization_header, without its login.
		upstream, err := url.Parse("http://" + oidcAddress)
		require.NoError(t, err)
		token := issuer.sign(claimsOf("ada", nil))
		proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Header.Set("Authorization", "Bearer "+token)
		}})
		defer proxy.Close()
		ada := b.tab(t, proxy.URL, strings.TrimPrefix(proxy.URL, "http://"))
		ada.open("/")
		assert.Contains(t, ada.text("header"), "signed in as ada")
		assert.Equal(t, "3", ada.value(`[data-name=calls] .value data`))
	})
	t.Run("looks", func(t *testing.T) {
		tab := boss.within(t)
		for name, path := range map[string]string{"overview": "/", "year": "/?days=365", "calls": "/calls?days=90", "estimated": "/calls?days=90&status=estimated", "bill": "/bill?days=7", "sessions": "/sessions", "outlook": "/outlook", "users": "/outlook?scope=user&period=quarter", "budgets": "/outlook?scope=budget", "user": "/?days=90&userId=c4ca4238-a0b9-2382-0dcc-509a6f75849b", "problem": "/?days=8"} {
			tab.allowed400 = name == "problem"
			tab.open(path)
			tab.judge(name)
		}
	})
	t.Run("paper", func(t *testing.T) {
		tab := boss.within(t)
		tab.open("/")
		tab.media("print", "light")
		assert.False(t, tab.visible("form"))
		assert.True(t, tab.visible("[data-name=totalCost]"))
		tab.media("", "light")
	})
}

// skipPage says aloud that nothing was tested.
func skipPage(t *testing.T, because string) {
	t.Helper()
	fmt.Fprintln(os.Stderr, "SKIPPED: the page was not looked at:", because)
	t.Skip(because)
}

// axeScript installs axe-core and reads it.
func axeScript(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		skipPage(t, "npm is not installed")
	}
	n := &npm{slots: make(chan struct{}, 1)}
	script, err := os.ReadFile(filepath.Join(n.install(t, filepath.Join(clientsDir, "axe")), "node_modules/axe-core/axe.min.js"))
	require.NoError(t, err)
	return string(script)
}

// sendPageCalls sends two calls of each hostile name, three of ada, two of grace and
// one of nobody.
func sendPageCalls(t *testing.T, c *collector) {
	t.Helper()
	payload := ptrace.NewTraces()
	users := []string{"ada", "ada", "ada", "grace", "grace", ""}
	for _, name := range hostileUsers {
		users = append(users, name, name)
	}
	for i, user := range users {
		resource := payload.ResourceSpans().AppendEmpty()
		span := chatSpan(resource.ScopeSpans().AppendEmpty().Spans().AppendEmpty(), 7, byte(i))
		if user != "" {
			span.Attributes().PutStr("user.id", user)
			resource.Resource().Attributes().PutStr("service.name", "service of "+user)
		}
		if i >= 6 && i%2 == 0 {
			span.Attributes().PutStr("gen_ai.response.model", user) // no book knows it
		}
	}
	require.NoError(t, c.sendHTTP(payload))
}

// fillPage makes a large database: 30,000 calls of 300 users in 400 days, some of
// them estimated, some without a price.
func fillPage(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `
		INSERT INTO auth.users (id, external_id) SELECT md5(n::text)::uuid, 'user-' || n || '@example.com' FROM generate_series(1, 300) n`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `
		INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type, model, provider, service, tokens_used, input_tokens, output_tokens, pricing_status, pricing_reason, pricing_assumptions, trace_id)
		SELECT md5((1 + floor(300 * power(n % 997 / 997.0, 3)))::text)::uuid, date_trunc('hour', now()) - n * interval '400 days' / 30000,
		       CASE WHEN n % 20 = 0 THEN 0 ELSE (1 + n % 1000) * 0.000071 END, (ARRAY['text', 'embedding', 'tts', 'image'])[1 + n % 7 / 2], 'model-' || n % 13, 'openai', 'service-' || n % 5, 30, 20, 10,
		       CASE WHEN n % 20 = 0 THEN 'unpriced' WHEN n % 9 = 0 THEN 'estimated' ELSE 'priced' END, CASE WHEN n % 20 = 0 THEN 'unknown_model' WHEN n % 9 = 0 THEN 'cache_not_reported' END,
		       CASE WHEN n % 4 = 0 THEN '{region}' ELSE '{}' END::text[], md5(n::text)
		FROM generate_series(1, 30000) n`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `
		UPDATE public.api_usage SET session_id = CASE WHEN trace_id = md5('7') THEN repeat('s', 256) ELSE 'conversation ' || left(trace_id, 2) END,
		       tags = 'team=' || (ARRAY['search', 'shop', '<b>research & development</b>'])[1 + get_byte(id_bytes, 0) % 3] || E'\ntenant=tenant-' || get_byte(id_bytes, 1)
		FROM (SELECT id AS of, uuid_send(id) AS id_bytes FROM public.api_usage) AS bytes
		WHERE of = id AND model LIKE 'model-%' AND get_byte(id_bytes, 2) < 200`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `UPDATE public.api_usage SET session_id = 'mine' WHERE user_id = (SELECT id FROM auth.users WHERE external_id = 'ada')`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `
		INSERT INTO public.usage_budgets (name, scope, service, period, dollars) VALUES ('everything', 'org', NULL, 'month', 100),
		  ('<script>alert(1)</script>', 'service', 'service-1', 'month', 100000), ('the shop’s search, which has a long name', 'service', 'service-2', 'day', 0.9)`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `
		INSERT INTO public.usage_budgets (name, scope, user_id, period, dollars, thresholds) SELECT external_id || '’s budget', 'user', id, 'month', 0.001, '{50,80,100}' FROM auth.users WHERE external_id IN ('ada', 'grace')`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `
		CREATE FUNCTION pg_temp.advice(n integer, rule text, change text, assumption text, saves numeric) RETURNS jsonb LANGUAGE sql AS $$
		  SELECT jsonb_build_object('id', left(md5(n::text), 8), 'rule', rule, 'change', change, 'savesPerMonth', saves, 'assumption', assumption, 'rows', jsonb_build_object('calls', 100 * (n + 1), 'cost', saves * 2,
		    'service', 'service-' || n, 'provider', 'openai', 'model', 'model-' || n, 'link', '/api/admin/usage/records?service=service-' || n || '&model=model-' || n)) $$;
		INSERT INTO public.usage_outlook (kind, published_at, document) SELECT 'advice', now() - interval '7 hours', jsonb_build_object(
		  'from', current_date - 30, 'to', current_date, 'calls', 2100, 'cost', 66.5, 'leftOut', '[{"reason": "payer", "calls": 10, "cost": 10}, {"reason": "unpriced", "calls": 109, "cost": 0}]'::jsonb, 'more', 3,
		  'dismissed', jsonb_build_array(pg_temp.advice(3, 'other_model', 'model gpt-4o-mini', 'the answers of the other model are good enough, and it counts about as many tokens: both differ by model', 4.888)),
		  'advice', jsonb_build_array(pg_temp.advice(0, 'batch', 'tier batch', 'nobody waits for the answers: a batch can take 24 hours', 12.25),
		    pg_temp.advice(1, 'prompt_caching', 'cache on', 'the next call of a conversation begins with the input of the one before, and what is new is written to the cache; a conversation is a session or a trace', 7.3974),
		    pg_temp.advice(2, 'failed_calls', 'no such calls', 'the calls that failed and cost something can be avoided', 1.3)))`)
	require.NoError(t, err)
	// A bill of ten days: one model is cheaper than its calls, one is used by nobody
	// who is seen, and there is storage.
	_, err = pool.Exec(t.Context(), `
		WITH day AS (
		  INSERT INTO public.usage_bill_day (provider, account, report, day, covered_until, incomplete)
		  SELECT 'openai', 'acme', 'costs', d, d + interval '1 day', false FROM generate_series(current_date - 10, current_date - 1, interval '1 day') AS d
		  RETURNING id, day
		), billed AS (
		  SELECT day.id, 'input_text' AS kind, u.model, CASE WHEN u.model = 'model-3' THEN 0.8 ELSE 1 END * sum(usage_dollars) AS cost, sum(input_tokens + output_tokens)::numeric AS quantity, 'key_web' AS key
		  FROM day JOIN public.api_usage u ON u.timestamp >= day.day AND u.timestamp < day.day + 1 AND u.provider = 'openai' AND u.model LIKE 'model-%'
		  GROUP BY 1, 2, 3
		  UNION ALL SELECT id, 'output_text', 'gpt-5-nano', 0.131, 40000, 'key_cron' FROM day
		  UNION ALL SELECT id, NULL, '', 0.05, NULL, NULL FROM day
		)
		INSERT INTO public.usage_bill_row (day_id, digest, cost, slack, currency, category, cost_kind, model, tier, project, api_key, user_name, item, kinds, quantities, raw)
		SELECT id, gen_random_uuid(), cost, 0.000001, 'USD', CASE WHEN kind IS NULL THEN 'storage' ELSE '' END, kind, model, '', 'proj_shop', coalesce(key, ''), '', coalesce(kind, 'vector store storage'),
		       CASE WHEN kind IS NULL THEN '{}' ELSE ARRAY[kind] END, CASE WHEN kind IS NULL THEN '{}' ELSE ARRAY[quantity] END, '{}'
		FROM billed`)
	require.NoError(t, err)
}

// browser is a running Chromium.
type browser struct {
	allocator context.Context
	axe       string
}

func newBrowser(t *testing.T, chromium, axe string) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), chromedp.Flag("lang", "en"))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	return &browser{allocator, axe}
}

// tab is a page that somebody looks at, in a profile of its own.
type tab struct {
	*watch
	t       *testing.T
	ctx     context.Context
	browser *browser
	origin  string // with the credentials
	host    string
}

// watch notes what no page may do.
type watch struct {
	mu         sync.Mutex
	faults     []string
	allowed400 bool // a refusal is expected, which the browser notes
}

func (w *watch) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// tab opens a profile. Every request to another host, every line in the console and
// every dialog is a fault.
func (b *browser) tab(t *testing.T, origin, host string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.allocator)
	t.Cleanup(cancel)
	tb := &tab{&watch{}, t, ctx, b, origin, host}
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if u, err := url.Parse(e.Request.URL); err != nil || u.Host != host {
				tb.fault("a request to %s", e.Request.URL)
			}
		case *runtime.EventConsoleAPICalled:
			tb.fault("console: %s", e.Type)
		case *runtime.EventExceptionThrown:
			tb.fault("exception: %s", e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if !tb.allowed400 || !strings.Contains(e.Entry.Text, "Failed to load resource") {
				tb.fault("log: %s %s", e.Entry.Text, e.Entry.URL)
			}
		case *page.EventJavascriptDialogOpening:
			tb.fault("dialog: %s", e.Message)
		}
	}))
	tb.run(
		command(network.Enable, network.EnableParams{}), command(log.Enable, cdp.Empty{}),
		command(runtime.Enable, cdp.Empty{}), command(page.Enable, page.EnableParams{}),
	)
	t.Cleanup(func() { assert.Empty(t, tb.faults, "what no page may do") })
	return tb
}

// within gives the tab to a part of the test.
func (b *tab) within(t *testing.T) *tab {
	t.Helper()
	other := *b
	other.t = t
	return &other
}

func (b *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, actions...))
}

// command is a command of the browser's protocol as an action.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// media lets the page be seen on paper or on a screen, in a light or dark room.
func (b *tab) media(kind, scheme string) {
	b.t.Helper()
	b.run(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: kind, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
}

// open goes to a path and waits for the page.
func (b *tab) open(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.origin+path), chromedp.WaitReady(chromedp.CSS("main")))
}

// refused goes to a path and expects a page that says why there is none.
func (b *tab) refused(status int, path, why string) {
	b.t.Helper()
	b.allowed400 = true
	defer func() { b.allowed400 = false }()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, chromedp.Navigate(b.origin+path))
	require.NoError(b.t, err)
	assert.EqualValues(b.t, status, answer.Status, path)
	assert.Contains(b.t, b.text("main"), why)
}

// eval gives what a script says.
func eval[T any](b *tab, script string) (result T) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, script[:min(len(script), 200)])
	return result
}

func quoted(text string) string { q, _ := json.Marshal(text); return string(q) }

// text is what people see of an element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return strings.Join(strings.Fields(eval[string](b, "document.querySelector("+quoted(selector)+").innerText")), " ")
}

func (b *tab) value(selector string) string {
	b.t.Helper()
	return eval[string](b, "document.querySelector("+quoted(selector)+").value")
}

func (b *tab) count(selector string) int {
	b.t.Helper()
	return eval[int](b, "document.querySelectorAll("+quoted(selector)+").length")
}

func (b *tab) visible(selector string) bool {
	b.t.Helper()
	return eval[bool](b, "document.querySelector("+quoted(selector)+").getClientRects().length > 0")
}

// path is where the tab is.
func (b *tab) path() string {
	b.t.Helper()
	return eval[string](b, "location.pathname + location.search")
}

// click follows a link, or sends a form.
func (b *tab) click(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector)))
	require.NoError(b.t, err, selector)
}

// checkNumbers compares what is seen with what the API answers, for each length.
func (b *tab) checkNumbers(c *collector) {
	for _, days := range []string{"7", "30", "90", "365"} {
		b.open("/?days=" + days)
		api := eval[string](b, `[...document.querySelectorAll("footer a")].find(a => a.textContent.includes("JSON")).getAttribute("href")`)
		status, answer := c.get(api, "boss:secret1")
		require.Equal(b.t, 200, status)
		current := answer["current"].(map[string]any)
		unpriced := current["unpriced"].(map[string]any)
		seen := eval[map[string][2]string](b, `Object.fromEntries([...document.querySelectorAll("data")].map(d => {
			const at = d.closest("[data-name], tr"), table = d.closest("table");
			const first = at?.querySelector("data") === d && !(table && d.closest(".before, .change, .was"));
			return [first ? (table ? table.id + " " + at.dataset.key : at.dataset.name) : "", [d.value, d.textContent]];
		}).filter(([key]) => key))`)
		expect := map[string]any{
			"totalCost": current["totalCost"], "dailyAverage": current["dailyAverage"], "calls": current["calls"], "activeUsers": current["activeUsers"],
			"estimated": current["estimatedCost"], "assumed": current["assumedCost"],
		}
		for table, kind := range map[string]string{"usageByType": "types", "usageByUser": "users", "usageByModel": "models", "usageByService": "services"} {
			for key, cost := range current[table].(map[string]any) {
				if amountOf(b.t, cost).IsZero() && unpriced[kind].(map[string]any)[key] != nil {
					assert.NotContains(b.t, seen, table+" "+key, "what has no price has no amount")
					continue
				}
				expect[table+" "+key] = cost
			}
		}
		for where, want := range expect {
			got, there := seen[where]
			if !assert.True(b.t, there, "%s days: %s is not on the page", days, where) {
				continue
			}
			exact := amountOf(b.t, want)
			assert.True(b.t, exact.Equal(decimal.RequireFromString(got[0])), "%s days: %s: %s on the page, %s of the API", days, where, got[0], want)
			shown := decimal.RequireFromString(strings.NewReplacer("$", "", ",", "").Replace(got[1]))
			assert.True(b.t, shown.Sub(exact).Abs().LessThanOrEqual(decimal.New(5, -3)), "%s: %s is shown as %s", where, got[0], got[1])
		}
		b.checkAhead(c, seen)
		tags := current["usageByTag"].(map[string]any)
		require.Len(b.t, tags, 2)
		for i, tag := range []string{"team", "tenant"} {
			var sum decimal.Decimal
			for key, cost := range tags[tag].(map[string]any) {
				got := seen[fmt.Sprintf("usageByTag%d %s", i+1, key)]
				assert.True(b.t, amountOf(b.t, cost).Equal(decimal.RequireFromString(got[0])), "%s days: %s:%s: %s on the page, %s of the API", days, tag, key, got[0], cost)
				sum = sum.Add(decimal.RequireFromString(got[0]))
			}
			assert.True(b.t, sum.Equal(amountOf(b.t, current["totalCost"])), "%s days: tag %s adds up to %s", days, tag, sum)
		}
		var byDay decimal.Decimal
		for where, got := range seen {
			if strings.HasPrefix(where, "dailyUsage ") {
				byDay = byDay.Add(decimal.RequireFromString(got[0]))
			}
		}
		assert.True(b.t, byDay.Equal(amountOf(b.t, current["totalCost"])), "%s days: the days add up to %s", days, byDay)
	}
}

// checkAhead compares the forecast and the advice with what the API says of them.
func (b *tab) checkAhead(c *collector, seen map[string][2]string) {
	b.t.Helper()
	status, answer := c.get("/api/admin/forecast", "boss:secret1")
	require.Equal(b.t, 200, status)
	f := answer["forecasts"].([]any)[0].(map[string]any)
	assert.True(b.t, amountOf(b.t, f["expected"]).Equal(decimal.RequireFromString(seen["forecast"][0])), "%s expected on the page, %s by the API", seen["forecast"][0], f["expected"])
	band := f["bands"].(map[string]any)["80"].([]any)
	low, high := amountOf(b.t, band[0]), amountOf(b.t, band[1])
	shown := eval[[]string](b, `[...document.querySelectorAll("[data-name=forecast] .sums div:nth-child(2) data")].map(d => d.value)`)
	require.Len(b.t, shown, 2)
	assert.True(b.t, low.Equal(decimal.RequireFromString(shown[0])) && high.Equal(decimal.RequireFromString(shown[1])), "the range %s on the page, %s by the API", shown, band)
	status, answer = c.get("/api/admin/budgets", "boss:secret1")
	require.Equal(b.t, 200, status)
	require.Len(b.t, answer["budgets"], 5)
	for _, one := range answer["budgets"].([]any) {
		budget := one.(map[string]any)
		row := eval[[]string](b, `[...document.querySelectorAll("#budgets tr")].filter(r => r.dataset.key === `+quoted(budget["name"].(string))+`).flatMap(r => [...r.querySelectorAll("data")]).map(d => d.value)`)
		require.GreaterOrEqual(b.t, len(row), 4, budget["name"])
		for i, key := range []string{"percent", "spent", "amount"} { // what is projected grows with the time
			assert.True(b.t, amountOf(b.t, budget[key]).Equal(decimal.RequireFromString(row[i])), "%s of %s: %s on the page, %s of the API", key, budget["name"], row[i], budget[key])
		}
	}
	status, answer = c.get("/api/admin/advice", "boss:secret1")
	require.Equal(b.t, 200, status)
	var saves decimal.Decimal
	for _, one := range answer["advice"].([]any) {
		saves = saves.Add(amountOf(b.t, one.(map[string]any)["savesPerMonth"]))
	}
	assert.True(b.t, saves.Equal(decimal.RequireFromString(b.value("#advised data"))))
}

func amountOf(t *testing.T, value any) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(value.(json.Number).String())
	require.NoError(t, err)
	return d
}

// checkLinks goes through the filters as people do.
func (b *tab) checkLinks() {
	b.open("/")
	b.click(`nav[aria-label=Period] li:nth-child(3) a`)
	assert.Equal(b.t, "/?days=90", b.path())
	assert.Equal(b.t, "90 days", b.text("nav[aria-label=Period] [aria-current]"))
	b.click(`#usageByModel a`)
	assert.Regexp(b.t, `^/\?days=90&model=`, b.path())
	assert.Contains(b.t, b.text(".filters"), "Model: model-")
	b.click(`.filters a`)
	assert.Equal(b.t, "/?days=90", b.path())

	b.run(chromedp.SetValue(chromedp.CSS("input[name=timezone]"), "Asia/Kolkata"), chromedp.Focus(chromedp.CSS("input[name=userId]")))
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.KeyEvent("ada"+kb.Enter))
	require.NoError(b.t, err)
	assert.Equal(b.t, "/?days=90&userId=ada&timezone=Asia%2FKolkata", b.path())
	assert.Contains(b.t, b.text(".filters"), "User: ada")
	assert.Contains(b.t, b.text("footer"), "Asia/Kolkata")
	assert.Equal(b.t, "3", b.value(`[data-name=calls] .value data`))

	b.open("/?days=7")
	b.run(chromedp.Click(chromedp.CSS("details summary")))
	b.click(`#dailyUsage tr:nth-child(3) a`)
	assert.Regexp(b.t, `^/calls\?endDate=(\d{4}-\d\d-\d\d)&startDate=`, b.path())
	assert.Positive(b.t, b.count("#calls tbody tr"))
	b.open("/?days=7")
	b.click(`.plot a:nth-of-type(2) .slot`)
	assert.Regexp(b.t, `^/calls\?endDate=(\d{4}-\d\d-\d\d)&startDate=`, b.path())
	b.open("/?days=7")
	b.click(`[data-name=unpriced] a`)
	assert.Equal(b.t, "/calls?days=7&status=unpriced", b.path())
	assert.Equal(b.t, b.count("#calls tbody tr"), b.count("#calls .status.unpriced"))
	assert.Contains(b.t, b.text("#calls"), "unknown model")
	b.open("/calls?days=30")
	b.click(`nav[aria-label="Pages of calls"] a`)
	assert.Contains(b.t, b.path(), "cursor=")

	b.open("/?days=7")
	b.click(`#usageByTag1 a`)
	assert.Regexp(b.t, `^/\?days=7&tag=team%3A`, b.path())
	assert.Contains(b.t, b.text(".filters"), "Tag: team:")
	b.click(`nav.pages li:nth-child(3) a`)
	assert.Regexp(b.t, `^/sessions\?days=7&tag=team%3A`, b.path())
	sessions := b.count("#sessions tbody tr")
	assert.Equal(b.t, 50, sessions)
	b.run(chromedp.Focus(chromedp.CSS("input[name=search]")))
	_, err = chromedp.RunResponse(ctx, chromedp.KeyEvent("on a"+kb.Enter))
	require.NoError(b.t, err)
	assert.Contains(b.t, b.path(), "search=on+a")
	found := b.count("#sessions tbody tr")
	assert.True(b.t, found > 0 && found <= 16, "%d sessions", found)
	calls := b.value("#sessions tbody td data[value]:not([title])")
	b.click("#sessions tbody td.n a")
	assert.Equal(b.t, calls, strconv.Itoa(b.count("#calls tbody tr")))
	b.click(`nav.pages li:nth-child(4) a`)
	assert.Contains(b.t, b.path(), "/outlook?")
	b.open("/outlook")
	b.click(`nav[aria-label="Forecast of what"] li:nth-child(2) a`)
	assert.Equal(b.t, "/outlook?scope=user", b.path())
	assert.Equal(b.t, 5, b.count("#forecasts tbody tr"))
	b.click(`#forecasts tbody a`)
	assert.Contains(b.t, b.path(), "/?userId=")
	b.open("/outlook")
	b.click(`#advised td a`)
	assert.Contains(b.t, b.path(), "/calls?model=model-0&service=service-0")

	b.open("/")
	b.run(chromedp.KeyEvent(kb.Tab))
	assert.Equal(b.t, "Skip to the numbers", eval[string](b, "document.activeElement.textContent"))
	reachable := eval[int](b, `window.reachable = [...document.querySelectorAll("a, button, input, summary, [tabindex='0']")].filter(e => e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true})), reachable.length`)
	for range reachable {
		eval[chromedp.Void](b, "void (document.activeElement.reached = true)")
		b.run(chromedp.KeyEvent(kb.Tab))
	}
	assert.Empty(b.t, eval[[]string](b, "reachable.filter(e => !e.reached).map(e => e.outerHTML.slice(0, 200))"), "what the keyboard does not reach")
}

// picture takes a picture of the whole page.
func (b *tab) picture(file string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(file, picture, 0o644))
}

// judge looks at the page in each size, light and dark: nothing is cut off, nothing
// is hard to see, reach or read. Pictures go to the folder E2E_PAGE_PICTURES.
func (b *tab) judge(name string) {
	b.t.Helper()
	eval[chromedp.Void](b, b.browser.axe)
	for _, width := range []int64{400, 800, 1600} {
		for _, scheme := range []string{"light", "dark"} {
			b.run(command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1}))
			b.media("", scheme)
			over := eval[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth")
			assert.LessOrEqual(b.t, over, 0, "%s at %d: the page is wider than the screen", name, width)
			if name := fmt.Sprintf("%s-%d-%s", name, width, scheme); os.Getenv("E2E_PAGE_PICTURES") != "" {
				b.picture(filepath.Join(os.Getenv("E2E_PAGE_PICTURES"), name+".png"))
			}
			if width == 800 || (width == 400) == (scheme == "dark") {
				continue // each scheme and each layout is judged once
			}
			found := eval[[]string](b, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html + " " + n.failureSummary).slice(0, 3).join(" | ")))`)
			assert.Empty(b.t, found, "%s at %d, %s", name, width, scheme)
		}
	}
	b.run(command(emulation.ClearDeviceMetricsOverride, cdp.Empty{}))
	b.media("", "light")
}
