package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

// parkSome has a constraint of the host application refuse two calls, and parks a
// record that cannot be read.
func parkSome(t *testing.T, db *pgtest.DB) {
	t.Helper()
	db.Exec(`ALTER TABLE public.api_usage ADD CONSTRAINT no_cheap_calls CHECK (usage_dollars <> 0.5)`)
	w := write.New(db.Pool, write.Options{Encode: usageattr.Append})
	records := make([]usage.Record, 3)
	for i := range records {
		r := &records[i]
		r.ID, r.Time, r.APIType = usage.UserID(string(rune('a'+i))), time.Date(2026, 1, 2, 10, i, 0, 0, time.UTC), usage.APITypeText
		r.Cost, r.Status, r.CostSource = usage.Money(500_000_000_000), usage.StatusPriced, usage.SourceComputed
	}
	records[2].Cost *= 2
	result, err := w.Write(t.Context(), records)
	require.NoError(t, err)
	require.Len(t, result.Parked, 2)
	require.NoError(t, w.Park(t.Context(), []write.Parked{write.UnreadableRecord("v9;x=1", "record: of the future")}))
}

func TestParkedRecordsAreListedPutBackAndDismissed(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	out, err := on(t, db.DSN, "parked", "list")
	require.NoError(t, err)
	assert.Equal(t, "no record is parked\n", out)
	parkSome(t, db)

	out, err = on(t, db.DSN, "parked", "list")
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^ +2 +0 .*SQLSTATE 23514, constraint no_cheap_calls`, out)
	assert.Regexp(t, `(?m)^ +1 +0 .*record: of the future`, out)
	out, err = on(t, db.DSN, "parked", "list", "--each", "--sqlstate", "23514")
	require.NoError(t, err)
	assert.Contains(t, out, usage.UserID("a").String()+"  2")

	out, err = on(t, db.DSN, "parked", "retry")
	require.ErrorContains(t, err, "3 records were refused again")
	assert.Contains(t, out, "0 records stored, 0 there already, 3 refused again")
	db.Exec(`ALTER TABLE public.api_usage DROP CONSTRAINT no_cheap_calls`)
	out, err = on(t, db.DSN, "parked", "retry", "--id", usage.UserID("a").String())
	require.NoError(t, err, out)
	assert.Contains(t, out, "1 record stored")
	_, err = on(t, db.DSN, "parked", "retry")
	require.ErrorContains(t, err, "1 record was refused again")
	assert.Equal(t, "3|2.000000000000", db.Text(`SELECT count(*), sum(usage_dollars)::text FROM public.api_usage`))
	assert.Equal(t, "2.000000000000", db.Text(`SELECT sum(usage_dollars)::text FROM public.usage_day`))
	assert.Equal(t, "1", db.Text(`SELECT count(*) FROM public.usage_dead_letter`))

	out, err = on(t, db.DSN, "doctor")
	require.Error(t, err)
	assert.Contains(t, out, "FAULT refused    1 record in public.usage_dead_letter, most recent at 2")
	out, err = on(t, db.DSN, "parked", "dismiss", "--yes")
	require.NoError(t, err)
	assert.Contains(t, out, "1 record dismissed")
	out, err = on(t, db.DSN, "doctor")
	require.NoError(t, err, out)
	assert.Contains(t, out, "ok    refused    no record but 1 dismissed")
	assert.Equal(t, "0", db.Text(`SELECT count(*) FROM usage_report.parked`), "boards and alerts show what is open")
	out, err = on(t, db.DSN, "parked", "list", "--all")
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^ +0 +1 .*record: of the future`, out)
}

func TestWrongFlagsOfParkedSayWhatIsAllowed(t *testing.T) {
	t.Parallel()
	_, err := on(t, "postgres://127.0.0.1:1/usage", "parked", "list", "--id", "7")
	require.ErrorContains(t, err, "--id: found \"7\", must be a UUID")
	_, err = on(t, "postgres://127.0.0.1:1/usage", "parked", "retry", "--before", "soon")
	require.ErrorContains(t, err, "--before: found \"soon\"")
}
