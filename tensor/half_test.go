package tensor

import (
	"math"
	"testing"
)

func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		x := FromHalf(uint16(h))
		if x != x {
			if y := FromHalf(Half(x)); y == y {
				t.Fatalf("NaN %#x becomes %v", h, y)
			}
			continue
		}
		if got := Half(x); got != uint16(h) {
			t.Fatalf("Half(%v) = %#x, want %#x", x, got, h)
		}
		// Between two neighbours the nearer one is right, and in the middle the even one.
		if next := FromHalf(uint16(h + 1)); h&0x7fff < 0x7bff {
			middle := (x + next) / 2
			even := uint16(h + h&1)
			for y, want := range map[float32]uint16{
				middle:                         even,
				math.Nextafter32(middle, x):    uint16(h),
				math.Nextafter32(middle, next): uint16(h + 1),
			} {
				if got := Half(y); got != want {
					t.Fatalf("Half(%v) = %#x, want %#x", y, got, want)
				}
			}
		}
	}
}

func TestFromHalf(t *testing.T) {
	for h, want := range map[uint16]float32{0x3c00: 1, 0xc000: -2, 0x0001: 1.0 / (1 << 24), 0x8000: 0, 0x7bff: 65504, 0x3555: 0.33325195} {
		if got := FromHalf(h); got != want {
			t.Errorf("FromHalf(%#x) = %v, want %v", h, got, want)
		}
	}
}

func TestFitsHalf(t *testing.T) {
	for _, c := range []struct {
		data []float32
		fits bool
	}{
		{[]float32{0, 0}, true},
		{[]float32{0.1, -3.3, 65504}, true},
		{[]float32{1, 1e-7}, true}, // the small one does not matter
		{[]float32{1, 65520}, false},
		{[]float32{1.1e-6, 3.3e-6}, false},
		{[]float32{1, float32(math.NaN())}, false},
	} {
		if got := FitsHalf(c.data); got != c.fits {
			t.Errorf("FitsHalf(%v) = %v", c.data, got)
		}
	}
}
