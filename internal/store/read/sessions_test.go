package read

import (
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
