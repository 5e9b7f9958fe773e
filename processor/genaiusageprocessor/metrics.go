package genaiusageprocessor

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor/internal/metadata"
)

// metrics is the processor's part of the collector's own metrics.
type metrics struct {
	*metadata.TelemetryBuilder
	// options caches attribute sets: the labels are closed sets, so there are few.
	options sync.Map // countKey -> metric.AddOption
}

func newMetrics(set component.TelemetrySettings) (*metrics, error) {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	return &metrics{TelemetryBuilder: builder}, nil
}

func (m *metrics) shutdown() { m.Shutdown() }

func (m *metrics) bookReload(result string) {
	m.GenaiUsagePriceBookReloads.Add(context.Background(), 1, metric.WithAttributes(attribute.String("result", result)))
}

// observeBook exposes which book is in use, when it was loaded and how old its prices are.
func (m *metrics) observeBook(prices *pricing.Source) error {
	err := m.RegisterGenaiUsagePriceBookAsOfAgeCallback(func(_ context.Context, o metric.Float64Observer) error {
		book := prices.Current()
		if asOf := book.AsOf(); !asOf.IsZero() {
			o.Observe(time.Since(asOf).Seconds(), metric.WithAttributes(attribute.String("version", book.Version())))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return m.RegisterGenaiUsagePriceBookAgeCallback(func(_ context.Context, o metric.Float64Observer) error {
		o.Observe(time.Since(prices.LoadedAt()).Seconds(), metric.WithAttributes(attribute.String("version", prices.Current().Version())))
		return nil
	})
}

type countKind uint8

const (
	countRecords   countKind = iota // label: status
	countUncertain                  // label: reason
	countSkipped                    // label: reason
	countSampled                    // no label
	countAssumed                    // label: assumption
)

// countKey is one time series.
type countKey struct {
	kind           countKind
	dialect, label string
}

// counts collects the counts of one payload, so that each time series is updated once for
// each payload, not for each span.
type counts struct {
	calls map[callCount]int64
	skips map[countKey]int64
	// run counts the latest calls, which are mostly alike and not in the map yet
	run callCount
	n   int64
}

// callCount holds the labels by which records are counted.
type callCount struct {
	dialect     string
	status      usage.PricingStatus
	reason      usage.Reason
	assumptions usage.Assumptions
	sampled     bool
}

func newCounts() *counts { return &counts{calls: map[callCount]int64{}, skips: map[countKey]int64{}} }

func (c *counts) recorded(r *usage.Record) {
	if call := (callCount{r.Dialect, r.Status, r.Reason, r.Assumptions, r.Sampled != ""}); call != c.run {
		c.endRun()
		c.run = call
	}
	c.n++
}

func (c *counts) endRun() {
	if c.n > 0 {
		c.calls[c.run] += c.n
	}
	c.n = 0
}

func (c *counts) skipped(dialect string, reason genai.SkipReason) {
	c.skips[countKey{countSkipped, dialect, string(reason)}]++
}

// flush adds the counts to the metrics and resets them.
func (c *counts) flush(ctx context.Context, m *metrics) {
	add := func(key countKey, n int64) { m.counter(key.kind).Add(ctx, n, m.option(key)) }
	c.endRun()
	for call, n := range c.calls {
		add(countKey{countRecords, call.dialect, string(call.status)}, n)
		if call.reason != "" {
			add(countKey{countUncertain, call.dialect, string(call.reason)}, n)
		}
		for name := range call.assumptions.All() {
			add(countKey{countAssumed, call.dialect, name}, n)
		}
		if call.sampled {
			add(countKey{countSampled, call.dialect, ""}, n)
		}
	}
	for key, n := range c.skips {
		add(key, n)
	}
	c.forget()
}

// forget resets the counts.
func (c *counts) forget() {
	c.n = 0
	clear(c.calls)
	clear(c.skips)
}

func (m *metrics) counter(kind countKind) metric.Int64Counter {
	switch kind {
	case countRecords:
		return m.GenaiUsageRecords
	case countUncertain:
		return m.GenaiUsageUncertain
	case countAssumed:
		return m.GenaiUsageAssumed
	case countSampled:
		return m.GenaiUsageSampled
	default:
		return m.GenaiUsageSkipped
	}
}

func (m *metrics) option(key countKey) metric.AddOption {
	if o, ok := m.options.Load(key); ok {
		return o.(metric.AddOption)
	}
	labels := []attribute.KeyValue{attribute.String("dialect", key.dialect)}
	switch key.kind {
	case countRecords:
		labels = append(labels, attribute.String("status", key.label))
	case countAssumed:
		labels = append(labels, attribute.String("assumption", key.label))
	case countUncertain, countSkipped:
		labels = append(labels, attribute.String("reason", key.label))
	}
	o := metric.WithAttributeSet(attribute.NewSet(labels...))
	m.options.Store(key, o)
	return o
}
