package index

import (
	"math/rand/v2"
	"testing"
)

// TestProducts compares both ways of multiplying with a plain sum, for all numbers of words
// around the blocks, with random numbers and with the largest.
func TestProducts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for words := range 70 {
		for _, draw := range []func() uint8{func() uint8 { return uint8(r.UintN(128)) }, func() uint8 { return 127 }} {
			z, u := make([]uint64, words), newFactors(words)
			want := uint64(0)
			for d := range 8 * words {
				a, b := draw(), draw()
				z[d/8] |= uint64(a) << (d % 8 * 8)
				u.set(d, b)
				want += uint64(a) * uint64(b)
			}
			if plain, fast := products(z, u.pairs), u.times(z); plain != want || fast != want {
				t.Errorf("%d words: %d and %d, want %d", words, plain, fast, want)
			}
		}
	}
}
