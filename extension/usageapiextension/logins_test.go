package usageapiextension

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
)

// passwords lets in whose password is the name itself, and counts how often it
// compared.
type passwords struct {
	component.StartFunc
	component.ShutdownFunc
	compared atomic.Int64
}

func (p *passwords) Authenticate(ctx context.Context, sources map[string][]string) (context.Context, error) {
	p.compared.Add(1)
	r := http.Request{Header: sources}
	user, password, _ := r.BasicAuth()
	if user == "" || user != password {
		return ctx, errors.New("wrong password")
	}
	info := client.FromContext(ctx)
	info.Auth = testAttributes{"username": user}
	return client.NewContext(ctx, info), nil
}

func newLoginGuard(t *testing.T, failuresPerMinute int) (*loginGuard, *passwords) {
	t.Helper()
	id, inner := component.MustNewID(basicType), &passwords{}
	guarded := guardLogins(map[component.ID]component.Component{id: inner}, id, failuresPerMinute)
	g, ok := guarded[id].(*loginGuard)
	require.True(t, ok)
	return g, inner
}

func login(g *loginGuard, address, user, password string) (name any, err error) {
	ctx := client.NewContext(context.Background(), client.Info{Addr: &net.IPAddr{IP: net.ParseIP(address)}})
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	ctx, err = g.Authenticate(ctx, map[string][]string{"Authorization": {basic}})
	if auth := client.FromContext(ctx).Auth; auth != nil {
		name = auth.GetAttribute("username")
	}
	return name, err
}

func TestARightPasswordIsComparedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, inner := newLoginGuard(t, 30)
		for range 100 {
			name, err := login(g, "192.0.2.1", "ada", "ada")
			require.NoError(t, err)
			require.Equal(t, "ada", name)
		}
		assert.EqualValues(t, 1, inner.compared.Load())
		_, err := login(g, "192.0.2.1", "ada", "wrong")
		require.Error(t, err, "a password beside the right one is not believed")
		time.Sleep(loginMemory)
		_, err = login(g, "192.0.2.1", "ada", "ada")
		require.NoError(t, err)
		assert.EqualValues(t, 3, inner.compared.Load(), "a minute later it is compared again")
	})
}

// TestNobodyIsLockedOutByAGuesser: all come from the address of one proxy.
func TestNobodyIsLockedOutByAGuesser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const proxy = "192.0.2.1"
		g, inner := newLoginGuard(t, 5)
		begin := time.Now()
		for i := range 5 {
			_, err := login(g, proxy, "ada", fmt.Sprint(i))
			require.Error(t, err)
		}
		assert.Zero(t, time.Since(begin), "those that are allowed are not slowed down")

		for range 100 { // at once
			go func() { _, _ = login(g, proxy, "ada", "guess") }()
		}
		synctest.Wait()
		compared := inner.compared.Load()
		assert.LessOrEqual(t, compared, int64(7), "one at a time")
		_, err := login(g, proxy, "ada", "another guess")
		require.ErrorIs(t, err, errTooManyFailures, "the line is full: not even looked at")
		assert.Equal(t, compared, inner.compared.Load())

		_, err = login(g, proxy, "grace", "grace")
		require.NoError(t, err, "others are not slowed down")
		_, err = login(g, "192.0.2.2", "ada", "ada")
		require.NoError(t, err, "nor is the same user at another address")

		time.Sleep((loginLine + 2) * loginPace)
		_, err = login(g, proxy, "ada", "ada-is-not-it")
		require.Error(t, err)
		_, err = login(g, proxy, "ada", "ada")
		assert.NoError(t, err, "the right password gets in while others fail")
		time.Sleep(time.Second) // let the last turn end
	})
}

func TestTooManyFailedLoginsAre429(t *testing.T) {
	t.Parallel()
	api := newTestAPI(t, nowhere, endOfJanuary, func(c *Config) { c.RateLimit.FailedLoginsPerMinute = 3 })
	for range 3 {
		assert.Equal(t, http.StatusUnauthorized, api.get(t, "stranger", "/api/usage").Code)
	}
	w := api.get(t, "stranger", "/api/usage")
	assert.Equal(t, http.StatusTooManyRequests, w.Code)
	assert.Equal(t, "60", w.Header().Get("Retry-After"))
	assert.Contains(t, problemOf(t, w.Body.Bytes()).Detail, "failed_logins_per_minute")
	assert.Equal(t, http.StatusUnauthorized, api.get(t, "nobody", "/api/usage").Code, "without credentials nothing is guessed")
	assert.Equal(t, http.StatusOK, api.get(t, "ada", "/api/openapi.json").Code)
}

// TestABodyThatNeverComesHoldsNoConnection: questions have no body, so nothing
// waits for one.
func TestABodyThatNeverComesHoldsNoConnection(t *testing.T) {
	t.Parallel()
	address := startOn(t, nowhere, &statusHost{})
	for _, header := range []string{"Content-Length: 1000", "Transfer-Encoding: chunked"} {
		connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		require.NoError(t, err)
		defer connection.Close()
		require.NoError(t, connection.SetDeadline(time.Now().Add(time.Minute)))
		_, err = fmt.Fprintf(connection, "POST /api/usage HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", address, header)
		require.NoError(t, err)
		reader := bufio.NewReader(connection)
		answer, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		assert.Equal(t, http.StatusBadRequest, answer.StatusCode)
		assert.True(t, answer.Close)
		_ = answer.Body.Close()
		_, err = reader.Discard(1 << 20)
		assert.Error(t, err)
		assert.False(t, errors.Is(err, context.DeadlineExceeded) || isTimeout(err), "the server closes the connection")
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// TestConnectionsAreBounded: the next one is served when one of them ends.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	_, address, _ := startAPI(t, nowhere, &statusHost{}, func(a *api) { a.config.MaxHTTPConnections = 1 })
	first, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	ask := func(timeout time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/api/usage", nil)
		require.NoError(t, err)
		r.Close = true
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			err = answer.Body.Close()
		}
		return err
	}
	require.Error(t, ask(200*time.Millisecond))
	require.NoError(t, first.Close())
	assert.NoError(t, ask(time.Minute))
}
