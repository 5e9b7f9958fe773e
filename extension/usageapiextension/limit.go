package usageapiextension

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/go-chi/httprate"

	"github.com/otelcol-usage/otelcol-usage/internal/access"
)

// maxRequestsPerMinute is more than one server can answer.
const maxRequestsPerMinute = 1_000_000

// RateLimitConfig limits the requests and failed logins of each caller.
type RateLimitConfig struct {
	// RequestsPerMinute is how many requests of one caller are answered in any minute.
	// Others are refused with 429. Default 600, 0 for no limit.
	RequestsPerMinute int `mapstructure:"requests_per_minute"`
	// FailedLoginsPerMinute is how many logins of one user from one address may fail in a
	// minute. Further ones are checked slowly, one at a time, and refused with 429 if they
	// fail too. Default 60, 0 for no limit.
	FailedLoginsPerMinute int `mapstructure:"failed_logins_per_minute"`
}

func (c RateLimitConfig) validate() error {
	var errs []error
	for key, found := range map[string]int{"requests_per_minute": c.RequestsPerMinute, "failed_logins_per_minute": c.FailedLoginsPerMinute} {
		if found < 0 || found > maxRequestsPerMinute {
			errs = append(errs, fmt.Errorf("`rate_limit::%s` must be from 0 (no limit) to %d, found %d", key, maxRequestsPerMinute, found))
		}
	}
	return errors.Join(errs...)
}

// limiter counts the requests of each caller in the last minute. It keeps one number for
// each caller of the last two minutes.
type limiter struct {
	rate *httprate.RateLimiter // nil for no limit
}

func newLimiter(c RateLimitConfig) limiter {
	if c.RequestsPerMinute == 0 {
		return limiter{}
	}
	// No headers: the problem document contains everything a caller needs.
	return limiter{httprate.NewRateLimiter(c.RequestsPerMinute, time.Minute, httprate.WithResponseHeaders(httprate.ResponseHeaders{}))}
}

// refuse counts a request. It returns a problem when the caller exceeds the limit; a
// refused request is not counted.
func (l limiter) refuse(w http.ResponseWriter, r *http.Request, caller access.Caller) *problem {
	if l.rate == nil || !l.rate.OnLimit(w, r, limitKey(r, caller)) {
		return nil
	}
	p := newProblem(http.StatusTooManyRequests, "this caller sends more requests than rate_limit::requests_per_minute allows; wait, ask for longer periods or larger pages, or use the export")
	p.retryAfter = int(time.Minute / time.Second) // by then every request so far has expired
	return p
}

// limitKey returns what requests are counted by: the caller's name or, for a caller without
// one, the address of the request.
func limitKey(r *http.Request, caller access.Caller) string {
	if caller.Subject != "" {
		return "subject " + caller.Subject
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr // a Unix socket has no port
	}
	return "address " + httprate.CanonicalizeIP(host)
}
