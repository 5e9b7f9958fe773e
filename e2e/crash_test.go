package e2e

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKillingTheCollectorLosesAndRepeatsNothing sends calls without pause and
// kills the collector three times in the middle of it. A sender that gets no
// answer sends the same request again, as every OTLP exporter does.
func TestKillingTheCollectorLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	c := prepare(t, configuration{
		exporter:   "    sending_queue: {storage: file_storage}",
		extensions: "  file_storage: {directory: " + t.TempDir() + ", fsync: true}",
		extNames:   ", file_storage",
	}.String(), dsn)
	c.start()

	const requests = 120
	var acknowledged, billable atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for seed := uint64(1); seed <= requests; seed++ {
			payload, n := replayedCaptures(t, seed, time.Now().Add(-time.Duration(seed)*time.Hour))
			for c.sendGRPC(clone(payload)) != nil {
				time.Sleep(10 * time.Millisecond)
			}
			acknowledged.Add(1)
			billable.Add(n)
		}
	}()
	for kill := int64(1); kill <= 3; kill++ {
		for acknowledged.Load() < kill*requests/4 {
			time.Sleep(time.Millisecond)
		}
		c.kill()
		c.start()
	}
	<-done

	waitForRows(t, pool, billable.Load())
	c.stop()
	var distinct int64
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(DISTINCT request_id) FROM public.api_usage WHERE request_id <> ''`).Scan(&distinct))
	assert.Equal(t, billable.Load(), readTotals(t, pool).Rows)
	assert.Equal(t, billable.Load(), distinct)
	requireRollupsEqualRows(t, pool)
}
