package tensor

import (
	"math"
	"slices"
	"testing"
)

func TestPermuteRoundTrip(t *testing.T) {
	x := New(2, 3, 4, 5)
	for i := range x.Data {
		x.Data[i] = float32(i)
	}
	y := x.ToNHWC()
	if !y.Shape.Equal(Shape{2, 4, 5, 3}) {
		t.Fatalf("shape %v", y.Shape)
	}
	if got, want := y.Data[((1*4+2)*5+3)*3+1], x.Data[((1*3+1)*4+2)*5+3]; got != want {
		t.Errorf("element [1, 2, 3, 1] is %v, want %v", got, want)
	}
	if d, err := Diff(y.ToNCHW(), x); err != nil || d.Max != 0 {
		t.Errorf("round trip: %v, %v", d, err)
	}
}

// TestPermute compares every order of dimensions, of which some are one, with the definition.
func TestPermute(t *testing.T) {
	for _, shape := range [][]int{{2, 3, 4, 5}, {1, 3, 4, 5}, {2, 1, 4, 1}, {1, 1, 1, 1}, {3, 0, 2, 2}, {2, 3, 1, 5}} {
		x := New(shape...)
		for i := range x.Data {
			x.Data[i] = float32(i)
		}
		for code := range 256 {
			order := []int{code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6}
			if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, []int{0, 1, 2, 3}) {
				continue
			}
			y := x.Permute(order...)
			from, to := x.Shape.Strides(), y.Shape.Strides()
			for i := range y.Data {
				at := 0
				for d, o := range order {
					at += i / to[d] % max(y.Shape[d], 1) * from[o]
				}
				if y.Data[i] != x.Data[at] {
					t.Fatalf("%v in order %v: element %d is %v, want %v", shape, order, i, y.Data[i], x.Data[at])
				}
			}
		}
	}
}

func TestDiff(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name      string
		got, want []float32
		max, rel  float64
	}{
		{"equal", []float32{1, -2}, []float32{1, -2}, 0, 0},
		{"relative to the largest", []float32{1, -4}, []float32{2, -4}, 1, 0.25},
		{"same infinity", []float32{inf, 1}, []float32{inf, 1}, 0, 0},
		{"other infinity", []float32{inf, 1}, []float32{-inf, 1}, math.Inf(1), math.Inf(1)},
		{"not a number", []float32{nan, 1}, []float32{2, 1}, math.Inf(1), math.Inf(1)},
		{"both not a number", []float32{nan, 1}, []float32{nan, 1}, 0, 0},
		{"zeros", []float32{0.5, 0}, []float32{0, 0}, 0.5, 0.5},
	} {
		d, err := Diff(Of(c.got, 2), Of(c.want, 2))
		if err != nil || d.Max != c.max || d.Relative != c.rel {
			t.Errorf("%s: %+v, %v", c.name, d, err)
		}
	}
	if _, err := Diff(New(2), New(3)); err == nil {
		t.Error("Diff accepts shapes [2] and [3]")
	}
}
