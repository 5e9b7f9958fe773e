package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// Collected is what following the calls did.
type Collected struct {
	Calls  int64 // that were looked at
	Events int64 // that were made
	Held   int64 // calls and meters that became held, or are for another reason
}

// Collector follows the calls.
type Collector struct {
	Pool   *pgxpool.Pool
	Lock   *Lock
	Meters []*metering.Meter
	// Rows are written in one transaction; 0 is 2,000.
	Rows int
	// Progress is called now and then, when not nil.
	Progress func(Collected)

	done     Collected
	users    map[[16]byte]user
	byUser   bool
	byTeam   bool
	progress time.Time
}

// user is what a customer is found by.
type user struct {
	name  string
	teams []membership
}

// membership is a team on the UTC days of [since, until); nil is no bound.
type membership struct {
	team         string
	since, until *time.Time
}

// teamsAt returns the teams at a moment.
func (u user) teamsAt(at time.Time) (list []string) {
	for _, m := range u.teams {
		if (m.since == nil || !at.Before(*m.since)) && (m.until == nil || at.Before(*m.until)) {
			list = append(list, m.team)
		}
	}
	return list
}

// follow is the state of a meter.
type follow struct {
	meter  *metering.Meter
	mark   uint64
	replay *time.Time
}

// ErrMark says that the database has forgotten transactions that a meter has seen.
var ErrMark = errors.New("the transactions of this server are younger than what was read last: it was restored from a dump, or is another server")

// ErrCitus says that a distributed table cannot be followed.
var ErrCitus = errors.New("public.api_usage is distributed, and its write marks tell a follower too little: name the days that are read again, as in --reread 35")

// Collect writes the events of all calls that are new or changed since the last run. It
// may be stopped at any moment and run again: a call is compared with what the outbox
// says of it, so looking twice makes nothing twice.
func (c *Collector) Collect(ctx context.Context) (Collected, error) {
	c.done, c.users, c.progress = Collected{}, map[[16]byte]user{}, time.Now()
	for _, m := range c.Meters {
		c.byUser, c.byTeam = c.byUser || m.By == "user" || m.By == "team", c.byTeam || m.By == "team"
	}
	follows, err := c.register(ctx)
	if err != nil {
		return c.done, err
	}
	if err := c.replay(ctx, follows); err != nil {
		return c.done, err
	}
	if err := c.withdraw(ctx); err != nil {
		return c.done, err
	}
	return c.done, c.follow(ctx, follows)
}

// withdraw takes back what sums were charged that gave way to their calls. They have no
// row any more; the audit of corrections names them. A day is looked back, because a line
// of it has the time at which its transaction began.
func (c *Collector) withdraw(ctx context.Context) error {
	if distributed, err := isDistributed(ctx, c.Pool); err != nil || distributed {
		return err // sums stay there
	}
	rows, err := c.Pool.Query(ctx, `
SELECT DISTINCT o.call_id, o.called_at
FROM public.usage_correction AS w
JOIN (SELECT call_id, called_at FROM public.usage_meter_event UNION ALL SELECT call_id, called_at FROM public.usage_meter_held) AS o ON o.call_id = w.call_id
WHERE w.kind = 'sum' AND w.corrected_at >= (SELECT min(coalesce(collected_at - interval '1 day', since)) FROM public.usage_meter)
  AND NOT EXISTS (SELECT FROM public.usage_metered_call AS u WHERE u.id = o.call_id AND u.timestamp = o.called_at)`)
	if err != nil {
		return fmt.Errorf("read withdrawn sums: %w", err)
	}
	sums, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (one call, err error) {
		var id [16]byte
		err = row.Scan(&id, &one.At)
		one.ID, one.Withdrawn = id, true
		return one, err
	})
	if err != nil {
		return fmt.Errorf("read withdrawn sums: %w", err)
	}
	for part := range slices.Chunk(sums, 2000) {
		if err := c.write(ctx, c.Meters, part); err != nil {
			return err
		}
	}
	return nil
}

// register notes meters that are new. Their mark stands before their first look at the
// table, so that what commits meanwhile is found by it.
func (c *Collector) register(ctx context.Context) ([]*follow, error) {
	names, engines, since := make([]string, len(c.Meters)), make([]string, len(c.Meters)), make([]time.Time, len(c.Meters))
	for i, m := range c.Meters {
		names[i], engines[i], since[i] = m.Name, m.Engine, m.Since
	}
	if _, err := c.Pool.Exec(ctx, `
INSERT INTO public.usage_meter (meter, sink, since, mark, replay_from)
SELECT meter, sink, since, pg_snapshot_xmin(pg_current_snapshot()), since
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS n (meter, sink, since)
ON CONFLICT (meter) DO NOTHING`, names, engines, since); err != nil {
		return nil, fmt.Errorf("note new meters: %w", err)
	}
	var follows []*follow
	for _, m := range c.Meters {
		f := &follow{meter: m}
		var sink, mark string
		var ahead bool
		if err := c.Pool.QueryRow(ctx, `SELECT sink, mark::text, mark > pg_snapshot_xmax(pg_current_snapshot()), replay_from FROM public.usage_meter WHERE meter = $1`, m.Name).
			Scan(&sink, &mark, &ahead, &f.replay); err != nil {
			return nil, fmt.Errorf("read meter %s: %w", m.Name, err)
		}
		switch {
		case sink != m.Engine:
			return nil, fmt.Errorf("meter %s: its events go to %s, and engine says %s, which knows none of them; give a meter for another engine another name", m.Name, sink, m.Engine)
		case ahead:
			return nil, fmt.Errorf("meter %s: %w; compare the calls again: usagectl meter replay --from %s", m.Name, ErrMark, m.Since.Format(time.DateOnly))
		}
		if _, err := fmt.Sscan(mark, &f.mark); err != nil {
			return nil, fmt.Errorf("mark of meter %s: %w", m.Name, err)
		}
		follows = append(follows, f)
	}
	return follows, nil
}

// replay compares calls by their time, day by day, for meters that are new or asked to.
func (c *Collector) replay(ctx context.Context, follows []*follow) error {
	var now time.Time
	if err := c.Pool.QueryRow(ctx, `SELECT now()`).Scan(&now); err != nil {
		return err
	}
	for {
		var from time.Time
		for _, f := range follows {
			if f.replay != nil && (from.IsZero() || f.replay.Before(from)) {
				from = *f.replay
			}
		}
		if from.IsZero() {
			return nil
		}
		var meters []*metering.Meter
		var names []string
		to := from.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
		last := to.After(now)
		for _, f := range follows {
			if f.replay != nil && (last || f.replay.Before(to)) {
				meters, names = append(meters, f.meter), append(names, f.meter.Name)
			}
		}
		// The last piece has no end: a clock that is wrong puts calls into the future.
		condition, args := ` WHERE timestamp >= $1`, []any{from}
		if !last {
			condition, args = condition+` AND timestamp < $2`, append(args, to)
		}
		if _, err := c.read(ctx, meters, condition, args); err != nil {
			return err
		}
		var next *time.Time
		if !last {
			next = &to
		}
		if _, err := c.Pool.Exec(ctx, `UPDATE public.usage_meter SET replay_from = $2 WHERE meter = ANY ($1)`, names, next); err != nil {
			return fmt.Errorf("note progress: %w", err)
		}
		for _, f := range follows {
			if slices.Contains(names, f.meter.Name) {
				f.replay = next
			}
		}
	}
}

// writtenMark is the write mark as the type that the optional index of docs/billing.md has.
const writtenMark = `(written_xid::text::bigint)`

// follow reads what transactions wrote since the mark that have all ended: below the
// oldest that still runs nothing appears or changes any more, so a row that commits late
// is never passed by.
func (c *Collector) follow(ctx context.Context, follows []*follow) error {
	mark := follows[0].mark
	for _, f := range follows {
		mark = min(mark, f.mark)
	}
	names := make([]string, len(follows))
	for i, f := range follows {
		names[i] = f.meter.Name
	}
	distributed, err := isDistributed(ctx, c.Pool)
	if err != nil {
		return err
	}
	if distributed { // what was read again is all that is known
		_, err := c.Pool.Exec(ctx, `UPDATE public.usage_meter SET collected_at = now() WHERE meter = ANY ($1)`, names)
		return err
	}
	now, err := c.read(ctx, c.Meters, ` WHERE `+writtenMark+` >= $1 AND `+writtenMark+` < pg_snapshot_xmin(pg_current_snapshot())::text::bigint`, []any{int64(mark)}) //nolint:gosec // a server reaches no such id
	if err != nil {
		return err
	}
	// A transaction that stays open holds the rows of all younger ones back. So what is
	// known to be complete is the moment of an earlier look, whose transactions have all
	// ended; or this one, where none runs.
	if _, err := c.Pool.Exec(ctx, `
UPDATE public.usage_meter
SET mark = greatest(mark, n.xmin),
  collected_at = CASE WHEN n.xmin = n.xmax THEN n.at WHEN seen_xid <= n.xmin THEN seen_at ELSE collected_at END,
  seen_xid = CASE WHEN seen_xid > n.xmin THEN seen_xid ELSE n.xmax END,
  seen_at = CASE WHEN seen_xid > n.xmin THEN seen_at ELSE n.at END
FROM (VALUES ($2::text::xid8, $3::text::xid8, $4::timestamptz)) AS n (xmin, xmax, at)
WHERE meter = ANY ($1)`, names, now.xmin, now.xmax, now.at); err != nil {
		return fmt.Errorf("note progress: %w", err)
	}
	return nil
}

// isDistributed reports whether Citus distributes the calls.
func isDistributed(ctx context.Context, pool *pgxpool.Pool) (distributed bool, err error) {
	if err = pool.QueryRow(ctx, `SELECT `+store.HasCitus).Scan(&distributed); err == nil && distributed {
		err = pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'public.api_usage'::regclass)`).Scan(&distributed)
	}
	return distributed, err
}

// moment is when calls were looked at: the oldest transaction that ran then, and the first
// that had not begun.
type moment struct {
	xmin, xmax string
	at         time.Time
}

// read looks at calls in one moment and writes as it goes.
func (c *Collector) read(ctx context.Context, meters []*metering.Meter, condition string, args []any) (now moment, err error) {
	size := c.Rows
	if size <= 0 {
		size = 2000
	}
	err = pgx.BeginTxFunc(ctx, c.Pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text, now() FROM pg_current_snapshot() AS s`).Scan(&now.xmin, &now.xmax, &now.at); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, selectCalls+condition, args...)
		if err != nil {
			return fmt.Errorf("read calls: %w", err)
		}
		defer rows.Close()
		var s scanned
		targets := store.Targets(selected, &s)
		chunk := make([]call, 0, size)
		for rows.Next() {
			if err := rows.Scan(targets...); err != nil {
				return fmt.Errorf("read calls: %w", err)
			}
			one, err := s.call()
			if err != nil {
				return err
			}
			if chunk = append(chunk, one); len(chunk) == size {
				if err := c.write(ctx, meters, chunk); err != nil {
					return err
				}
				chunk = chunk[:0]
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("read calls: %w", err)
		}
		return c.write(ctx, meters, chunk)
	})
	return now, err
}

// report tells the progress, a few times a minute.
func (c *Collector) report() {
	if c.Progress != nil && time.Since(c.progress) > 5*time.Second {
		c.progress = time.Now()
		c.Progress(c.done)
	}
}

// Reread makes the next run compare the calls from a moment on again, beside those that
// are new or changed.
func Reread(ctx context.Context, pool *pgxpool.Pool, meters []*metering.Meter, from time.Time) error {
	for _, m := range meters {
		// A mark from before a restore is taken back too.
		if _, err := pool.Exec(ctx, `
UPDATE public.usage_meter
SET replay_from = least(replay_from, greatest(since, $2)), mark = CASE WHEN mark > pg_snapshot_xmax(pg_current_snapshot()) THEN pg_snapshot_xmin(pg_current_snapshot()) ELSE mark END
WHERE meter = $1`, m.Name, from); err != nil {
			return fmt.Errorf("meter %s: %w", m.Name, err)
		}
	}
	return nil
}

// NeedsReread returns [ErrCitus] where calls are only found by reading days again.
func NeedsReread(ctx context.Context, pool *pgxpool.Pool) error {
	distributed, err := isDistributed(ctx, pool)
	if err == nil && distributed {
		err = ErrCitus
	}
	return err
}
