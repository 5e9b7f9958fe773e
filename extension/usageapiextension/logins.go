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
	// loginMemory is how long failures are counted, and how long a password that was
	// right is believed without a new comparison: one by bcrypt takes up to a third of
	// a second of processor time.
	loginMemory = time.Minute
	// loginsRemembered bounds the memory of each.
	loginsRemembered = 10_000
	// loginPace is the time between two logins of those who failed too often, and
	// loginLine how many of them wait. While there is room in the line nobody is
	// refused for the failures of others: behind one proxy all have one address.
	loginPace = 100 * time.Millisecond
	loginLine = 32
)

// errTooManyFailures refuses a login that nobody looked at.
var errTooManyFailures = errors.New("too many failed logins")

// loginGuard stands in front of the authenticator. It counts failures by the
// address they come from and, where the credentials name one, the user, so that a
// guesser slows down only logins as that user from there. Whoever failed more often
// than allowed is looked at one at a time and in a slow pace: a right password still
// gets in. A password that was right a moment ago costs no second comparison.
type loginGuard struct {
	component.Component
	authenticator extensionauth.Server
	allowed       int // failures in a minute, 0 for no limit

	key      []byte                                   // of the digests; a dump of the memory shows no credentials
	good     *lru.Cache[[sha256.Size]byte, goodLogin] // nil where nothing is remembered
	counting sync.Mutex
	failures *lru.Cache[string, failedLogins]
	line     chan struct{} // a place for each login that waits
	turn     chan struct{} // held by the one that is looked at
}

// goodLogin is what the authenticator said of credentials, and until when it is
// believed.
type goodLogin struct {
	auth  client.AuthData
	until time.Time
}

// failedLogins are the failures of a minute.
type failedLogins struct {
	n     int
	until time.Time
}

// guardLogins gives the extensions with the authenticator behind a guard.
func guardLogins(extensions map[component.ID]component.Component, id component.ID, failuresPerMinute int) map[component.ID]component.Component {
	authenticator, ok := extensions[id].(extensionauth.Server)
	if !ok {
		return extensions // confighttp says what is wrong with it
	}
	g := &loginGuard{
		Component: extensions[id], authenticator: authenticator, allowed: failuresPerMinute, key: make([]byte, sha256.Size),
		line: make(chan struct{}, loginLine), turn: make(chan struct{}, 1),
	}
	g.failures, _ = lru.New[string, failedLogins](loginsRemembered) // fails only without a size
	_, _ = rand.Read(g.key)                                         // never fails, says its documentation
	if id.Type().String() == basicType {
		// Tokens are cheap to check, and each check sees whether they expired.
		g.good, _ = lru.New[[sha256.Size]byte, goodLogin](loginsRemembered)
	}
	guarded := maps.Clone(extensions)
	guarded[id] = g
	return guarded
}

// Authenticate asks the authenticator, unless it said yes a moment ago.
func (g *loginGuard) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	credentials := http.Header(headers).Get("Authorization")
	if credentials == "" { // as a browser asks first: nothing to guess, nothing to compare
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
	_, _ = h.Write([]byte(credentials)) // a hash takes everything
	h.Sum(digest[:0])
	return digest
}

// failedTooOften reports whether the failures of this minute are all that are
// allowed.
func (g *loginGuard) failedTooOften(who string) bool {
	failed, ok := g.failures.Get(who)
	return g.allowed > 0 && ok && failed.n >= g.allowed && time.Now().Before(failed.until)
}

// fail counts a failure, and reports whether it is one more than allowed. The
// minute begins with the first.
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

// waitInLine waits for the turn of a login, and gives what ends it: the next one
// follows after the pace. false: the line is full, or the caller has gone.
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

// loginKey is whose failures are counted together: those of an address and, of a
// basic login, of the user it names.
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

// tooManyFailures is where the guard leaves for [api.refuseEarly] that a login was
// refused for the number of failures before it.
type tooManyFailures struct{}

func noteTooManyFailures(ctx context.Context) {
	if noted, ok := ctx.Value(tooManyFailures{}).(*bool); ok {
		*noted = true
	}
}
