package usageapiextension

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/extensionauth"
)

const (
	// loginMemory is how long failures are counted, and how long a correct password is
	// accepted without another comparison. Comparing with bcrypt takes up to a third of a
	// second of CPU time.
	loginMemory = time.Minute
	// loginsRemembered is the maximum number of entries of either cache.
	loginsRemembered = 10_000
	// loginPace is the time between two login attempts after too many failures, and
	// loginLine is how many may wait. While there is room in the line, nobody is refused
	// because of other people's failures: behind a proxy all callers share one address.
	loginPace = 100 * time.Millisecond
	loginLine = 32
)

// errTooManyFailures refuses a login without checking it.
var errTooManyFailures = errors.New("too many failed logins")

// loginGuard wraps the authenticator. It counts failures by address and, if the credentials
// contain one, user. An attacker who guesses passwords thus slows down only logins as that
// user from that address. After too many failures, attempts are checked slowly, one at a
// time, so a correct password still succeeds. A password that was correct recently is not
// compared again.
type loginGuard struct {
	component.Component
	authenticator extensionauth.Server
	allowed       int // failures per minute, 0 for no limit

	key      []byte                                   // of the digests, so that a memory dump contains no credentials
	good     *lru.Cache[[sha256.Size]byte, goodLogin] // nil when nothing is remembered
	counting sync.Mutex
	failures *lru.Cache[string, failedLogins]
	line     chan struct{} // one slot per waiting login
	turn     chan struct{} // held by the login being checked
}

// goodLogin is the authenticator's result for credentials, and until when it is valid.
type goodLogin struct {
	auth  client.AuthData
	until time.Time
}

// failedLogins counts the failures of a minute.
type failedLogins struct {
	n     int
	until time.Time
}

// guardLogins returns the extensions with the authenticator wrapped in a guard.
func guardLogins(extensions map[component.ID]component.Component, id component.ID, failuresPerMinute int) map[component.ID]component.Component {
	authenticator, ok := extensions[id].(extensionauth.Server)
	if !ok {
		return extensions // confighttp reports the error
	}
	g := &loginGuard{
		Component: extensions[id], authenticator: authenticator, allowed: failuresPerMinute, key: make([]byte, sha256.Size),
		line: make(chan struct{}, loginLine), turn: make(chan struct{}, 1),
	}
	g.failures, _ = lru.New[string, failedLogins](loginsRemembered) // fails only for a size of 0
	_, _ = rand.Read(g.key)                                         // never fails, as documented
	if id.Type().String() == basicType {
		// Tokens are not remembered: they are cheap to check, and each check sees whether
		// they have expired.
		g.good, _ = lru.New[[sha256.Size]byte, goodLogin](loginsRemembered)
	}
	guarded := maps.Clone(extensions)
	guarded[id] = g
	return guarded
}

// Authenticate calls the authenticator, unless it accepted the same credentials recently.
func (g *loginGuard) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	credentials := http.Header(headers).Get("Authorization")
	if credentials == "" { // a browser's first request: there is nothing to guess or compare
		return g.authenticator.Authenticate(ctx, headers)
	}
	digest := g.digest(credentials)
	if g.good != nil {
		if login, ok := g.good.Get(digest); ok && time.Now().Before(login.until) {
			info := client.FromContext(ctx)
			info.Auth = login.auth
			return client.NewContext(ctx, info), nil
		}
	}
	who := loginKey(ctx, credentials)
	if g.failedTooOften(who) {
		next, ok := g.waitInLine(ctx)
		if !ok {
			noteTooManyFailures(ctx)
			return ctx, errTooManyFailures
		}
		defer next()
	}
	let, err := g.authenticator.Authenticate(ctx, headers)
	if err != nil {
		if g.fail(who) {
			noteTooManyFailures(ctx)
		}
		return let, err
	}
	if g.good != nil {
		g.good.Add(digest, goodLogin{client.FromContext(let).Auth, time.Now().Add(loginMemory)})
	}
	return let, nil
}

func (g *loginGuard) digest(credentials string) (digest [sha256.Size]byte) {
	h := hmac.New(sha256.New, g.key)
	_, _ = h.Write([]byte(credentials)) // a hash never fails
	h.Sum(digest[:0])
	return digest
}

// failedTooOften reports whether the failures of this minute have reached the limit.
func (g *loginGuard) failedTooOften(who string) bool {
	failed, ok := g.failures.Get(who)
	return g.allowed > 0 && ok && failed.n >= g.allowed && time.Now().Before(failed.until)
}

// fail counts a failure, and reports whether it exceeds the limit. The minute starts with
// the first failure.
func (g *loginGuard) fail(who string) (tooMany bool) {
	g.counting.Lock()
	defer g.counting.Unlock()
	failed, ok := g.failures.Get(who)
	if now := time.Now(); !ok || !now.Before(failed.until) {
		failed = failedLogins{until: now.Add(loginMemory)}
	}
	failed.n++
	g.failures.Add(who, failed)
	return g.allowed > 0 && failed.n > g.allowed
}

// waitInLine waits for the turn of a login. next ends the turn; after loginPace the next
// login follows. ok is false when the line is full or the caller is gone.
func (g *loginGuard) waitInLine(ctx context.Context) (next func(), ok bool) {
	select {
	case g.line <- struct{}{}:
	default:
		return nil, false
	}
	defer func() { <-g.line }()
	select {
	case g.turn <- struct{}{}:
		return func() { time.AfterFunc(loginPace, func() { <-g.turn }) }, true
	case <-ctx.Done():
		return nil, false
	}
}

// loginKey returns the key by which failures are counted: the address and, for basic
// authentication, the user.
func loginKey(ctx context.Context, credentials string) string {
	key := ""
	if address := client.FromContext(ctx).Addr; address != nil {
		key = address.String()
		if host, _, err := net.SplitHostPort(key); err == nil {
			key = host
		}
	}
	if scheme, encoded, _ := strings.Cut(credentials, " "); strings.EqualFold(scheme, "Basic") {
		if plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded)); err == nil {
			user, _, _ := strings.Cut(string(plain), ":")
			key += " " + user[:min(len(user), 256)]
		}
	}
	return key
}

// tooManyFailures is the context key with which the guard reports to [api.refuseEarly] that
// a login was refused because of earlier failures.
type tooManyFailures struct{}

func noteTooManyFailures(ctx context.Context) {
	if noted, ok := ctx.Value(tooManyFailures{}).(*bool); ok {
		*noted = true
	}
}
