package graph

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/tensor"
)

func random(r *rand.Rand, shape ...int) *tensor.Tensor {
	t := tensor.New(shape...)
	for i := range t.Data {
		t.Data[i] = float32(r.NormFloat64())
	}
	return t
}

// randomGraph builds random layers, some of which Fuse may change.
func randomGraph(r *rand.Rand) *Graph {
	g, err := Trace(func(g *Graph) {
		v := g.Input("x", 1, 5, 6, 4)
		values := []*Value{v}
		for range 12 {
			v := values[r.IntN(len(values))]
			if r.IntN(2) == 0 {
				v = values[len(values)-1]
			}
			switch r.IntN(7) {
			case 0:
				v = Apply(Conv2d{Pad: Both(1)}, v, g.Const(random(r, 4, 4, 3, 3)))
			case 1:
				v = Apply(Conv2d{Epilogue: Epilogue{Bias: true}}, v, g.Const(random(r, 4, 4, 1, 1)), g.Const(random(r, 4)))
			case 2:
				v = Apply(Linear{}, v, g.Const(random(r, 4, 4)))
			case 3:
				variance := random(r, 4)
				for i, x := range variance.Data {
					variance.Data[i] = x*x + 0.5
				}
				v = Apply(BatchNorm{Affine: true}, v, g.Const(random(r, 4)), g.Const(variance), g.Const(random(r, 4)), g.Const(random(r, 4)))
			case 4:
				v = v.Add(values[r.IntN(len(values))])
			case 5:
				v = v.Add(g.Const(random(r, 4)))
			case 6:
				v = v.Activate([]Activation{ReLU, Tanh, Sigmoid}[r.IntN(3)])
			}
			values = append(values, v)
		}
		g.Output("last", values[len(values)-1])
		g.Output("other", values[r.IntN(len(values))])
	})
	if err != nil {
		panic(err)
	}
	return g
}

func TestFuseKeepsResults(t *testing.T) {
	fewer := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		g := randomGraph(r)
		x := random(r, 1, 5, 6, 4)
		want, err := g.Eval(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		f := g.Fuse()
		got, err := f.Eval(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if d, err := tensor.Diff(got[i], want[i]); err != nil || d.Relative > 1e-5 {
				t.Fatalf("seed %d: output %s: %v, %v\n%v\n%v", seed, want[i].Name, d, err, g, f)
			}
		}
		if len(f.Nodes) < len(g.Nodes) {
			fewer++
		}
	}
	if fewer < 150 {
		t.Errorf("only %d of 200 graphs became smaller", fewer)
	}
}

func TestFuseResidualBlock(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	g, err := Trace(func(g *Graph) {
		x := g.Input("x", 1, 4, 4, 2)
		y := Apply(Conv2d{Pad: Both(1)}, x, g.Const(random(r, 2, 2, 3, 3)))
		y = Apply(BatchNorm{}, y, g.Const(random(r, 2)), g.Const(tensor.Of([]float32{1, 2}, 2)))
		g.Output("y", y.Add(x).ReLU())
	})
	if err != nil {
		t.Fatal(err)
	}
	got := g.Fuse().String()
	if want := "%1 [1, 4, 4, 2] = conv2d p1+bias+residual+relu(%0, [2, 2, 3, 3]"; !strings.Contains(got, want) {
		t.Errorf("fused graph:\n%s\nwant a line with %s", got, want)
	}
	if n := strings.Count(got, "="); n != 2 {
		t.Errorf("%d lines with =, want the convolution and the output:\n%s", n, got)
	}
}

// TestFuseScales folds two batch norms into a convolution without a copy of the
// weight.
func TestFuseScales(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	w, variance := random(r, 3, 2, 3, 3), tensor.Of([]float32{1, 2, 3}, 3)
	g, err := Trace(func(g *Graph) {
		y := Apply(Conv2d{}, g.Input("x", 1, 4, 4, 2), g.Const(w))
		for range 2 {
			y = Apply(BatchNorm{}, y, g.Const(random(r, 3)), g.Const(variance))
		}
		g.Output("y", y)
	})
	if err != nil {
		t.Fatal(err)
	}
	conv := g.Fuse().Outputs[0].Value
	if _, ok := conv.Op.(Conv2d); !ok || conv.Args[1].Const != w || conv.Args[1].Scale == nil {
		t.Fatalf("%v is not a convolution with the weight and a scale", conv.Op)
	}
	for i, v := range conv.Args[1].Tensor(nil).Data {
		by := 1 / (float64(variance.Data[i/18]) + 1e-5)
		if want := float32(float64(w.Data[i]) * by); math.Abs(float64(v-want)) > 1e-6*math.Abs(float64(want)) {
			t.Errorf("element %d is %v, want %v", i, v, want)
		}
	}
}

func TestFuseActivationPastShuffle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	g, err := Trace(func(g *Graph) {
		y := Apply(Conv2d{}, g.Input("x", 1, 4, 4, 2), g.Const(random(r, 8, 2, 1, 1)))
		g.Output("y", y.PixelShuffle(2).Sigmoid())
	})
	if err != nil {
		t.Fatal(err)
	}
	got := g.Fuse().String()
	if want := "conv2d+sigmoid(%0, [8, 2, 1, 1])\n%2 [1, 8, 8, 2] = pixel_shuffle r2(%1)\noutput y = %2"; !strings.Contains(got, want) {
		t.Errorf("fused graph:\n%s\nwant %s", got, want)
	}
}

func TestFuseConstants(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	a, b := random(r, 3), random(r, 3)
	g, err := Trace(func(g *Graph) { g.Output("y", g.Input("x", 2, 3).Mul(g.Const(a).Mul(g.Const(b)))) })
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Fuse().String(); strings.Count(got, "mul(") != 1 {
		t.Errorf("fused graph:\n%s\nwant one mul", got)
	}
}

func TestTraceNamesTheLayer(t *testing.T) {
	w := tensor.Declare(8, 100, 3, 3)
	w.Name = "layer2.0.conv2.weight"
	_, err := Trace(func(g *Graph) {
		g.Output("y", Apply(Conv2d{}, g.Input("x", 1, 8, 8, 128), g.Const(w)))
	})
	if want := "layer2.0.conv2: conv2d: input has 128 channels, weight wants 100"; err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}
