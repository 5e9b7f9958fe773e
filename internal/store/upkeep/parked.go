package upkeep

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// ParkedFilter selects records of public.usage_dead_letter. The zero value selects all open
// ones.
type ParkedFilter struct {
	IDs       []usage.ID // of the calls; empty selects all
	SQLState  *string    // "" selects those refused before they were sent; nil selects all
	Before    time.Time  // parked before this time; zero selects all
	Dismissed bool       // include dismissed ones
}

const parkedWhere = ` FROM public.usage_dead_letter
WHERE ($1::uuid[] IS NULL OR id = ANY ($1)) AND ($2::text IS NULL OR sqlstate = $2) AND ($3::timestamptz IS NULL OR parked_at < $3)
  AND ($4 OR dismissed_at IS NULL)`

func (f ParkedFilter) args() []any {
	var before *time.Time
	if !f.Before.IsZero() {
		before = &f.Before
	}
	var ids [][16]byte // nil is NULL
	for _, id := range f.IDs {
		ids = append(ids, id)
	}
	return []any{ids, f.SQLState, before, f.Dismissed}
}

// ParkedGroup counts the records refused for one reason.
type ParkedGroup struct {
	SQLState, Constraint, Column, Reason string
	Open, Dismissed                      int64
	First, Last                          time.Time
}

// ParkedGroups counts refused records by reason, the most recent first.
func ParkedGroups(ctx context.Context, pool *pgxpool.Pool, f ParkedFilter) ([]ParkedGroup, error) {
	rows, err := pool.Query(ctx, `SELECT sqlstate, constraint_name, column_name, reason,
  count(*) FILTER (WHERE dismissed_at IS NULL), count(dismissed_at), min(parked_at), max(parked_at)`+parkedWhere+`
GROUP BY 1, 2, 3, 4 ORDER BY 8 DESC, 4`, f.args()...)
	if err != nil {
		return nil, fmt.Errorf("list parked records: %w", err)
	}
	groups, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ParkedGroup])
	if err != nil {
		return nil, fmt.Errorf("list parked records: %w", err)
	}
	return groups, nil
}

// ParkedRecord is one refused record.
type ParkedRecord struct {
	Digest   [16]byte
	ID       [16]byte
	ParkedAt time.Time
	Reason   string
	Record   string // in the form of the span attribute usage.record
}

// EachParked passes the open records in batches of at most n, oldest first, each record
// once. each may change or delete records while it runs.
func EachParked(ctx context.Context, pool *pgxpool.Pool, f ParkedFilter, n int, each func([]ParkedRecord) error) error {
	f.Dismissed = false
	last := ParkedRecord{ParkedAt: time.Unix(0, 0)}
	for {
		rows, err := pool.Query(ctx, `SELECT digest, id, parked_at, reason, record`+parkedWhere+`
  AND (parked_at, digest) > ($5, $6) ORDER BY parked_at, digest LIMIT $7`, append(f.args(), last.ParkedAt, last.Digest, n)...)
		if err != nil {
			return fmt.Errorf("read parked records: %w", err)
		}
		part, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ParkedRecord])
		if err != nil {
			return fmt.Errorf("read parked records: %w", err)
		}
		if len(part) == 0 {
			return nil
		}
		last = part[len(part)-1]
		if err := each(part); err != nil {
			return err
		}
	}
}

// Unpark deletes records from public.usage_dead_letter because they are stored now.
func Unpark(ctx context.Context, pool *pgxpool.Pool, digests [][16]byte) error {
	if _, err := pool.Exec(ctx, `DELETE FROM public.usage_dead_letter WHERE digest = ANY ($1::uuid[])`, digests); err != nil {
		return fmt.Errorf("remove stored records from public.usage_dead_letter: %w", err)
	}
	return nil
}

// DismissParked marks open records as seen. They are kept, are part of no sum, and no
// longer count as a fault.
func DismissParked(ctx context.Context, pool *pgxpool.Pool, f ParkedFilter) (int64, error) {
	f.Dismissed = false
	tag, err := pool.Exec(ctx, `UPDATE public.usage_dead_letter SET dismissed_at = now() WHERE digest IN (SELECT digest`+parkedWhere+`)`, f.args()...)
	if err != nil {
		return 0, fmt.Errorf("dismiss parked records: %w", err)
	}
	return tag.RowsAffected(), nil
}
