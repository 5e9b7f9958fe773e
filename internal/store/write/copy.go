package write

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The columns in the order in which both ways of writing send them. created_at
// and written_xid are the database's own.
const (
	columnNames = `id, user_id, timestamp, usage_dollars, api_type, model, tokens_used, request_id, metadata,
  provider, service, environment, pricing_status, pricing_reason, price_id, cost_source, reported_dollars,
  input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
  audio_seconds, characters, images, other_quantities, pricing_assumptions, trace_id, session_id, outcome, payer, folded`
	columnCount = 33

	copyRows = `COPY public.api_usage (` + columnNames + `) FROM STDIN (FORMAT binary)`
)

// copyHeader begins a binary COPY: signature, flags, length of the extension.
var copyHeader = []byte("PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000")

// copyBatch sends the rows by COPY in binary form, which is built here and not
// by pgx: that would box each of 33 values of each row into an interface.
func copyBatch(ctx context.Context, tx pgx.Tx, rows []row) (int, error) {
	reader := &copyReader{rows: rows, rest: copyHeader}
	defer reader.close()
	tag, err := tx.Conn().PgConn().CopyFrom(ctx, reader, copyRows)
	return int(tag.RowsAffected()), err
}

// copyReader encodes rows while they are read, so that the server works on the
// first ones while the next are made, and no batch stands in memory twice.
type copyReader struct {
	mu   sync.Mutex
	rows []row
	rest []byte // encoded and not read yet
	buf  []byte // what rest is part of
	done bool
}

func (c *copyReader) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	for n < len(p) {
		switch {
		case len(c.rows) > 0:
			c.buf = c.rows[0].appendBinary(c.buf[:0])
			c.rows = c.rows[1:]
		case !c.done:
			c.buf = append(c.buf[:0], 0xff, 0xff) // the end
			c.done = true
		case n > 0:
			return n, nil
		default:
			return 0, io.EOF
		}
		sent := copy(p[n:], c.buf)
		n += sent
		c.rest = c.buf[sent:]
	}
	return n, nil
}

// close takes the rows away. When a connection breaks, CopyFrom returns while
// its goroutine may still read, and the next try writes to the rows.
func (c *copyReader) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows, c.rest, c.done = nil, nil, true
}

// appendBinary appends one row: the number of fields, and for each its length
// (-1 for NULL) and its bytes in network order.
func (r *row) appendBinary(b []byte) []byte {
	q := &r.Quantities
	b = binary.BigEndian.AppendUint16(b, columnCount)
	b = appendUUID(b, r.ID)
	b = appendUUIDOrNull(b, r.user)
	b = appendTimestamp(b, r.Time)
	b = appendNumeric(b, int64(r.Cost), usage.MoneyScale)
	b = appendField(b, string(r.APIType))
	b = appendTextOrNull(b, r.Model)
	input, output := q.InputTokens(), q.OutputTokens()
	total := input + output
	if total > 0 {
		b = binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(total)) //nolint:gosec // checkRecord bounds it
	} else {
		b = appendNull(b)
	}
	b = appendTextOrNull(b, r.RequestID)
	b = appendJSONB(b, r.appendMetadata)
	b = appendField(b, r.Provider)
	b = appendField(b, r.Service)
	b = appendField(b, r.Environment)
	b = appendField(b, string(r.Status))
	b = appendTextOrNull(b, string(r.Reason))
	b = appendTextOrNull(b, r.PriceID)
	b = appendTextOrNull(b, string(r.CostSource))
	if r.HasReportedCost {
		b = appendNumeric(b, int64(r.ReportedCost), usage.MoneyScale)
	} else {
		b = appendNull(b)
	}
	if total > 0 {
		b = appendInt8(b, input)
		b = appendInt8(b, output)
	} else {
		b = appendNull(appendNull(b))
	}
	b = appendInt8OrNull(b, q.CacheReadTotal())
	b = appendInt8OrNull(b, q.CacheWriteBeside1h())
	b = appendInt8OrNull(b, q[usage.CacheWrite1hTokens])
	b = appendInt8OrNull(b, q[usage.OutputReasoningTokens])
	if n := q[usage.AudioSeconds]; n != 0 {
		b = appendNumeric(b, n, 9)
	} else {
		b = appendNull(b)
	}
	b = appendInt8OrNull(b, q[usage.Characters])
	b = appendInt8OrNull(b, q[usage.Images])
	b = appendJSONB(b, r.appendOtherQuantities)
	b = r.appendAssumptions(b)
	if r.TraceID != [16]byte{} {
		b = hex.AppendEncode(append(b, 0, 0, 0, 32), r.TraceID[:])
	} else {
		b = appendNull(b)
	}
	b = appendTextOrNull(b, r.SessionID)
	b = appendTextOrNull(b, string(r.Outcome))
	b = appendTextOrNull(b, string(r.Payer))
	if r.folded == 0 {
		return appendNull(b)
	}
	return binary.BigEndian.AppendUint16(append(b, 0, 0, 0, 2), uint16(r.folded)) //nolint:gosec // a few bits
}

// appendAssumptions writes a text[] of one dimension: how many dimensions,
// whether there is a NULL, the type of the elements, and for the dimension how
// many elements and the first index.
func (r *row) appendAssumptions(b []byte) []byte {
	if !r.HasAssumptions {
		return appendNull(b)
	}
	const textOID = 25
	words := r.assumptions()
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(min(len(words), 1))) //nolint:gosec // 0 or 1
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, textOID)
	if len(words) > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(words))) //nolint:gosec // some
		b = binary.BigEndian.AppendUint32(b, 1)
	}
	for _, word := range words {
		b = appendField(b, word)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4)) //nolint:gosec // some hundred bytes
	return b
}

func appendNull(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff) }

func appendField(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(text))) //nolint:gosec // at most some hundred bytes
	return append(b, text...)
}

func appendTextOrNull(b []byte, text string) []byte {
	if text == "" {
		return appendNull(b)
	}
	return appendField(b, text)
}

func appendUUID(b []byte, id usage.ID) []byte { return append(append(b, 0, 0, 0, 16), id[:]...) }

func appendUUIDOrNull(b []byte, id usage.ID) []byte {
	if id.IsZero() {
		return appendNull(b)
	}
	return appendUUID(b, id)
}

func appendInt8(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(n)) //nolint:gosec // the same 64 bits
}

func appendInt8OrNull(b []byte, n int64) []byte {
	if n == 0 {
		return appendNull(b)
	}
	return appendInt8(b, n)
}

// postgresEpoch is where PostgreSQL counts microseconds from, in Unix time.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func appendTimestamp(b []byte, t time.Time) []byte { return appendInt8(b, t.UnixMicro()-postgresEpoch) }

// appendJSONB writes the version byte and what fill appends; NULL when that is
// nothing.
func appendJSONB(b []byte, fill func([]byte) []byte) []byte {
	start := len(b)
	b = fill(append(b, 0, 0, 0, 0, 1))
	if len(b) == start+5 {
		return appendNull(b[:start])
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4)) //nolint:gosec // some kilobytes
	return b
}

// appendNumeric writes n/10^scale, n not negative, as numeric: digits in base
// 10,000 with the weight of the first one and the number of decimal places.
func appendNumeric(b []byte, n int64, scale int) []byte {
	// Align the decimal point with the borders of the digits.
	u := uint64(n) //nolint:gosec // not negative
	var digits [7]uint16
	count := 0
	fractionDigits := (scale + 3) / 4
	if pad := fractionDigits*4 - scale; pad > 0 {
		// The last digit is filled up with zeros on the right. n may be too
		// large to multiply, so it is split off first.
		power := pow10(4 - pad)
		digits[6] = uint16(u % power * pow10(pad)) //nolint:gosec // below 10,000
		u /= power
		count = 1
	}
	for i := 6 - count; i >= 0 && u > 0; i-- {
		digits[i] = uint16(u % 10000) //nolint:gosec // below 10,000
		u /= 10000
		count++
	}
	for count < fractionDigits {
		count++ // zeros of the array
	}
	used := digits[7-count:]
	weight := count - fractionDigits - 1
	for len(used) > 0 && used[0] == 0 {
		used = used[1:]
		weight--
	}
	for len(used) > 0 && used[len(used)-1] == 0 {
		used = used[:len(used)-1]
	}
	if len(used) == 0 {
		weight = 0
	}
	b = binary.BigEndian.AppendUint32(b, uint32(8+2*len(used))) //nolint:gosec // at most 22
	b = binary.BigEndian.AppendUint16(b, uint16(len(used)))     //nolint:gosec // at most 7
	b = binary.BigEndian.AppendUint16(b, uint16(weight))        //nolint:gosec // small, in two's complement
	b = binary.BigEndian.AppendUint16(b, 0)                     // positive
	b = binary.BigEndian.AppendUint16(b, uint16(scale))         //nolint:gosec // 9 or 12
	for _, d := range used {
		b = binary.BigEndian.AppendUint16(b, d)
	}
	return b
}

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}
