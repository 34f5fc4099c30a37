package passes

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// random returns a tensor of random numbers.
func random(r *rand.Rand, shape ...int) *tensor.Tensor {
	t := tensor.New(shape...)
	for i := range t.Data {
		t.Data[i] = r.Float32()*2 - 1
	}
	return t
}

// compare evaluates a graph before and after a rewriting.
func compare(t *testing.T, g, h *graph.Graph, r *rand.Rand) {
	t.Helper()
	var inputs []*tensor.Tensor
	for _, v := range g.Inputs {
		inputs = append(inputs, random(r, v.Shape...))
	}
	want, err := g.Eval(context.Background(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.Eval(context.Background(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if d, err := tensor.Diff(got[i], want[i]); err != nil || !(d.Relative <= 1e-5) {
			t.Errorf("output %s: %v, %v\nbefore:\n%safter:\n%s", want[i].Name, d, err, g, h)
		}
	}
}

// permutes counts the ops of a graph that move elements to another order.
func permutes(g *graph.Graph) int {
	n := 0
	for _, v := range g.Nodes {
		if _, ok := v.Op.(graph.Permute); ok {
			n++
		}
	}
	return n
}

// shuffled makes a random graph of ops that can work in any order of dimensions, with
// Permutes and Reshapes between them.
func shuffled(r *rand.Rand) func(g *graph.Graph) {
	return func(g *graph.Graph) {
		extent := func() int { return 1 + r.IntN(4) }
		values := []*graph.Value{g.Input("a", extent(), extent(), extent(), extent()), g.Input("b", extent(), extent(), extent())}
		for range 12 {
			v := values[len(values)-1-r.IntN(min(3, len(values)))]
			n := len(v.Shape)
			if n == 0 {
				continue
			}
			axis := r.IntN(n)
			switch r.IntN(19) {
			case 0, 1, 2, 3:
				v = v.Permute(r.Perm(n)...)
			case 4:
				v = v.ReLU()
			case 5:
				v = v.Add(v.Mul(g.Const(random(r, v.Shape[n-1]))))
			case 6:
				one := v.Shape.Clone()
				one[axis] = 1
				v = g.Const(random(r, one...)).Sub(v)
			case 7:
				v = graph.Cat(axis, v, v.Tanh())
			case 8:
				v = v.Slice(axis, r.IntN(v.Shape[axis]), 0)
			case 9:
				v = v.Softmax(axis - n*r.IntN(2))
			case 10:
				v = graph.Apply(graph.Reduce{Kind: graph.ReduceKind(r.IntN(4)), Axes: graph.Dims(axis), KeepDims: r.IntN(2) == 0}, v)
			case 11:
				if k := r.IntN(n); n < graph.MaxRank {
					s := append(append(v.Shape[:k].Clone(), 1), v.Shape[k:]...)
					v = v.Reshape(s...)
				}
			case 12:
				if axis+1 < n { // join two dimensions, and at times split them again
					s := append(append(v.Shape[:axis].Clone(), v.Shape[axis]*v.Shape[axis+1]), v.Shape[axis+2:]...)
					w := v.Reshape(s...)
					if r.IntN(2) == 0 {
						w = w.Reshape(v.Shape...)
					}
					v = w
				}
			case 13:
				o := graph.Pad{Value: 0.5}
				o.Before[axis], o.After[n-1] = 1, 1
				v = graph.Apply(o, v)
			case 14:
				v = v.LayerNorm(1e-5, nil, nil)
			case 15:
				v = v.Roll(axis, 1)
			case 16:
				v = v.Map(graph.Exp).Map(graph.Clip, 0.5, 2)
			case 17:
				v = graph.Apply(graph.Binary{Kind: graph.Less}, v, g.Const(random(r, v.Shape[n-1]))).Where(v, g.Const(random(r, 1)))
			case 18:
				v = v.CumSum(axis)
			}
			values = append(values, v)
		}
		g.Output("last", values[len(values)-1])
		g.Output("middle", values[len(values)/2])
	}
}

// TestSinkPermutes compares random graphs before and after.
func TestSinkPermutes(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		g, err := graph.Trace(shuffled(r))
		if err != nil {
			t.Fatal(err)
		}
		h := SinkPermutes(g)
		compare(t, g, h, r)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestSinkNetwork leaves two Permutes in a residual network with the channels first: those of
// the input and of the output.
func TestSinkNetwork(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	g, err := graph.Trace(func(g *graph.Graph) {
		conv := func(x *graph.Value, out, k int) *graph.Value {
			w := g.Const(random(r, out, x.Shape[1], k, k))
			y := graph.Apply(graph.Conv2d{Pad: graph.Both(k / 2)}, x.Permute(0, 2, 3, 1), w)
			return y.Permute(0, 3, 1, 2).Add(g.Const(random(r, 1, out, 1, 1)))
		}
		x := conv(g.Input("x", 1, 3, 9, 8), 8, 3).ReLU()
		x = x.Add(conv(x, 8, 3).ReLU())
		squeezed := graph.Apply(graph.Reduce{Axes: graph.Dims(2, 3), KeepDims: true}, x)
		x = x.Mul(conv(squeezed, 8, 1).Sigmoid())
		x = graph.Cat(1, x, conv(x, 4, 1)).Slice(2, 1, 0)
		g.Output("map", conv(x, 5, 3))
		g.Output("tokens", x.Reshape(1, 12, 64).Permute(0, 2, 1))
	})
	if err != nil {
		t.Fatal(err)
	}
	h := SinkPermutes(g)
	compare(t, g, h, r)
	if n := permutes(h); n != 2 {
		t.Errorf("%d permutes:\n%s", n, h)
	}
}

// TestFault lets a pass panic: the error names it.
func TestFault(t *testing.T) {
	p := Pass{"bad", func(*graph.Graph) *graph.Graph { panic("a fault") }}
	if _, err := p.try(&graph.Graph{}); err == nil || err.Error() != `the pass "bad" is left out, please report: a fault` {
		t.Error(err)
	}
}
