package usageapiextension

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/access"
)

// nowhere is a database that no test reaches.
const nowhere = "postgres://usage@127.0.0.1:1/usage"

func TestACallerWhoAsksTooOftenIsRefusedAndNobodyElse(t *testing.T) {
	t.Parallel()
	api := newTestAPI(t, nowhere, endOfJanuary, func(c *Config) { c.RateLimit.RequestsPerMinute = 3 })
	const target = "/api/openapi.json"
	for range 3 {
		assert.Equal(t, http.StatusOK, api.get(t, "ada", target).Code)
	}
	for _, refused := range []string{target, "/api/usage", "/api/admin/usage", "/nowhere"} {
		w := api.get(t, "ada", refused)
		assert.Equal(t, http.StatusTooManyRequests, w.Code, refused)
		assert.Equal(t, "60", w.Header().Get("Retry-After"))
		assert.Contains(t, problemOf(t, w.Body.Bytes()).Detail, "rate_limit::requests_per_minute")
	}
	assert.Equal(t, http.StatusOK, api.get(t, "eve", target).Code)
	assert.Equal(t, http.StatusUnauthorized, api.get(t, "nobody", target).Code)
}

func TestWithoutALimitNobodyIsRefused(t *testing.T) {
	t.Parallel()
	api := newTestAPI(t, nowhere, endOfJanuary, func(c *Config) { c.RateLimit.RequestsPerMinute = 0 })
	for range 1000 {
		assert.Equal(t, http.StatusNotFound, api.do(t, http.MethodGet, "ada", "/").Code)
	}
}

// TestAMinuteLaterACallerIsLetInAgain: after Retry-After all of the limit is
// there again, before it a part.
func TestAMinuteLaterACallerIsLetInAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(RateLimitConfig{RequestsPerMinute: 60})
		r := newRequest(t, "/")
		answered := func() (n int) {
			for l.refuse(nil, r, access.Caller{Subject: "ada"}) == nil {
				n++
			}
			return n
		}
		assert.Equal(t, 60, answered())
		time.Sleep(90 * time.Second)
		assert.Equal(t, 30, answered(), "half of the minute before still counts")
		time.Sleep(2 * time.Minute)
		assert.Equal(t, 60, answered())
	})
}

func TestCallersWithoutANameAreCountedByTheirAddress(t *testing.T) {
	t.Parallel()
	key := func(subject, address string) string {
		r := newRequest(t, "/")
		r.RemoteAddr = address
		return limitKey(r, access.Caller{Subject: subject})
	}
	assert.Equal(t, key("ada", "192.0.2.1:4000"), key("ada", "192.0.2.2:4000"), "a name counts wherever it comes from")
	assert.Equal(t, key("", "192.0.2.1:4000"), key("", "192.0.2.1:4001"))
	assert.NotEqual(t, key("", "192.0.2.1:4000"), key("", "192.0.2.2:4000"))
	assert.NotEqual(t, key("", "192.0.2.1:4000"), key("192.0.2.1", ""), "nobody takes an address for a name")
	assert.Equal(t, key("", "[2001:db8::1]:4000"), key("", "[2001:db8::2]:4000"), "an IPv6 network is one")
	assert.NotEmpty(t, key("", "@"), "a Unix socket")
}
