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
		{"all", func(y *graph.Value, c func() *graph.Value, n *graph.Value) *graph.Value {
			return y.Add(c()).Mul(c()).Add(n)
		}},
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

// TestBefore expects factors and sums of channels before a layer to move into its weights.
func TestBefore(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for _, c := range []struct {
		name string
		op   graph.Op
		w    []int
		sum  bool
		ops  int // that are left
	}{
		{"linear", graph.Linear{}, []int{8, 6}, true, 1},
		{"conv 1×1", graph.Conv2d{}, []int{8, 6, 1, 1}, true, 1},
		{"conv in groups", graph.Conv2d{Groups: 3}, []int{9, 2, 3, 3}, true, 1},
		{"a factor before padding", graph.Conv2d{Pad: graph.Both(1)}, []int{8, 6, 3, 3}, false, 1},
		{"a sum before padding", graph.Conv2d{Pad: graph.Both(1)}, []int{8, 6, 3, 3}, true, 6},
		{"a sum before padding below", graph.Conv2d{Extra: graph.Both(1)}, []int{8, 6, 3, 3}, true, 6},
	} {
		for _, bias := range []bool{false, true} {
			g, err := graph.Trace(func(g *graph.Graph) {
				vector := func() *graph.Value { return g.Const(random(r, 6)) }
				x := g.Input("x", 1, 4, 5, 6).Mul(vector()).Map(graph.Times, 0.5)
				if c.sum {
					variance := tensor.New(6)
					for i := range variance.Data {
						variance.Data[i] = 0.5 + r.Float32()
					}
					x = vector().Add(x).Map(graph.Plus, 0.25).Sub(vector())
					x = graph.Apply(graph.BatchNorm{Affine: true}, x, vector(), g.Const(variance), vector(), vector())
				}
				args := []*graph.Value{x, g.Const(random(r, c.w...))}
				op := c.op
				if bias {
					args = append(args, g.Const(random(r, c.w[0])))
					switch o := op.(type) {
					case graph.Linear:
						o.Bias = true
						op = o
					case graph.Conv2d:
						o.Bias = true
						op = o
					}
				}
				g.Output("y", graph.Apply(op, args...))
			})
			if err != nil {
				t.Fatal(err)
			}
			h := Before(g)
			compare(t, g, h, r)
			ops := 0
			for _, v := range h.Nodes {
				if v.Op != nil {
					ops++
				}
			}
			if ops != c.ops && !(c.ops > 1 && ops > 1) {
				t.Errorf("%s: %d ops are left, want %d\n%s", c.name, ops, c.ops, h)
			}
		}
	}
}

// TestSinkReshapes expects functions of one number to lose the Reshapes around them.
func TestSinkReshapes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	g, err := graph.Trace(func(g *graph.Graph) {
		y := g.Input("x", 2, 1, 1, 6).Reshape(2, 6, 1, 1).Map(graph.HardSigmoid, 0.2, 0.5).ReLU()
		y = y.Mul(g.Const(tensor.Of([]float32{3}, 1))).Reshape(2, 1, 1, 6)
		kept := y.Reshape(2, 6)
		g.Output("y", g.Input("z", 2, 4, 5, 6).Mul(y))
		g.Output("used twice", kept.Tanh().Mul(kept))
	})
	if err != nil {
		t.Fatal(err)
	}
	h := Tidy(SinkReshapes(g))
	compare(t, g, h, r)
	reshapes := 0
	for _, v := range h.Nodes {
		if _, ok := v.Op.(graph.Reshape); ok {
			reshapes++
		}
	}
	if reshapes != 1 {
		t.Errorf("%d Reshapes are left, want 1\n%s", reshapes, h)
	}
}
