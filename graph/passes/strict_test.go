package passes

import (
	"math/rand/v2"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestStrict has graphs that look like a pattern and are none, on inputs that show it.
func TestStrict(t *testing.T) {
	for name, f := range map[string]func(g *graph.Graph) *graph.Value{
		"a silu with an upper bound": func(g *graph.Graph) *graph.Value {
			x := g.Input("x", 2, 7).Mul(scalar(g, 1000))
			return x.Mul(x.Sigmoid()).Map(graph.Clip, -100, 100)
		},
		"attention with bounded queries": func(g *graph.Graph) *graph.Value {
			q := g.Input("q", 1, 5, 8).Mul(scalar(g, 40)).Map(graph.Clip, -8, 8)
			k, v := g.Input("k", 1, 5, 8), g.Input("v", 1, 5, 8)
			scores := graph.Apply(graph.MatMul{TransB: true}, q, k)
			return graph.Apply(graph.MatMul{}, scores.Softmax(-1), v)
		},
		"keys of a pair that are reversed": func(g *graph.Graph) *graph.Value {
			q, x := g.Input("q", 2, 3, 4), g.Input("x", 2, 5, 8)
			part := func(first, stop, step int) *graph.Value {
				o := graph.Slice{}
				o.Start[2], o.Stop[2], o.Step[1] = first, stop, step
				return graph.Apply(o, x)
			}
			scores := q.MatMul(part(0, 4, -1).Permute(0, 2, 1))
			return scores.Softmax(-1).MatMul(part(4, 0, 1))
		},
		"a sum that adds dimensions": func(g *graph.Graph) *graph.Value {
			return g.Input("x", 3).Add(g.Const(tensor.Of([]float32{1, 2, 3}, 1, 1, 3))).Permute(2, 0, 1)
		},
	} {
		g, err := graph.Trace(func(g *graph.Graph) { g.Output("y", f(g)) })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		h, err := Run(g)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !h.Outputs[0].Value.Shape.Equal(g.Outputs[0].Value.Shape) {
			t.Errorf("%s: %v becomes %v", name, g.Outputs[0].Value.Shape, h.Outputs[0].Value.Shape)
			continue
		}
		compare(t, g, h, rand.New(rand.NewPCG(1, 2)))
	}
}
