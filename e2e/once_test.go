package e2e

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/replay"
)

// replayedCaptures replays every built-in capture once, as one payload, and says
// how many of its calls were billed.
func replayedCaptures(t testing.TB, seed uint64, at time.Time) (ptrace.Traces, int64) {
	t.Helper()
	captures, err := replay.Builtin()
	require.NoError(t, err)
	payload, billable := ptrace.NewTraces(), int64(0)
	for i, capture := range captures {
		td, err := capture.Replay(replay.Options{At: at.Add(time.Duration(i) * time.Minute), Seed: seed, User: "ada"})
		require.NoError(t, err)
		td.ResourceSpans().MoveAndAppendTo(payload.ResourceSpans())
		billable += int64(capture.Truth.BillableCalls)
	}
	return payload, billable
}

func TestTheSameRequestFiveTimesFromTwoCollectorsAtOnceIsStoredOnce(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	payload, billable := replayedCaptures(t, 1, time.Now().Add(-time.Hour))

	// Both start on the same empty database and migrate it at the same time.
	collectors := []*collector{prepare(t, configuration{}.String(), dsn), prepare(t, configuration{}.String(), dsn)}
	var starting sync.WaitGroup
	for _, c := range collectors {
		starting.Go(c.start)
	}
	starting.Wait()

	require.NoError(t, collectors[0].sendGRPC(clone(payload)))
	waitForRows(t, pool, billable)
	want := readTotals(t, pool)

	var senders sync.WaitGroup
	errs := make(chan error, 10)
	for _, c := range collectors {
		for range 5 {
			senders.Go(func() { errs <- c.sendHTTP(clone(payload)) })
		}
	}
	senders.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	// Stopping drains the queues: what was to be written has been written.
	for _, c := range collectors {
		c.stop()
	}
	assert.Equal(t, want, readTotals(t, pool))
	requireRollupsEqualRows(t, pool)
}

func clone(td ptrace.Traces) ptrace.Traces {
	c := ptrace.NewTraces()
	td.CopyTo(c)
	return c
}
