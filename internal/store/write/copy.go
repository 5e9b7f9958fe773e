package write

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
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
	rest []byte    // encoded but not yet read
	row  binaryRow // backs rest
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
			c.row.set(&c.rows[0])
			c.rows = c.rows[1:]
		case !c.done:
			c.row.buf = append(c.row.buf[:0], 0xff, 0xff) // trailer
			c.done = true
		case n > 0:
			return n, nil
		default:
			return 0, io.EOF
		}
		sent := copy(p[n:], c.row.buf)
		n += sent
		c.rest = c.row.buf[sent:]
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

// binaryRow implements [fields]. It encodes rows for COPY: the number of fields, and for
// each its length (-1 for NULL) and its bytes in network order.
type binaryRow struct{ buf []byte }

// set replaces what was encoded before.
func (b *binaryRow) set(r *row) {
	b.buf = binary.BigEndian.AppendUint16(b.buf[:0], uint16(len(columns))) //nolint:gosec // some dozens
	r.fill(b)
}

func (b *binaryRow) null() { b.buf = append(b.buf, 0xff, 0xff, 0xff, 0xff) }

func (b *binaryRow) id(_ string, id usage.ID) {
	if id.IsZero() {
		b.null()
		return
	}
	b.buf = append(append(b.buf, 0, 0, 0, 16), id[:]...)
}

func (b *binaryRow) traceID(_ string, id [16]byte) {
	if id == [16]byte{} {
		b.null()
		return
	}
	b.buf = hex.AppendEncode(append(b.buf, 0, 0, 0, 32), id[:])
}

// postgresEpoch is PostgreSQL's epoch, 2000-01-01 UTC, in Unix microseconds.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func (b *binaryRow) time(name string, at time.Time) {
	b.integer(name, 8, at.UnixMicro()-postgresEpoch, true)
}

func (b *binaryRow) text(_, text string) { b.buf = appendField(b.buf, text) }

func (b *binaryRow) textOrNull(_, text string) {
	if text == "" {
		b.null()
		return
	}
	b.buf = appendField(b.buf, text)
}

func appendField(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(text))) //nolint:gosec // at most some hundred bytes
	return append(b, text...)
}

func (b *binaryRow) integer(_ string, bytes int, n int64, known bool) {
	if !known {
		b.null()
		return
	}
	b.buf = append(b.buf, 0, 0, 0, byte(bytes)) //nolint:gosec // 2, 4 or 8
	switch bytes {
	case 2:
		b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(n)) //nolint:gosec // bits of folded
	case 4:
		b.buf = binary.BigEndian.AppendUint32(b.buf, uint32(n)) //nolint:gosec // checkRecord bounds it
	case 8:
		b.buf = binary.BigEndian.AppendUint64(b.buf, uint64(n)) //nolint:gosec // the same 64 bits
	}
}

func (b *binaryRow) count(name string, n int64) { b.integer(name, 8, n, n != 0) }

func (b *binaryRow) dollars(_ string, amount usage.Money, known bool) {
	if !known {
		b.null()
		return
	}
	b.buf = appendNumeric(b.buf, int64(amount), usage.MoneyScale)
}

func (b *binaryRow) seconds(_ string, nanos int64) {
	if nanos == 0 {
		b.null()
		return
	}
	b.buf = appendNumeric(b.buf, nanos, 9)
}

// json writes the jsonb version byte and the document.
func (b *binaryRow) json(_ string, r *row, fill func(*row, []byte) []byte) {
	start := len(b.buf)
	b.buf = fill(r, append(b.buf, 0, 0, 0, 0, 1))
	if len(b.buf) == start+5 {
		b.buf = b.buf[:start]
		b.null()
		return
	}
	b.setLength(start)
}

func (b *binaryRow) lines(_ string, r *row, fill func(*row, []byte) []byte) {
	start := len(b.buf)
	b.buf = fill(r, append(b.buf, 0, 0, 0, 0))
	if len(b.buf) == start+4 {
		b.buf = b.buf[:start]
		b.null()
		return
	}
	b.setLength(start)
}

// setLength sets the length of the field that starts at start.
func (b *binaryRow) setLength(start int) {
	binary.BigEndian.PutUint32(b.buf[start:], uint32(len(b.buf)-start-4)) //nolint:gosec // some kilobytes
}

// words writes a one-dimensional text[]: the number of dimensions, whether it contains
// NULLs, the element type, then the number of elements and the first index.
func (b *binaryRow) words(_ string, r *row) {
	if !r.HasAssumptions {
		b.null()
		return
	}
	const textOID = 25
	start := len(b.buf)
	b.buf = binary.BigEndian.AppendUint32(append(b.buf, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), textOID)
	head, words := len(b.buf), uint32(0)
	for word := range r.assumptions() {
		if words++; words == 1 {
			b.buf[start+7] = 1 // dimension
			b.buf = append(b.buf, 0, 0, 0, 0, 0, 0, 0, 1)
		}
		b.buf = appendField(b.buf, word)
	}
	if words > 0 {
		binary.BigEndian.PutUint32(b.buf[head:], words)
	}
	b.setLength(start)
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
