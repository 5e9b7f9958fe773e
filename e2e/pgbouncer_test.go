package e2e

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestBehindAPoolerThatGivesEachTransactionAnotherConnection: two collectors
// share two connections of a pgbouncer in transaction mode. They migrate, write
// by COPY and by INSERT, and answer questions; pgbouncer restarts while calls
// are on their way.
func TestBehindAPoolerThatGivesEachTransactionAnotherConnection(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	const connections = 2
	pooler := db.Bouncer(connections)
	dsn := "DATABASE_URL=" + pooler.DSN

	// Many batches at once: each exporter wants nine connections for itself.
	config := configuration{
		exporter: "    sending_queue: {num_consumers: 8, batch: {flush_timeout: 10ms}}\n    retry_on_failure: {initial_interval: 50ms, max_interval: 200ms}",
		metrics:  true,
	}.String()
	collectors := []*collector{prepare(t, config, dsn), prepare(t, config, dsn)}
	var starting sync.WaitGroup
	for _, c := range collectors {
		starting.Go(c.start) // both migrate, one waits for the advisory lock
	}
	starting.Wait()

	const requests = 24
	var billable int64
	send := func(from, to uint64, collectors ...*collector) {
		var sending sync.WaitGroup
		errs := make(chan error, 2*requests)
		for seed := from; seed < to; seed++ {
			payload, calls := replayedCaptures(t, seed, time.Now().Add(-time.Hour))
			billable += calls
			for _, c := range collectors { // the second of them meets rows that are there
				sending.Go(func() { errs <- c.sendGRPC(clone(payload)) })
			}
		}
		sending.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
	}
	send(0, 4, collectors[0])
	waitForRows(t, db.Pool, billable)
	send(4, requests/2, collectors...)
	waitForRows(t, db.Pool, billable)
	assert.LessOrEqual(t, backends(t, db), connections, "everybody goes through pgbouncer")
	send(requests/2, requests, collectors...)
	pooler.Restart()
	waitForRows(t, db.Pool, billable)

	today := time.Now().UTC().Format(time.DateOnly)
	from := time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly)
	want := readTotals(t, db.Pool).Dollars
	var reading sync.WaitGroup
	for range 8 {
		for _, c := range collectors {
			reading.Go(func() {
				status, answer := c.get("/api/admin/usage?startDate="+from+"&endDate="+today, "")
				if assert.Equal(t, 200, status, answer) {
					assert.Equal(t, decimal.RequireFromString(want).String(), dollars(t, answer))
				}
			})
		}
	}
	reading.Wait()
	counted := func(name string, labels ...string) float64 {
		return collectors[0].metric(name, labels...) + collectors[1].metric(name, labels...)
	}
	assert.Positive(t, counted("usage_postgres_rows", `method="copy"`), "rows by COPY")
	assert.Positive(t, counted("usage_postgres_duplicates"), "calls that INSERT found to be there")
	for _, c := range collectors {
		c.stop()
	}
	assert.Equal(t, billable, readTotals(t, db.Pool).Rows)
	requireRollupsEqualRows(t, db.Pool)
}

// TestWhatAPoolerRefusesIsSaidWithTheWayOut: pgbouncer knows few of the settings
// that a DSN may have.
func TestWhatAPoolerRefusesIsSaidWithTheWayOut(t *testing.T) {
	t.Parallel()
	pooler := pgtest.NewEmpty(t).Bouncer(1)
	c := start(t, configuration{}.String(), "DATABASE_URL="+pooler.DSN+"&statement_timeout=5000")
	eventually(t, "the advice", func() error {
		if strings.Contains(c.log.String(), "take it out of the dsn and use the keys statement_timeout and lock_timeout, or name it in pgbouncer's ignore_startup_parameters") {
			return nil
		}
		return errors.New("not yet")
	})
}

// backends counts the connections to a database that are not the test's own.
func backends(t *testing.T, db *pgtest.DB) (n int) {
	t.Helper()
	db.Scan(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'otelcol-usage%'`, nil, &n)
	return n
}
