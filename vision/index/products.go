package index

// factors are numbers below 128, in two forms, that are multiplied by those in words.
type factors struct {
	pairs []pair
	bytes []byte
}

// pair is multiplied by the even and the odd bytes of a word: a product has the sum over
// four places in its top lane.
type pair struct{ even, odd uint64 }

func newFactors(words int) factors { return factors{make([]pair, words), make([]byte, 8*words)} }

// set sets the factor of place d, which is zero before.
func (f factors) set(d int, u uint8) {
	f.bytes[d] = u
	at := 16 * (3 - d%8/2) // the top lane of a product is the sum over equal places
	if d%2 == 0 {
		f.pairs[d/8].even |= uint64(u) << at
	} else {
		f.pairs[d/8].odd |= uint64(u) << at
	}
}

// lanes has the bytes 0, 2, 4 and 6 of a word.
const lanes = 0x00ff00ff00ff00ff

// products returns Σ z·u over all places. Each lane of a product is at most 4·127², so none
// reaches the next.
func products(z []uint64, u []pair) uint64 {
	var s0, s1, s2, s3 uint64
	for len(z) >= 2 && len(u) >= 2 {
		s0 += (z[0] & lanes) * u[0].even >> 48
		s1 += (z[0] >> 8 & lanes) * u[0].odd >> 48
		s2 += (z[1] & lanes) * u[1].even >> 48
		s3 += (z[1] >> 8 & lanes) * u[1].odd >> 48
		z, u = z[2:], u[2:]
	}
	if len(z) == 1 && len(u) == 1 {
		s0 += (z[0] & lanes) * u[0].even >> 48
		s1 += (z[0] >> 8 & lanes) * u[0].odd >> 48
	}
	return s0 + s1 + s2 + s3
}
