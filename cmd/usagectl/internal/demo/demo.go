// Package demo is `usagectl demo`: the whole system on one machine, fed with captured
// telemetry of real libraries until Ctrl-C.
//
// It owns the steps and their output. Each step uses what a user would use: the built
// collector as a separate process, OTLP over gRPC, and the query API over HTTP.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/replay"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// Commands are the other commands of usagectl that the demo uses.
type Commands struct {
	// PublishPrices runs `usagectl prices publish` and returns its output.
	PublishPrices func(context.Context, *pgxpool.Pool, *pricing.Book) (string, []upkeep.CalledModel, error)
	// LookAhead returns what `usagectl forecast`, `usagectl advise` and `usagectl what-if` say,
	// and with publish stores the first two for the dashboards.
	LookAhead func(ctx context.Context, pool *pgxpool.Pool, b *pricing.Book, publish bool, now time.Time) (string, error)
}

type options struct {
	collector   string
	days        int
	callsPerDay int
	once        bool
	noGrafana   bool
	addTo       bool
}

// New returns the command.
func New(c Commands) *cobra.Command {
	o := options{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Runs PostgreSQL, the collector and 200 days of captured telemetry on this machine",
		Long: `Runs the whole system on this machine, on loopback only:

  1. PostgreSQL: the one DATABASE_URL names, else a private one that is started
     for the demo and removed after it (as an unprivileged user when run as root)
  2. the collector with examples/demo.yaml and a price file with one negotiated price
  3. captured telemetry of real libraries, spread over the last days, sent as OTLP;
     then, for the dashboards, the list prices of its models, and in the private
     database examples of budgets and of an exchange rate, forecasts and advice
  4. the totals, asked from the query API, what comes next (a forecast, advice, a
     what-if), and the calls to ask yourself

It stays up with a trickle of live calls until Ctrl-C, or ends after step 4
with --once. While it is up and grafana is in PATH, the dashboards are shown by
a Grafana of its own, on loopback, for everybody to look at; not with
DATABASE_URL, because it changes the password of the role usage_grafana.

A database that holds calls is refused unless --add-to-existing is given: the calls
of the demo are invented, of users at northwind.example, and stay in its totals.
Their services are ` + strings.Join(services, ", ") + ".",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.days < 1 || o.days > 365 {
				return fmt.Errorf("--days must be between 1 and 365, found %d", o.days)
			}
			if o.callsPerDay < 1 || o.callsPerDay > 10_000 {
				return fmt.Errorf("--calls-per-day must be between 1 and 10000, found %d", o.callsPerDay)
			}
			err := run(cmd.Context(), cmd.OutOrStdout(), c, o)
			if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
				return nil // Ctrl-C is the normal end of a demo
			}
			return err
		},
	}
	cmd.Flags().StringVar(&o.collector, "collector", "bin/otelcol-usage", "path of the collector binary")
	cmd.Flags().IntVar(&o.days, "days", 200, "how many days back the telemetry begins; the boards compare 90 days with the 91 before")
	cmd.Flags().IntVar(&o.callsPerDay, "calls-per-day", 480, "captures sent for a day of average traffic, and live at the same pace")
	cmd.Flags().BoolVar(&o.once, "once", false, "end after the totals are shown")
	cmd.Flags().BoolVar(&o.addTo, "add-to-existing", false, "store the demo's invented calls in a database that holds calls")
	cmd.Flags().BoolVar(&o.noGrafana, "no-grafana", false, "do not start Grafana")
	return cmd
}

// deadline limits each step that waits.
const deadline = 2 * time.Minute

func run(ctx context.Context, out io.Writer, commands Commands, o options) error {
	captures, err := replay.Builtin()
	if err != nil {
		return err
	}
	if _, err := os.Stat(o.collector); err != nil {
		return fmt.Errorf("no collector at %s: run `make build` first, or name it with --collector", o.collector)
	}
	dir, err := os.MkdirTemp("", "otelcol-usage-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder in TMPDIR

	ownDatabase := os.Getenv("DATABASE_URL") == ""
	dsn, stopDatabase, err := database(ctx, out, o.addTo)
	if err != nil {
		return err
	}
	defer stopDatabase()

	fmt.Fprintln(out, "[2/4] collector: starting", o.collector, "with examples/demo.yaml")
	now := time.Now().UTC()
	priceFile, changes, err := writePrices(dir, now, o.days)
	if err != nil {
		return err
	}
	c, err := startCollector(ctx, o.collector, dir, dsn, priceFile)
	if err != nil {
		return err
	}
	defer c.stop(out)
	if err := c.waitUntilReady(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "      OTLP gRPC on %s, OTLP HTTP on %s, query API on http://%s\n", c.grpc, c.http, c.api)
	fmt.Fprintf(out, "      %s costs 10 %% less from %s on: an example of a custom price file\n", negotiated, changes.Format(time.DateOnly))

	s, err := newSender(c.grpc, captures)
	if err != nil {
		return err
	}
	defer s.close()
	before, err := c.calls(ctx)
	if err != nil {
		return err
	}
	if err := s.sendHistory(ctx, out, now, o.days, o.callsPerDay); err != nil {
		return err
	}
	if err := c.waitForCalls(ctx, before+int64(s.billable)); err != nil {
		return err
	}
	fmt.Fprintf(out, "      %d spans sent, %d billable calls stored, each once\n", s.spans, s.billable)
	ahead, err := fillBoards(ctx, out, commands, dsn, priceFile, ownDatabase, now)
	if err != nil {
		return err
	}

	if err := c.report(ctx, out, now, o.days); err != nil {
		return err
	}
	fmt.Fprintln(out, ahead)
	if o.once {
		return nil
	}
	c.suggest(out, now, o.days, dsn, ownDatabase)
	if !o.noGrafana {
		stopGrafana := showGrafana(ctx, out, dsn, ownDatabase)
		defer stopGrafana()
	}
	fmt.Fprintf(out, "Live calls trickle in now, one every %s like the days before. Ctrl-C stops everything.\n", pace(o.callsPerDay))
	return s.trickle(ctx, c.Exited(), pace(o.callsPerDay))
}

// database returns a DSN, and a function that releases the database.
func database(ctx context.Context, out io.Writer, addTo bool) (string, func(), error) {
	if dsn := os.Getenv("DATABASE_URL"); dsn != "" {
		if err := askDatabase(ctx, dsn, addTo); err != nil {
			return "", nil, err
		}
		fmt.Fprintln(out, "[1/4] PostgreSQL: using DATABASE_URL; the demo's calls are stored there")
		return dsn, func() {}, nil
	}
	fmt.Fprintln(out, "[1/4] PostgreSQL: DATABASE_URL is not set, starting a private server")
	ctx, cancel := context.WithTimeout(ctx, 2*deadline)
	defer cancel()
	server, err := pgserver.Start(ctx, pgserver.Options{Log: out})
	if err != nil {
		return "", nil, err
	}
	return server.DSN, server.Stop, nil
}

// askDatabase returns an error if the database is unreachable, or if it contains real calls
// and addTo is false.
func askDatabase(ctx context.Context, dsn string, addTo bool) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	pool, err := store.Connect(ctx, store.Config{DSN: dsn, ApplicationName: "usagectl"})
	if err != nil {
		return err
	}
	defer pool.Close()
	has, err := upkeep.HasCalls(ctx, pool)
	switch {
	case err != nil:
		return fmt.Errorf("DATABASE_URL: %w; %s", store.InOneLine(err), cmp.Or(store.Advice(err, "usage_reader"), "unset it, and the demo starts a private server"))
	case has && !addTo:
		return errors.New("the database of DATABASE_URL holds calls, and the demo's are invented: unset DATABASE_URL to get a private one, name an empty one, or add --add-to-existing (see usagectl demo --help)")
	}
	return nil
}
