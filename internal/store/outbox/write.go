package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// key is a call and a meter.
type key struct {
	call  [16]byte
	meter string
}

// known is what the outbox says of them.
type known struct {
	charged  []metering.Charged
	revision int32 // the greatest
	held     *held
}

type held struct{ reason, subject, quantity string }

// write compares calls with the outbox and adds what is different, in one transaction.
func (c *Collector) write(ctx context.Context, meters []*metering.Meter, calls []call) error {
	if len(calls) == 0 {
		return nil
	}
	if err := c.Lock.held(ctx); err != nil {
		return err
	}
	if err := c.name(ctx, calls); err != nil {
		return err
	}
	ids, names := make([][16]byte, len(calls)), make([]string, len(meters))
	for i := range calls {
		ids[i] = calls[i].ID
	}
	for i, m := range meters {
		names[i] = m.Name
	}
	err := pgx.BeginFunc(ctx, c.Pool, func(tx pgx.Tx) error {
		before, err := readKnown(ctx, tx, ids, names)
		if err != nil {
			return err
		}
		var p pending
		for i := range calls {
			for _, m := range meters {
				p.compare(m, &calls[i].Call, before[key{calls[i].ID, m.Name}])
			}
		}
		c.done.Events += int64(len(p.revisions))
		c.done.Held += int64(len(p.heldReasons))
		return p.store(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("write the outbox: %w", err)
	}
	c.done.Calls += int64(len(calls))
	c.report()
	return nil
}

// name gives calls what their customers are found by.
func (c *Collector) name(ctx context.Context, calls []call) error {
	if !c.byUser {
		return nil
	}
	var lacking [][16]byte
	for i := range calls {
		if _, done := c.users[calls[i].userID]; !done && calls[i].userID != [16]byte{} {
			c.users[calls[i].userID] = user{name: usage.ID(calls[i].userID).String()}
			lacking = append(lacking, calls[i].userID)
		}
	}
	if len(lacking) > 0 {
		rows, err := c.Pool.Query(ctx, `SELECT id, external_id FROM public.usage_user WHERE id = ANY ($1) AND external_id <> ''`, lacking)
		if err != nil {
			return fmt.Errorf("read users: %w", err)
		}
		var id [16]byte
		var text string
		if _, err := pgx.ForEachRow(rows, []any{&id, &text}, func() error {
			c.users[id] = user{name: text}
			return nil
		}); err != nil {
			return fmt.Errorf("read users: %w", err)
		}
	}
	if len(lacking) > 0 && c.byTeam {
		rows, err := c.Pool.Query(ctx, `
SELECT user_id, team, nullif(since, '-infinity'), nullif(until, 'infinity') FROM usage_report.team_membership WHERE user_id = ANY ($1) ORDER BY team, since`, lacking)
		if err != nil {
			return fmt.Errorf("read teams: %w", err)
		}
		var id [16]byte
		var m membership
		if _, err := pgx.ForEachRow(rows, []any{&id, &m.team, &m.since, &m.until}, func() error {
			u := c.users[id]
			u.teams = append(u.teams, m)
			c.users[id] = u
			return nil
		}); err != nil {
			return fmt.Errorf("read teams: %w", err)
		}
	}
	for i := range calls {
		u := c.users[calls[i].userID]
		calls[i].User, calls[i].Teams = u.name, u.teamsAt(calls[i].At)
	}
	return nil
}

// readKnown reads what the outbox says of calls.
func readKnown(ctx context.Context, tx pgx.Tx, ids [][16]byte, meters []string) (map[key]*known, error) {
	all := map[key]*known{}
	of := func(k key) *known {
		if all[k] == nil {
			all[k] = &known{}
		}
		return all[k]
	}
	rows, err := tx.Query(ctx, `
SELECT call_id, meter, customer, coalesce(sum(quantity) FILTER (WHERE state IN ('waiting', 'accepted', 'unsure')), 0)::text,
  coalesce(sum(quantity) FILTER (WHERE state = 'refused'), 0)::text, max(revision)
FROM public.usage_meter_event WHERE call_id = ANY ($1) AND meter = ANY ($2) GROUP BY call_id, meter, customer`, ids, meters)
	if err != nil {
		return nil, err
	}
	var k key
	var customer, live, refused string
	var revision int32
	if _, err := pgx.ForEachRow(rows, []any{&k.call, &k.meter, &customer, &live, &refused, &revision}, func() error {
		c := metering.Charged{Customer: customer}
		var err error
		if c.Live, err = decimal.NewFromString(live); err != nil {
			return err
		}
		if c.Refused, err = decimal.NewFromString(refused); err != nil {
			return err
		}
		e := of(k)
		e.charged, e.revision = append(e.charged, c), max(e.revision, revision)
		return nil
	}); err != nil {
		return nil, err
	}
	rows, err = tx.Query(ctx, `
SELECT call_id, meter, reason, coalesce(subject, ''), coalesce(quantity::text, '')
FROM public.usage_meter_held WHERE call_id = ANY ($1) AND meter = ANY ($2)`, ids, meters)
	if err != nil {
		return nil, err
	}
	var h held
	_, err = pgx.ForEachRow(rows, []any{&k.call, &k.meter, &h.reason, &h.subject, &h.quantity}, func() error {
		copied := h
		of(k).held = &copied
		return nil
	})
	return all, err
}

// pending are the rows of a transaction, by column.
type pending struct {
	calls             [][16]byte
	meters, customers []string
	times             []time.Time
	revisions         []int32
	quantities        []string

	replacedCalls  [][16]byte
	replacedMeters []string

	heldCalls                                         [][16]byte
	heldMeters, heldReasons, heldSubjects, heldWanted []string
	heldTimes                                         []time.Time

	freeCalls  [][16]byte
	freeMeters []string
}

// compare adds what is different of a call and a meter.
func (p *pending) compare(m *metering.Meter, c *metering.Call, before *known) {
	if before == nil {
		before = &known{}
	}
	a := m.Assess(c)
	changes, replace := metering.Plan(before.charged, a)
	for i, change := range changes {
		p.calls, p.meters, p.customers = append(p.calls, c.ID), append(p.meters, m.Name), append(p.customers, change.Customer)
		p.times, p.revisions, p.quantities = append(p.times, c.At), append(p.revisions, before.revision+1+int32(i)), append(p.quantities, change.Quantity.String()) //nolint:gosec // at most one for each customer
	}
	if replace {
		p.replacedCalls, p.replacedMeters = append(p.replacedCalls, c.ID), append(p.replacedMeters, m.Name)
	}
	switch {
	case a.Held != "":
		now := held{reason: a.Held, subject: a.Subject}
		if a.HasQuantity {
			now.quantity = a.Quantity.String()
		}
		if before.held == nil || *before.held != now {
			p.heldCalls, p.heldMeters, p.heldTimes = append(p.heldCalls, c.ID), append(p.heldMeters, m.Name), append(p.heldTimes, c.At)
			p.heldReasons, p.heldSubjects, p.heldWanted = append(p.heldReasons, now.reason), append(p.heldSubjects, now.subject), append(p.heldWanted, now.quantity)
		}
	case before.held != nil:
		p.freeCalls, p.freeMeters = append(p.freeCalls, c.ID), append(p.freeMeters, m.Name)
	}
}

func (p *pending) store(ctx context.Context, tx pgx.Tx) error {
	if len(p.replacedCalls) > 0 {
		if _, err := tx.Exec(ctx, `
UPDATE public.usage_meter_event AS e
SET state = 'replaced', settled_at = now()
FROM unnest($1::uuid[], $2::text[]) AS n (call_id, meter)
WHERE e.call_id = n.call_id AND e.meter = n.meter AND e.state = 'refused'`, p.replacedCalls, p.replacedMeters); err != nil {
			return err
		}
	}
	if len(p.calls) > 0 {
		if _, err := tx.Exec(ctx, `
INSERT INTO public.usage_meter_event (call_id, meter, revision, customer, called_at, quantity)
SELECT call_id, meter, revision, customer, called_at, quantity::numeric
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::timestamptz[], $6::text[]) AS n (call_id, meter, revision, customer, called_at, quantity)`,
			p.calls, p.meters, p.revisions, p.customers, p.times, p.quantities); err != nil {
			return err
		}
	}
	if len(p.heldCalls) > 0 {
		if _, err := tx.Exec(ctx, `
INSERT INTO public.usage_meter_held (call_id, meter, called_at, reason, subject, quantity)
SELECT call_id, meter, called_at, reason, nullif(subject, ''), nullif(quantity, '')::numeric
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[]) AS n (call_id, meter, called_at, reason, subject, quantity)
ON CONFLICT (call_id, meter) DO UPDATE SET reason = EXCLUDED.reason, subject = EXCLUDED.subject, quantity = EXCLUDED.quantity, held_at = now()`,
			p.heldCalls, p.heldMeters, p.heldTimes, p.heldReasons, p.heldSubjects, p.heldWanted); err != nil {
			return err
		}
	}
	if len(p.freeCalls) > 0 {
		if _, err := tx.Exec(ctx, `
DELETE FROM public.usage_meter_held AS h USING unnest($1::uuid[], $2::text[]) AS n (call_id, meter)
WHERE h.call_id = n.call_id AND h.meter = n.meter`, p.freeCalls, p.freeMeters); err != nil {
			return err
		}
	}
	return nil
}
