package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelcol-usage/otelcol-usage/internal/collectorproc"
	"github.com/otelcol-usage/otelcol-usage/internal/pause"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// collector is the real binary with a persistent queue.
type collector struct {
	binary, config, log, address, dsn string
	client                            ptraceotlp.GRPCClient
	refused                           atomic.Int64 // requests it did not accept

	mu      sync.Mutex
	process *collectorproc.Process // nil while it does not run
}

// batchTimeout bounds the writing of one batch.
const batchTimeout = 5 * time.Second

const configuration = `receivers:
  otlp: {protocols: {grpc: {endpoint: %s}}}
processors:
  genai_usage: {}
exporters:
  usage_postgres:
    dsn: ${env:CHAOS_DSN}
    connect_timeout: 2s
    timeout: %s
    sending_queue: {storage: file_storage, batch: {flush_timeout: 50ms}}
    retry_on_failure: {initial_interval: 50ms, max_interval: 500ms}
extensions:
  file_storage: {directory: %s, fsync: true}
service:
  extensions: [file_storage]
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines:
    traces: {receivers: [otlp], processors: [genai_usage], exporters: [usage_postgres]}
`

func newCollector(binary, dir string, number int, queue, dsn string) (*collector, error) {
	address, err := pgserver.FreeAddress()
	if err != nil {
		return nil, err
	}
	c := &collector{
		binary: binary, address: address, dsn: dsn,
		config: filepath.Join(dir, "collector"+strconv.Itoa(number)+".yaml"),
		log:    filepath.Join(dir, "collector"+strconv.Itoa(number)+".log"),
	}
	if err := os.WriteFile(c.config, fmt.Appendf(nil, configuration, address, batchTimeout, queue), 0o600); err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 50 * time.Millisecond}}))
	if err != nil {
		return nil, err
	}
	c.client = ptraceotlp.NewGRPCClient(conn)
	return c, nil
}

// spawn starts the process without waiting for it.
func (c *collector) spawn() error {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the collector holds its own copy
	process, err := collectorproc.Start(collectorproc.Options{Binary: c.binary, Configs: []string{c.config}, Env: []string{"CHAOS_DSN=" + c.dsn}, Log: log})
	if err == nil {
		c.mu.Lock()
		c.process = process
		c.mu.Unlock()
	}
	return err
}

// start returns when the collector accepts connections.
func (c *collector) start(ctx context.Context) error {
	if err := c.spawn(); err != nil {
		return err
	}
	c.mu.Lock()
	process := c.process
	c.mu.Unlock()
	if err := process.WaitAccepting(ctx, c.address); err != nil {
		return fmt.Errorf("%w; see %s", err, c.log)
	}
	return nil
}

func (c *collector) kill() {
	if process := c.take(); process != nil {
		process.Kill()
	}
}

// stop asks it to end and reports whether it ended by itself.
func (c *collector) stop() bool {
	process := c.take()
	return process == nil || process.Stop(20*time.Second)
}

// take hands over the process to the caller, who ends it.
func (c *collector) take() *collectorproc.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	process := c.process
	c.process = nil
	return process
}

// send repeats a request until it is accepted, as every OTLP exporter does. It
// gives up only with the whole run.
func (c *collector) send(ctx context.Context, td ptrace.Traces) {
	request := ptraceotlp.NewExportRequestFromTraces(td)
	for ctx.Err() == nil {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		response, err := c.client.Export(try, request)
		cancel()
		if err == nil && response.PartialSuccess().RejectedSpans() == 0 {
			return
		}
		c.refused.Add(1)
		_ = pause.For(ctx, 20*time.Millisecond)
	}
}

// calls are spans as an instrumented app sends them, those with the numbers
// first to first+n-1, in two requests; the tokens say the number, see [count].
// One in four calls is a stream, which the first request reports with a part of
// its output and the second with all of it. One in five has its user on the
// request span around it, which comes with the second.
func calls(first, n int, now time.Time) (requests [2]ptrace.Traces) {
	var spans [2]ptrace.SpanSlice
	for k := range requests {
		requests[k] = ptrace.NewTraces()
		rs := requests[k].ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", "chaos")
		spans[k] = rs.ScopeSpans().AppendEmpty().Spans()
	}
	for i := first; i < first+n; i++ {
		streamed, around := i%4 == 1, i%5 == 2
		call(spans[0].AppendEmpty(), i, now, around)
		if streamed {
			all := spans[1].AppendEmpty()
			call(all, i, now, around)
			spans[0].At(spans[0].Len()-1).Attributes().PutInt("gen_ai.usage.output_tokens", int64(i%20/2))
		}
		if around {
			request := spans[1].AppendEmpty()
			request.SetName("POST /ask")
			request.SetKind(ptrace.SpanKindServer)
			request.SetTraceID(traceOf(i))
			request.SetSpanID([8]byte{0xd, byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)})
			request.Attributes().PutStr("user.id", userOf(i))
		}
	}
	return requests
}

func traceOf(i int) pcommon.TraceID {
	return [16]byte{0xc, byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)}
}

func userOf(i int) string { return "user-" + strconv.Itoa(i%50) }

func call(span ptrace.Span, i int, now time.Time, around bool) {
	span.SetName("chat gpt-4o")
	span.SetKind(ptrace.SpanKindClient)
	span.SetTraceID(traceOf(i))
	span.SetSpanID([8]byte{0xc, byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)})
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Second)))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
	a := span.Attributes()
	a.PutStr("gen_ai.operation.name", "chat")
	a.PutStr("gen_ai.provider.name", "openai")
	a.PutStr("gen_ai.request.model", "gpt-4o")
	a.PutStr("gen_ai.response.model", "gpt-4o-2024-08-06")
	a.PutStr("gen_ai.response.id", "chaos-"+strconv.Itoa(i))
	a.PutInt("gen_ai.usage.input_tokens", int64(100+i%50))
	a.PutInt("gen_ai.usage.output_tokens", int64(i%20))
	if around {
		span.SetParentSpanID([8]byte{0xd, byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)})
	} else {
		a.PutStr("user.id", userOf(i))
	}
}
