package graph_test

import (
	"math"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestPointErrors checks that wrong shapes are refused with a reason.
func TestPointErrors(t *testing.T) {
	image := tensor.Shape{2, 5, 7, 3}
	for _, c := range []struct {
		op   graph.Op
		args []tensor.Shape
		want string
	}{
		{graph.GridSample{}, []tensor.Shape{image, {2, 4, 4, 3}}, "does not fit"},
		{graph.GridSample{}, []tensor.Shape{image, {1, 4, 4, 2}}, "does not fit"},
		{graph.GridSample{Mode: 7}, []tensor.Shape{image, {2, 4, 4, 2}}, "mode 7"},
		{graph.GridSample{}, []tensor.Shape{{5, 7, 3}, {4, 4, 2}}, "rank 4 or 5"},
		{graph.RoiAlign{}, []tensor.Shape{image, {9, 4}, {9}}, "size 0"},
		{graph.RoiAlign{Size: graph.Both(2)}, []tensor.Shape{image, {9, 4}, {8}}, "regions [R, 4]"},
		{graph.DeformColumns{Size: graph.Both(2)}, []tensor.Shape{image, {2, 4, 6, 9}}, "offset [B, oH, oW, 8]"},
		{graph.DeformColumns{Size: graph.Both(2), Groups: 2}, []tensor.Shape{image, {2, 4, 6, 16}}, "2 groups"},
		{graph.DeformColumns{Size: graph.Both(2), Mask: true}, []tensor.Shape{image, {2, 4, 6, 8}, {2, 4, 6, 8}}, "want 4 channels"},
		{graph.NonMaxSuppression{}, []tensor.Shape{{1, 9, 4}, {1, 2, 9}}, "0 of 9 boxes"},
		{graph.NonMaxSuppression{Most: 3}, []tensor.Shape{{1, 9, 4}, {1, 2, 8}}, "scores [B, C, N]"},
		{graph.NonMaxSuppression{Most: 3, Count: true}, []tensor.Shape{{1, 9, 4}, {1, 2, 9}}, "a number"},
	} {
		if y, err := c.op.Shape(c.args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%#v of %v: %v, %v, want an error with %q", c.op, c.args, y, err, c.want)
		}
	}
}

// TestPointValues compares results with numbers worked out by hand. x is the row 0, 1, 2, 3.
func TestPointValues(t *testing.T) {
	x := tensor.Of([]float32{0, 1, 2, 3}, 1, 1, 4, 1)
	at := func(x ...float32) *tensor.Tensor {
		var points []float32
		for _, v := range x {
			points = append(points, v, 0)
		}
		return tensor.Of(points, 1, 1, len(x), 2)
	}
	row := func(y ...float32) *tensor.Tensor { return tensor.Of(y, 1, 1, len(y), 1) }
	boxes := tensor.Of([]float32{0, 0, 2, 2, 0, 1, 2, 3, 5, 5, 4, 4}, 1, 3, 4)
	for _, c := range []struct {
		name string
		op   graph.Op
		args []*tensor.Tensor
		want *tensor.Tensor
	}{
		{"linear", graph.GridSample{}, []*tensor.Tensor{x, at(-0.75, 0, 1, 1.25)}, row(0, 1.5, 1.5, 0)},
		{"corners", graph.GridSample{AlignCorners: true}, []*tensor.Tensor{x, at(-1, 0, 1, 2)}, row(0, 1.5, 3, 0)},
		{"border", graph.GridSample{Border: graph.BorderClamp}, []*tensor.Tensor{x, at(-9, 1, 9)}, row(0, 3, 3)},
		{"reflection", graph.GridSample{Border: graph.BorderReflect}, []*tensor.Tensor{x, at(-1.25, 1.5, 3.25)}, row(0, 2.5, 0)},
		{"reflection at corners", graph.GridSample{Border: graph.BorderReflect, AlignCorners: true}, []*tensor.Tensor{x, at(-5.0/3, 5.0/3)}, row(1, 2)},
		{"nearest", graph.GridSample{Mode: graph.SampleNearest}, []*tensor.Tensor{x, at(-0.5, 0, 0.5, 1.5)}, row(0, 2, 2, 0)},
		{"cubic", graph.GridSample{Mode: graph.SampleCubic}, []*tensor.Tensor{x, at(0, 0.25)}, row(1.5, 2)},
		{"cubic at the border", graph.GridSample{Mode: graph.SampleCubic, Border: graph.BorderClamp}, []*tensor.Tensor{x, at(1.2, -9)}, row(3.00675, 0)},
		{"mean of a region", graph.RoiAlign{Size: graph.Pair{1, 2}}, []*tensor.Tensor{x, tensor.Of([]float32{0.5, 0, 2.5, 0}, 1, 4), tensor.Of([]float32{0}, 1)}, tensor.Of([]float32{1, 2}, 1, 1, 2, 1)},
		{"half pixel", graph.RoiAlign{Size: graph.Pair{1, 1}, HalfPixel: true, Samples: 1, Scale: 2}, []*tensor.Tensor{x, tensor.Of([]float32{0.5, 0.5, 1.5, 0.5}, 1, 4), tensor.Of([]float32{-1}, 1)}, tensor.Of([]float32{1.5}, 1, 1, 1, 1)},
		{"largest", graph.RoiAlign{Size: graph.Pair{1, 1}, Samples: 2, Max: true}, []*tensor.Tensor{x, tensor.Of([]float32{0, 0, 3, 0}, 1, 4), tensor.Of([]float32{0}, 1)}, tensor.Of([]float32{1.5}, 1, 1, 1, 1)},
		{"deform", graph.DeformColumns{Size: graph.Pair{1, 2}}, []*tensor.Tensor{x, tensor.Of([]float32{0, 0.5, 0, 0, -0.5, 0, 0, 9}, 1, 1, 2, 4)}, tensor.Of([]float32{0.5, 1, 0.5, 0}, 1, 1, 2, 2)},
		{"boxes", graph.NonMaxSuppression{Most: 9, IoU: 1.0 / 3}, []*tensor.Tensor{boxes, tensor.Of([]float32{1, 2, 3}, 1, 1, 3)}, tensor.Of([]float32{0, 0, 2, 0, 0, 1, 0, 0, 0}, 3, 3)},
		{"fewer boxes", graph.NonMaxSuppression{Most: 2, IoU: 0.3, Filter: true, Score: 1}, []*tensor.Tensor{boxes, tensor.Of([]float32{2, 2, 1}, 1, 1, 3)}, tensor.Of([]float32{0, 0, 0, -1, -1, -1}, 2, 3)},
		{"boxes that exist", graph.NonMaxSuppression{Most: 9, IoU: 1.0 / 3, Count: true}, []*tensor.Tensor{boxes, tensor.Of([]float32{1, 2, 3}, 1, 1, 3), tensor.Of([]float32{2}, 1)}, tensor.Of([]float32{0, 0, 1, 0, 0, 0, -1, -1, -1}, 3, 3)},
	} {
		var shapes []tensor.Shape
		for _, a := range c.args {
			shapes = append(shapes, a.Shape)
		}
		if shape, err := c.op.Shape(shapes); err != nil || !shape.Equal(c.want.Shape) {
			t.Errorf("%s: shape %v, %v, want %v", c.name, shape, err, c.want.Shape)
			continue
		}
		y := c.op.Eval(c.args)
		for i, want := range c.want.Data {
			if math.Abs(float64(y.Data[i]-want)) > 1e-6 {
				t.Errorf("%s: %v, want %v", c.name, y.Data, c.want.Data)
				break
			}
		}
	}
}
