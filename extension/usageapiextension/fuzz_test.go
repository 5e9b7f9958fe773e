package usageapiextension

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// FuzzQuestions sends anything as path, query string and headers. Whatever it
// is, it is answered or refused: never with 500, never with a word of SQL, and
// as a user never with another user's cost.
func FuzzQuestions(f *testing.F) {
	for _, r := range routes {
		f.Add(r.path, "startDate=2026-01-01&endDate=2026-01-31&timezone=Asia/Kolkata&top=3", "Accept-Encoding", "gzip")
		for _, p := range r.params {
			f.Add(r.path, p+"=%27%20OR%201=1--", "X-Request-Id", "' OR 1=1--")
			f.Add(r.path, p+"=1", "If-None-Match", "*")
		}
	}
	f.Add("/api/usage", "currency=EUR&startDate=2100-12-31&endDate=2100-12-31", "", "")
	f.Add("/api/usage", "currency=EUR&startDate=2000-01-01&endDate=2000-01-02", "", "")
	f.Add("/api/admin/usage", "userId=\xff&model=%00", "Accept-Encoding", "gzip;q=x")
	for sort, keys := range map[string][]string{"cost": {"1", ".-5", "-0", "1e40"}, "calls": {"+7", "-9223372036854775808"}, "lastSeen": {"0000-01-01 00:00:00Z", "2026-01-30 12:00:00.123456789Z", "2026-01-30 12:00:00+05"}} {
		for _, key := range keys {
			f.Add("/api/admin/users", "sort="+sort+"&cursor="+encodeCursor(userCursor{Sort: sort, Key: key, ID: usage.ID{1}.String()}), "", "")
		}
	}
	for _, name := range []string{"Host", "Origin", "Content-Encoding", "Content-Length", "Transfer-Encoding", "Cookie", "X-Forwarded-For", "Traceparent"} {
		f.Add("/api/admin/usage", "detail=basic", name, "\x00' SELECT 1")
	}
	f.Add("/api/admin/users", "search=%25&cursor=eyJzIjoiY29zdCIsImsiOiIxIiwiaSI6IjAifQ", "", "")
	f.Add("/api/admin/usage/records", "cursor=eyJ0IjoiMjAyNi0wMS0zMFQxMjowMDowMFoiLCJpIjoiNmIxZjBkNWUtOGMyMS00YjUzLTlkMGEtMmY2NDFjN2U5MDAxIn0&limit=1", "", "")

	db := pgtest.New(f)
	insertRows(f, db, []byte("time,user,dollars\n2026-01-30T12:00:00Z,ada,1\n2026-01-30T12:00:00Z,eve,777777\n"))
	db.Exec(`INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES ('EUR', '2026-01-30', 2, 'test')`)
	api := newTestAPI(f, db.DSN, endOfJanuary)
	f.Fuzz(func(t *testing.T, path, query, name, value string) {
		line := "GET /" + strings.TrimPrefix(path, "/") + "?" + query + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
		probe, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line)))
		if err != nil {
			return // the server does not take it either
		}
		for _, caller := range []string{"admin", "ada"} {
			r := probe.Clone(t.Context())
			r.Header = http.Header{name: {value}, "Authorization": {callers[caller]}}
			w := serve(api, r)
			body := w.Body.String()
			require.Less(t, w.Code, 500, body)
			if w.Code >= 400 {
				for _, word := range []string{"SELECT", "SQLSTATE", "public.", "ERROR:"} {
					if !strings.Contains(query+path+value, word) {
						require.NotContains(t, body, word)
					}
				}
			}
			if caller == "ada" && !strings.Contains(query+path+value, "777777") { // a refusal repeats what it refuses
				require.NotContains(t, body, "777777")
			}
		}
	})
}
