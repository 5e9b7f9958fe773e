package genaiusageprocessor

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/otelcol-usage/otelcol-usage/internal/fault"
	"github.com/otelcol-usage/otelcol-usage/internal/genai"
)

// A payload whose reading meets a fault of ours has got no record by then, and is read
// again in parts: each trace alone, and of a trace that meets it each span alone. The
// span that meets it alone gets no record and is counted. Calls that the window has
// seen by then it knows as sent again.

// noDialect is the dialect of a span that could not be read.
const noDialect = "unknown"

// withTraces reads a payload with a worker.
func (p *usageProcessor) withTraces(ctx context.Context, td ptrace.Traces) error {
	return p.with(ctx, func(w *worker) { p.reader.Read(td, w.emitFunc, w.skipFunc) })
}

// withLogs is withTraces for log records.
func (p *usageProcessor) withLogs(ctx context.Context, ld plog.Logs) error {
	return p.with(ctx, func(w *worker) { p.reader.ReadLogs(ld, w.emitLogFunc, w.skipFunc) })
}

// with runs read with a worker. What it counted before a fault is not counted.
func (p *usageProcessor) with(ctx context.Context, read func(w *worker)) error {
	w := p.workers.Get().(*worker)
	defer p.workers.Put(w)
	w.recorder.Begin(p.prices.Current(), time.Now())
	if err := fault.Guard(func() error { read(w); return nil }); err != nil {
		w.counts.forget()
		return err
	}
	w.counts.flush(ctx, p.metrics)
	return nil
}

// readApart reads the traces of a payload one by one after a fault.
func (p *usageProcessor) readApart(ctx context.Context, td ptrace.Traces) {
	for _, trace := range apart(td, ptrace.Span.TraceID) {
		if p.withTraces(ctx, trace.payload) == nil {
			trace.giveBack()
			continue
		}
		at := 0
		for _, span := range apart(trace.payload, func(ptrace.Span) (n int) { at++; return at }) {
			err := p.withTraces(ctx, span.payload)
			if err == nil {
				span.giveBack()
			} else {
				p.unreadable(ctx, err, span.copies[0].SpanID())
			}
		}
		trace.giveBack()
	}
}

// unreadable counts a span or log record that triggers a fault.
func (p *usageProcessor) unreadable(ctx context.Context, err error, span pcommon.SpanID) {
	p.metrics.GenaiUsageSkipped.Add(ctx, 1, p.metrics.option(countKey{countSkipped, noDialect, string(genai.SkipFault)}))
	var met *fault.Error
	if errors.As(err, &met) && p.faults.first(met.Reason, func(reason string) string { return reason }) {
		p.logger.Error("a fault in this build; the span or log record got no usage record, and others that meet it are only counted",
			zap.String("fault", met.Error()), zap.Stringer("span_id", span), zap.ByteString("stack", met.Stack))
	}
}

// part holds copies of some spans of a payload.
type part struct {
	payload           ptrace.Traces
	originals, copies []ptrace.Span
	resource, scope   int // indexes in the payload for the last copy
}

// giveBack copies to the originals what was written on their copies.
func (p *part) giveBack() {
	for i, span := range p.copies {
		span.Attributes().CopyTo(p.originals[i].Attributes())
	}
}

// apart divides a payload by a key of its spans.
func apart[K comparable](td ptrace.Traces, key func(ptrace.Span) K) []*part {
	var list []*part
	parts := map[K]*part{}
	for i, resource := range td.ResourceSpans().All() {
		for j, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				of := key(span)
				p := parts[of]
				if p == nil {
					p = &part{payload: ptrace.NewTraces(), resource: -1}
					parts[of], list = p, append(list, p)
				}
				resources := p.payload.ResourceSpans()
				if p.resource != i {
					added := resources.AppendEmpty()
					resource.Resource().CopyTo(added.Resource())
					p.resource, p.scope = i, -1
				}
				scopes := resources.At(resources.Len() - 1).ScopeSpans()
				if p.scope != j {
					added := scopes.AppendEmpty()
					scope.Scope().CopyTo(added.Scope())
					p.scope = j
				}
				copied := scopes.At(scopes.Len() - 1).Spans().AppendEmpty()
				span.CopyTo(copied)
				p.originals, p.copies = append(p.originals, span), append(p.copies, copied)
			}
		}
	}
	return list
}

// readRecordsApart reads the log records of a payload one by one after a fault.
func (p *usageProcessor) readRecordsApart(ctx context.Context, ld plog.Logs) {
	for _, resource := range ld.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				one := plog.NewLogs()
				ofResource := one.ResourceLogs().AppendEmpty()
				resource.Resource().CopyTo(ofResource.Resource())
				ofScope := ofResource.ScopeLogs().AppendEmpty()
				scope.Scope().CopyTo(ofScope.Scope())
				copied := ofScope.LogRecords().AppendEmpty()
				record.CopyTo(copied)
				if err := p.withLogs(ctx, one); err != nil {
					p.unreadable(ctx, err, record.SpanID())
					continue
				}
				copied.Attributes().CopyTo(record.Attributes())
			}
		}
	}
}
