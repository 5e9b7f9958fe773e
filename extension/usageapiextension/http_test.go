package usageapiextension

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-usage/otelcol-usage/extension/usageapiextension/internal/metadata"
	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

var endOfJanuary = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func problemOf(t testing.TB, body []byte) problem {
	t.Helper()
	var p problem
	require.NoError(t, json.Unmarshal(body, &p), "%s", body)
	return p
}

func TestProblemsNameParameterValueAndWhatIsAllowed(t *testing.T) {
	t.Parallel()
	api := newTestAPI(t, pgtest.New(t).DSN, endOfJanuary)
	w := api.get(t, "admin", "/api/admin/usage?apiType=txt", "X-Request-Id", "abc-1")
	p := problemOf(t, w.Body.Bytes())
	assert.Equal(t, problem{
		Title: "Bad Request", Status: 400, Detail: p.Detail, Parameter: "apiType", Found: "txt",
		Allowed: "text, speech, tts, transcription, embedding, image, video, rerank", RequestID: "abc-1",
	}, p)
	assert.Equal(t, "abc-1", w.Header().Get("X-Request-Id"))

	long := problemOf(t, api.get(t, "admin", "/api/admin/usage?timezone="+strings.Repeat("x", 900)).Body.Bytes())
	assert.Less(t, len(long.Found), 120, "long values are cut")
	secret := api.get(t, "admin", "/api/admin/usage?access_token=secret-word").Body.String()
	assert.NotContains(t, secret, "secret-word", "a value in the wrong place is not repeated")
}

func TestRequestIDsOfOthersAreTakenWhenHarmless(t *testing.T) {
	t.Parallel()
	api := newTestAPI(t, pgtest.New(t).DSN, endOfJanuary)
	for given, kept := range map[string]bool{"a-b_c.9": true, "": false, "a b": false, "a\"b": false, strings.Repeat("a", 65): false} {
		got := api.get(t, "nobody", "/api/usage", "X-Request-Id", given).Header().Get("X-Request-Id")
		assert.Equal(t, kept, got == given, given)
		assert.NotEmpty(t, got)
	}
}

func TestOtherMethodsAndPathsAreProblems(t *testing.T) {
	t.Parallel()
	api := newTestAPI(t, pgtest.New(t).DSN, endOfJanuary)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"} {
		w := api.do(t, method, "admin", "/api/admin/usage")
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code, method)
		assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
	}
	assert.Equal(t, http.StatusNotFound, api.get(t, "admin", "/").Code)
	assert.Equal(t, http.StatusForbidden, api.get(t, "nameless", "/nowhere").Code, "whoever is nobody does not learn which paths there are")
	assert.Equal(t, http.StatusUnauthorized, api.get(t, "nobody", "/nowhere").Code)
}

func TestEntityTagsHeadAndGzip(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, []byte("time,user,dollars\n2026-01-30T12:00:00Z,ada,1\n"))
	api := newTestAPI(t, db.DSN, endOfJanuary)
	const target = "/api/admin/usage"
	plain := api.get(t, "admin", target)
	tag := plain.Header().Get("ETag")
	require.NotEmpty(t, tag)
	assert.Equal(t, "private, no-cache", plain.Header().Get("Cache-Control"))

	for given, want := range map[string]int{tag: 304, `"x", ` + tag: 304, "*": 304, strings.TrimPrefix(tag, "W/"): 304, `"x"`: 200, "": 200} {
		w := api.get(t, "admin", target, "If-None-Match", given)
		assert.Equal(t, want, w.Code, given)
		if want == 304 {
			assert.Empty(t, w.Body.Bytes())
		}
	}
	assert.Equal(t, 401, api.get(t, "nobody", target, "If-None-Match", tag).Code, "a tag is no credential")

	head := api.do(t, "HEAD", "admin", target)
	assert.Equal(t, 200, head.Code)
	assert.Empty(t, head.Body.Bytes())
	assert.Equal(t, strconv.Itoa(plain.Body.Len()), head.Header().Get("Content-Length"))

	for accept, packed := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "identity": false, "": false} {
		w := api.get(t, "admin", target, "Accept-Encoding", accept)
		assert.Equal(t, packed, w.Header().Get("Content-Encoding") == "gzip", accept)
		assert.Equal(t, tag, w.Header().Get("ETag"))
		if packed {
			z, err := gzip.NewReader(w.Body)
			require.NoError(t, err)
			body, err := io.ReadAll(z)
			require.NoError(t, err)
			assert.Equal(t, plain.Body.String(), string(body))
		}
	}

	db.Exec(`UPDATE public.api_usage SET usage_dollars = 2`)
	assert.Equal(t, 200, api.get(t, "admin", target, "If-None-Match", tag).Code, "a price that was corrected is seen")
}

// TestDatabaseTroubleIsSaidAndNotShown: 503, advice, and no word of SQL.
func TestDatabaseTroubleIsSaidAndNotShown(t *testing.T) {
	t.Parallel()
	db, empty := pgtest.New(t), pgtest.NewEmpty(t)
	role := "norights_" + strings.ToLower(db.Name)
	db.Exec(`CREATE ROLE ` + role + ` LOGIN PASSWORD 'x'`)
	t.Cleanup(func() {
		_, err := db.Pool.Exec(context.Background(), `DROP ROLE `+role) // the test's own context has ended
		assert.NoError(t, err)
	})
	u, err := url.Parse(db.DSN)
	require.NoError(t, err)
	u.User = url.UserPassword(role, "x")

	for name, c := range map[string]struct {
		dsn, says string
	}{
		"away":      {"postgres://usage:secret-word@127.0.0.1:1/usage", "does not answer"},
		"no tables": {empty.DSN, "usagectl migrate status"},
		"no rights": {u.String(), "GRANT usage_reader, usage_own"},
		// A server that trusts everybody lets a wrong password in, and then
		// rights are missing.
		"wrong password": {strings.Replace(u.String(), ":x@", ":secret-word@", 1), "for the operator: "},
	} {
		t.Run(name, func(t *testing.T) {
			api := newTestAPI(t, c.dsn, endOfJanuary)
			for _, target := range []string{"/api/admin/usage", "/api/admin/users", "/api/usage", "/api/admin/usage/export", "/api/admin/usage/records", "/api/admin/models", "/api/admin/bill", "/api/admin/forecast", "/api/usage/forecast", "/api/admin/advice"} {
				w := api.get(t, "admin", target)
				p := problemOf(t, w.Body.Bytes())
				assert.Equal(t, 503, w.Code, target)
				assert.NotEmpty(t, w.Header().Get("Retry-After"))
				assert.Contains(t, p.Detail, c.says)
				for _, word := range []string{"SELECT", "public.", "secret-word", "127.0.0.1", role} {
					assert.NotContains(t, w.Body.String(), word)
				}
			}
			for _, entry := range api.logs.All() {
				assert.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), "secret-word")
			}
		})
	}
}

func TestAQuestionThatTakesTooLongIsAnsweredWithAdvice(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	api := newTestAPI(t, db.DSN, endOfJanuary, func(c *Config) { c.StatementTimeout = 150 * time.Millisecond })
	tx, err := db.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE public.usage_quarter_type IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	w := api.get(t, "admin", "/api/admin/usage")
	require.NoError(t, tx.Rollback(t.Context()))
	assert.Equal(t, 503, w.Code)
	assert.Contains(t, problemOf(t, w.Body.Bytes()).Detail, "shorter period")
	require.Eventually(t, func() bool { return api.get(t, "admin", "/api/admin/usage").Code == 200 }, time.Minute, time.Millisecond, "and the next one is answered")
}

func TestEveryReadByAnAdministratorIsLoggedWithoutValues(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, []byte("time,user,dollars\n2026-01-30T12:00:00Z,ada,1\n"))
	api := newTestAPI(t, db.DSN, endOfJanuary)
	api.get(t, "admin", "/api/admin/usage?userId=ada&model=gpt-4o", "X-Request-Id", "r1")
	api.get(t, "ada", "/api/usage")
	lines := api.logs.FilterMessage("An administrator read usage").All()
	require.Len(t, lines, 1)
	fields := lines[0].ContextMap()
	assert.Equal(t, "root", fields["who"])
	assert.Equal(t, "/api/admin/usage", fields["path"])
	assert.Equal(t, []any{"model", "userId"}, fields["parameters"])
	assert.Equal(t, int64(1), fields["rows"])
	assert.Equal(t, "r1", fields["request_id"])
	assert.NotContains(t, fmt.Sprint(fields), "ada")
	assert.NotContains(t, fmt.Sprint(fields), "gpt-4o")
}

func TestPagesHoldEveryCallOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	// Some at the same moment, so that pages end between equals; some far apart.
	insertRows(t, db, []byte("time,user,dollars,repeat\n2026-01-30T12:00:00Z,ada,1,7\n2026-01-30T11:59:59.999999Z,eve,1,2\n2026-01-02T00:00:00Z,,1,3\n"))
	api := newTestAPI(t, db.DSN, endOfJanuary)
	for _, c := range []struct {
		caller, target string
		want           int
	}{
		{"admin", "/api/admin/usage/records?startDate=2026-01-01", 12},
		{"admin", "/api/admin/usage/records?startDate=2026-01-01&userId=ada", 7},
		{"admin", "/api/admin/usage/records?startDate=2026-01-01&userId=unattributed", 3},
		{"admin", "/api/admin/usage/records?startDate=2026-01-01&endDate=2026-01-30T12:00:00Z", 5},
		{"eve", "/api/usage/records?startDate=2026-01-01", 2},
	} {
		for _, limit := range []int{1, 3, 7, 100} {
			seen := map[string]bool{}
			var last time.Time
			for cursor, page := "", 0; ; page++ {
				require.Less(t, page, 20, "pages do not end")
				target := c.target + "&limit=" + strconv.Itoa(limit)
				if cursor != "" {
					target += "&cursor=" + cursor
				}
				w := api.get(t, c.caller, target)
				require.Equal(t, 200, w.Code, w.Body)
				var got recordsDocument
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
				for _, r := range got.Records {
					require.False(t, seen[r.ID], "%s twice", r.ID)
					seen[r.ID] = true
					require.False(t, !last.IsZero() && r.Timestamp.After(last), "the newest first")
					last = r.Timestamp
				}
				if got.Next == nil {
					break
				}
				require.Len(t, got.Records, limit)
				cursor = *got.Next
			}
			assert.Len(t, seen, c.want, "%s limit %d", c.target, limit)
		}
	}
	for _, cursor := range []string{"x", "e30", encodeCursor(recordCursor{Time: endOfJanuary.AddDate(1, 0, 0), ID: usage.ID{1}.String()}), encodeCursor(userCursor{Sort: "cost", Key: "1", ID: "no"})} {
		assert.Equal(t, 400, api.get(t, "admin", "/api/admin/usage/records?cursor="+cursor).Code, cursor)
		assert.Equal(t, 400, api.get(t, "admin", "/api/admin/users?cursor="+cursor).Code, cursor)
	}
	for _, key := range []string{"1;DROP TABLE", "NaN", "1e999999999", ""} {
		cursor := encodeCursor(userCursor{Sort: "cost", Key: key, ID: usage.ID{1}.String()})
		assert.Equal(t, 400, api.get(t, "admin", "/api/admin/users?cursor="+cursor).Code, key)
	}
}

func TestPagesOfUsersHoldEveryUserOnceInEveryOrder(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var rows strings.Builder
	rows.WriteString("time,user,dollars\n")
	for i := range 11 {
		fmt.Fprintf(&rows, "2026-01-%02dT12:00:00Z,user%02d,%d\n", 1+i, i, i/3)
	}
	insertRows(t, db, []byte(rows.String()))
	db.Exec(`INSERT INTO auth.users (id, external_id) VALUES (gen_random_uuid(), 'silent')`)
	api := newTestAPI(t, db.DSN, endOfJanuary)
	for _, sort := range []string{"cost", "calls", "lastSeen"} {
		var names []string
		for cursor := ""; ; {
			target := "/api/admin/users?limit=5&sort=" + sort
			if cursor != "" {
				target += "&cursor=" + cursor
			}
			w := api.get(t, "admin", target)
			require.Equal(t, 200, w.Code, w.Body)
			var got usersDocument
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
			for _, u := range got.Users {
				require.NotContains(t, names, *u.ExternalID)
				names = append(names, *u.ExternalID)
			}
			if got.Next == nil {
				break
			}
			cursor = *got.Next
		}
		assert.Len(t, names, 12, sort)
		if sort == "lastSeen" {
			assert.Equal(t, "user10", names[0])
			assert.Equal(t, "silent", names[11])
		}
	}
	for search, want := range map[string]int{"user0": 10, "USER1": 1, "user05@example": 1, "%": 0, "_": 0, usage.UserID("user03").String(): 1, "user03": 1} {
		var got usersDocument
		require.NoError(t, json.Unmarshal(api.get(t, "admin", "/api/admin/users?search="+url.QueryEscape(search)).Body.Bytes(), &got))
		assert.Len(t, got.Users, want, search)
	}
}

// TestExportsOverARealConnection: trailers, packing and formulas.
func TestExportsOverARealConnection(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, []byte(`time,user,dollars,type,model,input,output,cacheRead,service,repeat
2026-01-30T12:00:00Z,ada,0.5,text,"=HYPERLINK(""http://x"")",10,20,4,+shop,1200
2026-01-29T12:00:00Z,ada,0.25,embedding,emb,7,,,shop,1
2026-01-28T12:00:00Z,,0.000000000001,text,"line
two",1,1,,shop,1
`))
	server := startTestServer(t, db.DSN)
	get := func(target string, headers ...string) (*http.Response, []byte) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+target, http.NoBody)
		require.NoError(t, err)
		r.Header.Set("Authorization", callers["admin"])
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		defer w.Body.Close()
		body, err := io.ReadAll(w.Body)
		require.NoError(t, err)
		return w, body
	}

	w, body := get("/api/admin/usage/export")
	assert.Equal(t, "1202", w.Trailer.Get("X-Row-Count"))
	assert.Equal(t, `attachment; filename="usage.csv"`, w.Header.Get("Content-Disposition"))
	lines, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 1203)
	assert.Equal(t, "line\ntwo", lines[1][5], "the oldest first")
	assert.Equal(t, `'=HYPERLINK("http://x")`, lines[3][5])
	assert.Equal(t, "'+shop", lines[3][6])
	assert.Equal(t, "600.250000000001", addColumn(t, lines, "cost"))

	w, packed := get("/api/admin/usage/export?format=jsonl", "Accept-Encoding", "gzip")
	require.Equal(t, "gzip", w.Header.Get("Content-Encoding"))
	assert.Equal(t, "1202", w.Trailer.Get("X-Row-Count"))
	z, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	plain, err := io.ReadAll(z)
	require.NoError(t, err)
	assert.Equal(t, 1202, bytes.Count(plain, []byte("\n")))

	w, body = get("/api/admin/usage/export?format=focus")
	lines, err = csv.NewReader(bytes.NewReader(body)).ReadAll()
	require.NoError(t, err)
	// Three groups: text with three meters and its cost, text with two and its
	// cost, and an embedding with one.
	require.Len(t, lines, 1+4+3+1)
	assert.Equal(t, "8", w.Trailer.Get("X-Row-Count"))
	assert.Equal(t, "600.250000000001", addColumn(t, lines, "BilledCost"), "costs add up")
	assert.Equal(t, "37210", addColumn(t, lines, "ConsumedQuantity"), "and quantities do: 36009 tokens, and 1201 requests of several meters")
	assert.Equal(t, "1202", addColumn(t, lines, "x_Calls"))

	w, body = get("/api/admin/usage/export?format=xls")
	assert.Equal(t, 400, w.StatusCode)
	assert.Empty(t, w.Header.Get("Content-Disposition"))
	assert.Equal(t, "format", problemOf(t, body).Parameter)
}

func addColumn(t testing.TB, lines [][]string, name string) string {
	t.Helper()
	var sum usage.Sum
	for i, column := range lines[0] {
		if column != name {
			continue
		}
		for _, line := range lines[1:] {
			if line[i] == "" {
				continue
			}
			s, err := usage.ParseSum(line[i])
			require.NoError(t, err)
			sum = sum.Plus(s)
		}
		return sum.String()
	}
	t.Fatalf("there is no column %s", name)
	return ""
}

// statusHost collects what the component reports.
type statusHost struct {
	testHost
	mu     sync.Mutex
	events []*componentstatus.Event
}

func (h *statusHost) Report(e *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

func (h *statusHost) last() componentstatus.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.events) == 0 {
		return componentstatus.StatusNone
	}
	return h.events[len(h.events)-1].Status()
}

// startTestServer starts the extension as the collector does, and gives its
// address.
func startTestServer(t testing.TB, dsn string) string {
	t.Helper()
	return "http://" + startOn(t, dsn, &statusHost{})
}

func startOn(t testing.TB, dsn string, host component.Host) string {
	t.Helper()
	_, address, _ := startAPI(t, dsn, host)
	return address
}

func startAPI(t testing.TB, dsn string, host component.Host, change ...func(*api)) (*api, string, *observer.ObservedLogs) {
	t.Helper()
	config := createDefaultConfig().(*Config)
	config.DSN = configopaque.String(dsn)
	config.HTTP.NetAddr.Endpoint = "127.0.0.1:0"
	config.HTTP.Auth = authBy("test")
	config.Access.Admin = AdminConfig{Attribute: "membership", Values: []string{"usage-admins"}}
	core, logs := observer.New(zap.InfoLevel)
	settings := extensiontest.NewNopSettings(metadata.Type)
	settings.Logger = zap.New(core)
	a, err := newAPI(config, settings)
	require.NoError(t, err)
	a.now = func() time.Time { return endOfJanuary }
	for _, c := range change {
		c(a)
	}
	require.NoError(t, a.Start(t.Context(), host))
	t.Cleanup(func() { assert.NoError(t, a.Shutdown(context.Background())) })
	lines := logs.FilterMessage("Serving usage queries").All()
	require.Len(t, lines, 1)
	return a, lines[0].ContextMap()["address"].(string), logs
}

func readCSV(t testing.TB, text []byte) [][]string {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(t, err)
	return lines
}

func jsonLines(t testing.TB, text []byte) iter.Seq[recordDocument] {
	t.Helper()
	return func(yield func(recordDocument) bool) {
		for line := range bytes.Lines(text) {
			var record recordDocument
			require.NoError(t, json.Unmarshal(line, &record))
			if !yield(record) {
				return
			}
		}
	}
}

// TestTablesThatAreStillToComeAreNoFaultAtFirst: the exporter that creates them
// starts after the extension.
func TestTablesThatAreStillToComeAreNoFaultAtFirst(t *testing.T) {
	t.Parallel()
	const waiting, fault = "Waiting for the tables, which usage_postgres creates with `migrate: true`, and else usagectl migrate up", "Queries will fail"
	db, host := pgtest.NewEmpty(t), &statusHost{}
	_, _, logs := startAPI(t, db.DSN, host)
	require.Eventually(t, func() bool { return logs.FilterMessage(waiting).Len() == 1 }, time.Minute, 5*time.Millisecond)
	_, err := dbmigrate.New().Up(t.Context(), db.Pool)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return logs.FilterMessage("The database answers").Len() == 1 }, time.Minute, 5*time.Millisecond)
	assert.Zero(t, logs.FilterMessage(fault).Len())
	assert.Equal(t, componentstatus.StatusOK, host.last())

	impatient := &statusHost{}
	_, _, logs = startAPI(t, pgtest.NewEmpty(t).DSN, impatient, func(a *api) { a.patience = 0 })
	require.Eventually(t, func() bool { return logs.FilterMessage(fault).Len() == 1 }, time.Minute, 5*time.Millisecond)
	assert.Contains(t, logs.FilterMessage(fault).All()[0].ContextMap()["problem"], "usagectl migrate status")
	require.Eventually(t, func() bool { return impatient.last() == componentstatus.StatusRecoverableError }, time.Minute, 5*time.Millisecond)
}

func TestTheExtensionStartsWithoutTheDatabaseAndReportsIt(t *testing.T) {
	t.Parallel()
	host := &statusHost{}
	startOn(t, "postgres://usage@127.0.0.1:1/usage", host)
	require.Eventually(t, func() bool { return host.last() == componentstatus.StatusRecoverableError }, time.Minute, 5*time.Millisecond)

	well := &statusHost{}
	startOn(t, pgtest.New(t).DSN, well)
	require.Eventually(t, func() bool { return well.last() == componentstatus.StatusOK }, time.Minute, 5*time.Millisecond)
}

func TestStartFailsWhenThePortIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	config := createDefaultConfig().(*Config)
	config.DSN = "postgres://usage@127.0.0.1:1/usage"
	config.HTTP.NetAddr.Endpoint = taken.Addr().String()
	config.HTTP.Auth = authBy("test")
	a, err := newAPI(config, extensiontest.NewNopSettings(metadata.Type))
	require.NoError(t, err)
	require.ErrorContains(t, a.Start(t.Context(), &statusHost{}), "`http::endpoint` cannot be opened")
	assert.NoError(t, a.Shutdown(t.Context()), "what did not start can be shut down")
}

func TestOtherOriginsAreLetInByConfiguration(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	api := newTestAPI(t, db.DSN, endOfJanuary, func(c *Config) {
		c.HTTP.CORS = configoptional.Some(confighttp.CORSConfig{
			AllowedOrigins: []string{"https://dashboard.example.com"}, AllowedHeaders: []string{"Authorization"}, ExposedHeaders: []string{"ETag"},
		})
	})
	for origin, allowed := range map[string]string{"https://dashboard.example.com": "https://dashboard.example.com", "https://evil.example.com": ""} {
		// A browser asks first, without credentials.
		w := api.do(t, http.MethodOptions, "nobody", "/api/admin/usage", "Origin", origin, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization")
		assert.Equal(t, http.StatusNoContent, w.Code)
		assert.Equal(t, allowed, w.Header().Get("Access-Control-Allow-Origin"), origin)

		w = api.get(t, "admin", "/api/admin/usage", "Origin", origin)
		assert.Equal(t, allowed, w.Header().Get("Access-Control-Allow-Origin"), origin)
		assert.Equal(t, 401, api.get(t, "nobody", "/api/admin/usage", "Origin", origin).Code, "an origin is no credential")
	}
	w := newTestAPI(t, db.DSN, endOfJanuary).get(t, "admin", "/api/admin/usage", "Origin", "https://dashboard.example.com")
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Origin"), "nobody is let in without configuration")
}
