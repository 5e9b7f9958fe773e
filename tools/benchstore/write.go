package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

type bench struct {
	pool    *pgxpool.Pool
	o       options
	records []usage.Record
	values  [][]any // the rows as pgx's CopyFrom takes them
}

// columns of the table. JSON is read as text, which pgx sends on as it is.
var columns = []string{
	"id", "user_id", "timestamp", "usage_dollars", "api_type", "model", "tokens_used", "request_id", "metadata", "created_at",
	"provider", "service", "environment", "pricing_status", "pricing_reason", "price_id", "cost_source", "reported_dollars",
	"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "reasoning_tokens",
	"audio_seconds", "characters", "images", "other_quantities",
	"pricing_assumptions", "trace_id", "session_id", "outcome", "payer", "tags",
}

// prepareRaw makes the table with a primary key and nothing else, and the
// values that go into it: those of the very rows that the writer makes, in the
// order of time, as they arrive. Their encoding is within the measurement, as
// it is for the writer, which also makes the values from records there.
func (b *bench) prepareRaw(ctx context.Context) error {
	if err := b.writer(1, 1)(ctx); err != nil {
		return err
	}
	for _, sql := range []string{
		`DROP TABLE IF EXISTS public.bench_raw`,
		`CREATE TABLE public.bench_raw AS SELECT ` + strings.Join(columns, ", ") + ` FROM public.api_usage WITH NO DATA`,
		`ALTER TABLE public.bench_raw ADD PRIMARY KEY (id)`,
	} {
		if _, err := b.pool.Exec(ctx, sql); err != nil {
			return err
		}
	}
	list := strings.NewReplacer("metadata", "metadata::text", "other_quantities", "other_quantities::text").Replace(strings.Join(columns, ", "))
	rows, err := b.pool.Query(ctx, `SELECT `+list+` FROM public.api_usage ORDER BY timestamp`)
	if err != nil {
		return err
	}
	b.values, err = pgx.CollectRows(rows, valuesOf)
	return err
}

// valuesOf reads a row in types that pgx can send again.
func valuesOf(row pgx.CollectableRow) ([]any, error) {
	values, err := row.Values()
	for i, v := range values {
		if list, ok := v.([]any); ok {
			words := make([]string, len(list))
			for n := range list {
				words[n] = list[n].(string)
			}
			values[i] = words
		}
	}
	return values, err
}

// empty makes all kinds start from the same tables.
func (b *bench) empty(ctx context.Context, own bool) error {
	tables := `public.bench_raw`
	if own {
		tables = `public.api_usage, public.usage_quarter_hour, public.usage_day, public.usage_half_month, public.usage_quarter_type, public.usage_day_type, public.usage_day_user, public.usage_half_month_user, public.usage_day_tag, public.usage_half_month_tag`
		if b.o.partitioned {
			tables += `, public.api_usage_id`
		}
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

// raw sends the rows by COPY statements of so many rows, as many connections at
// the same time.
func (b *bench) raw(connections, batch int) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		errs := make([]error, connections)
		var wg sync.WaitGroup
		for i := range connections {
			wg.Go(func() {
				part := b.values[i*len(b.values)/connections : (i+1)*len(b.values)/connections]
				for rows := range slices.Chunk(part, batch) {
					if _, errs[i] = b.pool.CopyFrom(ctx, pgx.Identifier{"public", "bench_raw"}, columns, pgx.CopyFromRows(rows)); errs[i] != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

// tagged is writer with the same records, each with three tags.
func (b *bench) tagged(connections int) func(ctx context.Context) error {
	other := *b
	other.records = withTags(b.records)
	return other.writer(connections, 1)
}

// writer sends every batch so many times through so many connections. It is the
// only one that has the batch, as the exporter is.
func (b *bench) writer(connections, times int) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		w := write.New(b.pool, write.Options{})
		batches := make(chan []usage.Record)
		errs := make(chan error, connections)
		var wg sync.WaitGroup
		for range connections {
			wg.Go(func() {
				for batch := range batches {
					for range times {
						if _, err := w.Write(ctx, batch); err != nil {
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
		if err == nil && len(errs) > 0 {
			err = <-errs
		}
		return err
	}
}

// statement lets the insert statement fold the sums, as on Citus.
func (b *bench) statement(ctx context.Context) error {
	if _, err := b.pool.Exec(ctx, `ALTER TABLE public.api_usage DISABLE TRIGGER api_usage_fold_insert`); err != nil {
		return err
	}
	err := b.writer(1, 1)(ctx)
	_, errEnable := b.pool.Exec(ctx, `ALTER TABLE public.api_usage ENABLE TRIGGER api_usage_fold_insert`)
	if err == nil {
		err = errEnable
	}
	return err
}
