package usagepostgresexporter

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// waiting knows since when the batches that are being written or retried have waited. The
// queue is first in, first out, so the oldest of them is the oldest call not yet stored.
type waiting struct {
	mu    sync.Mutex
	since map[*request]batchTimes
}

type batchTimes struct{ accepted, begun time.Time }

func (w *waiting) begin(r *request, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since == nil {
		w.since = map[*request]batchTimes{}
	}
	if _, again := w.since[r]; !again {
		w.since[r] = batchTimes{accepted: r.since, begun: now}
	}
}

func (w *waiting) end(r *request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.since, r)
}

// age returns how long the oldest has waited, 0 when nothing waits. The helper silently
// gives up batches older than limit (0 for no limit): those are forgotten.
func (w *waiting) age(now time.Time, limit time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var oldest time.Duration
	for r, times := range w.since {
		if limit > 0 && now.Sub(times.begun) > limit {
			delete(w.since, r)
			continue
		}
		oldest = max(oldest, now.Sub(times.accepted))
	}
	return oldest
}

// observeAge exposes the age as a metric.
func (e *usageExporter) observeAge() error {
	limit := e.cfg.BackOffConfig.MaxElapsedTime
	if limit > 0 {
		limit += e.cfg.TimeoutConfig.Timeout
	}
	return e.telemetry.RegisterUsagePostgresQueueAgeCallback(func(_ context.Context, o metric.Float64Observer) error {
		o.Observe(e.waiting.age(time.Now(), limit).Seconds())
		return nil
	})
}
