package usagepostgresexporter

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
)

// readiness reports whether the database has the schema that we write to. It is checked in
// the background until it has, because a collector that ended for that reason would only be
// restarted over and over.
type readiness struct {
	mu       sync.Mutex
	notReady error         // nil when ready
	wake     chan struct{} // requests another check
	cancel   context.CancelFunc
	running  sync.WaitGroup
	looked   chan struct{} // closed after the first check
}

// errNotLooked is returned until the first check has ended.
var errNotLooked = errors.New("the database was not reached yet; usage waits in the queue")

// start looks with prepare, and runs after when the database is ready, and often beside it
// while it is.
func (r *readiness) start(prepare func(context.Context) error, after, often func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	r.notReady, r.wake, r.cancel, r.looked = errNotLooked, make(chan struct{}, 1), cancel, make(chan struct{})
	r.running.Go(func() {
		for next := r.looked; ; {
			select {
			case <-ctx.Done():
				return
			case <-next:
			case <-time.After(oftenInterval):
			}
			if next = nil; r.err() == nil {
				often(ctx)
			}
		}
	})
	r.running.Go(func() {
		for first := true; ; first = false {
			err := prepare(ctx)
			if ctx.Err() != nil {
				return
			}
			r.mu.Lock()
			r.notReady = err
			r.mu.Unlock()
			if first {
				close(r.looked)
			}
			again := upkeepInterval
			if err != nil {
				again = prepareInterval
			} else {
				after(ctx)
			}
			select {
			case <-ctx.Done():
				return
			case <-r.wake:
			case <-time.After(again):
			}
		}
	})
}

const (
	// prepareInterval is how soon a migration that somebody ran is noticed.
	prepareInterval = 2 * time.Second
	// upkeepInterval is how often a database that is ready is maintained.
	upkeepInterval = time.Hour
	// oftenInterval is how often the sums of slots are moved together.
	oftenInterval = time.Minute
)

func (r *readiness) stop() {
	if r.cancel != nil {
		r.cancel()
		r.running.Wait()
	}
}

// wait returns nil when batches can be written. It waits for the first check only: the
// first calls, and those of a collector that is stopped at once, must not look like calls
// during an outage.
func (r *readiness) wait(ctx context.Context) error {
	select {
	case <-r.looked:
	case <-ctx.Done():
	}
	return r.err()
}

func (r *readiness) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.notReady
}

// again makes batches wait until another check finds the schema right.
func (r *readiness) again(err error) {
	r.mu.Lock()
	r.notReady = err
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// prepare migrates and adds partitions where allowed, and checks the schema. It logs only
// changes in what it finds.
func (e *usageExporter) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	err := e.prepareSchema(ctx)
	if err == nil && e.cfg.Migrate {
		e.addMonths(ctx)
	}
	before := e.ready.err()
	switch {
	case err == nil:
		if before != nil {
			e.logger.Info("the database is ready", zap.Int("schema_version", dbmigrate.Latest()))
			e.failing.Store(false)
			componentstatus.ReportStatus(e.host, componentstatus.NewEvent(componentstatus.StatusOK))
		}
		return nil
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return err // the collector is being stopped
	}
	if !tellsItself(err) {
		err = &write.Error{Class: store.Classify(err), Err: err}
	}
	if before == nil || before.Error() != err.Error() {
		e.logger.Error("usage cannot be stored and waits in the queue", zap.Error(err))
		e.report(err)
	}
	return err
}

// prepareTimeout is long because preparing may include the migration of a large table.
const prepareTimeout = 30 * time.Minute

func (e *usageExporter) prepareSchema(ctx context.Context) error {
	err := dbmigrate.Check(ctx, e.pool)
	if err == nil {
		return e.writer.Check(ctx)
	}
	var schema *dbmigrate.SchemaError
	if !errors.As(err, &schema) {
		return err
	}
	switch {
	case schema.State == dbmigrate.TooNew:
		// A newer collector has migrated the database before this one was updated.
		// Migrations only add, so what this build writes still fits; if not, the database
		// refuses it.
		e.logger.Warn("a newer build has migrated the database; update this collector too", zap.Int("schema_version", schema.Found), zap.Int("known_version", schema.Want))
		return nil
	case !e.cfg.Migrate:
		return err
	}
	steps, err := dbmigrate.New().Up(ctx, e.pool)
	for _, step := range steps {
		e.logger.Info("migrated the database", zap.String("file", step.Name), zap.Duration("took", step.Took))
	}
	if err == nil {
		err = e.writer.Check(ctx)
	}
	return err
}

// monthsAhead is how many months ahead partitions are created.
const monthsAhead = 3

// addMonths creates the partitions of the coming months, where the table has partitions. A
// failure does not stop writing: a call of a month without a partition goes to the default
// partition.
func (e *usageExporter) addMonths(ctx context.Context) {
	partitions, err := upkeep.ReadPartitions(ctx, e.pool, time.Now())
	added := 0
	if err == nil && partitions != nil {
		added, err = upkeep.AddMonths(ctx, e.pool, monthsAhead)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		e.logger.Warn("partitions of the coming months cannot be created; their calls will wait in public.api_usage_default", zap.Error(&write.Error{Class: store.Classify(err), Err: err}))
	case added > 0:
		e.logger.Info("created partitions of public.api_usage", zap.Int("months", added))
	}
}

// keepSums makes sums that no writer makes: those that a migration has added, of the calls
// that were there, and the detail of users.
func (e *usageExporter) keepSums(ctx context.Context) {
	if e.cfg.Migrate {
		e.fillSums(ctx)
	}
	e.foldSlots(ctx) // what is in slots is not kept
	e.keepDetail(ctx)
	e.keepSessions(ctx)
}

// fillSums goes on where it was stopped, until all is filled. When it fails, `usagectl migrate
// up` does the rest, or the next start.
func (e *usageExporter) fillSums(ctx context.Context) {
	filling, stop := context.WithCancel(ctx)
	defer stop()
	start := time.Now()
	filled, err := upkeep.FillSums(filling, e.pool, func(time.Time) {
		if e.ready.err() != nil {
			stop() // the schema is looked at again first
		}
	})
	switch {
	case err != nil && filling.Err() == nil:
		e.logger.Warn("the sums that a migration added lack calls from before it; run: usagectl migrate up", zap.Error(&write.Error{Class: store.Classify(err), Err: err}))
	case filled.Days > 0:
		e.logger.Info("filled the sums that a migration added", zap.Int("days", filled.Days), zap.Int("days_writers_waited", filled.Waiting), zap.Duration("took", time.Since(start)))
	}
}

// keepDetail keeps what users used of half months that are over, so that questions about
// one user do not read all their calls. That it fails makes these slower and nothing else.
func (e *usageExporter) keepDetail(ctx context.Context) {
	for ctx.Err() == nil && e.ready.err() == nil {
		kept, err := upkeep.KeepUserDetail(ctx, e.pool, upkeep.KeepOptions{})
		if err != nil && ctx.Err() == nil {
			e.logger.Warn("what users used of half months that are over cannot be kept; questions about one user read their calls", zap.Error(&write.Error{Class: store.Classify(err), Err: err}))
		}
		if err != nil || kept == 0 {
			return
		}
	}
}

// keepSessions keeps what sessions cost on days that are over, so that a list of sessions
// does not read all calls of its period. That it fails makes lists slower and nothing else.
func (e *usageExporter) keepSessions(ctx context.Context) {
	for ctx.Err() == nil && e.ready.err() == nil {
		days, err := upkeep.KeepSessions(ctx, e.pool, 10)
		if err != nil && ctx.Err() == nil {
			e.logger.Warn("what sessions cost on days that are over cannot be kept; lists of sessions read the calls", zap.Error(&write.Error{Class: store.Classify(err), Err: err}))
		}
		if err != nil || days == 0 {
			return
		}
	}
}

// foldSlots moves together what writers have summed beside each other, so that questions
// read few rows. That it fails makes these slower and nothing else.
func (e *usageExporter) foldSlots(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, oftenInterval)
	defer cancel()
	err := upkeep.FoldSlots(ctx, e.pool)
	if err != nil && !e.notFolded.Load() && ctx.Err() == nil {
		e.logger.Warn("the sums of concurrent writers cannot be moved together; questions read more rows", zap.Error(&write.Error{Class: store.Classify(err), Err: err}))
	}
	e.notFolded.Store(err != nil)
}

// tellsItself reports whether an error of a migration already says what to do.
func tellsItself(err error) bool {
	var schema *dbmigrate.SchemaError
	var file *dbmigrate.FileError
	var rights *dbmigrate.RightsError
	return errors.As(err, &schema) || errors.As(err, &file) || errors.As(err, &rights)
}

func classOf(err error) store.Class {
	if tellsItself(err) {
		return store.ClassSchema
	}
	return store.Classify(err)
}
