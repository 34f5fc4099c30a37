package graph_test

import (
	"context"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestMoveErrors checks that wrong shapes are refused with a reason.
func TestMoveErrors(t *testing.T) {
	type ints = [graph.MaxRank]int
	image := tensor.Shape{2, 5, 7, 3}
	for _, c := range []struct {
		op   graph.Op
		args []tensor.Shape
		want string
	}{
		{graph.Resize{}, []tensor.Shape{image}, "size 0 and scale"},
		{graph.Resize{Size: graph.Pair{3, 0}}, []tensor.Shape{image}, "resized to [2, 3, 0, 3]"},
		{graph.Resize{Scale: [2]float64{0.1, 1}}, []tensor.Shape{image}, "resized to [2, 0"},
		{graph.Resize{Scale: [2]float64{-1, 1}}, []tensor.Shape{image}, "scale"},
		{graph.Resize{Size: graph.Both(3), AlignCorners: true}, []tensor.Shape{image}, "bilinear and bicubic"},
		{graph.Resize{Size: graph.Both(3), Mode: 9}, []tensor.Shape{image}, "mode 9"},
		{graph.Resize{Size: graph.Both(3)}, []tensor.Shape{{5, 7, 3}}, "want x [B, H, W, C]"},
		{graph.Concat{}, nil, "nothing to join"},
		{graph.Concat{Axis: 4}, []tensor.Shape{image}, "dimension 4"},
		{graph.Concat{Axis: -5}, []tensor.Shape{image}, "dimension -5"},
		{graph.Concat{Axis: -1}, []tensor.Shape{image, {2, 5, 6, 3}}, "cannot be joined"},
		{graph.Concat{Axis: 1}, []tensor.Shape{{2, 5}, {2, 5, 1}}, "cannot be joined"},
		{graph.Permute{Rank: 2, Order: ints{0, 1}}, []tensor.Shape{image}, "want x of rank 2"},
		{graph.Permute{Rank: 4, Order: ints{0, 1, 1, 3}}, []tensor.Shape{image}, "is not an order"},
		{graph.Permute{Rank: 4, Order: ints{0, 1, 2, 4}}, []tensor.Shape{image}, "is not an order"},
		{graph.Expand{Rank: 2, To: ints{4, 6}}, []tensor.Shape{{4, 5}}, "does not expand"},
		{graph.Expand{Rank: 2, To: ints{1, 5}}, []tensor.Shape{{4, 5}}, "does not expand"},
		{graph.Slice{Start: ints{1: 6}}, []tensor.Shape{image}, "[6:0:0] does not fit dimension 1"},
		{graph.Slice{Stop: ints{1: 6}}, []tensor.Shape{image}, "dimension 1"},
		{graph.Slice{Start: ints{1: -6}}, []tensor.Shape{image}, "dimension 1"},
		{graph.Slice{Start: ints{1: 3}, Stop: ints{1: 2}, Step: ints{1: -1}}, []tensor.Shape{image}, "dimension 1"},
		{graph.Slice{Start: ints{4: 1}}, []tensor.Shape{image}, "dimension 4"},
		{graph.Pad{Before: ints{1: -6}}, []tensor.Shape{image}, "dimension 1"},
		{graph.Pad{Before: ints{5: 1}}, []tensor.Shape{image}, "dimension 5"},
		{graph.Pad{Before: ints{1: 5}, Mode: graph.Reflect}, []tensor.Shape{image}, "reflect"},
		{graph.Pad{After: ints{1: 6}, Mode: graph.Circular}, []tensor.Shape{image}, "circular"},
		{graph.Pad{Mode: 7}, []tensor.Shape{image}, "mode 7"},
		{graph.Roll{Shift: ints{4: 1}}, []tensor.Shape{image}, "dimension 4"},
	} {
		if y, err := c.op.Shape(c.args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%#v of %v: %v, %v, want an error with %q", c.op, c.args, y, err, c.want)
		}
	}
}

// TestMoveBuilders checks shapes and values of the methods, with dimensions
// counted from the end.
func TestMoveBuilders(t *testing.T) {
	x := tensor.New(2, 3, 4)
	for i := range x.Data {
		x.Data[i] = float32(i)
	}
	for _, c := range []struct {
		name  string
		build func(v *graph.Value) *graph.Value
		want  tensor.Shape
		at    map[int]float32 // some elements
	}{
		{"permute", func(v *graph.Value) *graph.Value { return v.Permute(-1, 0, 1) }, tensor.Shape{4, 2, 3}, map[int]float32{1: 4, 6: 1}},
		{"slice", func(v *graph.Value) *graph.Value { return v.Slice(-1, 1, -1) }, tensor.Shape{2, 3, 2}, map[int]float32{0: 1, 3: 6}},
		{"slice to the end", func(v *graph.Value) *graph.Value { return v.Slice(1, -1, 3) }, tensor.Shape{2, 1, 4}, map[int]float32{0: 8, 4: 20}},
		{"roll", func(v *graph.Value) *graph.Value { return v.Roll(-1, -1) }, tensor.Shape{2, 3, 4}, map[int]float32{0: 1, 3: 0}},
		{"cat", func(v *graph.Value) *graph.Value { return graph.Cat(1, v, v.Slice(1, 0, 1)) }, tensor.Shape{2, 4, 4}, map[int]float32{12: 0, 16: 12, 28: 12}},
		{"expand", func(v *graph.Value) *graph.Value { return v.Slice(0, 1, 2).Expand(5, 3, 4) }, tensor.Shape{5, 3, 4}, map[int]float32{0: 12, 59: 23}},
		{"pad", func(v *graph.Value) *graph.Value { return v.Reshape(1, 2, 3, 4).Pad(1, 0, -1, 1) }, tensor.Shape{1, 3, 3, 4}, map[int]float32{0: 0, 12: 4, 19: 11, 20: 0}},
		{"resize", func(v *graph.Value) *graph.Value {
			return v.Reshape(1, 2, 3, 4).Resize(graph.Resize{Scale: [2]float64{2, 1}})
		}, tensor.Shape{1, 4, 3, 4}, map[int]float32{12: 0, 24: 12}},
	} {
		g, err := graph.Trace(func(g *graph.Graph) { g.Output("y", c.build(g.Input("x", 2, 3, 4))) })
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		y, err := g.Eval(context.Background(), x)
		if err != nil || !y[0].Shape.Equal(c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, y, err, c.want)
			continue
		}
		for i, v := range c.at {
			if y[0].Data[i] != v {
				t.Errorf("%s: element %d is %v, want %v", c.name, i, y[0].Data[i], v)
			}
		}
	}
	for name, build := range map[string]func(v *graph.Value) *graph.Value{
		"slice":   func(v *graph.Value) *graph.Value { return v.Slice(-4, 0, 1) },
		"roll":    func(v *graph.Value) *graph.Value { return v.Roll(6, 1) },
		"cat":     func(*graph.Value) *graph.Value { return graph.Cat(0) },
		"permute": func(v *graph.Value) *graph.Value { return v.Permute(0, 1, 2, 3, 4, 5, 6) },
		"expand":  func(v *graph.Value) *graph.Value { return v.Expand(1, 1, 1, 1, 2, 3, 4) },
	} {
		if _, err := graph.Trace(func(g *graph.Graph) { g.Output("y", build(g.Input("x", 2, 3, 4))) }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
