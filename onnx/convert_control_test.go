package onnx

import (
	"errors"
	"testing"
)

// TestIfOfInput has an input decide between branches of different shapes. It is asked for.
func TestIfOfInput(t *testing.T) {
	branch := func(nodes ...*Node) *Graph { return &Graph{Nodes: nodes, Outputs: []*Info{{Name: "result"}}} }
	m := &Model{Opsets: map[string]int{"": 17}, Graph: &Graph{
		Nodes: []*Node{{Op: "If", Inputs: []string{"flag"}, Outputs: []string{"y"}, Attributes: []*Attribute{
			{Name: "then_branch", Graph: branch(&Node{Op: "Unsqueeze", Inputs: []string{"x", "axes"}, Outputs: []string{"result"}})},
			{Name: "else_branch", Graph: branch(&Node{Op: "Identity", Inputs: []string{"x"}, Outputs: []string{"result"}})},
		}}},
		Inputs: []*Info{
			{Name: "flag", Type: Bool, Rank: true}, {Name: "axes", Type: Int64, Rank: true, Dims: []Dim{{N: 1}}},
			{Name: "x", Type: Float32, Rank: true, Dims: []Dim{{N: 2}, {N: 3}}},
		},
		Outputs: []*Info{{Name: "y"}},
	}}
	var need *ValueNeededError
	if _, err := Import(m, Options{Values: map[string]*Array{"axes": Ints(0)}}); !errors.As(err, &need) || len(need.Inputs) != 1 || need.Inputs[0] != "flag" {
		t.Errorf("%v, want an error that names the input", err)
	}
	for flag, want := range map[int64]int{1: 3, 0: 2} {
		n, err := ImportFor(m, Options{}, map[string]*Array{
			"flag": {Type: Bool, Shape: nil, I: []int64{flag}}, "axes": Ints(0), "x": Floats(make([]float32, 6), 2, 3),
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := n.Outputs[0].Shape; len(got) != want {
			t.Errorf("flag %d gives %v", flag, got)
		}
	}
}
