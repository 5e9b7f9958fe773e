package usagepostgresexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/exporter/usagepostgresexporter/internal/metadata"
)

// NewFactory returns the factory of the usage_postgres exporter.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		metadata.Type,
		createDefaultConfig,
		exporter.WithTraces(createTraces, metadata.TracesStability),
		exporter.WithLogs(createLogs, metadata.LogsStability),
	)
}

// createTraces uses the experimental form of the exporter helper, which accepts our own
// request and encoding. The stable form would hold whole spans in the queue: prompts on
// disk, and 12 to 19 µs per span for encoding them where everything else in the pipeline
// takes 5. The experimental surface is small (request.go) and its version is pinned.
func createTraces(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Traces, error) {
	cfg := config.(*Config)
	e, err := newUsageExporter(set, cfg)
	if err != nil {
		return nil, err
	}
	return newTraces(ctx, set, e, e.push)
}

func newTraces(ctx context.Context, set exporter.Settings, e *usageExporter, push xexporterhelper.RequestConsumeFunc) (exporter.Traces, error) {
	helper, err := xexporterhelper.NewTracesRequest(ctx, set, e.requestFromTraces, push, e.options(e.cfg)...)
	if err != nil {
		return nil, err
	}
	return &tracesExporter{Traces: helper, usage: e, together: e.together(func(ctx context.Context) error {
		return helper.ConsumeTraces(ctx, ptrace.NewTraces())
	})}, nil
}

// createLogs is createTraces for coding agents that report their calls as log events. It
// has its own queue and connections.
func createLogs(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Logs, error) {
	cfg := config.(*Config)
	e, err := newUsageExporter(set, cfg)
	if err != nil {
		return nil, err
	}
	helper, err := xexporterhelper.NewLogsRequest(ctx, set, e.requestFromLogs, e.push, e.options(cfg)...)
	if err != nil {
		return nil, err
	}
	return &logsExporter{Logs: helper, usage: e, together: e.together(func(ctx context.Context) error {
		return helper.ConsumeLogs(ctx, plog.NewLogs())
	})}, nil
}

func (e *usageExporter) options(cfg *Config) []exporterhelper.Option {
	return []exporterhelper.Option{
		xexporterhelper.WithQueueBatch(cfg.QueueConfig, xexporterhelper.QueueBatchSettings{Encoding: encoding{lost: e.lost}}),
		exporterhelper.WithTimeout(cfg.TimeoutConfig),
		exporterhelper.WithRetry(cfg.BackOffConfig),
		exporterhelper.WithStart(e.start),
		exporterhelper.WithShutdown(e.shutdown),
	}
}

// together returns what lets small requests share a write of the queue's disk, nil for a
// queue in memory. The helper is given the request with the context, see [readyKey].
func (e *usageExporter) together(consume func(ctx context.Context) error) *together {
	queue := e.cfg.QueueConfig.Get()
	if queue == nil || queue.StorageID == nil {
		return nil
	}
	return newTogether(func(ctx context.Context, r *request) error {
		return consume(withReady(ctx, r))
	}, func(r *request) bool {
		return r.bytes <= maxSharedBytes && sizeInQueue(queue, r) <= queue.QueueSize/maxSharedPart
	})
}

// A request that is shared is small, and a small part of the queue: it must not wait for
// room that each request alone would have.
const (
	maxSharedBytes = 1 << 20
	maxSharedPart  = 16
)

// tracesExporter corrects the helper in four respects.
type tracesExporter struct {
	exporter.Traces
	usage    *usageExporter
	together *together
}

// Start gives the helper's queue a storage that keeps what was accepted.
func (e *tracesExporter) Start(ctx context.Context, host component.Host) error {
	e.usage.host = host
	return e.Traces.Start(ctx, e.usage.queueHost(host))
}

// Capabilities: with batching, the helper claims to modify the spans, and the pipeline
// would copy every span for us. We do not modify them: the batches consist of texts.
func (e *tracesExporter) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: false}
}

// ConsumeTraces keeps payloads without records out of the queue: in a mixed pipeline most
// payloads have none, and a persistent queue would write each of them to disk. Those that
// arrive at once are written to it together.
func (e *tracesExporter) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if !hasRecord(spansOf(td)) {
		e.usage.countWithout(ctx, td.SpanCount())
		return nil
	}
	if e.together != nil {
		return e.together.add(ctx, e.usage.requestFrom(ctx, spansOf(td), td.SpanCount()))
	}
	return e.Traces.ConsumeTraces(ctx, td)
}

// logsExporter does for logs what tracesExporter does.
type logsExporter struct {
	exporter.Logs
	usage    *usageExporter
	together *together
}

// Start: see [tracesExporter.Start].
func (e *logsExporter) Start(ctx context.Context, host component.Host) error {
	e.usage.host = host
	return e.Logs.Start(ctx, e.usage.queueHost(host))
}

// Capabilities: see [tracesExporter.Capabilities].
func (e *logsExporter) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: false}
}

// ConsumeLogs: see [tracesExporter.ConsumeTraces].
func (e *logsExporter) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	if !hasRecord(logRecordsOf(ld)) {
		e.usage.countWithout(ctx, ld.LogRecordCount())
		return nil
	}
	if e.together != nil {
		return e.together.add(ctx, e.usage.requestFrom(ctx, logRecordsOf(ld), ld.LogRecordCount()))
	}
	return e.Logs.ConsumeLogs(ctx, ld)
}
