package onnx

import (
	"slices"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
)

// TestRepeated lists what three elements become with wide padding.
func TestRepeated(t *testing.T) {
	for _, c := range []struct {
		mode graph.PadMode
		n    int
		want []int // from index -4 on
	}{
		{graph.Reflect, 3, []int{0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1}},
		{graph.Circular, 3, []int{2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1}},
		{graph.Replicate, 3, []int{0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2}},
		{graph.Reflect, 1, []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	} {
		var got []int
		for i := range c.want {
			got = append(got, repeated(i-4, c.n, c.mode))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v of %d: %v, want %v", c.mode, c.n, got, c.want)
		}
	}
}

// TestResizeSources compares places in the argument with the standard's formulas.
func TestResizeSources(t *testing.T) {
	for _, c := range []struct {
		coord string
		a     resized
		i     int
		want  float64
	}{
		{"half_pixel", resized{in: 7, out: 17, scale: 17.0 / 7, exact: true}, 8, 3},
		{"asymmetric", resized{in: 9, out: 7, scale: float64(float32(0.8))}, 4, 5},
		{"align_corners", resized{in: 4, out: 2, scale: 0.6}, 1, 3 / 1.4},
		{"pytorch_half_pixel", resized{in: 4, out: 1, scale: 0.25}, 0, 0},
		{"half_pixel_symmetric", resized{in: 4, out: 2, scale: 0.6}, 0, 2*(1-2/2.4) + 0.5/float64(float32(0.6)) - 0.5},
		{"tf_crop_and_resize", resized{in: 5, out: 3, scale: 0.6, from: 0.25, to: 0.75}, 1, 2},
		{"tf_crop_and_resize", resized{in: 5, out: 1, scale: 0.2, from: 0.25, to: 0.75}, 0, 2},
		{"tf_half_pixel_for_nn", resized{in: 4, out: 8, scale: 2}, 3, 1.75},
	} {
		if got := (resizing{coord: c.coord}).source(c.a, c.i); got < c.want-1e-6 || got > c.want+1e-6 {
			t.Errorf("%s, %+v: element %d lies at %v, want %v", c.coord, c.a, c.i, got, c.want)
		}
	}
	for mode, want := range map[string]int{"round_prefer_floor": 1, "round_prefer_ceil": 2, "floor": 1, "ceil": 2, "simple": 1} {
		r := resizing{coord: "asymmetric", nearest: mode}
		if got := r.near(resized{in: 9, out: 18, scale: 2}, 3); got != want {
			t.Errorf("%s of 1.5 is %d, want %d", mode, got, want)
		}
	}
}

// TestWrongAttributes expects an error that names the attribute's fault, and soon: a scale
// must not lead to tables of billions of places.
func TestWrongAttributes(t *testing.T) {
	x, w := Floats(make([]float32, 32), 1, 2, 4, 4), Floats(make([]float32, 64), 1, 16, 4)
	inputs := map[string]*Array{"x": x, "s": Floats(make([]float32, 12), 3, 1, 4), "w": w}
	for node, want := range map[string]string{
		"Upsample x -> y; height_scale=1000000000.0 width_scale=2.0":    "axis 2 of [1, 2, 4, 4] cannot be resized by 1e+09",
		"Upsample x -> y; height_scale=1.0 width_scale=-2.0":            "cannot be resized by -2",
		"Upsample x -> y; height_scale=1.0 width_scale=2.0 mode=cubic":  `mode "cubic"`,
		"Upsample x -> y; height_scale=4000000.0 width_scale=4000000.0": "cannot be resized to 16000000 by 4e+06",
		"LSTM s,w,w -> y; hidden_size=5":                                "hidden_size 5, and weights for 4",
		"LSTM s,w,w -> y; hidden_size=4 clip=-1.0":                      "clip -1",
	} {
		if _, err := imported(t, inputs, node); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", node, err, want)
		}
	}
}

// TestPadTable pads so far that a dimension takes a table of indices, with many matrices
// before it.
func TestPadTable(t *testing.T) {
	x := &Array{Type: Float32, Shape: []int{300, 2}, F: make([]float32, 600)}
	for i := range x.F {
		x.F[i] = float32(i)
	}
	y := evaluated(t, map[string]*Array{"x": x}, "Constant  -> p; value_ints=[0,300,0,0]", "Pad x,p -> y; mode=wrap")
	for i, v := range y.F {
		if row, col := i/302, i%302; v != float32(2*row+col%2) {
			t.Fatalf("element %d of %v is %v", i, y.Shape, v)
		}
	}
}
