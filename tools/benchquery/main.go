// Command benchquery measures how long the questions of the API take: the
// summary of 7, 30, 90 and 365 days with the period before, of all users and of
// one, over a million calls and over as many as it is given, and says which goal
// is met. It owns the measuring and no statement of the product.
//
// The calls are made inside PostgreSQL, in the order of time, without the
// triggers that keep the rollups, which would take most of the time. The
// rollups are then built by the statements that `usagectl verify --repair` repairs
// them with, and one month of them is verified. Every answer is compared with the
// sum of the rows; the exit status is 1 when one differs. With -growth it measures
// instead what writing, asking, exporting, verifying and deleting cost in tables of
// several sizes.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

type options struct {
	rows, users, repeat int
	zone                string
	keep, tags          bool
	onlySessions        bool
	sessions            int
	dsn, growth         string
}

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 10_000_000, "calls in the table")
	flag.IntVar(&o.users, "users", 2000, "users, some of them much busier than others")
	flag.BoolVar(&o.tags, "tags", false, "give each call a team, a feature and a tenant of 100,000, and ask by tag and by session")
	flag.IntVar(&o.sessions, "sessions", 1000, "sessions that the calls belong to")
	flag.BoolVar(&o.onlySessions, "only-sessions", false, "with -tags: ask for sessions alone")
	flag.IntVar(&o.repeat, "repeat", 200, "how often each question is asked")
	flag.StringVar(&o.zone, "zone", "Asia/Kolkata", "time zone of the days")
	flag.StringVar(&o.dsn, "dsn", "", "ask the server that another run with -keep left there")
	flag.BoolVar(&o.keep, "keep", false, "ask nothing; keep the server for psql until the input ends")
	flag.StringVar(&o.growth, "growth", "", "instead of questions, measure what each operation costs in tables of these sizes, such as 1000000,10000000")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "benchquery:", err)
		os.Exit(1)
	}
}

// base is the number of calls that others are compared with.
const base = 1_000_000

func run(ctx context.Context, o options) error {
	if o.growth != "" {
		return growth(ctx, o)
	}
	if o.dsn != "" {
		pool, err := store.Connect(ctx, store.Config{DSN: o.dsn, MaxConns: 5})
		if err != nil {
			return err
		}
		defer pool.Close()
		answers, err := ask(ctx, pool, o, "")
		if err == nil && !o.onlySessions {
			printGoals(o, answers, nil)
		}
		return err
	}
	var small []answer
	if o.rows > base && !o.keep && !o.tags {
		less := o
		less.rows = base
		var err error
		if small, err = measure(ctx, less); err != nil {
			return err
		}
	}
	answers, err := measure(ctx, o)
	if err == nil && !o.keep && !o.onlySessions {
		printGoals(o, answers, small)
	}
	return err
}

// measure fills a server of its own and asks it.
func measure(ctx context.Context, o options) (answers []answer, err error) {
	err = filled(ctx, o, func(server *pgserver.Server, pool *pgxpool.Pool) (err error) {
		if o.keep {
			fmt.Printf("the calls are at %s until the input ends\n", server.DSN)
			_, err = io.Copy(io.Discard, os.Stdin)
			return err
		}
		answers, err = ask(ctx, pool, o, filepath.Join(server.Dir, "data"))
		return err
	})
	return answers, err
}

// filled calls do with a server of its own that has the calls.
func filled(ctx context.Context, o options, do func(*pgserver.Server, *pgxpool.Pool) error) error {
	server, err := pgserver.Start(ctx, pgserver.Options{Log: os.Stderr, Settings: []string{
		"shared_buffers=2GB", "max_wal_size=4GB", "checkpoint_timeout=30min", "wal_level=minimal", "max_wal_senders=0",
		"maintenance_work_mem=512MB", "autovacuum=off",
	}})
	if err != nil {
		return err
	}
	defer server.Stop()
	pool, err := store.Connect(ctx, store.Config{DSN: server.DSN, MaxConns: 5})
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := dbmigrate.New().Up(ctx, pool); err != nil {
		return err
	}
	filler, err := store.Connect(ctx, store.Config{DSN: server.DSN + "&options=-c%20work_mem%3D128MB", MaxConns: 5})
	if err != nil {
		return err
	}
	defer filler.Close()
	if err := fill(ctx, filler, o); err != nil {
		return fmt.Errorf("make the calls: %w", err)
	}
	return do(server, pool)
}

// printGoals says which goal is met: of a year with so many calls, and how much
// longer it takes than with a million of them.
func printGoals(o options, answers, small []answer) {
	year := func(all []answer, who string) answer {
		return all[slices.IndexFunc(all, func(a answer) bool { return a.who == who && a.days == 365 })]
	}
	fmt.Printf("\n%-60s %9s  %s\n", fmt.Sprintf("goal, at %d calls", o.rows), "found", "met")
	line := func(goal, found string, met bool) {
		fmt.Printf("%-60s %9s  %s\n", goal, found, map[bool]string{true: "yes", false: "no"}[met])
	}
	if o.tags {
		for _, who := range []string{allDetail, oneFeature, oneTenant} {
			a := year(answers, who)
			line(fmt.Sprintf("365 days, %s: p99 below %v", who, 100*time.Millisecond), fmt.Sprintf("%.1f ms", millis(a.p99)), a.p99 < 100*time.Millisecond)
		}
		line("every answer equals the sum of the rows", "", true)
		return
	}
	for _, g := range []struct {
		who   string
		limit time.Duration
	}{{allUsers, 100 * time.Millisecond}, {allDetail, 100 * time.Millisecond}, {middleUser, 10 * time.Millisecond}, {busiestUser, 25 * time.Millisecond}} {
		a := year(answers, g.who)
		line(fmt.Sprintf("365 days, %s: p99 below %v", g.who, g.limit), fmt.Sprintf("%.1f ms", millis(a.p99)), a.p99 < g.limit)
	}
	for _, who := range []string{allUsers, allDetail, middleUser, busiestUser} {
		if small != nil {
			factor := float64(year(answers, who).p50) / float64(year(small, who).p50)
			line(fmt.Sprintf("365 days, %s: p50 at most twice that at %d calls", who, base), fmt.Sprintf("%.2f", factor), factor <= 2)
		}
	}
	line("every answer equals the sum of the rows", "", true)
}
