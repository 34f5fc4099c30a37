package golden

import (
	"fmt"
	"strings"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// shapeOps builds the ops that join, move, pick and broadcast. They work on any
// values, not only images, so their sub-cases stay in PyTorch's layout.
func shapeOps(s sub) (Case, error) {
	var a struct {
		Dim   int
		Order []int
		Pad   [4]int `json:"left_right_top_bottom"`
	}
	if err := s.decode(&a); err != nil {
		return Case{}, err
	}
	switch s.Kind {
	case "concat":
		var in []*tensor.Tensor
		for _, name := range strings.Split("abcdefghij", "") {
			if s.has("input", name) {
				in = append(in, s.in(name))
			}
		}
		return one(s.out("y"), in, func(_ *graph.Graph, in []*graph.Value) *graph.Value {
			return graph.Cat(a.Dim, in...)
		})
	case "add", "mul":
		return one(s.out("y"), []*tensor.Tensor{s.in("a"), s.in("b")}, func(_ *graph.Graph, in []*graph.Value) *graph.Value {
			if s.Kind == "add" {
				return in[0].Add(in[1])
			}
			return in[0].Mul(in[1])
		})
	case "gather":
		return one(s.out("y"), []*tensor.Tensor{s.in("x"), s.in("idx")}, func(_ *graph.Graph, in []*graph.Value) *graph.Value {
			return in[0].TakeRows(in[1])
		})
	case "embedding":
		return one(s.out("y"), []*tensor.Tensor{s.in("ids")}, func(g *graph.Graph, in []*graph.Value) *graph.Value {
			return in[0].Embedding(g.Const(s.weight("weight")))
		})
	case "mean", "argmax", "argsort", "topk":
		return reductions(s)
	case "permute":
		return one(s.out("y"), []*tensor.Tensor{s.in("x")}, func(_ *graph.Graph, in []*graph.Value) *graph.Value {
			return in[0].Permute(a.Order...)
		})
	case "pad", "pad_reflect":
		op := graph.Pad{
			Before: [graph.MaxRank]int{1: a.Pad[2], 2: a.Pad[0]},
			After:  [graph.MaxRank]int{1: a.Pad[3], 2: a.Pad[1]},
		}
		if s.Kind == "pad_reflect" {
			op.Mode = graph.Reflect
		}
		return one(s.outImage("y"), []*tensor.Tensor{s.inImage("x")}, func(_ *graph.Graph, in []*graph.Value) *graph.Value {
			return graph.Apply(op, in[0])
		})
	}
	return Case{}, fmt.Errorf("kind %q is unknown", s.Kind)
}
