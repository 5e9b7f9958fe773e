package read

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestAFaultInOurCodeShowsNobodyElsesUsage takes the conditions by user out of
// the statements, as a mistake could: the role that own usage is read with
// shows the caller's rows and no other, or refuses.
func TestAFaultInOurCodeShowsNobodyElsesUsage(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ada, eve := usage.UserID("ada"), usage.UserID("eve")
	for user, cost := range map[usage.ID]string{ada: "1", eve: "2"} {
		db.Exec(`INSERT INTO auth.users (id) VALUES ($1::text::uuid)`, user.String())
		db.Exec(`INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type) VALUES ($1::text::uuid, '2026-01-15T12:00Z', $2::text::numeric, 'text')`, user.String(), cost)
	}
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES ('2026-01-15T12:00Z', 4, 'text')`)
	var kept int
	db.Scan(`SELECT public.usage_keep_user_detail(10, 1)`, nil, &kept)
	require.Equal(t, 2, kept, "users with a half month that is kept")
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	reader := New(db.Pool, time.Minute)
	asAda := func(sql string, args ...any) (sum string, err error) {
		err = reader.view(t.Context(), OwnUsage(ada), func(tx pgx.Tx) error { return tx.QueryRow(t.Context(), sql, args...).Scan(&sum) })
		return sum, err
	}

	for name, filter := range map[string]Filter{"no condition": {}, "another's": {ByUser: true, User: eve}, "nobody's": {ByUser: true}} {
		for _, l := range []*sums.Level{sums.Single, sums.DayUser, sums.UserDetail} {
			s := &sources{viewer: OwnUsage(ada), filter: filter, keys: []string{"user_id"}, sums: []string{"usage_dollars"}} // newSources would add ada
			s.shares = addShares(nil, 0, []sums.Piece{{Level: l, From: from, To: to}})
			sum, err := asAda(fmt.Sprintf("SELECT coalesce(sum(usage_dollars), 0)::text FROM %s", s), s.args...)
			require.NoError(t, err, name)
			want := map[string]string{"no condition": "1.000000000000", "another's": "0", "nobody's": "0"}[name]
			assert.Equal(t, want, sum, "%s, %s", name, relation(l, OwnUsage(ada)))
		}
	}
	db.Exec(`UPDATE public.api_usage SET session_id = 's'`)
	var whole bool
	db.Scan(`SELECT public.usage_keep_session_day('2026-01-15Z')`, nil, &whole)
	require.True(t, whole)
	sum, err := asAda(`SELECT coalesce(sum(usage_dollars), 0)::text FROM public.usage_own_session_kept`)
	require.NoError(t, err)
	assert.Equal(t, "1.000000000000", sum)
	_, err = asAda(`SELECT coalesce(sum(usage_dollars), 0)::text FROM public.usage_session_kept`)
	assert.Equal(t, "42501", store.SQLState(err), "sums of all users")
	// Quarter hours are kept of both.
	db.Exec(`INSERT INTO public.usage_user_quarter (user_id, bucket, unpriced_calls, usage_dollars) VALUES ($1::text::uuid, '2026-01-01Z', 0, 31), ($2::text::uuid, '2026-01-01Z', 0, 1)`, eve.String(), ada.String())
	db.Exec(`INSERT INTO public.usage_user_quarter_kept (user_id, bucket, version, place) SELECT user_id, bucket, xmin, ctid FROM public.usage_half_month_user WHERE user_id <> '00000000-0000-0000-0000-000000000000'`)
	sum, err = asAda(`SELECT sum(usage_dollars)::text || ' ' || (SELECT string_agg(DISTINCT user_id::text, ' ') FROM public.usage_own_user_quarter_half) FROM public.usage_own_user_quarter`)
	require.NoError(t, err)
	assert.Equal(t, "1 "+ada.String(), sum)
	// Eve's seat, its price and her calls are hers alone.
	db.Exec(`INSERT INTO public.usage_plans (name, since, price, currency, period) VALUES ('hers', '2026-01-01', 31, 'USD', 'month'), ('both', '2026-01-01', 31, 'USD', 'month')`)
	db.Exec(`INSERT INTO public.usage_plan_seats (plan, user_id, since) VALUES ('hers', $1::text::uuid, '2026-01-01'), ('both', $1::text::uuid, '2026-01-01'), ('both', $2::text::uuid, '2026-01-01')`, eve.String(), ada.String())
	db.Exec(`UPDATE public.api_usage SET payer = 'plan', payer_plan = 'both', payer_filled = true`)
	for sql, want := range map[string]string{
		`SELECT string_agg(name, ',') FROM public.usage_own_plan`: "both",
		`SELECT string_agg(plan || ' ' || user_id || ' ' || trim_scale(dollars) || ' ' || trim_scale(api_dollars), ',') FROM public.usage_own_plan_user('2026-01-01', '2026-02-01', 'UTC')`: "both " + ada.String() + " 31 1",
	} {
		sum, err := asAda(sql)
		require.NoError(t, err)
		assert.Equal(t, want, sum, sql)
	}
	assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.usage_own_plan_user('2026-01-01', '2026-02-01', 'UTC')`), "nobody is named")
	sum, err = asAda(`SELECT sum(usage_dollars)::text FROM public.usage_own_calls`)
	require.NoError(t, err)
	assert.Equal(t, "1.000000000000", sum)

	// On Citus the workers have to get the user too.
	propagates := `SELECT coalesce(current_setting('citus.propagate_set_commands', true), '') || ' ' || current_setting('usage.user_id')`
	sum, err = asAda(propagates)
	require.NoError(t, err)
	assert.Equal(t, " "+ada.String(), sum)
	_, err = db.Pool.Exec(t.Context(), `SET LOCAL allow_system_table_mods = on; CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass)`, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	sum, err = asAda(propagates)
	require.NoError(t, err)
	assert.Equal(t, "local "+ada.String(), sum)
	sum, err = asAda(`SELECT sum(usage_dollars)::text FROM public.usage_own_calls`)
	require.NoError(t, err)
	assert.Equal(t, "1.000000000000", sum)

	for _, l := range append([]*sums.Level{sums.Single, sums.UserDetail, sums.UserQuarter}, sums.Levels...) {
		_, err := asAda(`SELECT sum(usage_dollars)::text FROM ` + relation(l, Administrator()))
		assert.Equal(t, "42501", store.SQLState(err), "%s is the administrators'", relation(l, Administrator()))
	}
	var open []string
	rows, err := db.Pool.Query(t.Context(), `
		SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
		  AND has_any_column_privilege('usage_own', c.oid, 'SELECT') ORDER BY 1`)
	require.NoError(t, err)
	open, err = pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	assert.Equal(t, []string{"usage_exchange_rates", "usage_migration", "usage_own_calls", "usage_own_day_user", "usage_own_plan", "usage_own_session_kept", "usage_own_user_detail", "usage_own_user_quarter", "usage_own_user_quarter_half", "usage_session_days", "usage_setting", "usage_tagged"}, open, "what the role usage_own can read")
}
