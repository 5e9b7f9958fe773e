package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var (
	writerCounts  = []int{1, 2, 4, 8, 16}
	writerBatches = []int{100, 10_000}
)

// maxWriters is the number of connections that contention needs beside one to watch them.
const maxWriters = 16

// sampleStep is how often contention looks what the writers wait for. Each look costs the
// server a fraction of a millisecond.
const sampleStep = 20 * time.Millisecond

// contention measures several writers at the same time, which add to the same sums, in
// small and in large batches. It prints what a row costs and which part of the writers'
// time is spent waiting for locks of each other.
func (b *bench) contention(ctx context.Context, dir string) error {
	fmt.Printf("%d rows of %d users, medians of %d rounds; \"of one\" compares the CPU with that of one writer in the same round\n", b.o.rows, b.o.users, b.o.rounds)
	fmt.Printf("%-6s %7s %9s  %13s %13s %7s %14s\n", "batch", "writers", "rows/s", "client µs/row", "server µs/row", "of one", "wait for locks")
	for _, batch := range writerBatches {
		one := *b
		one.o.batch = batch
		kinds := make([]kind, len(writerCounts))
		waits := make([][]float64, len(writerCounts))
		for round := range b.o.rounds + 1 {
			for i, writers := range writerCounts {
				kinds[i].write = one.writer(writers, 1)
				waiting, err := one.watched(ctx, dir, &kinds[i], writers)
				if err != nil {
					return fmt.Errorf("%d writers of %d rows: %w", writers, batch, err)
				}
				if round == 0 {
					kinds[i].forget() // warms caches up
					continue
				}
				kinds[i].cpuOfRaw = append(kinds[i].cpuOfRaw, kinds[i].lastCPU()/kinds[0].lastCPU())
				waits[i] = append(waits[i], waiting)
			}
		}
		for i, writers := range writerCounts {
			k := &kinds[i]
			fmt.Printf("%-6d %7d %9.0f  %13.1f %13.1f %7.2f %13.0f%%\n", batch, writers, median(k.rates), median(k.clientMicros), median(k.serverMicros), median(k.cpuOfRaw), 100*median(waits[i]))
		}
	}
	return nil
}

// watched measures one round, and which part of their time the writers wait for locks.
func (b *bench) watched(ctx context.Context, dir string, k *kind, writers int) (waiting float64, err error) {
	if err := b.empty(ctx, true); err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- b.measure(ctx, dir, k) }()
	var waits, looks int
	tick := time.NewTicker(sampleStep)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return float64(waits) / float64(max(looks, 1)*writers), err
		case <-tick.C:
		}
		var n int
		if err := b.pool.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`).Scan(&n); err != nil {
			stop()
			return 0, errors.Join(err, <-done)
		}
		waits += n
		looks++
	}
}
