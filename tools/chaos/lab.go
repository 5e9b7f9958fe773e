package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pause"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// lab is the installation under test.
type lab struct {
	o          options
	dir        string
	server     *pgserver.Server // the primary
	servers    int              // started so far, each in a directory of its own
	proxies    [2]*proxy        // the two addresses the collectors know
	collectors [2]*collector
	disk       *disk // small, under the queue of the first collector; nil when it cannot be mounted
	noDisk     error

	calls atomic.Int64 // numbers handed out: 0 to calls-1 were sent to both collectors
}

// newLab returns what it has built even with an error, so that it can be closed.
func newLab(ctx context.Context, o options) (*lab, error) {
	l := &lab{o: o}
	var err error
	if l.dir, err = os.MkdirTemp("", "usage-chaos-"); err != nil {
		return l, err
	}
	if err := os.Chmod(l.dir, 0o755); err != nil { //nolint:gosec // the server's user has to pass
		return l, err
	}
	if l.server, err = pgserver.Start(ctx, pgserver.Options{Dir: l.serverDir(), Settings: serverSettings, Log: o.out}); err != nil {
		return l, err
	}
	pool, err := l.connect(ctx)
	if err != nil {
		return l, err
	}
	defer pool.Close()
	if _, err := dbmigrate.New().Up(ctx, pool); err != nil {
		return l, err
	}
	if _, err := pool.Exec(ctx, `CREATE ROLE `+writerRole+` LOGIN PASSWORD '`+writerRole+`' IN ROLE usage_writer`); err != nil {
		return l, err
	}
	for i := range l.proxies {
		if l.proxies[i], err = newProxy(); err != nil {
			return l, err
		}
	}
	l.proxies[0].lead(address(l.server))
	for i := range l.collectors {
		queue := filepath.Join(l.dir, "queue"+strconv.Itoa(i))
		if err := os.Mkdir(queue, 0o700); err != nil {
			return l, err
		}
		if i == 0 {
			l.disk, l.noDisk = mountDisk(queue)
		}
		if l.collectors[i], err = newCollector(o.collector, l.dir, i, queue, l.collectorDSN()); err != nil {
			return l, err
		}
		if err := l.collectors[i].start(ctx); err != nil {
			return l, err
		}
	}
	return l, nil
}

// close ends and removes everything, except the logs when they are wanted.
func (l *lab) close(keepLogs bool) {
	for _, c := range l.collectors {
		if c != nil {
			c.stop()
		}
	}
	for _, p := range l.proxies {
		if p != nil {
			p.close()
		}
	}
	l.server.Stop()
	l.disk.unmount()
	switch {
	case l.dir == "":
	case keepLogs:
		fmt.Fprintln(l.o.out, "chaos: the logs are kept in", l.dir)
	default:
		_ = os.RemoveAll(l.dir)
	}
}

var serverSettings = []string{"deadlock_timeout=50ms", "max_connections=60"}

func (l *lab) serverDir() string {
	l.servers++
	return filepath.Join(l.dir, "postgres"+strconv.Itoa(l.servers))
}

func address(s *pgserver.Server) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// restartServer starts the primary again on the same port.
func (l *lab) restartServer(ctx context.Context) error {
	s, err := pgserver.Start(ctx, pgserver.Options{Dir: l.server.Dir, Port: l.server.Port, Settings: serverSettings})
	if err == nil {
		l.server = s
	}
	return err
}

// connect goes straight to the primary.
func (l *lab) connect(ctx context.Context) (*pgxpool.Pool, error) {
	return store.Connect(ctx, store.Config{DSN: l.server.DSN, MaxConns: 4, ApplicationName: "chaos"})
}

// collectorDSN names both proxies: clients pick the one that leads to a writable server.
func (l *lab) collectorDSN() string {
	u, err := url.Parse(l.server.DSN)
	if err != nil {
		panic(err) // pgserver made it
	}
	u.User = url.UserPassword(writerRole, writerRole)
	u.Host = l.proxies[0].address + "," + l.proxies[1].address
	q := u.Query()
	q.Set("target_session_attrs", "read-write")
	u.RawQuery = q.Encode()
	return u.String()
}

func (l *lab) sent() int { return int(l.calls.Load()) }

// refused returns how often a collector did not accept a request.
func (l *lab) refused() int64 { return l.collectors[0].refused.Load() + l.collectors[1].refused.Load() }

const (
	callsPerRequest = 20
	pauseOfSenders  = 15 * time.Millisecond
)

// load sends calls until finish is called, which waits until both collectors
// have accepted everything that was begun.
func (l *lab) load(ctx context.Context) (finish func() error) {
	var stopping atomic.Bool
	var senders sync.WaitGroup
	for range 2 {
		senders.Go(func() {
			for !stopping.Load() && ctx.Err() == nil {
				first := int(l.calls.Add(callsPerRequest)) - callsPerRequest
				requests := calls(first, callsPerRequest, time.Now())
				var both sync.WaitGroup
				for k, c := range l.collectors {
					both.Go(func() { // each in another order
						c.send(ctx, requests[k])
						c.send(ctx, requests[1-k])
					})
				}
				both.Wait()
				_ = pause.For(ctx, pauseOfSenders)
			}
		})
	}
	return func() error {
		stopping.Store(true)
		accepted := make(chan struct{})
		go func() {
			senders.Wait()
			close(accepted)
		}()
		select {
		case <-accepted:
			return ctx.Err()
		case <-time.After(l.o.settle):
			return fmt.Errorf("a collector still accepts nothing after %v", l.o.settle)
		}
	}
}

// flowing waits until n more calls were accepted: a fault that comes when
// nothing flows proves nothing.
func (l *lab) flowing(ctx context.Context, n int64) error {
	goal := l.calls.Load() + n
	return l.until(ctx, "calls are accepted", func() (bool, error) { return l.calls.Load() >= goal, nil })
}

// until repeats check until it is true.
func (l *lab) until(ctx context.Context, what string, check func() (bool, error)) error {
	for deadline := time.Now().Add(l.o.settle); ; {
		ok, err := check()
		if ok && err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("not within %v: %s", l.o.settle, what), err)
		}
		if err := pause.For(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// count waits until every call is stored or the time is up, and returns what it finds.
func (l *lab) count(ctx context.Context) (outcome, error) {
	pool, err := l.connect(ctx)
	if err != nil {
		return outcome{}, err
	}
	defer pool.Close()
	for deadline := time.Now().Add(l.o.settle); ; {
		found, err := count(ctx, pool, l.sent())
		// A killed server may still be recovering.
		if (err == nil && found.lost+found.noUser == 0) || time.Now().After(deadline) {
			return found, err
		}
		if err := pause.For(ctx, 200*time.Millisecond); err != nil {
			return found, err
		}
	}
}

// count compares what is stored with calls 0 to sent-1 (see [calls]): a row
// with other tokens than were sent is one lost and one double.
func count(ctx context.Context, pool *pgxpool.Pool, sent int) (o outcome, err error) {
	if err := pool.QueryRow(ctx, `
WITH sent AS (
  SELECT 'chaos-' || n AS request_id, 100 + n % 50 + n % 20 AS tokens FROM generate_series(0, $1::integer - 1) AS g (n)
), stored AS (
  SELECT count(*) AS rows, count(DISTINCT u.request_id) FILTER (WHERE s.tokens = u.tokens_used) AS calls
  FROM public.api_usage u LEFT JOIN sent s USING (request_id)
)
SELECT $1 - calls, rows - calls, (SELECT count(*) FROM public.usage_dead_letter), (SELECT count(*) FROM public.api_usage WHERE user_id IS NULL)
FROM stored`, sent).Scan(&o.lost, &o.double, &o.parked, &o.noUser); err != nil {
		return o, fmt.Errorf("count the calls: %w", err)
	}
	found, err := upkeep.Verify(ctx, pool, upkeep.VerifyOptions{})
	o.differences = len(found)
	return o, err
}
