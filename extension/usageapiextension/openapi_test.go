package usageapiextension

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func init() {
	openapi3filter.RegisterBodyDecoder("application/jsonl", openapi3filter.PlainBodyDecoder) // lines are checked one by one
}

// contract is openapi.yaml, ready to check answers with.
var contract = sync.OnceValues(func() (*openapi3.T, routers.Router) {
	document, err := openapi3.NewLoader().LoadFromData(openAPIText)
	if err == nil {
		err = document.Validate(context.Background())
	}
	if err != nil {
		panic(err)
	}
	router, err := legacy.NewRouter(document)
	if err != nil {
		panic(err)
	}
	return document, router
})

// checkContract fails the test when an answer is not what openapi.yaml says.
// Every answer to [testAPI.do] on a known path goes through it.
func checkContract(t testing.TB, target string, w *httptest.ResponseRecorder) {
	t.Helper()
	body := w.Body.Bytes()
	if w.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		require.NoError(t, err)
		body, err = io.ReadAll(z)
		require.NoError(t, err)
	}
	_, router := contract()
	r := newRequest(t, target)
	r.URL.Host = ""
	route, pathParams, err := router.FindRoute(r)
	require.NoError(t, err, target)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: pathParams, Route: route},
		Status:                 w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	assert.NoError(t, openapi3filter.ValidateResponse(t.Context(), input), "%s: %s", target, body)
	if w.Header().Get("Content-Type") == "application/jsonl" {
		for line := range bytes.Lines(body) {
			var record any
			require.NoError(t, json.Unmarshal(line, &record))
			assert.NoError(t, route.Spec.Components.Schemas["Record"].Value.VisitJSON(record), "%s", line)
		}
	}
}

func TestContractAndRoutesNameTheSameParameters(t *testing.T) {
	t.Parallel()
	document, _ := contract()
	var paths []string
	for _, r := range routes {
		paths = append(paths, r.path)
		item := document.Paths.Value(r.path)
		require.NotNil(t, item, "%s is not in openapi.yaml", r.path)
		var named []string
		for _, p := range item.Get.Parameters {
			named = append(named, p.Value.Name)
		}
		known := slices.Clone(r.params)
		slices.Sort(known)
		slices.Sort(named)
		assert.Equal(t, known, named, r.path)
	}
	for path := range document.Paths.Map() {
		assert.Contains(t, paths, path)
	}
}

// TestAnswersKeepTheContract asks every endpoint in every way that changes the
// shape of its answer; [testAPI.do] checks each.
func TestAnswersKeepTheContract(t *testing.T) {
	t.Parallel()
	full := pgtest.New(t)
	insertRows(t, full, []byte(`time,user,dollars,type,model,status,reason,input,output,cacheRead,requestId,metadata
2026-01-30T12:00:00Z,ada,1.000000000001,text,gpt-4o,priced,,10,20,5,chatcmpl-1,"{""span_id"":""b7ad6b7169203331""}"
2026-01-30T12:00:01Z,,0,tts,,unpriced,no_model,,,,,{}
2025-12-30T12:00:01Z,eve,5,tts,tts-1,estimated,price_fallback,,,,,"{""span_id"":7}"
`))
	full.Exec(`UPDATE public.api_usage SET audio_seconds = 12.5, characters = 7, images = 1, other_quantities = '{"input_audio": 3}', reported_dollars = 0.5, cost_source = 'reported', price_id = 'p', trace_id = '0af7651916cd43dd8448eb211c80319c', session_id = 's', outcome = 'ok', payer = 'plan', pricing_assumptions = '{region}' WHERE model = 'gpt-4o'`)
	full.Exec(`INSERT INTO public.usage_budgets (name, scope, period, dollars) VALUES ('all', 'org', 'month', 1)`)
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, dsn := range []string{full.DSN, pgtest.New(t).DSN} {
		api := newTestAPI(t, dsn, now)
		for _, target := range []string{
			"/api/admin/usage", "/api/admin/usage?detail=basic", "/api/admin/usage?top=0", "/api/admin/usage?userId=ada", "/api/admin/usage?userId=unattributed",
			"/api/admin/usage?startDate=1", "/api/admin/usage/records", "/api/admin/usage/records?limit=1", "/api/admin/usage/records?traceId=x",
			"/api/admin/usage/export", "/api/admin/usage/export?format=jsonl", "/api/admin/usage/export?format=focus", "/api/admin/usage/export?format=xls",
			"/api/admin/users", "/api/admin/users?limit=1", "/api/admin/users?sort=lastSeen", "/api/admin/users?cursor=x", "/api/admin/models", "/api/admin/models?limit=1", "/api/admin/bill",
			"/api/usage", "/api/usage/records", "/api/usage/export", "/api/usage/export?format=focus", "/api/openapi.json", "/api/version",
			"/api/admin/advice", "/api/admin/budgets", "/api/usage/budgets", "/api/admin/forecast", "/api/admin/forecast?scope=user&top=2", "/api/admin/forecast?period=x", "/api/usage/forecast", "/api/usage/forecast?scope=budget",
		} {
			for _, caller := range []string{"admin", "ada", "nobody"} {
				api.get(t, caller, target)
			}
		}
	}
}
