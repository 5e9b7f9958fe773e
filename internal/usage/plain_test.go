package usage_test

import (
	"math/rand/v2"
	"testing"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func TestIsPlainAgreesWithAByteByByteLook(t *testing.T) {
	plain := func(text string) bool {
		for i := range len(text) {
			if c := text[i]; c < 0x20 || c > 0x7e || c == '%' || c == ';' {
				return false
			}
		}
		return true
	}
	// Every byte at every place of a text that is otherwise plain.
	for length := range 20 {
		for place := range length {
			for c := range 256 {
				b := []byte("abcdefghijklmnopqrstuvwxyz"[:length])
				b[place] = byte(c)
				if text := string(b); usage.IsPlain(text) != plain(text) {
					t.Fatalf("%q: want %v", text, plain(text))
				}
			}
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = byte(0x1e + r.IntN(0x64))
		}
		if text := string(b); usage.IsPlain(text) != plain(text) {
			t.Fatalf("%q: want %v", text, plain(text))
		}
	}
}
