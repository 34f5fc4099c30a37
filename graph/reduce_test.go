package graph_test

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestReduceErrors checks the errors of poolings, norms, reductions and sorts.
func TestReduceErrors(t *testing.T) {
	image := tensor.Shape{2, 5, 6, 8}
	both := graph.Both
	for _, c := range []struct {
		op   graph.Op
		args []tensor.Shape
		want string
	}{
		{graph.MaxPool2d{}, []tensor.Shape{image}, "window 0, stride 0"},
		{graph.MaxPool2d{Window: graph.Window{Size: both(2)}}, []tensor.Shape{{5, 6, 8}}, "want x [B, H, W, C]"},
		{graph.MaxPool2d{Window: graph.Window{Size: both(3), Pad: both(3)}}, []tensor.Shape{image}, "do not fit the window"},
		{graph.MaxPool2d{Window: graph.Window{Size: both(7)}}, []tensor.Shape{image}, "smaller than the window"},
		{graph.AvgPool2d{Window: graph.Window{Size: both(2)}, Divisor: -1}, []tensor.Shape{image}, "divisor -1"},
		{graph.AdaptivePool2d{}, []tensor.Shape{image}, "result 0×0 is empty"},
		{graph.LayerNorm{Weight: true}, []tensor.Shape{image, {6}}, "weight or bias is [6]"},
		{graph.LayerNorm{Weight: true}, []tensor.Shape{image}, "1 arguments, want 2"},
		{graph.LayerNorm{Dims: 5}, []tensor.Shape{image}, "fewer than 5 dimensions"},
		{graph.LayerNorm{Eps: -1}, []tensor.Shape{image}, "eps -1"},
		{graph.GroupNorm{Groups: 3}, []tensor.Shape{image}, "8 channels do not divide into 3 groups"},
		{graph.GroupNorm{Bias: true}, []tensor.Shape{image, {4}}, "weight or bias is [4]"},
		{graph.LocalResponseNorm{}, []tensor.Shape{image}, "size 0"},
		{graph.Softmax{Axis: 4}, []tensor.Shape{image}, "no dimension 4 in rank 4"},
		{graph.Softmax{}, []tensor.Shape{image, image}, "2 arguments, want 1"},
		{graph.Normalize{Axis: -5}, []tensor.Shape{image}, "no dimension -5"},
		{graph.CosineSimilarity{}, []tensor.Shape{image, {3}}, "do not broadcast"},
		{graph.CosineSimilarity{Axis: 4}, []tensor.Shape{image, image}, "no dimension 4"},
		{graph.Reduce{Axes: graph.Dims(4)}, []tensor.Shape{image}, "no dimensions 4 in"},
		{graph.Argmax{Axis: 4}, []tensor.Shape{image}, "no dimension 4"},
		{graph.Argsort{Axis: 4}, []tensor.Shape{image}, "no dimension 4"},
		{graph.Argsort{}, []tensor.Shape{{1<<24 + 1}}, "16777217 elements"},
		{graph.TopK{K: 9, Axis: -1}, []tensor.Shape{image}, "9 of 8 elements"},
		{graph.TopK{Axis: -1}, []tensor.Shape{image}, "0 of 8 elements"},
	} {
		_, err := c.op.Shape(c.args)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %v: error %v, want %q in it", c.op.Name(), c.args, err, c.want)
		}
	}
}

// TestWindow compares the extents of poolings with PyTorch's.
func TestWindow(t *testing.T) {
	for _, c := range []struct {
		w    graph.Window
		h, y int
	}{
		{graph.Window{Size: graph.Both(2)}, 5, 2},
		{graph.Window{Size: graph.Both(2), Ceil: true}, 5, 3},
		{graph.Window{Size: graph.Both(3), Stride: graph.Both(2), Pad: graph.Both(1)}, 112, 56},
		{graph.Window{Size: graph.Both(3), Stride: graph.Both(3), Pad: graph.Both(1), Ceil: true}, 8, 3},
		{graph.Window{Size: graph.Both(2), Stride: graph.Both(3), Ceil: true}, 3, 1}, // a second window would begin outside
		{graph.Window{Size: graph.Both(8), Ceil: true}, 5, 1},
	} {
		y, err := graph.MaxPool2d{Window: c.w}.Shape([]tensor.Shape{{1, c.h, c.h, 1}})
		if err != nil || !y.Equal(tensor.Shape{1, c.y, c.y, 1}) {
			t.Errorf("%v of %d: %v, %v; want %d", c.w, c.h, y, err, c.y)
		}
	}
}
