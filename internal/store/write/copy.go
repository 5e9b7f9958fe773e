package write

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

var copyRows = `COPY public.api_usage (` + columnNames + `) FROM STDIN (FORMAT binary)`

// copyHeader starts a binary COPY: signature, flags and header extension length.
var copyHeader = []byte("PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000")

// copyBatch sends the rows with binary COPY. We encode them ourselves because pgx would box
// every value into an interface.
func copyBatch(ctx context.Context, tx pgx.Tx, rows []row) (int, error) {
	reader := &copyReader{rows: rows, rest: copyHeader}
	tag, err := tx.Conn().PgConn().CopyFrom(ctx, reader, copyRows)
	if panicked := reader.close(); panicked != nil {
		panic(panicked)
	}
	return int(tag.RowsAffected()), err
}

// copyReader encodes rows as they are read. The server processes the first rows while the
// next are encoded, and a batch is never in memory twice.
type copyReader struct {
	mu   sync.Mutex
	rows []row
	rest []byte // encoded but not yet read
	buf  []byte // backing array of rest
	done bool
	// panicked is the recovered panic of an encoder. pgx reads in its own goroutine, where
	// a panic would end the process.
	panicked any
}

var errPanicked = errors.New("panic while a row was encoded")

func (c *copyReader) Read(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() {
		if fault := recover(); fault != nil {
			c.panicked, n, err = fault, 0, errPanicked
		}
	}()
	n = copy(p, c.rest)
	c.rest = c.rest[n:]
	for n < len(p) {
		switch {
		case len(c.rows) > 0:
			c.buf = c.rows[0].appendBinary(c.buf[:0])
			c.rows = c.rows[1:]
		case !c.done:
			c.buf = append(c.buf[:0], 0xff, 0xff) // trailer
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

// close detaches the rows and returns the encoder's panic, if any. When a connection
// breaks, CopyFrom returns while its goroutine may still be reading, and the next attempt
// changes the rows.
func (c *copyReader) close() (panicked any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows, c.rest, c.done = nil, nil, true
	return c.panicked
}

// appendBinary appends one row: the number of fields, and for each its length
// (-1 for NULL) and its bytes in network order.
func (r *row) appendBinary(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(columns))) //nolint:gosec // some dozens
	for i := range columns {
		b = columns[i].binary(b, r)
	}
	return b
}

// appendAssumptions writes a one-dimensional text[]: the number of dimensions, whether it
// contains NULLs, the element type, then the number of elements and the first index.
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

func appendInt8(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(n)) //nolint:gosec // the same 64 bits
}

// postgresEpoch is PostgreSQL's epoch, 2000-01-01 UTC, in Unix microseconds.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// appendJSONB writes the jsonb version byte and the document that fill appends, or NULL
// when fill appends nothing.
func appendJSONB(b []byte, r *row, fill func(*row, []byte) []byte) []byte {
	start := len(b)
	b = fill(r, append(b, 0, 0, 0, 0, 1))
	if len(b) == start+5 {
		return appendNull(b[:start])
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4)) //nolint:gosec // some kilobytes
	return b
}

// appendNumeric writes n/10^scale as a numeric, for n ≥ 0: base-10,000 digits, the weight
// of the first digit and the number of decimal places.
func appendNumeric(b []byte, n int64, scale int) []byte {
	// Align the decimal point with the boundaries of the base-10,000 digits.
	u := uint64(n) //nolint:gosec // not negative
	var digits [7]uint16
	count := 0
	fractionDigits := (scale + 3) / 4
	if pad := fractionDigits*4 - scale; pad > 0 {
		// Pad the last digit with zeros on the right. n may be too large to multiply, so
		// the digit is split off first.
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
		count++ // zeros already in the array
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
