package graph_test

import (
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestIndexErrors checks that wrong shapes of ops with indices are refused.
func TestIndexErrors(t *testing.T) {
	x := tensor.Shape{2, 5, 7}
	for _, c := range []struct {
		op   graph.Op
		args []tensor.Shape
		want string
	}{
		{graph.Select{Axis: 3}, []tensor.Shape{x, {4}}, "dimension 3"},
		{graph.Select{}, []tensor.Shape{x}, "want x and index"},
		{graph.Select{}, []tensor.Shape{x, {1, 1, 1, 1, 1}}, "rank 6 or less"},
		{graph.Resample{}, []tensor.Shape{x, {3, 4}, {3, 5}}, "weight [L, K]"},
		{graph.Resample{Axis: 3}, []tensor.Shape{x, {3, 4}, {3, 4}}, "dimension 3"},
		{graph.GatherND{}, []tensor.Shape{x, {3, 4}}, "tuples of 4"},
		{graph.GatherND{Batch: 1}, []tensor.Shape{x, {3, 1}}, "batches"},
		{graph.GatherND{Batch: 1}, []tensor.Shape{x, {2}}, "more than 1"},
		{graph.Scatter{Axis: 1}, []tensor.Shape{x, {3, 9, 7}, {3, 9, 7}}, "larger"},
		{graph.Scatter{}, []tensor.Shape{x, {2, 5, 7}, {2, 5, 6}}, "updates"},
		{graph.ScatterND{}, []tensor.Shape{x, {3, 2}, {3, 5}}, "want [3, 7]"},
		{graph.ScatterND{Merge: 9}, []tensor.Shape{x, {3, 2}, {3, 7}}, "want x, index"},
	} {
		if y, err := c.op.Shape(c.args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%#v of %v: %v, %v, want an error with %q", c.op, c.args, y, err, c.want)
		}
	}
}

// TestIndexValues compares results with numbers worked out by hand. x is
// [[0, 1, 2], [3, 4, 5]].
func TestIndexValues(t *testing.T) {
	type ints = [graph.MaxRank]int
	x := tensor.Of([]float32{0, 1, 2, 3, 4, 5}, 2, 3)
	for _, c := range []struct {
		name string
		op   graph.Op
		args []*tensor.Tensor
		want *tensor.Tensor
	}{
		{"reversed", graph.Slice{Step: ints{0: -1, 1: -2}}, nil, tensor.Of([]float32{5, 3, 2, 0}, 2, 2)},
		{"reversed part", graph.Slice{Start: ints{1: 1}, Step: ints{1: -1}}, nil, tensor.Of([]float32{2, 1, 5, 4}, 2, 2)},
		{"select", graph.Select{Axis: 1}, []*tensor.Tensor{tensor.Of([]float32{-1, 0}, 2, 1)}, tensor.Of([]float32{2, 0, 5, 3}, 2, 2, 1)},
		{"select one", graph.Select{}, []*tensor.Tensor{tensor.Of([]float32{1})}, tensor.Of([]float32{3, 4, 5}, 3)},
		{"gather_nd", graph.GatherND{}, []*tensor.Tensor{tensor.Of([]float32{1, -3, 0, 1}, 2, 2)}, tensor.Of([]float32{3, 1}, 2)},
		{"gather_nd batch", graph.GatherND{Batch: 1}, []*tensor.Tensor{tensor.Of([]float32{2, 0}, 2, 1)}, tensor.Of([]float32{2, 3}, 2)},
		{"resample", graph.Resample{Axis: 1}, []*tensor.Tensor{tensor.Of([]float32{0, -1, 1, 1}, 2, 2), tensor.Of([]float32{0.5, 2, 3, -1}, 2, 2)}, tensor.Of([]float32{4, 2, 11.5, 8}, 2, 2)},
		{"scatter", graph.Scatter{Axis: 1}, []*tensor.Tensor{tensor.Of([]float32{-1, 0, 7}, 1, 3), tensor.Of([]float32{8, 9, 10}, 1, 3)}, tensor.Of([]float32{9, 1, 8, 3, 4, 5}, 2, 3)},
		{"scatter sum", graph.Scatter{Merge: graph.MergeSum}, []*tensor.Tensor{tensor.Of([]float32{1, 1, 0}, 3, 1), tensor.Of([]float32{1, 2, 4}, 3, 1)}, tensor.Of([]float32{4, 1, 2, 6, 4, 5}, 2, 3)},
		{"scatter_nd prod", graph.ScatterND{Merge: graph.MergeMul}, []*tensor.Tensor{tensor.Of([]float32{-1, 1}, 2, 1), tensor.Of([]float32{2, 2, 2, 1, 2, 3}, 2, 3)}, tensor.Of([]float32{0, 1, 2, 6, 16, 30}, 2, 3)},
		{"scatter_nd amax", graph.ScatterND{Merge: graph.MergeMax}, []*tensor.Tensor{tensor.Of([]float32{0, 1, 0, 1}, 2, 2), tensor.Of([]float32{-3, 7}, 2)}, tensor.Of([]float32{0, 7, 2, 3, 4, 5}, 2, 3)},
	} {
		args := append([]*tensor.Tensor{x}, c.args...)
		var shapes []tensor.Shape
		for _, a := range args {
			shapes = append(shapes, a.Shape)
		}
		if shape, err := c.op.Shape(shapes); err != nil || !shape.Equal(c.want.Shape) {
			t.Errorf("%s: shape %v, %v, want %v", c.name, shape, err, c.want.Shape)
			continue
		}
		if diff, err := tensor.Diff(c.op.Eval(args), c.want); err != nil || diff.Relative > 0 {
			t.Errorf("%s: %v, %v", c.name, diff, err)
		}
	}
}
