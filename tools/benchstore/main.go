// Command benchstore measures what storing usage exactly once costs: the
// writer with the whole schema against a raw COPY of the same rows into a table
// that has nothing but a primary key.
//
// Both are measured in turns, in one run, on a private server with fsync on;
// only their ratio means anything on another machine. The last line is
// "ratio: 0.NN". It owns the measuring and no statement of the product.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

type options struct {
	rows, batch, rounds, users int
	goal                       float64
}

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 100_000, "rows of one measurement")
	flag.IntVar(&o.batch, "batch", 2000, "rows of one batch")
	flag.IntVar(&o.rounds, "rounds", 5, "measurements of each kind; medians count")
	flag.IntVar(&o.users, "users", 2000, "users, some of them much busier than others")
	flag.Float64Var(&o.goal, "goal", 0, "fail below this ratio; 0 never fails")
	flag.Parse()
	ratio, err := run(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchstore:", err)
		os.Exit(1)
	}
	fmt.Printf("ratio: %.2f\n", ratio)
	if ratio < o.goal {
		os.Exit(1)
	}
}

// kind is one way of writing the same rows into an empty table.
type kind struct {
	name  string
	write func(ctx context.Context) error
	rates []float64 // rows a second
}

func run(ctx context.Context, o options) (float64, error) {
	dsn := os.Getenv("BENCH_DATABASE_URL")
	if dsn == "" {
		server, err := pgserver.Start(ctx, pgserver.Options{Fsync: true, Log: os.Stderr, Settings: []string{
			// So that no checkpoint falls into one measurement and not into the next.
			"shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min", "autovacuum=off",
		}})
		if err != nil {
			return 0, err
		}
		defer server.Stop()
		dsn = server.DSN
	}
	pool, err := store.Connect(ctx, store.Config{DSN: dsn, MaxConns: 5})
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	if _, err := dbmigrate.New().Up(ctx, pool); err != nil {
		return 0, err
	}
	records := makeRecords(o)
	b := &bench{pool: pool, o: o, records: records}
	if err := b.prepareRaw(ctx); err != nil {
		return 0, err
	}
	raw := &kind{name: "raw COPY, primary key only, one statement", write: b.raw}
	full := &kind{name: "writer, whole schema, 1 connection", write: func(ctx context.Context) error { return b.full(ctx, 1, false) }}
	kinds := []*kind{
		raw, full,
		{name: "writer, whole schema, 2 connections", write: func(ctx context.Context) error { return b.full(ctx, 2, false) }},
		{name: "writer, whole schema, 4 connections", write: func(ctx context.Context) error { return b.full(ctx, 4, false) }},
		{name: "writer, whole schema, every call twice", write: func(ctx context.Context) error { return b.full(ctx, 1, true) }},
		{name: "writer, sums in the statement, 1 connection", write: b.statement},
	}
	for round := range o.rounds + 1 {
		for _, k := range kinds {
			if err := b.empty(ctx, k != raw); err != nil {
				return 0, err
			}
			start := time.Now()
			if err := k.write(ctx); err != nil {
				return 0, fmt.Errorf("%s: %w", k.name, err)
			}
			if round > 0 { // the first warms caches up
				k.rates = append(k.rates, float64(o.rows)/time.Since(start).Seconds())
			}
		}
	}
	fmt.Printf("%d rows of %d users, batches of %d, medians of %d rounds\n", o.rows, o.users, o.batch, o.rounds)
	reference := median(raw.rates)
	for _, k := range kinds {
		m := median(k.rates)
		fmt.Printf("%-46s %9.0f rows/s  %.2f of raw  (%.0f to %.0f)\n", k.name, m, m/reference, slices.Min(k.rates), slices.Max(k.rates))
	}
	return median(full.rates) / reference, nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

type bench struct {
	pool    *pgxpool.Pool
	o       options
	records []usage.Record
	rawCopy []byte // all rows as a binary COPY
}

const columns = `id, user_id, timestamp, usage_dollars, api_type, model, tokens_used, request_id, metadata, created_at,
	provider, service, environment, pricing_status, pricing_reason, price_id, cost_source, reported_dollars,
	input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
	audio_seconds, characters, images, other_quantities`

// prepareRaw makes the reference table and the bytes that go into it: the very
// rows that the writer makes.
func (b *bench) prepareRaw(ctx context.Context) error {
	if err := b.full(ctx, 1, false); err != nil {
		return err
	}
	return b.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		for _, sql := range []string{
			`DROP TABLE IF EXISTS public.bench_raw`,
			`CREATE TABLE public.bench_raw AS SELECT ` + columns + ` FROM public.api_usage WITH NO DATA`,
			`ALTER TABLE public.bench_raw ADD PRIMARY KEY (id)`,
		} {
			if _, err := c.Exec(ctx, sql); err != nil {
				return err
			}
		}
		var buf bytes.Buffer
		// In the order of time, as rows arrive.
		_, err := c.Conn().PgConn().CopyTo(ctx, &buf, `COPY (SELECT `+columns+` FROM public.api_usage ORDER BY timestamp) TO STDOUT (FORMAT binary)`)
		b.rawCopy = buf.Bytes()
		return err
	})
}

func (b *bench) empty(ctx context.Context, own bool) error {
	tables := `public.bench_raw`
	if own {
		tables = `public.api_usage, public.usage_quarter_hour, public.usage_day, public.usage_quarter_total, public.usage_day_user, public.usage_month_user`
	}
	return pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
		for _, sql := range []string{`SET LOCAL session_replication_role = replica`, `TRUNCATE ` + tables} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *bench) raw(ctx context.Context) error {
	return b.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		_, err := c.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(b.rawCopy), `COPY public.bench_raw (`+columns+`) FROM STDIN (FORMAT binary)`)
		return err
	})
}

func (b *bench) full(ctx context.Context, writers int, twice bool) error {
	w := store.NewWriter(b.pool, store.WriterOptions{})
	batches := make(chan []usage.Record)
	errs := make(chan error, writers)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for batch := range batches {
				for range map[bool]int{false: 1, true: 2}[twice] {
					if _, err := w.Write(ctx, slices.Clone(batch)); err != nil {
						errs <- err
						return
					}
				}
			}
		})
	}
	var err error
	for batch := range slices.Chunk(b.records, b.o.batch) {
		select {
		case batches <- batch:
			continue
		case err = <-errs:
		}
		break
	}
	close(batches)
	wg.Wait()
	return err
}

func (b *bench) statement(ctx context.Context) error {
	if _, err := b.pool.Exec(ctx, `ALTER TABLE public.api_usage DISABLE TRIGGER api_usage_fold_insert`); err != nil {
		return err
	}
	err := b.full(ctx, 1, false)
	_, errEnable := b.pool.Exec(ctx, `ALTER TABLE public.api_usage ENABLE TRIGGER api_usage_fold_insert`)
	if err == nil {
		err = errEnable
	}
	return err
}

// makeRecords imitates six hours of a busy installation: calls in the order of
// time, few users with most of them, metadata of about 240 bytes.
func makeRecords(o options) []usage.Record {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same rows every time are wanted
	zipf := rand.NewZipf(r, 1.2, 20, uint64(o.users-1))
	start := time.Date(2026, 3, 14, 6, 0, 0, 0, time.UTC)
	models := []string{"gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "claude-sonnet-4-20250514", "gemini-2.5-flash", "text-embedding-3-small"}
	records := make([]usage.Record, o.rows)
	for i := range records {
		m := r.IntN(len(models))
		user := fmt.Sprintf("user-%d@example.com", zipf.Uint64())
		records[i] = usage.Record{
			ID: usage.IDFromResponse("bench", fmt.Sprint(i)), Time: start.Add(time.Duration(i) * 6 * time.Hour / time.Duration(o.rows)),
			APIType: usage.APITypeText, Provider: []string{"openai", "openai", "anthropic", "gcp.gemini", "openai"}[m], Model: models[m],
			RequestModel: strings.SplitN(models[m], "-20", 2)[0], Service: []string{"shop", "chat", "search"}[r.IntN(3)], Environment: "production",
			UserID: usage.UserID(user), UserExternalID: user, SessionID: fmt.Sprintf("session-%d", i/20), RequestID: fmt.Sprintf("chatcmpl-%029d", i),
			TraceID: [16]byte{1, byte(i), byte(i >> 8), byte(i >> 16)}, SpanID: [8]byte{2, byte(i), byte(i >> 8), byte(i >> 16)}, Dialect: "otel_genai",
			Quantities: usage.Quantities{usage.InputTextTokens: r.Int64N(5000), usage.OutputTextTokens: r.Int64N(900), usage.CacheReadTokens: r.Int64N(2) * 1024},
			Cost:       usage.Money(r.Int64N(50_000_000_000)), Status: usage.StatusPriced, CostSource: usage.SourceComputed, PriceID: "current/" + models[m],
		}
		if m == 4 {
			records[i].APIType = usage.APITypeEmbedding
		}
	}
	return records
}
