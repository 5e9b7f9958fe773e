package dashboards_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestSessionsAreOnePersonsAndAddUp has more sessions than are listed, one id of two users,
// a session without a price and calls without a session.
func TestSessionsAreOnePersonsAndAddUp(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ('11111111-1111-1111-1111-111111111111', 'ada'), ('22222222-2222-2222-2222-222222222222', 'eve')`)
	db.Exec(`INSERT INTO public.usage_setting VALUES ('trace_url', 'https://traces/{trace_id}?{span_id}')`)
	db.Exec(`INSERT INTO public.api_usage (timestamp, user_id, session_id, usage_dollars, api_type, model, service, tokens_used, trace_id, metadata, pricing_status, pricing_reason)
		SELECT at::timestamptz, u::uuid, s, d, 'text', m, v, 10, lpad(tr, 32, '0'), jsonb_build_object('span_id', 'span' || tr), CASE WHEN d = 0 THEN 'unpriced' ELSE 'priced' END, CASE WHEN d = 0 THEN 'unknown_model' END
		FROM (VALUES
		('2026-03-01 10:00Z', '11111111-1111-1111-1111-111111111111', 'chat', 400.000000000001, 'gpt-4o', 'shop', '1'),
		('2026-03-01 11:00Z', '11111111-1111-1111-1111-111111111111', 'chat', 500, 'gpt-5', 'shop', '2'),
		('2026-03-01 12:00Z', '22222222-2222-2222-2222-222222222222', 'chat', 600, 'gpt-4o', 'shop', NULL),
		('2026-03-01 13:00Z', NULL, 'silent', 0, 'gpt-4o', 'shop', NULL),
		('2026-03-01 14:00Z', '11111111-1111-1111-1111-111111111111', NULL, 7, 'gpt-4o', 'shop', '3'),
		('2026-03-01 15:00Z', '22222222-2222-2222-2222-222222222222', '', 8, 'gpt-4o', 'shop', '4')) AS v (at, u, s, d, m, v, tr)`)
	db.Exec(`INSERT INTO public.api_usage (timestamp, session_id, usage_dollars, api_type) SELECT '2026-03-01 16:00Z', 's' || n, 1, 'text' FROM generate_series(1, 110) AS n`)
	v := look(t, db, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 2)
	rows := v.see("llm-usage-breakdown", "Sessions, the most expensive first")
	require.Len(t, rows, 102)
	show := func(r row) string {
		return fmt.Sprint(r["Session"], " ", r["Cost"], " ", r["Calls"], " ", r["Unpriced"], " ", r["User"], " ", r["Models"], " ", r["Services"], " ", r["Traces"], " ", r["url"])
	}
	assert.Equal(t, "chat 900.000000000001 2 <nil> ada gpt-4o and 1 more shop 2 https://traces/"+"00000000000000000000000000000002?span2", show(rows[0]))
	assert.Equal(t, "chat 600 1 <nil> eve gpt-4o shop 0 "+howToTraces, show(rows[1]))
	assert.Equal(t, "all others (13) 12 13 1 <nil> <nil> <nil> <nil> <nil>", show(rows[100]))
	assert.Equal(t, "(no session) 15 2 <nil> <nil> <nil> <nil> <nil> <nil>", show(rows[101]))
	v.choose("user", "22222222-2222-2222-2222-222222222222")
	rows = v.see("llm-usage-breakdown", "Sessions, the most expensive first")
	require.Len(t, rows, 2)
	assert.Equal(t, []any{"chat", "(no session)"}, []any{rows[0]["Session"], rows[1]["Session"]})
}

const howToTraces = "https://github.com/otelcol-usage/otelcol-usage/blob/main/dashboards/README.md#from-a-call-to-its-trace"
