package tensor

import "math"

// Half returns the f16 nearest to x, with ties to even. Beyond the largest f16, 65504, it
// returns an infinity.
func Half(x float32) uint16 {
	b := math.Float32bits(x)
	sign, b := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case b > 0x7f800000: // NaN
		return sign | 0x7e00
	case b >= 0x477ff000: // rounds to 65536 or more
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: counts of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(b))*(1<<24)))
	}
	return sign | uint16((b-0x38000000+0xfff+b>>13&1)>>13)
}

// FromHalf returns the value of an f16.
func FromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h&0x8000)<<16, uint32(h>>10&31), uint32(h&0x3ff)
	switch exponent {
	case 0:
		f := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// FitsHalf reports whether f16 holds the values of data with no more loss than rounding
// to 11 bits: Σ(x-f16(x))² ≤ 2^-22 Σx². It is false if a value becomes infinite, or if
// the values that matter are so small that f16 has fewer bits for them.
func FitsHalf(data []float32) bool {
	var loss, all float64
	for _, x := range data {
		d := float64(x) - float64(FromHalf(Half(x)))
		loss, all = loss+d*d, all+float64(x)*float64(x)
	}
	return loss <= all/(1<<22)
}
