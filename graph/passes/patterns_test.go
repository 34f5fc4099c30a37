package passes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/graph"
)

// patterns are what exporters write, and what must become of it.
var patterns = map[string]struct {
	make func(g *graph.Graph, r *rand.Rand) *graph.Value
	want string // names of the ops after all passes
}{
	"gelu": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 7)
		return x.Mul(x.Div(scalar(g, math.Sqrt2)).Map(graph.Erf).Add(scalar(g, 1))).Mul(scalar(g, 0.5))
	}, "gelu"},
	"gelu, half first": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 7)
		return x.Mul(scalar(g, 0.5)).Mul(scalar(g, 1).Add(x.Mul(scalar(g, math.Sqrt2/2)).Map(graph.Erf)))
	}, "gelu"},
	"gelu with tanh": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 7)
		cube := graph.Apply(graph.Binary{Kind: graph.Pow}, x, scalar(g, 3))
		inner := x.Add(cube.Mul(scalar(g, 0.044715))).Mul(scalar(g, math.Sqrt(2/math.Pi)))
		return x.Mul(scalar(g, 0.5)).Mul(inner.Tanh().Add(scalar(g, 1)))
	}, "gelu_tanh"},
	"silu": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 7)
		return x.Mul(x.Sigmoid())
	}, "silu"},
	"silu of a bias": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 7).Add(scalar(g, 0.25))
		return x.Mul(x.Sigmoid())
	}, "plus(0.25), silu"},
	"hard swish": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 7)
		return x.Mul(x.Add(scalar(g, 3)).Map(graph.Clip, 0, 6)).Div(scalar(g, 6))
	}, "hardswish"},
	"not quite gelu": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 7)
		return x.Mul(x.Div(scalar(g, 1.5)).Map(graph.Erf).Add(scalar(g, 1))).Mul(scalar(g, 0.5))
	}, "over(1.5), erf, plus(1), mul, times(0.5)"},
	"lines divided by their length": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 5, 8)
		sum := graph.Apply(graph.Reduce{Kind: graph.Sum, Axes: graph.Dims(2), KeepDims: true}, x.Map(graph.Power, 2))
		return x.Div(sum.Map(graph.Sqrt).Map(graph.Clip, 1e-12, float32(math.Inf(1))).Expand(2, 5, 8))
	}, "normalize"},
	"attention with a scale for each head": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		q, k, v := g.Input("q", 2, 3, 4, 8), g.Input("k", 2, 3, 5, 8), g.Input("v", 2, 3, 5, 8)
		scores := q.MatMul(k.Permute(0, 1, 3, 2)).Mul(g.Const(random(r, 3, 1, 1))).Add(g.Const(random(r, 1, 3, 4, 5)))
		return scores.Softmax(-1).MatMul(v)
	}, "mul, permute, reshape, permute, reshape, permute, reshape, attention, reshape, permute"},
	"layer norm": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 5, 8)
		d := x.Sub(mean(x, 2))
		square := graph.Apply(graph.Binary{Kind: graph.Pow}, d, scalar(g, 2))
		return d.Div(mean(square, 2).Add(scalar(g, 1e-6)).Map(graph.Sqrt)).Mul(g.Const(random(r, 8))).Add(g.Const(random(r, 8)))
	}, "layer_norm"},
	"layer norm, channels first": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 8, 3, 3)
		d := x.Sub(mean(x, 1))
		y := d.Mul(mean(d.Mul(d), 1).Add(scalar(g, 1e-5)).Map(graph.Sqrt).Map(graph.Reciprocal))
		return y.Mul(g.Const(random(r, 8, 1, 1))).Add(g.Const(random(r, 8, 1, 1)))
	}, "permute, layer_norm, permute"},
	"convolution, times, plus": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := graph.Apply(graph.Conv2d{}, g.Input("x", 1, 4, 4, 3), g.Const(random(r, 5, 3, 1, 1))).Permute(0, 3, 1, 2)
		return x.Mul(g.Const(random(r, 1, 5, 1, 1))).Add(g.Const(random(r, 5, 1, 1))).Permute(0, 2, 3, 1)
	}, "conv2d, batch_norm"},
	"linear with a bias, times a weight": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := graph.Apply(graph.Linear{}, g.Input("x", 2, 4, 3), g.Const(random(r, 5, 3))).Add(g.Const(random(r, 5)))
		return x.Mul(g.Const(random(r, 5))).Sub(scalar(g, 2)).Div(scalar(g, 3))
	}, "linear, batch_norm"},
	"a border before a convolution": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		o := graph.Pad{}
		o.After[2], o.Before[3], o.After[3] = 1, 2, 1
		x := graph.Apply(o, g.Input("x", 1, 3, 5, 6)).Permute(0, 2, 3, 1)
		return graph.Apply(graph.Conv2d{Stride: graph.Both(2), Pad: graph.Pair{1, 0}}, x, g.Const(random(r, 4, 3, 3, 3)))
	}, "permute, conv2d"},
	"windows of a shifted map, and back": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		roll := func(x *graph.Value, axis, n int) *graph.Value {
			return graph.Cat(axis, x.Slice(axis, n, 0), x.Slice(axis, 0, n))
		}
		x := roll(roll(g.Input("x", 2, 8, 4, 3), 1, 1), 2, 1)
		w := x.Reshape(2, 4, 2, 2, 2, 3).Permute(0, 1, 3, 2, 4, 5).Reshape(16, 4, 3).Softmax(1)
		x = w.Reshape(2, 4, 2, 2, 2, 3).Permute(0, 1, 3, 2, 4, 5).Reshape(2, 8, 4, 3)
		return roll(roll(x, 1, 7), 2, 3)
	}, "window_partition, reshape, softmax, reshape, window_reverse"},
	"convolution times a number": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := graph.Apply(graph.Conv2d{}, g.Input("x", 1, 4, 4, 3), g.Const(random(r, 5, 3, 1, 1)))
		return x.Mul(scalar(g, 3))
	}, "conv2d, batch_norm"},
	"attention": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 5, 12)
		head := func() *graph.Value {
			return graph.Apply(graph.Linear{}, x, g.Const(random(r, 12, 12))).Reshape(2, 5, 3, 4).Permute(0, 2, 1, 3)
		}
		q, k, v := head(), head(), head()
		s := q.MatMul(k.Permute(0, 1, 3, 2)).Div(scalar(g, 2)).Add(g.Const(random(r, 1, 3, 5, 5)))
		return s.Softmax(-1).MatMul(v).Permute(0, 2, 1, 3).Reshape(2, 5, 12)
	}, "linear, linear, linear, attention"},
	"attention of one layer": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		qkv := graph.Apply(graph.Linear{}, g.Input("x", 2, 5, 12), g.Const(random(r, 36, 12))).Reshape(2, 5, 3, 3, 4).Permute(2, 0, 3, 1, 4)
		part := func(i int) *graph.Value { return qkv.Slice(0, i, i+1).Reshape(2, 3, 5, 4) }
		s := part(0).Mul(scalar(g, 0.5)).MatMul(part(1).Permute(0, 1, 3, 2))
		return s.Softmax(-1).MatMul(part(2)).Permute(0, 2, 1, 3).Reshape(2, 5, 12)
	}, "linear, attention"},
	"attention of two layers": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		kv := g.Input("kv", 2, 6, 24)
		head := func(x *graph.Value, n int) *graph.Value { return x.Reshape(2, n, 3, 4).Permute(0, 2, 1, 3) }
		s := head(g.Input("q", 2, 5, 12), 5).MatMul(head(kv.Slice(2, 0, 12), 6).Permute(0, 1, 3, 2))
		return s.Softmax(-1).MatMul(head(kv.Slice(2, 12, 0), 6)).Permute(0, 2, 1, 3).Reshape(2, 5, 12)
	}, "attention"},
	"attention of rows, as MultiheadAttention has it": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 1, 5, 12)
		qkv := graph.Apply(graph.Linear{}, x.Permute(1, 0, 2), g.Const(random(r, 36, 12))).Add(g.Const(random(r, 36)))
		head := func(i int) *graph.Value { return qkv.Slice(2, 12*i, 12*i+12).Reshape(5, 3, 4) }
		q, k, v := head(0).Permute(1, 0, 2), head(1).Permute(1, 2, 0), head(2).Permute(1, 0, 2)
		y := q.Div(scalar(g, 2)).MatMul(k).Softmax(-1).MatMul(v).Permute(1, 0, 2).Reshape(5, 12)
		y = graph.Apply(graph.Linear{Epilogue: graph.Epilogue{Bias: true}}, y, g.Const(random(r, 12, 12)), g.Const(random(r, 12)))
		return y.Reshape(5, 1, 12).Permute(1, 0, 2).Add(x)
	}, "reshape, linear, add, reshape, attention, reshape, linear+bias, reshape, add, reshape"},
	"attention of rows of two images": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		head := func(name string, n int) *graph.Value { return g.Input(name, n, 2, 12).Reshape(n, 6, 4) }
		q, k, v := head("q", 5).Permute(1, 0, 2), head("k", 7).Permute(1, 2, 0), head("v", 7).Permute(1, 0, 2)
		return q.MatMul(k).Softmax(-1).MatMul(v).Permute(1, 0, 2).Reshape(5, 2, 12)
	}, "reshape, reshape, reshape, attention, reshape"},
	"a classifier of a flat map": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 3, 4, 5).ReLU().Permute(0, 3, 1, 2).Reshape(2, 60)
		return graph.Apply(graph.Linear{Epilogue: graph.Epilogue{Bias: true}}, x, g.Const(random(r, 7, 60)), g.Const(random(r, 7)))
	}, "relu, reshape, linear+bias"},
	"no classifier, one layer for each row": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 3, 4, 5).Permute(0, 3, 1, 2).Reshape(2, 5, 12)
		return graph.Apply(graph.Linear{}, x, g.Const(random(r, 7, 12)))
	}, "reshape, permute, linear"},
	"no classifier, images change places": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 3, 4).Permute(1, 0, 2).Reshape(3, 8)
		return graph.Apply(graph.Linear{}, x, g.Const(random(r, 7, 8)))
	}, "permute, reshape, linear"},
	"patch merge": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 4, 6, 3)
		part := func(i, j int) *graph.Value { return stepped(stepped(x, 1, i), 2, j) }
		return graph.Cat(3, part(0, 0), part(1, 0), part(0, 1), part(1, 1))
	}, "patch_merge"},
	"patch merge before a convolution": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 1, 3, 4, 6)
		part := func(i, j int) *graph.Value { return stepped(stepped(x, 3, j), 2, i) }
		y := graph.Cat(1, part(0, 0), part(1, 0), part(0, 1), part(1, 1)).Permute(0, 2, 3, 1)
		return graph.Apply(graph.Conv2d{}, y, g.Const(random(r, 5, 12, 1, 1)))
	}, "permute, patch_merge, conv2d"},
	"no patch merge, in another order": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 1, 4, 6, 3)
		part := func(i, j int) *graph.Value { return stepped(stepped(x, 1, i), 2, j) }
		return graph.Cat(3, part(0, 0), part(0, 1), part(1, 0), part(1, 1))
	}, "slice, slice, slice, slice, slice, slice, slice, slice, concat"},
	"no patch merge, of an odd map": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 1, 5, 6, 3)
		part := func(i, j int) *graph.Value { return stepped(stepped(x, 1, i).Slice(1, 0, 2), 2, j) }
		return graph.Cat(3, part(0, 0), part(1, 0), part(0, 1), part(1, 1))
	}, "slice, slice, slice, slice, slice, slice, slice, slice, slice, slice, concat"},
	"attention of three dimensions": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		q, k, v := g.Input("q", 4, 5, 8), g.Input("k", 4, 6, 8), g.Input("v", 4, 6, 3)
		return q.Mul(scalar(g, 0.3)).MatMul(k.Permute(0, 2, 1)).Add(g.Input("bias", 4, 5, 6)).Softmax(2).MatMul(v)
	}, "reshape, attention"},
	"attention of windows, with a mask for each": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		q, k, v := g.Input("q", 4, 3, 5, 8), g.Input("k", 4, 3, 5, 8), g.Input("v", 4, 3, 5, 8)
		s := q.Mul(scalar(g, 0.3)).MatMul(k.Permute(0, 1, 3, 2)).Add(g.Const(random(r, 1, 3, 5, 5)))
		s = s.Reshape(2, 2, 3, 5, 5).Add(g.Const(random(r, 1, 2, 1, 5, 5))).Reshape(4, 3, 5, 5)
		return s.Softmax(-1).MatMul(v)
	}, "permute, reshape, permute, reshape, permute, reshape, expand, reshape, attention, reshape, permute"},
	"attention of five dimensions": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		part := func(name string) *graph.Value { return g.Input(name, 1, 2, 5, 3, 8).Permute(0, 1, 3, 2, 4) }
		q, k, v := part("q"), part("k"), part("v")
		flat := func(x *graph.Value) *graph.Value { return x.Reshape(6, 5, 8) }
		s := flat(q).MatMul(flat(k.Mul(scalar(g, 0.5))).Permute(0, 2, 1)).Reshape(1, 2, 3, 5, 5).Add(g.Const(random(r, 1, 1, 3, 5, 5)))
		return s.Softmax(-1).Reshape(6, 5, 5).MatMul(flat(v)).Reshape(1, 2, 3, 5, 8).Permute(0, 1, 3, 2, 4).Reshape(1, 2, 5, 24)
	}, "reshape, reshape, reshape, attention, reshape"},
	"attention of windows, with the products of three dimensions": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		qkv := graph.Apply(graph.Linear{}, g.Input("x", 1, 4, 5, 6), g.Const(random(r, 18, 6)))
		head := func(i int) *graph.Value {
			return qkv.Slice(3, 6*i, 6*i+6).Reshape(1, 4, 5, 2, 3).Permute(0, 1, 3, 2, 4)
		}
		q, v := head(0).Reshape(8, 5, 3), head(2).Reshape(8, 5, 3)
		k := head(1).Mul(scalar(g, 0.5)).Permute(0, 1, 2, 4, 3).Reshape(8, 3, 5)
		s := q.MatMul(k).Reshape(1, 4, 2, 5, 5).Add(g.Const(random(r, 1, 2, 5, 5))).Softmax(4).Reshape(8, 5, 5)
		return s.MatMul(v).Reshape(1, 4, 2, 5, 3).Permute(0, 1, 3, 2, 4).Reshape(1, 4, 5, 6)
	}, "linear, reshape, attention, reshape"},
	"channel shuffle": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 4, 3, 6).Permute(0, 3, 1, 2)
		return x.Reshape(2, 2, 3, 4, 3).Permute(0, 2, 1, 3, 4).Reshape(2, 6, 4, 3).Permute(0, 2, 3, 1)
	}, "reshape, permute, reshape"},
	"no attention, its scores have two uses": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		q, k, v := g.Input("q", 4, 5, 8), g.Input("k", 4, 8, 6), g.Input("v", 4, 6, 6)
		s := q.MatMul(k)
		return s.Softmax(2).MatMul(v).Add(s)
	}, "matmul, softmax, matmul, add"},
	"pixel shuffle": {func(g *graph.Graph, r *rand.Rand) *graph.Value {
		x := g.Input("x", 2, 4, 3, 12).Permute(0, 3, 1, 2)
		y := x.Reshape(2, 3, 2, 2, 4, 3).Permute(0, 1, 4, 2, 5, 3).Reshape(2, 3, 8, 6)
		return y.Permute(0, 2, 3, 1)
	}, "pixel_shuffle"},
}

func scalar(g *graph.Graph, x float64) *graph.Value {
	t := random(rand.New(rand.NewPCG(0, 0)), 1).Reshape()
	t.Data[0] = float32(x)
	return g.Const(t)
}

// stepped is every second element along an axis, from the first or the second on.
func stepped(x *graph.Value, axis, first int) *graph.Value {
	o := graph.Slice{}
	copy(o.Stop[:], x.Shape)
	o.Start[axis], o.Step[axis] = first, 2
	return graph.Apply(o, x)
}

func mean(x *graph.Value, axis int) *graph.Value {
	return graph.Apply(graph.Reduce{Axes: graph.Dims(axis), KeepDims: true}, x)
}

// TestPatterns expects each pattern as the ops of this project, with the same results.
func TestPatterns(t *testing.T) {
	for name, p := range patterns {
		r := rand.New(rand.NewPCG(7, 7))
		g, err := graph.Trace(func(g *graph.Graph) { g.Output("y", p.make(g, r)) })
		if err != nil {
			t.Fatal(err)
		}
		h := g
		for _, pass := range All() {
			h = pass.Run(h)
		}
		compare(t, g, h, r)
		if got := strings.Join(names(h), ", "); got != p.want {
			t.Errorf("%s: %s, want %s\n%s", name, got, p.want, h)
		}
	}
}

// TestPasses runs each pass, and all of them, on random graphs.
func TestPasses(t *testing.T) {
	passes := append(All(), Pass{"all", whole})
	for seed := range uint64(60) {
		for _, p := range passes {
			r := rand.New(rand.NewPCG(seed, 2))
			g, err := graph.Trace(shuffled(r))
			if err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprintf("%s %d", p.Name, seed), func(t *testing.T) { compare(t, g, p.Run(g), r) })
		}
	}
}

// whole runs all passes and panics if one fails.
func whole(g *graph.Graph) *graph.Graph {
	g, err := Run(g)
	if err != nil {
		panic(err)
	}
	return g
}
