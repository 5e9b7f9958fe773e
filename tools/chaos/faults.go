package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/pause"
	"github.com/otelcol-usage/otelcol-usage/internal/pglab"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// fault is one way to break the installation while calls flow.
type fault struct {
	name string
	do   func(ctx context.Context, l *lab) (seen, error)
}

// seen is the evidence that the fault happened.
type seen struct {
	kills int
	note  string
}

func faults(o options) []fault {
	all := []fault{
		{"collectors killed", killCollectors},
		{"collectors killed while they restore", killRestoring},
		{"collectors stopped, database away", stopCollectors},
		{"database killed", killDatabase},
		{"connections cut, delayed, half closed", breakConnections},
		{"connections that pass nothing", freezeConnections},
		{"deadlocks provoked", provokeDeadlocks},
		{"disk under a queue full", fillDisk},
		{"fail-over to another address", failOver},
		{fmt.Sprintf("database away for %v", o.down), takeDatabaseAway},
		{"everything at once", everythingAtOnce},
	}
	for _, c := range changes {
		all = append(all, fault{changed + c.name, changeDatabase(c)})
	}
	return all
}

// changed is the prefix of the names of the faults in changes.go.
const changed = "changed: "

// killCollectors kills one collector after the other with SIGKILL.
func killCollectors(ctx context.Context, l *lab) (seen, error) {
	for kill := range l.o.kills {
		if err := l.flowing(ctx, 500); err != nil {
			return seen{}, err
		}
		c := l.collectors[kill%len(l.collectors)]
		c.kill()
		if err := c.start(ctx); err != nil {
			return seen{}, err
		}
	}
	return seen{kills: l.o.kills}, nil
}

// killRestoring kills a collector at any moment of its start, while its queue
// holds many batches that were under way.
func killRestoring(ctx context.Context, l *lab) (seen, error) {
	primary := l.active()
	target := primary.refuse()
	c := l.collectors[0]
	for range l.o.kills {
		if err := l.flowing(ctx, 300); err != nil {
			return seen{}, err
		}
		c.kill()
		if err := c.spawn(); err != nil {
			return seen{}, err
		}
		if err := pause.For(ctx, time.Duration(rand.IntN(500))*time.Millisecond); err != nil { //nolint:gosec // any moment
			return seen{}, err
		}
		c.kill()
		if err := c.start(ctx); err != nil {
			return seen{}, err
		}
	}
	primary.lead(target)
	return seen{kills: 2 * l.o.kills}, l.flowing(ctx, 300)
}

// stopCollectors stops one collector after the other in order, as a deployment
// does, while no batch can be stored. Each says that it drops data, and must not.
func stopCollectors(ctx context.Context, l *lab) (seen, error) {
	primary := l.active()
	target := primary.refuse()
	stops := max(2, l.o.kills/2)
	for i := range stops {
		if err := l.flowing(ctx, 300); err != nil {
			return seen{}, err
		}
		c := l.collectors[i%len(l.collectors)]
		if !c.stop() {
			return seen{}, errors.New("a collector had to be killed, because it did not end while the database was down")
		}
		if err := c.start(ctx); err != nil {
			return seen{}, err
		}
	}
	primary.lead(target)
	return seen{note: fmt.Sprintf("%d orderly stops", stops)}, l.flowing(ctx, 300)
}

// killDatabase kills in turn the whole server, which recovers from its log when
// it is started again, and one of its processes, as a system without memory
// does, upon which the server ends all others and recovers by itself.
func killDatabase(ctx context.Context, l *lab) (seen, error) {
	for kill := range l.o.kills {
		if err := l.flowing(ctx, 500); err != nil {
			return seen{}, err
		}
		if kill%2 == 0 {
			l.server.Kill()
			if err := l.restartServer(ctx); err != nil {
				return seen{}, err
			}
		} else if err := l.until(ctx, "a connection of a collector is killed", l.killBackend(ctx)); err != nil {
			return seen{}, err
		}
	}
	return seen{kills: l.o.kills}, nil
}

func (l *lab) killBackend(ctx context.Context) func() (bool, error) {
	return func() (bool, error) {
		pool, err := l.connect(ctx)
		if err != nil {
			return false, err
		}
		defer pool.Close()
		var pid int
		if err := pool.QueryRow(ctx, `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'otelcol-usage%' ORDER BY random() LIMIT 1`).Scan(&pid); err != nil {
			return false, err
		}
		return true, syscall.Kill(pid, syscall.SIGKILL)
	}
}

// breakConnections breaks connections in every way except closing them properly.
func breakConnections(ctx context.Context, l *lab) (seen, error) {
	p := l.active()
	broken := 0
	for i := range max(4, l.o.kills) {
		if err := l.flowing(ctx, 300); err != nil {
			return seen{}, err
		}
		switch i % 4 {
		case 0:
			broken += p.cut()
		case 1:
			p.slow(300 * time.Millisecond)
			if err := pause.For(ctx, time.Second); err != nil {
				return seen{}, err
			}
			broken += p.cut() // while commits are on their way
			p.slow(0)
		case 2:
			broken += p.halfClose(true)
		case 3:
			broken += p.halfClose(false)
		}
	}
	return seen{note: fmt.Sprintf("%d connections broken", broken)}, nil
}

// freezeConnections silently holds all traffic for longer than a batch may take, like a
// firewall that has dropped its state.
func freezeConnections(ctx context.Context, l *lab) (seen, error) {
	if err := l.flowing(ctx, 500); err != nil {
		return seen{}, err
	}
	p := l.active()
	p.slow(time.Hour)
	if err := pause.For(ctx, batchTimeout+2*time.Second); err != nil {
		return seen{}, err
	}
	p.slow(0)
	return seen{}, l.flowing(ctx, 500)
}

// active returns the proxy that leads to the primary.
func (l *lab) active() *proxy {
	for _, p := range l.proxies {
		if p.leadsTo() == address(l.server) {
			return p
		}
	}
	return l.proxies[0]
}

// other returns the other proxy.
func (l *lab) other(p *proxy) *proxy {
	if p == l.proxies[0] {
		return l.proxies[1]
	}
	return l.proxies[0]
}

// provokeDeadlocks updates rows, users and sums in no order at all, while the
// collectors write in theirs: for a while, and on a busy machine until there was
// a deadlock.
func provokeDeadlocks(ctx context.Context, l *lab) (seen, error) {
	pool, err := l.connect(ctx)
	if err != nil {
		return seen{}, err
	}
	defer pool.Close()
	before, err := deadlocks(ctx, pool)
	if err != nil {
		return seen{}, err
	}
	var enough atomic.Bool
	var conflicts atomic.Int64 // that hit these statements
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !enough.Load() && ctx.Err() == nil {
				for _, sql := range []string{
					`WITH some AS (SELECT id FROM public.api_usage WHERE timestamp > now() - interval '3 seconds' ORDER BY random() LIMIT 200)
					 UPDATE public.api_usage u SET metadata = metadata || '{"touched": "1"}' FROM some WHERE u.id = some.id`,
					// The sums in the opposite of the collectors' order, slowly: a collector
					// that comes meanwhile has its users' rows and waits for the others. The day has a
					// row for each writer at the same time.
					`WITH total AS MATERIALIZED (SELECT bucket FROM public.usage_day_type ORDER BY bucket DESC LIMIT 16 FOR UPDATE),
					      pause AS MATERIALIZED (SELECT pg_sleep(0.02 * sign(count(*))) FROM total)
					 SELECT count(*) FROM (SELECT m.* FROM public.usage_half_month_user m, pause ORDER BY m.user_id DESC FOR UPDATE OF m) m`,
					`UPDATE auth.users SET email = 'x@example.com' WHERE id IN (SELECT id FROM auth.users ORDER BY random() LIMIT 20)`,
				} {
					if _, err := pool.Exec(ctx, sql); store.SQLState(err) == "40P01" {
						conflicts.Add(1)
					}
				}
			}
		})
	}
	err = pause.For(ctx, time.Duration(max(1, l.o.kills/2))*time.Second)
	if err == nil {
		err = l.until(ctx, "the server reports a deadlock", func() (bool, error) {
			now, err := deadlocks(ctx, pool)
			return now > before, err
		})
	}
	enough.Store(true)
	wg.Wait()
	if err != nil {
		return seen{}, err
	}
	var found int64
	// The server counts a deadlock a moment after it broke it.
	err = l.until(ctx, "the server has counted all deadlocks", func() (bool, error) {
		now, err := deadlocks(ctx, pool)
		found = now - before
		return found >= conflicts.Load(), err
	})
	return seen{note: fmt.Sprintf("%d deadlocks, %d of them hit a collector", found, found-conflicts.Load())}, err
}

func deadlocks(ctx context.Context, pool *pgxpool.Pool) (n int64, err error) {
	err = pool.QueryRow(ctx, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&n)
	return n, err
}

// takeDatabaseAway shuts the server down properly for a while.
func takeDatabaseAway(ctx context.Context, l *lab) (seen, error) {
	if err := l.flowing(ctx, 500); err != nil {
		return seen{}, err
	}
	before := l.sent()
	l.server.Stop()
	if err := pause.For(ctx, l.o.down); err != nil {
		return seen{}, err
	}
	waiting := l.sent() - before
	return seen{note: fmt.Sprintf("%d calls accepted meanwhile", waiting)}, l.restartServer(ctx)
}

// fillDisk takes the last byte under the queue of one collector while the
// database is down, until the collector refuses what it cannot keep; the
// senders repeat. Then the database comes back and is written to from a queue
// that cannot be changed; the second time the collector is killed before.
func fillDisk(ctx context.Context, l *lab) (seen, error) {
	if l.disk == nil {
		return seen{note: "left out: " + l.noDisk.Error()}, nil
	}
	c, primary, before := l.collectors[0], l.active(), l.refused()
	for _, kill := range []bool{false, true} {
		if err := l.flowing(ctx, 500); err != nil {
			return seen{}, err
		}
		target := primary.refuse()
		refused := c.refused.Load()
		if err := l.until(ctx, "calls are refused because the disk is full", func() (bool, error) {
			return c.refused.Load() > refused+20, l.disk.fill()
		}); err != nil {
			return seen{}, err
		}
		if kill {
			c.kill()
			if err := c.spawn(); err != nil {
				return seen{}, err
			}
		}
		primary.lead(target)
		if err := pause.For(ctx, 3*time.Second); err != nil {
			return seen{}, err
		}
		if err := l.disk.free(); err != nil {
			return seen{}, err
		}
		if kill {
			// It may have ended because it could not start.
			c.kill()
			if err := c.start(ctx); err != nil {
				return seen{}, err
			}
		}
	}
	return seen{kills: 2, note: fmt.Sprintf("%d requests refused", l.refused()-before)}, l.flowing(ctx, 500)
}

// failOver promotes a standby behind the other address, twice: first the
// primary is killed, then it turns into a reader whose connections stay.
func failOver(ctx context.Context, l *lab) (seen, error) {
	for _, crash := range []bool{true, false} {
		if err := l.flowing(ctx, 500); err != nil {
			return seen{}, err
		}
		from := l.active()
		to := l.other(from)
		standby, err := pglab.Standby(ctx, l.server, l.serverDir(), serverSettings...)
		if err != nil {
			return seen{}, err
		}
		primary := l.server
		l.server = standby // closed with the lab
		defer primary.Stop()
		to.lead(address(standby)) // to be read only, for now
		if err := l.flowing(ctx, 300); err != nil {
			return seen{}, err
		}
		if crash {
			primary.Kill()
		} else if err := pglab.MakeReadOnly(ctx, primary); err != nil {
			return seen{}, err
		}
		if err := pause.For(ctx, 500*time.Millisecond); err != nil {
			return seen{}, err
		}
		if err := pglab.Promote(ctx, standby); err != nil {
			return seen{}, err
		}
		if err := l.flowing(ctx, 1000); err != nil {
			return seen{}, err
		}
	}
	return seen{kills: 1, note: "a crash and a hand-over"}, nil
}

// everythingAtOnce is a bad day.
func everythingAtOnce(ctx context.Context, l *lab) (seen, error) {
	all := []func(context.Context, *lab) (seen, error){killCollectors, killDatabase, breakConnections}
	each, errs := make([]seen, len(all)), make([]error, len(all))
	var wg sync.WaitGroup
	for i, do := range all {
		wg.Go(func() { each[i], errs[i] = do(ctx, l) })
	}
	wg.Wait()
	return seen{kills: each[0].kills + each[1].kills, note: each[2].note}, errors.Join(errs...)
}
