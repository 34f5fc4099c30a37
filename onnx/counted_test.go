package onnx

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// TestRows runs chains of nodes after NonZero, whose number of results only the run decides.
func TestRows(t *testing.T) {
	node := func(op, in, out string, attributes ...*Attribute) *Node {
		return &Node{Op: op, Inputs: strings.Fields(in), Outputs: strings.Fields(out), Attributes: attributes}
	}
	is := func(name string, i int64) *Attribute { return &Attribute{Name: name, I: i} }
	chain := func(nodes []*Node, more ...*Node) []*Node { return append(nodes[:len(nodes):len(nodes)], more...) }
	ints := func(s tensor.Shape, i ...int64) *Array { return &Array{Type: Int64, Shape: s, I: i} }
	scalar := func(i int64) *Array { return ints(tensor.Shape{}, i) }
	places := []*Node{node("NonZero", "x", "places")}
	row := chain(places, node("Gather", "places one", "row")) // 1 0 1
	some := chain(row, node("Gather", "table row", "some"))   // 20 10 20
	size := chain(row, node("Shape", "row", "n"))             // 3
	flat := []*Node{node("Reshape", "x all", "flat"), node("NonZero", "flat", "at"), node("Squeeze", "at zero", "index"), node("Transpose", "at", "tuples")}
	picked := chain(flat, node("GatherND", "flat tuples", "picked")) // 5 7 8
	few := chain(size, node("Concat", "two n", "both", is("axis", 0)), node("ReduceMin", "both", "k"))
	count := chain(places, node("Size", "places", "size"), node("Equal", "size nothing", "none"))
	branch := func(nodes ...*Node) *Graph { return &Graph{Nodes: nodes, Outputs: []*Info{{Name: "result"}}} }
	choice := chain(count, node("If", "none", "y",
		&Attribute{Name: "then_branch", Graph: branch(node("ConstantOfShape", "zero", "result"))},
		&Attribute{Name: "else_branch", Graph: branch(node("Gather", "places one", "row"), node("Gather", "table row", "result"))}))
	values := map[string]*Array{
		"one": scalar(1), "nothing": scalar(0), "zero": Ints(0), "two": Ints(2), "four": Ints(4), "last": Ints(-1), "minus": Ints(-2), "line": Ints(1, 1, -1), "far": Ints(math.MaxInt64),
		"column": Ints(-1, 1), "pairs": Ints(-1, 2), "all": Ints(-1), "table": Floats([]float32{10, 20, 30}, 3),
		"by": Floats([]float32{2}, 1), "six": Floats([]float32{10, 20, 30, 40, 50, 60}, 6), "seven": Floats([]float32{7}, 1), "half": Floats([]float32{0.5}, 1),
		"corners": Floats([]float32{9, 9, 10, 10, 0, 0, 2, 2, 9, 9, 10, 10, 0, 0, 2, 2, 5, 5, 6, 6, 9, 9, 10, 10}, 6, 4),
	}
	x, zeros := []float32{0, 5, 0, 7, 8, 0}, make([]float32, 6) // [2, 3]
	for _, c := range []struct {
		name  string
		x     []float32
		nodes []*Node
		want  *Array
		fault string
	}{
		{"places", x, []*Node{node("NonZero", "x", "y")}, ints(tensor.Shape{2, 3}, 0, 1, 1, 1, 0, 1), ""},
		{"none", zeros, []*Node{node("NonZero", "x", "y")}, ints(tensor.Shape{2, 0}), ""},
		{"transposed", x, chain(places, node("Transpose", "places", "y")), ints(tensor.Shape{3, 2}, 0, 1, 1, 0, 1, 1), ""},
		{"gathered", x, chain(some, node("Mul", "some by", "y")), Floats([]float32{40, 20, 40}, 3), ""},
		{"column", x, chain(row, node("Reshape", "row column", "y")), ints(tensor.Shape{3, 1}, 1, 0, 1), ""},
		{"one line", x, chain(places, node("Transpose", "places", "t"), node("Reshape", "t all", "y")), Ints(0, 1, 1, 0, 1, 1), ""},
		{"and back", x, chain(places, node("Transpose", "places", "t"), node("Reshape", "t all", "u"), node("Reshape", "u pairs", "y")),
			ints(tensor.Shape{3, 2}, 0, 1, 1, 0, 1, 1), ""},
		{"its own shape", x, chain(places, node("Shape", "places", "s"), node("Reshape", "places s", "y")), ints(tensor.Shape{2, 3}, 0, 1, 1, 1, 0, 1), ""},
		{"first two", x, chain(row, node("Slice", "row zero two", "y")), Ints(1, 0), ""},
		{"first four", x, chain(row, node("Slice", "row zero four", "y")), Ints(1, 0, 1), ""},
		{"from the third", x, chain(row, node("Slice", "row two four", "y")), Ints(1), ""},
		{"last two", x, chain(some, node("Slice", "some minus far", "y")), Floats([]float32{10, 20}, 2), ""},
		{"all but the last", x, chain(row, node("Slice", "row zero last", "y")), Ints(1, 0), ""},
		{"last of none", zeros, chain(some, node("Slice", "some minus far", "y")), Floats(nil, 0), ""},
		{"as many as rows", x, chain(few, node("Slice", "six zero k", "y")), Floats([]float32{10, 20}, 2), ""},
		{"at most two, of none", zeros, chain(few, node("Slice", "six zero k", "y")), Floats(nil, 0), ""},
		{"joined", x, chain(places, node("Concat", "places places", "y", is("axis", 0))),
			ints(tensor.Shape{4, 3}, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1, 0, 1), ""},
		{"joined along", x, chain(places, node("Concat", "places places", "y", is("axis", 1))), ints(tensor.Shape{2, 6}, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1), ""},
		{"joined with others", x, chain(row, node("Concat", "two row four row", "y", is("axis", 0))), Ints(2, 1, 0, 1, 4, 1, 0, 1), ""},
		{"none joined", zeros, chain(row, node("Concat", "two row four row", "y", is("axis", 0))), Ints(2, 4), ""},
		{"compressed", x, []*Node{node("Compress", "x x", "y")}, nil, "condition [2, 3]"},
		{"compressed by a row", x, []*Node{node("Gather", "x zero", "row"), node("Squeeze", "row zero", "condition"),
			node("Compress", "x condition", "y", is("axis", 1))}, Floats([]float32{5, 8}, 2, 1), ""},
		{"sum", x, chain(places, node("ReduceSum", "places", "y")), ints(tensor.Shape{1, 1}, 4), ""},
		{"sum of columns", x, chain(places, node("ReduceSum", "places zero", "y", is("keepdims", 0))), Ints(1, 1, 2), ""},
		{"mean", x, chain(picked, node("ReduceMean", "picked", "y")), Floats([]float32{20. / 3}, 1), ""},
		{"least", x, chain(picked, node("ReduceMin", "picked", "y")), Floats([]float32{5}, 1), ""},
		{"place of the largest", x, chain(some, node("Neg", "some", "less"), node("ArgMax", "less", "y", is("keepdims", 0))), scalar(1), ""},
		{"shares", x, chain(row, node("Shape", "row", "n"), node("ConstantOfShape", "n", "none"), node("Softmax", "none", "y", is("axis", 0))), Floats([]float32{1. / 3, 1. / 3, 1. / 3}, 3), ""},
		{"shape", x, chain(places, node("Shape", "places", "y")), Ints(2, 3), ""},
		{"size", x, chain(places, node("Size", "places", "y")), scalar(6), ""},
		{"half the size", x, chain(places, node("Shape", "places", "s"), node("ReduceProd", "s", "p", is("keepdims", 0)), node("Div", "p two", "y")), Ints(3), ""},
		{"zeros", x, chain(size, node("ConstantOfShape", "n", "y")), Floats(zeros[:3], 3), ""},
		{"repeated", x, chain(size, node("Expand", "by n", "y")), Floats([]float32{2, 2, 2}, 3), ""},
		{"numbered", x, chain(size, node("Gather", "n nothing", "limit"), node("Range", "nothing limit one", "y")), Ints(0, 1, 2), ""},
		{"best two", x, chain(few, node("Gather", "table row", "some"), node("TopK", "some k", "best y")), Ints(0, 2), ""},
		{"best of none", zeros, chain(few, node("Gather", "table row", "some"), node("TopK", "some k", "best y")), Ints(), ""},
		{"scattered", x, chain(picked, node("ScatterElements", "six index picked", "y")), Floats([]float32{10, 5, 30, 7, 8, 60}, 6), ""},
		{"scattered tuples", x, chain(picked, node("ScatterND", "six tuples picked", "y")), Floats([]float32{10, 5, 30, 7, 8, 60}, 6), ""},
		{"product of rows", x, chain(picked, node("MatMul", "picked picked", "y")), Floats([]float32{138}), ""},
		{"boxes", x, chain(picked, node("Gather", "corners index", "boxes"), node("Unsqueeze", "boxes zero", "b"), node("Reshape", "picked line", "s"),
			node("NonMaxSuppression", "b s four half", "y")), ints(tensor.Shape{2, 3}, 0, 0, 2, 0, 0, 1), ""},
		{"some of some", x, chain(picked, node("Less", "picked seven", "flags"), node("NonZero", "flags", "where"), node("Transpose", "where", "more"),
			node("GatherND", "picked more", "y")), Floats([]float32{5}, 1), ""},
		{"a choice", x, choice, Floats([]float32{20, 10, 20}, 3), ""},
		{"the other choice", zeros, choice, Floats(nil, 0), ""},
		{"same rows", x, chain(places, node("NonZero", "x", "more"), node("Add", "places more", "y")), ints(tensor.Shape{2, 3}, 0, 2, 2, 2, 0, 2), ""},
		{"from the end to a number", x, chain(size, node("Slice", "six minus n", "y")), nil, "only after the run"},
		{"numbers over 2^24", x, chain(size, node("ConstantOfShape", "n", "y", &Attribute{Name: "value", Tensor: &Tensor{Type: Int64, Dims: []int64{1}, model: &Model{}, raw: []byte{1, 0, 0, 1, 0, 0, 0, 0}}})), nil, "over 2^24"},
		{"other rows", x, chain(places, node("Mul", "x by", "z"), node("NonZero", "z", "more"), node("Add", "places more", "y")), nil, "only the run decides"},
		{"unknown to be as many", x, chain(some, node("Mul", "some table", "y")), nil, "do not broadcast"},
		{"turned", x, chain(places, node("Reshape", "places all", "y")), nil, "only after the run"},
		{"a loop", x, chain(size, node("Loop", "n", "y", &Attribute{Name: "body", Graph: branch()})), nil, "after the run"},
	} {
		m := &Model{Opsets: map[string]int{"": 17}, Graph: &Graph{Nodes: c.nodes, Outputs: []*Info{{Name: "y"}},
			Inputs: []*Info{{Name: "x", Type: Float32, Rank: true, Dims: []Dim{{N: 2}, {N: 3}}}}}}
		for name := range values {
			m.Graph.Inputs = append(m.Graph.Inputs, &Info{Name: name})
		}
		n, err := Import(m, Options{Values: values})
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s: %v, want an error with %q", c.name, err, c.fault)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		outputs, err := n.Graph.Eval(context.Background(), tensor.Of(c.x, 2, 3))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		results, err := n.Results(outputs)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		y := results[0]
		same := y.Type == c.want.Type && y.Shape.Equal(c.want.Shape)
		for i := 0; same && i < y.Len(); i++ {
			same = math.Abs(y.At(i)-c.want.At(i)) < 1e-6
		}
		if !same {
			t.Errorf("%s: %+v, want %+v", c.name, y, c.want)
		}
	}
}
