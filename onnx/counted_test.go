package onnx

import (
	"context"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// TestRows runs chains of nodes after NonZero, whose number of results only the run decides.
func TestRows(t *testing.T) {
	node := func(op, in, out string, attributes ...*Attribute) *Node {
		return &Node{Op: op, Inputs: strings.Fields(in), Outputs: []string{out}, Attributes: attributes}
	}
	places := node("NonZero", "x", "places")
	row := node("Gather", "places one", "row")
	values := map[string]*Array{
		"one": {Type: Int64, I: []int64{1}}, "zero": Ints(0), "two": Ints(2), "four": Ints(4), "column": Ints(-1, 1),
		"table": Floats([]float32{10, 20, 30}, 3), "by": Floats([]float32{2}, 1),
	}
	x := []float32{0, 5, 0, 7, 8, 0} // [2, 3]
	for _, c := range []struct {
		name  string
		x     []float32
		nodes []*Node
		want  *Array
		fault string
	}{
		{"places", x, []*Node{node("NonZero", "x", "y")}, &Array{Type: Int64, Shape: tensor.Shape{2, 3}, I: []int64{0, 1, 1, 1, 0, 1}}, ""},
		{"none", make([]float32, 6), []*Node{node("NonZero", "x", "y")}, &Array{Type: Int64, Shape: tensor.Shape{2, 0}, I: []int64{}}, ""},
		{"transposed", x, []*Node{places, node("Transpose", "places", "y")}, &Array{Type: Int64, Shape: tensor.Shape{3, 2}, I: []int64{0, 1, 1, 0, 1, 1}}, ""},
		{"gathered", x, []*Node{places, row, node("Gather", "table row", "some"), node("Mul", "some by", "y")}, Floats([]float32{40, 20, 40}, 3), ""},
		{"column", x, []*Node{places, row, node("Reshape", "row column", "y")}, &Array{Type: Int64, Shape: tensor.Shape{3, 1}, I: []int64{1, 0, 1}}, ""},
		{"first two", x, []*Node{places, row, node("Slice", "row zero two", "y")}, Ints(1, 0), ""},
		{"first four", x, []*Node{places, row, node("Slice", "row zero four", "y")}, Ints(1, 0, 1), ""},
		{"joined", x, []*Node{places, node("Concat", "places places", "y", &Attribute{Name: "axis"})},
			&Array{Type: Int64, Shape: tensor.Shape{4, 3}, I: []int64{0, 1, 1, 1, 0, 1, 0, 1, 1, 1, 0, 1}}, ""},
		{"compressed", x, []*Node{node("Compress", "x x", "y")}, nil, "condition [2, 3]"},
		{"compressed by a row", x, []*Node{node("Gather", "x zero", "row"), node("Squeeze", "row zero", "condition"),
			node("Compress", "x condition", "y", &Attribute{Name: "axis", I: 1})}, Floats([]float32{5, 8}, 2, 1), ""},
		{"sum", x, []*Node{places, node("ReduceSum", "places", "y")}, nil, "only after the run"},
		{"shape", x, []*Node{places, node("Shape", "places", "y")}, nil, "only after the run"},
		{"last", x, []*Node{places, row, node("Slice", "row two four", "y")}, nil, "only after the run"},
		{"joined along", x, []*Node{places, node("Concat", "places places", "y", &Attribute{Name: "axis", I: 1})}, nil, "only after the run"},
		{"other rows", x, []*Node{places, node("NonZero", "x", "more"), node("Add", "places more", "y")}, nil, "only the run decides"},
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
			same = y.At(i) == c.want.At(i)
		}
		if !same {
			t.Errorf("%s: %+v, want %+v", c.name, y, c.want)
		}
	}
}
