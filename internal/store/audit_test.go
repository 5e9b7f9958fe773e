package store_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
)

// costChanges is the audit, oldest first.
const costChanges = `SELECT coalesce(string_agg(changed_by || '/' || coalesce(role, '-') || ': ' || old_dollars::float8 || ' ' || old_status || ' > ' || new_dollars::float8 || ' ' || new_status, E'\n' ORDER BY id), '')
	FROM public.usage_cost_change`

func TestEveryChangeOfMoneyIsInTheAudit(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		owner := db.Text(`SELECT session_user`)
		writeAll(t, w, calls(0, 3))
		require.Empty(t, db.Text(costChanges), "a new call changes nothing")
		as := func(role, sql string) error {
			return pgx.BeginFunc(t.Context(), db.Pool, func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), `SET LOCAL ROLE `+role); err != nil {
					return err
				}
				_, err := tx.Exec(t.Context(), sql)
				return err
			})
		}
		first := `timestamp = (SELECT min(timestamp) FROM public.api_usage)`
		require.NoError(t, as("usage_pricer", `UPDATE public.api_usage SET usage_dollars = 0, pricing_status = 'unpriced', pricing_reason = 'unknown_model' WHERE `+first))
		require.NoError(t, as("usage_pricer", `UPDATE public.api_usage SET usage_dollars = usage_dollars`))
		db.Exec(`UPDATE public.api_usage SET user_id = NULL, model = 'x'`)
		want := owner + "/usage_pricer: 0.00036795 priced > 0 unpriced"
		require.Equal(t, want, db.Text(costChanges), "what changes no money is not in it")

		db.Exec(`UPDATE public.api_usage SET payer = 'plan' WHERE ` + first)
		want += "\n" + owner + "/-: 0 unpriced > 0 unpriced"
		require.Equal(t, want, db.Text(costChanges))
		for _, role := range []string{"usage_pricer", "usage_writer", "usage_reader"} {
			for _, sql := range []string{`DELETE FROM public.usage_cost_change`, `UPDATE public.usage_cost_change SET new_dollars = 0`,
				`INSERT INTO public.usage_cost_change (call_id, old_dollars, new_dollars, old_status, new_status) VALUES (gen_random_uuid(), 0, 0, '', '')`,
				`DELETE FROM public.usage_exchange_rate_change`, `ALTER TABLE public.api_usage DISABLE TRIGGER api_usage_audit_cost`, `SET session_replication_role = replica`} {
				require.Equal(t, "42501", store.SQLState(as(role, sql)), "%s: %s", role, sql)
			}
		}
		run := reprice(t, db, repriceOptions(priceAll(1)))
		require.EqualValues(t, 3, run.Changed)
		require.Equal(t, 5, number[int](db, `SELECT count(*) FROM public.usage_cost_change`), "a program is somebody too")
	}
	inBothModesOf(t, pgtest.New, test)
	onPartitions(t, test)
}

func TestEveryChangeOfARateIsInTheAudit(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES ('EUR', '2026-01-01', 0.9, 'me')`)
	db.Exec(`UPDATE public.usage_exchange_rates SET rate = 0.0001`)
	db.Exec(`DELETE FROM public.usage_exchange_rates`)
	require.Equal(t, "EUR 2026-01-01 - 0.9, EUR 2026-01-01 0.9 0.0001, EUR 2026-01-01 0.0001 -", db.Text(`
		SELECT string_agg(concat_ws(' ', currency, valid_from, coalesce(old_rate::float8::text, '-'), coalesce(new_rate::float8::text, '-')), ', ' ORDER BY id)
		FROM public.usage_exchange_rate_change WHERE changed_by = session_user`))
}
