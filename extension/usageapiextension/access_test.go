package usageapiextension

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// everyRoute gives a question for each endpoint.
var everyRoute = map[string]struct {
	target   string
	audience audience
}{
	"admin usage":                 {"/api/admin/usage", administrators},
	"admin usage of another user": {"/api/admin/usage?userId=ada", administrators},
	"admin users":                 {"/api/admin/users", administrators},
	"single calls":                {"/api/admin/usage/records", administrators},
	"export":                      {"/api/admin/usage/export", administrators},
	"export as FOCUS":             {"/api/admin/usage/export?format=focus", administrators},
	"models":                      {"/api/admin/models", administrators},
	"bill":                        {"/api/admin/bill", administrators},
	"forecast":                    {"/api/admin/forecast", administrators},
	"advice":                      {"/api/admin/advice", administrators},
	"budgets":                     {"/api/admin/budgets", administrators},
	"own budgets":                 {"/api/usage/budgets", themselves},
	"sessions":                    {"/api/admin/sessions", administrators},
	"plans":                       {"/api/admin/plans", administrators},
	"own plans":                   {"/api/usage/plans", themselves},
	"own sessions":                {"/api/usage/sessions", themselves},
	"own forecast":                {"/api/usage/forecast", themselves},
	"own usage":                   {"/api/usage", themselves},
	"own calls":                   {"/api/usage/records", themselves},
	"export of own calls":         {"/api/usage/export", themselves},
	"contract":                    {"/api/openapi.json", everybody},
	"version":                     {"/api/version", everybody},
}

func TestTheMatrixCoversEveryRoute(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{}
	for _, r := range everyRoute {
		path, _, _ := strings.Cut(r.target, "?")
		asked[path] = true
	}
	for _, r := range routes {
		assert.True(t, asked[r.path], "%s has no line in everyRoute", r.path)
	}
}

// TestAccessMatrix asks every endpoint as everybody.
func TestAccessMatrix(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, []byte("time,user,dollars\n2026-01-30T12:00:00Z,ada,1\n2026-01-30T12:00:00Z,eve,2\n2026-01-30T12:00:00Z,,4\n"))
	api := newTestAPI(t, db.DSN, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))

	const yes, no, who = http.StatusOK, http.StatusForbidden, http.StatusUnauthorized
	for name, c := range map[string]struct {
		credentials      string
		admin, own, open int
	}{
		"no credentials":                          {"", who, who, who},
		"credentials that are refused":            {"Basic d3Jvbmc6d3Jvbmc=", who, who, who},
		"an authenticator that says nothing":      {"Test null", no, no, no},
		"no attributes":                           {`Test {}`, no, no, no},
		"a user":                                  {`Test {"subject":"ada"}`, no, yes, yes},
		"a user of basicauth":                     {`Test {"username":"ada","raw":"YWRhOmFkYQ=="}`, no, yes, yes},
		"a user of other groups":                  {`Test {"subject":"ada","membership":["staff"]}`, no, yes, yes},
		"an administrator":                        {`Test {"subject":"root","membership":["usage-admins"]}`, yes, yes, yes},
		"an administrator without a name":         {`Test {"membership":["usage-admins"]}`, yes, no, yes},
		"a group in another claim":                {`Test {"subject":"ada","claims.membership":["usage-admins"],"claims.groups":["usage-admins"]}`, no, yes, yes},
		"a group that contains the name":          {`Test {"subject":"ada","membership":["not-usage-admins","usage-admins-2"]}`, no, yes, yes},
		"groups in one text":                      {`Test {"subject":"ada","membership":"staff usage-admins"}`, no, yes, yes},
		"a group of groups":                       {`Test {"subject":"ada","membership":[["usage-admins"]]}`, no, yes, yes},
		"a group as an object":                    {`Test {"subject":"ada","membership":{"usage-admins":true}}`, no, yes, yes},
		"admin: true":                             {`Test {"subject":"ada","membership":true,"admin":true,"claims.admin":true}`, no, yes, yes},
		"a subject that is no text":               {`Test {"subject":{"$ne":null}}`, no, no, no},
		"a subject that is a list":                {`Test {"subject":["ada"]}`, no, no, no},
		"an empty subject":                        {`Test {"subject":""}`, no, no, no},
		"a subject with NUL":                      {"Test {\"subject\":\"ada\\u0000\"}", no, no, no},
		"the nil UUID, which is nobody":           {`Test {"subject":"00000000-0000-0000-0000-000000000000"}`, no, no, yes},
		"a subject that looks like SQL":           {`Test {"subject":"' OR true --"}`, no, yes, yes},
		"a subject that names the administrators": {`Test {"subject":"usage-admins"}`, no, yes, yes},
	} {
		for question, route := range everyRoute {
			t.Run(name+"/"+question, func(t *testing.T) {
				t.Parallel()
				want := map[audience]int{administrators: c.admin, themselves: c.own, everybody: c.open}[route.audience]
				w := api.get(t, c.credentials, route.target)
				require.Equal(t, want, w.Code, w.Body)
				if want == yes {
					return
				}
				var p problem
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
				assert.Equal(t, want, p.Status)
				assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
				assert.NotContains(t, w.Body.String(), "d3Jvbmc6d3Jvbmc=", "credentials are not repeated")
				if want == who {
					assert.NotEmpty(t, w.Header().Get("WWW-Authenticate"))
				}
			})
		}
	}
}

// TestOwnUsageIsNeverAnybodyElses: whatever a caller adds, the answer holds their
// own dollar or nothing at all.
func TestOwnUsageIsNeverAnybodyElses(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, []byte("time,user,dollars\n2026-01-30T12:00:00Z,ada,1\n2026-01-30T12:00:00Z,eve,2\n2026-01-30T12:00:00Z,,4\n"))
	api := newTestAPI(t, db.DSN, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	eve := usage.UserID("eve").String()
	for target, want := range map[string]int{
		"/api/usage":                                             200,
		"/api/usage?userId=ada":                                  200,
		"/api/usage?detail=basic":                                200,
		"/api/usage?model=gpt-4o":                                200,
		"/api/usage?top=10000":                                   200,
		"/api/usage?userId=eve":                                  403,
		"/api/usage?userId=" + eve:                               403,
		"/api/usage?userId=unattributed":                         403,
		"/api/usage?userId=00000000-0000-0000-0000-000000000000": 403,
		"/api/usage?userId=ada&userId=eve":                       400,
		"/api/usage?userId=eve&userId=ada":                       400,
		"/api/usage?userId=":                                     400,
		"/api/usage?userid=eve":                                  400,
		"/api/usage?user_id=eve":                                 400,
		"/api/usage?userId[]=eve":                                400,
		"/api/usage?userId%00=eve":                               400,
		"/api/usage?userId=ada;userId=eve":                       400,
		"/api/usage?usage.user_id=" + eve:                        400,
		"/api/admin/usage":                                       403,
		"/api/admin/usage?userId=ada":                            403,
		"/api/admin/../usage":                                    404,
		"/api/usage/":                                            404,
		"//api/admin/usage":                                      404,
		"/API/admin/usage":                                       404,
		"/api/admin%2Fusage":                                     403,
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			w := api.get(t, "ada", target)
			require.Equal(t, want, w.Code, w.Body)
			if want != 200 {
				assert.NotContains(t, w.Body.String(), "totalCost")
				return
			}
			var got struct {
				Current struct {
					TotalCost   json.Number
					UsageByUser map[string]json.Number
				}
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
			assert.Equal(t, json.Number("1"), got.Current.TotalCost)
			assert.Equal(t, map[string]json.Number{usage.UserID("ada").String(): "1"}, got.Current.UsageByUser)
		})
	}
}

// TestANameThatIsSomebodysDerivedIDIsNotThatUser: the id of a text is no secret, so a
// caller who may choose a name could choose it.
func TestANameThatIsSomebodysDerivedIDIsNotThatUser(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	host := "7d444840-9dc0-51d1-b245-5ffdce74fad2" // version 5 too, but an id that the apps send
	insertRows(t, db, []byte("time,user,dollars\n2026-01-30T12:00:00Z,eve,2\n2026-01-30T12:00:00Z,"+host+",4\n"))
	db.Exec(`UPDATE auth.users SET external_id = 'eve' WHERE id = '` + usage.UserID("eve").String() + `'`)
	api := newTestAPI(t, db.DSN, endOfJanuary)
	as := func(subject string) int { return api.get(t, `Test {"subject":"`+subject+`"}`, "/api/usage").Code }
	assert.Equal(t, http.StatusForbidden, as(usage.UserID("eve").String()))
	assert.Equal(t, http.StatusOK, as("eve"))
	assert.Equal(t, http.StatusOK, as(host))
	assert.Equal(t, http.StatusOK, as(usage.UserID("nobody we know").String()))
}

// TestAdminFiltersNeverWiden: a filter that is not understood gives no answer,
// not the unfiltered one.
func TestAdminFiltersNeverWiden(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	api := newTestAPI(t, db.DSN, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	for _, query := range []string{
		"userid=ada", "userId=", "userId=ada&userId=eve", "apiType=txt", "apiType=", "apitype=text", "model=a&model=b", "model=",
		"startDate=", "startDate=2026-01-01&startDate=2020-01-01", "start=2026-01-01", "endDate=tomorrow", "timezone=Mars", "top=-1", "top=1e3", "top=all",
		"detail=FULL", "userId=%ff", "model=a%00b", "userId=ada%", "a;b=c",
	} {
		w := api.get(t, "admin", "/api/admin/usage?"+query)
		assert.Equal(t, 400, w.Code, "%s: %s", query, w.Body)
		var p problem
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
		assert.NotEmpty(t, p.Detail)
	}
}

func TestWithoutAuthenticatorOnlyLoopbackNamesAreAnswered(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	api := newTestAPI(t, db.DSN, time.Now(), func(c *Config) {
		c.HTTP.Auth = configoptional.None[confighttp.AuthConfig]()
		c.Access.InsecureLoopbackAdmin = true
	})
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "localhost:8080": 200, "[::1]:8080": 200, "[::1]": 200, "localhost": 200,
		"rebound.example.com:8080": 403, "127.0.0.1.example.com": 403, "10.0.0.1:8080": 403, "": 403,
	} {
		r := newRequest(t, "/api/admin/usage")
		r.Host = host
		w := serve(api, r)
		assert.Equal(t, want, w.Code, "%q: %s", host, w.Body)
	}
	// There is no caller, so there is no own usage.
	assert.Equal(t, 403, serve(api, newRequest(t, "/api/usage")).Code)
}

func TestBearerTokenMakesAdministratorsOnlyWhenConfigured(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	api := newTestAPI(t, db.DSN, time.Now())
	assert.Equal(t, 403, api.get(t, "nameless", "/api/admin/usage").Code)

	api = newTestAPI(t, db.DSN, time.Now())
	api.api.config.Access.BearerIsAdmin = true // the test's authenticator is no bearertokenauth, so Validate would refuse
	api.api.policy = api.api.config.policy()
	assert.Equal(t, 200, api.get(t, "nameless", "/api/admin/usage").Code)
	assert.Equal(t, 403, api.get(t, "nameless", "/api/usage").Code)
}
