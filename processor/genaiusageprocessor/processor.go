package genaiusageprocessor

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"

	"github.com/otelcol-usage/otelcol-usage/internal/fault"
	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/recorder"
	"github.com/otelcol-usage/otelcol-usage/internal/trim"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

type usageProcessor struct {
	cfg     *Config
	logger  *zap.Logger
	reader  *genai.Reader
	prices  *pricing.Source
	metrics *metrics
	// workers holds *worker: payloads are processed concurrently, and each needs its own
	// buffers.
	workers sync.Pool
	unknown *modelLog
	thinned *samplingLog
	faults  firsts[string]
	release func() // releases what it shares with the other signal
}

func newUsageProcessor(set processor.Settings, cfg *Config, reader *genai.Reader) (*usageProcessor, error) {
	m, err := newMetrics(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	p := &usageProcessor{cfg: cfg, logger: set.Logger, reader: reader, metrics: m, unknown: newModelLog(set.Logger), thinned: &samplingLog{logger: set.Logger}}
	p.prices, err = pricing.NewSource(cfg.Prices.book(), pricing.SourceOptions{
		Reloaded: p.bookReloaded,
		Failed:   p.bookFailed,
	})
	if err != nil {
		m.shutdown()
		return nil, err
	}
	p.workers.New = func() any { return p.newWorker() }
	return p, nil
}

func (p *usageProcessor) start(context.Context, component.Host) error {
	book := p.prices.Current()
	for _, warning := range book.Warnings() {
		p.logger.Warn("price book", zap.Error(warning))
	}
	p.logger.Info("price book loaded", zap.String("builtin", p.cfg.Prices.Builtin), zap.Strings("files", p.cfg.Prices.Files), zap.String("version", book.Version()))
	if err := p.metrics.observeBook(p.prices); err != nil {
		return err
	}
	p.prices.Start()
	trim.AfterStart()
	return nil
}

func (p *usageProcessor) shutdown(context.Context) error {
	p.release()
	p.prices.Close()
	p.metrics.shutdown()
	return nil
}

func (p *usageProcessor) bookReloaded(book *pricing.Book) {
	p.unknown.forget()
	p.metrics.bookReload("ok")
	p.logger.Info("price book reloaded", zap.String("version", book.Version()))
}

func (p *usageProcessor) bookFailed(err error) {
	p.metrics.bookReload("failed")
	p.logger.Error("price book not reloaded, the last good one stays: correct the file, it is read again when it changes", zap.Error(err))
}

// processTraces puts records on the billable spans of td. It never fails: bad data is
// recorded with its reason and does not stop good data.
func (p *usageProcessor) processTraces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	if p.withTraces(ctx, td) != nil {
		p.readApart(ctx, td)
	}
	return td, nil
}

// processLogs is processTraces for the log events of coding agents.
func (p *usageProcessor) processLogs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	for _, resource := range ld.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				usageattr.StripForged(record.Attributes())
			}
		}
	}
	if p.withLogs(ctx, ld) != nil {
		p.readRecordsApart(ctx, ld)
	}
	return ld, nil
}

// removeForged clears our namespace on a span, except for the inputs that apps may set, so
// that everything found there later is ours.
func removeForged(span ptrace.Span) { usageattr.StripForged(span.Attributes()) }

// worker holds what is needed to process one payload.
type worker struct {
	p        *usageProcessor
	recorder recorder.Recorder
	writer   *usageattr.Writer
	counts   *counts
	// These are methods of the worker: as fields they are allocated once for each worker
	// and not once for each payload.
	emitFunc    func(*genai.Call, ptrace.Span)
	emitLogFunc func(*genai.Call, plog.LogRecord)
	skipFunc    func(dialect string, reason genai.SkipReason)
}

func (p *usageProcessor) newWorker() *worker {
	writer, err := usageattr.NewWriter(p.cfg.Attributes)
	if err != nil { // Validate has refused such a configuration.
		panic(err)
	}
	w := &worker{
		p:        p,
		recorder: recorder.New(pricing.Pricer{Reported: p.cfg.ReportedCost, MaxReported: usage.Money(p.cfg.MaxReportedDollars) * usage.Dollar}),
		writer:   writer,
		counts:   newCounts(),
	}
	w.emitFunc, w.emitLogFunc, w.skipFunc = w.emit, w.emitLog, w.counts.skipped
	return w
}

func (w *worker) emit(call *genai.Call, span ptrace.Span) {
	if call.HasOwn {
		usageattr.Strip(span.Attributes())
	}
	w.put(call, span.Attributes())
}

func (w *worker) emitLog(call *genai.Call, record plog.LogRecord) {
	usageattr.Strip(record.Attributes())
	w.put(call, record.Attributes())
}

// put makes the record of a call and writes it on attributes that hold nothing of ours. A
// call that triggers a fault there gets no record.
func (w *worker) put(call *genai.Call, attributes pcommon.Map) {
	if err := fault.Guard(func() error { w.tryPut(call, attributes); return nil }); err != nil {
		usageattr.Strip(attributes)
		w.p.unreadable(context.Background(), err, call.SpanID)
	}
}

func (w *worker) tryPut(call *genai.Call, attributes pcommon.Map) {
	record := w.recorder.Make(call)
	w.writer.Put(attributes, record, call.SentAgain)
	w.counts.recorded(record)
	if record.Status == usage.StatusUnpriced {
		w.p.unknown.unpriced(record)
	}
	if record.Sampled != "" {
		w.p.thinned.sampled(record)
	}
	if w.p.cfg.Debug {
		logRecord(w.p.logger, record)
	}
}
