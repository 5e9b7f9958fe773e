package genaiusageprocessor

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor/internal/metadata"
)

// NewFactory returns the factory of the genai_usage processor.
func NewFactory() processor.Factory {
	readers := &readers{byConfig: map[*Config]*sharedReader{}}
	return processor.NewFactory(
		metadata.Type,
		createDefaultConfig,
		processor.WithTraces(readers.createTraces, metadata.TracesStability),
		processor.WithLogs(readers.createLogs, metadata.LogsStability),
	)
}

func (r *readers) createTraces(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
	p, err := r.newProcessor(set, cfg.(*Config), pipeline.SignalTraces)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewTraces(ctx, set, cfg, next, p.processTraces,
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
		processorhelper.WithStart(p.start),
		processorhelper.WithShutdown(p.shutdown),
	)
}

func (r *readers) createLogs(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	if !cfg.(*Config).AgentLogs {
		return nil, errors.New("`agent_logs` must be true for a logs pipeline: it makes the spans of the same agents be skipped, so that no call counts twice; set it, or take the processor out of the pipeline")
	}
	p, err := r.newProcessor(set, cfg.(*Config), pipeline.SignalLogs)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewLogs(ctx, set, cfg, next, p.processLogs,
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
		processorhelper.WithStart(p.start),
		processorhelper.WithShutdown(p.shutdown),
	)
}

func (r *readers) newProcessor(set processor.Settings, cfg *Config, signal pipeline.Signal) (*usageProcessor, error) {
	reader, err := r.get(cfg, signal)
	if err != nil {
		return nil, err
	}
	p, err := newUsageProcessor(set, cfg, reader)
	if err != nil {
		return nil, err
	}
	p.release = func() { r.release(cfg) }
	return p, nil
}
