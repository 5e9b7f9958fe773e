package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/pglab"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// touched is about how many calls are exported, deleted and written, whatever the size of
// the table.
const touched = 100_000

// cost is one measurement: the processor time of client and server for each unit.
type cost struct {
	what, unit     string
	units          int64
	client, server time.Duration
}

// growth fills a server for each of the sizes, which are separated by commas, measures
// what each operation costs, and prints one table.
func growth(ctx context.Context, o options) error {
	var sizes []int
	for text := range strings.SplitSeq(o.growth, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < touched {
			return fmt.Errorf("-growth: %q is not a number of calls from %d; give several separated by commas", text, touched)
		}
		sizes = append(sizes, n)
	}
	var table [][]cost
	for _, rows := range sizes {
		of := o
		of.rows = rows
		var costs []cost
		if err := filled(ctx, of, func(server *pgserver.Server, _ *pgxpool.Pool) (err error) {
			// The processor time of a parallel worker ends with it, unseen.
			pool, err := store.Connect(ctx, store.Config{DSN: server.DSN + "&options=-c%20max_parallel_workers_per_gather%3D0", MaxConns: 5})
			if err != nil {
				return err
			}
			defer pool.Close()
			costs, err = (&grown{pool: pool, o: of, dir: filepath.Join(server.Dir, "data")}).measure(ctx)
			return err
		}); err != nil {
			return err
		}
		table = append(table, costs)
	}
	fmt.Printf("\nprocessor time, client + server%24s", "")
	for _, rows := range sizes {
		fmt.Printf(" %16s", fmt.Sprintf("%d calls", rows))
	}
	fmt.Println()
	for i := range table[0] {
		fmt.Printf("%-55s", table[0][i].what+", "+table[0][i].unit)
		for _, costs := range table {
			c := costs[i]
			unit := time.Duration(c.units) * time.Microsecond
			if strings.HasPrefix(c.unit, "ms") {
				unit = time.Duration(c.units) * time.Millisecond
			}
			fmt.Printf(" %16s", fmt.Sprintf("%.2f + %.2f", float64(c.client)/float64(unit), float64(c.server)/float64(unit)))
		}
		fmt.Println()
	}
	return nil
}

// grown is a filled server.
type grown struct {
	pool *pgxpool.Pool
	o    options
	dir  string
}

// days is how many days have about as many calls as are touched.
func (g *grown) days() int { return max(1, touched*days/g.o.rows) }

func (g *grown) measure(ctx context.Context) (list []cost, err error) {
	for _, m := range []struct {
		what, unit string
		run        func(context.Context) (int64, error)
	}{
		{"a year of all users, full", "ms an answer", g.year(0, true)},
		{"a year of the middle user", "ms an answer", g.year(g.o.users/2, false)},
		{"export, JSON left out", "µs a call", g.export},
		{"verify a month", "µs a call", g.verify},
		{"write, batches of 10,000", "µs a call", g.write},
		{"retention", "µs a call", g.retain},
	} {
		client, server := clientCPU(), pglab.CPU(g.dir)
		units, err := m.run(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.what, err)
		}
		if units == 0 {
			return nil, fmt.Errorf("%s: there was nothing to do", m.what)
		}
		list = append(list, cost{m.what, m.unit, units, clientCPU() - client, pglab.CPU(g.dir) - server})
	}
	return list, nil
}

// clientCPU is the processor time of this process.
func clientCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// year asks for a year and the one before.
func (g *grown) year(user int, everybody bool) func(context.Context) (int64, error) {
	return func(ctx context.Context) (int64, error) {
		var filter read.Filter
		if !everybody {
			filter.ByUser = true
			var id [16]byte
			if err := g.pool.QueryRow(ctx, `SELECT md5('user-' || $1::text)::uuid`, strconv.Itoa(user)).Scan(&id); err != nil {
				return 0, err
			}
			filter.User = id
		}
		zone, err := time.LoadLocation(g.o.zone)
		if err != nil {
			return 0, err
		}
		span, err := report.ParseSpan(end.In(zone).AddDate(-1, 0, 0).Format(time.DateOnly), end.Format(time.RFC3339), g.o.zone, end)
		if err != nil {
			return 0, err
		}
		q := report.Question{Viewer: read.Administrator(), Filter: filter, Span: span, Top: 10, Detail: everybody}.ForStore()
		const answers = 20
		for range answers {
			if _, _, _, err := read.New(g.pool, time.Minute).Summaries(ctx, q); err != nil {
				return 0, err
			}
		}
		return answers, nil
	}
}

// export reads the newest calls.
func (g *grown) export(ctx context.Context) (n int64, err error) {
	q := read.CallsQuestion{Viewer: read.Administrator(), From: end.AddDate(0, 0, -g.days()), To: end}
	err = read.New(g.pool, time.Minute).EachCall(ctx, q, time.Minute, func(*read.Call) error {
		n++
		return nil
	})
	return n, err
}

// verify compares the sums of a month with its calls.
func (g *grown) verify(ctx context.Context) (n int64, err error) {
	from := time.Date(end.Year(), end.Month()-3, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 1, 0)
	found, err := upkeep.Verify(ctx, g.pool, upkeep.VerifyOptions{From: from, To: to})
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("%s of %s has %d wrong rows", found[0].Rollup, found[0].Month.Format("2006-01"), found[0].Keys)
	}
	if err != nil {
		return 0, err
	}
	err = g.pool.QueryRow(ctx, `SELECT sum(calls)::bigint FROM public.usage_day_type WHERE bucket >= $1 AND bucket < $2`, from, to).Scan(&n)
	return n, err
}

// write stores new calls, one after the other second, of the users that are there.
func (g *grown) write(ctx context.Context) (int64, error) {
	const batch = 10_000
	w := write.New(g.pool, write.Options{})
	records := make([]usage.Record, batch)
	for from := 0; from < touched; from += batch {
		for i := range records {
			n := from + i
			records[i] = usage.Record{
				ID: usage.IDFromResponse("growth", strconv.Itoa(n)), Time: end.Add(time.Duration(n) * time.Second / 10),
				APIType: usage.APITypeText, Provider: fmt.Sprint("provider-", n%4), Model: fmt.Sprint("model-", n%20), RequestModel: fmt.Sprint("model-", n%20),
				Service: fmt.Sprint("service-", n%8), Environment: "production",
				UserID: usage.UserID(fmt.Sprintf("user-%d@example.com", n*n%g.o.users)), UserExternalID: fmt.Sprintf("user-%d@example.com", n*n%g.o.users),
				SessionID: fmt.Sprint("session-", n/20), RequestID: fmt.Sprintf("chatcmpl-%029d", n), Dialect: "otel",
				TraceID: [16]byte{1, byte(n), byte(n >> 8), byte(n >> 16)}, SpanID: [8]byte{2, byte(n), byte(n >> 8), byte(n >> 16)},
				Quantities: usage.Quantities{usage.InputTextTokens: int64(n % 5000), usage.OutputTextTokens: int64(n % 900)},
				Cost:       usage.Money(n % 50_000 * 1_000_000), Status: usage.StatusPriced, CostSource: usage.SourceComputed, PriceID: fmt.Sprint("current/model-", n%20),
			}
		}
		result, err := w.Write(ctx, records)
		if err != nil {
			return 0, err
		}
		if result.Inserted != batch || !result.Copied {
			return 0, fmt.Errorf("of %d calls %d were stored, by COPY: %t", batch, result.Inserted, result.Copied)
		}
	}
	return touched, nil
}

// retain deletes the oldest calls.
func (g *grown) retain(ctx context.Context) (int64, error) {
	return upkeep.Retain(ctx, g.pool, upkeep.RetainOptions{Before: end.AddDate(0, 0, 1-days+g.days())})
}
