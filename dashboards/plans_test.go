package dashboards_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestThePanelOfPlans shows cash beside API-equivalent, and what is not known as such.
func TestThePanelOfPlans(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	v := look(t, db, time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC), 31)
	const title = "Plans: cash beside API-equivalent"
	assert.Empty(t, v.see("llm-usage-bill", title))
	db.Exec(`INSERT INTO public.usage_plans (name, since, everyone, price, currency, period, seats) VALUES
		('team', '2026-01-01', false, 31, 'USD', 'month', 3), ('euros', '2026-01-01', true, 31, 'EUR', 'month', NULL), ('free', '2026-01-01', true, NULL, NULL, NULL, NULL)`)
	db.Exec(`INSERT INTO public.usage_plan_seats (plan, user_id, since) VALUES ('team', '00000000-0000-0000-0000-00000000000a', '2026-01-01'), ('team', '00000000-0000-0000-0000-00000000000b', '2026-01-01')`)
	db.Exec(`INSERT INTO auth.users (id) VALUES ('00000000-0000-0000-0000-00000000000a')`)
	db.Exec(`INSERT INTO public.api_usage (timestamp, user_id, usage_dollars, api_type, payer, payer_plan, payer_filled, pricing_status) VALUES
		('2026-01-05Z', '00000000-0000-0000-0000-00000000000a', 40.5, 'text', 'plan', 'team', true, 'priced'),
		('2026-01-05Z', '00000000-0000-0000-0000-00000000000a', 2, 'text', 'api', 'team', NULL, 'priced'),
		('2026-01-05Z', NULL, 0, 'text', 'plan', 'free', true, 'unpriced')`)
	rows := v.see("llm-usage-bill", title)
	require.Len(t, rows, 3)
	shown := func(i int) row {
		return row{"Plan": rows[i]["Plan"], "Cash": rows[i]["Cash"], "API-equivalent": rows[i]["API-equivalent"], "Difference": rows[i]["Difference"], "Unused": rows[i]["Unused"], "Paid beside": rows[i]["Paid beside"], "Not known": rows[i]["Not known"]}
	}
	assert.Equal(t, row{"Plan": "euros", "Cash": nil, "API-equivalent": 0.0, "Difference": nil, "Unused": nil, "Paid beside": 0.0, "Not known": "no exchange rate for EUR on 2026-01-01"}, shown(0))
	assert.Equal(t, row{"Plan": "free", "Cash": nil, "API-equivalent": nil, "Difference": nil, "Unused": 0.0, "Paid beside": 0.0, "Not known": "no price"}, shown(1))
	assert.Equal(t, row{"Plan": "team", "Cash": 93.0, "API-equivalent": 40.5, "Difference": -52.5, "Unused": 62.0, "Paid beside": 2.0, "Not known": nil}, shown(2))
}
