package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor"
)

const (
	rounds        = 15
	roundPayloads = 8
)

// printMeasured measures every kind of payload in this process.
func printMeasured() error {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	ctx := context.Background()
	factory := genaiusageprocessor.NewFactory()
	for _, kind := range payloads {
		p, err := factory.CreateTraces(ctx, processortest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig(), consumertest.NewNop())
		if err != nil {
			return err
		}
		if err := p.Start(ctx, componenttest.NewNopHost()); err != nil {
			return err
		}
		r, err := measureKind(ctx, p, kind)
		if err != nil {
			return err
		}
		fmt.Printf("%s\t%.1f %.1f %.3f\n", kind.name, r.nanos, r.bytes, r.allocations)
		if err := p.Shutdown(ctx); err != nil {
			return err
		}
	}
	return nil
}

// measureKind gives the least of all rounds.
func measureKind(ctx context.Context, p processor.Traces, kind payload) (least result, err error) {
	for round := range rounds {
		var decoded [roundPayloads]ptrace.Traces
		for i := range decoded {
			encoded, err := kind.encode(round*roundPayloads + i)
			if err != nil {
				return least, err
			}
			request := ptraceotlp.NewExportRequest()
			if err := request.UnmarshalProto(encoded); err != nil {
				return least, err
			}
			decoded[i] = request.Traces()
		}
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start, err := threadTime()
		if err != nil {
			return least, err
		}
		for i := range decoded {
			if err := p.ConsumeTraces(ctx, decoded[i]); err != nil {
				return least, err
			}
		}
		end, err := threadTime()
		if err != nil {
			return least, err
		}
		runtime.ReadMemStats(&after)
		const spans = roundPayloads * payloadSpans
		r := result{
			nanos:       float64(end-start) / spans,
			bytes:       float64(after.TotalAlloc-before.TotalAlloc) / spans,
			allocations: float64(after.Mallocs-before.Mallocs) / spans,
		}
		if round == 0 || r.nanos < least.nanos {
			least = r
		}
	}
	return least, nil
}
