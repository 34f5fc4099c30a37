package graph

import (
	"context"
	"math"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// emptyGraph has values without elements: an input, results, and args of ops whose results
// have elements.
func emptyGraph(t *testing.T) *Graph {
	t.Helper()
	g, err := Trace(func(g *Graph) {
		none, x := g.Input("none", 0, 3), g.Input("x", 2, 3)
		g.Output("none", none.ReLU().Add(x.Slice(0, 0, 1)))
		g.Output("joined", Cat(0, none, x, x.Slice(0, 1, 1)))
		g.Output("sum", none.Sum(0))
		g.Output("largest", none.Max())
		g.Output("product", none.Reshape(3, 0).MatMul(none))
		g.Output("padded", Apply(Pad{Value: 7, Before: [MaxRank]int{1}}, none))
		g.Output("dense", Apply(Linear{Epilogue: Epilogue{Bias: true}}, x.Slice(1, 1, 1), g.Const(tensor.New(2, 0)), x.Slice(1, 0, 2).Slice(0, 0, 1).Reshape(2)))
		g.Output("expanded", x.Slice(0, 1, 1).Expand(4, 0, 3))
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestEmptyValues(t *testing.T) {
	g := emptyGraph(t)
	x := tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	want := []*tensor.Tensor{
		tensor.New(0, 3), x, tensor.New(3), tensor.Of([]float32{float32(math.Inf(-1))}), tensor.New(3, 3),
		tensor.Of([]float32{7, 7, 7}, 1, 3), tensor.Of([]float32{1, 2, 1, 2}, 2, 2), tensor.New(4, 0, 3),
	}
	for _, g := range []*Graph{g, g.Fuse()} {
		got, err := g.Eval(context.Background(), tensor.New(0, 3), x)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if d, err := tensor.Diff(got[i], w); err != nil || d.Max > 0 {
				t.Errorf("%s: %v, %v", got[i].Name, d, err)
			}
		}
	}
	for _, f := range []func(g *Graph){
		func(g *Graph) { g.Input("x", 2, -1) },
		func(g *Graph) { g.Input("x", 6).Reshape(-2, -3) },
		func(g *Graph) { g.Input("x", 0, 3).Argmax(0) },
	} {
		if _, err := Trace(func(g *Graph) { f(g); g.Output("x", g.Nodes[0]) }); err == nil {
			t.Error("a graph with impossible shapes has no error")
		}
	}
}
