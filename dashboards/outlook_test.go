package dashboards_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestBoardsShowWhatWasPublished shows forecasts in place of the pace of the last seven days,
// while they are fresh, of this month, and no filter is set.
func TestBoardsShowWhatWasPublished(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(called(every("1 day", "2026-03-01Z", "2026-03-30 12:00Z"), "1", "'gpt-4o'", "text", "priced"))
	db.Exec(`INSERT INTO public.usage_budgets (name, scope, period, dollars) VALUES ('all', 'org', 'month', 50)`)
	v := look(t, db, inZone(t, "UTC", "2026-03-31 00:00"), 14)
	month := func() any { return v.see(summary, "This month")[0]["expected"] }
	budget := func() any { return v.see(trends, "Budgets")[0]["Projected"] }
	assert.Equal(t, []any{31.0, 0.62}, []any{month(), budget()}, "thirty days and one at their pace")
	assert.Empty(t, v.see(trends, "Forecasts"))
	assert.Empty(t, v.see(trends, "What would save money"))

	db.Exec(`INSERT INTO public.usage_outlook (kind, published_at, document) VALUES
	('forecast', '2026-03-30 01:30Z', '{"timezone": "UTC", "forecasts": [
	  {"scope": "service", "key": "chat", "period": {"unit": "month", "start": "2026-03-01", "end": "2026-03-31"}, "spent": 0, "expected": 0, "method": "run_rate", "unpricedCalls": 2},
	  {"scope": "org", "period": {"unit": "month", "start": "2026-03-01", "end": "2026-03-31"}, "spent": 29, "expected": 40, "bands": {"80": [38, 44]}, "method": "weekday", "pastError": 0.1, "lineError": 0.3},
	  {"scope": "org", "period": {"unit": "month", "start": "2026-02-01", "end": "2026-02-28"}, "spent": 29, "expected": 999, "method": "weekday"},
	  {"scope": "budget", "key": "all", "period": {"unit": "month", "start": "2026-03-01", "end": "2026-03-31"}, "spent": 29, "expected": 45, "method": "weekday", "budget": {"limit": 50}}]}'),
	('advice', '2026-03-30 01:30Z', '{"advice": [
	  {"id": "b", "rule": "batch", "change": "tier batch", "savesPerMonth": 5, "assumption": "nobody waits", "rows": {"calls": 3, "cost": 10, "service": "chat", "provider": "openai", "model": "gpt-4o"}},
	  {"id": "a", "rule": "failed_calls", "change": "no such calls", "savesPerMonth": 4, "assumption": "x", "rows": {"calls": 1, "cost": 4, "service": "", "provider": "openai", "model": "gpt-4o"}}]}')`)
	assert.Equal(t, []any{40.0, 0.9}, []any{month(), budget()})
	var seen []any
	for _, r := range v.see(trends, "Forecasts") {
		seen = append(seen, r["Of"], r["Expected"], r["Low"], r["High"], r["Error"], r["Line's error"])
	}
	assert.Equal(t, []any{
		"everything", 40.0, 38.0, 44.0, 0.1, 0.3,
		"budget all", 45.0, nil, nil, nil, nil,
		"service chat", nil, nil, nil, nil, nil, // nothing of it has a price
	}, seen, "the month that is over is gone")
	var saves []any
	for _, r := range v.see(trends, "What would save money") {
		saves = append(saves, r["Rule"], r["Service"], r["Saves a month"])
	}
	assert.Equal(t, []any{"batch", "chat", 5.0, "failed_calls", "(none)", 4.0}, saves, "in the order in which it was applied")

	v.Vars["model"], v.All["model"] = []string{"gpt-4o"}, ""
	delete(v.All, "model")
	assert.Equal(t, 31.0, month(), "a filter has no forecast")
	v = look(t, db, inZone(t, "UTC", "2026-03-31 00:00"), 14)
	db.Exec(`UPDATE public.usage_outlook SET document = jsonb_set(document, '{forecasts,1,expected}', '10') WHERE kind = 'forecast'`)
	assert.Equal(t, 30.0, month(), "more is spent already")
	db.Exec(`UPDATE public.usage_outlook SET published_at = '2026-03-28 23:00Z'`)
	assert.Equal(t, []any{31.0, 0.62}, []any{month(), budget()}, "what is old is not shown")
	assert.Empty(t, v.see(trends, "Forecasts"))
	assert.Empty(t, v.see(trends, "What would save money"))
}
