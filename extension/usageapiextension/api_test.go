package usageapiextension

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-usage/otelcol-usage/extension/usageapiextension/internal/metadata"
)

// testAuthenticator lets in whoever sends their attributes as JSON:
// `Authorization: Test {"subject":"ada"}`. `Authorization: Test null` is let
// in and says nothing, as a shared token does.
type testAuthenticator struct {
	component.StartFunc
	component.ShutdownFunc
}

var _ extensionauth.Server = testAuthenticator{}

type testAttributes map[string]any

func (a testAttributes) GetAttribute(name string) any { return a[name] }

func (a testAttributes) GetAttributeNames() []string {
	names := make([]string, 0, len(a))
	for name := range a {
		names = append(names, name)
	}
	return names
}

func (testAuthenticator) Authenticate(ctx context.Context, sources map[string][]string) (context.Context, error) {
	header := http.Header(sources).Get("Authorization")
	text, ok := strings.CutPrefix(header, "Test ")
	var attributes testAttributes
	if !ok || json.Unmarshal([]byte(text), &attributes) != nil {
		return ctx, errors.New("not let in: " + header) // as careless as an authenticator can be
	}
	if attributes == nil {
		return ctx, nil
	}
	info := client.FromContext(ctx)
	info.Auth = attributes
	return client.NewContext(ctx, info), nil
}

// callers are who the tests ask as.
var callers = map[string]string{
	"admin":    `Test {"subject":"root","membership":["staff","usage-admins"]}`,
	"ada":      `Test {"subject":"ada","membership":["staff"]}`,
	"eve":      `Test {"subject":"eve"}`,
	"nameless": `Test null`,
	"stranger": `Basic d3Jvbmc6d3Jvbmc=`,
	"nobody":   "",
}

// testAPI is the extension's handler behind the collector's own HTTP stack.
type testAPI struct {
	http.Handler
	api  *api
	logs *observer.ObservedLogs
}

// newTestAPI makes an API that reads the database behind dsn, at the time now.
func newTestAPI(t testing.TB, dsn string, now time.Time, change ...func(*Config)) *testAPI {
	t.Helper()
	config := createDefaultConfig().(*Config)
	config.DSN = configopaque.String(dsn)
	config.HTTP.Auth = configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: component.MustNewID("test")}})
	config.Access.Admin = AdminConfig{Attribute: "membership", Values: []string{"usage-admins"}}
	config.RateLimit.RequestsPerMinute = 0 // tests ask often
	for _, c := range change {
		c(config)
	}
	require.NoError(t, config.Validate())
	core, logs := observer.New(zapcore.DebugLevel)
	settings := extensiontest.NewNopSettings(metadata.Type)
	settings.Logger = zap.New(core)
	a, err := newAPI(config, settings)
	require.NoError(t, err)
	a.now = func() time.Time { return now }
	require.NoError(t, a.open(t.Context()))
	t.Cleanup(a.pool.Close)
	server, err := a.newServer(t.Context(), testHost{})
	require.NoError(t, err)
	return &testAPI{Handler: server.Handler, api: a, logs: logs}
}

type testHost struct{}

func (testHost) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("test"): testAuthenticator{}}
}

// get asks as one of the callers.
func (a *testAPI) get(t testing.TB, caller, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return a.do(t, http.MethodGet, caller, target, headers...)
}

func (a *testAPI) do(t testing.TB, method, caller, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := requestAs(t, method, caller, target, headers...)
	w := serve(a, r)
	if known := slices.ContainsFunc(routes, func(route route) bool { return route.path == r.URL.EscapedPath() }); known && method == http.MethodGet && w.Body.Len() < 1<<20 {
		checkContract(t, target, w)
	}
	return w
}

// requestAs makes the request of one of the callers.
func requestAs(t testing.TB, method, caller, target string, headers ...string) *http.Request {
	t.Helper()
	credentials, ok := callers[caller]
	if !ok {
		credentials = caller // written out
	}
	r := newRequest(t, target)
	r.Method = method
	if credentials != "" {
		r.Header.Set("Authorization", credentials)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// newRequest makes a GET without credentials. The target is taken as it is, as
// a server takes it.
func newRequest(t testing.TB, target string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")))
	require.NoError(t, err, target)
	return r.WithContext(t.Context())
}

func serve(a *testAPI, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}
