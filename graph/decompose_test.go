package graph

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// decomposes compares op with the graph that Decompose makes of it, and returns
// that graph.
func decomposes(t *testing.T, op Op, args []*tensor.Tensor) *Graph {
	t.Helper()
	g, err := Trace(func(g *Graph) {
		var in []*Value
		for i, a := range args {
			in = append(in, g.Input(fmt.Sprint(i), a.Shape...))
		}
		g.Output("y", Apply(op, in...))
	})
	if err != nil {
		t.Fatalf("%s: %v", op.Name(), err)
	}
	d := g.Decompose()
	for _, v := range d.Nodes {
		if _, ok := v.Op.(decomposable); ok {
			t.Errorf("%s is still there:\n%v", v.Op.Name(), d)
		}
	}
	want, err := g.Eval(context.Background(), args...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Eval(context.Background(), args...)
	if err != nil {
		t.Fatal(err)
	}
	if diff, err := tensor.Diff(got[0], want[0]); err != nil || !(diff.Relative <= 2e-6) {
		t.Errorf("%s of %v: %v, %v\n%v", op.Name(), shapes(args), diff, err, d)
	}
	return d
}

func TestDecomposeAttention(t *testing.T) {
	type s = tensor.Shape
	for _, c := range []struct {
		op   Attention
		args []tensor.Shape
	}{
		{Attention{}, []s{{1, 1, 1}, {1, 1, 1}, {1, 1, 1}}},
		{Attention{}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 6}}},
		{Attention{Heads: 2}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 8}}},
		{Attention{Heads: 2}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 2}}}, // D is not Dv
		{Attention{Heads: 3, Scale: 0.3}, []s{{1, 4, 9}, {1, 4, 9}, {1, 4, 15}}},
		{Attention{Heads: 2, Packed: PackedKV}, []s{{2, 5, 8}, {2, 7, 16}}},
		{Attention{Heads: 2, Packed: PackedQKV}, []s{{2, 5, 24}}},
		{Attention{Packed: PackedQKV, Causal: true}, []s{{2, 6, 12}}},
		{Attention{Heads: 2, Causal: true}, []s{{1, 3, 4}, {1, 7, 4}, {1, 7, 4}}},
		{Attention{Heads: 2, Causal: true, Biases: 1}, []s{{1, 7, 4}, {1, 3, 4}, {1, 3, 4}, {7, 3}}},
		{Attention{Heads: 2, Biases: 1}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 8}, {2, 2, 5, 7}}},
		{Attention{Heads: 2, Biases: 1}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 8}, {1}}},
		{Attention{Heads: 2, Biases: 2}, []s{{2, 5, 8}, {2, 7, 8}, {2, 7, 8}, {7}, {2, 1, 5, 1}}},
		{Attention{Heads: 2, Biases: 2, Packed: PackedKV}, []s{{2, 5, 8}, {2, 7, 16}, {2, 1, 7}, {5, 1}}},
		{Attention{Heads: 2, KH: 2, KW: 3}, []s{{2, 4, 8}, {2, 6, 8}, {2, 6, 10}, {2, 2, 4, 2}, {2, 2, 4, 3}}},
		{Attention{KH: 5, KW: 1, Packed: PackedQKV}, []s{{1, 5, 6}, {1, 1, 5, 5}, {1, 1, 5, 1}}},
		{Attention{Heads: 2, KH: 3, KW: 2, Packed: PackedQKV, Biases: 1, Causal: true}, []s{{2, 6, 24}, {2, 1, 6}, {2, 2, 6, 3}, {2, 2, 6, 2}}},
	} {
		r := rand.New(rand.NewPCG(1, uint64(len(c.args))))
		var args []*tensor.Tensor
		for _, a := range c.args {
			args = append(args, random(r, a...))
		}
		decomposes(t, c.op, args)
	}
}

// TestDecomposeMasked masks keys with -Inf, for one query all of them.
func TestDecomposeMasked(t *testing.T) {
	const b, n, m = 2, 5, 7
	r := rand.New(rand.NewPCG(1, 3))
	args := []*tensor.Tensor{random(r, b, n, 8), random(r, b, m, 8), random(r, b, m, 8), random(r, n, m)}
	for i := range args[3].Data {
		if i/m == 2 || i/m < 2 && r.IntN(2) == 0 && i%m > 0 {
			args[3].Data[i] = float32(math.Inf(-1))
		}
	}
	decomposes(t, Attention{Heads: 2, Biases: 1}, args)
}

func TestDecomposeWindowAttention(t *testing.T) {
	for _, c := range []struct{ window, shift, size Pair }{
		{Both(1), Both(0), Pair{3, 2}},
		{Both(2), Both(1), Pair{4, 6}},
		{Both(3), Both(0), Pair{6, 6}},
		{Both(3), Both(1), Pair{7, 8}}, // padded
		{Both(3), Both(2), Pair{6, 9}},
		{Both(4), Both(2), Pair{3, 9}}, // one window along the height
		{Both(4), Both(2), Pair{4, 4}}, // one window
		{Both(7), Both(3), Pair{5, 7}},
		{Both(7), Both(3), Pair{14, 9}},
		{Pair{3, 5}, Pair{1, 2}, Pair{8, 12}},
		{Pair{4, 2}, Pair{0, 1}, Pair{9, 9}},
		{Pair{2, 3}, Pair{1, 0}, Pair{1, 7}},
	} {
		for _, cosine := range []bool{false, true} {
			const b, heads, dim = 2, 3, 6
			r := rand.New(rand.NewPCG(2, uint64(c.size[0])))
			tokens := c.window[0] * c.window[1]
			args := []*tensor.Tensor{random(r, b, c.size[0], c.size[1], 3*dim), random(r, heads, tokens, tokens), random(r, 3*dim)}
			if cosine {
				args = append(args, random(r, heads))
			}
			d := decomposes(t, WindowAttention{Heads: heads, Window: c.window, Shift: c.shift, Cosine: cosine}, args).String()
			ws, err := WindowAttention{Window: c.window, Shift: c.shift}.Windows(args[0].Shape)
			if err != nil {
				t.Fatal(err)
			}
			for op, there := range map[string]bool{
				"concat":    ws.Padded != ws.Size,
				"slice":     true,
				"roll":      ws.Shift != Pair{},
				"normalize": cosine,
				"softmax":   true,
			} {
				if strings.Contains(d, " = "+op) != there {
					t.Errorf("window %v, shift %v, %v, cosine %v: %s is there: %v, want %v\n%s", c.window, c.shift, c.size, cosine, op, !there, there, d)
				}
			}
		}
	}
}

// TestDecomposeKeeps checks that inputs, stages, outputs and names of layers stay,
// and that layers share their masks.
func TestDecomposeKeeps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	weight := func(name string, shape ...int) *tensor.Tensor {
		w := random(r, shape...)
		w.Name = name
		return w
	}
	g, err := Trace(func(g *Graph) {
		x, unused := g.Input("x", 1, 6, 4), g.Input("unused", 3)
		for i := range 2 {
			qkv := Apply(Linear{}, x, g.Const(weight(fmt.Sprintf("%d.qkv.weight", i), 12, 4)))
			y := Apply(Attention{Heads: 2, Packed: PackedQKV, Causal: true, Biases: 1}, qkv, g.Const(weight(fmt.Sprintf("%d.bias", i), 6, 6)))
			x = x.Add(y.Stage(fmt.Sprintf("%d.attention", i))).ReLU().Stage(fmt.Sprint(i))
		}
		g.Output("y", x)
		g.Output("x", g.Inputs[0])
		_ = unused
	})
	if err != nil {
		t.Fatal(err)
	}
	before := g.String()
	d := g.Decompose()
	if g.String() != before {
		t.Error("Decompose changes its graph")
	}
	if again := d.Decompose(); again != d {
		t.Error("Decompose copies a graph without attention")
	}
	if err := g.Keep(); err != nil {
		t.Fatal(err)
	}
	if err := d.Keep(); err != nil {
		t.Fatal(err)
	}
	inputs := []*tensor.Tensor{random(r, 1, 6, 4), random(r, 3)}
	want, err := g.Eval(context.Background(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Eval(context.Background(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) || len(got) != 6 {
		t.Fatalf("%d outputs, want %d", len(got), len(want))
	}
	for i := range want {
		if diff, err := tensor.Diff(got[i], want[i]); err != nil || diff.Relative > 2e-6 || got[i].Name != want[i].Name {
			t.Errorf("output %s, want %s: %v, %v", got[i].Name, want[i].Name, diff, err)
		}
	}
	masks, layers := 0, map[string]bool{}
	for _, v := range d.Nodes {
		if v.Name == "causal_mask" {
			masks++
		}
		if _, ok := v.Op.(Softmax); ok {
			layers[v.Name] = true
		}
	}
	if masks != 1 || !layers["0"] || !layers["1"] {
		t.Errorf("%d masks, want 1; softmax in layers %v, want 0 and 1", masks, layers)
	}
}
