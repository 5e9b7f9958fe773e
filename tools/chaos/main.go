// Command chaos breaks a running installation in every way we can think of and
// counts the calls afterwards: two real collectors with queues on disk, a real
// PostgreSQL, proxies between them that misbehave, senders that send every
// call to both collectors and repeat what was not accepted. Streams come with a
// part of their tokens and with all, and users of some calls come after them or
// before, to one collector in this order and to the other in that.
//
// After each kind of fault the load stops, the queues drain, and every call
// that was accepted must stand in the table exactly once, with all its tokens and
// its user, nothing may be parked and every rollup must equal its rows. The last line is "kills N, lost N,
// double N"; the exit status is 1 when anything was lost, doubled, parked or
// differs, and when a fault did not happen. It owns the faults and the counting
// and nothing that it breaks.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	collector string
	kills     int
	down      time.Duration
	settle    time.Duration
	out       io.Writer
}

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.collector, "collector", "bin/otelcol-usage", "the collector's binary")
	flag.IntVar(&o.kills, "kills", 20, "kills of a collector, and as many of the database, in each of the faults that kill")
	flag.DurationVar(&o.down, "down", 2*time.Minute, "how long the database stays away once")
	flag.DurationVar(&o.settle, "settle", 2*time.Minute, "how long queues may take to drain")
	only := flag.String("only", "", "run the faults whose name contains this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !chaos(ctx, o, slices.DeleteFunc(faults(o), func(f fault) bool { return !strings.Contains(f.name, *only) })) {
		stop()
		os.Exit(1)
	}
}

// outcome is what was counted after a fault: all calls since the beginning,
// because what was lost once stays lost.
type outcome struct {
	kills, lost, double, parked, noUser, differences int
}

func (o outcome) exact() bool { return o == outcome{kills: o.kills} }

// chaos runs the faults one after the other until one changes a number, prints
// what it saw and reports whether everything is exact.
func chaos(ctx context.Context, o options, faults []fault) bool {
	total, err := run(ctx, o, faults)
	if err != nil {
		fmt.Fprintln(o.out, "chaos:", err)
	}
	fmt.Fprintf(o.out, "kills %d, lost %d, double %d\n", total.kills, total.lost, total.double)
	return err == nil && total.exact()
}

const (
	header = "%-40s %6s %8s %5s %7s %7s %7s %7s %8s  %s\n"
	line   = "%-40s %6d %8d %5d %7d %7d %7d %7d %8.1f  %s\n"
)

func run(ctx context.Context, o options, faults []fault) (total outcome, err error) {
	l, err := newLab(ctx, o)
	defer func() { l.close(err != nil && ctx.Err() == nil) }()
	if err != nil {
		return total, err
	}
	fmt.Fprintf(o.out, header, "fault", "kills", "calls", "lost", "double", "parked", "no user", "rollup", "seconds", "seen")
	for _, f := range faults {
		start, before := time.Now(), l.sent()
		finish := l.load(ctx)
		seen, err := f.do(ctx, l)
		if err == nil {
			err = finish()
		}
		if err != nil {
			return total, fmt.Errorf("%s: %w", f.name, err)
		}
		found, err := l.count(ctx)
		if err != nil {
			return total, fmt.Errorf("%s: %w", f.name, err)
		}
		fmt.Fprintf(o.out, line, f.name, seen.kills, l.sent()-before, found.lost, found.double, found.parked, found.noUser, found.differences, time.Since(start).Seconds(), seen.note)
		found.kills = total.kills + seen.kills
		if total = found; !total.exact() {
			return total, nil
		}
	}
	return total, nil
}
