package usage

import (
	"crypto/sha1"
	"encoding/binary"
	"time"
)

// ID is a UUID.
type ID [16]byte

// The namespaces (RFC 9562, section 6.6) of our name-based UUIDs. They must never change:
// an id made today has to match that of a copy which arrives next year.
var (
	recordNamespace = ID{0x6b, 0x1f, 0x0d, 0x5e, 0x8c, 0x21, 0x4b, 0x53, 0x9d, 0x0a, 0x2f, 0x64, 0x1c, 0x7e, 0x90, 0x01}
	userNamespace   = ID{0x6b, 0x1f, 0x0d, 0x5e, 0x8c, 0x21, 0x4b, 0x53, 0x9d, 0x0a, 0x2f, 0x64, 0x1c, 0x7e, 0x90, 0x02}
)

// IDFromResponse returns the id of the call that the provider answered under responseID.
// Every span that reports the call gets the same id, whichever instrumentation wrote it and
// in whichever trace.
func IDFromResponse(provider, responseID string) ID {
	return nameID(recordNamespace, "response", provider, responseID)
}

// IDFromSpan returns the id of a call of which only the span is known. A span that is
// delivered twice gets the same id twice.
func IDFromSpan(traceID [16]byte, spanID [8]byte) ID {
	return nameID(recordNamespace, "span", string(traceID[:]), string(spanID[:]))
}

// Next returns the id for another call that arrived under the id of this one.
func (id ID) Next() ID { return nameID(recordNamespace, "next", string(id[:])) }

// OwnID returns an id derived from everything that distinguishes the call from others under
// its id.
func (r *Record) OwnID() ID {
	var text []byte
	for k, n := range r.Quantities {
		if n != 0 {
			text = AppendQuantity(append(text, ' '), QuantityKind(k), n)
		}
	}
	return nameID(recordNamespace, "own", string(r.ID[:]), r.Service, r.Environment, r.Model, string(r.TraceID[:]), string(r.SpanID[:]),
		r.Time.UTC().Format(time.RFC3339Nano), string(text))
}

// UserID maps the text that identifies a user to an id of the table auth.users: a UUID
// stays as it is, any other text becomes a name-based UUID, always the same for the same
// text.
func UserID(external string) ID {
	if id, ok := ParseID(external); ok {
		return id
	}
	return nameID(userNamespace, external)
}

// nameID returns the UUID of version 5 of the parts. They are joined by a byte that does
// not occur in ordinary text; if somebody sends it, the ids are still well formed.
func nameID(namespace ID, parts ...string) ID {
	buf := make([]byte, 0, 192)
	buf = append(buf, namespace[:]...)
	for i, p := range parts {
		if i > 0 {
			buf = append(buf, 0)
		}
		buf = append(buf, p...)
	}
	sum := sha1.Sum(buf) //nolint:gosec // RFC 9562 prescribes SHA-1 for version 5; nothing here is a secret.
	id := ID(sum[:16])
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ParseID reads a UUID in its 36 character form, in either case.
func ParseID(text string) (ID, bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return ID{}, false
	}
	var id ID
	var all byte // has the high bit of noDigit when some character was not a digit
	for i, at := range digitsOfID {
		hi, lo := digitValues[text[at]], digitValues[text[at+1]]
		all |= hi | lo
		id[i] = hi<<4 | lo
	}
	if all&noDigit != 0 {
		return ID{}, false
	}
	return id, true
}

// digitsOfID are the positions of each byte's two digits in the text of an ID.
var digitsOfID = [16]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

const noDigit = 0x80

// digitValues maps characters to the values of hexadecimal digits, and all others to
// noDigit.
var digitValues = func() (values [256]byte) {
	for c := range values {
		values[c] = noDigit
	}
	for i := range byte(10) {
		values['0'+i] = i
	}
	for i := range byte(6) {
		values['a'+i], values['A'+i] = 10+i, 10+i
	}
	return values
}()

// IsNameBased reports whether the id is a UUID of version 5, as [UserID] derives them from
// text.
func (id ID) IsNameBased() bool { return id[6]>>4 == 5 }

// IsZero reports whether the id is the nil UUID, which stands for "none".
func (id ID) IsZero() bool { return id == ID{} }

// String returns the 36-character form in lower case.
func (id ID) String() string { return string(id.AppendText(make([]byte, 0, 36))) }

// AppendText appends what [ID.String] returns.
func (id ID) AppendText(b []byte) []byte {
	b1, b2 := hexDigits(id[4:]), hexDigits(id[8:])
	b = binary.BigEndian.AppendUint64(b, hexDigits(id[:]))
	b = binary.BigEndian.AppendUint32(append(b, '-'), uint32(b1>>32))
	b = binary.BigEndian.AppendUint32(append(b, '-'), uint32(b1))
	b = binary.BigEndian.AppendUint32(append(b, '-'), uint32(b2>>32))
	b = binary.BigEndian.AppendUint32(append(b, '-'), uint32(b2))
	return binary.BigEndian.AppendUint64(b, hexDigits(id[12:]))
}

// AppendHex appends bytes in hexadecimal digits, lower case. Their number is a multiple of
// four, as that of trace and span ids is.
func AppendHex(b, bytes []byte) []byte {
	for ; len(bytes) >= 4; bytes = bytes[4:] {
		b = binary.BigEndian.AppendUint64(b, hexDigits(bytes))
	}
	return b
}

// hexDigits returns the first four bytes as eight hexadecimal digits, in lower case and in
// big-endian order: all digits are made at once.
func hexDigits(bytes []byte) uint64 {
	x := uint64(binary.BigEndian.Uint32(bytes))
	x = (x | x<<16) & 0x0000ffff_0000ffff
	x = (x | x<<8) & 0x00ff00ff_00ff00ff
	x = (x | x<<4) & (0x0f * eachByte) // a digit in each byte
	letters := (x + 6*eachByte) >> 4 & eachByte
	return x + '0'*eachByte + letters*('a'-'0'-10)
}
