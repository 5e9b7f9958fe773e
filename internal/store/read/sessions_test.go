package read

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestPagesOfSessionsHaveEachOnceAndAddUp turns the pages of many sessions, some of the
// same cost and of the same id, as an administrator and as one user.
func TestPagesOfSessionsHaveEachOnceAndAddUp(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ada, eve := usage.UserID("ada"), usage.UserID("eve")
	db.Exec(`INSERT INTO auth.users (id) VALUES ($1::text::uuid), ($2::text::uuid)`, ada.String(), eve.String())
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, session_id, user_id)
			SELECT '2026-01-15Z'::timestamptz + n * interval '1 minute', (n % 5) * 0.000000000001, 'text', 's-' || ($1::int + n) % 37, ($2::text[])[1 + n % 3]::uuid FROM generate_series(1, 50) AS n`,
			r.IntN(37), []any{ada.String(), eve.String(), nil})
	}
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) SELECT '2026-01-15Z', 1, 'text' FROM generate_series(1, 20000)`)
	// Sessions that last over days which are kept and days which are not.
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, session_id, user_id, model, trace_id)
		SELECT '2026-01-12T12:00Z'::timestamptz + n % 7 * interval '1 day', n * 0.01, 'text', 's-' || n % 3, ($1::text[])[1 + n % 2]::uuid, 'm-' || n % 4, md5(n::text) FROM generate_series(1, 60) AS n`, []any{ada.String(), eve.String()})
	for _, day := range []int{13, 14, 15, 17} {
		var whole bool
		db.Scan(`SELECT public.usage_keep_session_day('2026-01-01Z'::timestamptz + $1::int * interval '1 day')`, []any{day - 1}, &whole)
		require.True(t, whole)
	}
	reader := New(db.Pool, time.Minute)
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		viewer Viewer
		where  string
	}{"everybody": {Administrator(), "true"}, "own": {OwnUsage(ada), "user_id = '" + ada.String() + "'"}} {
		q := SessionsQuestion{Viewer: c.viewer, From: from, To: to, Limit: 7}
		seen := map[SessionKey]bool{}
		var cost usage.Sum
		var calls int64
		for last := usage.SumOf(usage.MaxCallCost); ; {
			page, more, err := reader.Sessions(t.Context(), q)
			require.NoError(t, err)
			for _, s := range page {
				require.False(t, seen[s.SessionKey], "%s: %v twice", name, s.SessionKey)
				require.LessOrEqual(t, s.Cost.Cmp(last), 0, "%s: not in the order of cost", name)
				is := fmt.Sprintf("%d|%s|%s|%d|%d", s.Calls, s.First.Format(time.DateTime), s.Last.Format(time.DateTime), s.ModelCount, s.TraceCount)
				require.Equal(t, db.Text(`SELECT count(*), to_char(min(timestamp) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), to_char(max(timestamp) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), count(DISTINCT model), count(DISTINCT trace_id)
					FROM public.api_usage WHERE session_id = $1 AND coalesce(user_id, '00000000-0000-0000-0000-000000000000') = $2`, s.ID, [16]byte(s.User)), is)
				require.Len(t, s.Models, int(s.ModelCount))
				require.Len(t, s.Traces, min(int(s.TraceCount), SessionNames))
				seen[s.SessionKey], cost, calls, last = true, cost.Plus(s.Cost), calls+s.Calls, s.Cost
			}
			if !more {
				break
			}
			end := page[len(page)-1]
			q.After = &SessionPlace{Cost: end.Cost, SessionKey: end.SessionKey}
		}
		var sum string
		var n, sessions int64
		db.Scan(`SELECT sum(usage_dollars)::text, count(*), count(DISTINCT (session_id, user_id)) FROM public.api_usage WHERE session_id IS NOT NULL AND `+c.where, nil, &sum, &n, &sessions)
		want, err := usage.ParseSum(sum)
		require.NoError(t, err)
		assert.Equal(t, []any{want.String(), n, int(sessions)}, []any{cost.String(), calls, len(seen)}, name)
	}
}
