package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/pause"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Sent is what sending did.
type Sent struct{ Accepted, Refused, Unsure int64 }

// Sender sends the waiting events of one engine.
type Sender struct {
	Pool   *pgxpool.Pool
	Lock   *Lock
	Engine metering.Engine
	Sink   metering.Sink
	Meters []*metering.Meter // of the engine
	// Pause waits between tries; nil is a real pause.
	Pause func(context.Context, time.Duration) error
	// Retried is called before another try, when not nil.
	Retried func(why string, pause time.Duration)
	// Progress is called now and then, when not nil.
	Progress func(Sent)

	done     Sent
	progress time.Time
}

// The bounds of trying.
const (
	maxTries     = 8
	longestPause = time.Minute
	// ahead is how far in the future a call may be for its event to be sent. Stripe
	// takes five minutes.
	ahead = 4 * time.Minute
)

// Send sends until nothing waits that can be sent. What stops a meter is kept as its
// problem and does not stop the others, but for a key that is not accepted and an
// engine that does not answer.
func (s *Sender) Send(ctx context.Context) (Sent, error) {
	s.done, s.progress = Sent{}, time.Now()
	var problems []error
	for _, m := range s.Meters {
		err := s.meter(ctx, m)
		if ctx.Err() != nil {
			return s.done, ctx.Err()
		}
		var problem *string
		if err != nil {
			text := usage.CleanText(err.Error(), 1000)
			problem = &text
			err = fmt.Errorf("meter %s: %w", m.Name, err)
			problems = append(problems, err)
		}
		if _, noted := s.Pool.Exec(ctx, `UPDATE public.usage_meter SET problem = $2, sent_at = CASE WHEN $2::text IS NULL THEN now() ELSE sent_at END WHERE meter = $1`, m.Name, problem); noted != nil {
			return s.done, errors.Join(append(problems, noted)...)
		}
		if err != nil && !errors.Is(err, metering.ErrMeter) {
			break
		}
	}
	return s.done, errors.Join(problems...)
}

// meter sends what waits of one.
func (s *Sender) meter(ctx context.Context, m *metering.Meter) error {
	var waits bool
	if err := s.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.usage_meter_event WHERE meter = $1 AND state = 'waiting')`, m.Name).Scan(&waits); err != nil || !waits {
		return err
	}
	if err := s.again(ctx, func() (bool, error) { return false, s.Sink.Ready(ctx, m) }); err != nil {
		return err
	}
	// A later event of a call goes after the one before is settled, so the list is walked
	// until nothing of it can be sent.
	for {
		sent := false
		for last := int64(0); ; {
			batch, err := s.next(ctx, m, last)
			if err != nil {
				return err
			}
			if len(batch) == 0 {
				break
			}
			last, sent = batch[len(batch)-1].row, true
			if err := s.batch(ctx, m, batch); err != nil {
				return err
			}
		}
		if !sent {
			return s.follow(ctx, m)
		}
	}
}

// follow refuses what waits behind a refused event of its call: it is a difference to
// something that the engine does not have. [Requeue] sends both, in their order.
func (s *Sender) follow(ctx context.Context, m *metering.Meter) error {
	tag, err := s.Pool.Exec(ctx, `
UPDATE public.usage_meter_event AS e
SET state = 'refused', reason = 'follows_refused: an earlier event of the call was refused', settled_at = now()
WHERE e.meter = $1 AND e.state = 'waiting' AND EXISTS (
  SELECT FROM public.usage_meter_event AS b
  WHERE b.call_id = e.call_id AND b.meter = e.meter AND b.revision < e.revision AND b.state = 'refused')`, m.Name)
	if err != nil {
		return fmt.Errorf("note what follows a refused event: %w", err)
	}
	s.done.Refused += tag.RowsAffected()
	return nil
}

// waiting is an event of the outbox.
type waiting struct {
	metering.Event
	row       int64 // usage_meter_event.id
	firstSent *time.Time
}

// next lists what comes after a row. An event whose call has an earlier one that is not
// settled waits for it: what is taken back must have been charged before.
func (s *Sender) next(ctx context.Context, m *metering.Meter, after int64) ([]*waiting, error) {
	rows, err := s.Pool.Query(ctx, `
SELECT e.id, e.call_id, e.revision, e.customer, e.called_at, e.quantity::text, e.first_sent_at
FROM public.usage_meter_event AS e
WHERE e.meter = $1 AND e.state = 'waiting' AND e.id > $2 AND e.called_at < now() + $4 * interval '1 second'
  AND NOT EXISTS (
    SELECT FROM public.usage_meter_event AS b
    WHERE b.call_id = e.call_id AND b.meter = e.meter AND b.revision < e.revision AND b.state IN ('waiting', 'refused', 'unsure'))
ORDER BY e.id
LIMIT $3`, m.Name, after, s.Sink.Batch(), ahead.Seconds())
	if err != nil {
		return nil, fmt.Errorf("read waiting events: %w", err)
	}
	var batch []*waiting
	var w waiting
	var id [16]byte
	var revision int32
	var quantity string
	var first pgtype.Timestamptz
	_, err = pgx.ForEachRow(rows, []any{&w.row, &id, &revision, &w.Customer, &w.At, &quantity, &first}, func() error {
		one := w
		one.Meter, one.ID, one.At = m, metering.EventID(id, m.Name, revision), one.At.UTC()
		if first.Valid {
			at := first.Time
			one.firstSent = &at
		}
		var err error
		if one.Quantity, err = decimal.NewFromString(quantity); err != nil {
			return fmt.Errorf("quantity of %s: %w", one.ID, err)
		}
		batch = append(batch, &one)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read waiting events: %w", err)
	}
	return batch, nil
}

// batch sends some events until each is settled.
func (s *Sender) batch(ctx context.Context, m *metering.Meter, batch []*waiting) error {
	return s.again(ctx, func() (progress bool, err error) {
		before := len(batch)
		if batch, err = s.filter(ctx, batch); err != nil || len(batch) == 0 {
			return true, err
		}
		if err := s.announce(ctx, batch); err != nil {
			return false, err
		}
		events := make([]metering.Event, len(batch))
		for i, w := range batch {
			events[i] = w.Event
		}
		outcomes, failed := s.Sink.Send(ctx, m, events)
		// What is known is kept also of a run that is being stopped.
		rest, err := s.settle(context.WithoutCancel(ctx), batch, outcomes)
		if err != nil {
			return false, err
		}
		batch = rest
		if failed == nil && len(batch) > 0 {
			failed = &metering.Busy{Why: fmt.Sprintf("%d events were neither accepted nor refused", len(batch))}
		}
		return len(batch) < before, failed
	})
}

// filter settles what must not be sent: calls that are too old for the engine, and events
// that it may have and would not recognise any more.
func (s *Sender) filter(ctx context.Context, batch []*waiting) (rest []*waiting, err error) {
	if err := s.Lock.held(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	var unsure, old []int64
	for _, w := range batch {
		switch {
		case w.firstSent != nil && now.Sub(*w.firstSent) >= s.Engine.Repeats:
			unsure = append(unsure, w.row)
		// One that may be there already is not refused for its age.
		case w.firstSent == nil && s.Engine.Past > 0 && now.Sub(w.At) > s.Engine.Past:
			old = append(old, w.row)
		default:
			rest = append(rest, w)
		}
	}
	if err := s.note(ctx, batch[0].Meter, old, "refused", fmt.Sprintf("too_old: the engine takes calls of the last %s", s.Engine.Past)); err != nil {
		return nil, err
	}
	s.done.Refused += int64(len(old))
	if err := s.note(ctx, batch[0].Meter, unsure, "unsure", fmt.Sprintf("no_answer: it was sent without an answer, and the engine recognises an id for %s", s.Engine.Repeats)); err != nil {
		return nil, err
	}
	s.done.Unsure += int64(len(unsure))
	return rest, nil
}

// announce notes that events are being sent before they are: a run that is killed
// leaves behind which ones the engine may have.
func (s *Sender) announce(ctx context.Context, batch []*waiting) error {
	ids := make([]int64, len(batch))
	for i, w := range batch {
		ids[i] = w.row
	}
	if _, err := s.Pool.Exec(ctx, `UPDATE public.usage_meter_event SET attempts = attempts + 1, first_sent_at = coalesce(first_sent_at, now()) WHERE id = ANY ($1) AND meter = $2 AND state = 'waiting'`, ids, batch[0].Meter.Name); err != nil {
		return fmt.Errorf("note what is sent: %w", err)
	}
	return nil
}

// settle notes what became of events, and returns those that are to be sent again.
func (s *Sender) settle(ctx context.Context, batch []*waiting, outcomes []metering.Outcome) (rest []*waiting, err error) {
	var accepted, notTaken []int64
	refused := map[string][]int64{}
	now := time.Now()
	for i, w := range batch {
		var o metering.Outcome
		if i < len(outcomes) {
			o = outcomes[i]
		}
		switch o.State {
		case metering.Accepted:
			accepted = append(accepted, w.row)
			s.done.Accepted++
		case metering.Refused:
			reason := usage.CleanText(o.Reason, 500)
			refused[reason] = append(refused[reason], w.row)
			s.done.Refused++
		case metering.NotTaken:
			if w.firstSent == nil {
				notTaken = append(notTaken, w.row)
			}
			rest = append(rest, w)
		default:
			if w.firstSent == nil {
				w.firstSent = &now
			}
			rest = append(rest, w)
		}
	}
	if err := s.note(ctx, batch[0].Meter, accepted, "accepted", ""); err != nil {
		return nil, err
	}
	for reason, ids := range refused {
		if err := s.note(ctx, batch[0].Meter, ids, "refused", reason); err != nil {
			return nil, err
		}
	}
	if len(notTaken) > 0 {
		if _, err := s.Pool.Exec(ctx, `UPDATE public.usage_meter_event SET first_sent_at = NULL WHERE id = ANY ($1) AND meter = $2 AND state = 'waiting'`, notTaken, batch[0].Meter.Name); err != nil {
			return nil, fmt.Errorf("note what was sent: %w", err)
		}
	}
	if s.Progress != nil && time.Since(s.progress) > 5*time.Second {
		s.progress = time.Now()
		s.Progress(s.done)
	}
	return rest, nil
}

// note settles events.
func (s *Sender) note(ctx context.Context, m *metering.Meter, ids []int64, state, reason string) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := s.Pool.Exec(ctx, `
UPDATE public.usage_meter_event SET state = $2, reason = nullif($3, ''), settled_at = now()
WHERE id = ANY ($1) AND meter = $4 AND state = 'waiting'`, ids, state, reason, m.Name); err != nil {
		return fmt.Errorf("note what was sent: %w", err)
	}
	return nil
}

// again tries until there is no more to do, or nothing moves any more.
func (s *Sender) again(ctx context.Context, do func() (progress bool, err error)) error {
	for try := 1; ; try++ {
		progress, err := do()
		var busy *metering.Busy
		if !errors.As(err, &busy) {
			return err
		}
		if progress {
			try = 1
		}
		if busy.After > 2*longestPause {
			return fmt.Errorf("%w; the engine asks for %s of rest, and the events wait for the next run", err, busy.After)
		}
		if try >= maxTries {
			return fmt.Errorf("after %d tries: %w; the events wait for the next run", try, err)
		}
		wait := time.Second << (try - 1)
		wait = max(min(wait+rand.N(wait/2), longestPause), busy.After)
		if s.Retried != nil {
			s.Retried(err.Error(), wait)
		}
		if err := s.pause(ctx, wait); err != nil {
			return err
		}
	}
}

func (s *Sender) pause(ctx context.Context, d time.Duration) error {
	if s.Pause != nil {
		return s.Pause(ctx, d)
	}
	return pause.For(ctx, d)
}
