package demo

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelcol-usage/otelcol-usage/internal/replay"
)

// users make calls in proportion to their weight. The empty one is traffic without a user.
// The company does not exist.
var users = []struct {
	name   string
	weight int
}{
	{"maria.santos@northwind.example", 24}, {"james.okafor@northwind.example", 18}, {"li.wei@northwind.example", 13},
	{"sofia.lindqvist@northwind.example", 10}, {"omar.haddad@northwind.example", 8}, {"emily.clarke@northwind.example", 6},
	{"kenji.tanaka@northwind.example", 5}, {"anna.kowalska@northwind.example", 4}, {"lucas.moreau@northwind.example", 3},
	{"priya.nair@northwind.example", 2}, {"", 7},
}

var services = []string{"customer-chat", "ticket-triage", "product-search", "invoice-reader", "code-review"}

// sender sends replayed captures to the collector.
type sender struct {
	conn     *grpc.ClientConn
	client   ptraceotlp.GRPCClient
	captures []*replay.Capture
	random   *rand.Rand
	// run makes the ids of each demo unique, so that a kept database gets new calls.
	run             uint64
	sent            uint64
	spans, billable int
}

func newSender(address string, captures []*replay.Capture) (*sender, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	run := uint64(time.Now().UnixNano())
	return &sender{
		conn:     conn,
		client:   ptraceotlp.NewGRPCClient(conn),
		captures: captures,
		random:   rand.New(rand.NewPCG(run, 1)),
		run:      run,
	}, nil
}

func (s *sender) close() { _ = s.conn.Close() }

// sendHistory sends days of traffic that grows by about half, with quiet weekends, so that
// there is a trend to show.
func (s *sender) sendHistory(ctx context.Context, out io.Writer, now time.Time, days, callsPerDay int) error {
	fmt.Fprintf(out, "[3/4] telemetry: %d captures of real libraries, replayed over the last %d days\n", len(s.captures), days)
	for day := days - 1; day >= 0; day-- {
		midnight := now.AddDate(0, 0, -day).Truncate(24 * time.Hour)
		n := float64(callsPerDay) * (0.8 + 0.4*float64(days-day)/float64(days)) * (0.85 + 0.3*s.random.Float64())
		if weekday := midnight.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
			n *= 0.35
		}
		until := midnight.Add(24 * time.Hour)
		if until.After(now) {
			until = now
		}
		batch := ptrace.NewTraces()
		for range int(n) + 1 {
			// No call lies in the future.
			at := midnight.Add(time.Duration(s.random.Int64N(int64(until.Sub(midnight)) + 1)))
			td, err := s.replay(at)
			if err != nil {
				return err
			}
			td.ResourceSpans().MoveAndAppendTo(batch.ResourceSpans())
		}
		if err := s.send(ctx, batch); err != nil {
			return err
		}
		if done := days - day; done%30 == 0 || day == 0 {
			fmt.Fprintf(out, "      day %d of %d: %d spans sent\n", done, days, s.spans)
		}
	}
	return nil
}

// pace returns the time between two live calls, so that a day of them resembles the days
// before.
func pace(callsPerDay int) time.Duration {
	return (24 * time.Hour / time.Duration(callsPerDay)).Round(time.Second)
}

// trickle sends a call at once and then one per pace, until ctx or the collector ends.
func (s *sender) trickle(ctx context.Context, exited <-chan struct{}, pace time.Duration) error {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	first := make(chan time.Time, 1)
	first <- time.Now()
	for {
		var now time.Time
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-exited:
			return fmt.Errorf("the collector ended by itself")
		case now = <-first:
		case now = <-tick.C:
		}
		td, err := s.replay(now.UTC())
		if err != nil {
			return err
		}
		if err := s.send(ctx, td); err != nil {
			return err
		}
	}
}

func (s *sender) replay(at time.Time) (ptrace.Traces, error) {
	capture := s.captures[s.random.IntN(len(s.captures))]
	s.sent++
	s.billable += capture.Truth.BillableCalls
	return capture.Replay(replay.Options{
		At: at, Seed: s.run + s.sent, User: s.user(), Service: services[s.random.IntN(len(services))],
	})
}

func (s *sender) user() string {
	total := 0
	for _, u := range users {
		total += u.weight
	}
	n := s.random.IntN(total)
	for _, u := range users {
		if n -= u.weight; n < 0 {
			return u.name
		}
	}
	return ""
}

// send sends one request to the collector.
func (s *sender) send(ctx context.Context, td ptrace.Traces) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	spans := td.SpanCount()
	_, err := s.client.Export(ctx, ptraceotlp.NewExportRequestFromTraces(td), grpc.WaitForReady(true))
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("send OTLP: %w", err)
	}
	s.spans += spans
	return nil
}
