package tensor

import (
	"slices"
	"testing"
)

// TestHalves permutes, reshapes and converts a tensor of f16 numbers.
func TestHalves(t *testing.T) {
	x := &Tensor{Name: "w", Shape: Shape{3, 5}, Halves: make([]uint16, 15)}
	for i := range x.Halves {
		x.Halves[i] = Half(float32(i))
	}
	for _, s := range []*Scratch{nil, {}} {
		for range 2 { // in new memory, and in used one
			turned := s.Permute(x, 1, 0)
			if turned.Data != nil || !turned.Bound() || !slices.Equal(turned.Floats(nil).Data, x.Floats(s).Permute(1, 0).Data) {
				t.Errorf("%v turned is %v", x.Halves, turned.Halves)
			}
			like := s.Like(x, 7)
			if !slices.Equal(like.Halves, make([]uint16, 7)) {
				t.Errorf("%v are not zeros", like.Halves)
			}
			x.Copy(3, 2, like, 5)
			if got := like.Floats(s).Data; !slices.Equal(got, []float32{0, 0, 0, 0, 0, 3, 4}) {
				t.Errorf("copied %v", got)
			}
			if s != nil {
				s.Reset()
			}
		}
	}
	if y := x.Reshape(15); !y.Finite() || y.Floats(nil).Data[14] != 14 {
		t.Errorf("reshaped to %v", y.Halves)
	}
	x.Halves[7] = 0x7c00 // infinity
	if x.Finite() {
		t.Error("an infinity is finite")
	}
	if New(2).Halves != nil || Declare(2).Bound() {
		t.Error("a tensor without f16 numbers has some")
	}
}
