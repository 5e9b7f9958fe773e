package main

import (
	"context"
	"syscall"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pglab"
)

// reading is what was used up to a moment.
type reading struct {
	client, server time.Duration // of CPU
	wal            int64         // bytes
}

// meter reads the clocks of this process, of the server whose cluster is in dir
// (none when that is empty or this is not Linux) and its write-ahead log.
func (b *bench) meter(ctx context.Context, dir string) (reading, error) {
	var r reading
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return r, err
	}
	r.client = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	if dir != "" {
		r.server = pglab.CPU(dir)
	}
	return r, b.pool.QueryRow(ctx, `SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint`).Scan(&r.wal)
}
