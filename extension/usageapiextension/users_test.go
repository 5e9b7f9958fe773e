package usageapiextension

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestAUserIsFoundByWhatPeopleCallThem: where the users are ours, and where another
// application keeps them and the ids that apps send lead nowhere.
func TestAUserIsFoundByWhatPeopleCallThem(t *testing.T) {
	t.Parallel()
	ada, bo, second := "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
	for name, c := range map[string]struct {
		before, users string
		answers       map[string]string // the dollars of January, or what the problem says
	}{
		"users of ours": {
			users: `INSERT INTO auth.users (id, external_id, email) VALUES ('` + ada + `', 'ada', 'ada@example.com'), ('` + bo + `', 'bo', NULL)`,
			answers: map[string]string{
				"ada": "1", "ADA@example.com": "1", ada: "1", "bo": "2", "nobody": "0", report.Unattributed: "4",
			},
		},
		"users of a host application": {
			before: `CREATE SCHEMA auth; CREATE TABLE auth.users (id uuid PRIMARY KEY, email varchar(255), encrypted_password text)`,
			users:  `INSERT INTO auth.users (id, email) VALUES ('` + ada + `', 'ada@example.com'), ('` + bo + `', 'bo@example.com'), ('` + second + `', 'Bo@example.com')`,
			answers: map[string]string{
				"ada@example.com": "1", "Ada@Example.com": "1", ada: "1", report.Unattributed: "4", usage.UserID("x").String(): "0",
				"ada": "another application keeps", "bo@example.com": "several have this e-mail address",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.NewEmpty(t)
			if c.before != "" {
				db.Exec(c.before)
			}
			_, err := dbmigrate.New().Up(t.Context(), db.Pool)
			require.NoError(t, err)
			db.Exec(c.users)
			for user, dollars := range map[string]int{"'" + ada + "'": 1, "'" + bo + "'": 2, "NULL": 4} {
				db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, user_id) VALUES ('2026-01-10T12:00Z', $1, 'text', `+user+`)`, dollars)
			}
			api := newTestAPI(t, db.DSN, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
			for user, want := range c.answers {
				for _, path := range []string{"/api/admin/usage", "/api/admin/usage/records"} {
					w := api.get(t, "admin", path+"?startDate=2026-01-01&userId="+url.QueryEscape(user))
					if w.Code != 200 {
						assert.Equal(t, 400, w.Code)
						assert.Contains(t, problemOf(t, w.Body.Bytes()).Allowed, want, user)
						continue
					}
					if path == "/api/admin/usage" {
						var got report.Answer
						require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
						assert.Equal(t, want, got.Current.TotalCost.String(), user)
						continue
					}
					var got recordsDocument
					require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
					assert.Len(t, got.Records, map[string]int{"0": 0}[want]+map[bool]int{true: 1}[want != "0"], user)
				}
			}
		})
	}
}
