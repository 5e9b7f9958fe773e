package usage

// IsPlain reports whether text consists only of printable ASCII characters other than "%"
// and ";". Nearly every name and id does and needs neither cleaning nor escaping, so for
// most texts this check is the only work.
func IsPlain(text string) bool {
	if len(text) < 8 {
		for i := range len(text) {
			if c := text[i]; c < 0x20 || c >= 0x7f || c == '%' || c == ';' {
				return false
			}
		}
		return true
	}
	// The last eight bytes may be looked at twice.
	bad := unplain(text[len(text)-8:])
	for i := 0; i+8 < len(text); i += 8 {
		bad |= unplain(text[i : i+8])
	}
	return bad&(0x80*eachByte) == 0
}

// unplain checks eight bytes at a time: each line of the sum sets the high bit of a byte
// that is not plain.
func unplain(text string) uint64 {
	_ = text[7]
	x := uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
	return x |
		(x-0x20*eachByte)&^x |
		zeroByte(x^'%'*eachByte) | zeroByte(x^';'*eachByte) | zeroByte(x^0x7f*eachByte)
}

const eachByte = 0x0101010101010101

// zeroByte sets a high bit when a byte of x is zero.
func zeroByte(x uint64) uint64 { return (x - eachByte) &^ x }
