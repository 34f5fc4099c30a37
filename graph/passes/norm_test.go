package passes

import (
	"math/rand/v2"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestAffine expects Fuse to multiply factors and sums of channels into a layer.
func TestAffine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		name string
		f    func(y *graph.Value, channels func() *graph.Value, number *graph.Value) *graph.Value
	}{
		{"factor", func(y *graph.Value, c func() *graph.Value, n *graph.Value) *graph.Value { return y.Mul(c()) }},
		{"factor and sum", func(y *graph.Value, c func() *graph.Value, n *graph.Value) *graph.Value { return y.Mul(n).Add(c()) }},
		{"sum and factor", func(y *graph.Value, c func() *graph.Value, n *graph.Value) *graph.Value { return c().Add(y).Mul(c()) }},
		{"all", func(y *graph.Value, c func() *graph.Value, n *graph.Value) *graph.Value { return y.Add(c()).Mul(c()).Add(n) }},
	} {
		for _, layer := range []string{"conv", "linear"} {
			g, err := graph.Trace(func(g *graph.Graph) {
				x := g.Input("x", 1, 4, 5, 6)
				var y *graph.Value
				if layer == "conv" {
					y = graph.Apply(graph.Conv2d{Pad: graph.Both(1)}, x, g.Const(random(r, 8, 6, 3, 3)))
				} else {
					y = graph.Apply(graph.Linear{}, x, g.Const(random(r, 8, 6)))
				}
				y = c.f(y, func() *graph.Value { return g.Const(random(r, 8)) }, g.Const(tensor.Of([]float32{0.5}, 1)))
				g.Output("y", y.Add(g.Input("residual", y.Shape...)))
			})
			if err != nil {
				t.Fatal(err)
			}
			h := Affine(g)
			compare(t, g, h, r)
			h = h.Fuse()
			compare(t, g, h, r)
			ops := 0
			for _, v := range h.Nodes {
				if v.Op != nil {
					ops++
				}
			}
			if ops != 1 {
				t.Errorf("%s of %s: %d ops are left\n%s", c.name, layer, ops, h)
			}
		}
	}
}
