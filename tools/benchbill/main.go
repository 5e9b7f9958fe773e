// Command benchbill measures the comparison with the provider's bill: how much
// memory the import of a large report takes, and how long the explanation of 31
// days does, over as many calls and lines of bills as it is given. It owns the
// measuring and no statement of the product: both are done by usagectl, as a
// program of its own. The exit status is 1 when a goal is missed.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

type options struct {
	calls, lines, days int
	usagectl, keep     string
}

func main() {
	var o options
	flag.IntVar(&o.calls, "calls", 10_000_000, "calls in the table")
	flag.IntVar(&o.lines, "lines", 1_000_000, "lines of the bill")
	flag.IntVar(&o.days, "days", 365, "days over which both are spread")
	flag.StringVar(&o.usagectl, "usagectl", "bin/usagectl", "the program that is measured")
	flag.StringVar(&o.keep, "keep", "", "a folder that keeps the database: the next run with the same sizes explains it again, without making or importing anything")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "benchbill:", err)
		os.Exit(1)
	}
}

// The goals.
const (
	maxImportMiB  = 300
	maxExplain    = 2 * time.Second
	explainedDays = 31
)

// start is the first day of calls and bill.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// fillSQL makes calls as the writer stores them: 20 models, three statuses, some
// with assumptions. Without the triggers, which are not measured here.
const fillSQL = `
INSERT INTO public.api_usage (id, timestamp, usage_dollars, api_type, model, tokens_used, request_id, metadata, provider, service,
  pricing_status, pricing_reason, price_id, cost_source, input_tokens, output_tokens, cache_read_tokens, pricing_assumptions, trace_id)
SELECT gen_random_uuid(), $1::timestamptz + i * ($2::interval / $3::int), CASE WHEN i % 50 = 0 THEN 0 ELSE 0.0025 END, 'text', 'gpt-' || i % 20, 1500, 'chatcmpl-' || md5(i::text),
  jsonb_build_object('dialect', 'otel', 'span_id', substr(md5(i::text), 1, 16), 'request_model', 'gpt-' || i % 20), 'openai', 'service-' || i % 40,
  CASE WHEN i % 50 = 0 THEN 'unpriced' WHEN i % 10 = 0 THEN 'estimated' ELSE 'priced' END, CASE WHEN i % 50 = 0 THEN 'unknown_model' WHEN i % 10 = 0 THEN 'price_fallback' END,
  'current/openai/gpt-' || i % 20, 'computed', 1000, 500, 200, CASE WHEN i % 3 = 0 THEN '{service_tier}'::text[] ELSE '{}' END, md5(i::text)
FROM generate_series(0, $3::int - 1) AS i`

func run(ctx context.Context, o options) error {
	server, err := pgserver.Start(ctx, pgserver.Options{Dir: o.keep, Settings: []string{"shared_buffers=512MB", "max_wal_size=8GB"}})
	if err != nil {
		return err
	}
	defer server.Stop()
	conn, err := pgx.Connect(ctx, server.DSN)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // the server goes with it
	var missed []error
	var is bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('public.usage_bill_day') IS NOT NULL").Scan(&is); err != nil {
		return err
	}
	if !is {
		if missed, err = fill(ctx, conn, server.DSN, o); err != nil {
			return err
		}
	}
	best, err := explain(server.DSN, o)
	if err != nil {
		return err
	}
	fmt.Printf("explanation of %d days: %s, the best of five, of it %s of processor time in usagectl; at most %d MiB\n", explainedDays, best.took.Round(time.Millisecond), best.cpu.Round(time.Millisecond), best.mib)
	if best.took > maxExplain {
		missed = append(missed, fmt.Errorf("the explanation takes %s, the goal is %s", best.took, maxExplain))
	}
	return errors.Join(missed...)
}

// fill makes the calls and imports the bill.
func fill(ctx context.Context, conn *pgx.Conn, dsn string, o options) (missed []error, err error) {
	folder, err := os.MkdirTemp("", "benchbill")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder
	if _, err := dbmigrate.New().Up(ctx, conn); err != nil {
		return nil, err
	}
	began := time.Now()
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{"SET session_replication_role = replica", nil},
		{fillSQL, []any{start, time.Duration(o.days) * 24 * time.Hour, o.calls}},
		{"VACUUM (ANALYZE) public.api_usage", nil},
	} {
		if _, err := conn.Exec(ctx, step.sql, step.args...); err != nil {
			return nil, err
		}
	}
	fmt.Printf("%d calls of %d days made in %s\n", o.calls, o.days, time.Since(began).Round(time.Second))
	file := filepath.Join(folder, "costs.json")
	if err := writeBill(file, o); err != nil {
		return nil, err
	}
	imported, err := measure(dsn, o.usagectl, "bill", "import", "--provider", "openai", "--as-of", "2100-01-01", "--file", file)
	if err != nil {
		return nil, err
	}
	fmt.Printf("import of %d lines: %s, of it %s of processor time in usagectl; at most %d MiB\n", o.lines, imported.took.Round(time.Millisecond), imported.cpu.Round(time.Millisecond), imported.mib)
	if imported.mib > maxImportMiB {
		missed = append(missed, fmt.Errorf("the import takes %d MiB, the goal is %d", imported.mib, maxImportMiB))
	}
	_, err = conn.Exec(ctx, "VACUUM (ANALYZE) public.usage_bill_row, public.usage_bill_day")
	return missed, err
}

// explain gives the best of five.
func explain(dsn string, o options) (best result, err error) {
	best.took = time.Hour
	for range 5 {
		explained, err := measure(dsn, o.usagectl, "bill", "explain", "--from", start.AddDate(0, 0, o.days-explainedDays).Format(time.DateOnly), "--to", start.AddDate(0, 0, o.days-1).Format(time.DateOnly))
		if err != nil {
			return best, err
		}
		if explained.took < best.took {
			best = explained
		}
	}
	return best, nil
}

// writeBill writes pages of costs: for each day the same number of lines, over
// models, keys and kinds.
func writeBill(name string, o options) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	defer func() { err = errors.Join(err, w.Flush(), file.Close()) }()
	fmt.Fprint(w, `{"object":"page","data":[`)
	for d := range o.days {
		from := start.AddDate(0, 0, d)
		if d > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, `{"object":"bucket","start_time":%d,"end_time":%d,"results":[`, from.Unix(), from.AddDate(0, 0, 1).Unix())
		first, end := d*o.lines/o.days, (d+1)*o.lines/o.days
		for n := first; n < end; n++ {
			if n > first {
				fmt.Fprint(w, ",")
			}
			kind := []string{"input_tokens", "output_tokens", "cached input_tokens"}[n%3]
			fmt.Fprintf(w, `{"object":"organization.costs.result","amount":{"value":0.%06d,"currency":"usd"},"line_item":"gpt-%d, %s","quantity":%d,"quantity_unit":"tokens","project_id":"proj_%d","api_key_id":"key_%d","user_id":null,"api_source":null}`,
				n%1_000_000, n/3%20, kind, 1000+n%5000, n%17, n/60%50)
		}
		fmt.Fprint(w, "]}")
	}
	_, err = fmt.Fprint(w, `],"has_more":false,"next_page":null}`)
	return err
}

// result is what a program took.
type result struct {
	took, cpu time.Duration
	mib       int64
}

func measure(dsn, program string, args ...string) (result, error) {
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // the program that is measured, which ends by itself
	cmd.Env = append(os.Environ(), "DATABASE_URL="+dsn)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return result{}, fmt.Errorf("%s: %w\n%s", args[1], err, out)
	}
	r := result{took: time.Since(began), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.mib = usage.Maxrss >> 10 // KiB on Linux
	}
	return r, nil
}
