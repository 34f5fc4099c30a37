package tensor

import (
	"slices"
	"testing"
)

func TestScratch(t *testing.T) {
	var s Scratch
	x := Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	for range 3 {
		a, b := s.New(2, 3), s.New(6)
		if &a.Data[0] == &b.Data[0] {
			t.Fatal("two tensors share memory")
		}
		c := s.Permute(x, 1, 0)
		if want := []float32{1, 4, 2, 5, 3, 6}; !slices.Equal(c.Data, want) || !c.Shape.Equal(Shape{3, 2}) {
			t.Errorf("permuted to %v %v", c, c.Data)
		}
		if empty := s.New(0, 3); len(empty.Data) != 0 {
			t.Errorf("%v has %d elements", empty, len(empty.Data))
		}
		for _, y := range []*Tensor{a, b} {
			if slices.Max(y.Data) != 0 || slices.Min(y.Data) != 0 {
				t.Errorf("%v is not zero: %v", y, y.Data)
			}
			for i := range y.Data {
				y.Data[i] = 7
			}
		}
		s.Reset()
	}
	var none *Scratch
	if y := none.New(2); len(y.Data) != 2 {
		t.Errorf("%v has %d elements", y, len(y.Data))
	}
	if y := none.Permute(x, 1, 0); y.Data[1] != 4 {
		t.Errorf("permuted to %v", y.Data)
	}
}

// TestScratchIsBounded makes two tensors at a time with slowly growing sizes.
func TestScratchIsBounded(t *testing.T) {
	const largest = 5000
	var s Scratch
	made, taken := map[*float32]int{}, 0
	for n := 1; n <= largest; n++ {
		for range 2 {
			d := s.New(n).Data
			at := &d[:1][0]
			if made[at] != cap(d) {
				made[at] = cap(d)
				taken += cap(d)
			}
		}
		s.Reset()
		held := 0
		for _, f := range s.free {
			held += cap(f)
		}
		if held > 4*n {
			t.Fatalf("%d elements are held for two tensors of %d", held, n)
		}
	}
	if taken > 10*largest {
		t.Errorf("%d elements were allocated for two tensors of %d", taken, largest)
	}
}
