package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
)

// Status is how far a meter is.
type Status struct {
	Meter        string     `json:"meter"`
	Engine       string     `json:"engine"`
	Since        time.Time  `json:"since"`
	ReplayFrom   *time.Time `json:"replayFrom,omitempty"`  // calls from then on are still to be compared
	CollectedAt  *time.Time `json:"collectedAt,omitempty"` // what changed until then is in the outbox; nil: nothing is known to be complete
	SentAt       *time.Time `json:"sentAt,omitempty"`
	Problem      string     `json:"problem,omitempty"`
	WaitingSince *time.Time `json:"waitingSince,omitempty"` // of the oldest event that waits
	States       []State    `json:"states"`
	Held         []Held     `json:"held"`
}

// State is how many events are in a state for a reason, and their sum.
type State struct {
	State    string          `json:"state"`
	Reason   string          `json:"reason,omitempty"`
	Events   int64           `json:"events"`
	Quantity decimal.Decimal `json:"quantity"`
}

// Held is how many calls nobody is charged for, for a reason.
type Held struct {
	Reason   string          `json:"reason"`
	Calls    int64           `json:"calls"`
	Unknown  int64           `json:"unknown"`  // of them, without a known quantity
	Quantity decimal.Decimal `json:"quantity"` // of the others
}

// ReadStatus reads all meters that ever ran, whatever the configuration has now.
func ReadStatus(ctx context.Context, pool *pgxpool.Pool) (list []*Status, err error) {
	rows, err := pool.Query(ctx, `
SELECT m.meter, m.sink, m.since, m.replay_from, m.collected_at, m.sent_at, coalesce(m.problem, ''),
  (SELECT min(created_at) FROM public.usage_meter_event AS e WHERE e.meter = m.meter AND e.state = 'waiting')
FROM public.usage_meter AS m ORDER BY m.meter`)
	if err != nil {
		return nil, fmt.Errorf("read meters: %w", err)
	}
	var s Status
	if _, err := pgx.ForEachRow(rows, []any{&s.Meter, &s.Engine, &s.Since, &s.ReplayFrom, &s.CollectedAt, &s.SentAt, &s.Problem, &s.WaitingSince}, func() error {
		one := s
		list = append(list, &one)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read meters: %w", err)
	}
	for _, s := range list {
		if err := s.events(ctx, pool); err != nil {
			return nil, err
		}
		if err := s.held(ctx, pool); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (s *Status) events(ctx context.Context, pool *pgxpool.Pool) error {
	rows, err := pool.Query(ctx, `
SELECT state, coalesce(reason, ''), count(*), sum(quantity)::text FROM public.usage_meter_event WHERE meter = $1 GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2`, s.Meter)
	if err != nil {
		return fmt.Errorf("count events: %w", err)
	}
	var one State
	var sum string
	_, err = pgx.ForEachRow(rows, []any{&one.State, &one.Reason, &one.Events, &sum}, func() (err error) {
		one.Quantity, err = decimal.NewFromString(sum)
		s.States = append(s.States, one)
		return err
	})
	return err
}

func (s *Status) held(ctx context.Context, pool *pgxpool.Pool) error {
	rows, err := pool.Query(ctx, `
SELECT reason, count(*), count(*) - count(quantity), coalesce(sum(quantity), 0)::text FROM public.usage_meter_held WHERE meter = $1 GROUP BY 1 ORDER BY 2 DESC, 1`, s.Meter)
	if err != nil {
		return fmt.Errorf("count held calls: %w", err)
	}
	var one Held
	var sum string
	_, err = pgx.ForEachRow(rows, []any{&one.Reason, &one.Calls, &one.Unknown, &sum}, func() (err error) {
		one.Quantity, err = decimal.NewFromString(sum)
		s.Held = append(s.Held, one)
		return err
	})
	return err
}

// Sum is what the outbox says of a customer and a period.
type Sum struct {
	Customer                           string
	Accepted, Waiting, Refused, Unsure decimal.Decimal
}

const sumColumns = `
  coalesce(sum(quantity) FILTER (WHERE state = 'accepted'), 0)::text, coalesce(sum(quantity) FILTER (WHERE state = 'waiting'), 0)::text,
  coalesce(sum(quantity) FILTER (WHERE state = 'refused'), 0)::text, coalesce(sum(quantity) FILTER (WHERE state = 'unsure'), 0)::text
FROM public.usage_meter_event
WHERE meter = $1 AND called_at >= $2 AND called_at < $3`

// Sums are those of the customers of a meter in a period, to excluded; of one alone where
// customer is not empty.
func Sums(ctx context.Context, pool *pgxpool.Pool, meter, customer string, from, to time.Time) (list []Sum, err error) {
	rows, err := pool.Query(ctx, `SELECT customer,`+sumColumns+` AND ($4 = '' OR customer = $4) GROUP BY customer ORDER BY customer`, meter, from, to, customer)
	if err != nil {
		return nil, fmt.Errorf("add events up: %w", err)
	}
	var s Sum
	var texts [4]string
	_, err = pgx.ForEachRow(rows, []any{&s.Customer, &texts[0], &texts[1], &texts[2], &texts[3]}, func() (err error) {
		for i, into := range []*decimal.Decimal{&s.Accepted, &s.Waiting, &s.Refused, &s.Unsure} {
			if *into, err = decimal.NewFromString(texts[i]); err != nil {
				return err
			}
		}
		list = append(list, s)
		return nil
	})
	return list, err
}

// Requeue lets events of a meter that are refused or unsure wait again, with their ids;
// those alone whose reason begins with a text, where it is not empty. It returns how many.
func Requeue(ctx context.Context, pool *pgxpool.Pool, meter, state, reason string) (int64, error) {
	tag, err := pool.Exec(ctx, `
UPDATE public.usage_meter_event SET state = 'waiting', reason = NULL, settled_at = NULL, first_sent_at = NULL
WHERE meter = $1 AND state = $2 AND state IN ('refused', 'unsure') AND starts_with(reason, $3)`, meter, state, reason)
	return tag.RowsAffected(), err
}

// AcceptUnsure notes that the engine has the unsure events of a meter. It returns how
// many.
func AcceptUnsure(ctx context.Context, pool *pgxpool.Pool, meter string) (int64, error) {
	tag, err := pool.Exec(ctx, `UPDATE public.usage_meter_event SET state = 'accepted', reason = NULL, settled_at = now() WHERE meter = $1 AND state = 'unsure'`, meter)
	return tag.RowsAffected(), err
}
