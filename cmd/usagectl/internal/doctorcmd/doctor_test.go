package doctorcmd_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/doctorcmd"
	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := doctorcmd.New()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestAHealthyInstallationHasNoFault(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	out, err := run(t, "--dsn="+db.DSN)
	require.NoError(t, err, out)
	assert.Contains(t, out, "look  calls      none yet")
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES (now(), 1, 'text')`)
	out, err = run(t, "--dsn="+db.DSN)
	require.NoError(t, err, out)
	assert.Contains(t, out, "ok    calls      1 in 7 days")
	assert.Contains(t, out, "ok    prices     0 of 1 calls")
	assert.Contains(t, out, "ok    refused    no record")
	assert.Contains(t, out, "ok    rollups    kept by trigger, equal to the calls")
}

func TestAPartitionedTableIsLookedAfter(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	require.NoError(t, dbmigrate.PartitionByMonth(t.Context(), db.Pool))
	out, err := run(t, "--dsn="+db.DSN)
	require.NoError(t, err, out)
	assert.Contains(t, out, "look  partitions next month has none yet; run, and from cron: usagectl partition")
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES (now(), 1, 'text')`)
	out, err = run(t, "--dsn="+db.DSN)
	require.NoError(t, err, out)
	assert.Contains(t, out, "look  partitions 1 calls wait in the default partition")
	_, err = store.AddMonths(t.Context(), db.Pool, 2)
	require.NoError(t, err)
	out, err = run(t, "--dsn="+db.DSN)
	require.NoError(t, err, out)
	assert.Contains(t, out, "ok    partitions there is one for each month until ")
}

func TestEachFaultIsToldWithItsRepair(t *testing.T) {
	t.Parallel()
	out, err := run(t, "--dsn=postgres://user:hunter2@127.0.0.1:1/usage?connect_timeout=1")
	require.ErrorContains(t, err, "1 things need doing")
	assert.Contains(t, out, "FAULT database   does not answer")
	assert.NotContains(t, out+err.Error(), "hunter2")

	out, err = run(t, "--dsn="+pgtest.NewEmpty(t).DSN)
	require.Error(t, err)
	assert.Contains(t, out, "FAULT schema     the database has no usage schema")
	assert.Contains(t, out, "run: usagectl migrate up")

	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, pricing_status, pricing_reason) VALUES (now(), 0, 'text', 'unpriced', 'unknown_model')`)
	db.Exec(`UPDATE public.usage_day SET usage_dollars = 7`)
	db.Exec(`INSERT INTO public.usage_dead_letter VALUES (gen_random_uuid(), gen_random_uuid(), now(), '23514', '', '', 'SQLSTATE 23514', 'x')`)
	out, err = run(t, "--dsn="+db.DSN)
	require.ErrorContains(t, err, "2 things need doing")
	assert.Contains(t, out, "FAULT refused    1 records stand in public.usage_dead_letter")
	assert.Contains(t, out, "FAULT rollups    1 differ from their calls")
	assert.Contains(t, out, "look  prices     1 of 1 calls of 7 days have no price (100.0 %)")
}

func TestTheAPIIsAskedToo(t *testing.T) {
	t.Parallel()
	dsn := "--dsn=" + pgtest.New(t).DSN
	for status, want := range map[int]string{
		http.StatusUnauthorized: "ok    api        answers, and asks who is there", http.StatusOK: "look  api        answers everybody", http.StatusBadGateway: "FAULT api        answers with 502",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		out, _ := run(t, dsn, "--api="+server.URL)
		assert.Contains(t, out, want)
		server.Close()
	}
	out, err := run(t, dsn, "--api=http://127.0.0.1:1")
	require.Error(t, err)
	assert.Contains(t, out, "FAULT api        does not answer")
}
