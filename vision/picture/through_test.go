package picture

import (
	"math"
	"slices"
	"testing"
)

// TestThrough shows a picture moved, turned and between its pixels.
func TestThrough(t *testing.T) {
	m := &Image{3, 2, 1, []uint8{10, 20, 30, 40, 50, 60}}
	for _, c := range []struct {
		t             Transform
		width, height int
		want          []uint8
	}{
		{Identity(), 3, 2, m.Pix},
		{Shift(1, 0), 3, 2, []uint8{20, 30, 30, 50, 60, 60}}, // the border goes on
		{Shift(0.5, 0.5), 2, 1, []uint8{30, 40}},
		{Upright([2]float32{3, 0}, [2]float32{3, 2}, [2]float32{0, 0}, 2, 3), 2, 3, []uint8{30, 60, 20, 50, 10, 40}}, // a quarter turn
		{Upright([2]float32{3, 2}, [2]float32{0, 2}, [2]float32{3, 0}, 3, 2), 3, 2, []uint8{60, 50, 40, 30, 20, 10}}, // a half
		{Scale(float32(math.NaN()), 1), 1, 1, []uint8{10}},
	} {
		if got := m.Through(c.t, c.width, c.height); !slices.Equal(got.Pix, c.want) {
			t.Errorf("through %v: %v, want %v", c.t, got.Pix, c.want)
		}
	}
}

// TestMatte puts a picture over another by its transparency.
func TestMatte(t *testing.T) {
	m, alpha := &Image{3, 1, 3, []uint8{200, 100, 0, 200, 100, 0, 200, 100, 0}}, &Image{3, 1, 1, []uint8{0, 51, 255}}
	if got := m.CutOut(alpha).Pix; !slices.Equal(got, []uint8{0, 0, 0, 0, 200, 100, 0, 51, 200, 100, 0, 255}) {
		t.Errorf("cut out: %v", got)
	}
	ground := &Image{3, 1, 1, []uint8{100, 100, 100}}
	if got := m.Over(ground, alpha).Pix; !slices.Equal(got, []uint8{100, 100, 100, 120, 100, 80, 200, 100, 0}) {
		t.Errorf("over grey: %v", got)
	}
	wide := New(64, 3, 1)
	for i := range wide.Pix {
		wide.Pix[i] = uint8(255 * (i % 2))
	}
	for i, v := range wide.Blurred(8).Pix {
		if v < 118 || v > 137 {
			t.Errorf("stripes have %d at %d", v, i)
		}
	}
	if got := wide.Blurred(0); !slices.Equal(got.Pix, wide.Pix) {
		t.Error("a blur of no pixels changes the picture")
	}
}
