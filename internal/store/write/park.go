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

// Parked describes a refused record and the reason. Only the record itself contains values
// of the record.
type Parked struct {
	ID usage.ID
	// SQLState is the server's code, or "" when the record was not sent.
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
	// Every error of Validate starts with the column.
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

// encode returns the record as text that the dead letter table always accepts.
func (w *Writer) encode(r *usage.Record) string {
	if w.o.Encode == nil {
		return ""
	}
	return storable(string(w.o.Encode(nil, r)))
}

const maxParkedBytes = 128 << 10

// storable returns text that a text column accepts, at most maxParkedBytes long.
func storable(text string) string { return usage.CleanText(text, maxParkedBytes) }

const insertParked = `
INSERT INTO public.usage_dead_letter (digest, id, sqlstate, constraint_name, column_name, reason, record)
SELECT digest, id, sqlstate, constraint_name, column_name, reason, record
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
  AS r (digest, id, sqlstate, constraint_name, column_name, reason, record)
ORDER BY digest
ON CONFLICT (digest) DO NOTHING`

// UnreadableRecord parks text that could not be decoded into a record. The text is stored
// as it is, up to 128 KiB. reason begins with "record: " and contains no value.
func UnreadableRecord(text, reason string) Parked {
	return Parked{Column: "record", Reason: reason, record: storable(text)}
}

// Park stores refused records that do not come from [Writer.Write].
func (w *Writer) Park(ctx context.Context, parked []Parked) error {
	if len(parked) == 0 {
		return nil
	}
	if err := w.savePark(ctx, parked); err != nil {
		return w.failed(ctx, err, len(parked))
	}
	return nil
}

// Limits of one statement: a record can be 128 KiB long.
const (
	maxParkedAtOnce      = 5000
	maxParkedBytesAtOnce = 8 << 20
)

// savePark stores the refused records that are not stored yet, as soon as they are found.
// If it fails, the whole batch is sent again, and rows that were stored are recognised.
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
