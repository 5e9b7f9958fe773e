package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
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
		r.server = childrenCPU(dir)
	}
	return r, b.pool.QueryRow(ctx, `SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint`).Scan(&r.wal)
}

// childrenCPU sums up the processes of a server, in steps of 10 ms each. Those
// that end are not counted any more; the pool keeps its connections.
func childrenCPU(dir string) time.Duration {
	first, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return 0
	}
	postmaster, _, _ := bytes.Cut(first, []byte("\n"))
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	var ticks int64
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it ended
		}
		// After the name, which may hold anything: state, parent, …, and
		// user and system time as the 12th and 13th.
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) < 13 || !bytes.Equal(fields[1], postmaster) {
			continue
		}
		for _, field := range fields[11:13] {
			n, _ := strconv.ParseInt(string(field), 10, 64) // the kernel's own number
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
