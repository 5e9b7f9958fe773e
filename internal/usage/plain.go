package usage

// IsPlain reports whether text consists of printable ASCII characters other
// than "%" and ";" alone. Nearly every name and id does, and then it needs
// neither cleaning nor escaping; so this is all that most texts cost.
func IsPlain(text string) bool {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		// Eight bytes at a time: each line below sets the high bit of some byte
		// when one is not as it should be.
		x := uint64(text[i]) | uint64(text[i+1])<<8 | uint64(text[i+2])<<16 | uint64(text[i+3])<<24 |
			uint64(text[i+4])<<32 | uint64(text[i+5])<<40 | uint64(text[i+6])<<48 | uint64(text[i+7])<<56
		bad := x |
			(x-0x20*eachByte)&^x |
			zeroByte(x^'%'*eachByte) | zeroByte(x^';'*eachByte) | zeroByte(x^0x7f*eachByte)
		if bad&(0x80*eachByte) != 0 {
			return false
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < 0x20 || c >= 0x7f || c == '%' || c == ';' {
			return false
		}
	}
	return true
}

const eachByte = 0x0101010101010101

// zeroByte has a high bit set when a byte of x is zero.
func zeroByte(x uint64) uint64 { return (x - eachByte) &^ x }
