package dashboards_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestTheCausesOnTheBoardAreTheDifference looks at two explained days, one before
// the period and a bill in another currency.
func TestTheCausesOnTheBoardAreTheDifference(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`
INSERT INTO public.usage_bill_explained_day (provider, day, account, currency, bill_cost, row_cost, unexplained) VALUES
  ('openai', '2026-03-29', 'acme', 'USD', 100, 90, 4), ('openai', '2026-03-30', 'acme', 'USD', 60, 70, 0),
  ('openai', '2026-01-30', 'acme', 'USD', 1000, 0, 1000), ('azure.ai.openai', '2026-03-30', 'acme', 'EUR', 500, 0, 500);
INSERT INTO public.usage_bill_cause (provider, day, number, cause, cost, quantity, unit, model, reason, project, api_key, details) VALUES
  ('openai', '2026-03-29', 0, 'not_seen', 6, 3, 'call', 'gpt-4o', '', 'proj_a', 'key_cron', '{}'), ('openai', '2026-03-29', 1, 'unknown', 4, 10, 'token', 'gpt-4o', '', '', '', '{}'),
  ('openai', '2026-03-30', 0, 'price', -10, 5, 'call', 'gpt-4.1', '', '', '', '{}'),
  ('openai', '2026-01-30', 0, 'unknown', 1000, NULL, NULL, '', '', '', '', '{}'), ('azure.ai.openai', '2026-03-30', 0, 'unknown', 500, NULL, NULL, '', '', '', '', '{}');
INSERT INTO public.usage_bill_day (provider, account, report, day, covered_until, incomplete) VALUES ('openai', 'acme', 'costs', '2026-03-30', '2026-03-31', false);`)
	v := look(t, db, inZone(t, "UTC", "2026-03-31 12:00"), 14)
	one := func(title string) float64 { return v.see("llm-usage-bill", title)[0][title].(float64) }
	assert.Equal(t, []float64{160, 160, 0, 0.975}, []float64{one("Bill"), one("Calls"), one("Difference"), one("Explained")})
	sum := func(title, column string) (total float64) {
		for _, r := range v.see("llm-usage-bill", title) {
			total += r[column].(float64)
		}
		return total
	}
	assert.Zero(t, sum("Causes", "Cost"), "the causes are the difference")
	assert.Zero(t, sum("Difference by cause", "value"))
	assert.Equal(t, 320.0, sum("Bill and calls by day", "value"), "bill and calls")
	assert.Equal(t, []float64{6, -10, 4}, []float64{sum("Not instrumented", "Cost"), sum("Prices that the bill contradicts", "Cost"), sum("Not explained", "Cost")})
	assert.Equal(t, "key_cron", v.see("llm-usage-bill", "Not instrumented")[0]["Key"])
	assert.Len(t, v.see("llm-usage-bill", "Imports"), 1)
}
