// Command benchstore measures what storing usage exactly once costs: the
// writer with the whole schema against a raw COPY of the same rows into a table
// that has nothing but a primary key.
//
// Both are measured in turns, in one run, on a private server with fsync on;
// only their ratio means anything on another machine. The last line is
// "ratio: 0.NN": the writer as usage_postgres runs it, which is with several
// connections and a transaction for each batch, against one raw COPY in one
// transaction. The table above it has both with one connection and both with
// several, and the raw COPY in batches too. Where other work keeps the cores
// busy, several connections get more of them than one; "CPU of raw" is the
// processor time of client and server together, which that does not change.
//
// With -writers it measures 1 to 16 writers at the same time instead, and how long
// they wait for locks of each other. It owns the measuring and no statement of the
// product.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

type options struct {
	rows, batch, rounds, users, connections int
	goal                                    float64
	only                                    string
	partitioned, writers                    bool
}

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 100_000, "rows of one measurement")
	flag.IntVar(&o.batch, "batch", 10_000, "rows of one batch of the writer, by default as many as usage_postgres gathers")
	flag.IntVar(&o.connections, "connections", 4, "connections of the writer, by default as many as usage_postgres has consumers")
	flag.IntVar(&o.rounds, "rounds", 5, "measurements of each kind; medians count")
	flag.IntVar(&o.users, "users", 2000, "users, some of them much busier than others")
	flag.StringVar(&o.only, "only", "", "measure only the kinds whose name contains this, beside the raw COPY")
	flag.BoolVar(&o.partitioned, "partitioned", false, "partition the table by month first")
	flag.BoolVar(&o.writers, "writers", false, "measure 1 to 16 writers at the same time instead, and how long they wait for each other")
	flag.Float64Var(&o.goal, "goal", 0, "fail below this ratio; 0 never fails")
	flag.Parse()
	ratio, err := run(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchstore:", err)
		os.Exit(1)
	}
	if !o.writers {
		fmt.Printf("ratio: %.2f\n", ratio)
	}
	if ratio < o.goal {
		os.Exit(1)
	}
}

// kind is one way of writing the same rows into an empty table.
type kind struct {
	name  string
	write func(ctx context.Context) error
	// One value for each round.
	rates, ofRaw, clientMicros, serverMicros, cpuOfRaw, walBytes []float64
}

func run(ctx context.Context, o options) (float64, error) {
	dsn, dir := os.Getenv("BENCH_DATABASE_URL"), ""
	if dsn == "" {
		server, err := pgserver.Start(ctx, pgserver.Options{Fsync: true, Log: os.Stderr, Settings: []string{
			// So that no checkpoint falls into one measurement and not into the next.
			"shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min", "autovacuum=off",
		}})
		if err != nil {
			return 0, err
		}
		defer server.Stop()
		dsn, dir = server.DSN, filepath.Join(server.Dir, "data")
	}
	pool, err := store.Connect(ctx, store.Config{DSN: dsn, MaxConns: int32(max(o.connections, maxWriters) + 1)})
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	if _, err := dbmigrate.New().Up(ctx, pool); err != nil {
		return 0, err
	}
	if o.partitioned {
		if err := dbmigrate.PartitionByMonth(ctx, pool); err != nil {
			return 0, err
		}
	}
	b := &bench{pool: pool, o: o, records: makeRecords(o.rows, o.users)}
	if o.writers {
		return 0, b.contention(ctx, dir)
	}
	if err := b.prepareRaw(ctx); err != nil {
		return 0, err
	}
	raw := &kind{name: "raw COPY, primary key only, 1 statement", write: b.raw(1, o.rows)}
	full := &kind{name: fmt.Sprintf("writer, whole schema, %d connections", o.connections), write: b.writer(o.connections, 1)}
	kinds := []*kind{raw, full}
	for _, k := range []*kind{
		{name: fmt.Sprintf("raw COPY, primary key only, %d connections, batches", o.connections), write: b.raw(o.connections, o.batch)},
		{name: "raw COPY, primary key only, 1 connection, batches", write: b.raw(1, o.batch)},
		{name: "writer, whole schema, 1 connection", write: b.writer(1, 1)},
		{name: "writer, whole schema, 2 connections", write: b.writer(2, 1)},
		{name: "writer, three tags, 1 connection", write: b.tagged(1)},
		{name: fmt.Sprintf("writer, three tags, %d connections", o.connections), write: b.tagged(o.connections)},
		{name: "writer, whole schema, every call twice", write: b.writer(1, 2)},
		{name: "writer, sums in the statement, 1 connection", write: b.statement},
	} {
		if strings.Contains(k.name, o.only) {
			kinds = append(kinds, k)
		}
	}
	for round := range o.rounds + 1 {
		for _, k := range kinds {
			if err := b.empty(ctx, strings.HasPrefix(k.name, "writer")); err != nil {
				return 0, err
			}
			if err := b.measure(ctx, dir, k); err != nil {
				return 0, fmt.Errorf("%s: %w", k.name, err)
			}
			if round == 0 {
				k.forget() // warms caches up
				continue
			}
			k.ofRaw = append(k.ofRaw, k.rates[len(k.rates)-1]/raw.rates[len(raw.rates)-1])
			k.cpuOfRaw = append(k.cpuOfRaw, k.lastCPU()/raw.lastCPU())
		}
	}
	fmt.Printf("%d rows of %d users, batches of %d, medians of %d rounds; \"of raw\" compares rows/s and CPU within a round\n", o.rows, o.users, o.batch, o.rounds)
	fmt.Printf("%-50s %9s %7s  %13s  %13s %13s %11s %9s\n", "", "rows/s", "of raw", "(from to)", "client µs/row", "server µs/row", "CPU of raw", "WAL B/row")
	for _, k := range kinds {
		fmt.Printf("%-50s %9.0f %7.2f  (%.2f to %.2f)  %12.1f %13.1f %12.2f %9.0f\n", k.name, median(k.rates), median(k.ofRaw),
			slices.Min(k.ofRaw), slices.Max(k.ofRaw), median(k.clientMicros), median(k.serverMicros), median(k.cpuOfRaw), median(k.walBytes))
	}
	return median(full.ofRaw), nil
}

// measure runs the kind once and adds a value of what it took.
func (b *bench) measure(ctx context.Context, dir string, k *kind) error {
	before, err := b.meter(ctx, dir)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := k.write(ctx); err != nil {
		return err
	}
	took := time.Since(start)
	after, err := b.meter(ctx, dir)
	if err != nil {
		return err
	}
	n := float64(b.o.rows)
	k.rates = append(k.rates, n/took.Seconds())
	k.clientMicros = append(k.clientMicros, (after.client-before.client).Seconds()*1e6/n)
	k.serverMicros = append(k.serverMicros, (after.server-before.server).Seconds()*1e6/n)
	k.walBytes = append(k.walBytes, float64(after.wal-before.wal)/n)
	return nil
}

// forget removes the values.
func (k *kind) forget() { *k = kind{name: k.name, write: k.write} }

// lastCPU is what the last round took, in client and server, µs for each row.
func (k *kind) lastCPU() float64 {
	return k.clientMicros[len(k.clientMicros)-1] + k.serverMicros[len(k.serverMicros)-1]
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
