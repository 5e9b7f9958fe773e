package e2e

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// eveCost is what one call of eve cost. Nobody but an administrator may see it.
const eveCost = "777777"

// rawTargets are ways of writing a path that a router and a rule of access might
// read differently.
var rawTargets = []string{
	"/api/admin/usage", "//api/admin/usage", "/api//admin/usage", "/api/admin/usage/", "/api/./admin/usage", "/api/x/../admin/usage",
	"/api/usage/../admin/usage", "/api/usage/..%2fadmin/usage", "/api/usage/%2e%2e/admin/usage", "/api/usage/..;/admin/usage", "/api/admin%2fusage", "/api%2fadmin%2fusage",
	"/%61pi/admin/usage", "/api/admin/us%61ge", "/API/ADMIN/USAGE", "/api/admin/usage%00", "/api/admin/usage%20", "/api/admin/usage;x=1", "/api/admin/usage.json",
	"/api/admin/usage%23", "/api/admin/usage#", "/api/admin/usage?", "/api/admin/usage??", "/api/admin/usage?&&", "/api/admin/usage%3fx=1", `/api\admin\usage`, "/api/admin/usage/..",
	"http://127.0.0.1/api/admin/usage", "http://evil.example/api/admin/usage", "http:///api/admin/usage", "//evil.example/api/admin/usage", "api/admin/usage", "*", "",
	"/api/admin/users/", "/api/admin/usage/export/", "/api/admin/usage/records/x", "/api/usage/records/../../admin/users", "/api/openapi.json/../admin/usage",
	"/debug/pprof/", "/metrics", "/.git/config", "/api/admin/", "/api/", "/",
	"/api/usage?userId=eve", "/api/usage?userId=ada&userId=eve", "/api/usage?userId=ada%26userId=eve", "/api/usage?userId=ada;userId=eve", "/api/usage?userId[]=eve",
	"/api/usage?user_id=eve", "/api/usage?userId=%65ve", "/api/usage/records?userId=eve", "/api/usage?userId=" + "unattributed",
}

// overrides are headers by which proxies and frameworks name another path, caller
// or method; none may count for anything.
var overrides = []string{
	"X-Original-URL: /api/admin/usage", "X-Rewrite-URL: /api/admin/usage", "X-Forwarded-Path: /api/admin/usage", "X-HTTP-Method-Override: PUT", "X-Method-Override: DELETE",
	"X-Forwarded-User: boss", "X-Remote-User: boss", "Remote-User: boss", "X-Auth-Request-User: boss", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1;host=localhost",
	"X-Forwarded-Host: localhost", "X-User-Id: eve", "Usage-User-Id: eve", "Cookie: session=boss; admin=true", "Connection: Authorization", "Connection: close, Authorization",
	"Proxy-Authorization: Basic Ym9zczpzZWNyZXQx", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA", "Expect: 100-continue",
	"Range: bytes=0-10", "Transfer-Encoding: chunked\r\nContent-Length: 5", "Content-Length: 5\r\nContent-Length: 6", "Transfer-Encoding: xchunked", "Transfer-Encoding:\tchunked", "Content-Length: -1",
	"Host: evil.example", "If-None-Match: *", "Accept-Encoding: gzip, gzip, br;q=9", "Origin: https://evil.example", "X-Authorization: Basic Ym9zczpzZWNyZXQx",
	"X: " + strings.Repeat("x", 1<<20), " Folded: x", "No-Colon", "Nul: \x00",
}

// methods are those that the API does not have, and mistakes of GET.
var otherMethods = []string{"HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "get", "GET ", "G\x00T"}

// nasty are values that a parameter does not expect.
var nasty = []string{
	"", "eve", "ada", "*", "%", "_", "' OR 1=1 --", "'; DROP TABLE public.api_usage; --", "\x00", "\xff\xfe", "0", "-1", "1e400", "NaN", "9223372036854775808", "2026-01-01", "0001-01-01", "9999-12-31", "294277-01-01",
	"UTC", "Mars/Olympus", "../../etc/passwd", "{{7*7}}", "${env:DATABASE_URL}", "true", "null", "[]", "text", "cost", "full", "focus", "csv", "EUR", "00000000-0000-0000-0000-000000000000",
	usage.UserID("eve").String(), strings.Repeat("9", 4000), "eyJ0IjoiMjAyNi0wMS0zMFQxMjowMDowMFoiLCJpIjoieCJ9", "\u202e", "＇",
}

// TestAttackAPI asks the API of the built collector by hand-made requests: as
// nobody, a user sees nothing; as ada, nothing of eve; and whatever is asked is no
// error of the server's and shows no SQL.
func TestAttackAPI(t *testing.T) {
	t.Parallel()
	db := migratedDatabase(t)
	db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ($1, 'eve')`, usage.UserID("eve").String())
	db.Exec(`INSERT INTO public.api_usage (usage_dollars, api_type, model, provider, user_id, timestamp) VALUES (`+eveCost+`, 'text', 'm', 'p', $1, now() - interval '1 hour')`, usage.UserID("eve").String())
	logins, _ := basicCases() // boss, ada and grace
	c := start(t, configuration{
		extensions: logins, extNames: ", basicauth", apiHTTP: "      auth: {authenticator: basicauth}\n",
		api: "    access: {admin_subjects: [boss]}\n    rate_limit: {requests_per_minute: 0, failed_logins_per_minute: 0}\n",
	}.String(), "DATABASE_URL="+db.DSN)

	status, contract := c.get("/api/openapi.json", "boss:secret1")
	require.Equal(t, http.StatusOK, status)
	_, all := c.get("/api/admin/usage", "boss:secret1")
	require.Equal(t, eveCost, dollars(t, all), "what must not be seen is there to be seen")

	plain := "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
	for caller, login := range map[string]string{"nobody": "", "mallory": "mallory:secret1", "ada": "ada:secret2"} {
		for _, target := range rawTargets {
			askByHand(t, c, caller, login, fmt.Sprintf(plain, target))
		}
		for _, header := range overrides {
			for _, target := range []string{"/api/admin/usage", "/api/usage"} {
				askByHand(t, c, caller, login, fmt.Sprintf(plain, target)+header+"\r\n")
			}
		}
		for _, method := range otherMethods {
			for path := range endpoints {
				askByHand(t, c, caller, login, method+strings.TrimPrefix(fmt.Sprintf(plain, path), "GET"))
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same in each run, to be repeated
	for range rounds(200, 6000) {
		caller := []string{"nobody", "ada", "boss"}[random.IntN(3)]
		login := map[string]string{"ada": "ada:secret2", "boss": "boss:secret1"}[caller]
		askByHand(t, c, caller, login, fmt.Sprintf(plain, randomQuestion(random, contract)))
	}
}

// randomQuestion is a path of the contract with parameters of it and values that
// may be anything.
func randomQuestion(random *rand.Rand, contract map[string]any) string {
	paths := contract["paths"].(map[string]any)
	path := slices.Sorted(maps.Keys(paths))[random.IntN(len(paths))]
	get, _ := paths[path].(map[string]any)["get"].(map[string]any)
	parameters, _ := get["parameters"].([]any)
	var query []string
	for range random.IntN(4) {
		name := "userId"
		if len(parameters) > 0 {
			if parameter, ok := parameters[random.IntN(len(parameters))].(map[string]any)["name"].(string); ok {
				name = parameter
			}
		}
		query = append(query, name+"="+url.QueryEscape(nasty[random.IntN(len(nasty))]))
	}
	return path + "?" + strings.Join(query, []string{"&", "&", "&", ";", "&&"}[random.IntN(5)])
}

// askByHand writes the head of a request as it is given and judges the answer.
func askByHand(t *testing.T, c *collector, caller, login, head string) {
	t.Helper()
	if login != "" {
		head += "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(login)) + "\r\n"
	}
	attempt(t, fmt.Sprintf("as %s, to the API: %.300q", caller, head), judge(c, caller, head))
}

func judge(c *collector, caller, head string) error {
	conn, err := net.Dial("tcp", c.api)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return nil // closed before all of it was read
	}
	method, _, _ := strings.Cut(head, " ")
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("no answer in 30 s")
	case err != nil:
		return nil // closed without an answer, which says nothing
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("the answer %s breaks off: %w", answer.Status, err)
	}
	body := string(text)
	switch {
	// What HTTP itself has no word for is 501, and 505 another version.
	case answer.StatusCode >= 500 && answer.StatusCode != http.StatusNotImplemented && answer.StatusCode != http.StatusHTTPVersionNotSupported:
		return fmt.Errorf("answered with %s: %.300s", answer.Status, body)
	case caller != "boss" && caller != "ada" && answer.StatusCode < 400 && answer.StatusCode != http.StatusNoContent:
		return fmt.Errorf("answered with %s without credentials: %.300s", answer.Status, body)
	case caller != "boss" && strings.Contains(body, eveCost):
		return fmt.Errorf("shows what eve's call cost: %.300s", body)
	case caller != "boss" && strings.Contains(body, usage.UserID("eve").String()) && !strings.Contains(head, usage.UserID("eve").String()):
		return fmt.Errorf("shows who eve is: %.300s", body)
	}
	for _, word := range []string{"SQLSTATE", "public.", "ERROR:", "goroutine "} {
		if strings.Contains(body, word) && !strings.Contains(head, url.QueryEscape(word)) && answer.StatusCode >= 400 {
			return fmt.Errorf("shows what is inside: %.300s", body)
		}
	}
	return nil
}
