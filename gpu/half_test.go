package gpu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vertebra/vertebra/gpu/plan"
	"github.com/vertebra/vertebra/graph"
	"github.com/vertebra/vertebra/tensor"
)

// TestF16 runs programs whose weights are f16 without loss, and come as f32 or as f16. The
// results are as exact as with f32.
func TestF16(t *testing.T) {
	t.Parallel()
	d := open(t)
	random := rand.New(rand.NewPCG(1, 2))
	b := budget{frugal: true}
	for _, r := range []row{
		{op: graph.Linear{}, args: []tensor.Shape{{1, 256}, {132, 256}}},
		{op: graph.Linear{}, args: []tensor.Shape{{5, 33}, {7, 33}}},
		{op: graph.Linear{}, args: []tensor.Shape{{70, 260}, {36, 260}}},
		{op: graph.Conv2d{Pad: graph.Both(1), Stride: graph.Both(2)}, args: []tensor.Shape{{1, 9, 11, 16}, {24, 16, 3, 3}}},
		{op: graph.Conv2d{Pad: graph.Both(1), Groups: 8}, args: []tensor.Shape{{1, 9, 11, 8}, {8, 1, 3, 3}}},
		{op: graph.Embedding{}, args: []tensor.Shape{{3, 5}, {11, 7}}},
		{op: graph.Embedding{}, args: []tensor.Shape{{3, 5}, {11, 8}}},
		{op: graph.ConvTranspose2d{Stride: graph.Both(2)}, args: []tensor.Shape{{1, 5, 6, 8}, {8, 12, 2, 2}}},
	} {
		x, w := tensor.New(r.args[0]...), tensor.New(r.args[1]...)
		for i := range x.Data {
			x.Data[i] = float32(random.NormFloat64())
			if n := indexed(r.op, r.args, 0); n > 0 {
				x.Data[i] = float32(random.IntN(n))
			}
		}
		for i := range w.Data {
			w.Data[i] = tensor.FromHalf(tensor.Half(float32(random.NormFloat64())))
		}
		stored := &tensor.Tensor{Shape: w.Shape, Halves: make([]uint16, len(w.Data))}
		for i, v := range w.Data {
			stored.Halves[i] = tensor.Half(v)
		}
		for _, weight := range []*tensor.Tensor{w, stored} {
			g := trace(t, func(g *graph.Graph) {
				g.Output("y", graph.Apply(r.op, g.Input("x", r.args[0]...), g.Const(weight)))
			})
			want, err := g.Eval(context.Background(), x)
			if err != nil {
				t.Fatal(err)
			}
			only := b.choose(t, d, g, Choice{F16: true})
			t.Run(fmt.Sprint(r.op.Name(), r.args), func(t *testing.T) {
				t.Parallel()
				programs(t, d, g, []*tensor.Tensor{x}, want, opTolerance, Choice{F16: true}, only)
			})
		}
	}
}

// TestF16Kept expects a weight with values beyond f16 to stay f32, and others to take
// half of the memory.
func TestF16Kept(t *testing.T) {
	t.Parallel()
	d := open(t)
	for large, bytes := range map[float32]int64{1: 2, 1e6: 4} {
		w := tensor.New(16, 64)
		w.Data[5] = large
		g := trace(t, func(g *graph.Graph) { g.Output("y", graph.Apply(graph.Linear{}, g.Input("x", 1, 64), g.Const(w))) })
		l, err := plan.New(g, d.info.Limits, d.info.MaxBufferSize, Choice{F16: true})
		if err != nil {
			t.Fatal(err)
		}
		if kept := strings.Contains(l.String(), "weight kept f32"); kept != (bytes == 4) {
			t.Errorf("%g: %s", large, l)
		}
		plain, err := d.Compile(g)
		if err != nil {
			t.Fatal(err)
		}
		defer plain.Close()
		p, err := d.CompileWith(g, Choice{F16: true})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if got, full := p.Stats().WeightBytes, plain.Stats().WeightBytes; got*4 != full*bytes {
			t.Errorf("%g: %d bytes, f32 takes %d", large, got, full)
		}
	}
}

// TestF16Values runs three ops whose values between are f16, with each program of each. The
// results are near those of f32.
func TestF16Values(t *testing.T) {
	t.Parallel()
	d := open(t)
	x := ramp(1, 6, 7, 8)
	g := trace(t, func(g *graph.Graph) {
		y := g.Input("x", x.Shape...)
		y = graph.Apply(graph.MaxPool2d{Window: graph.Window{Size: graph.Both(2), Stride: graph.Both(2)}}, y)
		y = graph.Apply(graph.LayerNorm{}, y)
		g.Output("y", graph.Apply(graph.Reduce{Kind: graph.Max, Axes: graph.Dims(1, 2)}, y))
	})
	exact, err := g.Eval(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	narrow := 0
	for c := range Candidates(Choice{F16Values: true}) {
		p, err := d.CompileWith(g, c.Choice)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Poison(); err != nil {
			t.Fatal(err)
		}
		got, err := p.Run(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		if diff, err := tensor.Diff(got[0], exact[0]); err != nil || !(diff.Relative <= 1e-3) {
			t.Errorf("%v, %v\n%v", diff, err, p)
		}
		if strings.Contains(p.String(), " h") {
			narrow++
		}
		p.Close()
	}
	if narrow == 0 {
		t.Error("no plan has f16 values")
	}
}
