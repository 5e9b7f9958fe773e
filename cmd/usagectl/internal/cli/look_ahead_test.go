package cli

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
)

func TestTheDemoLooksAhead(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	pool, err := pgxpool.New(t.Context(), db.DSN)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	b, err := pricing.Load(pricing.Config{})
	require.NoError(t, err)
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	text, err := lookAhead(t.Context(), pool, b, false, now)
	require.NoError(t, err)
	assert.Equal(t, "  What comes next\n    this month       $0.00; past forecasts were off by: not known, a straight line by: not known\n    saves a month    nothing that is worth a cent\n", text)

	db.Exec(called("shop", 80, "model='gpt-4o-2024-08-06'; timestamp='2026-03-31T11:00Z'::timestamptz - n * interval '1 day'; outcome=CASE n WHEN 1 THEN 'error' END"))
	db.Exec(called("search", 1, "output_tokens=0; timestamp='2026-03-30T09:00Z'"))
	text, err = lookAhead(t.Context(), pool, b, true, now)
	require.NoError(t, err)
	assert.Equal(t, `  What comes next
    this month       $32.14, eight in ten times between $32.14 and $32.14; past forecasts were off by: 1.8 %, a straight line by: 1.8 %
    saves a month    $0.2600 of $0.2600 by failed_calls, no such calls (shop, gpt-4o-2024-08-06), if this holds: the calls that failed and cost something can be avoided
    saves a month    $0.2500 of $0.2500 by empty_answers, no such calls (search, gpt-4o), if this holds: the calls without any output can be avoided
    what if          gpt-4o-mini instead of gpt-4o-2024-08-06: $0.4680 instead of $30.0000 in 30 days
`, text)
	assert.Equal(t, "2|3", db.Text(`SELECT count(*), (SELECT count(*) FROM usage_report.forecast WHERE scope = 'org') FROM usage_report.advice`), "for the boards")
}
