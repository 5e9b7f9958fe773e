package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

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

// measureKind returns the median of all rounds: now and then the clock of a thread returns too
// little, even 0, so the least means nothing.
func measureKind(ctx context.Context, p processor.Traces, kind payload) (result, error) {
	all := make([]result, 0, rounds)
	for round := range rounds {
		var decoded [roundPayloads]ptrace.Traces
		for i := range decoded {
			encoded, err := kind.encode(round*roundPayloads + i)
			if err != nil {
				return result{}, err
			}
			request := ptraceotlp.NewExportRequest()
			if err := request.UnmarshalProto(encoded); err != nil {
				return result{}, err
			}
			decoded[i] = request.Traces()
		}
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start, err := threadTime()
		if err != nil {
			return result{}, err
		}
		for i := range decoded {
			if err := p.ConsumeTraces(ctx, decoded[i]); err != nil {
				return result{}, err
			}
		}
		end, err := threadTime()
		if err != nil {
			return result{}, err
		}
		runtime.ReadMemStats(&after)
		const spans = roundPayloads * payloadSpans
		all = append(all, result{
			nanos:       float64(end-start) / spans,
			bytes:       float64(after.TotalAlloc-before.TotalAlloc) / spans,
			allocations: float64(after.Mallocs-before.Mallocs) / spans,
		})
	}
	return median(all), nil
}

// median returns the result in the middle by time.
func median(all []result) result {
	slices.SortFunc(all, func(a, b result) int { return cmp.Compare(a.nanos, b.nanos) })
	return all[len(all)/2]
}
