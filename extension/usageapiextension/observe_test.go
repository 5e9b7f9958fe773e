package usageapiextension

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-usage/otelcol-usage/extension/usageapiextension/internal/metadata"
	"github.com/otelcol-usage/otelcol-usage/extension/usageapiextension/internal/metadatatest"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// observed gives the API telemetry that a test can read.
func observed(t *testing.T, api *testAPI) *componenttest.Telemetry {
	t.Helper()
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { assert.NoError(t, telemetry.Shutdown(context.Background())) })
	builder, err := metadata.NewTelemetryBuilder(telemetry.NewTelemetrySettings())
	require.NoError(t, err)
	api.api.telemetry = builder
	return telemetry
}

// requireCounts compares how many requests were measured by route and status.
func requireCounts(t *testing.T, telemetry *componenttest.Telemetry, want map[[2]string]uint64) {
	t.Helper()
	var points []metricdata.HistogramDataPoint[float64]
	for key := range want {
		points = append(points, metricdata.HistogramDataPoint[float64]{
			Attributes: attribute.NewSet(attribute.String("route", key[0]), attribute.String("status", key[1])),
		})
	}
	metadatatest.AssertEqualUsageAPIRequestDuration(t, telemetry, points, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreValue())
	m, err := telemetry.GetMetric("otelcol_usage_api_request_duration")
	require.NoError(t, err)
	for _, p := range m.Data.(metricdata.Histogram[float64]).DataPoints {
		route, _ := p.Attributes.Value("route")
		status, _ := p.Attributes.Value("status")
		key := [2]string{route.AsString(), status.AsString()}
		assert.Equal(t, want[key], p.Count, "%v", key)
		assert.Positive(t, p.Sum, "%v", key)
		assert.Less(t, p.Sum, 600.0, "seconds")
	}
}

func TestEveryRequestIsMeasuredByRouteAndStatusAndLoggedWithoutValues(t *testing.T) {
	t.Parallel()
	api := newTestAPI(t, pgtest.New(t).DSN, endOfJanuary, func(c *Config) { c.RateLimit.RequestsPerMinute = 8 })
	telemetry := observed(t, api)
	tag := api.get(t, "admin", "/api/openapi.json").Header().Get("ETag")
	api.get(t, "admin", "/api/openapi.json", "If-None-Match", tag)
	api.get(t, "admin", "/api/admin/usage?userId=secret-word", "X-Request-Id", "r1")
	api.get(t, "admin", "/api/admin/usage")
	api.get(t, "admin", "/api/admin/usage?apiType=secret-word")
	api.get(t, "ada", "/api/admin/usage")
	api.get(t, "nobody", "/api/admin/usage")
	api.get(t, "admin", "/secret-word")
	api.do(t, "SECRET-WORD", "admin", "/api/usage")
	api.get(t, "admin", "/api/admin/usage/export")
	api.get(t, "admin", "/api/usage")

	requireCounts(t, telemetry, map[[2]string]uint64{
		{"/api/openapi.json", "200"}: 1, {"/api/openapi.json", "304"}: 1,
		{"/api/admin/usage", "200"}: 2, {"/api/admin/usage", "400"}: 1, {"/api/admin/usage", "403"}: 1, {"/api/admin/usage", "401"}: 1,
		{"other", "404"}: 1, {"/api/usage", "405"}: 1, {"/api/admin/usage/export", "200"}: 1, {"/api/usage", "429"}: 1,
	})
	lines := api.logs.FilterMessage("Answered a request").All()
	require.Len(t, lines, 11)
	assert.Subset(t, lines[2].ContextMap(), map[string]any{
		"method": "GET", "route": "/api/admin/usage", "status": "200", "caller": "administrator", "request_id": "r1",
	})
	assert.Subset(t, lines[5].ContextMap(), map[string]any{"status": "403", "caller": "user"})
	assert.Subset(t, lines[6].ContextMap(), map[string]any{"status": "401", "caller": "unknown"})
	assert.Subset(t, lines[8].ContextMap(), map[string]any{"method": "other", "status": "405"})
	for _, line := range lines {
		assert.NotContains(t, fmt.Sprint(line.ContextMap()), "secret-word")
		assert.NotContains(t, fmt.Sprint(line.ContextMap()), "root", "who asked stands in the audit alone")
	}
}

// TestWhatNeverGotAnAnswerIsMeasuredToo: a caller who left, and an export that
// broke off under status 200.
func TestWhatNeverGotAnAnswerIsMeasuredToo(t *testing.T) {
	t.Parallel()
	api := newTestAPI(t, nowhere, endOfJanuary)
	telemetry := observed(t, api)
	for path, handler := range map[string]http.HandlerFunc{
		"/api/admin/usage": func(http.ResponseWriter, *http.Request) {},
		"/api/admin/usage/export": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			panic(http.ErrAbortHandler)
		},
		"/api/usage": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
	} {
		func() {
			defer func() { _ = recover() }()
			api.api.observe(handler).ServeHTTP(httptest.NewRecorder(), newRequest(t, path))
		}()
	}
	requireCounts(t, telemetry, map[[2]string]uint64{
		{"/api/admin/usage", statusCanceled}: 1, {"/api/admin/usage/export", statusBrokeOff}: 1, {"/api/usage", other}: 1,
	})
}

// TestMetadataNamesEveryRouteAndStatus: the labels are closed sets, and they are
// documented.
func TestMetadataNamesEveryRouteAndStatus(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("metadata.yaml")
	require.NoError(t, err)
	var documented struct {
		Attributes map[string]struct{ Enum []string }
	}
	require.NoError(t, yaml.NewDecoder(bytes.NewReader(text)).Decode(&documented))
	paths := []string{other}
	for _, r := range slices.Concat(routes, pageRoutes) {
		paths = append(paths, r.path)
	}
	assert.ElementsMatch(t, paths, documented.Attributes["route"].Enum)
	words := []string{statusCanceled, statusBrokeOff, other}
	for _, code := range statuses {
		words = append(words, strconv.Itoa(code))
	}
	assert.ElementsMatch(t, words, documented.Attributes["status"].Enum)
}
