package usage

import "encoding/binary"

// IsPlain reports whether text consists only of printable ASCII characters other than "%"
// and ";". Nearly every name and id does and needs neither cleaning nor escaping, so for
// most texts this check is the only work.
func IsPlain(text string) bool { return unplain(text)&(0x80*eachByte) == 0 }

// unplain sets the high bit of a byte when a character of text is not plain.
func unplain(text string) (bad uint64) {
	if len(text) < 8 {
		var bytes [8]byte
		copy(bytes[:], "        ")
		copy(bytes[:], text)
		return unplain8(binary.LittleEndian.Uint64(bytes[:]))
	}
	for i := 0; i+8 < len(text); i += 8 {
		bad |= unplain8(load8(text[i : i+8]))
	}
	// The last eight bytes may be looked at twice.
	return bad | unplain8(load8(text[len(text)-8:]))
}

// load8 reads the first eight bytes of text; the compiler makes one load of it.
func load8(text string) uint64 {
	_ = text[7]
	return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
}

// unplain8 checks eight bytes at a time: each line of the sum sets the high bit of a byte
// that is not plain.
func unplain8(x uint64) uint64 {
	return x |
		(x-0x20*eachByte)&^x |
		zeroByte(x^'%'*eachByte) | zeroByte(x^';'*eachByte) | zeroByte(x^0x7f*eachByte)
}

const eachByte = 0x0101010101010101

// zeroByte sets a high bit when a byte of x is zero.
func zeroByte(x uint64) uint64 { return (x - eachByte) &^ x }
