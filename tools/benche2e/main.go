// Command benche2e measures calls from OTLP to stored rows with the real binary
// in its production configuration: rows a second, the collector's processor
// time for a row and its peak memory.
//
// Everything is private to the run and on loopback: a PostgreSQL with fsync on,
// the collector, its queue on disk. The last line is "rows/s N, peak MiB N". It
// fails when a row, a token or a fraction of a cent is missing or too many, or
// when the collector took more memory than the goal. It owns the measuring; what
// is sent stands in load.go, with its costs reckoned there by hand.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pause"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

type options struct {
	collector                            string // path of the binary
	calls, perRequest, senders, textSize int
	names                                int
	maxMiB                               int
	timeout                              time.Duration
	profile                              string // file for the collector's CPU profile; empty for none
}

func main() {
	var o options
	flag.StringVar(&o.collector, "collector", "bin/otelcol-usage", "the binary")
	flag.IntVar(&o.calls, "calls", 300_000, "calls to send; whole requests")
	flag.IntVar(&o.perRequest, "per-request", 200, "calls of one request")
	flag.IntVar(&o.senders, "senders", 4, "connections, one request under way on each")
	flag.IntVar(&o.textSize, "text", 2000, "bytes of prompt and answer on each span")
	flag.IntVar(&o.names, "names", 0, "invent so many names of models, of 200 bytes, which nothing has a price for, and ask the admin's questions afterwards")
	flag.IntVar(&o.maxMiB, "max-mib", 300, "fail when the collector's memory was ever above this, in MiB")
	flag.DurationVar(&o.timeout, "timeout", 8*time.Minute, "give up after this")
	flag.StringVar(&o.profile, "profile", "", "write the collector's CPU profile, from its start to its end, to this file, and what it allocated to FILE.allocs; for go tool pprof")
	flag.Parse()
	if o.calls < 1 || o.perRequest < 1 || o.senders < 1 || o.textSize < 0 || o.names < 0 {
		fmt.Fprintln(os.Stderr, "benche2e: -calls, -per-request and -senders have to be positive, -text and -names not negative")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "benche2e:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	server, err := pgserver.Start(ctx, pgserver.Options{Fsync: true, Log: os.Stderr})
	if err != nil {
		return err
	}
	defer server.Stop()
	pool, err := store.Connect(ctx, store.Config{DSN: server.DSN, MaxConns: 2, ApplicationName: "benche2e"})
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := dbmigrate.New().Up(ctx, pool); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "usage-benche2e-")
	if err != nil {
		return err
	}
	c, err := startCollector(ctx, o, dir, server.DSN)
	if err != nil {
		return fmt.Errorf("%w; its log is kept in %s", err, dir)
	}
	defer func() {
		c.stop()
		if err != nil {
			err = fmt.Errorf("%w; the collector's log is kept as %s", err, filepath.Join(dir, logName))
			return
		}
		err = os.RemoveAll(dir)
	}()

	l := newLoad(o)
	before := c.measure()
	start := time.Now()
	if err := l.send(ctx, c.address); err != nil {
		return err
	}
	accepted := time.Since(start)
	found, err := settled(ctx, pool, l.sent)
	if err != nil {
		return err
	}
	stored := time.Since(start)
	if o.names > 0 {
		if err := c.ask(ctx, out); err != nil {
			return err
		}
	}
	after := c.measure()
	if o.profile != "" {
		if err := c.saveAllocations(ctx, o.profile+".allocs"); err != nil {
			return err
		}
	}

	rows := float64(l.sent.rows)
	fmt.Fprintf(out, "%d calls with %d bytes of text each, %d MiB of OTLP, %d connections, %d requests refused and sent again\n",
		l.sent.rows, o.textSize, l.bytes.Load()>>20, o.senders, l.refused.Load())
	fmt.Fprintf(out, "accepted after %.1f s, stored after %.1f s\n", accepted.Seconds(), stored.Seconds())
	fmt.Fprintf(out, "sent   %s\nstored %s\n", l.sent, found)
	if after.cpu > 0 {
		fmt.Fprintf(out, "collector: %.1f µs of CPU for a row\n", float64((after.cpu-before.cpu).Microseconds())/rows)
	} else {
		fmt.Fprintln(out, "collector: this system does not report CPU and memory of a process under /proc")
	}
	var failures []error
	if found != l.sent {
		failures = append(failures, errors.New("what is stored is not what was sent"))
	}
	differences, err := upkeep.Verify(ctx, pool, upkeep.VerifyOptions{})
	if err != nil {
		return err
	}
	if len(differences) > 0 {
		failures = append(failures, fmt.Errorf("%d sums differ from the rows, the first: %v", len(differences), differences[0]))
	}
	if after.peakMiB > o.maxMiB {
		failures = append(failures, fmt.Errorf("the collector took %d MiB, the goal is %d", after.peakMiB, o.maxMiB))
	}
	fmt.Fprintf(out, "rows/s %.0f, peak MiB %d\n", rows/stored.Seconds(), after.peakMiB)
	return errors.Join(failures...)
}

// settled waits until as many rows are there as were sent, or until nothing has
// arrived for a while.
func settled(ctx context.Context, pool *pgxpool.Pool, sent totals) (totals, error) {
	const patience = 20 * time.Second
	var rows int64
	for last := time.Now(); time.Since(last) < patience; {
		var now int64
		if err := pool.QueryRow(ctx, `SELECT coalesce(sum(calls), 0)::bigint FROM public.usage_quarter_type`).Scan(&now); err != nil {
			return totals{}, fmt.Errorf("count the calls: %w", err)
		}
		if now >= sent.rows {
			break
		}
		if now != rows {
			rows, last = now, time.Now()
		}
		if err := pause.For(ctx, 50*time.Millisecond); err != nil {
			return totals{}, err
		}
	}
	var t totals
	// The cost is compared as whole picodollars, the twelve places of the column.
	err := pool.QueryRow(ctx, `SELECT count(*), coalesce(sum(tokens_used), 0)::bigint, (coalesce(sum(usage_dollars), 0) * 1000000000000)::bigint FROM public.api_usage`).
		Scan(&t.rows, &t.tokens, &t.picodollars)
	if err != nil {
		return t, fmt.Errorf("add the calls up: %w", err)
	}
	return t, nil
}
