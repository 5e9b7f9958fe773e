package usagepostgresexporter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-usage/otelcol-usage/exporter/usagepostgresexporter/internal/metadata"
	"github.com/otelcol-usage/otelcol-usage/internal/fault"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

// The reasons why a record cannot be read, as listed in metadata.yaml.
const (
	reasonMalformed = "malformed"
	reasonVersion   = "version"
	reasonNotText   = "not_text"
	reasonQueue     = "queue"
	reasonFault     = "fault"
)

// usageExporter writes batches of records to the database.
type usageExporter struct {
	cfg       *Config
	id        string
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder

	host   component.Host
	pool   *pgxpool.Pool
	writer *write.Writer
	ready  readiness
	// waiting holds the batches that are being written or retried.
	waiting waiting

	outage outage
	pace   pace

	// spare holds the memory of batches that are stored: some 7 MB for 10,000 records.
	spare sync.Pool

	// read is usageattr.Decode.
	read func(text string, r *usage.Record) error

	// failing is set while the last log line about the database reported a fault.
	failing atomic.Bool
	// notFolded is set while sums of slots cannot be moved together, which is logged once.
	notFolded atomic.Bool
}

func newUsageExporter(set exporter.Settings, cfg *Config) (*usageExporter, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, fmt.Errorf("create metrics: %w", err)
	}
	return &usageExporter{cfg: cfg, id: set.ID.String(), logger: set.Logger, telemetry: telemetry, read: usageattr.Decode}, nil
}

// start opens no connection itself, so the collector starts even when the database is down:
// calls wait in the queue meanwhile.
func (e *usageExporter) start(context.Context, component.Host) error {
	for _, text := range e.cfg.warnings() {
		e.logger.Warn("usage may be lost: " + text)
	}
	// Not the context of start, which ends when start returns.
	pool, err := store.Connect(context.Background(), e.cfg.store("otelcol-usage "+e.id))
	if err != nil {
		return err
	}
	e.pool = pool
	e.writer = write.New(pool, write.Options{
		Rollup:           e.cfg.Rollup,
		StatementTimeout: e.cfg.StatementTimeout,
		LockTimeout:      e.cfg.LockTimeout,
		UserCacheSize:    e.cfg.UserCacheSize,
		Encode:           usageattr.Append,
	})
	e.ready.start(e.prepare, e.keepSums, e.foldSlots)
	return e.observeAge()
}

// shutdown runs after the queue has flushed what it can.
func (e *usageExporter) shutdown(context.Context) error {
	e.ready.stop()
	if e.pool != nil {
		e.pool.Close()
	}
	e.telemetry.Shutdown()
	return nil
}

// push stores one batch. Every error it returns means "retry the same batch": records that
// can never be stored are parked, which is not an error.
func (e *usageExporter) push(ctx context.Context, r xexporterhelper.Request) error {
	own, ok := r.(*request)
	if !ok {
		return errForeignRequest
	}
	e.waiting.begin(own, time.Now())
	err := e.store(ctx, own)
	if err == nil || !e.cfg.BackOffConfig.Enabled {
		e.waiting.end(own)
	}
	return err
}

func (e *usageExporter) store(ctx context.Context, r *request) error {
	if err := e.ready.wait(ctx); err != nil {
		e.countRetry(ctx, classOf(err))
		return err
	}
	for r.done < len(r.records) {
		part := r.records[r.done:]
		if r.atOnce > 0 && r.atOnce < len(part) {
			part = part[:r.atOnce]
		}
		if err := e.storePart(ctx, part); err != nil {
			if tookTooLong(ctx, err) {
				// The same batch would take as long again: retry with half of it, without
				// what is already stored.
				r.atOnce = max(1, len(part)/2)
			}
			e.failed(ctx, err)
			return err
		}
		r.done += len(part)
	}
	return nil
}

// tookTooLong tells a batch that needs more time than it has from a database that is down
// or refuses.
func tookTooLong(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.DeadlineExceeded) || store.SQLState(err) == "57014"
}

// storePart stores some records. A record that this build cannot even try to write, because
// of a bug, is isolated by bisection and parked.
func (e *usageExporter) storePart(ctx context.Context, texts []string) error {
	err := fault.Guard(func() error { return e.tryPart(ctx, texts) })
	var met *fault.Error
	switch {
	case !errors.As(err, &met):
		return err
	case len(texts) > 1:
		if err := e.storePart(ctx, texts[:len(texts)/2]); err != nil {
			return err
		}
		return e.storePart(ctx, texts[len(texts)/2:])
	}
	e.logger.Error("a fault in this build; the record is kept in public.usage_dead_letter", zap.String("fault", met.Error()), zap.ByteString("stack", met.Stack))
	e.lost(ctx, reasonFault, 1)
	return e.writer.Park(ctx, []write.Parked{write.UnreadableRecord(texts[0], "record: "+met.Error())})
}

func (e *usageExporter) tryPart(ctx context.Context, texts []string) error {
	records, users, unreadable := e.decode(ctx, texts)
	start := time.Now()
	if err := e.writer.Park(ctx, unreadable); err != nil {
		return err
	}
	result, err := e.writer.Write(ctx, records)
	if err != nil {
		return err
	}
	attributed, err := e.writer.Attribute(ctx, users)
	if err != nil {
		return err
	}
	result.Attributed += attributed
	e.stored(ctx, records, result, start)
	// After an error they may still be looked at, and are left to the garbage collector.
	clear(records) // texts of the batch
	e.spare.Put(&records)
	return nil
}

// decode reads the records; those that cannot be read are parked unchanged, so that a later
// build or a person can read them.
func (e *usageExporter) decode(ctx context.Context, texts []string) ([]usage.Record, []usage.TraceUser, []write.Parked) {
	var records []usage.Record
	if spare, ok := e.spare.Get().(*[]usage.Record); ok && cap(*spare) >= len(texts) {
		records = (*spare)[:0]
	} else {
		records = make([]usage.Record, 0, len(texts))
	}
	var users []usage.TraceUser
	var unreadable []write.Parked
	var stack []byte
	for _, text := range texts {
		var err error
		if usageattr.IsTraceUser(text) {
			var user usage.TraceUser
			if err = fault.Guard(func() error { return usageattr.DecodeTraceUser(text, &user) }); err == nil {
				users = append(users, user)
				continue
			}
		} else {
			records = append(records, usage.Record{})
			if err = fault.Guard(func() error { return e.read(text, &records[len(records)-1]) }); err == nil {
				continue
			}
			records = records[:len(records)-1]
		}
		reason := reasonMalformed
		var met *fault.Error
		switch {
		case errors.As(err, &met):
			reason = reasonFault
			stack = met.Stack
		case errors.Is(err, usageattr.ErrVersion):
			reason = reasonVersion
		}
		e.lost(ctx, reason, 1)
		unreadable = append(unreadable, write.UnreadableRecord(text, "record: "+err.Error()))
	}
	if len(unreadable) > 0 {
		fields := []zap.Field{zap.Int("records", len(unreadable)), zap.String("first_reason", unreadable[0].Reason)}
		if stack != nil {
			fields = append(fields, zap.ByteString("stack", stack))
		}
		e.logger.Warn("usage records cannot be read; they are kept in public.usage_dead_letter", fields...)
	}
	return records, users, unreadable
}

func (e *usageExporter) stored(ctx context.Context, records []usage.Record, result write.Result, start time.Time) {
	now := time.Now()
	method := methodInsert
	if result.Copied {
		method = methodCopy
	}
	e.telemetry.UsagePostgresRows.Add(ctx, int64(result.Inserted), method)
	e.telemetry.UsagePostgresBatchDuration.Record(ctx, now.Sub(start).Seconds(), method)
	addIfAny(ctx, e.telemetry.UsagePostgresDuplicates, result.Duplicates)
	// Also when it is 0: a rate needs the series before its first event.
	e.telemetry.UsagePostgresCorrections.Add(ctx, int64(result.Corrected))
	e.telemetry.UsagePostgresConflicts.Add(ctx, int64(result.Reused))
	e.telemetry.UsagePostgresAttributed.Add(ctx, int64(result.Attributed))
	e.telemetry.UsagePostgresWithdrawn.Add(ctx, int64(result.Withdrawn))
	addIfAny(ctx, e.telemetry.UsagePostgresUnknownUsers, result.UnknownUsers)
	oldest := now
	for i := range records {
		if t := records[i].Time; t.Before(oldest) {
			oldest = t
		}
	}
	if len(records) > 0 {
		e.telemetry.UsagePostgresDelay.Record(ctx, now.Sub(oldest).Seconds())
	}
	if len(result.Parked) > 0 {
		for _, p := range result.Parked {
			e.telemetry.UsagePostgresParked.Add(ctx, 1, metric.WithAttributeSet(attribute.NewSet(attribute.String("sqlstate", p.SQLState))))
		}
		first := result.Parked[0]
		e.logger.Warn("usage records are refused by the table; they are kept in public.usage_dead_letter",
			zap.Int("records", len(result.Parked)), zap.Stringer("first_id", first.ID), zap.String("first_reason", first.Reason),
			zap.String("sqlstate", first.SQLState), zap.String("constraint", first.Constraint), zap.String("column", first.Column))
	}
	e.outage.ended()
	if e.failing.CompareAndSwap(true, false) {
		e.logger.Info("usage is stored again")
		componentstatus.ReportStatus(e.host, componentstatus.NewEvent(componentstatus.StatusOK))
	}
}

// failed reports a batch that has to wait. The helper logs each attempt at level info; this
// adds what changes: the status, the metric, one error line for a lasting fault, and a new
// check of the schema when it may be the cause.
func (e *usageExporter) failed(ctx context.Context, err error) {
	class := store.ClassUnknown
	var writing *write.Error
	if errors.As(err, &writing) {
		class = writing.Class
	}
	e.countRetry(ctx, class)
	switch lasting := isLasting(err, class); {
	case class == store.ClassSchema && !errors.Is(err, store.ErrRollupMode):
		e.ready.again(err)
	case class != store.ClassConflict:
		e.outage.failed(e.logger, time.Now(), err, lasting, e.queueLasts)
	}
	// A deadlock or a lost race ends with the next attempt and is not a bad state.
	if class != store.ClassConflict {
		e.report(err)
	}
}

// report sets the status of the component from the state of the database.
func (e *usageExporter) report(err error) {
	e.failing.Store(true)
	componentstatus.ReportStatus(e.host, componentstatus.NewRecoverableErrorEvent(err))
}

// queueBroken ends the collector: only a restart reads the disk afresh. It must not run in
// this goroutine, which holds the queue while the collector stops it.
func (e *usageExporter) queueBroken(err error) {
	e.logger.Error("the collector stops", zap.Error(err))
	go componentstatus.ReportStatus(e.host, componentstatus.NewFatalErrorEvent(err))
}

// Attribute sets that are built once.
var (
	methodCopy   = metric.WithAttributeSet(attribute.NewSet(attribute.String("method", "copy")))
	methodInsert = metric.WithAttributeSet(attribute.NewSet(attribute.String("method", "insert")))
)

func addIfAny(ctx context.Context, counter metric.Int64Counter, n int) {
	if n > 0 {
		counter.Add(ctx, int64(n))
	}
}

func (e *usageExporter) countWithout(ctx context.Context, spans int) {
	addIfAny(ctx, e.telemetry.UsagePostgresSpansWithoutRecord, spans)
}

func (e *usageExporter) countRetry(ctx context.Context, class store.Class) {
	e.telemetry.UsagePostgresRetries.Add(ctx, 1, metric.WithAttributeSet(attribute.NewSet(attribute.String("class", string(class)))))
}

func (e *usageExporter) lost(ctx context.Context, reason string, records int) {
	e.telemetry.UsagePostgresUnreadable.Add(ctx, int64(records), metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", reason))))
}
