package graph

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

// evalFused returns the outputs of g before and after Fuse, and the listing of
// the fused graph. It checks that fusing twice changes nothing.
func evalFused(t *testing.T, g *Graph, r *rand.Rand) (want, got []*tensor.Tensor, listing string) {
	t.Helper()
	var inputs []*tensor.Tensor
	for _, v := range g.Inputs {
		inputs = append(inputs, random(r, v.Shape...))
	}
	want, err := g.Eval(context.Background(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	f := g.Fuse()
	if got, err = f.Eval(context.Background(), inputs...); err != nil {
		t.Fatal(err)
	}
	again, err := f.Fuse().Eval(context.Background(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if d, err := tensor.Diff(again[i], got[i]); err != nil || d.Relative > 0 {
			t.Errorf("output %s, fused twice: %v, %v", got[i].Name, d, err)
		}
	}
	return want, got, f.String()
}

// TestSplitLayers compares layers over joined channels with the sums over the
// parts that Fuse makes of them, for all ops that may follow.
func TestSplitLayers(t *testing.T) {
	both := Both
	layers := map[string]struct {
		op     Op
		x      tensor.Shape // without the channels
		weight func(in int) tensor.Shape
	}{
		"conv2d 1x1":       {Conv2d{}, tensor.Shape{2, 3, 5}, func(in int) tensor.Shape { return tensor.Shape{7, in, 1, 1} }},
		"conv2d 3x3":       {Conv2d{Pad: both(1)}, tensor.Shape{1, 6, 5}, func(in int) tensor.Shape { return tensor.Shape{16, in, 3, 3} }},
		"conv2d strides":   {Conv2d{Stride: Pair{1, 2}, Pad: Pair{2, 0}}, tensor.Shape{1, 5, 8}, func(in int) tensor.Shape { return tensor.Shape{5, in, 4, 3} }},
		"conv2d dilated":   {Conv2d{Pad: both(2), Dilation: both(2), Groups: 1}, tensor.Shape{1, 5, 6}, func(in int) tensor.Shape { return tensor.Shape{3, in, 3, 3} }},
		"conv_transpose2d": {ConvTranspose2d{Stride: both(2)}, tensor.Shape{1, 3, 2}, func(in int) tensor.Shape { return tensor.Shape{in, 2, 2, 2} }},
		"linear":           {Linear{}, tensor.Shape{2, 9}, func(in int) tensor.Shape { return tensor.Shape{6, in} }},
	}
	for name, layer := range layers {
		for _, channels := range [][]int{{16, 16}, {17, 31}, {16, 33, 19}, {16, 16, 24, 17, 20}} {
			for after := range 16 { // bias, batch norm, addition, activation
				t.Run(fmt.Sprint(name, channels, after), func(t *testing.T) {
					r := rand.New(rand.NewPCG(uint64(after), uint64(len(channels))))
					g, err := Trace(func(g *Graph) {
						var parts []*Value
						in := 0
						for i, c := range channels {
							parts = append(parts, g.Input(fmt.Sprint("x", i), append(layer.x.Clone(), c)...))
							in += c
						}
						y := Apply(layer.op, Cat(-1, parts...), g.Const(random(r, layer.weight(in)...)))
						c := y.Shape[len(y.Shape)-1]
						if after&1 > 0 {
							y = y.Add(g.Const(random(r, c)))
						}
						if after&2 > 0 {
							variance := random(r, c)
							for i, v := range variance.Data {
								variance.Data[i] = v*v + 0.5
							}
							y = Apply(BatchNorm{Affine: true}, y, g.Const(random(r, c)), g.Const(variance), g.Const(random(r, c)), g.Const(random(r, c)))
						}
						if after&4 > 0 {
							y = y.Add(g.Input("residual", y.Shape...))
						}
						if after&8 > 0 {
							y = y.ReLU()
						}
						g.Output("y", y)
					})
					if err != nil {
						t.Fatal(err)
					}
					want, got, listing := evalFused(t, g, r)
					if d, err := tensor.Diff(got[0], want[0]); err != nil || d.Relative > 1e-5 {
						t.Errorf("%v, %v\n%s", d, err, listing)
					}
					if n := strings.Count(listing, " = "+layer.op.(fusable).withEpilogue(Epilogue{}).Name()); n != len(channels) || strings.Contains(listing, "concat") {
						t.Errorf("%d layers for %d parts:\n%s", n, len(channels), listing)
					}
				})
			}
		}
	}
}

// TestSplitOrNot checks which layers over joined channels are split.
func TestSplitOrNot(t *testing.T) {
	conv := func(v *Value, o int, r *rand.Rand) *Value {
		return Apply(Conv2d{Pad: Both(1)}, v, v.Graph().Const(random(r, o, v.Shape[3], 3, 3)))
	}
	x := func(g *Graph, c int) *Value { return g.Input("x", 1, 4, 3, c) }
	tests := map[string]struct {
		joins, layers int // in the fused graph
		build         func(g *Graph, r *rand.Rand)
	}{
		"nested": {0, 3, func(g *Graph, r *rand.Rand) {
			g.Output("y", conv(Cat(-1, Cat(3, x(g, 16), x(g, 17)), x(g, 18)), 8, r))
		}},
		"the same twice": {0, 2, func(g *Graph, r *rand.Rand) {
			v := x(g, 16)
			g.Output("y", conv(Cat(-1, v, v), 8, r))
		}},
		"part is the residual": {0, 2, func(g *Graph, r *rand.Rand) {
			v := x(g, 16)
			g.Output("y", conv(Cat(-1, x(g, 16), v), 16, r).Add(v).ReLU())
		}},
		"shuffled after": {0, 2, func(g *Graph, r *rand.Rand) {
			g.Output("y", conv(Cat(-1, x(g, 16), x(g, 16)), 16, r).PixelShuffle(2).Sigmoid())
		}},
		"inner join is an output": {1, 2, func(g *Graph, r *rand.Rand) {
			v := Cat(-1, x(g, 16), x(g, 17))
			g.Output("v", v)
			g.Output("y", conv(Cat(-1, v, x(g, 18)), 8, r))
		}},
		"join is an output": {1, 1, func(g *Graph, r *rand.Rand) {
			v := Cat(-1, x(g, 16), x(g, 16))
			g.Output("v", v)
			g.Output("y", conv(v, 8, r))
		}},
		"two readers": {1, 2, func(g *Graph, r *rand.Rand) {
			v := Cat(-1, x(g, 16), x(g, 16))
			g.Output("y", conv(v, 8, r))
			g.Output("z", conv(v, 8, r))
		}},
		"rows joined":  {1, 1, func(g *Graph, r *rand.Rand) { g.Output("y", conv(Cat(1, x(g, 16), x(g, 16)), 8, r)) }},
		"few channels": {1, 1, func(g *Graph, r *rand.Rand) { g.Output("y", conv(Cat(-1, x(g, 16), x(g, 15)), 8, r)) }},
		"large result": {1, 1, func(g *Graph, r *rand.Rand) { g.Output("y", conv(Cat(-1, x(g, 16), x(g, 16)), 33, r)) }},
		"constant part": {1, 1, func(g *Graph, r *rand.Rand) {
			g.Output("y", conv(Cat(-1, x(g, 16), g.Const(random(r, 1, 4, 3, 16))), 8, r))
		}},
		"groups": {1, 1, func(g *Graph, r *rand.Rand) {
			g.Output("y", Apply(Conv2d{Groups: 2}, Cat(-1, x(g, 16), x(g, 16)), g.Const(random(r, 8, 16, 1, 1))))
		}},
		"weight is an input": {1, 1, func(g *Graph, r *rand.Rand) {
			g.Output("y", Apply(Conv2d{}, Cat(-1, x(g, 16), x(g, 16)), g.Input("w", 8, 32, 1, 1)))
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 5))
			g, err := Trace(func(g *Graph) { test.build(g, r) })
			if err != nil {
				t.Fatal(err)
			}
			want, got, listing := evalFused(t, g, r)
			for i := range want {
				if d, err := tensor.Diff(got[i], want[i]); err != nil || d.Relative > 1e-5 {
					t.Errorf("output %s: %v, %v\n%s", want[i].Name, d, err, listing)
				}
			}
			if joins, layers := strings.Count(listing, "= concat"), strings.Count(listing, "= conv2d"); joins != test.joins || layers != test.layers {
				t.Errorf("%d joins and %d layers, want %d and %d:\n%s", joins, layers, test.joins, test.layers, listing)
			}
		})
	}
}

// TestLate checks the order of a decoder's step: the skip connection is used up
// before the up-sampling takes memory.
func TestLate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	g, err := Trace(func(g *Graph) {
		skip, x := g.Input("skip", 1, 4, 4, 16).ReLU(), g.Input("x", 1, 2, 2, 32).ReLU()
		up := Apply(ConvTranspose2d{Stride: Both(2)}, x, g.Const(random(r, 32, 16, 2, 2)))
		small := Apply(Conv2d{}, skip, g.Const(random(r, 2, 16, 1, 1))) // frees nothing
		y := Apply(Conv2d{}, Cat(-1, skip, up), g.Const(random(r, 8, 32, 1, 1)))
		g.Output("y", Cat(-1, y, small))
	})
	if err != nil {
		t.Fatal(err)
	}
	want, got, listing := evalFused(t, g, r)
	if d, err := tensor.Diff(got[0], want[0]); err != nil || d.Relative > 1e-5 {
		t.Errorf("%v, %v", d, err)
	}
	var ops []string
	for _, line := range strings.Split(listing, "\n") {
		if _, op, ok := strings.Cut(line, " = "); ok && !strings.HasPrefix(line, "output") {
			ops = append(ops, op[:strings.IndexByte(op, '(')])
		}
	}
	if got, want := strings.Join(ops, ", "), "relu, relu, conv2d, conv_transpose2d s2, conv2d+residual, conv2d, concat -1"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}
