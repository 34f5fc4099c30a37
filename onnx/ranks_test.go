package onnx

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// TestRanks runs nodes on values with more dimensions than those of a graph, and compares them
// with the same nodes on known numbers.
func TestRanks(t *testing.T) {
	is := func(name string, i int64) *Attribute { return &Attribute{Name: name, I: i} }
	many := Ints(2, 1, 3, 2, 2, 1, 2, 3) // 144 elements
	values := map[string]*Array{"few": Ints(12, 12), "many": many, "all": Ints(-1), "axes": Ints(2, 4, 7), "start": Ints(1, 2), "end": Ints(-9, 3), "cut": Ints(3, 7),
		"steps": Ints(-1, 1), "index": Ints(2, 0, 2), "by": Floats([]float32{1, 2, 3, 4, 5, 6}, 2, 1, 1, 1, 3), "wider": Ints(2, 4, 3, 2, 2, 5, 2, 3)}
	to := &Node{Op: "Reshape", Inputs: []string{"x", "many"}, Outputs: []string{"wide"}}
	for _, c := range []struct {
		name, op, inputs string
		attribute        *Attribute
	}{
		{"as it is", "Identity", "wide", nil},
		{"neighbours", "Transpose", "wide", &Attribute{Name: "perm", Ints: []int64{0, 1, 4, 5, 6, 2, 3, 7}}},
		{"reversed", "Transpose", "wide", nil},
		{"mixed", "Transpose", "wide", &Attribute{Name: "perm", Ints: []int64{7, 3, 0, 5, 2, 6, 1, 4}}},
		{"function", "Exp", "wide", nil},
		{"cast", "Cast", "wide", is("to", int64(Int32))},
		{"sum", "Add", "wide by", nil},
		{"square", "Mul", "wide wide", nil},
		{"sums", "ReduceSum", "wide axes", nil},
		{"sums alone", "ReduceSum", "wide axes", is("keepdims", 0)},
		{"shares", "Softmax", "wide", is("axis", 2)},
		{"cut", "Slice", "wide start end cut steps", nil},
		{"joined", "Concat", "wide wide", is("axis", 2)},
		{"picked", "Gather", "wide index", is("axis", 2)},
		{"repeated", "Expand", "wide wider", nil},
		{"choice", "Where", "truth wide by", nil},
	} {
		node := &Node{Op: c.op, Inputs: strings.Fields(c.inputs), Outputs: []string{"y"}}
		if c.attribute != nil {
			node.Attributes = []*Attribute{c.attribute}
		}
		truth := &Node{Op: "Greater", Inputs: []string{"wide", "by"}, Outputs: []string{"truth"}}
		m := &Model{Opsets: map[string]int{"": 17}, Graph: &Graph{Nodes: []*Node{to, truth, node}, Outputs: []*Info{{Name: "y"}},
			Inputs: []*Info{{Name: "x", Type: Float32, Rank: true, Dims: []Dim{{N: 144}}}}}}
		x := tensor.New(144)
		for i := range x.Data {
			x.Data[i] = float32(i*37%144)/20 - 3
		}
		for name := range values {
			m.Graph.Inputs = append(m.Graph.Inputs, &Info{Name: name})
		}
		n, err := Import(m, Options{Values: values})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		outputs, err := n.Graph.Eval(context.Background(), x)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		results, err := n.Results(outputs)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		values["x"] = Floats(x.Data, 144)
		k, err := Import(m, Options{Values: values})
		delete(values, "x")
		if err != nil {
			t.Errorf("%s of known numbers: %v", c.name, err)
			continue
		}
		y, want := results[0], k.Outputs[0].Known
		same := want != nil && y.Type == want.Type && y.Shape.Equal(want.Shape)
		for i := 0; same && i < y.Len(); i++ {
			same = math.Abs(y.At(i)-want.At(i)) < 1e-4
		}
		if !same {
			t.Errorf("%s: %v, want %v", c.name, y, want)
		}
	}
}
