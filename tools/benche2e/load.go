package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelcol-usage/otelcol-usage/internal/pause"
)

// totals is what is sent, and what should be stored.
type totals struct{ rows, tokens, picodollars int64 }

func (t totals) String() string {
	return fmt.Sprintf("%d rows, %d tokens, $%d.%012d", t.rows, t.tokens, t.picodollars/1e12, t.picodollars%1e12)
}

// models with their list prices in picodollars a token: the price of a million
// tokens in micro-dollars. They are written here by hand so that the price
// engine does not check itself.
var models = []struct {
	request, response     string
	input, cached, output int64
}{
	{"gpt-4o", "gpt-4o-2024-08-06", 2_500_000, 1_250_000, 10_000_000},
	{"gpt-4o-mini", "gpt-4o-mini-2024-07-18", 150_000, 75_000, 600_000},
	{"gpt-4.1", "gpt-4.1-2025-04-14", 2_000_000, 500_000, 8_000_000},
}

const users = 500

// load is a number of calls, each computed from its number alone.
type load struct {
	o        options
	requests int
	sent     totals // if all are accepted
	text     string // the prompt; each call takes a part of it

	next           atomic.Int64 // request to send next
	bytes, refused atomic.Int64
}

func newLoad(o options) *load {
	l := &load{o: o, requests: (o.calls + o.perRequest - 1) / o.perRequest}
	l.text = strings.Repeat("Read the report below and say in plain words what it means for us. ", o.textSize/60+2)
	for i := range l.requests * o.perRequest {
		c := call(i)
		l.sent.rows++
		l.sent.tokens += c.input + c.output
		if o.names > 0 {
			continue // no cost is known
		}
		m := models[c.model]
		l.sent.picodollars += (c.input-c.cached)*m.input + c.cached*m.cached + c.output*m.output
	}
	return l
}

type oneCall struct {
	model, user           int
	input, cached, output int64
}

func call(i int) oneCall {
	c := oneCall{model: i % len(models), user: i * i % users, input: int64(200 + i%1800), output: int64(1 + i%700)}
	if i%4 == 0 {
		c.cached = c.input / 2
	}
	return c
}

// send returns when the collector has accepted everything. A request it refuses
// is repeated, as every OTLP exporter does.
func (l *load) send(ctx context.Context, address string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var senders sync.WaitGroup
	for range l.o.senders {
		senders.Go(func() {
			if err := l.sender(ctx, address); err != nil {
				cancel(err)
			}
		})
	}
	senders.Wait()
	return context.Cause(ctx)
}

func (l *load) sender(ctx context.Context, address string) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // everything is acknowledged
	client := ptraceotlp.NewGRPCClient(conn)
	td := l.spans()
	var size ptrace.ProtoMarshaler
	for {
		n := int(l.next.Add(1)) - 1
		if n >= l.requests {
			return nil
		}
		l.number(td, n)
		l.bytes.Add(int64(size.TracesSize(td)))
		request := ptraceotlp.NewExportRequestFromTraces(td)
		for {
			response, err := client.Export(ctx, request)
			if err == nil && response.PartialSuccess().RejectedSpans() == 0 {
				break
			}
			l.refused.Add(1)
			if err := pause.For(ctx, 50*time.Millisecond); err != nil {
				return fmt.Errorf("request %d was not accepted: %w", n, err)
			}
		}
	}
}

// spans are those of one request, complete but for what [load.number] sets.
func (l *load) spans() ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	resource := rs.Resource().Attributes()
	resource.PutStr("service.name", "support-bot")
	resource.PutStr("deployment.environment.name", "production")
	resource.PutStr("telemetry.sdk.language", "python")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("opentelemetry.instrumentation.openai_v2")
	for range l.o.perRequest {
		span := ss.Spans().AppendEmpty()
		span.SetKind(ptrace.SpanKindClient)
		a := span.Attributes()
		a.PutStr("gen_ai.operation.name", "chat")
		a.PutStr("gen_ai.provider.name", "openai")
		a.PutInt("gen_ai.request.max_tokens", 2048)
		a.PutDouble("gen_ai.request.temperature", 0.7)
		a.PutEmptySlice("gen_ai.response.finish_reasons").AppendEmpty().SetStr("stop")
		a.PutStr("server.address", "api.openai.com")
		a.PutInt("server.port", 443)
	}
	return td
}

// number makes the spans those of request n.
func (l *load) number(td ptrace.Traces, n int) {
	now := time.Now()
	half := l.o.textSize / 2
	for j, span := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		i := n*l.o.perRequest + j
		c := call(i)
		var trace [16]byte
		var id [8]byte
		binary.BigEndian.PutUint64(trace[:], uint64(i/4)+1) //nolint:gosec // not negative
		binary.BigEndian.PutUint64(id[:], uint64(i)+1)      //nolint:gosec // not negative
		span.SetTraceID(trace)
		span.SetSpanID(id)
		span.SetName("chat " + models[c.model].request)
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Duration(300+i%9000) * time.Millisecond)))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
		a := span.Attributes()
		request, response := models[c.model].request, models[c.model].response
		if l.o.names > 0 {
			response = fmt.Sprintf("invented-%0191d", i%l.o.names)
			request = response
		}
		a.PutStr("gen_ai.request.model", request)
		a.PutStr("gen_ai.response.model", response)
		a.PutStr("gen_ai.response.id", "chatcmpl-"+strconv.Itoa(i))
		a.PutInt("gen_ai.usage.input_tokens", c.input)
		a.PutInt("gen_ai.usage.output_tokens", c.output)
		a.PutInt("gen_ai.usage.cache_read.input_tokens", c.cached)
		a.PutStr("gen_ai.conversation.id", "conversation-"+strconv.Itoa(i/10))
		a.PutStr("user.id", "user-"+strconv.Itoa(c.user))
		a.PutStr("gen_ai.input.messages", l.text[i%60:i%60+half])
		a.PutStr("gen_ai.output.messages", l.text[(i+7)%60:(i+7)%60+l.o.textSize-half])
	}
}
