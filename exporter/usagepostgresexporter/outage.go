package usagepostgresexporter

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.uber.org/zap"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// patience is how long a database may be unreachable before that is logged as an error:
// restarts and failovers take less.
const patience = time.Minute

// outage logs once that the database does not accept usage, why, and how long the queue
// lasts. The helper's own lines are at level info, one for each attempt.
type outage struct {
	mu     sync.Mutex
	since  time.Time // zero while the database accepts usage
	logged bool
	taken  int64 // what the queue accepted since then, in its unit
}

// isLasting reports whether an error persists until somebody repairs it.
func isLasting(err error, class store.Class) bool {
	const readOnly = "25006"
	return class == store.ClassAccess || store.SQLState(err) == readOnly
}

// failed is called for each failure. It logs when a person has to know.
func (o *outage) failed(logger *zap.Logger, now time.Time, err error, lasting bool, left func(taken int64) (time.Duration, bool)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		o.since, o.taken = now, 0
	}
	if o.logged || !lasting && now.Sub(o.since) < patience {
		return
	}
	o.logged = true
	fields := []zap.Field{zap.Error(err), zap.Time("since", o.since)}
	if rest, known := left(o.taken); known {
		fields = append(fields, zap.String("queue_full_in_about", rest.Round(time.Minute).String()))
	}
	logger.Error("usage cannot be stored and waits in the queue", fields...)
}

// took is called for everything that enters the queue.
func (o *outage) took(n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken += n
}

// ended is called when the database accepts usage. It reports whether an error was
// logged.
func (o *outage) ended() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	logged := o.logged
	o.since, o.logged = time.Time{}, false
	return logged
}

// pace is the rate of incoming usage: the mean of the last day, or of the time since the
// start.
type pace struct {
	mu      sync.Mutex
	started time.Time
	hours   [24]struct{ hour, taken int64 }
}

func (p *pace) took(now time.Time, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.started.IsZero() {
		p.started = now
	}
	hour := now.Unix() / 3600
	slot := &p.hours[hour%24]
	if slot.hour != hour {
		slot.hour, slot.taken = hour, 0
	}
	slot.taken += n
}

// perSecond returns 0 when nothing came in, or not for long enough to tell.
func (p *pace) perSecond(now time.Time) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	span := min(now.Sub(p.started), 24*time.Hour)
	if p.started.IsZero() || span < time.Second {
		return 0
	}
	var sum int64
	for _, slot := range p.hours {
		if slot.hour > now.Unix()/3600-24 {
			sum += slot.taken
		}
	}
	return float64(sum) / span.Seconds()
}

// sizeInQueue returns the size of a request in the unit of the queue.
func sizeInQueue(q *exporterhelper.QueueBatchConfig, r *request) int64 {
	switch q.Sizer {
	case exporterhelper.RequestSizerTypeBytes:
		return int64(r.bytes)
	case exporterhelper.RequestSizerTypeItems:
		return int64(len(r.records))
	}
	return 1
}

// accepted counts what enters the queue.
func (e *usageExporter) accepted(r *request) {
	if q := e.cfg.QueueConfig.Get(); q != nil {
		n := sizeInQueue(q, r)
		e.pace.took(time.Now(), n)
		e.outage.took(n)
	}
}

// queueLasts returns how long the queue can still accept usage at the rate of the last day,
// given what it has accepted since the database stopped.
func (e *usageExporter) queueLasts(taken int64) (time.Duration, bool) {
	q, perSecond := e.cfg.QueueConfig.Get(), e.pace.perSecond(time.Now())
	if q == nil || perSecond <= 0 {
		return 0, false
	}
	seconds := float64(q.QueueSize-taken) / perSecond
	const most = 10 * 365 * 24 * 3600
	return time.Duration(min(max(seconds, 0), most)) * time.Second, true
}
