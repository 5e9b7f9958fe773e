package write

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Parked says which record was refused and why. Nothing in it but Record holds
// a value of the record.
type Parked struct {
	ID usage.ID
	// SQLState is the server's code; "" when the record was not even sent.
	SQLState   string
	Constraint string // "" when none is named
	Column     string // "" when none is named
	Reason     string // one line for people

	record string
	saved  bool
}

// park refuses a record before it is sent.
func (w *Writer) park(r *usage.Record, err error) Parked {
	reason := err.Error()
	// All faults of Validate begin with the column.
	column, _, _ := strings.Cut(reason, ":")
	return Parked{ID: r.ID, Column: column, Reason: strings.ReplaceAll(reason, "\n", "; "), record: w.encode(r)}
}

// parkRefused parks a record that the server refused.
func (w *Writer) parkRefused(r *usage.Record, err error, column string) Parked {
	p := Parked{ID: r.ID, SQLState: store.SQLState(err), Constraint: constraintOf(err), Column: column, Reason: refusalText(err), record: w.encode(r)}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ColumnName != "" {
		p.Column = pg.ColumnName
	}
	return p
}

// encode gives text that the dead letter table takes whatever the record holds.
func (w *Writer) encode(r *usage.Record) string {
	if w.o.Encode == nil {
		return ""
	}
	return storable(string(w.o.Encode(nil, r)))
}

const maxParkedBytes = 128 << 10

// storable makes text that a text column takes.
func storable(text string) string { return usage.CleanText(text, maxParkedBytes) }

const insertParked = `
INSERT INTO public.usage_dead_letter (digest, id, sqlstate, constraint_name, column_name, reason, record)
SELECT digest, id, sqlstate, constraint_name, column_name, reason, record
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
  AS r (digest, id, sqlstate, constraint_name, column_name, reason, record)
ORDER BY digest
ON CONFLICT (digest) DO NOTHING`

// UnreadableRecord is a record that could not even be read: text is kept as it
// is, cut at 128 KiB. reason begins with "record: " and holds no value.
func UnreadableRecord(text, reason string) Parked {
	return Parked{Column: "record", Reason: reason, record: storable(text)}
}

// Park stores refused records that did not come from [Writer.Write].
func (w *Writer) Park(ctx context.Context, parked []Parked) error {
	if len(parked) == 0 {
		return nil
	}
	if err := w.savePark(ctx, parked); err != nil {
		return w.failed(ctx, err, len(parked))
	}
	return nil
}

// What one statement saves is bounded: a record has up to 128 KiB.
const (
	maxParkedAtOnce      = 5000
	maxParkedBytesAtOnce = 8 << 20
)

// savePark saves the refused records that are not saved yet, as soon as they are
// found. When it fails the whole batch comes again, and what is stored is found to
// be there.
func (w *Writer) savePark(ctx context.Context, parked []Parked) error {
	for len(parked) > 0 {
		var digests, ids [][16]byte
		var states, constraints, columns, reasons, records []string
		size := 0
		for len(parked) > 0 && len(ids) < maxParkedAtOnce && size < maxParkedBytesAtOnce {
			p := &parked[0]
			parked = parked[1:]
			if p.saved {
				continue
			}
			p.saved = true
			size += len(p.record)
			sum := sha256.Sum256(append(p.ID[:], p.record...))
			digests, ids = append(digests, [16]byte(sum[:16])), append(ids, p.ID)
			states, constraints, columns = append(states, p.SQLState), append(constraints, p.Constraint), append(columns, p.Column)
			reasons, records = append(reasons, p.Reason), append(records, p.record)
		}
		if len(ids) == 0 {
			continue
		}
		if err := pgx.BeginTxFunc(ctx, w.pool, w.begin, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, insertParked, digests, ids, states, constraints, columns, reasons, records)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
